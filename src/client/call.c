/* The life of a call: prepared, waiting, in flight, perhaps tried again, ended with exactly one callback.
 *
 * Calls are recycled and their memory is kept until the client closes, so a handle on one that has ended can
 * always be recognised by its id. */
#include "base/clock.h"
#include "client/client.h"

#include <stdio.h>
#include <stdlib.h>

#define REQUEST_BYTES_KEPT 4096
#define MESSAGE_BYTES      1024
#define MOVES_MAX          8
#define MOVE_PAUSE_NS      ((int64_t)1 * CLOCK_NS_PER_MS)
#define RETRY_TOKEN        100   /* what a retry costs, where an ended call earns retry_budget_percent */
#define CALLS_REMEMBERED   10000 /* by what they earned */

/* --- Prepared and recycled --- */

static void on_deadline(struct timer *timer);
static void on_pause_over(struct timer *timer);

static struct client_call *call_take(struct mayfly_client *client)
{
    struct client_call *call = NULL;
    bool shared = client->drive != MAYFLY_DRIVEN_BY_CALLER;
    if (shared)
        (void)pthread_mutex_lock(&client->lock);
    if (!list_empty(&client->spare))
        call = list_entry(list_pop_front(&client->spare), struct client_call, link);
    if (shared)
        (void)pthread_mutex_unlock(&client->lock);
    if (call == NULL) {
        call = calloc(1, sizeof *call);
        if (call == NULL)
            return NULL;
        timer_init(&call->deadline, on_deadline);
        timer_init(&call->pause, on_pause_over);
        list_init(&call->link);
        call->client = client;
    }
    return call;
}

void client_call_discard(struct client_call *call)
{
    struct mayfly_client *client = call->client;
    metadata_release(call->metadata);
    call->metadata = NULL;
    call->cache = NULL;
    call->extras = NULL;
    call->extra_count = 0;
    call->id = 0;
    call->batch.items = NULL;
    call->batch.count = call->batch.capacity = call->batch.asked = 0;
    arena_reset(&call->arena);
    buffer_reset(&call->request, REQUEST_BYTES_KEPT);

    bool shared = client->drive != MAYFLY_DRIVEN_BY_CALLER;
    if (shared)
        (void)pthread_mutex_lock(&client->lock);
    list_push_front(&client->spare, &call->link);
    if (shared)
        (void)pthread_mutex_unlock(&client->lock);
}

void client_calls_free(struct mayfly_client *client)
{
    while (!list_empty(&client->spare)) {
        struct client_call *call = list_entry(list_pop_front(&client->spare), struct client_call, link);
        arena_free(&call->arena);
        buffer_free(&call->request);
        free(call);
    }
}

/* Copies the request's own metadata into the call's arena. */
static bool keep_extras(struct client_call *call, const mayfly_request *request)
{
    if (request->metadata_count == 0)
        return true;
    call->extras = arena_alloc(&call->arena, request->metadata_count * sizeof *call->extras);
    if (call->extras == NULL)
        return false;
    for (size_t i = 0; i < request->metadata_count; i++) {
        const mayfly_metadata *given = &request->metadata[i];
        struct metadata_pair *own = &call->extras[i];
        own->name = arena_copy(&call->arena, bytes_make(given->name.data, given->name.size));
        own->value = arena_copy(&call->arena, bytes_make(given->value.data, given->value.size));
        if (own->name.data == NULL || own->value.data == NULL)
            return false;
    }
    call->extra_count = request->metadata_count;
    return true;
}

