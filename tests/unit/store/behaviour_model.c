/* A cache is an array of items by key, a collection an array of elements: a list's in its order, all others by
 * name; orders by score are made when asked for. Nothing is freed before the next operation begins, so that a
 * reply may point at whatever was there. */
#include "store/behaviour_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct model_item {
    struct bytes key;
    bool board;
    enum store_type type;
    int64_t expiry_ms;
    struct bytes value; /* of a scalar */
    struct store_element *elements;
    size_t count;
    size_t room;
};

/* A handle and the cache in one: DELETED once the cache is. */
struct store_cache {
    struct store_cache *next;
    struct bytes name;
    bool deleted;
    unsigned references;
    struct model_item *items;
    size_t count;
    size_t room;
};

struct model {
    struct store store;
    struct store_cache *caches;   /* in the order of names */
    struct store_element *answer; /* what a reply points at beside items */
    void **trash;                 /* freed when the next operation begins */
    size_t trash_count;
    size_t trash_room;
    size_t samples; /* taken so far */
    char number[24];
};

/* Like assert, also where that is compiled out. */
static void insist(bool holds)
{
    if (!holds)
        abort();
}

static void *must(void *memory)
{
    insist(memory != NULL);
    return memory;
}

static struct bytes copy_of(struct bytes bytes)
{
    uint8_t *data = must(malloc(bytes.size + 1));
    bytes_copy(data, bytes.data, bytes.size);
    return bytes_make(data, bytes.size);
}

static int compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Memory that the model handed out as unchanging bytes, and is the owner of. */
static void *memory_of(struct bytes bytes)
{
    return (void *)(uintptr_t)bytes.data;
}

static void discard(struct model *m, void *memory)
{
    if (m->trash_count == m->trash_room) {
        m->trash_room = 2 * m->trash_room + 64;
        m->trash = must(realloc(m->trash, m->trash_room * sizeof *m->trash));
    }
    m->trash[m->trash_count++] = memory;
}

static struct model *begin(struct store *store)
{
    struct model *m = (struct model *)store;
    while (m->trash_count > 0)
        free(m->trash[--m->trash_count]);
    free(m->answer);
    m->answer = NULL;
    return m;
}

static int64_t expiry_after(int64_t now_ms, uint64_t ttl_ms)
{
    return ttl_ms > (uint64_t)(INT64_MAX - now_ms) ? INT64_MAX : now_ms + (int64_t)ttl_ms;
}

/* Elements of an item. */

static void discard_element(struct model *m, const struct store_element *element)
{
    discard(m, memory_of(element->name));
    discard(m, memory_of(element->value));
}

static struct store_element element_copy(const struct store_element *element, enum store_type type)
{
    struct store_element copy = {.name = copy_of(element->name)};
    copy.value = copy_of(type == STORE_DICTIONARY ? element->value : bytes_make(NULL, 0));
    copy.score = element->score;
    return copy;
}

/* Makes room for so many elements before POSITION. */
static struct store_element *open_gap(struct model_item *item, size_t position, size_t count)
{
    if (item->elements == NULL || item->count + count > item->room) {
        item->room = 2 * (item->count + count) + 1;
        item->elements = must(realloc(item->elements, item->room * sizeof *item->elements));
    }
    insist(item->elements != NULL);
    struct store_element *gap = item->elements + position;
    if (position < item->count)
        memmove(gap + count, gap, (item->count - position) * sizeof *gap);
    item->count += count;
    return gap;
}

static void close_gap(struct model *m, struct model_item *item, size_t position, size_t count)
{
    if (count == 0)
        return;
    insist(item->elements != NULL);
    struct store_element *gap = item->elements + position;
    for (size_t i = 0; i < count; i++)
        discard_element(m, &gap[i]);
    item->count -= count;
    if (position < item->count)
        memmove(gap, gap + count, (item->count - position) * sizeof *gap);
}

/* Where an element of this name is, or else belongs, in an item ordered by name. */
static size_t position_of(const struct model_item *item, struct bytes name, bool *found)
{
    size_t least = 0;
    size_t most = item->count;
    while (least < most) {
        size_t middle = (least + most) / 2;
        if (compare(item->elements[middle].name, name) < 0)
            least = middle + 1;
        else
            most = middle;
    }
    *found = least < item->count && bytes_equal(item->elements[least].name, name);
    return least;
}

static struct store_element *element_of(const struct model_item *item, struct bytes name)
{
    bool found;
    size_t position = position_of(item, name, &found);
    return found ? &item->elements[position] : NULL;
}

