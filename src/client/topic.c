/* Subscriptions: streams without an end that heal. Each is on one channel of a set that only subscriptions
 * use, so that calls never wait for them; when its stream or its connection is lost it asks again for what
 * follows the last item that it told. Sequence numbers are checked: what was told already is dropped, what
 * is missing is told.
 *
 *     WAITING ──> OPENING ──> STANDING ──> ENDED
 *        ^           │            │
 *        └─ RESTING <┴────────────┘
 */
#include "base/clock.h"
#include "client/methods.h"

#include <stdio.h>
#include <stdlib.h>

#define QUEUE_BYTES_DEFAULT ((size_t)4 << 20)
#define STEADY_NS           ((int64_t)1 * CLOCK_NS_PER_S) /* a stream that stood so long was a good one */

/* --- Telling --- */

static void tell(mayfly_subscription *subscription, const mayfly_topic_event *event)
{
    if (subscription->is_released && event->kind != MAYFLY_TOPIC_ENDED)
        return;
    if (subscription->callback == NULL) {
        client_topic_queue(subscription, event);
        return;
    }
    subscription->is_telling = true;
    subscription->callback(subscription->context, event);
    subscription->is_telling = false;
}

static void tell_kind(mayfly_subscription *subscription, mayfly_topic_event_kind kind)
{
    bool has_reason = kind == MAYFLY_TOPIC_RECONNECTING || kind == MAYFLY_TOPIC_ENDED;
    const mayfly_topic_event event = {
        .kind = kind,
        .sequence = subscription->position.sequence,
        .page = subscription->position.page,
        .status = has_reason ? subscription->status : MAYFLY_OK,
        .message = has_reason ? subscription->why : "",
    };
    tell(subscription, &event);
}

/* --- Ending --- */

static void give_reason(mayfly_subscription *subscription, mayfly_status status, struct bytes why)
{
    subscription->status = status;
    (void)snprintf(subscription->why, sizeof subscription->why, "%.*s", (int)why.size,
                   why.size > 0 ? (const char *)why.data : "");
}

static void leave_channel(mayfly_subscription *subscription)
{
    if (subscription->channel != NULL)
        subscription->channel->streams--;
    subscription->channel = NULL;
    subscription->stream = NULL;
}

static void drop_stream(mayfly_subscription *subscription)
{
    if (subscription->stream == NULL)
        return;
    h2_call_cancel(subscription->stream);
    net_connection_flush_later(subscription->channel->net);
    leave_channel(subscription);
}

static bool is_idle(const struct channel *channel)
{
    return channel->state == CHANNEL_READY && channel->streams == 0;
}

/* Leaves a channel that no subscription is on any more. */
static void leave_if_idle(struct channel *channel)
{
    if (channel != NULL && is_idle(channel) && !channel->client->closing)
        client_channel_leave(channel);
}

/* Leaves all that is left where no subscription is: the last one may have ended on none of them. */
static void leave_unwanted(struct mayfly_client *client)
{
    struct list *at = client->topics.channels.next;
    while (at != &client->topics.channels) {
        struct channel *channel = list_entry(at, struct channel, link);
        at = at->next;
        if (is_idle(channel) && !client_topics_wanted(client))
            leave_if_idle(channel);
    }
}

/* Ends a subscription for the reason given before; what is left of it waits to be released. */
static void topic_end(mayfly_subscription *subscription)
{
    struct mayfly_client *client = subscription->client;
    struct channel *channel = subscription->channel;
    drop_stream(subscription);
    subscription->state = TOPIC_ENDED;
    list_remove(&subscription->turn);
    net_loop_disarm(&client->loop, &subscription->deadline);
    net_loop_disarm(&client->loop, &subscription->retry);
    leave_if_idle(channel);
    leave_unwanted(client);
    tell_kind(subscription, MAYFLY_TOPIC_ENDED);
}

static void topic_end_with(mayfly_subscription *subscription, mayfly_status status, const char *why)
{
    give_reason(subscription, status, bytes_of(why));
    topic_end(subscription);
}

static void topic_free(mayfly_subscription *subscription)
{
    struct mayfly_client *client = subscription->client;
    list_remove(&subscription->link);
    (void)pthread_mutex_lock(&client->lock);
    list_remove(&subscription->wish);
    (void)pthread_mutex_unlock(&client->lock);
    client_topic_queue_free(&subscription->queue);
    free(subscription);
}

