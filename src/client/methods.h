/* What the files about methods share: how their messages are written and read. A request is written
 * straight into the call's buffer and a reply read where it lies, field by field; that is shorter than to
 * build the generated structures and convert, and large collections cost no second copy. Fields with a
 * default value are written too, which is legal and keeps the writers plain.
 *
 *     methods.c             the table of all methods
 *     methods_scalar.c ...  what each writes and reads, a file a type
 *     wire.c                the pieces that messages are made of
 *     problems.c            what a request must be to be sent at all */
#ifndef MAYFLY_CLIENT_METHODS_H
#define MAYFLY_CLIENT_METHODS_H

#include "client/client.h"
#include "proto/field.h"

static inline struct bytes plain(mayfly_bytes bytes)
{
    return bytes_make(bytes.data, bytes.size);
}

static inline mayfly_bytes reply_bytes(const void *data, size_t size)
{
    return (mayfly_bytes){data, size};
}

/* --- Writing --- */

struct wire_writer {
    struct buffer *to;
    bool failed; /* memory is out; nothing more is written */
};

struct wire_writer wire_writer_make(struct buffer *to);
void wire_put_bytes(struct wire_writer *writer, unsigned field, mayfly_bytes bytes);
void wire_put_uint(struct wire_writer *writer, unsigned field, uint64_t value);
void wire_put_sint(struct wire_writer *writer, unsigned field, int64_t value); /* sint32, sint64 */
void wire_put_double(struct wire_writer *writer, unsigned field, double value);
void wire_put_float(struct wire_writer *writer, unsigned field, float value);
void wire_put_empty(struct wire_writer *writer, unsigned field); /* a message with nothing in it */

/* A message within the message: what is put between the two is in it. */
size_t wire_open(struct wire_writer *writer, unsigned field);
void wire_close(struct wire_writer *writer, size_t opened);

/* The key, or the value, of every item as a repeated field. */
void wire_put_keys(struct wire_writer *writer, unsigned field, const mayfly_request *request);
void wire_put_values(struct wire_writer *writer, unsigned field, const mayfly_request *request);
/* The ids of all items, packed. */
void wire_put_ids(struct wire_writer *writer, unsigned field, const mayfly_request *request);
/* ttl_milliseconds in FIELD and refresh_ttl in the next. */
void wire_put_ttl(struct wire_writer *writer, unsigned field, const mayfly_request *request);

/* --- Reading --- */

/* Reads one field; false when it makes no sense. Fields that it does not know it passes over. */
typedef bool (*wire_take)(struct client_call *call, const struct field *field);

/* Has TAKE read every field of a message. */
bool wire_read(struct client_call *call, struct bytes message, wire_take take);
/* For the shape of most replies, a oneof of `found` = 1 and `missing` = 2: HIT, with TAKE for the fields
 * of `found`, or MISS. */
bool wire_read_found(struct client_call *call, struct bytes message, wire_take take);
/* The same where the reply has an item for each that was asked for; MISS has them too, none found. */
bool wire_read_each(struct client_call *call, struct bytes message, wire_take take);

/* An integer in field 1, to `number`. */
bool wire_take_number(struct client_call *call, const struct field *field);
/* Bytes in field 1, to the value of a new item. */
bool wire_take_value(struct client_call *call, const struct field *field);
/* Nothing: the outcome says it all. */
bool wire_take_nothing(struct client_call *call, const struct field *field);

static inline bool wire_is(const struct field *field, unsigned number, enum field_type type)
{
    return field->number == number && field->type == type;
}

/* A field of type double, to SCORE; false for what is not a number, which no score is. */
bool wire_read_score(const struct field *field, double *score);

/* --- Encoders and decoders: the type's file --- */

/* Of more than one type. */
bool encode_nothing(const mayfly_request *request, struct buffer *to);
bool encode_key(const mayfly_request *request, struct buffer *to);        /* 1: the key */
bool encode_key_fields(const mayfly_request *request, struct buffer *to); /* and 2: the items' keys */
bool encode_key_values(const mayfly_request *request, struct buffer *to); /* and 2: the items' values */
bool decode_done(struct client_call *call, struct bytes message);
bool decode_number(struct client_call *call, struct bytes message);       /* DONE with number */
bool decode_found(struct client_call *call, struct bytes message);        /* HIT, MISS */
bool decode_found_number(struct client_call *call, struct bytes message); /* HIT with number, MISS */
bool decode_found_values(struct client_call *call, struct bytes message); /* HIT with items, MISS */

