/* Two engines on the same input, compared by what they make of it (witness.h). An input is turned into frames first:
 *
 *     byte 0   bit 0: the engine is a client; bit 1: its owner cancels some calls; bit 2: the rest is frames as they are,
 *              else a script for them; bits 3 to 7: frames are fed in pieces of so many bytes, 0: whole
 *     script   an operation a byte, with what it needs from the bytes that follow (script_frame)
 *
 * Only whole frames are fed, and what is pending is read after each, since how soon an engine answers what comes later in
 * the same piece is its own business. Then all is fed to ours once more in one piece, and the calls that come of it are
 * compared with those before. */
#ifndef MAYFLY_TESTS_RPC_DIFFERENTIAL_H
#define MAYFLY_TESTS_RPC_DIFFERENTIAL_H

#include "rpc/witness.h"

#define SCRIPT_FRAMES 256

/* --- Scripts --- */

struct script {
    struct bytes left;
    struct buffer frames;
    size_t count;
    uint32_t open_block;   /* the stream of a header block that has not ended */
    bool opens_by_nothing; /* a window, which is wrong on a stream that is there */
    size_t content_bytes;
};

static inline uint8_t script_byte(struct script *script)
{
    if (script->left.size == 0)
        return 0;
    uint8_t byte = script->left.data[0];
    script->left = bytes_make(script->left.data + 1, script->left.size - 1);
    return byte;
}

static inline struct bytes script_bytes(struct script *script, size_t size)
{
    struct bytes taken = bytes_make(script->left.data, size < script->left.size ? size : script->left.size);
    script->left = bytes_make(script->left.data + taken.size, script->left.size - taken.size);
    return taken;
}

/* Streams are few, so that they meet again: odd ones, now and then another. */
static inline uint32_t script_stream(struct script *script)
{
    uint8_t byte = script_byte(script);
    return byte < 0xf0 ? 2 * (uint32_t)(byte % 24) + 1 : byte % 16;
}

/* A header block is never left open: our engine looks at a whole one, nghttp2 at each piece, so that they would find
 * different things wrong first. Nor is it ended by an empty frame, after which nghttp2 does not look whether its last
 * field was whole. And content without room for its padding is given none, which nghttp2 overlooks on closed streams. */
static inline void script_put_frame(struct script *script, uint8_t type, uint8_t flags, uint32_t stream,
                                    struct bytes payload)
{
    static const uint8_t accept_encoding = 0x90; /* a field that means nothing here */
    bool goes_on = type == FRAME_CONTINUATION && stream == script->open_block;
    if (script->open_block != 0 && !goes_on) {
        uint32_t open_block = script->open_block;
        script_put_frame(script, FRAME_CONTINUATION, FLAG_END_HEADERS, open_block,
                         bytes_make(&accept_encoding, 1));
    }
    if (goes_on && payload.size == 0)
        payload = bytes_make(&accept_encoding, 1);
    if (type == FRAME_DATA && payload.size == 0)
        flags &= (uint8_t)~FLAG_PADDED;
    if (type == FRAME_HEADERS || goes_on)
        script->open_block = (flags & FLAG_END_HEADERS) != 0 ? 0 : stream;
    uint8_t head[FRAME_HEAD_BYTES];
    frame_write(head, (struct frame){(uint32_t)payload.size, type, flags, stream});
    witness_insist(buffer_append(&script->frames, bytes_make(head, sizeof head)) &&
                   buffer_append(&script->frames, payload));
    script->count++;
}

static inline void script_put_field(struct buffer *block, uint8_t first, const char *name, struct bytes value)
{
    const uint8_t start[] = {first, (uint8_t)strlen(name)};
    const uint8_t size = (uint8_t)value.size;
    witness_insist(value.size < 127 && buffer_append(block, bytes_make(start, 2)) &&
                   buffer_append(block, bytes_of(name)) && buffer_append(block, bytes_make(&size, 1)) &&
                   buffer_append(block, value));
}

