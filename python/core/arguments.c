/* What calls take: each kind of argument checked and made a part of a request.
 *
 * Bytes are not copied here: libmayfly does that when the call starts, and until then the arguments, or what the draft
 * holds, keep them alive. */
#include "core.h"

#include <datetime.h>
#include <math.h>

PyObject *invalid_class;

bool invalid(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    PyErr_FormatV(invalid_class, format, values);
    va_end(values);
    return false;
}

/* --- What a draft holds --- */

/* Takes a reference until the request has been sent; false with an exception where OBJECT is NULL. */
static bool hold(struct draft *draft, PyObject *object)
{
    if (object == NULL)
        return false;
    if (draft->held_count == DRAFT_HELD) {
        Py_DECREF(object);
        PyErr_SetString(PyExc_SystemError, "a method has more arguments than a draft holds");
        return false;
    }
    draft->held[draft->held_count++] = object;
    return true;
}

static bool need_items(struct draft *draft, Py_ssize_t count)
{
    size_t items = (size_t)count;
    if (items <= DRAFT_ITEMS) {
        memset(draft->some_items, 0, sizeof draft->some_items);
        draft->items = draft->some_items;
    } else {
        draft->items = PyMem_Calloc(items, sizeof *draft->items);
        if (draft->items == NULL)
            return PyErr_NoMemory() != NULL;
    }
    draft->request.items = draft->items;
    draft->request.item_count = items;
    if (draft->keeps_asked)
        draft->asked = PyList_New(0);
    return !draft->keeps_asked || draft->asked != NULL;
}

static bool ask(struct draft *draft, mayfly_bytes bytes)
{
    if (draft->asked == NULL)
        return true;
    PyObject *object = PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.size);
    bool is_kept = object != NULL && PyList_Append(draft->asked, object) == 0;
    Py_XDECREF(object);
    return is_kept;
}

void draft_free(struct draft *draft)
{
    for (size_t i = 0; i < draft->held_count; i++)
        Py_DECREF(draft->held[i]);
    if (draft->items != draft->some_items)
        PyMem_Free(draft->items);
    Py_XDECREF(draft->asked);
}

/* --- Bytes, names, numbers --- */

#define NO_BYTES "Could not convert the given type to bytes: "

/* The bytes of a str or bytes; false where it is another type, with LABEL before the type's name. */
static bool read_bytes(PyObject *given, const char *label, mayfly_bytes *bytes)
{
    Py_ssize_t size;
    if (PyBytes_Check(given)) {
        bytes->data = PyBytes_AS_STRING(given);
        bytes->size = (size_t)PyBytes_GET_SIZE(given);
        return true;
    }
    if (!PyUnicode_Check(given))
        return invalid("%s%S", label, (PyObject *)Py_TYPE(given));
    bytes->data = PyUnicode_AsUTF8AndSize(given, &size);
    bytes->size = (size_t)size;
    return bytes->data != NULL;
}

static bool read_name(PyObject *given, const char *label, mayfly_bytes *bytes)
{
    if (!PyUnicode_Check(given))
        return invalid("%s must be a string", label);
    Py_ssize_t size;
    bytes->data = PyUnicode_AsUTF8AndSize(given, &size);
    bytes->size = (size_t)size;
    if (bytes->data == NULL)
        return false;
    return size > 0 || invalid("%s must not be empty", label);
}

static bool read_integer(PyObject *given, const char *label, int64_t min, int64_t max, int64_t *number)
{
    if (!PyLong_Check(given))
        return invalid("%s must be an integer. Given type: %S", label, (PyObject *)Py_TYPE(given));
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(given, &overflow);
    if (overflow != 0 || value < min || value > max)
        return invalid("%s must be %lld to %lld", label, (long long)min, (long long)max);
    *number = value;
    return true;
}

static bool read_number(PyObject *given, const char *label, double *number)
{
    if (!PyFloat_Check(given) && !PyLong_Check(given))
        return invalid("%s must be a number. Given type: %S", label, (PyObject *)Py_TYPE(given));
    *number = PyFloat_AsDouble(given);
    if (*number == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return false;
        PyErr_Clear();
        return invalid("%s is beyond the largest number there is", label);
    }
    return !isnan(*number) || invalid("%s is not a number", label);
}

