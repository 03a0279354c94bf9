#include "server/worker.h"

#include "base/clock.h"
#include "server/keys.h"
#include "server/rig.h"
#include "server/services.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const cause_names[SERVER_CAUSES] = {
    [CAUSE_REQUEST_SIZE] = "request_size_limit_exceeded",
    [CAUSE_ITEM_SIZE] = "item_size_limit_exceeded",
    [CAUSE_ELEMENT_SIZE] = "element_size_limit_exceeded",
    [CAUSE_TOPIC_SUBSCRIPTIONS] = "topic_subscriptions_limit_exceeded",
    [CAUSE_OPERATIONS_RATE] = "operations_rate_limit_exceeded",
    [CAUSE_THROUGHPUT_RATE] = "throughput_rate_limit_exceeded",
};

/* --- What a connection tells --- */

/* Whether the caller may call this method. One who may not is answered before its message is taken in. */
static bool admit(struct server_worker *worker, struct h2_call *call)
{
    struct keys *keys = worker->server->keys;
    if (keys == NULL || server_methods[call->method].is_open || keys_admit(keys, call->metadata))
        return true;
    server_count(&worker->counters.replies[STATUS_UNAUTHENTICATED]);
    h2_finish(call, STATUS_UNAUTHENTICATED,
              bytes_of("this server wants an API key that it knows in the metadata `authorization`"), NULL);
    return false;
}

static void on_opened(void *owner, struct h2_call *call)
{
    struct server_connection *connection = owner;
    struct server_worker *worker = connection->worker;
    if (!admit(worker, call))
        return;
    struct server_request *request = server_request_open(connection, call);
    if (request == NULL)
        h2_finish(call, STATUS_RESOURCE_EXHAUSTED, bytes_of("the server is out of memory"), NULL);
    else if (call->timeout_ns != CLOCK_NEVER)
        request->deadline.due_ns = clock_add(worker->loop.now_ns, call->timeout_ns);
}

static void on_message(void *owner, struct h2_call *call, struct bytes message)
{
    (void)owner;
    if (call->user != NULL)
        server_request_handle(call->user, message);
}

static void on_half_closed(void *owner, struct h2_call *call)
{
    (void)owner;
    struct server_request *request = call->user;
    if (request != NULL && request->method->half_closed != NULL)
        request->method->half_closed(request);
}

static void on_drained(void *owner, struct h2_call *call)
{
    (void)owner;
    struct server_request *request = call->user;
    if (request != NULL && request->resume != NULL)
        request->resume(request);
}

static void on_call_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)owner;
    struct server_request *request = call->user;
    if (request == NULL)
        return;
    if (outcome->status != STATUS_OK)
        server_count(&request->worker->counters.replies[STATUS_CANCELLED]);
    server_request_closed(request);
}

static void on_refused(void *owner, enum h2_refusal refusal)
{
    struct server_connection *connection = owner;
    server_count(&connection->worker->counters.refusals[refusal]);
}

/* Calls that were not answered within the input that brought them get their deadline now; the others never
 * needed a timer. */
static void on_received(void *owner)
{
    struct server_connection *connection = owner;
    struct server_worker *worker = connection->worker;
    while (!list_empty(&connection->opened)) {
        struct server_request *request =
            list_entry(list_pop_front(&connection->opened), struct server_request, link);
        list_push_back(&connection->requests, &request->link);
        if (request->call->timeout_ns != CLOCK_NEVER)
            (void)net_loop_arm(&worker->loop, &request->deadline, request->deadline.due_ns);
    }
}

static void on_flushed(void *owner)
{
    pubsub_line_flushed(owner);
}