/* To be called last wherever a callback may have run: what it released is gone when this returns. */
static void topic_settle(mayfly_subscription *subscription)
{
    if (!subscription->is_released || subscription->is_telling)
        return;
    if (subscription->state != TOPIC_ENDED)
        topic_end_with(subscription, MAYFLY_CANCELLED, "mayfly_unsubscribe was called");
    topic_free(subscription);
}

void client_topic_release(mayfly_subscription *subscription)
{
    subscription->is_released = true;
    topic_settle(subscription);
}

void client_topics_close(struct mayfly_client *client)
{
    while (!list_empty(&client->subscriptions)) {
        mayfly_subscription *subscription =
            list_entry(client->subscriptions.next, struct mayfly_subscription, link);
        if (subscription->state != TOPIC_ENDED)
            topic_end_with(subscription, MAYFLY_CANCELLED, "the client was closed");
        client_topic_release(subscription);
    }
}

/* --- Asking --- */

static bool encode_request(const mayfly_subscription *subscription, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, mayfly_text(subscription->options.cache));
    wire_put_bytes(&writer, 2, subscription->options.topic);
    if (subscription->position.is_known) {
        wire_put_uint(&writer, 3, subscription->position.sequence + 1);
        wire_put_uint(&writer, 4, subscription->position.page);
    }
    return !writer.failed;
}

/* Starts the stream of a subscription on a channel; NULL when memory is out. */
static struct h2_call *open_stream(mayfly_subscription *subscription, struct channel *channel)
{
    struct buffer request = {.data = NULL};
    struct h2_call *stream = NULL;
    struct metadata *metadata = client_metadata(subscription->client, NULL, NULL, 0);
    if (metadata != NULL && encode_request(subscription, &request))
        stream =
            h2_call_start(channel->net->h2, CLIENT_METHOD_SUBSCRIBE, metadata, CLOCK_NEVER, subscription);
    if (stream != NULL) {
        uint8_t *to = h2_message_begin(stream, request.size);
        if (to != NULL) {
            bytes_copy(to, request.data, request.size);
            h2_message_end(stream);
            h2_half_close(stream);
        } else {
            h2_call_cancel(stream);
            stream = NULL;
        }
    }
    net_connection_flush_later(channel->net); /* also of a connection that has just broken */
    metadata_release(metadata);
    buffer_free(&request);
    return stream;
}

/* Has a subscription wait before it asks again. */
static void topic_rest(mayfly_subscription *subscription)
{
    subscription->state = TOPIC_RESTING;
    list_remove(&subscription->turn);
    int64_t wait_ns = client_backoff_ns(subscription->client, ++subscription->tries, subscription);
    (void)net_loop_arm(&subscription->client->loop, &subscription->retry, clock_add(clock_now_ns(), wait_ns));
}

static void topic_send(mayfly_subscription *subscription, struct channel *channel)
{
    struct mayfly_client *client = subscription->client;
    subscription->stream = open_stream(subscription, channel);
    if (subscription->stream == NULL) {
        give_reason(subscription, MAYFLY_RESOURCE_EXHAUSTED, bytes_of("there is no memory to subscribe"));
        topic_rest(subscription);
        return;
    }
    list_remove(&subscription->turn);
    subscription->state = TOPIC_OPENING;
    subscription->is_fresh = true;
    subscription->channel = channel;
    channel->streams++;
    subscription->asked_ns = clock_now_ns();
    if (subscription->is_confirmed) /* the first time, all tries share one deadline */
        (void)net_loop_arm(
            &client->loop, &subscription->deadline,
            clock_add(subscription->asked_ns, (int64_t)subscription->options.deadline_ms * CLOCK_NS_PER_MS));
    if (++channel->calls == CHANNEL_CALLS_MAX)
        client_channel_leave(channel);
}

static size_t count_channels(const struct list *set, bool *may_get_room)
{
    size_t count = 0;
    for (struct list *at = set->next; at != set; at = at->next, count++) {
        const struct channel *channel = list_entry(at, struct channel, link);
        *may_get_room |= channel->state != CHANNEL_READY || is_idle(channel);
    }
    return count;
}

/* Opens a channel for subscriptions unless one is on its way: what it has no room for asks again. One that is there,
 * is empty and has no room is of a peer that takes no streams now; further ones would have none either. */