static bool read_score(PyObject *given, double *score)
{
    if (!PyFloat_Check(given))
        return invalid("score must be a float. Given type: %S", (PyObject *)Py_TYPE(given));
    *score = PyFloat_AS_DOUBLE(given);
    return true;
}

/* The true or false, or the number, behind the member of an enumeration. */
static bool read_choice(PyObject *given, const char *label, PyObject *enumerations, long *choice)
{
    int is_member = enumerations != NULL ? PyObject_IsInstance(given, enumerations) : 1;
    if (is_member == 0)
        return invalid("%s is no member of its enumeration: %S", label, (PyObject *)Py_TYPE(given));
    PyObject *value = is_member > 0 ? PyObject_GetAttrString(given, "value") : NULL;
    *choice = value != NULL ? PyLong_AsLong(value) : -1;
    Py_XDECREF(value);
    return !PyErr_Occurred();
}

/* --- Times to live --- */

static bool read_ttl(PyObject *given, const char *label, uint64_t *ttl_ms)
{
    if (!PyDelta_Check(given))
        return invalid("%s must be a timedelta.", label);
    int64_t days = PyDateTime_DELTA_GET_DAYS(given);
    int64_t seconds = PyDateTime_DELTA_GET_SECONDS(given);
    int64_t microseconds = PyDateTime_DELTA_GET_MICROSECONDS(given);
    if (days < 0 || (days == 0 && seconds == 0 && microseconds == 0))
        return invalid("%s must be a positive amount of time.", label);
    *ttl_ms = (uint64_t)((days * 86400 + seconds) * 1000 + microseconds / 1000);
    return true;
}

static bool convert_ttl(struct draft *draft, PyObject *given, const char *label)
{
    draft->request.ttl_ms = draft->default_ttl_ms;
    return given == Py_None || read_ttl(given, label, &draft->request.ttl_ms);
}

static bool convert_ttl_ms(struct draft *draft, PyObject *given, const char *label)
{
    int64_t ttl_ms = 0;
    bool is_read = read_integer(given, label, 1, INT64_MAX, &ttl_ms);
    draft->request.ttl_ms = (uint64_t)ttl_ms;
    return is_read;
}

/* Whether an attribute of a CollectionTtl is there: held, and in *VALUE. */
static bool hold_attribute(struct draft *draft, PyObject *given, const char *name, PyObject **value)
{
    *value = PyObject_GetAttrString(given, name);
    return hold(draft, *value);
}

/* Whether what is raised says that there is no such attribute; then it is forgotten. */
static bool is_attribute_missing(void)
{
    bool is_missing = PyErr_ExceptionMatches(PyExc_AttributeError);
    if (is_missing)
        PyErr_Clear();
    return is_missing;
}

static bool convert_collection_ttl(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *ttl;
    PyObject *refreshes;
    if (!hold_attribute(draft, given, "ttl", &ttl) ||
        !hold_attribute(draft, given, "refresh_ttl", &refreshes))
        return is_attribute_missing() &&
               invalid("ttl must be a CollectionTtl. Given type: %S", (PyObject *)Py_TYPE(given));
    int is_true = PyObject_IsTrue(refreshes);
    draft->request.refresh_ttl = is_true > 0;
    return is_true >= 0 && convert_ttl(draft, ttl, label);
}

/* --- One thing --- */

static bool convert_cache(struct draft *draft, PyObject *given, const char *label)
{
    mayfly_bytes name = {NULL, 0};
    if (!read_name(given, label, &name))
        return false;
    draft->request.cache = name.data;
    return strlen(name.data) == name.size || invalid("%s must not contain a zero", label);
}

static bool convert_name(struct draft *draft, PyObject *given, const char *label)
{
    return read_name(given, label, &draft->request.key);
}

static bool convert_key(struct draft *draft, PyObject *given, const char *label)
{
    return read_bytes(given, label, &draft->request.key);
}

static bool convert_value(struct draft *draft, PyObject *given, const char *label)
{
    return read_bytes(given, label, &draft->request.value);
}