static void put_element(struct model *m, struct model_item *item, const struct store_element *element)
{
    bool found;
    size_t position = position_of(item, element->name, &found);
    if (!found)
        open_gap(item, position, 1);
    insist(item->elements != NULL);
    struct store_element *place = &item->elements[position];
    if (found)
        discard_element(m, place);
    *place = element_copy(element, item->type);
}

static void remove_element(struct model *m, struct model_item *item, struct bytes name)
{
    bool found;
    size_t position = position_of(item, name, &found);
    if (found)
        close_gap(m, item, position, 1);
}

/* Items of a cache. */

/* Where the item of this key is, or else belongs. */
static size_t place_of(const struct store_cache *cache, struct bytes key, bool board, bool *found)
{
    size_t least = 0;
    size_t most = cache->count;
    *found = false;
    while (least < most) {
        size_t middle = (least + most) / 2;
        int order = compare(cache->items[middle].key, key);
        if (order == 0)
            order = cache->items[middle].board - board;
        *found |= order == 0;
        if (order < 0)
            least = middle + 1;
        else
            most = middle;
    }
    return least;
}

static struct model_item *item_at(struct store_cache *cache, struct bytes key, bool board)
{
    bool found;
    size_t place = place_of(cache, key, board, &found);
    return found ? &cache->items[place] : NULL;
}

static struct model_item *insert_item(struct store_cache *cache, struct model_item item)
{
    bool found;
    size_t place = place_of(cache, item.key, item.board, &found);
    insist(!found);
    if (cache->count == cache->room) {
        cache->room = 2 * cache->room + 16;
        cache->items = must(realloc(cache->items, cache->room * sizeof *cache->items));
    }
    insist(cache->items != NULL);
    struct model_item *at = cache->items + place;
    memmove(at + 1, at, (cache->count++ - place) * sizeof *at);
    *at = item;
    return at;
}

static void take_out_item(struct store_cache *cache, struct model_item *item)
{
    size_t behind = (size_t)(cache->items + --cache->count - item);
    memmove(item, item + 1, behind * sizeof *item);
}

static void discard_item(struct model *m, struct store_cache *cache, struct model_item *item)
{
    close_gap(m, item, 0, item->count);
    discard(m, item->elements);
    discard(m, memory_of(item->value));
    discard(m, memory_of(item->key));
    take_out_item(cache, item);
}

static struct model_item *add_item(struct store_cache *cache, struct bytes key, bool board,
                                   enum store_type type)
{
    return insert_item(cache, (struct model_item){
                                  .key = copy_of(key),
                                  .board = board,
                                  .type = type,
                                  .value = copy_of(bytes_make(NULL, 0)),
                              });
}

/* What lives under the key; what has expired goes. */
static struct model_item *live_item(struct model *m, struct store_cache *cache, struct bytes key, bool board,
                                    int64_t now_ms)
{
    struct model_item *item = item_at(cache, key, board);
    if (item == NULL || item->expiry_ms > now_ms)
        return item;
    discard_item(m, cache, item);
    return NULL;
}

static void answer(store_done done, void *context, enum store_status status)
{
    done(context, &(struct store_reply){.status = status});
}

/* Scalars. */

static void set_scalar(struct model *m, struct store_cache *cache, struct bytes key, struct bytes value,
                       int64_t expiry_ms)
{
    struct model_item *old = item_at(cache, key, false);
    if (old != NULL)
        discard_item(m, cache, old);
    struct model_item *item = add_item(cache, key, false, STORE_SCALAR);
    discard(m, memory_of(item->value));
    item->value = copy_of(value);
    item->expiry_ms = expiry_ms;
}

static void model_get(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                      store_done done, void *context)
{
    struct model *m = begin(store);
    if (cache->deleted) {
        answer(done, context, STORE_NO_CACHE);
        return;
    }
    const struct model_item *item = live_item(m, cache, key, false, now_ms);
    if (item == NULL)
        answer(done, context, STORE_MISSING);
    else if (item->type != STORE_SCALAR)
        answer(done, context, STORE_WRONG_TYPE);
    else
        done(context, &(struct store_reply){.status = STORE_OK, .value = item->value});
}

/* Whether the value there is the condition's, or has its hash. */
static bool equals(const struct model_item *item, const struct store_condition *condition)
{
    if (condition->kind < STORE_IF_HASH_EQUAL)
        return bytes_equal(item->value, condition->operand);
    uint8_t digest[HASH_DIGEST_SIZE];
    hash_digest(item->value, digest);
    return bytes_equal(bytes_make(digest, sizeof digest), condition->operand);
}

