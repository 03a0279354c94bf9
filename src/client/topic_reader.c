/* The way to subscriptions: beginning and ending them from any thread, and the queue for those that are
 * read instead of called back. The queue is bounded; what it has no room for is dropped and told as a
 * discontinuity, so a slow reader costs the others nothing. */
#include "base/clock.h"
#include "base/utf8.h"
#include "client/client.h"

#include <stdio.h>
#include <stdlib.h>

#define DEADLINE_MS_MAX 86400000

/* An event that waits, with its bytes behind it. */
struct kept_event {
    struct list link;
    size_t bytes;
    mayfly_topic_event event;
};

/* --- The queue, with the lock held --- */

static mayfly_bytes copy_bytes(uint8_t **to, mayfly_bytes from)
{
    mayfly_bytes copy = {*to, from.size};
    bytes_copy(*to, from.data, from.size);
    *to += from.size;
    return copy;
}

/* A copy on its own; NULL when memory is out. */
static struct kept_event *keep(const mayfly_topic_event *event)
{
    mayfly_bytes message = {event->message, strlen(event->message) + 1};
    size_t bytes = sizeof(struct kept_event) + event->value.size + event->publisher.size + message.size;
    struct kept_event *kept = malloc(bytes);
    if (kept == NULL)
        return NULL;
    uint8_t *text = (uint8_t *)(kept + 1);
    kept->bytes = bytes;
    kept->event = *event;
    kept->event.value = copy_bytes(&text, event->value);
    kept->event.publisher = copy_bytes(&text, event->publisher);
    kept->event.message = copy_bytes(&text, message).data;
    list_init(&kept->link);
    return kept;
}

/* False when there is no room for it. */
static bool queue_add(struct topic_queue *queue, const mayfly_topic_event *event)
{
    if (queue->bytes >= queue->limit_bytes)
        return false;
    struct kept_event *kept = keep(event);
    if (kept == NULL)
        return false;
    queue->bytes += kept->bytes;
    list_push_back(&queue->events, &kept->link);
    return true;
}

static mayfly_topic_event gap_before(const struct topic_queue *queue, uint64_t sequence, uint64_t page)
{
    return (mayfly_topic_event){
        .kind = MAYFLY_TOPIC_DISCONTINUITY,
        .last_sequence = queue->last_sequence,
        .sequence = sequence,
        .page = page,
        .message = "",
    };
}

/* Keeps an item or a discontinuity; what was dropped before it is told first. */
static void queue_numbered(struct topic_queue *queue, const mayfly_topic_event *event)
{
    bool is_item = event->kind == MAYFLY_TOPIC_ITEM;
    bool had_gap = queue->has_gap;
    if (had_gap) {
        const mayfly_topic_event gap = gap_before(queue, event->sequence, event->page);
        queue->has_gap = !queue_add(queue, &gap);
        if (!queue->has_gap)
            queue->last_sequence = event->sequence - 1;
    }
    bool is_part_of_gap = had_gap && !is_item;
    bool is_kept = !queue->has_gap && (is_part_of_gap || queue_add(queue, event));
    if (is_kept) {
        queue->last_sequence = is_item ? event->sequence : event->sequence - 1;
        return;
    }
    queue->has_gap = true;
    queue->gap_sequence = is_item ? event->sequence + 1 : event->sequence;
    queue->gap_page = event->page;
}

void client_topic_queue(mayfly_subscription *subscription, const mayfly_topic_event *event)
{
    struct mayfly_client *client = subscription->client;
    struct topic_queue *queue = &subscription->queue;
    (void)pthread_mutex_lock(&client->lock);
    if (event->kind == MAYFLY_TOPIC_ENDED)
        queue->is_over = true;
    else if (event->kind == MAYFLY_TOPIC_ITEM || event->kind == MAYFLY_TOPIC_DISCONTINUITY)
        queue_numbered(queue, event);
    else
        (void)queue_add(queue, event); /* news of the connection may get lost when nobody reads */
    if (queue->reader != NULL)
        client_waiter_finish(queue->reader);
    (void)pthread_mutex_unlock(&client->lock);
}

void client_topic_queue_free(struct topic_queue *queue)
{
    while (!list_empty(&queue->events))
        free(list_entry(list_pop_front(&queue->events), struct kept_event, link));
}

/* The next event, or NULL; *STATUS says why there is none. */
static struct kept_event *queue_take(mayfly_subscription *subscription, mayfly_status *status)
{
    struct topic_queue *queue = &subscription->queue;
    struct kept_event *kept = NULL;
    *status = MAYFLY_OK;
    if (!list_empty(&queue->events)) {
        kept = list_entry(list_pop_front(&queue->events), struct kept_event, link);
        queue->bytes -= kept->bytes;
    } else if (queue->has_gap) {
        const mayfly_topic_event gap = gap_before(queue, queue->gap_sequence, queue->gap_page);
        kept = keep(&gap);
        *status = kept != NULL ? MAYFLY_OK : MAYFLY_RESOURCE_EXHAUSTED;
        queue->has_gap = kept == NULL;
        if (kept != NULL)
            queue->last_sequence = gap.sequence - 1;
    } else if (queue->is_over && !queue->end_told) {
        const mayfly_topic_event end = {
            .kind = MAYFLY_TOPIC_ENDED, .status = subscription->status, .message = subscription->why};
        kept = keep(&end);
        *status = kept != NULL ? MAYFLY_OK : MAYFLY_RESOURCE_EXHAUSTED;
        queue->end_told = kept != NULL;
    } else {
        *status = queue->is_over ? MAYFLY_CANCELLED : MAYFLY_DEADLINE_EXCEEDED;
    }
    return kept;
}

