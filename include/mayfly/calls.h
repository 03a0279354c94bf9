/* Calls: every method of a cache, made as a value and then sent, blocking or with a callback. Here is what
 * all of them share and the scalar ones; collections.h, leaderboards.h and topics.h have the others.
 *
 *     mayfly_request request = mayfly_get("sessions", mayfly_text("user-17"));
 *     mayfly_reply *reply;
 *     if (mayfly_call(client, &request, &reply) == MAYFLY_OK && reply->outcome == MAYFLY_HIT)
 *         use(reply->value);
 *     mayfly_reply_free(reply);
 *
 * Keys have 1 byte or more, keys and values may hold any bytes. Names of caches have 1 to 255 bytes, none
 * of them a control character and none a space at an end. A request only points at what it was made from,
 * which has to live until mayfly_call or mayfly_start returns. */
#ifndef MAYFLY_CALLS_H
#define MAYFLY_CALLS_H

#include <mayfly/client.h>
#include <mayfly/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mayfly_method {
    MAYFLY_METHOD_GET,
    MAYFLY_METHOD_SET,
    MAYFLY_METHOD_GET_WITH_HASH,
    MAYFLY_METHOD_GET_BATCH,
    MAYFLY_METHOD_SET_BATCH,
    MAYFLY_METHOD_SET_IF,
    MAYFLY_METHOD_SET_IF_HASH,
    MAYFLY_METHOD_SET_IF_NOT_EXISTS,
    MAYFLY_METHOD_DELETE,
    MAYFLY_METHOD_KEYS_EXIST,
    MAYFLY_METHOD_INCREMENT,
    MAYFLY_METHOD_UPDATE_TTL,
    MAYFLY_METHOD_ITEM_GET_TTL,
    MAYFLY_METHOD_ITEM_GET_TYPE,
    MAYFLY_METHOD_CREATE_CACHE,
    MAYFLY_METHOD_DELETE_CACHE,
    MAYFLY_METHOD_LIST_CACHES,
    MAYFLY_METHOD_FLUSH_CACHE,
    MAYFLY_METHOD_PING,
    /* collections.h */
    MAYFLY_METHOD_DICTIONARY_GET,
    MAYFLY_METHOD_DICTIONARY_FETCH,
    MAYFLY_METHOD_DICTIONARY_SET,
    MAYFLY_METHOD_DICTIONARY_INCREMENT,
    MAYFLY_METHOD_DICTIONARY_DELETE,
    MAYFLY_METHOD_DICTIONARY_LENGTH,
    MAYFLY_METHOD_SET_FETCH,
    MAYFLY_METHOD_SET_SAMPLE,
    MAYFLY_METHOD_SET_UNION,
    MAYFLY_METHOD_SET_DIFFERENCE,
    MAYFLY_METHOD_SET_CONTAINS,
    MAYFLY_METHOD_SET_LENGTH,
    MAYFLY_METHOD_SET_POP,
    MAYFLY_METHOD_LIST_PUSH_FRONT,
    MAYFLY_METHOD_LIST_PUSH_BACK,
    MAYFLY_METHOD_LIST_POP_FRONT,
    MAYFLY_METHOD_LIST_POP_BACK,
    MAYFLY_METHOD_LIST_ERASE,
    MAYFLY_METHOD_LIST_REMOVE,
    MAYFLY_METHOD_LIST_FETCH,
    MAYFLY_METHOD_LIST_LENGTH,
    MAYFLY_METHOD_LIST_CONCATENATE_FRONT,
    MAYFLY_METHOD_LIST_CONCATENATE_BACK,
    MAYFLY_METHOD_LIST_RETAIN,
    MAYFLY_METHOD_SORTED_SET_PUT,
    MAYFLY_METHOD_SORTED_SET_FETCH,
    MAYFLY_METHOD_SORTED_SET_GET_SCORE,
    MAYFLY_METHOD_SORTED_SET_REMOVE,
    MAYFLY_METHOD_SORTED_SET_INCREMENT,
    MAYFLY_METHOD_SORTED_SET_GET_RANK,
    MAYFLY_METHOD_SORTED_SET_LENGTH,
    MAYFLY_METHOD_SORTED_SET_LENGTH_BY_SCORE,
    MAYFLY_METHOD_SORTED_SET_UNION_STORE,
    /* leaderboards.h */
    MAYFLY_METHOD_LEADERBOARD_DELETE,
    MAYFLY_METHOD_LEADERBOARD_UPSERT,
    MAYFLY_METHOD_LEADERBOARD_REMOVE,
    MAYFLY_METHOD_LEADERBOARD_LENGTH,
    MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK,
    MAYFLY_METHOD_LEADERBOARD_GET_RANK,
    MAYFLY_METHOD_LEADERBOARD_GET_BY_SCORE,
    MAYFLY_METHOD_LEADERBOARD_GET_COMPETITION_RANK,
    /* topics.h */
    MAYFLY_METHOD_PUBLISH,
    MAYFLY_METHODS,
} mayfly_method;

