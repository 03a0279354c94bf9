/* Header compression: the examples of RFC 7541 appendix C, what is broken, and long conversations with nghttp2's encoder
 * and decoder, in which either end's table has to stay like the other's. */
#include "rpc/hpack_table.h"
#include "rpc/huffman.h"
#include "rpc/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

/* --- Blocks in hexadecimal, fields as text --- */

static struct bytes unhex(const char *hex, uint8_t *to)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        to[i] = (uint8_t)byte;
    }
    return bytes_make(to, size);
}

static void note(struct buffer *text, struct hpack_field field)
{
    assert_true(buffer_append(text, field.name) && buffer_append(text, bytes_of("=")) &&
                buffer_append(text, field.value) && buffer_append(text, bytes_of("\n")));
}

/* Decodes a block that lies in memory of its own; the result of its end. */
static enum hpack_result decode(struct hpack_decoder *decoder, struct bytes block, struct buffer *text)
{
    uint8_t *own = malloc(block.size + 1);
    assert_non_null(own);
    bytes_copy(own, block.data, block.size);
    struct bytes rest = bytes_make(own, block.size);
    struct hpack_field field;
    enum hpack_result result;
    hpack_decoder_begin(decoder);
    while ((result = hpack_decode(decoder, &rest, &field)) == HPACK_FIELD)
        if (text != NULL)
            note(text, field);
    free(own);
    return result;
}

static void assert_decodes(struct hpack_decoder *decoder, const char *hex, const char *expected)
{
    uint8_t block[512];
    struct buffer text = {0};
    assert_int_equal(decode(decoder, unhex(hex, block), &text), HPACK_END);
    assert_true(buffer_append(&text, bytes_make("", 1)));
    assert_string_equal((const char *)text.data, expected);
    buffer_free(&text);
}

static void assert_broken(const char *hex)
{
    uint8_t block[512];
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_int_equal(decode(&decoder, unhex(hex, block), NULL), HPACK_ERROR);
    hpack_decoder_free(&decoder);
}

/* --- The RFC's examples --- */

#define REQUEST_1 ":method=GET\n:scheme=http\n:path=/\n:authority=www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control=no-cache\n"
#define REQUEST_3                                                                                            \
    ":method=GET\n:scheme=https\n:path=/index.html\n:authority=www.example.com\ncustom-key=custom-value\n"

static void requests_are_decoded_as_in_the_rfc(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(&decoder, "828684410f7777772e6578616d706c652e636f6d", REQUEST_1);
    assert_decodes(&decoder, "828684be58086e6f2d6361636865", REQUEST_2);
    assert_decodes(&decoder, "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", REQUEST_3);
    assert_int_equal(decoder.table.bytes, 164);
    hpack_decoder_free(&decoder);
}