/* A field from a choice of those that mean something, indexed or not, with its usual value or one from the script. */
static inline void script_field(struct script *script, struct buffer *block)
{
    static const struct {
        const char *name;
        const char *value;
    } fields[] = {
        {":method", "POST"},         {":method", "CONNECT"},
        {":scheme", "http"},         {":path", "/s/U"},
        {":path", "/s/I"},           {":path", "/s/O"},
        {":path", "/s/B"},           {":path", "*"},
        {":authority", "localhost"}, {":status", "200"},
        {":status", "103"},          {":status", "404"},
        {":status", "204"},          {"host", "localhost"},
        {"te", "trailers"},          {"content-type", "application/grpc"},
        {"content-length", "10"},    {"content-length", "0"},
        {"grpc-status", "0"},        {"grpc-status", "5"},
        {"grpc-message", "a%20b%"},  {"grpc-timeout", "1100m"},
        {"grpc-encoding", "gzip"},   {"cache", "blue"},
        {"cache", "green"},          {"connection", "close"},
        {"Upper", "case"},           {"bad name", "x"},
        {"x-bin", "AAEC"},           {"", "empty"},
    };
    uint8_t byte = script_byte(script);
    size_t choice = byte % (sizeof fields / sizeof fields[0]);
    uint8_t how = script_byte(script);
    struct bytes value = how % 8 == 7 ? script_bytes(script, how >> 3) : bytes_of(fields[choice].value);
    static const uint8_t firsts[] = {0x00, 0x40, 0x10, 0x40};
    script_put_field(block, firsts[how % 4], fields[choice].name, value);
}

/* A header block: whole ones of a request or a reply, single fields, indices, and bytes as they come. */
static inline void script_block(struct script *script, struct buffer *block)
{
    static const char *const request[][2] = {
        {":method", "POST"}, {":scheme", "http"}, {":authority", "localhost"}};
    static const char *const paths[] = {"/s/U", "/s/I", "/s/O", "/s/B"};
    uint8_t what = script_byte(script);
    uint8_t first = (what & 0x40) != 0 ? 0x40 : 0;
    size_t more = what >> 3 & 7;
    switch (what & 7) {
    case 0:
    case 1:
    case 2:
        for (size_t i = 0; i < 3; i++)
            script_put_field(block, first, request[i][0], bytes_of(request[i][1]));
        script_put_field(block, first, ":path", bytes_of(paths[script_byte(script) % 4]));
        script_put_field(block, first, "content-type", bytes_of("application/grpc"));
        break;
    case 3: /* a request of indices alone: of what went into the table last, if it did in the usual order */
        if ((what & 0x80) != 0) {
            static const uint8_t indices[] = {0xc2, 0xc1, 0xc0, 0xbf, 0xbe};
            witness_insist(buffer_append(block, bytes_make(indices, sizeof indices)));
            break;
        }
        script_put_field(block, first, ":status", bytes_of("200"));
        script_put_field(block, first, "content-type", bytes_of("application/grpc"));
        break;
    case 4:
        script_put_field(block, first, "grpc-status", bytes_of("0"));
        break;
    case 5: {
        struct bytes raw = script_bytes(script, more * 4);
        witness_insist(buffer_append(block, raw));
        more = 0;
        break;
    }
    case 6: /* indices: static ones, and those that were inserted */
        for (size_t i = 0; i < more; i++) {
            uint8_t index = 0x80 | script_byte(script);
            witness_insist(buffer_append(block, bytes_make(&index, 1)));
        }
        more = 0;
        break;
    default:
        more++;
        break;
    }
    for (size_t i = 0; i < more; i++)
        script_field(script, block);
}