/* The method's name, such as "SetIfNotExists". Any thread. */
MAYFLY_API const char *mayfly_method_name(mayfly_method method);

/* What set_if and set_if_hash ask of the value that is there. Operands are values for the first, hashes as a
 * reply brought them for the second. */
typedef enum mayfly_condition {
    MAYFLY_IF_PRESENT,               /* set_if */
    MAYFLY_IF_ABSENT,                /* set_if */
    MAYFLY_IF_EQUAL,                 /* both; set_if_hash: present and the hash is the operand */
    MAYFLY_IF_NOT_EQUAL,             /* both; absent, or other than the operand */
    MAYFLY_IF_PRESENT_AND_NOT_EQUAL, /* both */
    MAYFLY_IF_ABSENT_OR_EQUAL,       /* both */
    MAYFLY_ALWAYS,                   /* set_if_hash: for the hash of what is stored */
} mayfly_condition;

typedef enum mayfly_ttl_mode {
    MAYFLY_TTL_OVERWRITE,
    MAYFLY_TTL_INCREASE, /* only to a longer one */
    MAYFLY_TTL_DECREASE, /* only to a shorter one */
} mayfly_ttl_mode;

typedef enum mayfly_type {
    MAYFLY_SCALAR,
    MAYFLY_DICTIONARY,
    MAYFLY_SET,
    MAYFLY_LIST,
    MAYFLY_SORTED_SET,
} mayfly_type;

/* The order of sorted sets and leaderboards. Rank 0 is the lowest score when ascending, the highest when
 * descending. */
typedef enum mayfly_order {
    MAYFLY_ASCENDING,
    MAYFLY_DESCENDING,
} mayfly_order;

/* What becomes of the scores of a value that several sources of a union hold. */
typedef enum mayfly_aggregate {
    MAYFLY_SUM,
    MAYFLY_MINIMUM,
    MAYFLY_MAXIMUM,
} mayfly_aggregate;

/* An end of a slice that is left open: the first element or behind the last one. */
#define MAYFLY_UNBOUNDED INT64_MIN

/* As a limit: as many as there are. */
#define MAYFLY_ALL       UINT64_MAX

typedef enum mayfly_bound_kind {
    MAYFLY_BOUND_NONE,
    MAYFLY_BOUND_INCLUSIVE,
    MAYFLY_BOUND_EXCLUSIVE,
} mayfly_bound_kind;

/* An end of a range of scores; the functions below are the way to make one. */
typedef struct mayfly_bound {
    mayfly_bound_kind kind;
    double score; /* a number; infinite ones are allowed but for leaderboards */
} mayfly_bound;

static inline mayfly_bound mayfly_unbounded(void)
{
    mayfly_bound bound = {MAYFLY_BOUND_NONE, 0};
    return bound;
}

static inline mayfly_bound mayfly_inclusive(double score)
{
    mayfly_bound bound = {MAYFLY_BOUND_INCLUSIVE, score};
    return bound;
}

static inline mayfly_bound mayfly_exclusive(double score)
{
    mayfly_bound bound = {MAYFLY_BOUND_EXCLUSIVE, score};
    return bound;
}

/* Elements of a list by their indices: COUNT of them from BEGIN on. */
typedef struct mayfly_range {
    uint32_t begin;
    uint32_t count;
} mayfly_range;

/* One of the many things that a request or a reply holds: an item of a batch, an element of a collection
 * or of a leaderboard. What belongs to it:
 *
 *     batches        key, value (set_batch, get_batch), ttl_ms (set_batch), found (get_batch, keys_exist)
 *     caches         key: the name (list_caches)
 *     dictionaries   key: the field, value, found (get)
 *     sets, lists    value, found (contains)
 *     sorted sets    value, score, found (get_score); for union_store key: a source, score: its weight
 *     leaderboards   id, score, rank
 */
typedef struct mayfly_item {
    mayfly_bytes key;
    mayfly_bytes value;
    uint64_t ttl_ms;
    bool found;
    double score;
    uint64_t rank; /* from 0 */
    uint32_t id;
} mayfly_item;

