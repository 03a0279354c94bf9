/* One view of the four hot messages, filled either by proto/hot.h or by the code that protobuf-c generates,
 * so that the unit test and the fuzz target can put the two side by side. */
#ifndef MAYFLY_TESTS_HOT_ORACLE_H
#define MAYFLY_TESTS_HOT_ORACLE_H

#include "cacheclient.pb-c.h"
#include "proto/hot.h"

enum hot_kind {
    GET_REQUEST,
    SET_REQUEST,
    GET_RESPONSE,
    SET_RESPONSE,
    HOT_KINDS,
};

/* A field that the message does not have stays empty. */
struct hot_reading {
    bool accepted;
    int32_t result;
    uint64_t ttl_ms;
    struct bytes key;
    struct bytes body;
    struct bytes message;
    ProtobufCMessage *unpacked; /* holds the bytes when the generated code read them */
};

static inline const ProtobufCMessageDescriptor *hot_descriptor(enum hot_kind kind)
{
    static const ProtobufCMessageDescriptor *const descriptors[HOT_KINDS] = {
        [GET_REQUEST] = &cache_client____get_request__descriptor,
        [SET_REQUEST] = &cache_client____set_request__descriptor,
        [GET_RESPONSE] = &cache_client____get_response__descriptor,
        [SET_RESPONSE] = &cache_client____set_response__descriptor,
    };
    return descriptors[kind];
}

static inline struct hot_reading hot_read_by_hand(enum hot_kind kind, struct bytes message)
{
    struct hot_get_request get_request = {0};
    struct hot_set_request set_request = {0};
    struct hot_get_response get_response = {0};
    struct hot_set_response set_response = {0};
    switch (kind) {
    case GET_REQUEST:
        return (struct hot_reading){.accepted = hot_read_get_request(message, &get_request),
                                    .key = get_request.key};
    case SET_REQUEST:
        return (struct hot_reading){.accepted = hot_read_set_request(message, &set_request),
                                    .key = set_request.key,
                                    .body = set_request.body,
                                    .ttl_ms = set_request.ttl_ms};
    case GET_RESPONSE:
        return (struct hot_reading){.accepted = hot_read_get_response(message, &get_response),
                                    .result = get_response.result,
                                    .body = get_response.body,
                                    .message = get_response.message};
    case SET_RESPONSE:
        return (struct hot_reading){.accepted = hot_read_set_response(message, &set_response),
                                    .result = set_response.result,
                                    .message = set_response.message};
    case HOT_KINDS:
        break;
    }
    return (struct hot_reading){0};
}

static inline struct bytes hot_oracle_bytes(ProtobufCBinaryData data)
{
    return bytes_make(data.data, data.len);
}

/* To be given to hot_reading_free. */
static inline struct hot_reading hot_read_generated(enum hot_kind kind, struct bytes message)
{
    struct hot_reading reading = {0};
    reading.unpacked = protobuf_c_message_unpack(hot_descriptor(kind), NULL, message.size, message.data);
    if (reading.unpacked == NULL)
        return reading;
    reading.accepted = true;
    if (kind == GET_REQUEST) {
        const CacheClient__GetRequest *get = (const void *)reading.unpacked;
        reading.key = hot_oracle_bytes(get->cache_key);
    } else if (kind == SET_REQUEST) {
        const CacheClient__SetRequest *set = (const void *)reading.unpacked;
        reading.key = hot_oracle_bytes(set->cache_key);
        reading.body = hot_oracle_bytes(set->cache_body);
        reading.ttl_ms = set->ttl_milliseconds;
    } else if (kind == GET_RESPONSE) {
        const CacheClient__GetResponse *get = (const void *)reading.unpacked;
        reading.result = (int32_t)get->result;
        reading.body = hot_oracle_bytes(get->cache_body);
        reading.message = bytes_of(get->message);
    } else {
        const CacheClient__SetResponse *set = (const void *)reading.unpacked;
        reading.result = (int32_t)set->result;
        reading.message = bytes_of(set->message);
    }
    return reading;
}

static inline void hot_reading_free(struct hot_reading *reading)
{
    if (reading->unpacked != NULL)
        protobuf_c_message_free_unpacked(reading->unpacked, NULL);
}

/* Texts of the generated code are C strings and end at their first zero, so one with a zero is cut there. */
static inline bool hot_texts_agree(struct bytes whole, struct bytes cut)
{
    size_t size = whole.size > 0 ? strnlen((const char *)whole.data, whole.size) : 0;
    return bytes_equal(bytes_make(whole.data, size), cut);
}

static inline bool hot_readings_agree(const struct hot_reading *by_hand, const struct hot_reading *generated)
{
    if (!by_hand->accepted || !generated->accepted)
        return by_hand->accepted == generated->accepted;
    return by_hand->result == generated->result && by_hand->ttl_ms == generated->ttl_ms &&
           bytes_equal(by_hand->key, generated->key) && bytes_equal(by_hand->body, generated->body) &&
           hot_texts_agree(by_hand->message, generated->message);
}

#endif