static enum store_status allow(const struct model_item *item, const struct store_condition *condition)
{
    bool allowed = true;
    switch (condition->kind) {
    case STORE_ALWAYS:
        return STORE_OK;
    case STORE_IF_PRESENT:
        return item != NULL ? STORE_OK : STORE_REFUSED;
    case STORE_IF_ABSENT:
        return item == NULL ? STORE_OK : STORE_REFUSED;
    default:
        break;
    }
    if (item != NULL && item->type != STORE_SCALAR)
        return STORE_WRONG_TYPE;
    bool equal = item != NULL && equals(item, condition);
    switch (condition->kind) {
    case STORE_IF_EQUAL:
    case STORE_IF_HASH_EQUAL:
        allowed = equal;
        break;
    case STORE_IF_NOT_EQUAL:
    case STORE_IF_ABSENT_OR_NOT_HASH_EQUAL:
        allowed = !equal;
        break;
    case STORE_IF_PRESENT_NOT_EQUAL:
    case STORE_IF_PRESENT_NOT_HASH_EQUAL:
        allowed = item != NULL && !equal;
        break;
    default: /* absent, or equal */
        allowed = item == NULL || equal;
    }
    return allowed ? STORE_OK : STORE_REFUSED;
}

static void model_set(struct store *store, struct store_cache *cache, struct bytes key, struct bytes value,
                      uint64_t ttl_ms, const struct store_condition *condition, int64_t now_ms,
                      store_done done, void *context)
{
    static const struct store_condition always = {.kind = STORE_ALWAYS};
    struct model *m = begin(store);
    enum store_status status = STORE_NO_CACHE;
    if (!cache->deleted) {
        status = allow(live_item(m, cache, key, false, now_ms), condition == NULL ? &always : condition);
        if (status == STORE_OK)
            set_scalar(m, cache, key, value, expiry_after(now_ms, ttl_ms));
    }
    answer(done, context, status);
}

static void model_delete(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                         store_done done, void *context)
{
    struct model *m = begin(store);
    enum store_status status = STORE_NO_CACHE;
    if (!cache->deleted) {
        struct model_item *item = live_item(m, cache, key, false, now_ms);
        status = item != NULL ? STORE_OK : STORE_MISSING;
        if (item != NULL)
            discard_item(m, cache, item);
    }
    answer(done, context, status);
}

/* The number that VALUE spells, after AMOUNT was added to it. */
static enum store_status add(struct bytes value, int64_t amount, int64_t *sum)
{
    char text[32];
    char canonical[32];
    if (value.size == 0 || value.size >= sizeof text)
        return STORE_NOT_INTEGER;
    memcpy(text, value.data, value.size);
    text[value.size] = 0;
    long long number = strtoll(text, NULL, 10);
    snprintf(canonical, sizeof canonical, "%lld", number);
    if (!bytes_equal(value, bytes_of(canonical)))
        return STORE_NOT_INTEGER;
    return __builtin_add_overflow(number, amount, sum) ? STORE_OVERFLOW : STORE_OK;
}

static struct bytes text_of(struct model *m, int64_t number)
{
    snprintf(m->number, sizeof m->number, "%lld", (long long)number);
    return bytes_of(m->number);
}

static void model_increment(struct store *store, struct store_cache *cache, struct bytes key, int64_t amount,
                            uint64_t ttl_ms, int64_t now_ms, store_done done, void *context)
{
    struct model *m = begin(store);
    struct store_reply reply = {.status = STORE_NO_CACHE};
    if (!cache->deleted) {
        const struct model_item *item = live_item(m, cache, key, false, now_ms);
        if (item != NULL && item->type != STORE_SCALAR)
            reply.status = STORE_WRONG_TYPE;
        else
            reply.status = add(item == NULL ? bytes_of("0") : item->value, amount, &reply.number);
        if (reply.status == STORE_OK)
            set_scalar(m, cache, key, text_of(m, reply.number), expiry_after(now_ms, ttl_ms));
    }
    done(context, &reply);
}

static void model_item_ttl(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                           store_done done, void *context)
{
    struct model *m = begin(store);
    struct store_reply reply = {.status = STORE_NO_CACHE};
    if (!cache->deleted) {
        const struct model_item *item = live_item(m, cache, key, false, now_ms);
        reply.status = item != NULL ? STORE_OK : STORE_MISSING;
        reply.ttl_ms = item != NULL ? (uint64_t)(item->expiry_ms - now_ms) : 0;
    }
    done(context, &reply);
}