static inline void script_headers(struct script *script)
{
    uint32_t stream = script_stream(script);
    uint8_t how = script_byte(script);
    struct buffer block = {0};
    struct buffer payload = {0};
    script_block(script, &block);
    uint8_t flags = how & FLAG_END_STREAM;
    if ((how & 0x30) == 0x10) {
        uint8_t padding[2] = {1, 0};
        flags |= FLAG_PADDED;
        witness_insist(buffer_append(&payload, bytes_make(padding, 1)) &&
                       buffer_append(&payload, buffer_bytes(&block)) &&
                       buffer_append(&payload, bytes_make(padding + 1, 1)));
    } else if ((how & 0x30) == 0x20) {
        uint8_t priority[5] = {0, 0, 0, script_byte(script), 16};
        flags |= FLAG_PRIORITY;
        witness_insist(buffer_append(&payload, bytes_make(priority, 5)) &&
                       buffer_append(&payload, buffer_bytes(&block)));
    } else {
        witness_insist(buffer_append(&payload, buffer_bytes(&block)));
    }
    size_t cut = (how & 0xc0) == 0x40 ? payload.size / 2 : payload.size;
    if ((how & 0x30) != 0)
        cut = payload.size;
    script_put_frame(script, FRAME_HEADERS, flags | (cut == payload.size ? FLAG_END_HEADERS : 0), stream,
                     bytes_make(payload.data, cut));
    if (cut < payload.size)
        script_put_frame(script, FRAME_CONTINUATION, FLAG_END_HEADERS, stream,
                         bytes_make(payload.data + cut, payload.size - cut));
    buffer_free(&block);
    buffer_free(&payload);
}

/* Content: a whole message, a part of one, or bytes as they come; padded now and then. */
static inline void script_data(struct script *script)
{
    uint32_t stream = script_stream(script);
    uint8_t how = script_byte(script);
    struct buffer payload = {0};
    uint8_t padding = (how & 0x0e) == 0x0e ? script_byte(script) % 8 : 0;
    uint8_t flags = how & FLAG_END_STREAM;
    if (padding > 0) {
        uint8_t pad = padding - 1;
        flags |= FLAG_PADDED;
        witness_insist(buffer_append(&payload, bytes_make(&pad, 1)));
    }
    struct bytes text = script_bytes(script, how >> 4);
    if ((how & 2) == 0) {
        uint8_t prefix[5] = {0, 0, 0, 0, (uint8_t)(text.size + (how >> 2 & 1))};
        witness_insist(buffer_append(&payload, bytes_make(prefix, 5)));
    }
    witness_insist(buffer_append(&payload, text));
    static const uint8_t zeros[8];
    if (padding > 0)
        witness_insist(buffer_append(&payload, bytes_make(zeros, padding - 1)));
    script_put_frame(script, FRAME_DATA, flags, stream, buffer_bytes(&payload));
    buffer_free(&payload);
}

static inline void script_number(struct script *script, uint8_t type)
{
    static const uint32_t numbers[] = {0, 1, 7, 8, 100, 1000, 65535, 0x7fff0000, 0x7fffffff};
    uint32_t stream = script_stream(script);
    uint8_t choice = script_byte(script);
    uint8_t payload[4];
    number_write(payload, numbers[choice % (sizeof numbers / sizeof numbers[0])]);
    script_put_frame(script, type, 0, choice >= 0xc0 && type == FRAME_WINDOW_UPDATE ? 0 : stream,
                     bytes_make(payload, 4));
}

static inline void script_settings(struct script *script)
{
    static const uint32_t values[] = {0, 1, 2, 100, 4096, 16384, 65535, 0x7fffffff};
    uint8_t payload[3 * SETTING_BYTES];
    uint8_t how = script_byte(script);
    size_t count = how % 4;
    for (size_t i = 0; i < count; i++) {
        uint8_t choice = script_byte(script);
        payload[i * SETTING_BYTES] = 0;
        payload[i * SETTING_BYTES + 1] = choice % 16;
        number_write(payload + i * SETTING_BYTES + 2, values[choice >> 4 & 7]);
    }
    script_put_frame(script, FRAME_SETTINGS, how == 0xff ? FLAG_ACK : 0, 0,
                     bytes_make(payload, count * SETTING_BYTES));
}

