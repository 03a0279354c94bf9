#include "rpc/hpack_table.h"
#include "rpc/huffman.h"

#define INTEGER_BYTES_MAX 6 /* of numbers below 2^32 */

void hpack_encoder_init(struct hpack_encoder *encoder)
{
    *encoder = (struct hpack_encoder){.is_resized = false};
    hpack_table_init(&encoder->table);
}

void hpack_encoder_free(struct hpack_encoder *encoder)
{
    hpack_table_free(&encoder->table);
}

void hpack_encoder_limit(struct hpack_encoder *encoder, size_t limit_bytes)
{
    if (limit_bytes > HPACK_TABLE_BYTES)
        limit_bytes = HPACK_TABLE_BYTES;
    if (limit_bytes == encoder->table.limit_bytes)
        return;
    if (!encoder->is_resized || limit_bytes < encoder->least_bytes)
        encoder->least_bytes = limit_bytes;
    encoder->is_resized = true;
    hpack_table_limit(&encoder->table, limit_bytes);
}

/* Appends an integer behind the bits of FIRST, section 5.1. */
static bool put_integer(struct buffer *block, uint8_t first, unsigned prefix_bits, size_t value)
{
    size_t prefix_max = ((size_t)1 << prefix_bits) - 1;
    uint8_t *at = buffer_extend(block, INTEGER_BYTES_MAX);
    if (at == NULL)
        return false;
    uint8_t *start = at;
    if (value < prefix_max) {
        *at++ = (uint8_t)(first | value);
    } else {
        *at++ = (uint8_t)(first | prefix_max);
        for (value -= prefix_max; value >= 0x80; value >>= 7)
            *at++ = (uint8_t)(value | 0x80);
        *at++ = (uint8_t)value;
    }
    buffer_commit(block, (size_t)(at - start));
    return true;
}

/* Appends a string in whichever form is shorter, section 5.2. */
static bool put_string(struct buffer *block, struct bytes text)
{
    size_t coded_bytes = huffman_size(text);
    if (coded_bytes >= text.size)
        return put_integer(block, 0, 7, text.size) && buffer_append(block, text);
    uint8_t *to = put_integer(block, 0x80, 7, coded_bytes) ? buffer_extend(block, coded_bytes) : NULL;
    if (to == NULL)
        return false;
    huffman_encode(text, to);
    buffer_commit(block, coded_bytes);
    return true;
}

bool hpack_encoder_begin(struct hpack_encoder *encoder, struct buffer *block)
{
    if (!encoder->is_resized)
        return true;
    encoder->is_resized = false;
    size_t limit_bytes = encoder->table.limit_bytes;
    bool is_both = encoder->least_bytes < limit_bytes;
    return (!is_both || put_integer(block, 0x20, 5, encoder->least_bytes)) &&
           put_integer(block, 0x20, 5, limit_bytes);
}

bool hpack_encode(struct hpack_encoder *encoder, struct hpack_field field, bool keep, struct buffer *block)
{
    size_t named;
    size_t index = hpack_table_find(&encoder->table, field, &named);
    if (index > 0)
        return put_integer(block, 0x80, 7, index);
    if (encoder->table.bytes + hpack_field_bytes(field) > encoder->table.limit_bytes)
        keep = false;
    bool is_put = keep ? put_integer(block, 0x40, 6, named) : put_integer(block, 0, 4, named);
    return is_put && (named > 0 || put_string(block, field.name)) && put_string(block, field.value) &&
           (!keep || hpack_table_insert(&encoder->table, field));
}
