/* Topics: messages passed on to whoever listens at the time. Publishing is a call like any other; a
 * subscription is a thing of its own, which tells what comes, as events, until it ends.
 *
 *     mayfly_topic_options options = {.cache = "chat", .topic = mayfly_text("room-1")};
 *     mayfly_subscription *subscription;
 *     mayfly_error error;
 *     mayfly_topic_event *event;
 *     if (mayfly_subscribe(client, &options, NULL, NULL, &subscription, &error) == MAYFLY_OK)
 *         while (mayfly_subscription_next(subscription, -1, &event) == MAYFLY_OK) {
 *             use(event);
 *             mayfly_topic_event_free(event);
 *         }
 *     mayfly_unsubscribe(subscription);
 *
 * A subscription heals by itself: when its connection is lost, or the server ends it for a reason that may
 * pass, it connects again, after reconnect_max_ms at the latest, and goes on behind the last item that it told. What it
 * could not get is told as a discontinuity; no item is told twice or out of order, and none is missing
 * without being told.
 *
 * Subscriptions use connections of their own, opened as they need them, and count neither as calls in
 * flight nor against the backlog. */
#ifndef MAYFLY_TOPICS_H
#define MAYFLY_TOPICS_H

#include <mayfly/calls.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Publishing --- */

/* DONE: the message has its place in the topic, whoever listens. For bytes of any kind. */
static inline mayfly_request mayfly_publish_binary(const char *cache, mayfly_bytes topic, mayfly_bytes value)
{
    mayfly_request request = mayfly_request_of(MAYFLY_METHOD_PUBLISH, cache);
    request.key = topic;
    request.value = value;
    return request;
}

/* Likewise for text, which must be UTF-8. */
static inline mayfly_request mayfly_publish_text(const char *cache, mayfly_bytes topic, mayfly_bytes text)
{
    mayfly_request request = mayfly_publish_binary(cache, topic, text);
    request.is_text = true;
    return request;
}

/* --- Subscribing --- */

/* Zeroes but for cache and topic: the newest item, where the topic has one, and what comes after it. */
typedef struct mayfly_topic_options {
    const char *cache;
    mayfly_bytes topic; /* UTF-8, 1 byte or more */
    /* To go on where an earlier subscription ended: the sequence number behind its last, and its page; page 0
     * where that is not known. */
    uint64_t resume_at_sequence;
    uint64_t resume_at_page;
    /* How long the server may take to confirm the subscription, connecting included. 0: the configuration's
     * deadline. At most 86,400,000 ms. */
    uint32_t deadline_ms;
    /* Without a callback: bytes of items that wait for mayfly_subscription_next; what comes while they are
     * used up is dropped, and told as a discontinuity. One always has room. 0: 4 MiB. */
    size_t queue_bytes;
} mayfly_topic_options;

typedef enum mayfly_topic_event_kind {
    MAYFLY_TOPIC_SUBSCRIBED,    /* the subscription stands: at first, and after each RECONNECTING */
    MAYFLY_TOPIC_ITEM,          /* value, is_text, sequence, page, publisher */
    MAYFLY_TOPIC_DISCONTINUITY, /* items are missing: last_sequence, sequence, page */
    MAYFLY_TOPIC_HEARTBEAT,     /* the server is there and has nothing to say; only callbacks are told */
    MAYFLY_TOPIC_RECONNECTING,  /* status and message say why */
    MAYFLY_TOPIC_ENDED,         /* the last event, told once: status and message say why */
} mayfly_topic_event_kind;

typedef struct mayfly_topic_event {
    mayfly_topic_event_kind kind;
    bool is_text;           /* as it was published: text or bytes */
    mayfly_bytes value;     /* up to 1 GiB, as the configuration allows */
    mayfly_bytes publisher; /* of the publisher's key, where that carries an id; else empty */
    uint64_t sequence;      /* of the item, or of the next one behind a gap */
    uint64_t page;          /* greater each time the topic began anew */
    uint64_t last_sequence; /* before a gap; 0 where that is not known */
    mayfly_status status;   /* MAYFLY_OK but for RECONNECTING and ENDED */
    const char *message;    /* a sentence for the same two, else "" */
} mayfly_topic_event;

typedef struct mayfly_subscription mayfly_subscription;

/* Told what comes, in order, on the thread that drives the client; EVENT and all it points at live until
 * it returns. It may start calls, subscribe, and unsubscribe, itself included. While it works, the
 * client's other calls wait. */
typedef void (*mayfly_topic_callback)(void *context, const mayfly_topic_event *event);

/* Begins a subscription; SUBSCRIBED, or ENDED when it cannot be, tells how that went. With CALLBACK NULL
 * events are kept for mayfly_subscription_next. Where it does not return OK, *SUBSCRIPTION is NULL, no
 * event follows, and *ERROR (which may be NULL) says why: INVALID_ARGUMENT for options that make no sense
 * and for a callback with a client driven by calls, RESOURCE_EXHAUSTED when memory is out, CANCELLED while
 * the client is being closed, FAILED_PRECONDITION in a child that was forked.
 *
 * ENDED comes with NOT_FOUND (no such cache), INVALID_ARGUMENT, RESOURCE_EXHAUSTED (the server's limit of
 * subscriptions), UNAUTHENTICATED and other statuses that will not heal; with the last failure, or
 * DEADLINE_EXCEEDED, when the first confirmation does not come in time; with INTERNAL when the server
 * sends anything but a heartbeat first; and with CANCELLED from mayfly_unsubscribe and
 * mayfly_client_close. */
MAYFLY_API mayfly_status mayfly_subscribe(mayfly_client *client, const mayfly_topic_options *options,
                                          mayfly_topic_callback callback, void *context,
                                          mayfly_subscription **subscription, mayfly_error *error);

/* Ends a subscription and gives it back; to be called once for each, also after ENDED, but not after
 * mayfly_client_close, which does it for all. A callback that was not told ENDED yet is told now: from
 * within this function when the client is driven by its caller, when the callback returns if this is
 * called from it, soon on the client's thread otherwise. Not while another thread waits in
 * mayfly_subscription_next for it. NULL is allowed. */
MAYFLY_API void mayfly_unsubscribe(mayfly_subscription *subscription);

/* For a subscription without a callback: waits for its next event and drives the client meanwhile, as a
 * blocking call does; one thread at a time. TIMEOUT_MS is 0 to look only, -1 to wait as long as it takes.
 * OK with an event, which is the caller's to free; DEADLINE_EXCEEDED when there is none in time; CANCELLED
 * when ENDED has been told before; INVALID_ARGUMENT from a callback, and where there is one;
 * RESOURCE_EXHAUSTED when memory is out; FAILED_PRECONDITION in a child that was forked. *EVENT is NULL
 * where it is not OK.
 *
 * A client driven by calls does nothing between them: what comes then waits in the sockets and, when those
 * are full, on the server, which may pass over items. */
MAYFLY_API mayfly_status mayfly_subscription_next(mayfly_subscription *subscription, int timeout_ms,
                                                  mayfly_topic_event **event);

/* NULL is allowed. */
MAYFLY_API void mayfly_topic_event_free(mayfly_topic_event *event);

#ifdef __cplusplus
}
#endif

#endif
