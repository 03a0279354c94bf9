/* Header blocks read and written. What repeats itself, and on a connection of gRPC nearly everything does, is read by
 * looking up its bytes (seen_blocks.h) and written by copying them (prepared_blocks.h). */
#include "rpc/engine.h"

#define FIELDS_KEEP_BYTES ((size_t)4096)
#define BLOCK_KEEP_BYTES  ((size_t)4096)

/* --- Reading --- */

/* Gets the fields of a block one by one, until it cannot take one. */
typedef enum block_result block_sink(struct engine_connection *connection, void *user,
                                     struct hpack_field field);

/* Reads a block to its end, which costs little once nobody looks at its fields any more: a few bytes can stand for many
 * large ones. */
static enum block_result read_block(struct engine_connection *connection, struct bytes block,
                                    block_sink *sink, void *user)
{
    enum block_result result = BLOCK_READ;
    hpack_decoder_begin(&connection->decoder);
    for (;;) {
        struct hpack_field field;
        switch (hpack_decode(&connection->decoder, &block, &field)) {
        case HPACK_FIELD:
            if (result == BLOCK_READ)
                result = sink(connection, user, field);
            break;
        case HPACK_END:
            return result;
        case HPACK_ERROR:
            engine_fail(connection, H2_COMPRESSION_ERROR, "a header block cannot be decoded");
            return BLOCK_BROKEN;
        case HPACK_NO_MEMORY:
            engine_break(connection);
            return BLOCK_BROKEN;
        }
    }
}

/* A block of a request that is being read. */
struct request_reading {
    struct field_rules *rules;
    struct request_header header;
    size_t bytes;
    size_t count;
};

/* Counts a field and judges it, in this order: what is too much is not looked at. */
static enum block_result admit_request_field(const struct engine_connection *connection,
                                             struct request_reading *reading, struct hpack_field field)
{
    reading->bytes += hpack_field_bytes(field);
    if (++reading->count > HEADER_FIELDS_MAX || reading->bytes > connection->config.limits.header_bytes)
        return BLOCK_TOO_LARGE;
    return field_rules_request(reading->rules, field) ? BLOCK_READ : BLOCK_MALFORMED;
}

static enum block_result take_request_field(struct engine_connection *connection, void *user,
                                            struct hpack_field field)
{
    struct request_reading *reading = user;
    enum block_result admitted = admit_request_field(connection, reading, field);
    if (admitted != BLOCK_READ)
        return admitted;
    enum request_field kind = request_field_of(field.name);
    request_header_take(&reading->header, connection->config.methods, kind, field.value);
    if (kind == REQUEST_METADATA && !field_list_add(&connection->fields, field.name, field.value))
        return BLOCK_NO_MEMORY;
    return BLOCK_READ;
}

static enum block_result parse_request(struct engine_connection *connection, struct bytes block,
                                       struct field_rules *rules, struct request_header *header)
{
    struct request_reading reading = {.rules = rules, .header = request_header_make()};
    field_list_reset(&connection->fields, FIELDS_KEEP_BYTES);
    enum block_result result = read_block(connection, block, take_request_field, &reading);
    if (result != BLOCK_READ)
        return result;
    if (!field_rules_request_end(rules, false))
        return BLOCK_MALFORMED;
    reading.header.metadata = metadata_ring_hold(&connection->known, field_list_pairs(&connection->fields),
                                                 field_list_count(&connection->fields));
    *header = reading.header;
    return header->metadata != NULL ? BLOCK_READ : BLOCK_NO_MEMORY;
}

enum block_result engine_read_request(struct engine_connection *connection, struct bytes block,
                                      struct field_rules *rules, struct request_header *header)
{
    uint64_t generation = connection->decoder.table.generation;
    const struct seen_block *seen = seen_find(&connection->seen, block, generation);
    if (seen != NULL) {
        rules->is_begun = true; /* what it says was judged when it came first */
        *header = seen->meaning.request;
        (void)metadata_hold(header->metadata);
        return BLOCK_READ;
    }
    enum block_result result = parse_request(connection, block, rules, header);
    bool changes_nothing = connection->decoder.table.generation == generation;
    if (result == BLOCK_READ && changes_nothing && rules->content_length < 0)
        seen_keep_request(&connection->seen, block, generation, header);
    return result;
}