struct client_call *client_call_prepare(struct mayfly_client *client, const mayfly_request *request,
                                        mayfly_callback callback, void *context)
{
    struct client_call *call = call_take(client);
    if (call == NULL)
        return NULL;
    const struct client_method *method = &client_methods[request->method];
    uint32_t deadline_ms =
        request->deadline_ms > 0 ? request->deadline_ms : client->configuration.deadline_ms;
    call->route = client_route_of(client, request->method);
    call->method = request->method;
    call->callback = callback;
    call->context = context;
    call->timeout_ns = (int64_t)deadline_ms * CLOCK_NS_PER_MS;
    call->start_ns = clock_now_ns();
    call->moves = call->retries = 0;
    call->avoid = NULL;
    call->is_doomed = false;
    call->reply = (mayfly_reply){.message = ""};
    call->batch.asked = method->traits & ANSWERS_EACH ? request->item_count : 0;

    bool kept = method->encode(request, &call->request) && keep_extras(call, request);
    if (kept && client->drive == MAYFLY_DRIVEN_BY_CALLER) {
        call->metadata = client_metadata(client, method->traits & NAMES_CACHE ? request->cache : NULL,
                                         call->extras, call->extra_count);
        kept = call->metadata != NULL;
    } else if (kept && (method->traits & NAMES_CACHE)) {
        call->cache = arena_copy_text(&call->arena, bytes_of(request->cache));
        kept = call->cache != NULL;
    }
    if (!kept) {
        client_call_discard(call);
        return NULL;
    }
    call->id = atomic_fetch_add(&client->next_id, 1) + 1;
    if (client->is_watched)
        client_watch_step(call, MAYFLY_STEP_STARTED, call->start_ns, 0);
    return call;
}

/* --- Ending --- */

/* A call that was given less time than calls usually take says nothing about the server when it runs out. */
static enum limiter_outcome limiter_outcome_of(const struct route *route, mayfly_status status,
                                               int64_t wire_ns)
{
    if (status == MAYFLY_DEADLINE_EXCEEDED)
        return wire_ns < route->wire.mean_ns ? LIMITER_IGNORED : LIMITER_TIMED_OUT;
    return status == MAYFLY_CANCELLED || status == MAYFLY_UNAVAILABLE ? LIMITER_IGNORED : LIMITER_ANSWERED;
}

/* Tells the limiter of a call that is about to leave the wire. */
static void tell_limiter(const struct client_call *call, int64_t now_ns, mayfly_status status)
{
    struct mayfly_client *client = call->client;
    if (client->configuration.concurrency != MAYFLY_ADAPTIVE || call->route != &client->data ||
        (client_methods[call->method].traits & CONTROLS))
        return;
    uint32_t limit = limiter_ended(
        &client->limiter,
        &(struct limiter_sample){
            .now_ns = now_ns,
            .latency_ns = now_ns - call->sent_ns,
            .in_flight = (uint32_t)call->route->in_flight,
            .is_limited = call->route->in_flight >= client->limit || !list_empty(&call->route->backlog),
            .outcome = limiter_outcome_of(call->route, status, now_ns - call->sent_ns),
        });
    atomic_store_explicit(&client->limit, limit, memory_order_relaxed);
    atomic_store_explicit(&client->is_target_unmet, limiter_target_unmet(&client->limiter),
                          memory_order_relaxed);
}

static void count_in_flight(struct mayfly_client *client)
{
    atomic_store_explicit(&client->counted_in_flight,
                          (uint32_t)(client->data.in_flight + client->control.in_flight),
                          memory_order_relaxed);
}

static void leave_flight(struct client_call *call, int64_t now_ns, mayfly_status status)
{
    struct mayfly_client *client = call->client;
    if (call->channel == NULL)
        return;
    tell_limiter(call, now_ns, status);
    if (status != MAYFLY_CANCELLED && status != MAYFLY_UNAVAILABLE)
        client_route_timed(call->route, now_ns - call->sent_ns, status != MAYFLY_DEADLINE_EXCEEDED);
    call->channel->streams--;
    call->channel = NULL;
    call->stream = NULL;
    call->route->in_flight--;
    count_in_flight(client);
}

/* Counts a call that has ended, which earns a part of a retry. */
static void count_end(struct mayfly_client *client, mayfly_status status)
{
    int64_t earned = client->configuration.retry_budget_percent;
    int64_t limit = (CALLS_REMEMBERED * earned) + CLIENT_RETRY_TOKENS;
    client->retry_tokens += client->retry_tokens + earned <= limit ? earned : 0;
    client_count_one(&client->calls);
    if (status != MAYFLY_OK)
        client_count_one(&client->failures);
}

