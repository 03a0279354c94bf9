/* Header compression, RFC 7541. Both directions keep a table of fields that were sent before, on which the two ends
 * agree without a word; a field is then a number of one or two bytes. Indices count static entries first (1 to 61), then
 * dynamic ones, the newest first.
 *
 *     entries   ring of HPACK_ENTRIES_MAX: where each one's text lies; `inserted` is how many there ever were
 *
 *     text      | free | oldest: name value | ... | newest: name value | free |
 *                      ^ start                                         ^ end
 *               what is alive is moved to the front when the end is reached, which costs less than a copy a byte
 *
 * Tables have a fixed greatest size, and the memory for it is taken when the first field is inserted: a peer cannot
 * make them grow. */
#ifndef MAYFLY_RPC_HPACK_H
#define MAYFLY_RPC_HPACK_H

#include "base/buffer.h"
#include "base/bytes.h"

#define HPACK_TABLE_BYTES                                                                                    \
    4096 /* what a table may hold, as its definition counts it: the protocol's default */
#define HPACK_FIELD_OVERHEAD 32 /* what an entry counts beside its text, section 4.1 */
#define HPACK_ENTRIES_MAX    (HPACK_TABLE_BYTES / HPACK_FIELD_OVERHEAD)

struct hpack_field {
    struct bytes name;
    struct bytes value;
};

/* What a field counts, in a table and in the size of a list (RFC 9113 section 6.5.2). */
static inline size_t hpack_field_bytes(struct hpack_field field)
{
    return field.name.size + field.value.size + HPACK_FIELD_OVERHEAD;
}

struct hpack_table {
    struct hpack_store *store; /* NULL until the first insertion */
    size_t bytes;              /* of all entries, as section 4.1 counts them */
    size_t limit_bytes;        /* at most HPACK_TABLE_BYTES */
    size_t count;
    uint64_t inserted; /* ever */
    /* Goes up whenever an index may have got another meaning: what was derived from indices is void then. */
    uint64_t generation;
};

/* --- Decoding --- */

struct hpack_decoder {
    struct hpack_table table;
    struct buffer scratch; /* the text of fields that lie neither in the table nor in the block */
    bool has_begun;        /* a field of the block was read */
};

enum hpack_result {
    HPACK_FIELD,     /* *field is the next one, until the next call */
    HPACK_END,       /* the block has ended */
    HPACK_ERROR,     /* the block is broken, and with it the connection: COMPRESSION_ERROR */
    HPACK_NO_MEMORY, /* likewise the connection cannot go on */
};

void hpack_decoder_init(struct hpack_decoder *decoder);
void hpack_decoder_free(struct hpack_decoder *decoder);

/* Gives back what is only held for speed. */
void hpack_decoder_trim(struct hpack_decoder *decoder);

/* Before each block. */
static inline void hpack_decoder_begin(struct hpack_decoder *decoder)
{
    decoder->has_begun = false;
}

/* Takes the next field from *BLOCK, which must be whole. A block must be read to its end, wanted or not: later ones
 * build on it. */
enum hpack_result hpack_decode(struct hpack_decoder *decoder, struct bytes *block, struct hpack_field *field);

/* --- Encoding --- */

struct hpack_encoder {
    struct hpack_table table;
    /* The peer has set another limit, which the next block has to begin with: the least one since the last block, and
     * the one that holds. */
    bool is_resized;
    size_t least_bytes;
};

void hpack_encoder_init(struct hpack_encoder *encoder);
void hpack_encoder_free(struct hpack_encoder *encoder);

/* The peer's decoder holds at most so many bytes: its SETTINGS_HEADER_TABLE_SIZE. */
void hpack_encoder_limit(struct hpack_encoder *encoder, size_t limit_bytes);

/* Before each block: appends what the block has to begin with. False when memory is out, as in the next. */
bool hpack_encoder_begin(struct hpack_encoder *encoder, struct buffer *block);

/* Appends a field to a block; KEEP: and inserts it into the table, if there is room, so that it costs a byte or two from
 * now on. What is in the table is never pushed out: its indices, and the blocks that were made of them, stay good for as
 * long as the peer does not shrink it. When memory is out, the block may not be sent, and the connection cannot go on. */
bool hpack_encode(struct hpack_encoder *encoder, struct hpack_field field, bool keep, struct buffer *block);

#endif