static void model_item_type(struct store *store, struct store_cache *cache, struct bytes key, int64_t now_ms,
                            store_done done, void *context)
{
    struct model *m = begin(store);
    struct store_reply reply = {.status = STORE_NO_CACHE};
    if (!cache->deleted) {
        const struct model_item *item = live_item(m, cache, key, false, now_ms);
        reply.status = item != NULL ? STORE_OK : STORE_MISSING;
        reply.type = item != NULL ? item->type : STORE_SCALAR;
    }
    done(context, &reply);
}

static void model_update_ttl(struct store *store, struct store_cache *cache, struct bytes key,
                             enum store_ttl_mode mode, uint64_t ttl_ms, int64_t now_ms, store_done done,
                             void *context)
{
    struct model *m = begin(store);
    enum store_status status = STORE_NO_CACHE;
    if (!cache->deleted) {
        struct model_item *item = live_item(m, cache, key, false, now_ms);
        int64_t expiry_ms = expiry_after(now_ms, ttl_ms);
        if (item == NULL)
            status = STORE_MISSING;
        else if ((mode == STORE_TTL_INCREASE && expiry_ms <= item->expiry_ms) ||
                 (mode == STORE_TTL_DECREASE && expiry_ms >= item->expiry_ms))
            status = STORE_REFUSED;
        else
            status = STORE_OK;
        if (status == STORE_OK)
            item->expiry_ms = expiry_ms;
    }
    answer(done, context, status);
}

/* Slices. */

static size_t index_in(int64_t index, size_t length)
{
    int64_t most = (int64_t)length;
    if (index < 0)
        return index < -most ? 0 : (size_t)(most + index);
    return index > most ? length : (size_t)index;
}

/* The slice of so many elements that the command asks for: where it begins and, returned, how long it is. */
static size_t slice_of(const struct store_command *command, size_t length, size_t *begins)
{
    size_t ends = index_in(command->end, length);
    *begins = index_in(command->start, length);
    return ends > *begins ? ends - *begins : 0;
}

static struct store_element *make_answer(struct model *m, size_t count)
{
    m->answer = must(calloc(count + 1, sizeof *m->answer));
    return m->answer;
}

static void reply_with(struct store_reply *reply, const struct store_element *elements, size_t count)
{
    reply->elements = elements;
    reply->count = count;
}

/* Dictionaries and sets. */

static void table_get(struct model *m, const struct model_item *item, const struct store_command *command,
                      struct store_reply *reply)
{
    struct store_element *found = make_answer(m, command->count);
    for (size_t i = 0; i < command->count; i++) {
        const struct store_element *element = element_of(item, command->elements[i].name);
        if (element != NULL)
            found[i] = *element;
        found[i].found = element != NULL;
    }
    reply_with(reply, found, command->count);
}

/* Elements that follow each other, each time from another one on. */
static void table_sample(struct model *m, struct model_item *item, const struct store_command *command,
                         struct store_reply *reply)
{
    size_t count = command->limit < item->count ? (size_t)command->limit : item->count;
    size_t first = m->samples++;
    struct store_element *sample = make_answer(m, count);
    for (size_t i = 0; i < count; i++)
        sample[i] = item->elements[(first + i) % item->count];
    reply_with(reply, sample, count);
    for (size_t i = 0; i < count && command->kind == STORE_TABLE_POP; i++)
        remove_element(m, item, sample[i].name);
}

static void table_keep_new(struct model *m, struct model_item *item, const struct store_command *command)
{
    struct model_item kept = {.type = item->type};
    for (size_t i = 0; i < command->count; i++) {
        if (element_of(item, command->elements[i].name) == NULL)
            put_element(m, &kept, &command->elements[i]);
    }
    close_gap(m, item, 0, item->count);
    discard(m, item->elements);
    item->elements = kept.elements;
    item->count = kept.count;
    item->room = kept.room;
}

static enum store_status table_increment(struct model *m, struct model_item *item,
                                         const struct store_command *command, int64_t *number)
{
    struct store_element field = {.name = command->elements[0].name};
    const struct store_element *before = element_of(item, field.name);
    enum store_status status = add(before == NULL ? bytes_of("0") : before->value, command->amount, number);
    if (status == STORE_OK) {
        field.value = text_of(m, *number);
        put_element(m, item, &field);
    }
    return status;
}

/* Lists. */

static void retain(struct model *m, struct model_item *item, size_t begins, size_t count)
{
    close_gap(m, item, begins + count, item->count - begins - count);
    close_gap(m, item, 0, begins);
}

static void list_push(struct model *m, struct model_item *item, const struct store_command *command)
{
    struct store_element *gap = open_gap(item, command->from_end ? item->count : 0, command->count);
    for (size_t i = 0; i < command->count; i++)
        gap[i] = element_copy(&command->elements[i], STORE_LIST);
    if (command->limit > 0 && command->limit < item->count) {
        size_t count = (size_t)command->limit;
        retain(m, item, command->from_end ? item->count - count : 0, count);
    }
}

