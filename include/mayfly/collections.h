/* Collections: dictionaries, sets, lists and sorted sets, as requests for mayfly_call and mayfly_start.
 *
 * Functions are named after the protocol's methods, with a word more where a method does several things.
 * So mayfly_set, mayfly_set_if..., mayfly_set_batch are of scalars, and mayfly_set_fetch, _sample, _union,
 * _difference..., _contains, _length, _pop are of sets.
 *
 * Names of collections and fields have 1 byte or more, values may be empty. A collection exists while it
 * has elements. A call on a key of another type ends with FAILED_PRECONDITION and changes nothing; MISS is
 * an answer, not an error. Calls with items or ranges take any number, none included. */
#ifndef MAYFLY_COLLECTIONS_H
#define MAYFLY_COLLECTIONS_H

#include <mayfly/calls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How long a collection lives. */
typedef struct mayfly_ttl {
    uint64_t ttl_ms; /* 1 up to the server's limit */
    bool refresh;
} mayfly_ttl;

/* So long from now, whether the call creates the collection or finds it. */
static inline mayfly_ttl mayfly_ttl_refreshed(uint64_t ttl_ms)
{
    mayfly_ttl ttl = {ttl_ms, true};
    return ttl;
}

/* So long when the call creates the collection; one that is there keeps what remains of its own. */
static inline mayfly_ttl mayfly_ttl_kept(uint64_t ttl_ms)
{
    mayfly_ttl ttl = {ttl_ms, false};
    return ttl;
}

/* For the functions below: a request about a collection with nothing else set. */
static inline mayfly_request mayfly_collection_request(mayfly_method method, const char *cache,
                                                       mayfly_bytes key)
{
    mayfly_request request = mayfly_request_of(method, cache);
    request.key = key;
    return request;
}

/* --- Dictionaries: fields with a value each, in no order --- */

/* HIT with as many items as fields (of which key is given), in their order, each found or not and with its
 * value; MISS, with as many items, none found. */
static inline mayfly_request mayfly_dictionary_get(const char *cache, mayfly_bytes key,
                                                   const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_GET, cache, key);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* HIT with an item a field (key and value), in no order; MISS. */
static inline mayfly_request mayfly_dictionary_fetch(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_FETCH, cache, key);
}

/* DONE. Items need key and value; of two with the same field the later one counts. */
static inline mayfly_request mayfly_dictionary_set(const char *cache, mayfly_bytes key,
                                                   const mayfly_item *items, size_t item_count,
                                                   mayfly_ttl ttl)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_SET, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* DONE with number, the value now stored. What is not there counts as 0; a value that is no decimal 64-bit
 * integer, and a sum beyond 64 bits, is FAILED_PRECONDITION. */
static inline mayfly_request mayfly_dictionary_increment(const char *cache, mayfly_bytes key,
                                                         mayfly_bytes field, int64_t amount, mayfly_ttl ttl)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_INCREMENT, cache, key);
    request.field = field;
    request.amount = amount;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* DONE, whether the fields (key) were there or not. */
static inline mayfly_request mayfly_dictionary_delete(const char *cache, mayfly_bytes key,
                                                      const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_DELETE, cache, key);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* DONE: the dictionary is gone. */
static inline mayfly_request mayfly_dictionary_delete_all(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_DELETE, cache, key);
    request.all = true;
    return request;
}

/* HIT with number; MISS. */
static inline mayfly_request mayfly_dictionary_length(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_DICTIONARY_LENGTH, cache, key);
}

/* --- Sets: elements (value of an item), each there once, in no order --- */

/* HIT with an item an element; MISS. */
static inline mayfly_request mayfly_set_fetch(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_SET_FETCH, cache, key);
}

/* HIT with up to LIMIT elements chosen at random, none twice; MISS. */
static inline mayfly_request mayfly_set_sample(const char *cache, mayfly_bytes key, uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_SAMPLE, cache, key);
    request.limit = limit;
    return request;
}

/* DONE: the elements are added. */
static inline mayfly_request mayfly_set_union(const char *cache, mayfly_bytes key, const mayfly_item *items,
                                              size_t item_count, mayfly_ttl ttl)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_UNION, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* HIT: the set has lost these elements; MISS. */
static inline mayfly_request mayfly_set_difference(const char *cache, mayfly_bytes key,
                                                   const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_DIFFERENCE, cache, key);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* HIT: the set is gone; MISS. */