static inline void script_goaway(struct script *script)
{
    uint8_t payload[8] = {0};
    payload[3] = script_byte(script) % 32;
    payload[7] = script_byte(script) % 16;
    script_put_frame(script, FRAME_GOAWAY, 0, 0, bytes_make(payload, 8));
}

static inline void script_frame(struct script *script)
{
    static const uint8_t ping[8] = "alive";
    uint8_t operation = script_byte(script);
    switch (operation % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        script_headers(script);
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        script_data(script);
        break;
    case 9:
        script_number(script, FRAME_RST_STREAM);
        break;
    case 10:
    case 11:
        script_number(script, FRAME_WINDOW_UPDATE);
        break;
    case 12:
        script_settings(script);
        break;
    case 13:
        script_put_frame(script, FRAME_PING, operation >> 4 & 1, 0, bytes_make(ping, 8));
        break;
    case 14:
        script_goaway(script);
        break;
    default: { /* any frame at all */
        uint8_t type = script_byte(script) % 16;
        uint8_t flags = script_byte(script);
        uint32_t stream = script_stream(script);
        script_put_frame(script, type, flags, stream, script_bytes(script, operation >> 4));
    }
    }
}

/* --- Inputs --- */

/* Whether both engines look at all settings of a frame: nghttp2 passes over all but the last of each kind, and knows two
 * that ours has no use for (RFC 8441, RFC 9218). */
static inline bool are_settings_plain(struct bytes payload)
{
    uint64_t seen = 0;
    for (size_t at = 0; at + SETTING_BYTES <= payload.size; at += SETTING_BYTES) {
        unsigned setting = (unsigned)payload.data[at] << 8 | payload.data[at + 1];
        if (setting == 8 || setting == 9 || (setting < 8 && (seen >> setting & 1) != 0))
            return false;
        seen |= setting < 8 ? UINT64_C(1) << setting : 0;
    }
    return true;
}

/* The whole frames of an input, after settings, so that most get past the beginning. False: not worth a look. */
static inline bool frames_of(struct bytes input, bool is_raw, struct script *script)
{
    script_put_frame(script, FRAME_SETTINGS, 0, 0, bytes_make(NULL, 0));
    script_put_frame(script, FRAME_SETTINGS, FLAG_ACK, 0, bytes_make(NULL, 0));
    script->left = input;
    while (!is_raw && script->left.size > 0 && script->count < SCRIPT_FRAMES)
        script_frame(script);
    while (is_raw && script->left.size >= FRAME_HEAD_BYTES) {
        struct frame frame = frame_read(script_bytes(script, FRAME_HEAD_BYTES).data);
        if (script->left.size < frame.size)
            break;
        script_put_frame(script, frame.type, frame.flags, frame.stream_id, script_bytes(script, frame.size));
    }
    script_put_frame(script, FRAME_WINDOW_UPDATE, 0, 0, bytes_make("\0\0\0\1", 4));
    size_t continuations = 0;
    for (struct bytes left = buffer_bytes(&script->frames); left.size > 0;) {
        struct frame frame = frame_read(left.data);
        size_t whole = FRAME_HEAD_BYTES + frame.size;
        continuations += frame.type == FRAME_CONTINUATION;
        script->content_bytes += frame.type == FRAME_DATA ? frame.size : 0;
        script->opens_by_nothing |= frame.type == FRAME_WINDOW_UPDATE && frame.size == NUMBER_BYTES &&
                                    (number_read(left.data + FRAME_HEAD_BYTES) & WINDOW_MAX) == 0;
        if (frame.type == FRAME_SETTINGS &&
            !are_settings_plain(bytes_make(left.data + FRAME_HEAD_BYTES, frame.size)))
            return false;
        left = bytes_make(left.data + whole, left.size - whole);
    }
    return continuations < 8 && script->count <= SCRIPT_FRAMES;
}