static void list_pop(struct model *m, struct model_item *item, const struct store_command *command,
                     struct store_reply *reply)
{
    size_t position = command->from_end ? item->count - 1 : 0;
    struct store_element *popped = make_answer(m, 1);
    *popped = item->elements[position];
    reply_with(reply, popped, 1);
    close_gap(m, item, position, 1);
}

static bool in_ranges(const struct store_command *command, uint64_t position)
{
    for (size_t i = 0; i < command->range_count; i++) {
        uint64_t begins = command->ranges[i].begin;
        if (position >= begins && position < begins + command->ranges[i].count)
            return true;
    }
    return false;
}

static void list_erase(struct model *m, struct model_item *item, const struct store_command *command)
{
    for (size_t i = item->count; i-- > 0;) {
        if (in_ranges(command, i))
            close_gap(m, item, i, 1);
    }
}

static void list_remove(struct model *m, struct model_item *item, struct bytes value)
{
    for (size_t i = item->count; i-- > 0;) {
        if (bytes_equal(item->elements[i].name, value))
            close_gap(m, item, i, 1);
    }
}

/* Sorted sets. */

static int by_score(const void *a, const void *b)
{
    const struct store_element *left = a;
    const struct store_element *right = b;
    if (left->score != right->score)
        return left->score < right->score ? -1 : 1;
    return compare(left->name, right->name);
}

static int by_score_descending(const void *a, const void *b)
{
    return by_score(b, a);
}

/* All elements in the order asked for, each with its rank. */
static struct store_element *ordered(struct model *m, const struct model_item *item,
                                     const struct store_command *command)
{
    struct store_element *all = make_answer(m, item->count);
    for (size_t i = 0; i < item->count; i++)
        all[i] = item->elements[i];
    qsort(all, item->count, sizeof *all, command->descending ? by_score_descending : by_score);
    for (size_t i = 0; i < item->count; i++)
        all[i].rank = i;
    return all;
}

static void sorted_by_index(struct model *m, const struct model_item *item,
                            const struct store_command *command, struct store_reply *reply)
{
    size_t begins;
    size_t count = slice_of(command, item->count, &begins);
    reply_with(reply, ordered(m, item, command) + begins, count);
}

static bool within(double score, const struct store_command *command)
{
    struct store_bound min = command->min;
    struct store_bound max = command->max;
    return (min.exclusive ? score > min.score : score >= min.score) &&
           (max.exclusive ? score < max.score : score <= max.score);
}

static void sorted_by_score(struct model *m, const struct model_item *item,
                            const struct store_command *command, struct store_reply *reply)
{
    struct store_element *all = ordered(m, item, command);
    uint64_t passed_over = 0;
    size_t count = 0;
    for (size_t i = 0; i < item->count && count < command->limit; i++) {
        if (within(all[i].score, command) && passed_over++ >= command->offset)
            all[count++] = all[i];
    }
    reply_with(reply, all, count);
}

static int64_t sorted_count(const struct model_item *item, const struct store_command *command)
{
    int64_t count = 0;
    for (size_t i = 0; i < item->count; i++)
        count += within(item->elements[i].score, command);
    return count;
}

static bool precedes(const struct store_element *a, const struct store_element *b,
                     const struct store_command *command)
{
    if (command->competition)
        return command->descending ? a->score > b->score : a->score < b->score;
    return command->descending ? by_score(a, b) > 0 : by_score(a, b) < 0;
}

static void sorted_rank(struct model *m, const struct model_item *item, const struct store_command *command,
                        struct store_reply *reply)
{
    struct store_element *found = make_answer(m, command->count);
    for (size_t i = 0; i < command->count; i++) {
        const struct store_element *element = element_of(item, command->elements[i].name);
        if (element == NULL)
            continue;
        found[i] = *element;
        found[i].found = true;
        for (size_t j = 0; j < item->count; j++)
            found[i].rank += precedes(&item->elements[j], element, command);
    }
    reply_with(reply, found, command->count);
}

static enum store_status sorted_increment(struct model *m, struct model_item *item,
                                          const struct store_command *command, double *score)
{
    struct store_element element = command->elements[0];
    const struct store_element *before = element_of(item, element.name);
    if (before != NULL)
        element.score += before->score;
    if (isnan(element.score))
        return STORE_NOT_NUMBER;
    put_element(m, item, &element);
    *score = element.score;
    return STORE_OK;
}

