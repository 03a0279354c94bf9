/* cache_client.pubsub.Pubsub: publishes into topics, and carries what is published to subscribers.
 *
 * Each worker has a desk: it is woken once for all that was published since it last looked, goes through its
 * subscribers of those topics, and queues for each what it has not had, as long as it reads. One that does not read is
 * passed over until it does (`resume`), and is told what it has missed. */
#include "server/services.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "cachepubsub.pb-c.h"
#include "proto/field.h"
#include "server/topics.h"

#include <stdlib.h>

#define TOPIC_NAME_MAX    1024
#define HEARTBEATS_A_TURN 256 /* more of them wait a little, and let others go first */

struct pubsub_desk {
    struct topics_listener listener;
    struct server_worker *worker;
    struct net_task deliver;
    struct list subscriptions; /* the one that has waited longest for anything is first */
    struct timer heartbeat;
};

/* In its request's arena. */
struct subscription {
    struct list of_seat;
    struct list of_desk;
    struct server_request *request;
    struct topics_seat *seat;
    uint64_t cursor; /* the number of the next message */
    int64_t sent_ns; /* when it was last sent anything */
};

/* --- What requests say --- */

struct pubsub_call {
    struct topics_name name;
    struct topics_value value; /* Publish */
    bool has_value;
    struct topics_start start; /* Subscribe */
};

/* Reads a TopicValue; the last kind that is given counts. False where it is malformed. */
static bool read_value(struct pubsub_call *call, struct bytes message)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field)) {
        if (field.type != FIELD_BYTES || (field.number != 1 && field.number != 2))
            continue;
        call->value = (struct topics_value){.is_text = field.number == 1, .bytes = field.bytes};
        call->has_value = true;
    }
    return !reader.malformed;
}

/* Reads either method's message, where it lies: the two differ in the types of their later fields. */
static bool read_message(struct pubsub_call *call, struct bytes message)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    *call = (struct pubsub_call){0};
    while (field_next(&reader, &field)) {
        if (field.type == FIELD_BYTES && field.number == 1)
            call->name.cache = field.bytes;
        else if (field.type == FIELD_BYTES && field.number == 2)
            call->name.topic = field.bytes;
        else if (field.type == FIELD_BYTES && field.number == 3 && !read_value(call, field.bytes))
            return false;
        else if (field.type == FIELD_VARINT && field.number == 3)
            call->start.number = field.integer;
        else if (field.type == FIELD_VARINT && field.number == 4)
            call->start.page = field.integer;
    }
    return !reader.malformed;
}

static bool cache_exists(const struct server_request *request, struct bytes name)
{
    struct store *store = request->worker->server->store;
    struct store_cache *cache = store_cache_take(store, name);
    if (cache != NULL)
        store_cache_release(store, cache);
    return cache != NULL;
}

/* Reads the message, checks what it names and counts it toward the cache's rates; false with the request failed. */
static bool read_call(struct server_request *request, struct bytes message, struct pubsub_call *call)
{
    if (!read_message(call, message))
        server_fail_malformed(request);
    else if (call->name.cache.size == 0)
        server_fail(request, STATUS_INVALID_ARGUMENT, "`cache_name` is empty");
    else if (call->name.topic.size == 0 || call->name.topic.size > TOPIC_NAME_MAX ||
             !utf8_is_valid(call->name.topic))
        server_fail(request, STATUS_INVALID_ARGUMENT, "`topic`: a topic's name is 1 to 1024 bytes of UTF-8");
    else if (!cache_exists(request, call->name.cache))
        server_fail_store(request, STORE_NO_CACHE);
    else
        return server_request_admit(request, call->name.cache, message.size);
    return false;
}

static void fail_topics(struct server_request *request, enum topics_status status)
{
    if (status == TOPICS_NO_SUBSCRIPTIONS)
        server_fail_with_cause(request, STATUS_RESOURCE_EXHAUSTED,
                               "the cache has as many subscriptions as this server allows",
                               CAUSE_TOPIC_SUBSCRIPTIONS);
    else if (status == TOPICS_FULL)
        server_fail(request, STATUS_RESOURCE_EXHAUSTED,
                    "this server holds no more topics, and all of them have subscribers");
    else
        server_fail_memory(request);
}

/* --- A cache that goes meanwhile --- */

static uint64_t caches_epoch(const struct server_request *request)
{
    return atomic_load(&request->worker->server->caches_epoch);
}

/* After a topic was used: whether the cache went since EPOCH. Its topics are forgotten only after the epoch has moved,
 * so one that was made too late for that is found here. */
static void confirm_cache(const struct server_request *request, struct bytes name, uint64_t epoch)
{
    if (caches_epoch(request) != epoch && !cache_exists(request, name))
        topics_forget_cache(request->worker->server->topics, name);
}

