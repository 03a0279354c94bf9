/* What a request must be to be sent at all. What only the server can know (its limits, what a key holds)
 * is left to the server; what no server could take is told here, with the field's name, before anything
 * leaves. */
#include "base/utf8.h"
#include "client/methods.h"

#include <math.h>

#define DEADLINE_MAX_MS         UINT32_C(86400000)
#define CACHE_NAME_MAX          255
#define METADATA_BYTES_MAX      32768 /* names and values of a request */
#define METADATA_OVERHEAD_BYTES 32    /* for each, as HTTP/2 counts */

/* --- Metadata --- */

/* Names that belong to gRPC and HTTP. */
static bool is_reserved(struct bytes name)
{
    static const char *const reserved[] = {"te",      "content-type", "connection",        "host",
                                           "upgrade", "keep-alive",   "transfer-encoding", "proxy-connection",
                                           "cache"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (bytes_equal(name, bytes_of(reserved[i])))
            return true;
    return bytes_start_with(name, bytes_of("grpc-"));
}

static const char *name_problem(struct bytes name)
{
    if (name.size == 0 || name.data == NULL)
        return "a metadata name is empty";
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.')
            return "a metadata name has other characters than a-z, 0-9, -, _ and .";
    }
    return is_reserved(name) ? "a metadata name is one that gRPC, HTTP or this library uses itself" : NULL;
}

/* What HTTP allows in a header's value, beyond ASCII as LIMIT says. */
static bool is_header_value(struct bytes value, uint8_t limit)
{
    if (value.size > 0 && (value.data[0] == ' ' || value.data[value.size - 1] == ' '))
        return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < ' ' || value.data[i] == 0x7f || value.data[i] > limit)
            return false;
    return true;
}

static const char *metadata_problem(const mayfly_request *request)
{
    if (request->metadata_count > CLIENT_METADATA_MAX)
        return "a request carries at most 32 entries of metadata";
    if (request->metadata_count > 0 && request->metadata == NULL)
        return "metadata_count says that there is metadata, but there is none";
    size_t size = 0;
    for (size_t i = 0; i < request->metadata_count; i++) {
        struct bytes name = plain(request->metadata[i].name);
        struct bytes value = plain(request->metadata[i].value);
        const char *problem = name_problem(name);
        if (problem != NULL)
            return problem;
        if ((value.data == NULL && value.size > 0) || !is_header_value(value, 0x7e))
            return "a metadata value is not printable ASCII or has a space at an end; encode it as base64 "
                   "under a name that ends with -bin";
        if (value.size > METADATA_BYTES_MAX || name.size > METADATA_BYTES_MAX)
            return "a request carries at most 32 KiB of metadata";
        size += name.size + value.size + METADATA_OVERHEAD_BYTES;
    }
    return size > METADATA_BYTES_MAX ? "a request carries at most 32 KiB of metadata" : NULL;
}

/* --- What a method asks of its request --- */

/* Parts of a request that must be there or make sense. */
enum need {
    NEEDS_CACHE = 1 << 0,
    NEEDS_KEY = 1 << 1,
    NEEDS_UTF8_KEY = 1 << 2,
    NEEDS_FIELD = 1 << 3,
    NEEDS_TTL = 1 << 4,
    NEEDS_ITEMS = 1 << 5,     /* one at least */
    NEEDS_ITEM_KEYS = 1 << 6, /* where there are items */
    NEEDS_ITEM_SCORES = 1 << 7,
    NEEDS_SHORT_LIMIT = 1 << 8, /* of 32 bits */
};

#define NEEDS_COLLECTION (NEEDS_CACHE | NEEDS_KEY)
#define NEEDS_BOARD      (NEEDS_CACHE | NEEDS_KEY | NEEDS_UTF8_KEY)