static double aggregate(enum store_aggregate how, double a, double b)
{
    if (how == STORE_SUM)
        return isnan(a + b) ? 0 : a + b;
    return (how == STORE_MIN) == (a < b) ? a : b;
}

static double weigh(double score, double weight)
{
    return isnan(score * weight) ? 0 : score * weight;
}

/* The score that an element has by all mentions of source number AT: their weights add up, or each counts. */
static double score_by(const struct store_command *command, size_t at, double score)
{
    struct bytes key = command->sources[at].key;
    double weight = command->sources[at].weight;
    double whole = weigh(score, weight);
    for (size_t i = at + 1; i < command->source_count; i++) {
        if (!bytes_equal(command->sources[i].key, key))
            continue;
        weight += command->sources[i].weight;
        whole = command->aggregate == STORE_SUM
                    ? weigh(score, weight)
                    : aggregate(command->aggregate, whole, weigh(score, command->sources[i].weight));
    }
    return whole;
}

static bool named_before(const struct store_command *command, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (bytes_equal(command->sources[i].key, command->sources[at].key))
            return true;
    }
    return false;
}

static void merge(struct model *m, struct model_item *into, const struct model_item *source,
                  const struct store_command *command, size_t at)
{
    for (size_t i = 0; i < source->count; i++) {
        struct store_element element = source->elements[i];
        element.score = score_by(command, at, element.score);
        const struct store_element *before = element_of(into, element.name);
        if (before != NULL)
            element.score = aggregate(command->aggregate, before->score, element.score);
        put_element(m, into, &element);
    }
}

static enum store_status sorted_union(struct model *m, const struct store_command *command, int64_t *number)
{
    struct model_item *old = live_item(m, command->cache, command->key, false, command->now_ms);
    if (old != NULL && old->type != STORE_SORTED_SET)
        return STORE_WRONG_TYPE;
    for (size_t i = 0; i < command->source_count; i++) {
        const struct model_item *source =
            live_item(m, command->cache, command->sources[i].key, false, command->now_ms);
        if (source != NULL && source->type != STORE_SORTED_SET)
            return STORE_WRONG_TYPE;
    }

    struct model_item united = {.type = STORE_SORTED_SET};
    for (size_t i = 0; i < command->source_count; i++) {
        const struct model_item *source = item_at(command->cache, command->sources[i].key, false);
        if (source != NULL && !named_before(command, i))
            merge(m, &united, source, command, i);
    }
    *number = (int64_t)united.count;
    old = item_at(command->cache, command->key, false);
    if (old != NULL)
        discard_item(m, command->cache, old);
    if (united.count > 0) {
        struct model_item *item = add_item(command->cache, command->key, false, STORE_SORTED_SET);
        item->elements = united.elements;
        item->count = united.count;
        item->room = united.room;
        item->expiry_ms = expiry_after(command->now_ms, command->ttl_ms);
    }
    return STORE_OK;
}

/* Commands. */

static bool creates(enum store_command_kind kind)
{
    return kind == STORE_TABLE_PUT || kind == STORE_TABLE_INCREMENT || kind == STORE_LIST_PUSH ||
           kind == STORE_SORTED_PUT || kind == STORE_SORTED_INCREMENT;
}

static bool is_of_lists(enum store_command_kind kind)
{
    return kind >= STORE_LIST_PUSH && kind <= STORE_LIST_REMOVE;
}

