/* What calls give: each part of a reply made an object. */
#include "core.h"

static PyObject *bytes_of(mayfly_bytes bytes)
{
    return PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.size);
}

static PyObject *build_value(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return bytes_of(reply->value);
}

static PyObject *build_hash(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return bytes_of(reply->hash);
}

static PyObject *build_number(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return PyLong_FromLongLong(reply->number);
}

static PyObject *build_score(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return PyFloat_FromDouble(reply->score);
}

static PyObject *build_ttl_ms(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return PyLong_FromUnsignedLongLong(reply->ttl_ms);
}

static PyObject *build_type(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return PyLong_FromLong(reply->type);
}

static PyObject *build_asked(const mayfly_reply *reply, PyObject *asked)
{
    (void)reply;
    PyObject *list = asked != NULL ? asked : Py_None;
    Py_INCREF(list);
    return list;
}

/* --- Items --- */

static PyObject *value_of(const mayfly_item *item)
{
    return bytes_of(item->value);
}

static PyObject *name_of(const mayfly_item *item)
{
    return PyUnicode_DecodeUTF8(item->key.data, (Py_ssize_t)item->key.size, "replace");
}

static PyObject *none(void)
{
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *value_if_found(const mayfly_item *item)
{
    return item->found ? bytes_of(item->value) : none();
}

static PyObject *score_if_found(const mayfly_item *item)
{
    return item->found ? PyFloat_FromDouble(item->score) : none();
}

static PyObject *found_of(const mayfly_item *item)
{
    return PyBool_FromLong(item->found);
}

static PyObject *scored_of(const mayfly_item *item)
{
    return Py_BuildValue("(y#d)", item->value.size > 0 ? item->value.data : "", (Py_ssize_t)item->value.size,
                         item->score);
}

static PyObject *ranked_of(const mayfly_item *item)
{
    return Py_BuildValue("(IdK)", item->id, item->score, (unsigned long long)item->rank);
}

static PyObject *list_of(const mayfly_reply *reply, PyObject *(*build)(const mayfly_item *))
{
    PyObject *list = PyList_New((Py_ssize_t)reply->item_count);
    for (size_t i = 0; list != NULL && i < reply->item_count; i++) {
        PyObject *object = build(&reply->items[i]);
        if (object == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, object);
    }
    return list;
}

static PyObject *build_values(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, value_of);
}

static PyObject *build_names(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, name_of);
}

static PyObject *build_values_if_found(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, value_if_found);
}

static PyObject *build_scores_if_found(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, score_if_found);
}

static PyObject *build_founds(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, found_of);
}

static PyObject *build_found(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return PyBool_FromLong(reply->item_count > 0 && reply->items[0].found);
}

static PyObject *build_scored(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, scored_of);
}

static PyObject *build_ranked(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    return list_of(reply, ranked_of);
}

static PyObject *build_value_set(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    PyObject *set = PySet_New(NULL);
    for (size_t i = 0; set != NULL && i < reply->item_count; i++) {
        PyObject *value = bytes_of(reply->items[i].value);
        if (value == NULL || PySet_Add(set, value) != 0)
            Py_CLEAR(set);
        Py_XDECREF(value);
    }
    return set;
}

static PyObject *build_dictionary(const mayfly_reply *reply, PyObject *asked)
{
    (void)asked;
    PyObject *dictionary = PyDict_New();
    for (size_t i = 0; dictionary != NULL && i < reply->item_count; i++) {
        PyObject *field = bytes_of(reply->items[i].key);
        PyObject *value = bytes_of(reply->items[i].value);
        if (field == NULL || value == NULL || PyDict_SetItem(dictionary, field, value) != 0)
            Py_CLEAR(dictionary);
        Py_XDECREF(field);
        Py_XDECREF(value);
    }
    return dictionary;
}

/* --- The table --- */

static const struct source kinds[] = {
    {"value", build_value},
    {"hash", build_hash},
    {"number", build_number},
    {"score", build_score},
    {"ttl_ms", build_ttl_ms},
    {"type", build_type},
    {"asked", build_asked},                     /* list of bytes: what the call asked for */
    {"values", build_values},                   /* list of bytes */
    {"value_set", build_value_set},             /* set of bytes */
    {"dictionary", build_dictionary},           /* dict of bytes to bytes */
    {"scored", build_scored},                   /* list of (bytes, float) */
    {"ranked", build_ranked},                   /* list of (id, score, rank) */
    {"names", build_names},                     /* list of str: keys */
    {"values_if_found", build_values_if_found}, /* list of bytes or None */
    {"scores_if_found", build_scores_if_found}, /* list of float or None */
    {"founds", build_founds},                   /* list of bool */
    {"found", build_found},                     /* bool: of the first */
};

const struct source *source_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    PyErr_Format(PyExc_ValueError, "there is no part of a reply %s", name);
    return NULL;
}

PyObject *metadata_build(const mayfly_reply *reply)
{
    PyObject *list = PyList_New((Py_ssize_t)reply->trailer_count);
    for (size_t i = 0; list != NULL && i < reply->trailer_count; i++) {
        const mayfly_metadata *pair = &reply->trailers[i];
        PyObject *name = PyUnicode_DecodeUTF8(pair->name.data, (Py_ssize_t)pair->name.size, "replace");
        PyObject *value = PyUnicode_DecodeUTF8(pair->value.data, (Py_ssize_t)pair->value.size, "replace");
        PyObject *both = name != NULL && value != NULL ? PyTuple_Pack(2, name, value) : NULL;
        Py_XDECREF(name);
        Py_XDECREF(value);
        if (both == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, both);
    }
    return list;
}
