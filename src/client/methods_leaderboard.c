/* The methods of leaderboards. */
#include "client/methods.h"

/* The name comes in field 2, where an older contract had the cache before it; GetCompetitionRank is
 * younger. */
#define BOARD 2

bool encode_leaderboard(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, BOARD, request->key);
    return !writer.failed;
}

bool encode_leaderboard_upsert(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, BOARD, request->key);
    for (size_t i = 0; i < request->item_count; i++) {
        size_t element = wire_open(&writer, 3);
        wire_put_uint(&writer, 1, request->items[i].id);
        wire_put_double(&writer, 3, request->items[i].score);
        wire_close(&writer, element);
    }
    return !writer.failed;
}

bool encode_leaderboard_remove(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, BOARD, request->key);
    wire_put_ids(&writer, 3, request);
    return !writer.failed;
}

bool encode_leaderboard_get_by_rank(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, BOARD, request->key);
    size_t range = wire_open(&writer, 3);
    wire_put_uint(&writer, 1, (uint64_t)request->start);
    wire_put_uint(&writer, 2, (uint64_t)request->end);
    wire_close(&writer, range);
    wire_put_uint(&writer, 4, request->order);
    return !writer.failed;
}

static void put_bound(struct wire_writer *writer, unsigned unbounded, unsigned bounded, mayfly_bound bound)
{
    if (bound.kind == MAYFLY_BOUND_NONE)
        wire_put_empty(writer, unbounded);
    else
        wire_put_double(writer, bounded, bound.score);
}

bool encode_leaderboard_get_by_score(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, BOARD, request->key);
    size_t range = wire_open(&writer, 3);
    put_bound(&writer, 1, 5, request->min);
    put_bound(&writer, 3, 6, request->max);
    wire_close(&writer, range);
    wire_put_uint(&writer, 4, request->offset);
    wire_put_uint(&writer, 5, request->limit);
    wire_put_uint(&writer, 6, request->order);
    return !writer.failed;
}

bool encode_leaderboard_get_rank(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, BOARD, request->key);
    wire_put_ids(&writer, 3, request);
    wire_put_uint(&writer, 4, request->order);
    return !writer.failed;
}

bool encode_leaderboard_get_competition_rank(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_ids(&writer, 2, request);
    wire_put_uint(&writer, 3, request->order);
    return !writer.failed;
}

static bool take_element_field(struct client_call *call, const struct field *field)
{
    mayfly_item *item = &call->batch.items[call->batch.count - 1];
    if (wire_is(field, 1, FIELD_VARINT))
        item->id = (uint32_t)field->integer;
    else if (wire_is(field, 3, FIELD_VARINT))
        item->rank = (uint32_t)field->integer;
    else if (wire_is(field, 4, FIELD_FIXED64))
        return wire_read_score(field, &item->score);
    return true;
}

static bool take_element(struct client_call *call, const struct field *field)
{
    if (!wire_is(field, 1, FIELD_BYTES))
        return true;
    mayfly_item *item = client_call_add_item(call);
    if (item == NULL)
        return false;
    item->found = true;
    return wire_read(call, field->bytes, take_element_field);
}

bool decode_leaderboard_elements(struct client_call *call, struct bytes message)
{
    call->reply.outcome = MAYFLY_DONE;
    return wire_read(call, message, take_element);
}