static bool convert_message(struct draft *draft, PyObject *given, const char *label)
{
    draft->request.is_text = PyUnicode_Check(given);
    return read_bytes(given, label, &draft->request.value);
}

static bool convert_operand(struct draft *draft, PyObject *given, const char *label)
{
    return read_bytes(given, label, &draft->request.operand);
}

static bool convert_hash(struct draft *draft, PyObject *given, const char *label)
{
    if (!PyBytes_Check(given))
        return invalid("%s%S", label, (PyObject *)Py_TYPE(given));
    return read_bytes(given, label, &draft->request.operand);
}

static bool convert_field(struct draft *draft, PyObject *given, const char *label)
{
    return read_bytes(given, label, &draft->request.field);
}

static bool convert_amount(struct draft *draft, PyObject *given, const char *label)
{
    return read_integer(given, label, INT64_MIN, INT64_MAX, &draft->request.amount);
}

static bool convert_score(struct draft *draft, PyObject *given, const char *label)
{
    (void)label;
    return read_score(given, &draft->request.score);
}

static bool convert_order(struct draft *draft, PyObject *given, const char *label)
{
    long is_ascending = 0;
    bool is_read = read_choice(given, label, hooks.orders, &is_ascending);
    draft->request.order = is_ascending ? MAYFLY_ASCENDING : MAYFLY_DESCENDING;
    return is_read;
}

static bool convert_aggregate(struct draft *draft, PyObject *given, const char *label)
{
    long aggregate = 0;
    bool is_read = read_choice(given, label, hooks.aggregates, &aggregate);
    draft->request.aggregate = (mayfly_aggregate)aggregate;
    return is_read;
}

/* --- Ranges --- */

static bool convert_start(struct draft *draft, PyObject *given, const char *label)
{
    draft->request.start = MAYFLY_UNBOUNDED;
    return given == Py_None || read_integer(given, label, INT32_MIN, INT32_MAX, &draft->request.start);
}

static bool convert_end(struct draft *draft, PyObject *given, const char *label)
{
    draft->request.end = MAYFLY_UNBOUNDED;
    return given == Py_None || read_integer(given, label, INT32_MIN, INT32_MAX, &draft->request.end);
}

static bool convert_start_rank(struct draft *draft, PyObject *given, const char *label)
{
    return read_integer(given, label, 0, UINT32_MAX, &draft->request.start);
}

static bool convert_end_rank(struct draft *draft, PyObject *given, const char *label)
{
    return read_integer(given, label, 0, UINT32_MAX, &draft->request.end);
}

static bool convert_bound(PyObject *given, const char *label, mayfly_bound_kind kind, mayfly_bound *bound)
{
    bound->kind = given == Py_None ? MAYFLY_BOUND_NONE : kind;
    return given == Py_None || read_number(given, label, &bound->score);
}

static bool convert_min_score(struct draft *draft, PyObject *given, const char *label)
{
    return convert_bound(given, label, MAYFLY_BOUND_INCLUSIVE, &draft->request.min);
}

static bool convert_max_score(struct draft *draft, PyObject *given, const char *label)
{
    return convert_bound(given, label, MAYFLY_BOUND_INCLUSIVE, &draft->request.max);
}

static bool convert_score_below(struct draft *draft, PyObject *given, const char *label)
{
    return convert_bound(given, label, MAYFLY_BOUND_EXCLUSIVE, &draft->request.max);
}

static bool convert_offset(struct draft *draft, PyObject *given, const char *label)
{
    int64_t offset = 0;
    bool is_read = given == Py_None || read_integer(given, label, 0, UINT32_MAX, &offset);
    draft->request.offset = (uint32_t)offset;
    return is_read;
}

/* --- Limits: None is what the method means by it --- */

static bool read_limit(struct draft *draft, PyObject *given, const char *label, int64_t min, uint64_t none)
{
    int64_t limit = 0;
    bool is_read = given == Py_None || read_integer(given, label, min, INT32_MAX, &limit);
    draft->request.limit = given == Py_None ? none : (uint64_t)limit;
    return is_read;
}