/* --- Publish --- */

void pubsub_publish(struct server_request *request, struct bytes message)
{
    struct server *server = request->worker->server;
    uint64_t epoch = caches_epoch(request);
    struct pubsub_call call;
    if (!read_call(request, message, &call))
        return;
    if (!call.has_value) {
        server_fail(request, STATUS_INVALID_ARGUMENT, "`value` is neither text nor binary");
        return;
    }
    if (call.value.bytes.size > (size_t)server->settings->max_topic_message_bytes) {
        server_fail_with_cause(request, STATUS_RESOURCE_EXHAUSTED,
                               "the value is larger than this server lets through a topic",
                               CAUSE_REQUEST_SIZE);
        return;
    }
    if (call.value.is_text && !utf8_is_valid(call.value.bytes)) {
        server_fail(request, STATUS_INVALID_ARGUMENT, "`value`: its text is not UTF-8");
        return;
    }
    enum topics_status status = topics_publish(server->topics, call.name, call.value);
    confirm_cache(request, call.name.cache, epoch);
    if (status != TOPICS_OK)
        fail_topics(request, status);
    else if (server_reply_begin(request, 0) != NULL)
        server_reply_end(request, true);
}

/* --- Sending to a subscriber; all of it is false when the request had to be failed --- */

/* From now on the subscriber is the last to need a heartbeat. */
static void note_sent(struct subscription *subscription)
{
    struct pubsub_desk *desk = subscription->request->worker->pubsub;
    subscription->sent_ns = clock_now_ns();
    list_remove(&subscription->of_desk);
    list_push_back(&desk->subscriptions, &subscription->of_desk);
}

static bool send_item(struct subscription *subscription, struct bytes item)
{
    uint8_t *to = server_reply_begin(subscription->request, item.size);
    if (to == NULL)
        return false;
    bytes_copy(to, item.data, item.size);
    server_reply_end(subscription->request, false);
    return true;
}

static bool send_heartbeat(struct subscription *subscription)
{
    CacheClient__Pubsub__Heartbeat heartbeat = CACHE_CLIENT__PUBSUB____HEARTBEAT__INIT;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_HEARTBEAT;
    item.heartbeat = &heartbeat;
    if (!server_reply_message(subscription->request, &item.base, false))
        return false;
    note_sent(subscription);
    return true;
}

/* Goes on where the window begins, and says what that leaves out. */
static bool send_discontinuity(struct subscription *subscription, const struct topics_window *window)
{
    uint64_t known = subscription->cursor < window->next ? subscription->cursor : window->next;
    CacheClient__Pubsub__Discontinuity discontinuity = CACHE_CLIENT__PUBSUB____DISCONTINUITY__INIT;
    discontinuity.last_topic_sequence = known > 0 ? known - 1 : 0;
    discontinuity.new_topic_sequence = window->first - 1; /* items go on behind it */
    discontinuity.new_sequence_page = window->page;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_DISCONTINUITY;
    item.discontinuity = &discontinuity;
    subscription->cursor = window->first;
    return server_reply_message(subscription->request, &item.base, false);
}

/* Sends the message at the cursor, or brings the window there. */
static bool send_next(struct subscription *subscription, struct topics_window *window)
{
    if (topics_window_has(window, subscription->cursor)) {
        const struct topics_message *message = window->messages[subscription->cursor - window->first];
        subscription->cursor++;
        return send_item(subscription, topics_message_bytes(message));
    }
    topics_read(subscription->seat, subscription->cursor, window);
    return subscription->cursor == window->first || send_discontinuity(subscription, window);
}

/* Queues what the subscriber has not had, until it has all or enough to read. */
static void catch_up(struct subscription *subscription, struct topics_window *window)
{
    const struct server_request *request = subscription->request;
    size_t enough = (size_t)request->worker->server->settings->subscriber_buffer_bytes;
    uint64_t before = subscription->cursor;
    while (subscription->cursor != window->next && h2_queued(request->call) < enough)
        if (!send_next(subscription, window))
            return;
    if (subscription->cursor != before)
        note_sent(subscription);
}

/* --- Subscribe --- */

static void on_resume(struct server_request *request)
{
    struct topics_window window;
    topics_window_init(&window);
    catch_up(request->state, &window);
    topics_window_release(&window);
}

static void on_ended(struct server_request *request)
{
    struct subscription *subscription = request->state;
    list_remove(&subscription->of_seat);
    list_remove(&subscription->of_desk);
    topics_leave(subscription->seat);
}