typedef struct mayfly_request {
    mayfly_method method;
    mayfly_condition condition; /* set_if, set_if_hash */
    const char *cache;          /* its name; for control methods the cache they are about */
    mayfly_bytes key;           /* of the item; the name of a collection, leaderboard or topic */
    mayfly_bytes value;         /* of the item; one element of a collection; a message to publish */
    mayfly_bytes operand;       /* of the condition */
    uint64_t ttl_ms;            /* 1 up to the server's limit, 24 hours unless it says otherwise */
    int64_t amount;             /* increment, dictionary_increment */
    const mayfly_item *items;
    size_t item_count;
    mayfly_ttl_mode ttl_mode; /* update_ttl */

    /* Collections, leaderboards and topics. */
    mayfly_bytes field; /* dictionary_increment */
    bool refresh_ttl;   /* a collection that is there takes ttl_ms too */
    bool all;           /* dictionary_delete, set_difference, list_erase, sorted_set_remove: all there is */
    bool from_items;    /* set_difference: the items without what is stored, not the other way round */
    bool by_score;      /* sorted_set_fetch: min, max, offset, limit; otherwise start, end */
    bool values_only;   /* sorted_set_fetch: without the scores, to save bytes */
    bool is_text;       /* publish: the value is UTF-8 */
    double score;       /* sorted_set_increment: what to add, a finite number */
    int64_t start;      /* the first index or rank, or MAYFLY_UNBOUNDED */
    int64_t end;        /* the one behind the last, or MAYFLY_UNBOUNDED */
    mayfly_bound min;   /* scores */
    mayfly_bound max;   /* likewise */
    uint32_t offset;    /* elements of the range to pass over */
    uint64_t limit;     /* how many at most: of what is answered; for lists of what is kept, 0: all */
    mayfly_order order; /* sorted sets, leaderboards */
    mayfly_aggregate aggregate; /* sorted_set_union_store */
    const mayfly_range *ranges; /* list_erase */
    size_t range_count;

    /* To be set on any request as wanted. */
    uint32_t deadline_ms;            /* 0: the configuration's; at most 86,400,000 ms */
    const mayfly_metadata *metadata; /* sent with the request: names of a-z, 0-9, -, _ and . that are not
                                        gRPC's own, values of printable ASCII, 32 KiB in all */
    size_t metadata_count;           /* at most 32 */
} mayfly_request;

typedef enum mayfly_outcome {
    MAYFLY_DONE,       /* nothing more to say */
    MAYFLY_HIT,        /* the key is there */
    MAYFLY_MISS,       /* the key is not there */
    MAYFLY_STORED,     /* the condition held */
    MAYFLY_NOT_STORED, /* it did not; nothing changed */
} mayfly_outcome;

typedef struct mayfly_reply {
    mayfly_status status;
    mayfly_outcome outcome;   /* where the status is OK */
    const char *message;      /* a sentence where it is not, else "" */
    mayfly_bytes value;       /* get, get_with_hash, list_pop_front, list_pop_back */
    mayfly_bytes hash;        /* get_with_hash, set_if_hash when stored: 16 bytes from mayfly servers */
    int64_t number;           /* increments: the value now stored; lengths; sorted_set_get_rank: the rank */
    double score;             /* sorted_set_increment: the score now stored */
    uint64_t ttl_ms;          /* item_get_ttl: what remains */
    mayfly_type type;         /* item_get_type */
    const mayfly_item *items; /* of batches as asked, of fetches as the server orders them; list_caches */
    size_t item_count;
    const mayfly_metadata *trailers; /* metadata of the reply, such as `err` */
    size_t trailer_count;
    size_t received_bytes; /* of the reply's messages, of the last attempt */
    uint32_t attempts;     /* 0: it never left this client */
    uint64_t waiting_ns;   /* from the start to the wire */
    uint64_t wire_ns;      /* from the (last) sending to the end */
} mayfly_reply;

/* A request of METHOD with nothing else set; the functions below are the way to make one. */
static inline mayfly_request mayfly_request_of(mayfly_method method, const char *cache)
{
    mayfly_request request;
    memset(&request, 0, sizeof request);
    request.method = method;
    request.cache = cache;
    return request;
}

/* --- Data: items of a cache --- */

/* HIT with value, MISS. */
static inline mayfly_request mayfly_get(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_request_of(MAYFLY_METHOD_GET, cache);
    request.key = key;
    return request;
}

