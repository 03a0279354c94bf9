/* Frames of HTTP/2, RFC 9113 sections 4 and 6:
 *
 *     0        3      4       5           9
 *     | length | type | flags | stream id | payload: `length` bytes
 */
#ifndef MAYFLY_RPC_H2_FRAME_H
#define MAYFLY_RPC_H2_FRAME_H

#include "base/bytes.h"

#define FRAME_HEAD_BYTES     9
#define FRAME_BYTES_MAX      16384    /* of a payload, either way: what every peer takes */
#define FRAME_BYTES_LIMIT    0xffffff /* of what a peer may say that it takes */
#define STREAM_ID_MAX        0x7fffffffu
#define WINDOW_MAX           0x7fffffff
#define WINDOW_INITIAL_BYTES 65535

enum frame_type {
    FRAME_DATA,
    FRAME_HEADERS,
    FRAME_PRIORITY,
    FRAME_RST_STREAM,
    FRAME_SETTINGS,
    FRAME_PUSH_PROMISE,
    FRAME_PING,
    FRAME_GOAWAY,
    FRAME_WINDOW_UPDATE,
    FRAME_CONTINUATION,
    FRAME_KINDS, /* that we know */
};

enum frame_flag {
    FLAG_ACK = 0x1,
    FLAG_END_STREAM = 0x1,
    FLAG_END_HEADERS = 0x4,
    FLAG_PADDED = 0x8,
    FLAG_PRIORITY = 0x20,
};

enum setting {
    SETTING_HEADER_TABLE_SIZE = 1,
    SETTING_ENABLE_PUSH = 2,
    SETTING_MAX_CONCURRENT_STREAMS = 3,
    SETTING_INITIAL_WINDOW_SIZE = 4,
    SETTING_MAX_FRAME_SIZE = 5,
    SETTING_MAX_HEADER_LIST_SIZE = 6,
};

#define SETTING_BYTES  6

/* Payloads, or what they have to begin with. */
#define NUMBER_BYTES   4 /* of RST_STREAM, WINDOW_UPDATE and PUSH_PROMISE */
#define PRIORITY_BYTES 5
#define PING_BYTES     8
#define GOAWAY_BYTES   8

/* Section 7. */
enum h2_code {
    H2_NO_ERROR,
    H2_PROTOCOL_ERROR,
    H2_INTERNAL_ERROR,
    H2_FLOW_CONTROL_ERROR,
    H2_SETTINGS_TIMEOUT,
    H2_STREAM_CLOSED,
    H2_FRAME_SIZE_ERROR,
    H2_REFUSED_STREAM,
    H2_CANCEL,
    H2_COMPRESSION_ERROR,
    H2_CONNECT_ERROR,
    H2_ENHANCE_YOUR_CALM,
    H2_INADEQUATE_SECURITY,
    H2_HTTP_1_1_REQUIRED,
    H2_CODES,
};

/* The name of a code, as the RFC writes it. */
const char *h2_code_name(uint32_t code);

struct frame {
    uint32_t size; /* of the payload */
    uint8_t type;
    uint8_t flags;
    uint32_t stream_id;
};

static inline uint32_t number_read(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void number_write(uint8_t *at, uint32_t number)
{
    at[0] = (uint8_t)(number >> 24);
    at[1] = (uint8_t)(number >> 16);
    at[2] = (uint8_t)(number >> 8);
    at[3] = (uint8_t)number;
}

static inline struct frame frame_read(const uint8_t head[FRAME_HEAD_BYTES])
{
    return (struct frame){
        .size = number_read(head) >> 8,
        .type = head[3],
        .flags = head[4],
        .stream_id = number_read(head + 5) & STREAM_ID_MAX,
    };
}

static inline void frame_write(uint8_t head[FRAME_HEAD_BYTES], struct frame frame)
{
    number_write(head, frame.size << 8 | frame.type);
    head[4] = frame.flags;
    number_write(head + 5, frame.stream_id);
}

#endif