static bool convert_count(struct draft *draft, PyObject *given, const char *label)
{
    return read_limit(draft, given, label, 0, MAYFLY_ALL);
}

static bool convert_board_count(struct draft *draft, PyObject *given, const char *label)
{
    return read_limit(draft, given, label, 1, 8192);
}

static bool convert_truncate(struct draft *draft, PyObject *given, const char *label)
{
    return read_limit(draft, given, label, 0, 0);
}

static bool read_short_limit(struct draft *draft, PyObject *given, const char *label, int64_t min)
{
    int64_t limit = 0;
    bool is_read = read_integer(given, label, min, UINT32_MAX, &limit);
    draft->request.limit = (uint64_t)limit;
    return is_read;
}

static bool convert_limit(struct draft *draft, PyObject *given, const char *label)
{
    return read_short_limit(draft, given, label, 0);
}

static bool convert_positive_limit(struct draft *draft, PyObject *given, const char *label)
{
    return read_short_limit(draft, given, label, 1);
}

/* --- Many things --- */

/* A tuple of what an iterable yields, held, so that nobody changes it meanwhile; NULL with an exception. */
static PyObject *hold_all(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *iterator = PyObject_GetIter(given);
    if (iterator == NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        (void)invalid("%s%S", label, (PyObject *)Py_TYPE(given));
    }
    if (iterator == NULL)
        return NULL;
    Py_DECREF(iterator);
    PyObject *all = PySequence_Tuple(given);
    return hold(draft, all) ? all : NULL;
}

/* The pairs of a mapping, held; NULL with an exception. */
static PyObject *hold_pairs(struct draft *draft, PyObject *given, const char *label)
{
    if (!PyMapping_Check(given) || !PyObject_HasAttrString(given, "items")) {
        (void)invalid("%s%S", label, (PyObject *)Py_TYPE(given));
        return NULL;
    }
    PyObject *pairs = PyMapping_Items(given);
    return hold(draft, pairs) ? pairs : NULL;
}

static PyObject *pair_at(PyObject *pairs, Py_ssize_t at, int side)
{
    PyObject *pair = PyList_GET_ITEM(pairs, at);
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        (void)invalid("the items of the mapping are no pairs");
        return NULL;
    }
    return PyTuple_GET_ITEM(pair, side);
}

static mayfly_bytes *key_of(mayfly_item *item)
{
    return &item->key;
}

static mayfly_bytes *value_of(mayfly_item *item)
{
    return &item->value;
}

static bool convert_all(struct draft *draft, PyObject *given, const char *label,
                        mayfly_bytes *(*place)(mayfly_item *))
{
    PyObject *all = hold_all(draft, given, label);
    if (all == NULL || !need_items(draft, PyTuple_GET_SIZE(all)))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++) {
        mayfly_bytes *bytes = place(&draft->items[i]);
        if (!read_bytes(PyTuple_GET_ITEM(all, i), NO_BYTES, bytes) || !ask(draft, *bytes))
            return false;
    }
    return true;
}

static bool convert_one(struct draft *draft, PyObject *given, mayfly_bytes *(*place)(mayfly_item *))
{
    if (!need_items(draft, 1))
        return false;
    mayfly_bytes *bytes = place(&draft->items[0]);
    return read_bytes(given, NO_BYTES, bytes) && ask(draft, *bytes);
}

static bool convert_item_keys(struct draft *draft, PyObject *given, const char *label)
{
    return convert_all(draft, given, label, key_of);
}

static bool convert_item_values(struct draft *draft, PyObject *given, const char *label)
{
    return convert_all(draft, given, label, value_of);
}

static bool convert_item_key(struct draft *draft, PyObject *given, const char *label)
{
    (void)label;
    return convert_one(draft, given, key_of);
}

static bool convert_item_value(struct draft *draft, PyObject *given, const char *label)
{
    (void)label;
    return convert_one(draft, given, value_of);
}

/* The value that goes with the key before. */
static bool convert_value_of_item(struct draft *draft, PyObject *given, const char *label)
{
    (void)label;
    return read_bytes(given, NO_BYTES, &draft->items[0].value);
}

