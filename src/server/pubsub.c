/* cache_client.pubsub.Pubsub: publishes into topics and makes subscriptions, which the worker's desk then serves. */
#include "server/services.h"

#include "base/utf8.h"
#include "proto/field.h"
#include "server/pubsub_desk.h"

#define TOPIC_NAME_MAX 1024

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

/* Reads the message, checks what it names and counts it toward the cache's rates; false with the request failed. */
static bool read_call(struct server_request *request, struct bytes message, struct pubsub_call *call)
{
    if (!read_message(call, message))
        server_fail_malformed(request);
    else if (call->name.cache.size == 0)
        server_fail_argument(request, "cache_name", "is empty");
    else if (call->name.topic.size == 0 || call->name.topic.size > TOPIC_NAME_MAX ||
             !utf8_is_valid(call->name.topic))
        server_fail_argument(request, "topic", "is not 1 to 1024 bytes of UTF-8");
    else if (!control_has_cache(request->worker->server, call->name.cache))
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
                    "this server has no room for another topic, and all of them have subscribers");
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
    if (caches_epoch(request) != epoch && !control_has_cache(request->worker->server, name))
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
        server_fail_argument(request, "value", "is neither text nor binary");
        return;
    }
    if (call.value.bytes.size > (size_t)server->settings->max_topic_message_bytes) {
        server_fail_with_cause(request, STATUS_RESOURCE_EXHAUSTED,
                               "the value is larger than this server lets through a topic",
                               CAUSE_REQUEST_SIZE);
        return;
    }
    if (call.value.is_text && !utf8_is_valid(call.value.bytes)) {
        server_fail_argument(request, "value", "is text that is not UTF-8");
        return;
    }
    enum topics_status status = topics_publish(server->topics, call.name, call.value);
    confirm_cache(request, call.name.cache, epoch);
    if (status != TOPICS_OK)
        fail_topics(request, status);
    else if (server_reply_begin(request, 0) != NULL)
        server_reply_end(request, true);
}

/* --- Subscribe --- */

void pubsub_subscribe(struct server_request *request, struct bytes message)
{
    uint64_t epoch = caches_epoch(request);
    struct pubsub_call call;
    if (!read_call(request, message, &call))
        return;
    enum topics_status status = pubsub_desk_join(request, call.name, call.start);
    confirm_cache(request, call.name.cache, epoch);
    if (status == TOPICS_OK)
        pubsub_desk_begin(request);
    else
        fail_topics(request, status);
}

void pubsub_drain(struct server_request *request)
{
    server_fail(request, STATUS_UNAVAILABLE, "the server is going down");
}
