/* One of the server's loops, with the connections that it serves. Everything of a worker happens on its
 * thread; what others may look at is atomic. */
#ifndef MAYFLY_SERVER_WORKER_H
#define MAYFLY_SERVER_WORKER_H

#include "base/status.h"
#include "net/connection.h"
#include "server/pubsub_desk.h"
#include "server/server.h"
#include "store/store.h"

#include <stdatomic.h>

/* The causes that a client can tell apart by the trailer `err`. */
enum server_cause {
    CAUSE_NONE,
    CAUSE_REQUEST_SIZE,
    CAUSE_ITEM_SIZE,
    CAUSE_ELEMENT_SIZE,
    CAUSE_TOPIC_SUBSCRIPTIONS,
    CAUSE_OPERATIONS_RATE,
    CAUSE_THROUGHPUT_RATE,
    SERVER_CAUSES
};

struct server_counters {
    _Atomic uint64_t replies[STATUS_COUNT];
    _Atomic uint64_t refusals[H2_REFUSALS];
    _Atomic uint64_t connections;
    _Atomic uint64_t connections_refused;
    _Atomic uint64_t connections_failed; /* ended by an error of the peer */
    _Atomic uint64_t handshakes;         /* of TLS, that were ended */
    _Atomic uint64_t handshakes_resumed; /* of those, the cheap ones */
};

/* What all workers share. */
struct server {
    const struct server_settings *settings;
    const struct log *log;
    struct store *store;
    struct h2_methods *methods;
    struct topics *topics;
    struct quotas *quotas;         /* NULL without rates */
    struct keys *keys;             /* NULL without --api-keys */
    struct server_rig *rig;        /* NULL without --test-faults */
    _Atomic uint64_t caches_epoch; /* moves when a cache is created or deleted */
    _Atomic int64_t open_connections;
    _Atomic bool draining;
};

struct server_worker {
    struct net_loop loop;
    struct server *server;
    struct list connections;
    struct list spare_requests;
    size_t spare_count;
    struct metadata *causes[SERVER_CAUSES];
    struct timer drain_limit;
    struct pubsub_desk *pubsub;

    _Atomic int64_t streams;
    _Atomic int64_t assigned; /* connections given to this worker and not yet closed */
    struct server_counters counters;

    pthread_t thread;
    struct net_task drain;
    bool is_blocked; /* by the test port */
};

struct server_connection {
    struct list link;
    struct list requests; /* unanswered ones, oldest first, but for those just opened */
    struct list opened;   /* by the input that is being handled: likewise */
    struct pubsub_line line;
    struct net_connection *net;
    struct server_worker *worker;
};

/* Counters have one writer, their worker, and readers anywhere. */
static inline void server_count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

bool server_worker_init(struct server_worker *worker, struct server *server);

/* Any thread: has the worker serve this socket, whose assignment was counted, over TLS unless that is NULL. */
void server_worker_assign(struct server_worker *worker, int fd, struct net_tls *tls);

/* Any thread: has the worker end its connections gracefully and then its loop. */
void server_worker_drain(struct server_worker *worker);

/* Has the worker's connections neither read nor write until it is told otherwise: by the worker's own thread, or by
 * another one, which waits until it is done. */
void server_worker_block(struct server_worker *worker, bool blocked);
void server_worker_block_and_wait(struct server_worker *worker, bool blocked);

void server_worker_free(struct server_worker *worker);

/* Milliseconds for the store. */
static inline int64_t server_now_ms(const struct server_worker *worker)
{
    return worker->loop.now_ns / 1000000;
}

#endif