static bool convert_score_of_item(struct draft *draft, PyObject *given, const char *label)
{
    (void)label;
    return read_score(given, &draft->items[0].score);
}

static bool convert_pairs(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *pairs = hold_pairs(draft, given, label);
    if (pairs == NULL || !need_items(draft, PyList_GET_SIZE(pairs)))
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        PyObject *key = pair_at(pairs, i, 0);
        if (key == NULL || !read_bytes(key, NO_BYTES, &draft->items[i].key) ||
            !read_bytes(pair_at(pairs, i, 1), NO_BYTES, &draft->items[i].value) ||
            !ask(draft, draft->items[i].key))
            return false;
        draft->items[i].ttl_ms = draft->request.ttl_ms; /* of a batch, whose TTL comes before */
    }
    return true;
}

static bool convert_scored(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *pairs = hold_pairs(draft, given, label);
    if (pairs == NULL || !need_items(draft, PyList_GET_SIZE(pairs)))
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        PyObject *value = pair_at(pairs, i, 0);
        if (value == NULL || !read_bytes(value, NO_BYTES, &draft->items[i].value) ||
            !read_score(pair_at(pairs, i, 1), &draft->items[i].score))
            return false;
    }
    return true;
}

/* Names of sorted sets with their weights. */
static bool convert_sources(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *pairs = hold_pairs(draft, given, label);
    if (pairs == NULL || !need_items(draft, PyList_GET_SIZE(pairs)))
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        PyObject *name = pair_at(pairs, i, 0);
        if (name == NULL || !read_name(name, "Sorted set name", &draft->items[i].key) ||
            !read_number(pair_at(pairs, i, 1), "weight", &draft->items[i].score))
            return false;
    }
    return true;
}

static bool read_id(PyObject *given, uint32_t *id)
{
    int64_t number = 0;
    bool is_read = read_integer(given, "id", 0, UINT32_MAX, &number);
    *id = (uint32_t)number;
    return is_read;
}

static bool convert_ids(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *all = hold_all(draft, given, label);
    if (all == NULL || !need_items(draft, PyTuple_GET_SIZE(all)))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++)
        if (!read_id(PyTuple_GET_ITEM(all, i), &draft->items[i].id))
            return false;
    return true;
}

static bool convert_scores_of_ids(struct draft *draft, PyObject *given, const char *label)
{
    PyObject *pairs = hold_pairs(draft, given, label);
    if (pairs == NULL || !need_items(draft, PyList_GET_SIZE(pairs)))
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); i++) {
        PyObject *id = pair_at(pairs, i, 0);
        if (id == NULL || !read_id(id, &draft->items[i].id) ||
            !read_number(pair_at(pairs, i, 1), "score", &draft->items[i].score))
            return false;
    }
    return true;
}

/* --- The table --- */