/* --- Reading --- */

mayfly_status mayfly_subscription_next(mayfly_subscription *subscription, int timeout_ms,
                                       mayfly_topic_event **event)
{
    if (event == NULL)
        return MAYFLY_INVALID_ARGUMENT;
    *event = NULL;
    if (subscription == NULL || subscription->callback != NULL)
        return MAYFLY_INVALID_ARGUMENT;
    struct mayfly_client *client = subscription->client;
    if (client_inside_callback(client))
        return MAYFLY_INVALID_ARGUMENT;
    if (client_use_problem(client) != NULL)
        return MAYFLY_FAILED_PRECONDITION;
    int64_t due_ns = CLOCK_NEVER;
    if (timeout_ms >= 0)
        due_ns = clock_add(clock_now_ns(), (int64_t)timeout_ms * CLOCK_NS_PER_MS);
    struct waiter waiter;
    client_waiter_init(&waiter, client, due_ns);
    (void)pthread_mutex_lock(&client->lock);
    mayfly_status status;
    struct kept_event *kept = queue_take(subscription, &status);
    if (kept == NULL && status == MAYFLY_DEADLINE_EXCEEDED) {
        subscription->queue.reader = &waiter;
        client_wait(&waiter);
        subscription->queue.reader = NULL;
        kept = queue_take(subscription, &status);
    }
    (void)pthread_mutex_unlock(&client->lock);
    client_waiter_free(&waiter);
    if (kept != NULL)
        *event = &kept->event;
    return status;
}

void mayfly_topic_event_free(mayfly_topic_event *event)
{
    if (event != NULL)
        free(list_entry(event, struct kept_event, event));
}

/* --- Beginning and ending --- */

static mayfly_status tell(mayfly_error *error, mayfly_status status, const char *message)
{
    if (error != NULL) {
        error->status = status;
        (void)snprintf(error->message, sizeof error->message, "%s", message);
    }
    return status;
}

static const char *options_problem(const mayfly_topic_options *options)
{
    const char *problem = client_cache_problem(options->cache);
    if (problem != NULL)
        return problem;
    if (options->topic.data == NULL || options->topic.size == 0)
        return "the topic is empty";
    if (!utf8_is_valid(bytes_make(options->topic.data, options->topic.size)))
        return "the topic is not UTF-8";
    if (!utf8_is_valid(bytes_of(options->cache)))
        return "the cache's name is not UTF-8";
    return options->deadline_ms > DEADLINE_MS_MAX ? "deadline_ms is more than 86,400,000" : NULL;
}

/* Leaves a wish to the thread that drives. */
static void leave_wish(mayfly_subscription *subscription, struct list *wishes)
{
    struct mayfly_client *client = subscription->client;
    (void)pthread_mutex_lock(&client->lock);
    list_remove(&subscription->wish);
    list_push_back(wishes, &subscription->wish);
    client_drive_post(client);
    (void)pthread_mutex_unlock(&client->lock);
}

mayfly_status mayfly_subscribe(mayfly_client *client, const mayfly_topic_options *options,
                               mayfly_topic_callback callback, void *context,
                               mayfly_subscription **subscription, mayfly_error *error)
{
    if (subscription != NULL)
        *subscription = NULL;
    if (client == NULL || options == NULL || subscription == NULL)
        return tell(error, MAYFLY_INVALID_ARGUMENT,
                    "a client, options and a place for the subscription are needed");
    if (client_use_problem(client) != NULL)
        return tell(error, MAYFLY_FAILED_PRECONDITION, client_use_problem(client));
    if (callback != NULL && client->drive == MAYFLY_DRIVEN_BY_CALLS)
        return tell(error, MAYFLY_INVALID_ARGUMENT,
                    "a client driven by calls has no thread for callbacks; use mayfly_subscription_next");
    const char *problem = options_problem(options);
    if (problem != NULL)
        return tell(error, MAYFLY_INVALID_ARGUMENT, problem);
    if (client->closing)
        return tell(error, MAYFLY_CANCELLED, "the client is being closed");
    *subscription = client_topic_create(client, options, callback, context);
    if (*subscription == NULL)
        return tell(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    if (client->drive == MAYFLY_DRIVEN_BY_CALLER)
        client_topic_begin(*subscription);
    else
        leave_wish(*subscription, &client->subscribes);
    return tell(error, MAYFLY_OK, "");
}

void mayfly_unsubscribe(mayfly_subscription *subscription)
{
    if (subscription == NULL || client_use_problem(subscription->client) != NULL)
        return;
    struct mayfly_client *client = subscription->client;
    bool is_here = client->drive == MAYFLY_DRIVEN_BY_CALLER || client_inside_callback(client);
    if (!is_here) {
        leave_wish(subscription, &client->unsubscribes);
        return;
    }
    bool was_turning = client->loop.turning;
    client->loop.turning = true; /* what runs now is a callback too */
    client_topic_release(subscription);
    client->loop.turning = was_turning;
}