static inline void feed_frames(struct witness *witness, struct bytes frames, size_t piece_bytes)
{
    int64_t now_ns = CLOCK_NS_PER_S;
    while (frames.size > 0 && !witness->over) {
        struct frame frame = frame_read(frames.data);
        size_t whole = FRAME_HEAD_BYTES + frame.size;
        bool is_block = frame.type == FRAME_HEADERS || frame.type == FRAME_CONTINUATION;
        /* nghttp2 as Debian 12 has it takes the pieces of a CONTINUATION for so many frames, and stops at eight. */
        size_t most = frame.type == FRAME_CONTINUATION ? whole : piece_bytes;
        for (size_t at = 0; at < whole && !witness->over; at += most) {
            size_t size = whole - at < most ? whole - at : most;
            bool ends_block = at + size == whole && (frame.flags & FLAG_END_HEADERS) != 0;
            witness_feed(witness, bytes_make(frames.data + at, size), now_ns++);
            witness->over_in_block = witness->over && is_block && !ends_block;
        }
        frames = bytes_make(frames.data + whole, frames.size - whole);
    }
}

/* --- Comparing --- */

__attribute__((format(printf, 1, 2))) static inline bool differ(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    return false;
}

static inline const uint8_t *find_text(struct bytes in, const char *text)
{
    return in.size > 0 ? memmem(in.data, in.size, text, strlen(text)) : NULL;
}

/* What stands in front of a mark; all where there is none. */
static inline struct bytes text_before(const struct buffer *text, const char *mark)
{
    struct bytes all = buffer_bytes(text);
    const uint8_t *end = find_text(all, mark);
    return bytes_make(all.data, end != NULL ? (size_t)(end - all.data) : all.size);
}

/* What a call's owner heard before its end. */
static inline struct bytes story_before_end(const struct buffer *story)
{
    return text_before(story, " closed(");
}

static inline bool same_text(const char *what, size_t number, const struct buffer *ours,
                             const struct buffer *theirs, bool only_beginning)
{
    struct bytes a = buffer_bytes(ours);
    struct bytes b = buffer_bytes(theirs);
    if (only_beginning) { /* what was heard before the end is the same; one end may have come later */
        a = story_before_end(ours);
        b = story_before_end(theirs);
    }
    return bytes_equal(a, b) || differ("%s %zu:\n  ours    %.*s\n  nghttp2 %.*s", what, number, (int)a.size,
                                       (const char *)a.data, (int)b.size, (const char *)b.data);
}

/* A frame that is wrong in two ways may be blamed for either: its size or the rest. */
static inline uint32_t error_of(const struct witness *witness)
{
    uint32_t code = witness->has_goaway ? witness->goaway_code : H2_NO_ERROR;
    return code == H2_FRAME_SIZE_ERROR ? H2_PROTOCOL_ERROR : code;
}

/* Whether ours heard of every call what nghttp2 did, but for what may have come later. */
static inline bool hears_less(const struct witness *ours, const struct witness *theirs)
{
    for (size_t i = 0; i < ours->begun; i++) {
        struct bytes a = story_before_end(&ours->stories[i]);
        struct bytes b = story_before_end(&theirs->stories[i]);
        if (i >= theirs->begun || a.size > b.size || !bytes_equal(a, bytes_make(b.data, a.size)))
            return false;
    }
    return true;
}

/* Ours ends the connection as the RFC asks where nghttp2 goes on, perhaps to end it for the same later: for what comes on a
 * closed stream (section 5.1), which nghttp2, as it is set here, has forgotten; and for a setting that opens a window too
 * far (section 6.9.2). And it does not look at the fields of a request's header block behind the one that is too much.
 * Where nghttp2 resets the last stream of a connection that the peer leaves, for a field in the middle of a block, it has
 * ended before the block has. */