static inline mayfly_request mayfly_set_difference_all(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_DIFFERENCE, cache, key);
    request.all = true;
    return request;
}

/* HIT: the set is now these elements without those that were in it; MISS. */
static inline mayfly_request mayfly_set_difference_from(const char *cache, mayfly_bytes key,
                                                        const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_DIFFERENCE, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.from_items = true;
    return request;
}

/* HIT with as many items as elements, in their order, each found or not; MISS, with as many items, none
 * found. */
static inline mayfly_request mayfly_set_contains(const char *cache, mayfly_bytes key,
                                                 const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_CONTAINS, cache, key);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* HIT with number; MISS. */
static inline mayfly_request mayfly_set_length(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_SET_LENGTH, cache, key);
}

/* HIT with up to LIMIT elements, chosen at random, which have left the set; MISS. A LIMIT is at most
 * UINT32_MAX. */
static inline mayfly_request mayfly_set_pop(const char *cache, mayfly_bytes key, uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SET_POP, cache, key);
    request.limit = limit;
    return request;
}

/* --- Lists: values (of an item) in the order in which they were put, equal ones included --- */

/* DONE with number, the length now. With a LIMIT other than 0 the list is cut to it at the back; at most
 * UINT32_MAX. */
static inline mayfly_request mayfly_list_push_front(const char *cache, mayfly_bytes key, mayfly_bytes value,
                                                    mayfly_ttl ttl, uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_PUSH_FRONT, cache, key);
    request.value = value;
    request.limit = limit;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* Likewise at the other end: what is over LIMIT leaves at the front. */
static inline mayfly_request mayfly_list_push_back(const char *cache, mayfly_bytes key, mayfly_bytes value,
                                                   mayfly_ttl ttl, uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_PUSH_BACK, cache, key);
    request.value = value;
    request.limit = limit;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* DONE with number, the length now. The values stand before those in the list, in the order given; LIMIT
 * as for list_push_front. */
static inline mayfly_request mayfly_list_concatenate_front(const char *cache, mayfly_bytes key,
                                                           const mayfly_item *items, size_t item_count,
                                                           mayfly_ttl ttl, uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_CONCATENATE_FRONT, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.limit = limit;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* DONE with number, the length now. The values stand behind those in the list; LIMIT as for
 * list_push_back. */
static inline mayfly_request mayfly_list_concatenate_back(const char *cache, mayfly_bytes key,
                                                          const mayfly_item *items, size_t item_count,
                                                          mayfly_ttl ttl, uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_CONCATENATE_BACK, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.limit = limit;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* HIT with value, which has left the list, and number, the length now; MISS. */
static inline mayfly_request mayfly_list_pop_front(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_LIST_POP_FRONT, cache, key);
}

/* HIT with value, which has left the list, and number, the length now; MISS. */
static inline mayfly_request mayfly_list_pop_back(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_LIST_POP_BACK, cache, key);
}

/* HIT with number, the length now; MISS. The ranges are of the list as it was before the call; they may
 * overlap. */
static inline mayfly_request mayfly_list_erase(const char *cache, mayfly_bytes key,
                                               const mayfly_range *ranges, size_t range_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_ERASE, cache, key);
    request.ranges = ranges;
    request.range_count = range_count;
    return request;
}

/* HIT: the list is gone; MISS. */
static inline mayfly_request mayfly_list_erase_all(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_ERASE, cache, key);
    request.all = true;
    return request;
}

/* HIT with number, the length now, without any element equal to VALUE; MISS. */
static inline mayfly_request mayfly_list_remove(const char *cache, mayfly_bytes key, mayfly_bytes value)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_REMOVE, cache, key);
    request.value = value;
    return request;
}

/* HIT with the values of a slice, none where it is empty; MISS. Indices begin at 0, negative ones count
 * from the end (-1 is the last), those beyond an end mean that end; of 32 bits. */
static inline mayfly_request mayfly_list_fetch(const char *cache, mayfly_bytes key, int64_t start,
                                               int64_t end)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_FETCH, cache, key);
    request.start = start;
    request.end = end;
    return request;
}

/* HIT with number, the length now, of the slice that was kept; MISS. An empty slice removes the list. */
static inline mayfly_request mayfly_list_retain(const char *cache, mayfly_bytes key, int64_t start,
                                                int64_t end, mayfly_ttl ttl)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_LIST_RETAIN, cache, key);
    request.start = start;
    request.end = end;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* HIT with number; MISS. */