static enum block_result take_trailer(struct engine_connection *connection, void *user,
                                      struct hpack_field field)
{
    return admit_request_field(connection, user, field);
}

enum block_result engine_read_trailers(struct engine_connection *connection, struct bytes block,
                                       struct field_rules *rules, bool ends)
{
    struct request_reading reading = {.rules = rules};
    enum block_result result = read_block(connection, block, take_trailer, &reading);
    if (result == BLOCK_READ && !field_rules_request_end(rules, ends))
        return BLOCK_MALFORMED;
    return result;
}

static enum block_result take_reply_field(struct engine_connection *connection, void *user,
                                          struct hpack_field field)
{
    struct engine_call *call = user;
    if (!field_rules_reply(&call->rules, field))
        return BLOCK_MALFORMED;
    if (call->reply.bytes + hpack_field_bytes(field) > connection->config.limits.header_bytes)
        return BLOCK_TOO_LARGE;
    return reply_headers_field(&call->reply, field.name, field.value) ? BLOCK_READ : BLOCK_NO_MEMORY;
}

/* Adds what a block said the last time to what is known of this reply. */
static void apply_summary(struct engine_call *call, const struct reply_summary *summary)
{
    struct reply_headers *reply = &call->reply;
    reply->bytes += summary->bytes;
    if (summary->http_status != 0) {
        reply->http_status = summary->http_status;
        reply->is_grpc = summary->is_grpc;
    }
    if (summary->has_status) {
        reply->status = summary->status;
        reply->has_status = true;
    }
    call->rules.is_begun = true;
    call->rules.awaits_final = false;
}

/* What a block that was just read says of a reply of which nothing but its beginning was known, of BYTES_BEFORE; false
 * where that is more than a summary holds. */
static bool summarize(const struct engine_call *call, size_t bytes_before, bool was_begun,
                      struct reply_summary *summary)
{
    const struct reply_headers *reply = &call->reply;
    if (!call->rules.is_begun || call->rules.content_length >= 0 || reply->message.size > 0 ||
        field_list_count(&reply->metadata) > 0)
        return false;
    *summary = (struct reply_summary){
        .bytes = reply->bytes - bytes_before,
        .http_status = was_begun ? 0 : reply->http_status,
        .is_grpc = reply->is_grpc,
        .has_status = reply->has_status,
        .status = reply->status,
    };
    return true;
}

enum block_result engine_read_reply(struct engine_connection *connection, struct bytes block,
                                    struct engine_call *call, bool ends)
{
    uint64_t generation = connection->decoder.table.generation;
    bool was_begun = call->rules.is_begun;
    const struct seen_block *seen = seen_find(&connection->seen, block, generation);
    bool fits = seen != NULL && (seen->meaning.reply.http_status == 0) == was_begun && (ends || !was_begun) &&
                call->reply.bytes + seen->meaning.reply.bytes <= connection->config.limits.header_bytes;
    if (fits) {
        apply_summary(call, &seen->meaning.reply);
        return BLOCK_READ;
    }
    size_t bytes_before = call->reply.bytes;
    bool had_status = call->reply.has_status;
    enum block_result result = read_block(connection, block, take_reply_field, call);
    if (result != BLOCK_READ)
        return result;
    if (!field_rules_reply_end(&call->rules, ends))
        return BLOCK_MALFORMED;
    struct reply_summary summary;
    bool changes_nothing = connection->decoder.table.generation == generation;
    if (changes_nothing && !had_status && summarize(call, bytes_before, was_begun, &summary))
        seen_keep_reply(&connection->seen, block, generation, &summary);
    return result;
}

static enum block_result take_nothing(struct engine_connection *connection, void *user,
                                      struct hpack_field field)
{
    (void)connection;
    (void)user;
    (void)field;
    return BLOCK_READ;
}

enum block_result engine_skip_block(struct engine_connection *connection, struct bytes block)
{
    return read_block(connection, block, take_nothing, NULL);
}

/* --- Writing --- */