static void coded_requests_are_decoded_as_in_the_rfc(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(&decoder, "828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUEST_1);
    assert_decodes(&decoder, "828684be5886a8eb10649cbf", REQUEST_2);
    assert_decodes(&decoder, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", REQUEST_3);
    assert_int_equal(decoder.table.bytes, 164);
    hpack_decoder_free(&decoder);
}

#define DATED   "cache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\nlocation=https://www.example.com\n"
#define REPLY_1 ":status=302\n" DATED
#define REPLY_2 ":status=307\n" DATED
#define REPLY_3                                                                                              \
    ":status=200\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:22 GMT\n"                               \
    "location=https://www.example.com\ncontent-encoding=gzip\n"                                              \
    "set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

/* With a table of 256 bytes, in which there is room for half of them: 3fe101 says so first. */
static void replies_push_each_other_out_as_in_the_rfc(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(
        &decoder,
        "3fe101"
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768"
        "747470733a2f2f7777772e6578616d706c652e636f6d",
        REPLY_1);
    assert_decodes(&decoder, "4803333037c1c0bf", REPLY_2);
    assert_decodes(
        &decoder,
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153"
        "444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e"
        "3d31",
        REPLY_3);
    assert_int_equal(decoder.table.bytes, 215);
    hpack_decoder_free(&decoder);
}

static void coded_replies_push_each_other_out_as_in_the_rfc(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(
        &decoder,
        "3fe101"
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8"
        "e9ae82ae43d3",
        REPLY_1);
    assert_decodes(&decoder, "4883640effc1c0bf", REPLY_2);
    assert_decodes(
        &decoder,
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b"
        "3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        REPLY_3);
    assert_int_equal(decoder.table.bytes, 215);
    hpack_decoder_free(&decoder);
}

/* --- What is broken --- */

static void indices_that_name_nothing_are_errors(void **state)
{
    (void)state;
    assert_broken("80");                       /* index 0 */
    assert_broken("be");                       /* the first dynamic entry of an empty table */
    assert_broken("7e0161");                   /* likewise as a name */
    assert_broken("ffffffff7f");               /* far away */
    assert_broken("ff");                       /* a number without its rest */
    assert_broken("ffffffffffffffffffffff01"); /* a number without bounds */
}

static void strings_that_do_not_fit_are_errors(void **state)
{
    (void)state;
    assert_broken("00");               /* no name */
    assert_broken("000561");           /* a name that is cut */
    assert_broken("000161");           /* no value */
    assert_broken("0001610561");       /* a value that is cut */
    assert_broken("0001617fffff7f61"); /* a length beyond everything */
}

static void codes_that_are_none_are_errors(void **state)
{
    (void)state;
    assert_broken("00016184ffffffff"); /* the code for the end */
    assert_broken("0001618100");       /* `0`, and padding of zeros */
    assert_broken("0001618207ff");     /* `0`, and padding of more than seven bits */
}

static void limits_may_change_at_the_beginning_only(void **state)
{
    (void)state;
    assert_broken("8220");   /* behind a field */
    assert_broken("3fe21f"); /* 4,097 bytes, one more than allowed */
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(&decoder, "203fe11f82", ":method=GET\n"); /* nothing, and all again */
    assert_decodes(&decoder, "20", "");
    hpack_decoder_free(&decoder);
}

/* --- The table --- */

static void a_field_larger_than_the_table_empties_it(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(&decoder, "4001610162", "a=b\n");
    assert_decodes(&decoder, "be", "a=b\n");
    uint8_t block[4200] = {0x40, 0x01, 'c', 0x7f, 0x81, 0x1f}; /* a value of 4,096 bytes */
    memset(block + 6, 'x', 4096);
    assert_int_equal(decode(&decoder, bytes_make(block, 6 + 4096), NULL), HPACK_END);
    assert_int_equal(decoder.table.count, 0);
    hpack_decoder_free(&decoder);
}

static void a_name_survives_its_entry(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    assert_decodes(&decoder,
                   "3f21"
                   "400a637573746f6d2d6b657901"
                   "62",
                   "custom-key=b\n");                     /* 64 bytes: one entry */
    assert_decodes(&decoder, "7e0163", "custom-key=c\n"); /* its name again, which pushes it out */
    assert_decodes(&decoder, "be", "custom-key=c\n");
    hpack_decoder_free(&decoder);
}

static void what_is_kept_stays_when_the_table_is_full(void **state)
{
    (void)state;
    struct hpack_encoder encoder;
    hpack_encoder_init(&encoder);
    struct buffer block = {0};
    struct hpack_field first = {bytes_of("first"), bytes_of("field")};
    assert_true(hpack_encode(&encoder, first, true, &block));
    for (int i = 0; i < 1000; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "%d", i);
        block.size = 0;
        assert_true(
            hpack_encode(&encoder, (struct hpack_field){bytes_of("name"), bytes_of(value)}, true, &block));
    }
    uint64_t generation = encoder.table.generation;
    block.size = 0;
    assert_true(hpack_encode(&encoder, first, true, &block));
    assert_true(block.size <= 2);
    assert_true(encoder.table.bytes <= HPACK_TABLE_BYTES);
    block.size = 0;
    assert_true(
        hpack_encode(&encoder, (struct hpack_field){bytes_of("name"), bytes_of("new")}, true, &block));
    assert_true(encoder.table.generation == generation);
    buffer_free(&block);
    hpack_encoder_free(&encoder);
}

/* --- Strings --- */

static uint64_t random_state = RANDOM_SEED;

static uint64_t random_number(uint64_t below)
{
    return random_next(&random_state) % below;
}

static void every_string_comes_back_from_its_code(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t text[64];
        uint8_t coded[sizeof text * 4];
        uint8_t back[HUFFMAN_DECODED_MAX(sizeof coded)];
        size_t size = random_number(sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = (uint8_t)random_number(256);
        size_t coded_size = huffman_size(bytes_make(text, size));
        size_t back_size;
        huffman_encode(bytes_make(text, size), coded);
        assert_true(huffman_decode(bytes_make(coded, coded_size), back, &back_size));
        assert_int_equal(back_size, size);
        assert_memory_equal(back, text, size);
    }
}

/* --- Conversations with nghttp2 --- */

struct list_of_fields {
    char texts[12][2][600];
    struct hpack_field fields[12];
    nghttp2_nv nva[12];
    size_t count;
};

/* Few names and values, so that they meet again; now and then a long one, or one of any bytes at all. */
static void draw_fields(struct list_of_fields *list)
{
    list->count = random_number(12);
    for (size_t i = 0; i < list->count; i++) {
        char *name = list->texts[i][0];
        char *value = list->texts[i][1];
        size_t size = 0;
        (void)snprintf(name, 600, random_number(4) == 0 ? "content-type" : "name-%d", (int)random_number(30));
        if (random_number(3) == 0) {
            size = random_number(random_number(10) == 0 ? 600 : 20);
            for (size_t k = 0; k < size; k++)
                value[k] = (char)random_number(256);
        } else {
            size = (size_t)snprintf(value, 600, "%0*d", random_number(10) == 0 ? 500 : 1,
                                    (int)random_number(40));
        }
        list->fields[i] = (struct hpack_field){bytes_of(name), bytes_make(value, size)};
        list->nva[i] = (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), size, 0};
    }
}

static void text_of(const struct list_of_fields *list, struct buffer *text)
{
    text->size = 0;
    for (size_t i = 0; i < list->count; i++)
        note(text, list->fields[i]);
}

static void assert_same_text(const struct buffer *a, const struct buffer *b)
{
    assert_int_equal(a->size, b->size);
    assert_true(bytes_equal(buffer_bytes(a), buffer_bytes(b)));
}

static void ours_decodes_what_nghttp2_encodes(void **state)
{
    (void)state;
    struct hpack_decoder decoder;
    hpack_decoder_init(&decoder);
    nghttp2_hd_deflater *deflater;
    assert_int_equal(nghttp2_hd_deflate_new(&deflater, HPACK_TABLE_BYTES), 0);
    struct buffer expected = {0};
    struct buffer decoded = {0};
    for (int round = 0; round < 20000; round++) {
        static struct list_of_fields list;
        static uint8_t block[16384];
        draw_fields(&list);
        if (random_number(50) == 0)
            assert_int_equal(
                nghttp2_hd_deflate_change_table_size(deflater, random_number(HPACK_TABLE_BYTES + 1)), 0);
        ssize_t size = nghttp2_hd_deflate_hd(deflater, block, sizeof block, list.nva, list.count);
        assert_true(size >= 0);
        text_of(&list, &expected);
        decoded.size = 0;
        assert_int_equal(decode(&decoder, bytes_make(block, (size_t)size), &decoded), HPACK_END);
        assert_same_text(&decoded, &expected);
    }
    buffer_free(&expected);
    buffer_free(&decoded);
    nghttp2_hd_deflate_del(deflater);
    hpack_decoder_free(&decoder);
}

static void inflate(nghttp2_hd_inflater *inflater, struct bytes block, struct buffer *text)
{
    text->size = 0;
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, block.data, block.size, 1);
        assert_true(used >= 0);
        block = bytes_make(block.data + used, block.size - (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            note(text, (struct hpack_field){bytes_make(field.name, field.namelen),
                                            bytes_make(field.value, field.valuelen)});
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    assert_int_equal(nghttp2_hd_inflate_end_headers(inflater), 0);
}

/* Each byte by itself, coded, which nghttp2 has to read as it is. */
static void nghttp2_reads_each_of_our_codes(void **state)
{
    (void)state;
    nghttp2_hd_inflater *inflater;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    struct buffer decoded = {0};
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[8];
        uint8_t block[64] = {0x00, 0x01, 'n'};
        memset(text, (int)c, sizeof text);
        size_t size = huffman_size(bytes_make(text, sizeof text));
        block[3] = (uint8_t)(0x80 | size);
        huffman_encode(bytes_make(text, sizeof text), block + 4);
        inflate(inflater, bytes_make(block, 4 + size), &decoded);
        assert_int_equal(decoded.size, 2 + sizeof text + 1);
        assert_memory_equal(decoded.data + 2, text, sizeof text);
    }
    buffer_free(&decoded);
    nghttp2_hd_inflate_del(inflater);
}

static void nghttp2_decodes_what_ours_encodes(void **state)
{
    (void)state;
    struct hpack_encoder encoder;
    hpack_encoder_init(&encoder);
    nghttp2_hd_inflater *inflater;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    struct buffer expected = {0};
    struct buffer decoded = {0};
    struct buffer block = {0};
    for (int round = 0; round < 20000; round++) {
        static struct list_of_fields list;
        draw_fields(&list);
        for (uint64_t changes = random_number(50) == 0 ? 1 + random_number(3) : 0; changes > 0; changes--) {
            size_t limit_bytes = random_number(2 * HPACK_TABLE_BYTES);
            hpack_encoder_limit(&encoder, limit_bytes);
            assert_int_equal(nghttp2_hd_inflate_change_table_size(inflater, limit_bytes), 0);
        }
        block.size = 0;
        assert_true(hpack_encoder_begin(&encoder, &block));
        for (size_t i = 0; i < list.count; i++)
            assert_true(hpack_encode(&encoder, list.fields[i], random_number(3) > 0, &block));
        assert_true(buffer_reserve(&block, 1)); /* nghttp2 takes no NULL, also where there is nothing */
        text_of(&list, &expected);
        inflate(inflater, buffer_bytes(&block), &decoded);
        assert_same_text(&decoded, &expected);
    }
    buffer_free(&expected);
    buffer_free(&decoded);
    buffer_free(&block);
    nghttp2_hd_inflate_del(inflater);
    hpack_encoder_free(&encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_decoded_as_in_the_rfc),
        cmocka_unit_test(coded_requests_are_decoded_as_in_the_rfc),
        cmocka_unit_test(replies_push_each_other_out_as_in_the_rfc),
        cmocka_unit_test(coded_replies_push_each_other_out_as_in_the_rfc),
        cmocka_unit_test(indices_that_name_nothing_are_errors),
        cmocka_unit_test(strings_that_do_not_fit_are_errors),
        cmocka_unit_test(codes_that_are_none_are_errors),
        cmocka_unit_test(limits_may_change_at_the_beginning_only),
        cmocka_unit_test(a_field_larger_than_the_table_empties_it),
        cmocka_unit_test(a_name_survives_its_entry),
        cmocka_unit_test(what_is_kept_stays_when_the_table_is_full),
        cmocka_unit_test(every_string_comes_back_from_its_code),
        cmocka_unit_test(ours_decodes_what_nghttp2_encodes),
        cmocka_unit_test(nghttp2_reads_each_of_our_codes),
        cmocka_unit_test(nghttp2_decodes_what_ours_encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