static const unsigned needs[MAYFLY_METHODS] = {
    [MAYFLY_METHOD_GET] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_SET] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_GET_WITH_HASH] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_GET_BATCH] = NEEDS_CACHE | NEEDS_ITEM_KEYS,
    [MAYFLY_METHOD_SET_BATCH] = NEEDS_CACHE | NEEDS_ITEM_KEYS,
    [MAYFLY_METHOD_SET_IF] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_SET_IF_HASH] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_SET_IF_NOT_EXISTS] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_DELETE] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_KEYS_EXIST] = NEEDS_CACHE | NEEDS_ITEM_KEYS,
    [MAYFLY_METHOD_INCREMENT] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_UPDATE_TTL] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_ITEM_GET_TTL] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_ITEM_GET_TYPE] = NEEDS_CACHE | NEEDS_KEY,
    [MAYFLY_METHOD_CREATE_CACHE] = NEEDS_CACHE,
    [MAYFLY_METHOD_DELETE_CACHE] = NEEDS_CACHE,
    [MAYFLY_METHOD_FLUSH_CACHE] = NEEDS_CACHE,
    [MAYFLY_METHOD_DICTIONARY_GET] = NEEDS_COLLECTION | NEEDS_ITEM_KEYS,
    [MAYFLY_METHOD_DICTIONARY_FETCH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_DICTIONARY_SET] = NEEDS_COLLECTION | NEEDS_ITEM_KEYS | NEEDS_TTL,
    [MAYFLY_METHOD_DICTIONARY_INCREMENT] = NEEDS_COLLECTION | NEEDS_FIELD | NEEDS_TTL,
    [MAYFLY_METHOD_DICTIONARY_DELETE] = NEEDS_COLLECTION | NEEDS_ITEM_KEYS,
    [MAYFLY_METHOD_DICTIONARY_LENGTH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SET_FETCH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SET_SAMPLE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SET_UNION] = NEEDS_COLLECTION | NEEDS_TTL,
    [MAYFLY_METHOD_SET_DIFFERENCE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SET_CONTAINS] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SET_LENGTH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SET_POP] = NEEDS_COLLECTION | NEEDS_SHORT_LIMIT,
    [MAYFLY_METHOD_LIST_PUSH_FRONT] = NEEDS_COLLECTION | NEEDS_TTL | NEEDS_SHORT_LIMIT,
    [MAYFLY_METHOD_LIST_PUSH_BACK] = NEEDS_COLLECTION | NEEDS_TTL | NEEDS_SHORT_LIMIT,
    [MAYFLY_METHOD_LIST_POP_FRONT] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_LIST_POP_BACK] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_LIST_ERASE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_LIST_REMOVE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_LIST_FETCH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_LIST_LENGTH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_LIST_CONCATENATE_FRONT] = NEEDS_COLLECTION | NEEDS_TTL | NEEDS_SHORT_LIMIT,
    [MAYFLY_METHOD_LIST_CONCATENATE_BACK] = NEEDS_COLLECTION | NEEDS_TTL | NEEDS_SHORT_LIMIT,
    [MAYFLY_METHOD_LIST_RETAIN] = NEEDS_COLLECTION | NEEDS_TTL,
    [MAYFLY_METHOD_SORTED_SET_PUT] = NEEDS_COLLECTION | NEEDS_TTL | NEEDS_ITEM_SCORES,
    [MAYFLY_METHOD_SORTED_SET_FETCH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SORTED_SET_GET_SCORE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SORTED_SET_REMOVE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SORTED_SET_INCREMENT] = NEEDS_COLLECTION | NEEDS_TTL,
    [MAYFLY_METHOD_SORTED_SET_GET_RANK] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SORTED_SET_LENGTH] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SORTED_SET_LENGTH_BY_SCORE] = NEEDS_COLLECTION,
    [MAYFLY_METHOD_SORTED_SET_UNION_STORE] =
        NEEDS_COLLECTION | NEEDS_TTL | NEEDS_ITEM_KEYS | NEEDS_ITEM_SCORES,
    [MAYFLY_METHOD_LEADERBOARD_DELETE] = NEEDS_BOARD,
    [MAYFLY_METHOD_LEADERBOARD_UPSERT] = NEEDS_BOARD | NEEDS_ITEMS | NEEDS_ITEM_SCORES,
    [MAYFLY_METHOD_LEADERBOARD_REMOVE] = NEEDS_BOARD | NEEDS_ITEMS,
    [MAYFLY_METHOD_LEADERBOARD_LENGTH] = NEEDS_BOARD,
    [MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK] = NEEDS_BOARD,
    [MAYFLY_METHOD_LEADERBOARD_GET_RANK] = NEEDS_BOARD | NEEDS_ITEMS,
    [MAYFLY_METHOD_LEADERBOARD_GET_BY_SCORE] = NEEDS_BOARD | NEEDS_SHORT_LIMIT,
    [MAYFLY_METHOD_LEADERBOARD_GET_COMPETITION_RANK] = NEEDS_BOARD | NEEDS_ITEMS,
    [MAYFLY_METHOD_PUBLISH] = NEEDS_CACHE | NEEDS_KEY | NEEDS_UTF8_KEY,
};

