/* Leaderboards: ids with a score each, ranked by it, as requests for mayfly_call and mayfly_start.
 *
 * A leaderboard's name is UTF-8 of 1 byte or more; it exists while it has elements, and one that does not
 * answers like an empty one. Elements are items with an id, a score and, in replies, a rank from 0. A call
 * takes or returns 8,192 of them at most, unless the server says otherwise. */
#ifndef MAYFLY_LEADERBOARDS_H
#define MAYFLY_LEADERBOARDS_H

#include <mayfly/calls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* For the functions below: a request about a leaderboard with nothing else set. */
static inline mayfly_request mayfly_leaderboard_request(mayfly_method method, const char *cache,
                                                        mayfly_bytes board)
{
    mayfly_request request = mayfly_request_of(method, cache);
    request.key = board;
    return request;
}

/* DONE: elements (id and score) are added, those that are there have new scores; all of them or, when the
 * call fails, none. Scores are finite. 1 item or more. */
static inline mayfly_request mayfly_leaderboard_upsert(const char *cache, mayfly_bytes board,
                                                       const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_UPSERT, cache, board);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* DONE, whether the elements (id) were there or not. 1 item or more. */
static inline mayfly_request mayfly_leaderboard_remove(const char *cache, mayfly_bytes board,
                                                       const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_REMOVE, cache, board);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* DONE: the leaderboard is gone, or there was none. */
static inline mayfly_request mayfly_leaderboard_delete(const char *cache, mayfly_bytes board)
{
    return mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_DELETE, cache, board);
}

/* DONE with number; 0 where there is none. */
static inline mayfly_request mayfly_leaderboard_length(const char *cache, mayfly_bytes board)
{
    return mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_LENGTH, cache, board);
}

/* DONE with the elements of ranks START up to but without END, best first. START and END are 0 to UINT32_MAX,
 * START before END. */
static inline mayfly_request mayfly_leaderboard_get_by_rank(const char *cache, mayfly_bytes board,
                                                            int64_t start, int64_t end, mayfly_order order)
{
    mayfly_request request = mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK, cache, board);
    request.start = start;
    request.end = end;
    request.order = order;
    return request;
}

/* DONE with the elements whose scores lie between MIN (inclusive or unbounded) and MAX (exclusive or
 * unbounded), in ORDER: after the first OFFSET of them up to LIMIT, 1 to 8,192. */
static inline mayfly_request mayfly_leaderboard_get_by_score(const char *cache, mayfly_bytes board,
                                                             mayfly_bound min, mayfly_bound max,
                                                             mayfly_order order, uint32_t offset,
                                                             uint64_t limit)
{
    mayfly_request request = mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_GET_BY_SCORE, cache, board);
    request.min = min;
    request.max = max;
    request.order = order;
    request.offset = offset;
    request.limit = limit;
    return request;
}

/* DONE with the elements of these ids that are on the board. 1 item or more. */
static inline mayfly_request mayfly_leaderboard_get_rank(const char *cache, mayfly_bytes board,
                                                         const mayfly_item *items, size_t item_count,
                                                         mayfly_order order)
{
    mayfly_request request = mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_GET_RANK, cache, board);
    request.items = items;
    request.item_count = item_count;
    request.order = order;
    return request;
}

/* Likewise; elements of equal score share the best rank of them. */
static inline mayfly_request mayfly_leaderboard_get_competition_rank(const char *cache, mayfly_bytes board,
                                                                     const mayfly_item *items,
                                                                     size_t item_count, mayfly_order order)
{
    mayfly_request request =
        mayfly_leaderboard_request(MAYFLY_METHOD_LEADERBOARD_GET_COMPETITION_RANK, cache, board);
    request.items = items;
    request.item_count = item_count;
    request.order = order;
    return request;
}

#ifdef __cplusplus
}
#endif

#endif