static void on_connection_closed(void *owner, const char *why, bool broken)
{
    struct server_connection *connection = owner;
    struct server_worker *worker = connection->worker;
    struct server *server = worker->server;
    const struct log_field fields[] = {log_text("reason", why)};
    log_write(server->log, LOG_DEBUG, "connection closed", fields, 1);
    if (broken)
        server_count(&worker->counters.connections_failed);
    list_remove(&connection->link);
    pubsub_line_close(connection);
    atomic_fetch_sub(&worker->assigned, 1);
    atomic_fetch_sub(&server->open_connections, 1);
    free(connection);
    if (atomic_load(&server->draining) && list_empty(&worker->connections))
        net_loop_stop(&worker->loop);
}

static const struct h2_events call_events = {
    .opened = on_opened,
    .message = on_message,
    .half_closed = on_half_closed,
    .closed = on_call_closed,
    .drained = on_drained,
    .refused = on_refused,
};

static void on_secured(void *owner)
{
    struct server_connection *connection = owner;
    struct server_counters *counters = &connection->worker->counters;
    server_count(&counters->handshakes);
    if (net_connection_is_resumed(connection->net))
        server_count(&counters->handshakes_resumed);
}

static const struct net_connection_events connection_events = {
    .connected = on_secured,
    .received = on_received,
    .flushed = on_flushed,
    .closed = on_connection_closed,
};

/* --- Assigning sockets --- */

struct assignment {
    struct net_task task;
    struct server_worker *worker;
    int fd;
    struct net_tls *tls; /* held; NULL: in plain */
};

static bool serve(struct server_worker *worker, int fd, struct net_tls *tls)
{
    const struct server_settings *settings = worker->server->settings;
    struct server_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        (void)close(fd);
        return false;
    }
    connection->worker = worker;
    list_init(&connection->requests);
    list_init(&connection->opened);
    pubsub_line_open(&connection->line);
    struct h2_config config = {
        .role = H2_SERVER,
        .methods = worker->server->methods,
        .events = &call_events,
        .owner = connection,
        .limits = h2_default_limits,
        .message_size_trailers = worker->causes[CAUSE_REQUEST_SIZE],
    };
    config.limits.max_streams = (uint32_t)settings->max_streams;
    config.limits.message_bytes = (size_t)settings->max_message_bytes;
    config.limits.header_bytes = (size_t)settings->max_header_bytes;
    config.limits.buffered_bytes = (size_t)settings->max_buffered_bytes;
    connection->net = net_connection_accept(&worker->loop, fd, h2_engine_default, &config, &connection_events,
                                            connection, settings->stall_timeout_ns);
    if (connection->net == NULL) {
        free(connection);
        return false;
    }
    list_push_back(&worker->connections, &connection->link);
    server_count(&worker->counters.connections);
    if (atomic_load(&worker->server->draining))
        h2_drain(connection->net->h2);
    if (worker->is_blocked)
        net_connection_pause(connection->net, true);
    if (tls != NULL)
        net_connection_secure(connection->net, tls, NULL);
    return true;
}

static void run_assignment(struct net_task *task)
{
    struct assignment *assignment = list_entry(task, struct assignment, task);
    struct server_worker *worker = assignment->worker;
    if (!serve(worker, assignment->fd, assignment->tls)) {
        atomic_fetch_sub(&worker->assigned, 1);
        atomic_fetch_sub(&worker->server->open_connections, 1);
    }
    net_tls_release(assignment->tls);
    free(assignment);
}

void server_worker_assign(struct server_worker *worker, int fd, struct net_tls *tls)
{
    struct assignment *assignment = malloc(sizeof *assignment);
    if (assignment == NULL) {
        (void)close(fd);
        atomic_fetch_sub(&worker->assigned, 1);
        atomic_fetch_sub(&worker->server->open_connections, 1);
        return;
    }
    *assignment =
        (struct assignment){.task.run = run_assignment, .worker = worker, .fd = fd, .tls = net_tls_hold(tls)};
    net_loop_post(&worker->loop, &assignment->task);
}

/* --- Blocking --- */