/* --- Names, values, items --- */

const char *client_cache_problem(const char *cache)
{
    if (cache == NULL || cache[0] == '\0')
        return "the request names no cache";
    struct bytes name = bytes_of(cache);
    if (name.size > CACHE_NAME_MAX)
        return "the cache's name has more than 255 bytes";
    if (!is_header_value(name, 0xff))
        return "the cache's name has a control character, or a space at an end";
    return NULL;
}

static bool is_missing(mayfly_bytes bytes)
{
    return bytes.data == NULL && bytes.size > 0;
}

static bool is_empty(mayfly_bytes bytes)
{
    return bytes.data == NULL || bytes.size == 0;
}

static const char *bytes_problem(const mayfly_request *request, unsigned need)
{
    if ((need & NEEDS_KEY) && is_empty(request->key))
        return "the key is empty";
    if ((need & NEEDS_UTF8_KEY) && !utf8_is_valid(plain(request->key)))
        return "the name (the request's key) is not UTF-8";
    if ((need & NEEDS_FIELD) && is_empty(request->field))
        return "the field is empty";
    if (is_missing(request->value))
        return "the value has a size but no bytes";
    if (request->is_text && !utf8_is_valid(plain(request->value)))
        return "the text is not UTF-8; publish it as bytes";
    if ((need & NEEDS_TTL) && request->ttl_ms == 0)
        return "ttl_ms must be 1 or more";
    return NULL;
}

static const char *item_problem(const mayfly_item *item, unsigned need)
{
    if ((need & NEEDS_ITEM_KEYS) && is_empty(item->key))
        return "the key of an item is empty";
    if (is_missing(item->value))
        return "the value of an item has a size but no bytes";
    if ((need & NEEDS_ITEM_SCORES) && isnan(item->score))
        return "the score of an item is not a number";
    if ((need & NEEDS_ITEM_SCORES) && (need & NEEDS_ITEMS) && isinf(item->score))
        return "the score of an item is infinite";
    return NULL;
}

static const char *items_problem(const mayfly_request *request, unsigned need)
{
    if (request->item_count > 0 && request->items == NULL)
        return "item_count says that there are items, but there are none";
    if ((need & NEEDS_ITEMS) && request->item_count == 0)
        return "there are no items";
    const char *problem = NULL;
    for (size_t i = 0; problem == NULL && i < request->item_count; i++)
        problem = item_problem(&request->items[i], need);
    return problem;
}

/* --- Ranges --- */

static bool is_index(int64_t index)
{
    return index == MAYFLY_UNBOUNDED || (index >= INT32_MIN && index <= INT32_MAX);
}

static const char *slice_problem(const mayfly_request *request)
{
    if (!is_index(request->start))
        return "start is no index of 32 bits and not MAYFLY_UNBOUNDED";
    return is_index(request->end) ? NULL : "end is no index of 32 bits and not MAYFLY_UNBOUNDED";
}

static const char *bounds_problem(const mayfly_request *request)
{
    if ((unsigned)request->min.kind > MAYFLY_BOUND_EXCLUSIVE ||
        (unsigned)request->max.kind > MAYFLY_BOUND_EXCLUSIVE)
        return "min or max is a bound of a kind that there is not";
    if (request->min.kind != MAYFLY_BOUND_NONE && isnan(request->min.score))
        return "min is not a number";
    if (request->max.kind != MAYFLY_BOUND_NONE && isnan(request->max.score))
        return "max is not a number";
    return NULL;
}

static const char *fetch_problem(const mayfly_request *request)
{
    if (!request->by_score)
        return slice_problem(request);
    if (request->limit != MAYFLY_ALL && request->limit > INT32_MAX)
        return "limit is more than 2,147,483,647 and not MAYFLY_ALL";
    return bounds_problem(request);
}

static const char *rank_range_problem(const mayfly_request *request)
{
    if (request->start < 0 || request->start > UINT32_MAX || request->end < 0 || request->end > UINT32_MAX)
        return "start and end are ranks, 0 to 4,294,967,295";
    return request->start < request->end ? NULL : "the range of ranks is empty: start must be below end";
}

