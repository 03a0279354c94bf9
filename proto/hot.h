/* The messages of Get and Set, read and written in place: they are on the path of nearly every request, where
 * unpacking with the generated code would cost an allocation and a copy for each field. Server and client use
 * both directions. What is read points into the message that was given; what is written needs room for what
 * the hot_size_ function of the same name says, and the hot_write_ function returns where it stopped.
 *
 * The readers accept whatever a conforming protobuf parser accepts, with one liberty: texts are handed on as
 * bytes, unchecked for UTF-8. Of a field that occurs twice the last counts; one that is absent reads as empty
 * or zero. False means that the bytes are no protobuf message; *out is then of no use. */
#ifndef MAYFLY_PROTO_HOT_H
#define MAYFLY_PROTO_HOT_H

#include "base/bytes.h"

/* ECacheResult. A peer may send other numbers, which is why the structs below keep an int32_t. */
enum hot_result {
    HOT_RESULT_INVALID = 0,
    HOT_RESULT_OK = 1,
    HOT_RESULT_HIT = 2,
    HOT_RESULT_MISS = 3,
};

/* _GetRequest, _SetRequest, _GetResponse and _SetResponse of cacheclient.proto. */
struct hot_get_request {
    struct bytes key;
};

struct hot_set_request {
    struct bytes key;
    struct bytes body;
    uint64_t ttl_ms;
};

struct hot_get_response {
    int32_t result;
    struct bytes body;
    struct bytes message; /* text for people, from a peer: not checked, not to be trusted */
};

struct hot_set_response {
    int32_t result;
    struct bytes message; /* as above */
};

bool hot_read_get_request(struct bytes message, struct hot_get_request *out);
bool hot_read_set_request(struct bytes message, struct hot_set_request *out);
bool hot_read_get_response(struct bytes message, struct hot_get_response *out);
bool hot_read_set_response(struct bytes message, struct hot_set_response *out);

size_t hot_size_get_request(struct bytes key);
uint8_t *hot_write_get_request(uint8_t *to, struct bytes key);

size_t hot_size_set_request(const struct hot_set_request *request);
uint8_t *hot_write_set_request(uint8_t *to, const struct hot_set_request *request);

/* A response to Get is written up to its body only; the caller puts the body there, so that a value goes from
 * the store to the wire in one copy. The size is that of the whole message, body included, and what precedes
 * the body never exceeds HOT_GET_RESPONSE_HEAD_BYTES_MAX. */
#define HOT_GET_RESPONSE_HEAD_BYTES_MAX 13
size_t hot_size_get_response(enum hot_result result, size_t body_size);
uint8_t *hot_write_get_response_head(uint8_t *to, enum hot_result result, size_t body_size);

#define HOT_SET_RESPONSE_BYTES_MAX 2
size_t hot_size_set_response(enum hot_result result);
uint8_t *hot_write_set_response(uint8_t *to, enum hot_result result);

#endif