static const struct argument kinds[] = {
    {"cache_name", convert_cache, "Cache name"},
    {"key", convert_key, "Unsupported type for key: "},
    {"value", convert_value, "Unsupported type for value: "},
    {"equal", convert_operand, "Unsupported type for equal: "},
    {"not_equal", convert_operand, "Unsupported type for not_equal: "},
    {"hash_equal", convert_hash, "Unsupported type for hash_equal: "},
    {"hash_not_equal", convert_hash, "Unsupported type for hash_not_equal: "},
    {"ttl", convert_ttl, "TTL"},
    {"ttl_milliseconds", convert_ttl_ms, "ttl_milliseconds"},
    {"collection_ttl", convert_collection_ttl, "TTL"},
    {"amount", convert_amount, "amount"},
    {"keys", convert_item_keys, "Unsupported type for keys: "},
    {"one_key", convert_item_key, ""},
    {"batch", convert_pairs, "Unsupported type for items: "},

    {"dictionary_name", convert_name, "Dictionary name"},
    {"field", convert_field, "Unsupported type for field: "},
    {"fields", convert_item_keys, "Unsupported type for fields: "},
    {"one_field", convert_item_key, ""},
    {"value_of_field", convert_value_of_item, ""},
    {"dictionary_items", convert_pairs, "Unsupported type for items: "},

    {"set_name", convert_name, "Set name"},
    {"elements", convert_item_values, "Unsupported type for elements: "},
    {"one_element", convert_item_value, ""},
    {"limit", convert_limit, "limit"},
    {"positive_count", convert_positive_limit, "count"},

    {"list_name", convert_name, "List name"},
    {"values", convert_item_values, "Unsupported type for values: "},
    {"truncate_to_size", convert_truncate, "the size to truncate to"},
    {"start_index", convert_start, "start_index"},
    {"end_index", convert_end, "end_index"},

    {"sorted_set_name", convert_name, "Sorted set name"},
    {"sorted_set_value", convert_value, "Unsupported type for sorted set value: "},
    {"incremented_value", convert_value, NO_BYTES},
    {"sorted_set_values", convert_item_values, "Unsupported type for sorted set values: "},
    {"scored_elements", convert_scored, "Unsupported type for sorted set elements: "},
    {"score", convert_score, ""},
    {"score_of_element", convert_score_of_item, ""},
    {"start_rank", convert_start, "start_rank"},
    {"end_rank", convert_end, "end_rank"},
    {"min_score", convert_min_score, "min_score"},
    {"max_score", convert_max_score, "max_score"},
    {"offset", convert_offset, "offset"},
    {"count", convert_count, "count"},
    {"sort_order", convert_order, "sort_order"},
    {"sources", convert_sources, "Unsupported type for sources: "},
    {"aggregate", convert_aggregate, "aggregate"},

    {"leaderboard_name", convert_name, "Leaderboard name"},
    {"ids", convert_ids, "Unsupported type for ids: "},
    {"scores_of_ids", convert_scores_of_ids, "Unsupported type for elements: "},
    {"score_below", convert_score_below, "max_score"},
    {"first_rank", convert_start_rank, "start_rank"},
    {"rank_behind", convert_end_rank, "end_rank"},
    {"board_count", convert_board_count, "count"},

    {"topic_name", convert_name, "Topic name"},
    {"message", convert_message, "Unsupported type for value: "},
};

const struct argument *argument_find(const char *name)
{
    if (PyDateTimeAPI == NULL)
        PyDateTime_IMPORT;
    if (PyDateTimeAPI == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    PyErr_Format(PyExc_ValueError, "there is no kind of argument %s", name);
    return NULL;
}

/* --- Drafts --- */

bool draft_fill(struct draft *draft, const struct method *method, uint64_t default_ttl_ms,
                PyObject *const *arguments, Py_ssize_t count)
{
    draft->request = method->preset;
    draft->default_ttl_ms = default_ttl_ms;
    draft->items = draft->some_items;
    draft->keeps_asked = method->keeps_asked;
    draft->asked = NULL;
    draft->held_count = 0;
    if ((size_t)count != method->argument_count) {
        PyErr_Format(PyExc_TypeError, "%U takes %zu arguments, not %zd", method->name, method->argument_count,
                     count);
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        const struct argument *argument = method->arguments[i];
        if (!argument->convert(draft, arguments[i], argument->label))
            return false;
    }
    return true;
}

static bool read_text(PyObject *given, mayfly_bytes *bytes)
{
    return PyUnicode_Check(given)
               ? read_bytes(given, "", bytes)
               : invalid("metadata are pairs of strings, not of %S", (PyObject *)Py_TYPE(given));
}

bool draft_add_metadata(struct draft *draft, PyObject *pairs)
{
    PyObject *all = hold_all(draft, pairs, "Unsupported type for metadata: ");
    if (all == NULL)
        return false;
    Py_ssize_t count = PyTuple_GET_SIZE(all);
    if (count > METADATA_MAX)
        return invalid("a request carries at most %d entries of metadata", METADATA_MAX);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = PyTuple_GET_ITEM(all, i);
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            return invalid("metadata are pairs of strings");
        if (!read_text(PyTuple_GET_ITEM(pair, 0), &draft->metadata[i].name) ||
            !read_text(PyTuple_GET_ITEM(pair, 1), &draft->metadata[i].value))
            return false;
    }
    draft->request.metadata = draft->metadata;
    draft->request.metadata_count = (size_t)count;
    return true;
}