static void open_channel(struct mayfly_client *client, unsigned tries)
{
    bool may_get_room = false;
    bool ignored = false;
    size_t count = count_channels(&client->topics.channels, &may_get_room) +
                   count_channels(&client->data.channels, &ignored);
    if (!may_get_room && count < CLIENT_CHANNELS_MAX)
        (void)client_channel_open(&client->topics, tries);
}

void client_topics_refill(struct mayfly_client *client, unsigned tries)
{
    if (!list_empty(&client->topics_waiting) && !client->closing)
        open_channel(client, tries);
}

void client_topics_pump(struct mayfly_client *client)
{
    while (!list_empty(&client->topics_waiting) && !client->closing) {
        struct channel *channel = client_route_choose(&client->topics, NULL);
        if (channel == NULL) {
            open_channel(client, 0);
            return;
        }
        topic_send(list_entry(client->topics_waiting.next, struct mayfly_subscription, turn), channel);
    }
}

bool client_topics_wanted(const struct mayfly_client *client)
{
    for (struct list *at = client->subscriptions.next; at != &client->subscriptions; at = at->next)
        if (list_entry(at, struct mayfly_subscription, link)->state != TOPIC_ENDED)
            return true;
    return false;
}

static void topic_wait(mayfly_subscription *subscription)
{
    subscription->state = TOPIC_WAITING;
    list_push_back(&subscription->client->topics_waiting, &subscription->turn);
    client_topics_pump(subscription->client);
}

static void on_retry(struct timer *timer)
{
    topic_wait(list_entry(timer, struct mayfly_subscription, retry));
}

/* Asks again, and over another connection where this one said nothing at all since. */
static void give_up_stream(mayfly_subscription *subscription)
{
    struct channel *channel = subscription->channel;
    drop_stream(subscription);
    topic_rest(subscription);
    if (channel != NULL && channel->heard_ns < subscription->asked_ns)
        net_connection_close(channel->net, "the server does not answer");
}

/* No confirmation came in time. */
static void on_deadline(struct timer *timer)
{
    mayfly_subscription *subscription = list_entry(timer, struct mayfly_subscription, deadline);
    if (subscription->is_confirmed) {
        give_up_stream(subscription);
        return;
    }
    const char *problem = subscription->client->topics.problem;
    if (subscription->state == TOPIC_WAITING && problem[0] != '\0')
        give_reason(subscription, MAYFLY_UNAVAILABLE, bytes_of(problem));
    else if (subscription->state != TOPIC_RESTING)
        give_reason(subscription, MAYFLY_DEADLINE_EXCEEDED,
                    bytes_of("the deadline passed before the server confirmed the subscription"));
    topic_end(subscription);
    topic_settle(subscription);
}

mayfly_subscription *client_topic_create(mayfly_client *client, const mayfly_topic_options *options,
                                         mayfly_topic_callback callback, void *context)
{
    size_t cache_size = strlen(options->cache) + 1;
    mayfly_subscription *subscription = calloc(1, sizeof *subscription + cache_size + options->topic.size);
    if (subscription == NULL)
        return NULL;
    char *texts = (char *)(subscription + 1);
    memcpy(texts, options->cache, cache_size);
    memcpy(texts + cache_size, options->topic.data, options->topic.size);
    timer_init(&subscription->deadline, on_deadline);
    timer_init(&subscription->retry, on_retry);
    list_init(&subscription->link);
    list_init(&subscription->turn);
    list_init(&subscription->wish);
    subscription->client = client;
    subscription->callback = callback;
    subscription->context = context;
    subscription->options = *options;
    subscription->options.cache = texts;
    subscription->options.topic.data = texts + cache_size;
    if (options->deadline_ms == 0)
        subscription->options.deadline_ms = client->configuration.deadline_ms;
    list_init(&subscription->queue.events);
    subscription->queue.limit_bytes = options->queue_bytes > 0 ? options->queue_bytes : QUEUE_BYTES_DEFAULT;
    if (options->resume_at_sequence > 0) {
        subscription->position =
            (struct topic_position){true, options->resume_at_sequence - 1, options->resume_at_page};
        subscription->queue.last_sequence = subscription->position.sequence;
    }
    return subscription;
}