/* Tells the callback, and lets the call go. */
static void call_finish(struct client_call *call)
{
    struct mayfly_client *client = call->client;
    int64_t now_ns = clock_now_ns();
    leave_flight(call, now_ns, call->reply.status);
    list_remove(&call->link);
    net_loop_disarm(&client->loop, &call->deadline);
    net_loop_disarm(&client->loop, &call->pause);
    bool sent = call->reply.attempts > 0;
    call->reply.waiting_ns = (uint64_t)((sent ? call->sent_ns : now_ns) - call->start_ns);
    call->reply.wire_ns = sent ? (uint64_t)(now_ns - call->sent_ns) : 0;
    if (call->reply.status != MAYFLY_OK)
        call->reply.outcome = MAYFLY_DONE;
    if (client->is_watched)
        client_watch_done(call, now_ns);
    call->id = 0; /* too late to cancel */
    count_end(client, call->reply.status);
    atomic_fetch_sub_explicit(&call->route->admitted, 1, memory_order_relaxed);
    call->callback(call->context, &call->reply);
    client_call_discard(call);
}

void client_call_end(struct client_call *call, mayfly_status status, const char *message)
{
    struct route *route = call->route;
    struct channel *channel = call->channel;
    if (channel != NULL) {
        h2_call_cancel(call->stream);
        net_connection_flush_later(channel->net);
    }
    call->reply.status = status;
    call->reply.message = message;
    call_finish(call);
    client_pump(route);
}

/* WHY and MORE as one sentence in the call's arena; WHY alone where memory is out. */
static const char *explain(struct client_call *call, const char *why, const char *more)
{
    char text[MESSAGE_BYTES];
    (void)snprintf(text, sizeof text, "%s%s%s", why, why[0] != '\0' ? "; " : "", more);
    const char *copy = arena_copy_text(&call->arena, bytes_of(text));
    return copy != NULL ? copy : why;
}

static void on_deadline(struct timer *timer)
{
    struct client_call *call = list_entry(timer, struct client_call, deadline);
    struct channel *channel = call->channel;
    bool is_failing = channel == NULL && call->reply.status != MAYFLY_OK; /* see fail_soon */
    if (is_failing) {
        client_call_end(call, call->reply.status, call->reply.message);
    } else if (channel != NULL) {
        client_channel_suspect(channel, call->sent_ns);
        client_call_end(call, MAYFLY_DEADLINE_EXCEEDED,
                        "the deadline passed before the reply came; the server may have executed the call");
    } else if (call->retries > 0) {
        client_call_end(
            call, MAYFLY_DEADLINE_EXCEEDED,
            "the deadline passed before the call could be sent again; the server may have executed it");
    } else if (call->is_doomed) {
        client_call_end(call, MAYFLY_DEADLINE_EXCEEDED,
                        "the call waited until too little time was left to send it; it was not executed");
    } else {
        client_call_end(call, MAYFLY_DEADLINE_EXCEEDED,
                        "the deadline passed before the call could be sent; it was not executed");
    }
}

void client_fail_backlog(struct route *route)
{
    /* Only those that wait now: callbacks that start calls again would keep this going for ever. */
    struct list failed;
    list_init(&failed);
    list_move(&route->doomed, &failed);
    list_move(&route->returning, &failed);
    list_move(&route->backlog, &failed);
    while (!list_empty(&failed)) {
        struct client_call *call = list_entry(failed.next, struct client_call, link);
        call->reply.status = MAYFLY_UNAVAILABLE;
        call->reply.message = explain(call, route->problem,
                                      call->retries > 0 ? "the server may have executed an earlier attempt"
                                                        : "the call was not executed");
        call_finish(call);
    }
}