static inline mayfly_request mayfly_list_length(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_LIST_LENGTH, cache, key);
}

/* --- Sorted sets: values (of an item), each there once with a score, ordered by score, then by bytes --- */

/* DONE: values that were there have new scores. Items need value and score; no score is NaN. */
static inline mayfly_request mayfly_sorted_set_put(const char *cache, mayfly_bytes key,
                                                   const mayfly_item *items, size_t item_count,
                                                   mayfly_ttl ttl)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_PUT, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* HIT with the elements of a slice (value and score), indices as in list_fetch, counted in ORDER; MISS. Set
 * values_only on the request to leave the scores out. */
static inline mayfly_request mayfly_sorted_set_fetch_by_index(const char *cache, mayfly_bytes key,
                                                              int64_t start, int64_t end, mayfly_order order)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_FETCH, cache, key);
    request.start = start;
    request.end = end;
    request.order = order;
    return request;
}

/* HIT with the elements whose scores lie between MIN and MAX, in ORDER: after the first OFFSET of them up to
 * LIMIT, at most INT32_MAX or MAYFLY_ALL; MISS. Set values_only on the request to leave the scores out. */
static inline mayfly_request mayfly_sorted_set_fetch_by_score(const char *cache, mayfly_bytes key,
                                                              mayfly_bound min, mayfly_bound max,
                                                              mayfly_order order, uint32_t offset,
                                                              uint64_t limit)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_FETCH, cache, key);
    request.by_score = true;
    request.min = min;
    request.max = max;
    request.order = order;
    request.offset = offset;
    request.limit = limit;
    return request;
}

/* HIT with as many items as values, in their order, each found or not and with its score; MISS, with as many
 * items, none found. */
static inline mayfly_request mayfly_sorted_set_get_score(const char *cache, mayfly_bytes key,
                                                         const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_GET_SCORE, cache, key);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* DONE, whether the values were there or not. */
static inline mayfly_request mayfly_sorted_set_remove(const char *cache, mayfly_bytes key,
                                                      const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_REMOVE, cache, key);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* DONE: the sorted set is gone. */
static inline mayfly_request mayfly_sorted_set_remove_all(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_REMOVE, cache, key);
    request.all = true;
    return request;
}

/* DONE with score, the one now stored. What is not there counts as 0. */
static inline mayfly_request mayfly_sorted_set_increment(const char *cache, mayfly_bytes key,
                                                         mayfly_bytes value, double amount, mayfly_ttl ttl)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_INCREMENT, cache, key);
    request.value = value;
    request.score = amount;
    request.ttl_ms = ttl.ttl_ms;
    request.refresh_ttl = ttl.refresh;
    return request;
}

/* HIT with number, the rank; MISS: there is no such set or no such value in it. */
static inline mayfly_request mayfly_sorted_set_get_rank(const char *cache, mayfly_bytes key,
                                                        mayfly_bytes value, mayfly_order order)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_GET_RANK, cache, key);
    request.value = value;
    request.order = order;
    return request;
}

/* HIT with number; MISS. */
static inline mayfly_request mayfly_sorted_set_length(const char *cache, mayfly_bytes key)
{
    return mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_LENGTH, cache, key);
}

/* HIT with number, of elements whose scores lie between MIN and MAX; MISS. */
static inline mayfly_request mayfly_sorted_set_length_by_score(const char *cache, mayfly_bytes key,
                                                               mayfly_bound min, mayfly_bound max)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_LENGTH_BY_SCORE, cache, key);
    request.min = min;
    request.max = max;
    return request;
}

/* DONE with number, the length of what KEY now holds: the union of the sources, whose scores are
 * multiplied by their weights (key and score of an item; weights are kept as 32-bit floats, 0 and negative
 * ones allowed). The sorted set that KEY held is replaced; an empty union removes it. */
static inline mayfly_request mayfly_sorted_set_union_store(const char *cache, mayfly_bytes key,
                                                           const mayfly_item *items, size_t item_count,
                                                           mayfly_aggregate aggregate, uint64_t ttl_ms)
{
    mayfly_request request = mayfly_collection_request(MAYFLY_METHOD_SORTED_SET_UNION_STORE, cache, key);
    request.items = items;
    request.item_count = item_count;
    request.aggregate = aggregate;
    request.ttl_ms = ttl_ms;
    return request;
}

#ifdef __cplusplus
}
#endif

#endif