static inline bool is_stricter(const struct witness *ours, const struct witness *theirs)
{
    uint32_t error = error_of(ours);
    bool ends_sooner = error == H2_STREAM_CLOSED || error == H2_FLOW_CONTROL_ERROR;
    return (ends_sooner && (error != error_of(theirs) || hears_less(ours, theirs))) ||
           (theirs->over_in_block && error == H2_COMPRESSION_ERROR) ||
           ours->refused[H2_REFUSED_HEADER_SIZE] > theirs->refused[H2_REFUSED_HEADER_SIZE];
}

/* Both have ended the connection with an error, or neither. */
static inline bool same_connection(const struct witness *ours, const struct witness *theirs)
{
    uint32_t our_error = error_of(ours);
    uint32_t their_error = error_of(theirs);
    if (is_stricter(ours, theirs))
        return true;
    if (our_error != their_error)
        return differ("connection error: ours %s, nghttp2 %s", h2_code_name(our_error),
                      h2_code_name(their_error));
    return our_error != H2_NO_ERROR || ours->over == theirs->over ||
           differ("over: ours %d, nghttp2 %d", ours->over, theirs->over);
}

static inline bool same_calls(const struct witness *ours, const struct witness *theirs, bool only_beginning)
{
    if (ours->begun != theirs->begun)
        return differ("calls: ours %zu, nghttp2 %zu", ours->begun, theirs->begun);
    for (size_t i = 0; i < ours->begun; i++)
        if (!same_text("call", i, &ours->stories[i], &theirs->stories[i], only_beginning))
            return false;
    for (size_t i = 0; i < H2_REFUSALS; i++)
        if (ours->refused[i] != theirs->refused[i])
            return differ("refusals %zu: ours %zu, nghttp2 %zu", i, ours->refused[i], theirs->refused[i]);
    return true;
}

/* Whether both have reset a stream alike, and one has said more in front of that: what waits to be sent is overtaken by the
 * reset, and how much waits is an engine's own business. */
static inline bool same_reset(const struct buffer *ours, const struct buffer *theirs)
{
    struct bytes a = text_before(ours, " reset(");
    struct bytes b = text_before(theirs, " reset(");
    size_t shared = a.size < b.size ? a.size : b.size;
    return a.size < ours->size &&
           bytes_equal(bytes_make(ours->data + a.size, ours->size - a.size),
                       bytes_make(theirs->data + b.size, theirs->size - b.size)) &&
           bytes_equal(bytes_make(a.data, shared), bytes_make(b.data, shared));
}

static inline bool same_wire(struct witness *ours, struct witness *theirs)
{
    for (size_t i = 0; i < theirs->stream_count; i++) {
        uint32_t id = theirs->streams[i].id;
        const struct buffer *a = &witness_stream_of(ours, id)->said;
        const struct buffer *b = &theirs->streams[i].said;
        if (!same_reset(a, b) && !same_text("stream", id, a, b, false))
            return false;
    }
    if (ours->ping_acks != theirs->ping_acks || ours->settings_acks != theirs->settings_acks ||
        ours->settings != theirs->settings || ours->draining != theirs->draining ||
        ours->pongs != theirs->pongs)
        return differ("answers: ours %zu %zu, nghttp2 %zu %zu", ours->ping_acks, ours->settings_acks,
                      theirs->ping_acks, theirs->settings_acks);
    return true;
}

