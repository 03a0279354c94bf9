/* The methods of sorted sets. */
#include "client/methods.h"
#include "proto/hot.h"

bool encode_sorted_set_put(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    for (size_t i = 0; i < request->item_count; i++) {
        size_t element = wire_open(&writer, 2);
        wire_put_bytes(&writer, 1, request->items[i].value);
        wire_put_double(&writer, 2, request->items[i].score);
        wire_close(&writer, element);
    }
    wire_put_ttl(&writer, 3, request);
    return !writer.failed;
}

static void put_by_index(struct wire_writer *writer, const mayfly_request *request)
{
    size_t by_index = wire_open(writer, 4);
    if (request->start == MAYFLY_UNBOUNDED)
        wire_put_empty(writer, 1);
    else
        wire_put_sint(writer, 2, request->start);
    if (request->end == MAYFLY_UNBOUNDED)
        wire_put_empty(writer, 3);
    else
        wire_put_sint(writer, 4, request->end);
    wire_close(writer, by_index);
}

/* A bound in FIELD where there is none, else in the next one. */
static void put_score_bound(struct wire_writer *writer, unsigned field, mayfly_bound bound)
{
    if (bound.kind == MAYFLY_BOUND_NONE) {
        wire_put_empty(writer, field);
        return;
    }
    size_t score = wire_open(writer, field + 1);
    wire_put_double(writer, 1, bound.score);
    wire_put_uint(writer, 2, bound.kind == MAYFLY_BOUND_EXCLUSIVE);
    wire_close(writer, score);
}

static void put_by_score(struct wire_writer *writer, const mayfly_request *request)
{
    size_t by_score = wire_open(writer, 5);
    put_score_bound(writer, 1, request->min);
    put_score_bound(writer, 3, request->max);
    wire_put_uint(writer, 5, request->offset);
    wire_put_sint(writer, 6, request->limit == MAYFLY_ALL ? -1 : (int64_t)request->limit);
    wire_close(writer, by_score);
}

bool encode_sorted_set_fetch(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_uint(&writer, 2, request->order);
    wire_put_uint(&writer, 3, !request->values_only);
    if (request->by_score)
        put_by_score(&writer, request);
    else
        put_by_index(&writer, request);
    return !writer.failed;
}

bool encode_sorted_set_remove(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    if (request->all) {
        wire_put_empty(&writer, 2);
    } else {
        size_t some = wire_open(&writer, 3);
        wire_put_values(&writer, 1, request);
        wire_close(&writer, some);
    }
    return !writer.failed;
}

bool encode_sorted_set_increment(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_bytes(&writer, 2, request->value);
    wire_put_double(&writer, 3, request->score);
    wire_put_ttl(&writer, 4, request);
    return !writer.failed;
}

bool encode_sorted_set_get_rank(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    wire_put_bytes(&writer, 2, request->value);
    wire_put_uint(&writer, 3, request->order);
    return !writer.failed;
}

/* Three fields in a row: inclusive, exclusive, unbounded. */
static void put_length_bound(struct wire_writer *writer, unsigned field, mayfly_bound bound)
{
    if (bound.kind == MAYFLY_BOUND_NONE)
        wire_put_empty(writer, field + 2);
    else
        wire_put_double(writer, bound.kind == MAYFLY_BOUND_EXCLUSIVE ? field + 1 : field, bound.score);
}

bool encode_sorted_set_length_by_score(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    put_length_bound(&writer, 2, request->min);
    put_length_bound(&writer, 5, request->max);
    return !writer.failed;
}

bool encode_sorted_set_union_store(const mayfly_request *request, struct buffer *to)
{
    struct wire_writer writer = wire_writer_make(to);
    wire_put_bytes(&writer, 1, request->key);
    for (size_t i = 0; i < request->item_count; i++) {
        size_t source = wire_open(&writer, 2);
        wire_put_bytes(&writer, 1, request->items[i].key);
        wire_put_float(&writer, 2, (float)request->items[i].score);
        wire_close(&writer, source);
    }
    wire_put_uint(&writer, 3, request->aggregate);
    wire_put_uint(&writer, 4, request->ttl_ms);
    return !writer.failed;
}

static bool take_element_field(struct client_call *call, const struct field *field)
{
    mayfly_item *item = &call->batch.items[call->batch.count - 1];
    if (wire_is(field, 1, FIELD_BYTES))
        item->value = reply_bytes(field->bytes.data, field->bytes.size);
    else if (wire_is(field, 2, FIELD_FIXED64))
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

/* 1: elements with scores, 2: values alone. */
static bool take_elements(struct client_call *call, const struct field *field)
{
    if (wire_is(field, 1, FIELD_BYTES))
        return wire_read(call, field->bytes, take_element);
    return !wire_is(field, 2, FIELD_BYTES) || wire_read(call, field->bytes, wire_take_value);
}

bool decode_sorted_set_fetch(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, take_elements);
}

/* Of a value that was asked for: 1 says whether it is there, 2 is its score. */
static bool take_part_field(struct client_call *call, const struct field *field)
{
    mayfly_item *item = &call->batch.items[call->batch.count - 1];
    if (wire_is(field, 1, FIELD_VARINT))
        item->found = field->integer == HOT_RESULT_HIT;
    else if (wire_is(field, 2, FIELD_FIXED64))
        return wire_read_score(field, &item->score);
    return true;
}

static bool take_part(struct client_call *call, const struct field *field)
{
    return !wire_is(field, 1, FIELD_BYTES) ||
           (client_call_add_item(call) != NULL && wire_read(call, field->bytes, take_part_field));
}

bool decode_sorted_set_get_score(struct client_call *call, struct bytes message)
{
    return wire_read_each(call, message, take_part);
}

static bool take_score(struct client_call *call, const struct field *field)
{
    return !wire_is(field, 1, FIELD_FIXED64) || wire_read_score(field, &call->reply.score);
}

bool decode_sorted_set_increment(struct client_call *call, struct bytes message)
{
    call->reply.outcome = MAYFLY_DONE;
    return wire_read(call, message, take_score);
}

/* The set is there; the value may still be missing. */
static bool take_rank(struct client_call *call, const struct field *field)
{
    if (wire_is(field, 1, FIELD_VARINT))
        call->reply.outcome = field->integer == HOT_RESULT_HIT ? MAYFLY_HIT : MAYFLY_MISS;
    else if (wire_is(field, 2, FIELD_VARINT))
        call->reply.number = (int64_t)field->integer;
    return true;
}

bool decode_sorted_set_get_rank(struct client_call *call, struct bytes message)
{
    return wire_read_found(call, message, take_rank);
}