/* DONE. */
static inline mayfly_request mayfly_set(const char *cache, mayfly_bytes key, mayfly_bytes value,
                                        uint64_t ttl_ms)
{
    mayfly_request request = mayfly_request_of(MAYFLY_METHOD_SET, cache);
    request.key = key;
    request.value = value;
    request.ttl_ms = ttl_ms;
    return request;
}

/* DONE, whether the key was there or not. */
static inline mayfly_request mayfly_delete(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_get(cache, key);
    request.method = MAYFLY_METHOD_DELETE;
    return request;
}

/* HIT with value and hash, MISS. */
static inline mayfly_request mayfly_get_with_hash(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_get(cache, key);
    request.method = MAYFLY_METHOD_GET_WITH_HASH;
    return request;
}

/* STORED, NOT_STORED. Where the condition takes no operand, give {NULL, 0}. */
static inline mayfly_request mayfly_set_if(const char *cache, mayfly_bytes key, mayfly_bytes value,
                                           uint64_t ttl_ms, mayfly_condition condition, mayfly_bytes operand)
{
    mayfly_request request = mayfly_set(cache, key, value, ttl_ms);
    request.method = MAYFLY_METHOD_SET_IF;
    request.condition = condition;
    request.operand = operand;
    return request;
}

/* STORED with the new value's hash, NOT_STORED. */
static inline mayfly_request mayfly_set_if_hash(const char *cache, mayfly_bytes key, mayfly_bytes value,
                                                uint64_t ttl_ms, mayfly_condition condition,
                                                mayfly_bytes operand)
{
    mayfly_request request = mayfly_set_if(cache, key, value, ttl_ms, condition, operand);
    request.method = MAYFLY_METHOD_SET_IF_HASH;
    return request;
}

/* STORED, NOT_STORED. The protocol's older way to say set_if with MAYFLY_IF_ABSENT. */
static inline mayfly_request mayfly_set_if_not_exists(const char *cache, mayfly_bytes key, mayfly_bytes value,
                                                      uint64_t ttl_ms)
{
    mayfly_request request = mayfly_set(cache, key, value, ttl_ms);
    request.method = MAYFLY_METHOD_SET_IF_NOT_EXISTS;
    return request;
}

/* DONE with number. A missing key counts as 0; a value that is no decimal 64-bit integer, and a sum beyond 64
 * bits, is FAILED_PRECONDITION. */
static inline mayfly_request mayfly_increment(const char *cache, mayfly_bytes key, int64_t amount,
                                              uint64_t ttl_ms)
{
    mayfly_request request = mayfly_get(cache, key);
    request.method = MAYFLY_METHOD_INCREMENT;
    request.amount = amount;
    request.ttl_ms = ttl_ms;
    return request;
}

/* DONE with as many items as keys, in their order, each found or not and with its value. */
static inline mayfly_request mayfly_get_batch(const char *cache, const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_request_of(MAYFLY_METHOD_GET_BATCH, cache);
    request.items = items;
    request.item_count = item_count;
    return request;
}

/* DONE. Items are stored one by one; where one fails, those before it stay. */
static inline mayfly_request mayfly_set_batch(const char *cache, const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_get_batch(cache, items, item_count);
    request.method = MAYFLY_METHOD_SET_BATCH;
    return request;
}

/* DONE with as many items as keys, in their order, each found or not. */
static inline mayfly_request mayfly_keys_exist(const char *cache, const mayfly_item *items, size_t item_count)
{
    mayfly_request request = mayfly_get_batch(cache, items, item_count);
    request.method = MAYFLY_METHOD_KEYS_EXIST;
    return request;
}

/* STORED, NOT_STORED (the mode did not allow it), MISS. */
static inline mayfly_request mayfly_update_ttl(const char *cache, mayfly_bytes key, mayfly_ttl_mode mode,
                                               uint64_t ttl_ms)
{
    mayfly_request request = mayfly_get(cache, key);
    request.method = MAYFLY_METHOD_UPDATE_TTL;
    request.ttl_mode = mode;
    request.ttl_ms = ttl_ms;
    return request;
}

/* HIT with ttl_ms, MISS. */
static inline mayfly_request mayfly_item_get_ttl(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_get(cache, key);
    request.method = MAYFLY_METHOD_ITEM_GET_TTL;
    return request;
}

/* HIT with type, MISS. */
static inline mayfly_request mayfly_item_get_type(const char *cache, mayfly_bytes key)
{
    mayfly_request request = mayfly_get(cache, key);
    request.method = MAYFLY_METHOD_ITEM_GET_TYPE;
    return request;
}

/* --- Control: caches --- */