/* Whether frames may say how long content is, by the field's name or the name's index in a literal. */
static inline bool may_have_length(struct bytes frames)
{
    static const char *const names[] = {"content-length", "\x5c", "\x0f\x0d", "\x1f\x0d"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (find_text(frames, names[i]) != NULL)
            return true;
    return false;
}

static inline bool has_reset(const struct witness *witness, const char *reset)
{
    for (size_t i = 0; i < witness->stream_count; i++)
        if (find_text(buffer_bytes(&witness->streams[i].said), reset) != NULL)
            return true;
    return false;
}

/* Content of another length than was said is found wrong when a frame of it begins (ours) or as it comes (nghttp2), and
 * what else is wrong with it, or the message in front of that, may have been answered by then. */
static inline bool has_wrong_length(const struct witness *witness, struct bytes frames)
{
    return has_reset(witness, " reset(1)") && may_have_length(frames);
}

/* Whether all that comes could be held in memory at once, were none of it sent back before. */
static inline bool is_held_whole(const struct script *script)
{
    return script->content_bytes < WITNESS_BUFFERED_BYTES;
}

/* Fed at once, a window may be opened too far, since what would use it up still waits to be sent; or by nothing, on a stream
 * that would be over. */
static inline bool is_opened_wrongly(const struct witness *witness, const struct script *script)
{
    return error_of(witness) == H2_FLOW_CONTROL_ERROR || has_reset(witness, " reset(3)") ||
           (error_of(witness) == H2_PROTOCOL_ERROR && script->opens_by_nothing);
}

/* Whether both engines make the same of frames that come one after another. Where one of them may end the connection
 * first, what was heard before is compared, or nothing where they may have parted long before. */
static inline bool agree_by_frames(struct witness *ours, struct witness *theirs, struct bytes frames)
{
    bool has_failed = error_of(theirs) != H2_NO_ERROR;
    if (!same_connection(ours, theirs))
        return false;
    if (is_stricter(ours, theirs) || has_wrong_length(ours, frames) || has_wrong_length(theirs, frames))
        return true;
    return (has_failed || same_wire(ours, theirs)) && same_calls(ours, theirs, has_failed);
}

/* Whether ours makes the same of frames that come all at once. One that ends lets pass what has come with the end; and a
 * stream that is over when its reply was handed out is closed, one whose reply waits half closed, with another error for
 * what comes. */
static inline bool agree_at_once(const struct witness *ours, const struct witness *at_once,
                                 const struct script *script)
{
    if (ours->over || error_of(at_once) == H2_STREAM_CLOSED || is_opened_wrongly(at_once, script) ||
        !is_held_whole(script))
        return true;
    return same_calls(ours, at_once, true);
}

/* What an engine makes of frames, from the first to the connection's end; HOW as byte 0 of an input says. */
static inline void watch(struct witness *witness, const struct h2_engine *engine,
                         const struct h2_methods *methods, uint8_t how, struct bytes frames, bool at_once)
{
    bool is_server = (how & 1) == 0;
    bool cancels = (how & 2) != 0;
    size_t piece_bytes = how >> 3 == 0 ? SIZE_MAX / 2 : how >> 3;
    witness_open(witness, engine, methods, is_server, cancels);
    if (is_server)
        witness_feed(witness, bytes_of(WITNESS_PREFACE), 1);
    if (at_once)
        witness_feed(witness, frames, CLOCK_NS_PER_S);
    else
        feed_frames(witness, frames, piece_bytes);
    witness_close(witness);
}

/* Whether both engines make the same of an input; if not, stderr says how they differ. */
static inline bool engines_agree(struct bytes input)
{
    static struct witness ours;
    static struct witness theirs;
    static struct witness at_once;
    if (input.size < 2)
        return true;
    uint8_t how = input.data[0];
    struct script script = {0};
    bool agree = true;
    if (frames_of(bytes_make(input.data + 1, input.size - 1), (how & 4) != 0, &script)) {
        struct h2_methods *methods = h2_methods_create(witness_methods, WITNESS_METHODS);
        struct bytes frames = buffer_bytes(&script.frames);
        watch(&ours, &h2_engine_mayfly, methods, how, frames, false);
        watch(&theirs, &h2_engine_nghttp2, methods, how, frames, false);
        watch(&at_once, &h2_engine_mayfly, methods, how, frames, true);
        agree = agree_by_frames(&ours, &theirs, frames) && agree_at_once(&ours, &at_once, &script);
        witness_free(&ours);
        witness_free(&theirs);
        witness_free(&at_once);
        h2_methods_destroy(methods);
    }
    buffer_free(&script.frames);
    return agree;
}

#endif