static void apply(struct model *m, struct model_item *item, const struct store_command *command,
                  struct store_reply *reply)
{
    size_t begins;
    size_t count;
    switch (command->kind) {
    case STORE_CLEAR:
        close_gap(m, item, 0, item->count);
        break;
    case STORE_TABLE_PUT:
    case STORE_SORTED_PUT:
        for (size_t i = 0; i < command->count; i++)
            put_element(m, item, &command->elements[i]);
        break;
    case STORE_TABLE_REMOVE:
    case STORE_SORTED_REMOVE:
        for (size_t i = 0; i < command->count; i++)
            remove_element(m, item, command->elements[i].name);
        break;
    case STORE_TABLE_GET:
    case STORE_SORTED_SCORE:
        table_get(m, item, command, reply);
        break;
    case STORE_TABLE_FETCH:
        reply_with(reply, item->elements, item->count);
        break;
    case STORE_TABLE_SAMPLE:
    case STORE_TABLE_POP:
        table_sample(m, item, command, reply);
        break;
    case STORE_TABLE_KEEP_NEW:
        table_keep_new(m, item, command);
        break;
    case STORE_TABLE_INCREMENT:
        reply->status = table_increment(m, item, command, &reply->number);
        return;
    case STORE_LIST_PUSH:
        list_push(m, item, command);
        break;
    case STORE_LIST_POP:
        list_pop(m, item, command, reply);
        break;
    case STORE_LIST_FETCH:
        count = slice_of(command, item->count, &begins);
        reply_with(reply, item->elements + begins, count);
        break;
    case STORE_LIST_RETAIN:
        count = slice_of(command, item->count, &begins);
        retain(m, item, begins, count);
        break;
    case STORE_LIST_ERASE:
        list_erase(m, item, command);
        break;
    case STORE_LIST_REMOVE:
        list_remove(m, item, command->elements[0].name);
        break;
    case STORE_SORTED_RANK:
        sorted_rank(m, item, command, reply);
        break;
    case STORE_SORTED_INCREMENT:
        reply->status = sorted_increment(m, item, command, &reply->score);
        break;
    case STORE_SORTED_BY_INDEX:
        sorted_by_index(m, item, command, reply);
        break;
    case STORE_SORTED_BY_SCORE:
        sorted_by_score(m, item, command, reply);
        break;
    case STORE_SORTED_COUNT:
        reply->number = sorted_count(item, command);
        return;
    default: /* STORE_LENGTH */
        break;
    }
    reply->number = (int64_t)item->count;
}

static void model_command(struct store *store, const struct store_command *command, store_done done,
                          void *context)
{
    struct model *m = begin(store);
    struct store_cache *cache = command->cache;
    struct store_reply reply = {.status = STORE_OK};
    enum store_type type = is_of_lists(command->kind) ? STORE_LIST : command->type;
    if (cache->deleted) {
        answer(done, context, STORE_NO_CACHE);
        return;
    }
    if (command->kind == STORE_SORTED_UNION) {
        reply.status = sorted_union(m, command, &reply.number);
        done(context, &reply);
        return;
    }

    bool board = type == STORE_LEADERBOARD;
    struct model_item *item = live_item(m, cache, command->key, board, command->now_ms);
    bool fresh = item == NULL;
    if (!fresh && item->type != type) {
        answer(done, context, STORE_WRONG_TYPE);
        return;
    }
    if (fresh && !creates(command->kind)) {
        answer(done, context, STORE_MISSING);
        return;
    }
    if (fresh)
        item = add_item(cache, command->key, board, type);
    apply(m, item, command, &reply);
    bool takes_ttl = creates(command->kind) || command->kind == STORE_LIST_RETAIN;
    if (fresh || (reply.status == STORE_OK && takes_ttl && command->refresh_ttl))
        item->expiry_ms = expiry_after(command->now_ms, command->ttl_ms);
    if (item->count == 0)
        discard_item(m, cache, item);
    done(context, &reply);
}

/* Caches. */

/* Where the link to the cache of this name is, or else belongs. */
static struct store_cache **link_of(struct model *m, struct bytes name)
{
    struct store_cache **link = &m->caches;
    while (*link != NULL && compare((*link)->name, name) < 0)
        link = &(*link)->next;
    return link;
}

static struct store_cache *cache_of(struct model *m, struct bytes name)
{
    struct store_cache *cache = *link_of(m, name);
    return cache != NULL && bytes_equal(cache->name, name) ? cache : NULL;
}

static void empty_cache(struct model *m, struct store_cache *cache)
{
    while (cache->count > 0)
        discard_item(m, cache, &cache->items[cache->count - 1]);
}

static void release(struct store_cache *cache)
{
    if (--cache->references > 0)
        return;
    free(memory_of(cache->name));
    free(cache->items);
    free(cache);
}

static void model_cache_create(struct store *store, struct bytes name, store_done done, void *context)
{
    struct model *m = begin(store);
    if (cache_of(m, name) != NULL) {
        answer(done, context, STORE_EXISTS);
        return;
    }
    struct store_cache *cache = must(calloc(1, sizeof *cache));
    struct store_cache **link = link_of(m, name);
    cache->name = copy_of(name);
    cache->references = 1;
    cache->next = *link;
    *link = cache;
    answer(done, context, STORE_OK);
}

static void model_cache_delete(struct store *store, struct bytes name, store_done done, void *context)
{
    struct model *m = begin(store);
    struct store_cache *cache = cache_of(m, name);
    if (cache != NULL) {
        *link_of(m, name) = cache->next;
        empty_cache(m, cache);
        cache->deleted = true;
        release(cache);
    }
    answer(done, context, cache != NULL ? STORE_OK : STORE_NO_CACHE);
}

