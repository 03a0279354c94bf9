/* The union of sorted sets takes a second a million elements, and nobody should wait for that: a source is copied as
 * flat bytes, which is quick, under its shard's lock; merged without one into a set that nobody else sees; and that
 * then gets the key. No two shards are ever locked at once. The price is memory for a copy of one source at a time.
 *
 *   copy:   | score: 8 | size: 4 | name | score | size | name | ...
 *
 * A source that is named again is read once only: what it adds up to follows from its weights. */
#include "store/memory/union.h"

#include <math.h>
#include <stdlib.h>

#include "store/memory/call.h"

/* Elements that are copied and merged at a time. */
#define COPIED_AT_ONCE 4096
#define MERGED_AT_ONCE 256

/* Before the name. What a set itself keeps of an element is no less, so a copy is never larger than its source. */
#define HEAD_BYTES     (sizeof(double) + sizeof(uint32_t))

/* A source with all weights it was named with: their sum; or for MIN and MAX the lowest and the highest, as no other
 * can give an element its lowest or highest score. */
struct part {
    struct bytes key;
    double low;
    double high;
    size_t place; /* among the sources, where it was first named */
};

struct copy {
    uint8_t *data;
    uint64_t size;
    uint64_t left; /* elements that sources may yet have */
};

/* --- What to unite --- */