struct blocking {
    struct net_task task;
    struct server_worker *worker;
    bool blocked;
    uv_sem_t done;
};

void server_worker_block(struct server_worker *worker, bool blocked)
{
    worker->is_blocked = blocked;
    for (struct list *at = worker->connections.next; at != &worker->connections; at = at->next)
        net_connection_pause(list_entry(at, struct server_connection, link)->net, blocked);
}

static void run_blocking(struct net_task *task)
{
    struct blocking *blocking = list_entry(task, struct blocking, task);
    server_worker_block(blocking->worker, blocking->blocked);
    uv_sem_post(&blocking->done);
}

void server_worker_block_and_wait(struct server_worker *worker, bool blocked)
{
    struct blocking blocking = {.task.run = run_blocking, .worker = worker, .blocked = blocked};
    if (uv_sem_init(&blocking.done, 0) != 0)
        return;
    net_loop_post(&worker->loop, &blocking.task);
    uv_sem_wait(&blocking.done);
    uv_sem_destroy(&blocking.done);
}

/* --- Going down --- */

static void drain_connection(struct server_connection *connection)
{
    struct list *at = connection->requests.next;
    while (at != &connection->requests) {
        struct server_request *request = list_entry(at, struct server_request, link);
        at = at->next;
        if (request->method->drain != NULL && !rig_holds(request))
            request->method->drain(request);
    }
    h2_drain(connection->net->h2);
    net_connection_flush_later(connection->net);
}

static void on_drain_limit(struct timer *timer)
{
    struct server_worker *worker = list_entry(timer, struct server_worker, drain_limit);
    while (!list_empty(&worker->connections)) {
        struct server_connection *connection =
            list_entry(worker->connections.next, struct server_connection, link);
        net_connection_close(connection->net, "the server is going down");
    }
    net_loop_stop(&worker->loop);
}

static void run_drain(struct net_task *task)
{
    struct server_worker *worker = list_entry(task, struct server_worker, drain);
    if (list_empty(&worker->connections)) {
        net_loop_stop(&worker->loop);
        return;
    }
    for (struct list *at = worker->connections.next; at != &worker->connections; at = at->next)
        drain_connection(list_entry(at, struct server_connection, link));
    int64_t limit_ns = clock_add(clock_now_ns(), worker->server->settings->drain_timeout_ns);
    (void)net_loop_arm(&worker->loop, &worker->drain_limit, limit_ns);
}

void server_worker_drain(struct server_worker *worker)
{
    net_loop_post(&worker->loop, &worker->drain);
}

/* --- The worker --- */

static bool make_causes(struct server_worker *worker)
{
    for (size_t i = 1; i < SERVER_CAUSES; i++) {
        struct metadata_pair pair = {bytes_of("err"), bytes_of(cause_names[i])};
        worker->causes[i] = metadata_create(&pair, 1);
        if (worker->causes[i] == NULL)
            return false;
    }
    return true;
}

bool server_worker_init(struct server_worker *worker, struct server *server)
{
    worker->server = server;
    worker->drain.run = run_drain;
    list_init(&worker->connections);
    list_init(&worker->spare_requests);
    timer_init(&worker->drain_limit, on_drain_limit);
    if (!make_causes(worker) || net_loop_init(&worker->loop) != 0)
        return false;
    worker->pubsub = pubsub_desk_open(worker);
    if (worker->pubsub != NULL && (server->rig == NULL || net_loop_make_precise(&worker->loop) == 0))
        return true;
    pubsub_desk_close(worker->pubsub);
    net_loop_free(&worker->loop);
    return false;
}

void server_worker_free(struct server_worker *worker)
{
    net_loop_disarm(&worker->loop, &worker->drain_limit);
    net_loop_free(&worker->loop);
    pubsub_desk_close(worker->pubsub);
    server_requests_free(worker);
    for (size_t i = 0; i < SERVER_CAUSES; i++)
        metadata_release(worker->causes[i]);
}