static void desk_arm(struct pubsub_desk *desk)
{
    if (list_empty(&desk->subscriptions) || timer_armed(&desk->heartbeat))
        return;
    const struct subscription *first = list_entry(desk->subscriptions.next, struct subscription, of_desk);
    int64_t due_ns = clock_add(first->sent_ns, desk->worker->server->settings->topic_heartbeat_ns);
    (void)net_loop_arm(&desk->worker->loop, &desk->heartbeat, due_ns);
}

/* The request's subscription, or NULL with the request failed. */
static struct subscription *subscribe(struct server_request *request, const struct pubsub_call *call)
{
    struct subscription *subscription = arena_alloc(&request->arena, sizeof *subscription);
    if (subscription == NULL) {
        server_fail_memory(request);
        return NULL;
    }
    *subscription = (struct subscription){.request = request};
    enum topics_status status = topics_join(&request->worker->pubsub->listener, call->name, call->start,
                                            &subscription->seat, &subscription->cursor);
    if (status != TOPICS_OK) {
        fail_topics(request, status);
        return NULL;
    }
    list_push_back(&subscription->seat->subscribers, &subscription->of_seat);
    list_init(&subscription->of_desk);
    request->state = subscription;
    request->resume = on_resume;
    request->ended = on_ended;
    return subscription;
}

void pubsub_subscribe(struct server_request *request, struct bytes message)
{
    uint64_t epoch = caches_epoch(request);
    struct pubsub_call call;
    if (!read_call(request, message, &call))
        return;
    struct subscription *subscription = subscribe(request, &call);
    confirm_cache(request, call.name.cache, epoch);
    if (subscription == NULL || !send_heartbeat(subscription))
        return;
    on_resume(request);
    desk_arm(request->worker->pubsub);
}

void pubsub_drain(struct server_request *request)
{
    server_fail(request, STATUS_UNAVAILABLE, "the server is going down");
}

/* --- The desk --- */

/* Serves all subscribers of a seat, most of which are at the same message. */
static void deliver_seat(struct topics_seat *seat, struct topics_window *window)
{
    topics_window_init(window);
    topics_seat_hold(seat); /* it would go with its last subscriber */
    struct list *at = seat->subscribers.next;
    while (at != &seat->subscribers) {
        struct subscription *subscription = list_entry(at, struct subscription, of_seat);
        struct net_connection *net = subscription->request->connection->net;
        at = at->next;
        if (seat->is_gone)
            server_fail_store(subscription->request, STORE_NO_CACHE);
        else
            catch_up(subscription, window);
        net_connection_flush_later(net);
    }
    topics_window_release(window);
    topics_seat_release(seat);
}

static void run_deliver(struct net_task *task)
{
    struct pubsub_desk *desk = list_entry(task, struct pubsub_desk, deliver);
    struct topics_window window;
    struct topics_seat *seat;
    struct list taken;
    topics_listener_take(&desk->listener, &taken);
    while ((seat = topics_listener_next(&taken)) != NULL)
        deliver_seat(seat, &window);
}

static void wake_desk(struct topics_listener *listener)
{
    struct pubsub_desk *desk = list_entry(listener, struct pubsub_desk, listener);
    net_loop_post(&desk->worker->loop, &desk->deliver);
}

/* A subscriber that has yet to read what it was sent needs no heartbeat. */
static void keep_alive(struct subscription *subscription)
{
    struct net_connection *net = subscription->request->connection->net;
    if (h2_queued(subscription->request->call) > 0)
        note_sent(subscription);
    else if (send_heartbeat(subscription))
        net_connection_flush_later(net);
}

static void on_heartbeat(struct timer *timer)
{
    struct pubsub_desk *desk = list_entry(timer, struct pubsub_desk, heartbeat);
    struct net_loop *loop = &desk->worker->loop;
    int64_t last_ns = loop->now_ns - desk->worker->server->settings->topic_heartbeat_ns;
    for (unsigned i = 0; !list_empty(&desk->subscriptions); i++) {
        struct subscription *first = list_entry(desk->subscriptions.next, struct subscription, of_desk);
        if (first->sent_ns > last_ns)
            break;
        if (i == HEARTBEATS_A_TURN) {
            (void)net_loop_arm(loop, timer, clock_now_ns() + CLOCK_NS_PER_MS);
            return;
        }
        keep_alive(first);
    }
    desk_arm(desk);
}

struct pubsub_desk *pubsub_desk_open(struct server_worker *worker)
{
    struct pubsub_desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL)
        return NULL;
    desk->worker = worker;
    desk->deliver.run = run_deliver;
    list_init(&desk->subscriptions);
    timer_init(&desk->heartbeat, on_heartbeat);
    topics_listener_init(&desk->listener, worker->server->topics, wake_desk);
    return desk;
}

void pubsub_desk_close(struct pubsub_desk *desk)
{
    if (desk != NULL)
        topics_listener_free(&desk->listener);
    free(desk);
}