static const char *score_range_problem(const mayfly_request *request)
{
    const char *problem = bounds_problem(request);
    if (problem != NULL)
        return problem;
    if (request->min.kind == MAYFLY_BOUND_EXCLUSIVE)
        return "min of a leaderboard's range is inclusive or unbounded";
    if (request->max.kind == MAYFLY_BOUND_INCLUSIVE)
        return "max of a leaderboard's range is exclusive or unbounded";
    if (isinf(request->min.score) || isinf(request->max.score))
        return "min and max of a leaderboard's range are finite or unbounded";
    return request->limit > 0 ? NULL : "limit must be 1 or more";
}

static const char *condition_problem(const mayfly_request *request)
{
    bool is_set_if = request->method == MAYFLY_METHOD_SET_IF;
    if ((unsigned)request->condition > MAYFLY_ALWAYS)
        return "the condition is none of those there are";
    if (is_missing(request->operand))
        return "the operand has a size but no bytes";
    if (is_set_if && request->condition == MAYFLY_ALWAYS)
        return "set_if needs a condition; MAYFLY_ALWAYS is for set_if_hash";
    if (!is_set_if && (request->condition == MAYFLY_IF_PRESENT || request->condition == MAYFLY_IF_ABSENT))
        return "set_if_hash compares hashes; use set_if for this condition";
    return NULL;
}

/* What is particular to a method. */
static const char *method_problem(const mayfly_request *request)
{
    switch (request->method) {
    case MAYFLY_METHOD_UPDATE_TTL:
        return (unsigned)request->ttl_mode > MAYFLY_TTL_DECREASE ? "the ttl_mode is none of those there are"
                                                                 : NULL;
    case MAYFLY_METHOD_SET_IF:
    case MAYFLY_METHOD_SET_IF_HASH:
        return condition_problem(request);
    case MAYFLY_METHOD_LIST_ERASE:
        return request->range_count > 0 && request->ranges == NULL
                   ? "range_count says that there are ranges, but there are none"
                   : NULL;
    case MAYFLY_METHOD_LIST_FETCH:
    case MAYFLY_METHOD_LIST_RETAIN:
        return slice_problem(request);
    case MAYFLY_METHOD_SORTED_SET_FETCH:
        return fetch_problem(request);
    case MAYFLY_METHOD_SORTED_SET_LENGTH_BY_SCORE:
        return bounds_problem(request);
    case MAYFLY_METHOD_SORTED_SET_INCREMENT:
        return isfinite(request->score) ? NULL : "the score to add is not a finite number";
    case MAYFLY_METHOD_PUBLISH:
        return utf8_is_valid(bytes_of(request->cache)) ? NULL : "the cache's name is not UTF-8";
    case MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK:
        return rank_range_problem(request);
    case MAYFLY_METHOD_LEADERBOARD_GET_BY_SCORE:
        return score_range_problem(request);
    default:
        return NULL;
    }
}

static const char *choices_problem(const mayfly_request *request, unsigned need)
{
    if ((need & NEEDS_SHORT_LIMIT) && request->limit > UINT32_MAX)
        return "limit is more than 4,294,967,295";
    if ((unsigned)request->order > MAYFLY_DESCENDING)
        return "the order is none of the two there are";
    if (request->deadline_ms > DEADLINE_MAX_MS)
        return "deadline_ms is more than 86,400,000";
    if ((unsigned)request->aggregate > MAYFLY_MAXIMUM)
        return "the aggregate is none of those there are";
    return NULL;
}

const char *client_request_problem(const mayfly_request *request)
{
    if ((unsigned)request->method >= MAYFLY_METHODS)
        return "the request has no method";
    unsigned need = needs[request->method];
    const char *problem = need & NEEDS_CACHE ? client_cache_problem(request->cache) : NULL;
    if (problem == NULL)
        problem = bytes_problem(request, need);
    if (problem == NULL)
        problem = items_problem(request, need);
    if (problem == NULL)
        problem = method_problem(request);
    if (problem == NULL)
        problem = choices_problem(request, need);
    return problem != NULL ? problem : metadata_problem(request);
}

const char *mayfly_request_problem(const mayfly_request *request)
{
    return request != NULL ? client_request_problem(request) : "there is no request: it is NULL";
}