void client_calls_cancel(struct mayfly_client *client)
{
    struct list *lists[] = {
        &client->data.doomed,     &client->data.returning,  &client->data.backlog,
        &client->data.pausing,    &client->control.doomed,  &client->control.returning,
        &client->control.backlog, &client->control.pausing, &client->failing,
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        while (!list_empty(lists[i]))
            client_call_end(list_entry(lists[i]->next, struct client_call, link), MAYFLY_CANCELLED,
                            "the client was closed");
}

/* --- Sending --- */

/* Puts a call on a channel; false when memory is out, with the call where it was. */
static bool call_send(struct client_call *call, struct channel *channel, int64_t now_ns)
{
    struct mayfly_client *client = call->client;
    struct route *route = call->route;
    int64_t left_ns = call->deadline.due_ns - now_ns;
    /* A call that has not waited says its whole timeout: the same text as the one before, one byte on the
     * wire. */
    if (now_ns - call->start_ns < CLOCK_NS_PER_MS)
        left_ns = call->timeout_ns;
    struct h2_call *stream = h2_call_start(channel->net->h2, (unsigned)call->method, call->metadata,
                                           left_ns > 0 ? left_ns : 1, call);
    net_connection_flush_later(channel->net); /* also of a connection that has just broken */
    if (stream == NULL)
        return false;
    uint8_t *to = h2_message_begin(stream, call->request.size);
    if (to == NULL) {
        h2_call_cancel(stream);
        return false;
    }
    bytes_copy(to, call->request.data, call->request.size);
    h2_message_end(stream);
    h2_half_close(stream);

    call->stream = stream;
    call->channel = channel;
    call->sent_ns = now_ns;
    call->reply.attempts++;
    channel->streams++;
    if (++route->in_flight > route->peak)
        route->peak = route->in_flight;
    count_in_flight(client);
    list_remove(&call->link);
    list_push_back(&client->in_flight, &call->link);
    if (client->is_watched)
        client_watch_step(call, MAYFLY_STEP_SENT, now_ns, call->request.size);
    if (++channel->calls == CHANNEL_CALLS_MAX)
        client_channel_leave(channel);
    return true;
}

/* Ends a call that cannot be sent, but not from here: mayfly_start promises that. */
static void fail_soon(struct client_call *call, const char *message)
{
    struct mayfly_client *client = call->client;
    call->reply.status = MAYFLY_RESOURCE_EXHAUSTED;
    call->reply.message = message;
    list_remove(&call->link);
    list_push_back(&client->failing, &call->link);
    (void)net_loop_arm(&client->loop, &call->deadline, clock_now_ns()); /* armed, so it only moves */
}

/* Whether most of a call's time is gone and too little of it is left: sent now it would come back too late, and take
 * the place of one that does not. Where more is offered than served, that is what the first in the backlog always is. */
static bool lacks_time(const struct client_call *call, int64_t now_ns)
{
    int64_t left_ns = call->deadline.due_ns - now_ns;
    return now_ns - call->start_ns > left_ns && left_ns < client_route_needed_ns(call->route);
}

/* Has a call wait for its deadline alone. */
static void call_doom(struct client_call *call)
{
    call->is_doomed = true;
    list_remove(&call->link);
    list_push_back(&call->route->doomed, &call->link);
}

/* One reading of the clock will do for all: they leave together, when the loop flushes. */
static void pump_at(struct route *route, int64_t now_ns)
{
    list_move_front(&route->returning, &route->backlog);
    while (!list_empty(&route->backlog) && route->in_flight < client_route_limit(route) &&
           !route->client->closing) {
        struct client_call *call = list_entry(route->backlog.next, struct client_call, link);
        if (lacks_time(call, now_ns)) {
            call_doom(call);
            continue;
        }
        struct channel *channel = client_route_choose(route, call->avoid);
        if (channel == NULL) {
            client_route_lacks(route);
            return;
        }
        if (!call_send(call, channel, now_ns))
            fail_soon(
                call,
                "there is no memory to send the call, or more waits to be sent than a connection holds");
    }
}

void client_pump(struct route *route)
{
    if (!list_empty(&route->returning) || !list_empty(&route->backlog))
        pump_at(route, clock_now_ns());
}

bool client_call_begin(struct client_call *call)
{
    struct mayfly_client *client = call->client;
    if (!net_loop_arm(&client->loop, &call->deadline, clock_add(call->start_ns, call->timeout_ns)))
        return false;
    if (call->request.size > client->configuration.max_request_bytes) {
        fail_soon(call, "the request is larger than max_request_bytes; it was not sent");
        return true;
    }
    list_push_back(&call->route->backlog, &call->link);
    bool is_handed_over = client->drive != MAYFLY_DRIVEN_BY_CALLER; /* else it was prepared just now */
    pump_at(call->route, is_handed_over ? clock_now_ns() : call->start_ns);
    return true;
}

/* --- What comes back --- */

static void call_fail(struct client_call *call, mayfly_status status, const char *message)
{
    call->reply.status = status;
    call->reply.message = message != NULL ? message : "";
}

mayfly_item *client_call_add_item(struct client_call *call)
{
    bool is_limited = client_methods[call->method].traits & ANSWERS_EACH;
    if (is_limited && call->batch.count == call->batch.asked)
        return NULL;
    if (call->batch.count == call->batch.capacity) {
        size_t capacity = call->batch.capacity > 0 ? 2 * call->batch.capacity : 16;
        mayfly_item *items = arena_alloc(&call->arena, capacity * sizeof *items);
        if (items == NULL)
            return NULL;
        bytes_copy(items, call->batch.items, call->batch.count * sizeof *items);
        call->batch.items = items;
        call->batch.capacity = capacity;
    }
    mayfly_item *item = &call->batch.items[call->batch.count++];
    *item = (mayfly_item){.found = false};
    call->reply.items = call->batch.items;
    call->reply.item_count = call->batch.count;
    return item;
}

void client_call_forget(struct client_call *call)
{
    call->reply = (mayfly_reply){.message = "", .attempts = call->reply.attempts};
    call->batch.count = 0;
}

void client_call_message(struct client_call *call, struct bytes message)
{
    static const char problem[] = "the reply is not what the method promises";
    const struct client_method *method = &client_methods[call->method];
    const struct mayfly_client *client = call->client;
    if (client->is_watched)
        client_watch_step(call, MAYFLY_STEP_RECEIVED, client->loop.now_ns, message.size);
    call->reply.received_bytes += message.size;
    if (method->decode(call, message))
        return;
    if (method->traits & STREAMS) /* nobody knows how much of this would come */
        client_call_end(call, MAYFLY_INTERNAL, problem);
    else
        call_fail(call, MAYFLY_INTERNAL, problem);
}

/* Whether the retry budget allows one more; then it is taken from it. */
static bool take_retry(struct mayfly_client *client)
{
    if (client->configuration.retry_budget_percent == 0)
        return true;
    if (client->retry_tokens < RETRY_TOKEN) {
        client_count_one(&client->refused_retries);
        return false;
    }
    client->retry_tokens -= RETRY_TOKEN;
    return true;
}

static void on_pause_over(struct timer *timer)
{
    struct client_call *call = list_entry(timer, struct client_call, pause);
    list_remove(&call->link);
    list_push_back(&call->route->returning, &call->link);
    client_pump(call->route);
}

/* Has a call sent again, before those that wait for their first time. Whoever handles the connection's input or output
 * pumps afterwards. */
static void call_repeat(struct client_call *call, mayfly_status status, int64_t pause_ns)
{
    struct mayfly_client *client = call->client;
    int64_t now_ns = clock_now_ns();
    client_count_one(&client->retries);
    client_call_forget(call);
    call->avoid = call->channel;
    leave_flight(call, now_ns, status);
    list_remove(&call->link);
    bool is_pausing = pause_ns > 0 && net_loop_arm(&client->loop, &call->pause, clock_add(now_ns, pause_ns));
    list_push_back(is_pausing ? &call->route->pausing : &call->route->returning, &call->link);
}

/* A call that no server saw goes on to another channel, whatever its method: the first time at once, then after pauses
 * that double, and not for ever. */
static bool may_move(struct client_call *call, const struct h2_outcome *outcome)
{
    if (!outcome->unseen || call->moves == MOVES_MAX)
        return false;
    int64_t pause_ns = call->moves > 0 ? MOVE_PAUSE_NS << call->moves : 0;
    call->moves++;
    call->channel->refused_ns = clock_now_ns();
    call_repeat(call, (mayfly_status)outcome->status, pause_ns);
    return true;
}

/* One that a server may have seen is sent again where its method allows that, and the budget does. */
static bool may_retry(struct client_call *call, const struct h2_outcome *outcome, bool *is_refused)
{
    bool is_failure = outcome->status == STATUS_INTERNAL || outcome->status == STATUS_UNAVAILABLE;
    if (outcome->unseen || !is_failure || !(client_methods[call->method].traits & REPEATABLE) ||
        call->retries >= call->client->configuration.retries)
        return false;
    *is_refused = !take_retry(call->client);
    if (*is_refused)
        return false;
    call->retries++;
    call_repeat(call, (mayfly_status)outcome->status, 0);
    return true;
}

static void take_trailers(struct client_call *call, const struct metadata *trailers)
{
    if (trailers == NULL || trailers->count == 0)
        return;
    mayfly_metadata *list = arena_alloc(&call->arena, trailers->count * sizeof *list);
    if (list == NULL)
        return;
    for (size_t i = 0; i < trailers->count; i++) {
        const struct metadata_pair *pair = &trailers->pairs[i];
        list[i].name = (mayfly_bytes){pair->name.data, pair->name.size};
        list[i].value = (mayfly_bytes){pair->value.data, pair->value.size};
    }
    call->reply.trailers = list;
    call->reply.trailer_count = trailers->count;
}

/* A failure has a sentence, also where the server has none; that nobody saw the last attempt says nothing of those
 * before. */
static const char *reason_of(struct client_call *call, const struct h2_outcome *outcome)
{
    if (outcome->unseen && call->retries > 0)
        return "the server did not take the call this time; it may have executed an earlier attempt";
    if (outcome->message.size == 0)
        return "the server gave no reason";
    const char *reason = arena_copy_text(&call->arena, outcome->message);
    return reason != NULL ? reason : "there is no memory for the reason";
}

static bool is_over(const struct client_call *call)
{
    return call->client->closing || call->deadline.due_ns <= clock_now_ns();
}

void client_call_closed(struct client_call *call, const struct h2_outcome *outcome)
{
    bool is_refused = false;
    if (outcome->status != STATUS_OK && !is_over(call) &&
        (may_move(call, outcome) || may_retry(call, outcome, &is_refused)))
        return;
    if (outcome->status != STATUS_OK && call->client->closing)
        call_fail(call, MAYFLY_CANCELLED, "the client was closed");
    else if (outcome->status != STATUS_OK)
        call_fail(call, (mayfly_status)outcome->status, reason_of(call, outcome));
    else if (call->batch.count < call->batch.asked && call->reply.status == MAYFLY_OK)
        call_fail(call, MAYFLY_INTERNAL, "the reply has fewer items than were asked for");
    if (is_refused)
        call->reply.message =
            explain(call, call->reply.message, "it is not sent again, for the retry budget is used up");
    take_trailers(call, outcome->trailers);
    call_finish(call);
}

/* --- Replies that outlive their callback --- */

static mayfly_bytes copy_bytes(uint8_t **to, mayfly_bytes from)
{
    mayfly_bytes copy = {*to, from.size};
    bytes_copy(*to, from.data, from.size);
    *to += from.size;
    return copy;
}

mayfly_reply *mayfly_reply_copy(const mayfly_reply *reply)
{
    size_t text_bytes = strlen(reply->message) + 1 + reply->value.size + reply->hash.size;
    for (size_t i = 0; i < reply->item_count; i++)
        text_bytes += reply->items[i].key.size + reply->items[i].value.size;
    for (size_t i = 0; i < reply->trailer_count; i++)
        text_bytes += reply->trailers[i].name.size + reply->trailers[i].value.size;
    size_t items_bytes = reply->item_count * sizeof *reply->items;
    size_t trailers_bytes = reply->trailer_count * sizeof *reply->trailers;

    mayfly_reply *copy = malloc(sizeof *copy + items_bytes + trailers_bytes + text_bytes);
    if (copy == NULL)
        return NULL;
    mayfly_item *items = (mayfly_item *)(copy + 1);
    mayfly_metadata *trailers = (mayfly_metadata *)(items + reply->item_count);
    uint8_t *text = (uint8_t *)(trailers + reply->trailer_count);
    *copy = *reply;
    for (size_t i = 0; i < reply->item_count; i++) {
        items[i] = reply->items[i];
        items[i].key = copy_bytes(&text, reply->items[i].key);
        items[i].value = copy_bytes(&text, reply->items[i].value);
    }
    for (size_t i = 0; i < reply->trailer_count; i++) {
        trailers[i].name = copy_bytes(&text, reply->trailers[i].name);
        trailers[i].value = copy_bytes(&text, reply->trailers[i].value);
    }
    copy->items = reply->item_count > 0 ? items : NULL;
    copy->trailers = reply->trailer_count > 0 ? trailers : NULL;
    copy->value = copy_bytes(&text, reply->value);
    copy->hash = copy_bytes(&text, reply->hash);
    mayfly_bytes message = {reply->message, strlen(reply->message) + 1};
    copy->message = copy_bytes(&text, message).data;
    return copy;
}

void mayfly_reply_free(mayfly_reply *reply)
{
    free(reply);
}