void client_topic_begin(mayfly_subscription *subscription)
{
    struct mayfly_client *client = subscription->client;
    const mayfly_topic_options *options = &subscription->options;
    list_push_back(&client->subscriptions, &subscription->link);
    (void)net_loop_arm(&client->loop, &subscription->deadline,
                       clock_add(clock_now_ns(), (int64_t)options->deadline_ms * CLOCK_NS_PER_MS));
    topic_wait(subscription);
}

/* --- What comes --- */

/* What a message of the stream says. */
struct topic_message {
    enum {
        MESSAGE_UNKNOWN,
        MESSAGE_ITEM = 1,          /* by field number */
        MESSAGE_DISCONTINUITY = 2, /* likewise */
        MESSAGE_HEARTBEAT = 3,
    } kind;
    mayfly_topic_event event;
};

static mayfly_bytes field_bytes(const struct field *field)
{
    return reply_bytes(field->bytes.data, field->bytes.size);
}

static bool read_value(struct bytes message, mayfly_topic_event *event)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    while (field_next(&reader, &field)) {
        if (!wire_is(&field, 1, FIELD_BYTES) && !wire_is(&field, 2, FIELD_BYTES))
            continue;
        event->is_text = field.number == 1;
        event->value = field_bytes(&field);
    }
    return !reader.malformed;
}

static bool read_item(struct bytes message, mayfly_topic_event *event)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    event->kind = MAYFLY_TOPIC_ITEM;
    while (field_next(&reader, &field)) {
        if (wire_is(&field, 1, FIELD_VARINT))
            event->sequence = field.integer;
        else if (wire_is(&field, 2, FIELD_BYTES) && !read_value(field.bytes, event))
            return false;
        else if (wire_is(&field, 3, FIELD_BYTES))
            event->publisher = field_bytes(&field);
        else if (wire_is(&field, 4, FIELD_VARINT))
            event->page = field.integer;
    }
    return !reader.malformed;
}

static bool read_discontinuity(struct bytes message, mayfly_topic_event *event)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    event->kind = MAYFLY_TOPIC_DISCONTINUITY;
    event->sequence = 1;
    while (field_next(&reader, &field)) {
        if (wire_is(&field, 1, FIELD_VARINT))
            event->last_sequence = field.integer;
        else if (wire_is(&field, 2, FIELD_VARINT))
            event->sequence = field.integer + 1; /* the wire says behind which number items go on */
        else if (wire_is(&field, 3, FIELD_VARINT))
            event->page = field.integer;
    }
    return !reader.malformed;
}

static bool read_message(struct bytes message, struct topic_message *out)
{
    struct field_reader reader = field_reader_make(message);
    struct field field;
    *out = (struct topic_message){.event.message = ""};
    while (field_next(&reader, &field)) {
        if (field.type != FIELD_BYTES || field.number < MESSAGE_ITEM || field.number > MESSAGE_HEARTBEAT)
            continue;
        *out = (struct topic_message){.kind = (int)field.number, .event.message = ""};
        if ((out->kind == MESSAGE_ITEM && !read_item(field.bytes, &out->event)) ||
            (out->kind == MESSAGE_DISCONTINUITY && !read_discontinuity(field.bytes, &out->event)))
            return false;
    }
    return !reader.malformed;
}

static void on_confirmed(mayfly_subscription *subscription)
{
    net_loop_disarm(&subscription->client->loop, &subscription->deadline);
    subscription->state = TOPIC_STANDING;
    subscription->standing_ns = clock_now_ns();
    subscription->is_confirmed = true;
    tell_kind(subscription, MAYFLY_TOPIC_SUBSCRIBED);
}

/* Whether what begins with SEQUENCE on PAGE is behind all that was told. A page goes back only where a new
 * stream begins with it: the server has forgotten more than it should. */
static bool is_news(const mayfly_subscription *subscription, uint64_t sequence, uint64_t page)
{
    const struct topic_position *position = &subscription->position;
    if (!position->is_known || page > position->page)
        return true;
    return page == position->page ? sequence > position->sequence : subscription->is_fresh;
}

/* Whether items are missing before EVENT. Page 0 is one that is not known: a caller may resume without it. */
static bool is_behind_gap(const mayfly_subscription *subscription, const mayfly_topic_event *event)
{
    const struct topic_position *position = &subscription->position;
    if (!position->is_known)
        return subscription->is_missed && event->sequence != 1;
    bool is_other_page = position->page != 0 && event->page != position->page;
    return is_other_page || event->sequence != position->sequence + 1;
}