static int by_key(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    int order = bytes_compare(a->key, b->key);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

static int by_place(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    return (a->place > b->place) - (a->place < b->place);
}

static void fold(struct part *part, const struct part *again, enum store_aggregate aggregate)
{
    if (aggregate == STORE_SUM) {
        part->low += again->low;
        part->high = part->low;
        return;
    }
    part->low = again->low < part->low ? again->low : part->low;
    part->high = again->high > part->high ? again->high : part->high;
}

/* The sources, each once, in the order in which they were first named; NULL without memory. */
static struct part *make_parts(const struct store_command *command, size_t *count)
{
    struct part *parts = calloc(command->source_count + 1, sizeof *parts);
    *count = 0;
    if (parts == NULL)
        return NULL;
    for (size_t i = 0; i < command->source_count; i++) {
        const struct store_source *source = &command->sources[i];
        parts[i] = (struct part){source->key, source->weight, source->weight, i};
    }
    qsort(parts, command->source_count, sizeof *parts, by_key);
    for (size_t i = 0; i < command->source_count; i++) {
        if (*count > 0 && bytes_equal(parts[*count - 1].key, parts[i].key))
            fold(&parts[*count - 1], &parts[i], command->aggregate);
        else
            parts[(*count)++] = parts[i];
    }
    qsort(parts, *count, sizeof *parts, by_place);
    return parts;
}

/* --- Copying, with the lock --- */

static bool copy_piece(struct copy *copy, struct collection *from, uint64_t first)
{
    struct collection_answer answer;
    struct store_reply reply = {0};
    struct store_command read = {
        .kind = STORE_SORTED_BY_INDEX,
        .type = STORE_SORTED_SET,
        .start = (int64_t)first,
        .end = (int64_t)first + COPIED_AT_ONCE,
    };
    collection_apply(from, &read, &answer, &reply);
    for (size_t i = 0; i < reply.count; i++) {
        const struct store_element *element = &reply.elements[i];
        uint8_t *to = copy->data + copy->size;
        uint32_t size = (uint32_t)element->name.size;
        memcpy(to, &element->score, sizeof element->score);
        memcpy(to + sizeof element->score, &size, sizeof size);
        bytes_copy(to + HEAD_BYTES, element->name.data, size);
        copy->size += HEAD_BYTES + size;
    }
    collection_answer_free(&answer);
    return reply.status == STORE_OK;
}

static enum store_status copy_all(struct call *call, struct copy *copy, struct collection *from)
{
    uint64_t paid_bytes = from->bytes;
    copy->size = 0;
    if (from->length > copy->left)
        return STORE_NO_MEMORY;
    if (!call_pay(call, from->bytes, paid_bytes)) {
        call->kept_bytes = from->bytes;
        return STORE_NO_MEMORY;
    }
    copy->data = malloc(paid_bytes);
    bool copied = copy->data != NULL;
    for (uint64_t first = 0; copied && first < from->length; first += COPIED_AT_ONCE)
        copied = copy_piece(copy, from, first);
    if (!copied) {
        free(copy->data);
        copy->data = NULL;
        copy->size = 0;
    }
    call_settle(call, paid_bytes, (int64_t)copy->size);
    copy->left -= copied ? from->length : 0;
    return copied ? STORE_OK : STORE_NO_MEMORY;
}

/* Copies the sorted set of the call's key; none is one without elements. */
static enum store_status copy_source(struct call *call, struct copy *copy)
{
    enum store_status status;
    do {
        if (!call_enter(call))
            return STORE_NO_CACHE;
        status = STORE_OK;
        struct found found = call_find(call);
        if (found.entry != NULL) {
            item_touch(found.item.at);
            bool sorted = item_type(found.item.at) == STORE_SORTED_SET;
            status = sorted ? copy_all(call, copy, item_collection(&found.item)) : STORE_WRONG_TYPE;
        }
        call_leave(call);
    } while (status == STORE_NO_MEMORY && call_again(call));
    return status;
}

static void end_copy(struct call *call, struct copy *copy)
{
    free(copy->data);
    copy->data = NULL;
    call->purse.credit_bytes += copy->size;
    copy->size = 0;
}

/* --- Merging, without a lock --- */

static double aggregated(double before, double score, enum store_aggregate aggregate)
{
    if (aggregate == STORE_MIN)
        return score < before ? score : before;
    if (aggregate == STORE_MAX)
        return score > before ? score : before;
    double sum = before + score;
    return isnan(sum) ? 0 : sum;
}

static double weighted(double score, double weight)
{
    double product = score * weight;
    return isnan(product) ? 0 : product;
}

/* What a part gives an element. */
static double score_in(const struct part *part, double score, enum store_aggregate aggregate)
{
    double low = weighted(score, part->low);
    return aggregate == STORE_SUM ? low : aggregated(low, weighted(score, part->high), aggregate);
}

/* Reads elements from the copy, as the part gives them; returns how many. */
static size_t read_copy(const struct copy *copy, uint64_t *at, const struct part *part,
                        enum store_aggregate aggregate, struct store_element *elements)
{
    size_t count = 0;
    for (; count < MERGED_AT_ONCE && *at < copy->size; count++) {
        const uint8_t *from = copy->data + *at;
        double score;
        uint32_t size;
        memcpy(&score, from, sizeof score);
        memcpy(&size, from + sizeof score, sizeof size);
        elements[count] = (struct store_element){
            .name = bytes_make(from + HEAD_BYTES, size),
            .score = score_in(part, score, aggregate),
        };
        *at += HEAD_BYTES + size;
    }
    return count;
}

/* Pays for what no lock is held around. */
static bool pay(struct call *call, uint64_t held_bytes, uint64_t bytes)
{
    call->attempts = 0;
    while (!call_pay(call, held_bytes, bytes)) {
        if (!call_again(call))
            return false;
    }
    return true;
}

/* Elements with what is there of them already; their names are all different. */
static enum store_status add(struct call *call, struct collection *whole, enum store_aggregate aggregate,
                             struct store_element *elements, size_t count)
{
    struct collection_answer answer;
    struct store_reply reply = {0};
    struct store_command command = {
        .kind = STORE_SORTED_SCORE, .type = STORE_SORTED_SET, .elements = elements, .count = count};
    collection_apply(whole, &command, &answer, &reply);
    for (size_t i = 0; i < reply.count; i++) {
        if (reply.elements[i].found)
            elements[i].score = aggregated(reply.elements[i].score, elements[i].score, aggregate);
    }
    collection_answer_free(&answer);
    if (reply.status != STORE_OK)
        return reply.status;

    command.kind = STORE_SORTED_PUT;
    uint64_t before_bytes = whole->bytes;
    uint64_t paid_bytes = collection_need_bytes(whole, &command);
    if (!pay(call, before_bytes, paid_bytes))
        return STORE_NO_MEMORY;
    collection_apply(whole, &command, &answer, &reply);
    collection_answer_free(&answer);
    call_settle(call, paid_bytes, (int64_t)(whole->bytes - before_bytes));
    return reply.status;
}

static enum store_status merge(struct call *call, struct collection *whole, const struct copy *copy,
                               const struct part *part, enum store_aggregate aggregate)
{
    struct store_element elements[MERGED_AT_ONCE];
    enum store_status status = STORE_OK;
    uint64_t at = 0;
    while (status == STORE_OK && at < copy->size) {
        size_t count = read_copy(copy, &at, part, aggregate, elements);
        status = add(call, whole, aggregate, elements, count);
    }
    return status;
}

static enum store_status merge_all(struct call *call, const struct store_command *command,
                                   struct collection *whole)
{
    struct copy copy = {.left = STORE_UNION_ELEMENTS_MOST};
    size_t count;
    struct part *parts = make_parts(command, &count);
    enum store_status status = parts != NULL ? STORE_OK : STORE_NO_MEMORY;
    for (size_t i = 0; i < count && status == STORE_OK; i++) {
        call_turn(call, parts[i].key);
        status = copy_source(call, &copy);
        if (status == STORE_OK)
            status = merge(call, whole, &copy, &parts[i], command->aggregate);
        end_copy(call, &copy);
    }
    free(parts);
    return status;
}

/* --- The union as a whole --- */

/* Whether the key holds a sorted set, or nothing. */
static enum store_status check_target(struct call *call)
{
    enum store_status status = STORE_NO_CACHE;
    if (call_enter(call)) {
        struct found found = call_find(call);
        bool other = found.entry != NULL && item_type(found.item.at) != STORE_SORTED_SET;
        status = other ? STORE_WRONG_TYPE : STORE_OK;
        call_leave(call);
    }
    return status;
}

/* A sorted set without elements, paid for, or NULL. */
static struct collection *begin(struct call *call)
{
    struct store_command nothing = {.kind = STORE_SORTED_PUT, .type = STORE_SORTED_SET};
    uint64_t paid_bytes = collection_need_bytes(NULL, &nothing);
    if (!pay(call, 0, paid_bytes))
        return NULL;
    struct collection *whole = collection_create(STORE_SORTED_SET, call->memory->hash_seed);
    call_settle(call, paid_bytes, whole != NULL ? (int64_t)whole->bytes : 0);
    return whole;
}

/* Makes the union what the key holds; an empty one is nothing. *KEPT tells that it got the key. */
static enum store_status keep(struct call *call, struct collection *whole, uint64_t ttl_ms, bool *kept)
{
    struct found found = call_find(call);
    if (found.entry != NULL && item_type(found.item.at) != STORE_SORTED_SET)
        return STORE_WRONG_TYPE;
    if (whole->length == 0) {
        if (found.entry != NULL)
            shard_drop(call->shard, &found);
        return STORE_OK;
    }
    enum store_status status =
        call_put_collection(call, &found, STORE_SORTED_SET, whole, call_expiry_ms(call, ttl_ms));
    *kept = status == STORE_OK;
    return status;
}

static enum store_status put(struct call *call, const struct store_command *command, struct collection *whole,
                             bool *kept)
{
    enum store_status status;
    call_turn(call, command->key);
    do {
        if (!call_enter(call))
            return STORE_NO_CACHE;
        status = keep(call, whole, command->ttl_ms, kept);
        call_leave(call);
    } while (status == STORE_NO_MEMORY && call_again(call));
    return status;
}

void union_run(struct store *store, const struct store_command *command, store_done done, void *context)
{
    struct call call = call_make(store, command->cache, command->key, false, command->now_ms);
    struct store_reply reply = {.status = check_target(&call)};
    struct collection *whole = NULL;
    bool kept = false;
    if (reply.status == STORE_OK) {
        whole = begin(&call);
        reply.status = whole != NULL ? merge_all(&call, command, whole) : STORE_NO_MEMORY;
    }
    if (reply.status == STORE_OK) {
        reply.number = (int64_t)whole->length;
        reply.status = put(&call, command, whole, &kept);
    }
    if (whole != NULL && !kept)
        call_discard(&call, whole);
    call_end(&call);
    done(context, &reply);
}