/* Puts a block into the output as a HEADERS frame, and CONTINUATION frames where it is that long. */
static void put_long_block(struct engine_connection *connection, uint32_t stream_id, struct bytes block,
                           bool ends)
{
    struct frame frame = {.type = FRAME_HEADERS, .flags = ends ? FLAG_END_STREAM : 0, .stream_id = stream_id};
    do {
        frame.size = (uint32_t)(block.size < FRAME_BYTES_MAX ? block.size : FRAME_BYTES_MAX);
        if (frame.size == block.size)
            frame.flags |= FLAG_END_HEADERS;
        engine_put_frame(connection, frame, block.data);
        block = bytes_make(block.data + frame.size, block.size - frame.size);
        frame.type = FRAME_CONTINUATION;
        frame.flags = 0;
    } while (block.size > 0);
}

/* Puts a block in two pieces into the output, which takes nothing when the connection is over. */
static void put_block(struct engine_connection *connection, uint32_t stream_id, struct bytes block,
                      struct bytes more, bool ends)
{
    size_t size = block.size + more.size;
    if (size > FRAME_BYTES_MAX) {
        struct buffer whole = {0};
        if (buffer_append(&whole, block) && buffer_append(&whole, more))
            put_long_block(connection, stream_id, buffer_bytes(&whole), ends);
        else
            engine_break(connection);
        buffer_free(&whole);
        return;
    }
    uint8_t *to = engine_output(connection, FRAME_HEAD_BYTES + size);
    if (to == NULL)
        return;
    frame_write(to, (struct frame){
                        .size = (uint32_t)size,
                        .type = FRAME_HEADERS,
                        .flags = (uint8_t)(FLAG_END_HEADERS | (ends ? FLAG_END_STREAM : 0)),
                        .stream_id = stream_id,
                    });
    bytes_copy(to + FRAME_HEAD_BYTES, block.data, block.size);
    bytes_copy(to + FRAME_HEAD_BYTES + block.size, more.data, more.size);
    buffer_commit(&connection->out, FRAME_HEAD_BYTES + size);
}

static bool put_text(struct engine_connection *connection, const char *name, const char *value)
{
    struct hpack_field field = {bytes_of(name), bytes_of(value)};
    return hpack_encode(&connection->encoder, field, true, &connection->block);
}

static bool put_metadata(struct engine_connection *connection, const struct metadata *metadata)
{
    for (size_t i = 0; metadata != NULL && i < metadata->count; i++) {
        struct hpack_field field = {metadata->pairs[i].name, metadata->pairs[i].value};
        if (!hpack_encode(&connection->encoder, field, true, &connection->block))
            return false;
    }
    return true;
}

/* Begin and end the block that is being written. Where memory is out, IS_COMPOSED says so, the block is empty and the
 * connection over, so that nothing of it goes out. */
static bool block_begin(struct engine_connection *connection)
{
    buffer_reset(&connection->block, BLOCK_KEEP_BYTES);
    return hpack_encoder_begin(&connection->encoder, &connection->block);
}

static struct bytes block_end(struct engine_connection *connection, bool is_composed)
{
    if (is_composed)
        return buffer_bytes(&connection->block);
    engine_break(connection);
    return bytes_make(NULL, 0);
}

/* Appends the fields of a kind of block to the one that is being written. */
typedef bool composer(const struct engine_call *call, struct metadata *metadata);

/* The block of a kind, as it was prepared, or composed now and prepared for the next time. */
static struct bytes block_of(const struct engine_call *call, unsigned kind, struct metadata *metadata,
                             composer *compose)
{
    struct engine_connection *connection = owner_of(call);
    const struct hpack_encoder *encoder = &connection->encoder;
    uint64_t generation = encoder->table.generation;
    struct bytes ready = prepared_find(&connection->prepared, kind, metadata, generation);
    if (ready.data != NULL)
        return ready;
    bool was_resized = encoder->is_resized;
    struct bytes block = block_end(connection, block_begin(connection) && compose(call, metadata));
    if (!connection->over && !was_resized && encoder->table.generation == generation)
        prepared_keep(&connection->prepared, kind, metadata, generation, block);
    return block;
}

/* --- Requests --- */

static bool compose_request(const struct engine_call *call, struct metadata *metadata)
{
    struct engine_connection *connection = owner_of(call);
    const struct h2_config *config = &connection->config;
    return put_text(connection, ":method", "POST") &&
           put_text(connection, ":scheme", config->is_secure ? "https" : "http") &&
           put_text(connection, ":path", method_of(call)->path) &&
           put_text(connection, ":authority", config->authority) && put_text(connection, "te", "trailers") &&
           put_text(connection, "content-type", "application/grpc") && put_metadata(connection, metadata);
}