/* Scalars. */
bool decode_get(struct client_call *call, struct bytes message);
bool encode_set(const mayfly_request *request, struct buffer *to);
bool decode_set(struct client_call *call, struct bytes message);
bool encode_set_if(const mayfly_request *request, struct buffer *to);
bool decode_set_if(struct client_call *call, struct bytes message);
bool encode_set_if_hash(const mayfly_request *request, struct buffer *to);
bool decode_set_if_hash(struct client_call *call, struct bytes message);
bool decode_set_if_not_exists(struct client_call *call, struct bytes message);
bool decode_get_with_hash(struct client_call *call, struct bytes message);
bool encode_increment(const mayfly_request *request, struct buffer *to);
bool decode_increment(struct client_call *call, struct bytes message);
bool encode_update_ttl(const mayfly_request *request, struct buffer *to);
bool decode_update_ttl(struct client_call *call, struct bytes message);
bool decode_item_get_ttl(struct client_call *call, struct bytes message);
bool decode_item_get_type(struct client_call *call, struct bytes message);
bool encode_get_batch(const mayfly_request *request, struct buffer *to);
bool encode_set_batch(const mayfly_request *request, struct buffer *to);
bool encode_keys_exist(const mayfly_request *request, struct buffer *to);
bool decode_get_batch(struct client_call *call, struct bytes message);
bool decode_keys_exist(struct client_call *call, struct bytes message);

/* Caches. */
bool encode_cache_name(const mayfly_request *request, struct buffer *to);
bool decode_list_caches(struct client_call *call, struct bytes message);

/* Dictionaries. */
bool encode_dictionary_set(const mayfly_request *request, struct buffer *to);
bool encode_dictionary_increment(const mayfly_request *request, struct buffer *to);
bool encode_dictionary_delete(const mayfly_request *request, struct buffer *to);
bool decode_dictionary_get(struct client_call *call, struct bytes message);
bool decode_dictionary_fetch(struct client_call *call, struct bytes message);

/* Sets. */
bool encode_set_union(const mayfly_request *request, struct buffer *to);
bool encode_set_sample(const mayfly_request *request, struct buffer *to);
bool encode_set_difference(const mayfly_request *request, struct buffer *to);
bool decode_set_contains(struct client_call *call, struct bytes message);

/* Lists. */
bool encode_list_push(const mayfly_request *request, struct buffer *to);
bool encode_list_concatenate(const mayfly_request *request, struct buffer *to);
bool encode_list_erase(const mayfly_request *request, struct buffer *to);
bool encode_list_remove(const mayfly_request *request, struct buffer *to);
bool encode_list_fetch(const mayfly_request *request, struct buffer *to);
bool encode_list_retain(const mayfly_request *request, struct buffer *to);
bool decode_list_pop(struct client_call *call, struct bytes message);

/* Sorted sets. */
bool encode_sorted_set_put(const mayfly_request *request, struct buffer *to);
bool encode_sorted_set_fetch(const mayfly_request *request, struct buffer *to);
bool encode_sorted_set_remove(const mayfly_request *request, struct buffer *to);
bool encode_sorted_set_increment(const mayfly_request *request, struct buffer *to);
bool encode_sorted_set_get_rank(const mayfly_request *request, struct buffer *to);
bool encode_sorted_set_length_by_score(const mayfly_request *request, struct buffer *to);
bool encode_sorted_set_union_store(const mayfly_request *request, struct buffer *to);
bool decode_sorted_set_fetch(struct client_call *call, struct bytes message);
bool decode_sorted_set_get_score(struct client_call *call, struct bytes message);
bool decode_sorted_set_increment(struct client_call *call, struct bytes message);
bool decode_sorted_set_get_rank(struct client_call *call, struct bytes message);

/* Leaderboards. */
bool encode_leaderboard(const mayfly_request *request, struct buffer *to);
bool encode_leaderboard_upsert(const mayfly_request *request, struct buffer *to);
bool encode_leaderboard_remove(const mayfly_request *request, struct buffer *to);
bool encode_leaderboard_get_by_rank(const mayfly_request *request, struct buffer *to);
bool encode_leaderboard_get_by_score(const mayfly_request *request, struct buffer *to);
bool encode_leaderboard_get_rank(const mayfly_request *request, struct buffer *to);
bool encode_leaderboard_get_competition_rank(const mayfly_request *request, struct buffer *to);
bool decode_leaderboard_elements(struct client_call *call, struct bytes message);

/* Topics. */
bool encode_publish(const mayfly_request *request, struct buffer *to);

#endif
