#include "rpc/hpack_table.h"
#include "rpc/huffman.h"

#define INTEGER_MAX        ((size_t)1 << 28) /* far above every length and index that can be right */
#define SCRATCH_KEEP_BYTES ((size_t)2 * HPACK_TABLE_BYTES)

void hpack_decoder_init(struct hpack_decoder *decoder)
{
    *decoder = (struct hpack_decoder){.has_begun = false};
    hpack_table_init(&decoder->table);
}

void hpack_decoder_free(struct hpack_decoder *decoder)
{
    hpack_table_free(&decoder->table);
    hpack_decoder_trim(decoder);
}

void hpack_decoder_trim(struct hpack_decoder *decoder)
{
    buffer_wipe(&decoder->scratch);
}

static void take(struct bytes *block, size_t size)
{
    block->data += size;
    block->size -= size;
}

/* Takes an integer that begins with the last PREFIX_BITS bits of the next byte, section 5.1. */
static bool take_integer(struct bytes *block, unsigned prefix_bits, size_t *value)
{
    size_t prefix_max = ((size_t)1 << prefix_bits) - 1;
    if (block->size == 0)
        return false;
    *value = block->data[0] & prefix_max;
    take(block, 1);
    if (*value < prefix_max)
        return true;
    for (unsigned shift = 0; block->size > 0 && shift < 35; shift += 7) {
        uint8_t byte = block->data[0];
        take(block, 1);
        *value += (size_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return *value <= INTEGER_MAX;
    }
    return false;
}

/* Takes a string, section 5.2. A coded one is written behind what the scratch holds, which has room for it. */
static bool take_string(struct hpack_decoder *decoder, struct bytes *block, struct bytes *text)
{
    size_t size;
    bool is_coded = block->size > 0 && (block->data[0] & 0x80) != 0;
    if (!take_integer(block, 7, &size) || size > block->size)
        return false;
    *text = bytes_make(block->data, size);
    take(block, size);
    if (!is_coded)
        return true;
    uint8_t *to = decoder->scratch.data + decoder->scratch.size;
    if (!huffman_decode(*text, to, &size))
        return false;
    *text = bytes_make(to, size);
    decoder->scratch.size += size;
    return true;
}

/* Takes a literal: a name by its index or as text, and a value. */
static enum hpack_result take_literal(struct hpack_decoder *decoder, struct bytes *block,
                                      unsigned prefix_bits, bool keep, struct hpack_field *field)
{
    size_t index;
    struct buffer *scratch = &decoder->scratch;
    buffer_reset(scratch, SCRATCH_KEEP_BYTES);
    /* Room for a name that is copied from the table and for all that can be decoded from the block, so that text
     * does not move any more. */
    if (!buffer_reserve(scratch, HPACK_TABLE_BYTES + HUFFMAN_DECODED_MAX(block->size)))
        return HPACK_NO_MEMORY;
    if (!take_integer(block, prefix_bits, &index))
        return HPACK_ERROR;
    if (index == 0) {
        if (!take_string(decoder, block, &field->name))
            return HPACK_ERROR;
    } else if (!hpack_table_get(&decoder->table, index, field)) {
        return HPACK_ERROR;
    } else if (keep && index > HPACK_STATIC_FIELDS) { /* its entry may be dropped for this one */
        uint8_t *copy = scratch->data + scratch->size;
        bytes_copy(copy, field->name.data, field->name.size);
        field->name.data = copy;
        scratch->size += field->name.size;
    }
    if (!take_string(decoder, block, &field->value))
        return HPACK_ERROR;
    if (keep && !hpack_table_insert(&decoder->table, *field))
        return HPACK_NO_MEMORY;
    return HPACK_FIELD;
}

/* Takes the changes of the table's limit that a block may begin with, section 6.3. */
static bool take_limits(struct hpack_decoder *decoder, struct bytes *block)
{
    while (block->size > 0 && (block->data[0] & 0xe0) == 0x20) {
        size_t limit_bytes;
        if (decoder->has_begun || !take_integer(block, 5, &limit_bytes) || limit_bytes > HPACK_TABLE_BYTES)
            return false;
        hpack_table_limit(&decoder->table, limit_bytes);
    }
    return true;
}

enum hpack_result hpack_decode(struct hpack_decoder *decoder, struct bytes *block, struct hpack_field *field)
{
    if (!take_limits(decoder, block))
        return HPACK_ERROR;
    if (block->size == 0)
        return HPACK_END;
    decoder->has_begun = true;
    uint8_t first = block->data[0];
    if ((first & 0x80) != 0) { /* indexed, section 6.1 */
        size_t index;
        bool is_known = take_integer(block, 7, &index) && hpack_table_get(&decoder->table, index, field);
        return is_known ? HPACK_FIELD : HPACK_ERROR;
    }
    if ((first & 0x40) != 0) /* section 6.2.1 */
        return take_literal(decoder, block, 6, true, field);
    return take_literal(decoder, block, 4, false, field); /* sections 6.2.2 and 6.2.3 */
}