/* DONE; ALREADY_EXISTS. */
static inline mayfly_request mayfly_create_cache(const char *cache)
{
    return mayfly_request_of(MAYFLY_METHOD_CREATE_CACHE, cache);
}

/* DONE; NOT_FOUND. */
static inline mayfly_request mayfly_delete_cache(const char *cache)
{
    return mayfly_request_of(MAYFLY_METHOD_DELETE_CACHE, cache);
}

/* DONE; NOT_FOUND. */
static inline mayfly_request mayfly_flush_cache(const char *cache)
{
    return mayfly_request_of(MAYFLY_METHOD_FLUSH_CACHE, cache);
}

/* DONE with an item a cache, its name as key, in byte order. */
static inline mayfly_request mayfly_list_caches(void)
{
    return mayfly_request_of(MAYFLY_METHOD_LIST_CACHES, NULL);
}

/* DONE. */
static inline mayfly_request mayfly_ping(void)
{
    return mayfly_request_of(MAYFLY_METHOD_PING, NULL);
}

/* --- Sending --- */

/* NULL, or what is wrong with a request: the sentence that goes with the INVALID_ARGUMENT of mayfly_call, and that
 * mayfly_start has no place for. A client may refuse more: what is larger than its max_request_bytes. Any thread. */
MAYFLY_API const char *mayfly_request_problem(const mayfly_request *request);

/* Sends a request and waits for its reply, at most until the deadline. Returns the reply's status; *reply
 * is the caller's to free and never NULL but when memory is out (RESOURCE_EXHAUSTED). Threads: see
 * client.h. INVALID_ARGUMENT for a request that cannot be sent, where something is NULL, and from a callback;
 * FAILED_PRECONDITION for a client that was closed, and in a child that was forked after it opened. */
MAYFLY_API mayfly_status mayfly_call(mayfly_client *client, const mayfly_request *request,
                                     mayfly_reply **reply);

/* Asked on the thread of a blocking call, some twenty times a second while it waits: true ends the call. It may take its
 * time and make calls of its own, by the same client too; other threads do not wait for it. */
typedef bool (*mayfly_interrupt)(void *context);

/* Like mayfly_call, for a program that has to look up from its waiting, such as an interpreter for its signals: where
 * INTERRUPT, asked with CONTEXT, says true, the call ends with CANCELLED, and what was sent may have been done. NULL is
 * never. */
MAYFLY_API mayfly_status mayfly_call_interruptible(mayfly_client *client, const mayfly_request *request,
                                                   mayfly_interrupt interrupt, void *context,
                                                   mayfly_reply **reply);

/* Bytes of the message that the request is sent as, without headers; 0 for one that cannot be sent and when memory is
 * out. Any thread. */
MAYFLY_API size_t mayfly_request_bytes(const mayfly_request *request);

/* A reply that outlives its callback, for mayfly_reply_free to free; NULL when memory is out. Any thread. */
MAYFLY_API mayfly_reply *mayfly_reply_copy(const mayfly_reply *reply);

/* Frees a reply of mayfly_call or mayfly_reply_copy; NULL is allowed. */
MAYFLY_API void mayfly_reply_free(mayfly_reply *reply);

/* Told once how a call ended; the reply and all it points at live until it returns. A value that came in one piece
 * is not copied: it lies where the connection was read. It may start calls and cancel others. */
typedef void (*mayfly_callback)(void *context, const mayfly_reply *reply);

/* A call under way, to cancel it; a value that may be kept for ever. */
typedef struct mayfly_handle {
    void *call;
    uint64_t id;
} mayfly_handle;

/* Sends a request without waiting. OK: the callback will be called, once, never from within this function.
 * Otherwise it will not be: INVALID_ARGUMENT for a request that cannot be sent (mayfly_request_problem), where
 * client, request or callback is NULL, and for a client driven by calls; RESOURCE_EXHAUSTED when the backlog is
 * full or memory is out; CANCELLED while the client is being closed; FAILED_PRECONDITION for a client that was
 * closed, and in a child that was forked after it opened. HANDLE may be NULL. */
MAYFLY_API mayfly_status mayfly_start(mayfly_client *client, const mayfly_request *request,
                                      mayfly_callback callback, void *context, mayfly_handle *handle);

/* Ends a call: its callback is told CANCELLED, from within this function when the client is driven by its
 * caller, soon on its own thread otherwise. Does nothing for a call that has ended, for one of another client,
 * for a client that was closed, and in a child of a fork. What was sent may have been done. */
MAYFLY_API void mayfly_cancel(mayfly_client *client, mayfly_handle handle);

#ifdef __cplusplus
}
#endif

#endif