/* The field for a call's timeout, empty where it has none. A timeout goes into the table when it is said twice in a row:
 * most clients have one, and some a different one each time. */
static struct bytes timeout_field(struct engine_connection *connection, int64_t timeout_ns)
{
    struct timeout_field *last = &connection->timeout;
    if (timeout_ns == CLOCK_NEVER)
        return bytes_make(NULL, 0);
    uint64_t generation = connection->encoder.table.generation;
    if (last->timeout_ns == timeout_ns && last->generation == generation)
        return buffer_bytes(&last->bytes);
    char text[GRPC_TIMEOUT_TEXT_BYTES];
    struct bytes value = bytes_make(text, grpc_timeout_format(timeout_ns, text));
    last->timeout_ns = timeout_ns;
    bool is_repeated = bytes_equal(value, bytes_make(last->text, last->text_size));
    if (is_repeated && last->generation == generation)
        return buffer_bytes(&last->bytes);
    last->bytes.size = 0;
    struct hpack_field field = {bytes_of("grpc-timeout"), value};
    if (!hpack_encode(&connection->encoder, field, is_repeated, &last->bytes)) {
        engine_break(connection);
        return bytes_make(NULL, 0);
    }
    bytes_copy(last->text, value.data, value.size);
    last->text_size = value.size;
    last->generation = is_repeated ? generation : TIMEOUT_VOID;
    return buffer_bytes(&last->bytes);
}

void engine_write_request(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    call->headers_at = output_end(connection);
    struct bytes block = block_of(call, call->base.call.method, call->base.call.metadata, compose_request);
    struct bytes timeout = timeout_field(connection, call->base.call.timeout_ns);
    put_block(connection, call->stream_id, block, timeout, false);
}

/* --- Replies --- */

/* Kinds of blocks: of a reply that begins, with or without a word on compression; of a status behind messages, and of one
 * that is all there is. */
enum { KIND_BEGIN, KIND_BEGIN_COMPRESSED, KIND_STATUS, KIND_STATUS_ALONE = KIND_STATUS + STATUS_COUNT };

static bool compose_begin(const struct engine_call *call, struct metadata *metadata)
{
    (void)metadata;
    struct engine_connection *connection = owner_of(call);
    return put_text(connection, ":status", "200") &&
           put_text(connection, "content-type", "application/grpc") &&
           (!call->is_compressed || put_text(connection, "grpc-accept-encoding", "identity"));
}

static bool compose_status(const struct engine_call *call, struct metadata *metadata)
{
    struct engine_connection *connection = owner_of(call);
    struct hpack_field message = {bytes_of("grpc-message"), buffer_bytes(&call->status_message)};
    return (call->submitted || compose_begin(call, NULL)) &&
           put_text(connection, "grpc-status", grpc_status_text(call->status)) &&
           (message.value.size == 0 ||
            hpack_encode(&connection->encoder, message, false, &connection->block)) &&
           put_metadata(connection, metadata);
}

void engine_write_reply(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    unsigned kind = call->is_compressed ? KIND_BEGIN_COMPRESSED : KIND_BEGIN;
    struct bytes block = block_of(call, kind, NULL, compose_begin);
    call->submitted = true;
    put_block(connection, call->stream_id, block, bytes_make(NULL, 0), false);
}

void engine_write_status(struct engine_call *call)
{
    struct engine_connection *connection = owner_of(call);
    struct bytes block;
    if (call->status_message.size == 0 && !call->is_compressed) {
        unsigned kind = (call->submitted ? KIND_STATUS : KIND_STATUS_ALONE) + call->status;
        block = block_of(call, kind, call->trailers, compose_status);
    } else { /* said once */
        block = block_end(connection, block_begin(connection) && compose_status(call, call->trailers));
    }
    call->submitted = true;
    put_block(connection, call->stream_id, block, bytes_make(NULL, 0), true);
}

void engine_write_http_status(struct engine_call *call, const char *http_status)
{
    struct engine_connection *connection = owner_of(call);
    bool is_composed = block_begin(connection) && put_text(connection, ":status", http_status);
    struct bytes block = block_end(connection, is_composed);
    call->submitted = true;
    put_block(connection, call->stream_id, block, bytes_make(NULL, 0), true);
}