static void model_cache_flush(struct store *store, struct bytes name, store_done done, void *context)
{
    struct model *m = begin(store);
    struct store_cache *cache = cache_of(m, name);
    if (cache != NULL)
        empty_cache(m, cache);
    answer(done, context, cache != NULL ? STORE_OK : STORE_NO_CACHE);
}

static void model_cache_each(struct store *store, store_visit visit, void *context)
{
    const struct model *m = begin(store);
    for (const struct store_cache *cache = m->caches; cache != NULL; cache = cache->next)
        visit(context, cache->name);
}

static struct store_cache *model_cache_take(struct store *store, struct bytes name)
{
    struct store_cache *cache = cache_of(begin(store), name);
    if (cache != NULL)
        cache->references++;
    return cache;
}

static void model_cache_release(struct store *store, struct store_cache *cache)
{
    begin(store);
    release(cache);
}

static bool model_maintain(struct store *store, int64_t now_ms)
{
    struct model *m = begin(store);
    for (struct store_cache *cache = m->caches; cache != NULL; cache = cache->next) {
        for (size_t j = cache->count; j-- > 0;) {
            if (cache->items[j].expiry_ms <= now_ms)
                discard_item(m, cache, &cache->items[j]);
        }
    }
    return false;
}

static void model_stats(struct store *store, struct store_stats *stats)
{
    const struct model *m = begin(store);
    *stats = (struct store_stats){.bytes_limit = UINT64_MAX};
    for (const struct store_cache *cache = m->caches; cache != NULL; cache = cache->next) {
        stats->caches++;
        stats->items += cache->count;
    }
}

static void model_destroy(struct store *store)
{
    struct model *m = begin(store);
    while (m->caches != NULL) {
        struct store_cache *cache = m->caches;
        m->caches = cache->next;
        empty_cache(m, cache);
        release(cache);
    }
    begin(store);
    free(m->trash);
    free(m);
}

struct store *model_create(void)
{
    static const struct store_operations operations = {
        .destroy = model_destroy,
        .cache_create = model_cache_create,
        .cache_delete = model_cache_delete,
        .cache_flush = model_cache_flush,
        .cache_each = model_cache_each,
        .cache_take = model_cache_take,
        .cache_release = model_cache_release,
        .get = model_get,
        .set = model_set,
        .delete = model_delete,
        .increment = model_increment,
        .item_ttl = model_item_ttl,
        .item_type = model_item_type,
        .update_ttl = model_update_ttl,
        .command = model_command,
        .maintain = model_maintain,
        .stats = model_stats,
    };
    struct model *m = must(calloc(1, sizeof *m));
    m->store.operations = &operations;
    return &m->store;
}

/* What only a test may do. */

static struct model_item contents_copy(const struct model_item *item)
{
    struct model_item copy = *item;
    copy.key = copy_of(item->key);
    copy.value = copy_of(item->value);
    copy.room = item->count;
    copy.elements = must(malloc((item->count + 1) * sizeof *copy.elements));
    for (size_t i = 0; i < item->count; i++)
        copy.elements[i] = element_copy(&item->elements[i], item->type);
    return copy;
}

static void free_contents(struct model_item *item)
{
    for (size_t i = 0; i < item->count; i++) {
        free(memory_of(item->elements[i].name));
        free(memory_of(item->elements[i].value));
    }
    free(item->elements);
    free(memory_of(item->value));
    free(memory_of(item->key));
}

struct model_item *model_save(struct store_cache *cache, struct bytes key, bool board)
{
    const struct model_item *item = item_at(cache, key, board);
    if (item == NULL)
        return NULL;
    struct model_item *saved = must(malloc(sizeof *saved));
    *saved = contents_copy(item);
    return saved;
}

void model_saved_free(struct model_item *saved)
{
    if (saved != NULL)
        free_contents(saved);
    free(saved);
}

void model_restore(struct store_cache *cache, struct bytes key, bool board, const struct model_item *saved)
{
    struct model_item *item = item_at(cache, key, board);
    if (item != NULL) {
        free_contents(item);
        take_out_item(cache, item);
    }
    if (saved != NULL)
        insert_item(cache, contents_copy(saved));
}

size_t model_bytes(struct store_cache *cache, struct bytes key, bool board)
{
    const struct model_item *item = item_at(cache, key, board);
    if (item == NULL)
        return 0;
    size_t bytes = item->value.size;
    for (size_t i = 0; i < item->count; i++)
        bytes += item->elements[i].name.size + item->elements[i].value.size;
    return bytes;
}

size_t model_length(struct store_cache *cache, struct bytes key, bool board)
{
    const struct model_item *item = item_at(cache, key, board);
    return item == NULL ? 0 : item->count;
}