/* Tells of items that are missing before EVENT, where the server did not. */
static void tell_gap(mayfly_subscription *subscription, const mayfly_topic_event *event)
{
    const struct topic_position *position = &subscription->position;
    bool is_missing = is_behind_gap(subscription, event);
    subscription->is_missed = false;
    if (!is_missing)
        return;
    const mayfly_topic_event gap = {
        .kind = MAYFLY_TOPIC_DISCONTINUITY,
        .last_sequence = position->is_known ? position->sequence : 0,
        .sequence = event->sequence,
        .page = event->page,
        .message = "",
    };
    tell(subscription, &gap);
}

static void on_item(mayfly_subscription *subscription, const mayfly_topic_event *event)
{
    if (!is_news(subscription, event->sequence, event->page))
        return;
    tell_gap(subscription, event);
    subscription->position = (struct topic_position){true, event->sequence, event->page};
    subscription->is_fresh = false;
    tell(subscription, event);
}

static void on_discontinuity(mayfly_subscription *subscription, const mayfly_topic_event *event)
{
    if (event->sequence == 0 || !is_news(subscription, event->sequence, event->page))
        return;
    subscription->position = (struct topic_position){true, event->sequence - 1, event->page};
    subscription->is_fresh = false;
    subscription->is_missed = false;
    tell(subscription, event);
}

static void take_message(mayfly_subscription *subscription, const struct topic_message *message)
{
    if (message->kind == MESSAGE_ITEM)
        on_item(subscription, &message->event);
    else if (message->kind == MESSAGE_DISCONTINUITY)
        on_discontinuity(subscription, &message->event);
    else if (message->kind == MESSAGE_HEARTBEAT && subscription->callback != NULL)
        tell_kind(subscription, MAYFLY_TOPIC_HEARTBEAT);
}

void client_topic_message(mayfly_subscription *subscription, struct bytes bytes)
{
    struct topic_message message;
    if (!read_message(bytes, &message))
        topic_end_with(subscription, MAYFLY_INTERNAL, "the server sent what is no message of a topic");
    else if (subscription->state == TOPIC_STANDING)
        take_message(subscription, &message);
    else if (message.kind == MESSAGE_HEARTBEAT)
        on_confirmed(subscription);
    else
        topic_end_with(subscription, MAYFLY_INTERNAL,
                       "the server sent something else than a heartbeat first");
    topic_settle(subscription);
}

/* --- What is lost --- */

/* Whether asking again may help. */
static bool may_heal(enum status status)
{
    switch (status) {
    case STATUS_OK:
    case STATUS_CANCELLED:
    case STATUS_UNKNOWN:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_ABORTED:
    case STATUS_INTERNAL:
    case STATUS_UNAVAILABLE:
    case STATUS_DATA_LOSS:
        return true;
    default:
        return false;
    }
}

/* Asks again soon, and less and less often while no stream lasts. */
static void topic_retry(mayfly_subscription *subscription)
{
    bool was_standing = subscription->state == TOPIC_STANDING;
    bool was_steady = was_standing && clock_now_ns() - subscription->standing_ns >= STEADY_NS;
    if (was_steady)
        subscription->tries = 0;
    subscription->is_missed |= was_standing && !subscription->position.is_known;
    if (subscription->is_confirmed)
        net_loop_disarm(&subscription->client->loop, &subscription->deadline);
    topic_rest(subscription);
    if (was_standing)
        tell_kind(subscription, MAYFLY_TOPIC_RECONNECTING);
}

void client_topic_closed(mayfly_subscription *subscription, const struct h2_outcome *outcome)
{
    struct channel *channel = subscription->channel;
    leave_channel(subscription);
    if (outcome->status == STATUS_OK)
        give_reason(subscription, MAYFLY_UNAVAILABLE, bytes_of("the server ended the stream"));
    else
        give_reason(subscription, (mayfly_status)outcome->status, outcome->message);
    if (may_heal(outcome->status) || outcome->unseen) {
        topic_retry(subscription);
    } else {
        leave_if_idle(channel);
        topic_end(subscription);
    }
    topic_settle(subscription);
}
