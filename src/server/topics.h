/* Topics: messages kept for a while and passed on to whoever listens. Shared by all workers, with no sockets in it.
 *
 * A topic's history is a ring of its last messages, each encoded once as the item that every subscriber receives. The
 * ring is the buffer of all its subscribers at once: a subscriber is no more than the number of the message that it
 * wants next, and what the ring has dropped by then is a gap to that subscriber and to nobody else. So a publisher
 * never waits, and never touches a subscriber.
 *
 *     publisher                     topic                       listener (one a worker)
 *     topics_publish ── appends ──> ring     <── topics_read ── subscribers of a seat
 *                    └─ readies ──> seat ──> list of ready ones ── wakes once ──> topics_listener_take
 *
 * A seat is a listener's place in a topic, shared by all subscribers that the listener has there. A topic is locked
 * with all others of its shard; a listener's list has a lock of its own, taken inside a shard's. */
#ifndef MAYFLY_SERVER_TOPICS_H
#define MAYFLY_SERVER_TOPICS_H

#include "base/bytes.h"
#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>

struct topics;

struct topics_limits {
    size_t history_messages; /* of one topic; at least 1 */
    size_t history_bytes;    /* of one topic, which keeps its newest message whatever its size */
    size_t memory_bytes;     /* of all topics together, with their histories */
    size_t topics;
    size_t subscriptions; /* of one cache */
};

enum topics_status {
    TOPICS_OK,
    TOPICS_NO_MEMORY,
    TOPICS_FULL,             /* no room for another topic, and all there are have subscribers */
    TOPICS_NO_SUBSCRIPTIONS, /* the cache has as many subscriptions as the limits allow */
};

struct topics *topics_create(const struct topics_limits *limits, uint64_t hash_seed);

/* Nobody may listen any more. */
void topics_destroy(struct topics *topics);

struct topics_name {
    struct bytes cache;
    struct bytes topic;
};

struct topics_value {
    bool is_text;
    struct bytes bytes;
};

/* Any thread: gives VALUE the next place in a topic, which is made where there is none. */
enum topics_status topics_publish(struct topics *topics, struct topics_name name, struct topics_value value);

/* Any thread: ends the topics of a cache. None of them is found any more; those that are many go by and by
 * (topics_maintain). Their seats become ready and are found to be gone. */
void topics_forget_cache(struct topics *topics, struct bytes cache);

/* Any thread: a bounded piece of what is left to do of that. True when it should soon be called again. */
bool topics_maintain(struct topics *topics);

/* --- Listening: everything below belongs to the listener's thread --- */

struct topics_listener {
    struct topics *topics;
    /* From any thread, with locks held: topics_listener_take is to be called, soon. */
    void (*wake)(struct topics_listener *listener);
    pthread_mutex_t lock;
    struct list ready; /* seats */
    bool is_awake;     /* woken, and has not taken what is ready */
};

void topics_listener_init(struct topics_listener *listener, struct topics *topics,
                          void (*wake)(struct topics_listener *listener));
void topics_listener_free(struct topics_listener *listener);

struct topic;

struct topics_seat {
    struct list subscribers; /* the listener's */
    bool is_gone;            /* as topics_listener_next found it: its topic has ended */

    struct topics_listener *listener;
    struct topic *topic;
    struct list of_topic;
    struct list of_listener; /* in a list of ready ones */
    bool is_ready;           /* was put there and has not been delivered since */
    size_t holds;
};

/* Where a subscriber asks to begin. */
struct topics_start {
    uint64_t number; /* zero: with the newest message that there is, or the next */
    uint64_t page;   /* that NUMBER is of; zero: of the present one */
};

/* Takes a subscription, whose seat is *SEAT and whose first message *CURSOR; that message may be gone, or not yet be
 * there, and then is a gap (topics_read). */
enum topics_status topics_join(struct topics_listener *listener, struct topics_name name,
                               struct topics_start start, struct topics_seat **seat, uint64_t *cursor);

/* Gives a subscription back. The seat goes with its last one. */
void topics_leave(struct topics_seat *seat);

/* Keeps a seat without a subscription, until it is released. */
static inline void topics_seat_hold(struct topics_seat *seat)
{
    seat->holds++;
}
void topics_seat_release(struct topics_seat *seat);

/* Moves what is ready to the end of TAKEN: the listener is woken again for whatever comes later. */
void topics_listener_take(struct topics_listener *listener, struct list *taken);

/* The next of the seats in TAKEN, or NULL. What is published from now on makes it ready anew. */
struct topics_seat *topics_listener_next(struct list *taken);

/* --- Reading --- */

struct topics_message;

/* The message as it goes to subscribers: a whole SubscriptionItem. */
struct bytes topics_message_bytes(const struct topics_message *message);

#define TOPICS_WINDOW_MAX 64

/* Some messages of a topic in a row, held so that many subscribers can be served from one look at the topic. */
struct topics_window {
    uint64_t page;
    uint64_t next;  /* the number that the topic's next message will have had at that look */
    uint64_t first; /* of the messages here; NEXT where there are none */
    size_t count;
    struct topics_message *messages[TOPICS_WINDOW_MAX];
};

/* A window before its first reading. */
static inline void topics_window_init(struct topics_window *window)
{
    window->next = window->first = UINT64_MAX;
    window->count = 0;
}

static inline bool topics_window_has(const struct topics_window *window, uint64_t number)
{
    return number >= window->first && number - window->first < window->count;
}

/* Fills WINDOW with messages from number FROM on. Where FROM is no longer kept, it begins with the oldest that is; where
 * it is yet to come but not next, with what is next: `first` then differs from FROM. */
void topics_read(struct topics_seat *seat, uint64_t from, struct topics_window *window);

/* Lets go of the messages. */
void topics_window_release(struct topics_window *window);

/* --- For logs and tests --- */

struct topics_stats {
    size_t topics;
    size_t used_bytes;
};
struct topics_stats topics_stats(const struct topics *topics);

#endif
