/* The text and framing of gRPC, against its protocol document. */
#include "rpc/grpc.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- Timeouts --- */

static void a_timeout_is_read_in_every_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"0n", 0},
        {"1n", 1},
        {"7u", 7000},
        {"1100m", INT64_C(1100000000)},
        {"15S", INT64_C(15000000000)},
        {"2M", INT64_C(120000000000)},
        {"3H", INT64_C(10800000000000)},
        {"00000001S", INT64_C(1000000000)},
        {"99999999n", 99999999},
        {"99999999S", INT64_C(99999999000000000)},
        {"99999999M", INT64_C(5999999940000000000)},
        {"99999999H", CLOCK_NEVER}, /* 11,000 years do not fit */
        {"2562047H", INT64_C(9223369200000000000)},
        {"2562048H", CLOCK_NEVER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = -1;
        assert_true(grpc_timeout_parse(bytes_of(cases[i].text), &ns));
        assert_true(ns == cases[i].ns);
    }
}

static void what_is_no_timeout_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "S",    "1",   "1s",         "1ms", "-1S", "+1S", " 1S",
                                        "1 S", "1.5S", "1S ", "123456789S", "n1",  "1x",  "12"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ns;
        assert_false(grpc_timeout_parse(bytes_of(texts[i]), &ns));
    }
}

static void a_written_timeout_is_never_shorter_and_hardly_longer(void **state)
{
    (void)state;
    unsigned seed = 3;
    for (int i = 0; i < 200000; i++) {
        int shift = rand_r(&seed) % 61;
        int64_t timeout_ns = (INT64_C(1) << shift) + rand_r(&seed) % 1000000007 % (INT64_C(1) << shift);
        char text[GRPC_TIMEOUT_TEXT_BYTES];
        int64_t read_ns;
        size_t size = grpc_timeout_format(timeout_ns, text);
        assert_true(size >= 2 && size <= GRPC_TIMEOUT_TEXT_BYTES);
        assert_true(grpc_timeout_parse(bytes_make(text, size), &read_ns));
        int64_t step_ns = timeout_ns < CLOCK_NS_PER_MS ? CLOCK_NS_PER_US : CLOCK_NS_PER_MS;
        assert_true(read_ns >= timeout_ns);
        assert_true(read_ns - timeout_ns < step_ns || read_ns - timeout_ns <= timeout_ns / 1000);
    }
}

static void a_timeout_is_written_in_the_finest_unit_that_fits(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {1, "1u"},
        {0, "1u"},
        {-5, "1u"},
        {999001, "1000u"},
        {CLOCK_NS_PER_MS, "1m"},
        {INT64_C(1100) * CLOCK_NS_PER_MS, "1100m"},
        {INT64_C(99999999) * CLOCK_NS_PER_MS, "99999999m"},
        {INT64_C(100000000) * CLOCK_NS_PER_MS, "100000S"},
        {CLOCK_NEVER - 1, "2562048H"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[GRPC_TIMEOUT_TEXT_BYTES];
        size_t size = grpc_timeout_format(cases[i].ns, text);
        assert_true(bytes_equal(bytes_make(text, size), bytes_of(cases[i].text)));
    }
}

/* --- Statuses --- */

static void a_status_is_read_and_written_as_its_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", i);
        assert_string_equal(grpc_status_text((enum status)i), text);
        assert_int_equal(grpc_status_parse(bytes_of(text)), i);
    }
    static const char *const none[] = {"", "17", "99", "100", "-1", "0x", "a", " 0", "1 "};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(grpc_status_parse(bytes_of(none[i])), STATUS_UNKNOWN);
    assert_string_equal(grpc_status_text((enum status)STATUS_COUNT), "2");
}

static void content_types_of_grpc_are_known(void **state)
{
    (void)state;
    static const char *const good[] = {"application/grpc", "application/grpc+proto", "application/grpc;x"};
    static const char *const bad[] = {"", "application/grp", "application/grpc-web", "text/html",
                                      "application/grpcx"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(grpc_is_content_type(bytes_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(grpc_is_content_type(bytes_of(bad[i])));
}

/* --- Status messages --- */

static void a_message_of_any_bytes_comes_back(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    struct buffer encoded = {0};
    struct buffer decoded = {0};
    assert_true(grpc_message_encode(bytes_make(all, sizeof all), &encoded));
    for (size_t i = 0; i < encoded.size; i++)
        assert_true(encoded.data[i] >= ' ' && encoded.data[i] <= '~');
    assert_true(grpc_message_decode(buffer_bytes(&encoded), &decoded));
    assert_true(bytes_equal(buffer_bytes(&decoded), bytes_make(all, sizeof all)));
    buffer_free(&encoded);
    buffer_free(&decoded);
}

static void plain_text_stays_plain_and_percent_is_escaped(void **state)
{
    (void)state;
    struct buffer encoded = {0};
    assert_true(grpc_message_encode(bytes_of("no such key: \"a\", 100%\n"), &encoded));
    assert_true(bytes_equal(buffer_bytes(&encoded), bytes_of("no such key: \"a\", 100%25%0A")));
    encoded.size = 0;
    assert_true(grpc_message_encode(bytes_of(" a b "), &encoded)); /* fields have no space at their ends */
    assert_true(bytes_equal(buffer_bytes(&encoded), bytes_of("%20a b%20")));
    encoded.size = 0;
    assert_true(grpc_message_encode(bytes_of(""), &encoded));
    assert_int_equal(encoded.size, 0);
    buffer_free(&encoded);
}

static void what_is_no_escape_stays_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *decoded;
    } cases[] = {
        {"%", "%"},       {"%4", "%4"},           {"%41", "A"},   {"%4G", "%4G"},     {"%%41", "%A"},
        {"100%", "100%"}, {"%c3%A9", "\xc3\xa9"}, {"a%2", "a%2"}, {"%zz%20", "%zz "}, {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer decoded = {0};
        assert_true(grpc_message_decode(bytes_of(cases[i].text), &decoded));
        assert_true(bytes_equal(buffer_bytes(&decoded), bytes_of(cases[i].decoded)));
        buffer_free(&decoded);
    }
}

/* --- Messages from pieces --- */

static const char *const texts[] = {"hello", "", "a somewhat longer message", "", "x"};

#define TEXTS (sizeof texts / sizeof texts[0])

static void write_texts(struct buffer *wire)
{
    for (size_t i = 0; i < TEXTS; i++) {
        uint8_t prefix[GRPC_PREFIX_BYTES];
        grpc_prefix_write(prefix, strlen(texts[i]));
        assert_true(buffer_append(wire, bytes_make(prefix, sizeof prefix)));
        assert_true(buffer_append(wire, bytes_of(texts[i])));
    }
}

/* Feeds one piece, in a block of its own, and compares the messages that it completes. */
static void assemble_piece(struct grpc_assembler *assembler, struct bytes piece, size_t *next)
{
    uint8_t *block = malloc(piece.size + 1);
    assert_non_null(block);
    bytes_copy(block, piece.data, piece.size);
    struct bytes input = bytes_make(block, piece.size);
    struct bytes message;
    enum grpc_assembly got;
    while ((got = grpc_assemble(assembler, &input, 100, &message)) == GRPC_MESSAGE) {
        assert_true(*next < TEXTS);
        assert_true(bytes_equal(message, bytes_of(texts[(*next)++])));
    }
    assert_int_equal(got, GRPC_NEED_MORE);
    assert_int_equal(input.size, 0);
    free(block);
}

static void messages_come_together_from_any_two_or_three_pieces(void **state)
{
    (void)state;
    struct buffer wire = {0};
    write_texts(&wire);
    for (size_t first = 0; first <= wire.size; first++) {
        for (size_t second = first; second <= wire.size; second++) {
            struct grpc_assembler assembler = {0};
            size_t next = 0;
            assemble_piece(&assembler, bytes_make(wire.data, first), &next);
            assemble_piece(&assembler, bytes_make(wire.data + first, second - first), &next);
            assemble_piece(&assembler, bytes_make(wire.data + second, wire.size - second), &next);
            assert_int_equal(next, TEXTS);
            assert_false(grpc_assembler_inside(&assembler));
            buffer_free(&assembler.gathered);
        }
    }
    buffer_free(&wire);
}

static void messages_come_together_byte_by_byte(void **state)
{
    (void)state;
    struct buffer wire = {0};
    struct grpc_assembler assembler = {0};
    size_t next = 0;
    write_texts(&wire);
    for (size_t i = 0; i < wire.size; i++)
        assemble_piece(&assembler, bytes_make(wire.data + i, 1), &next);
    assert_int_equal(next, TEXTS);
    buffer_free(&assembler.gathered);
    buffer_free(&wire);
}

static void a_message_in_one_piece_is_not_copied(void **state)
{
    (void)state;
    struct grpc_assembler assembler = {0};
    const char wire[] = "\0\0\0\0\5hello";
    struct bytes input = bytes_make(wire, 10);
    struct bytes message;
    assert_int_equal(grpc_assemble(&assembler, &input, 5, &message), GRPC_MESSAGE);
    assert_ptr_equal(message.data, wire + 5);
    assert_null(assembler.gathered.data);
}

static void it_is_known_whether_the_input_ended_inside_a_message(void **state)
{
    (void)state;
    const char wire[] = "\0\0\0\0\5hello";
    for (size_t size = 0; size <= 10; size++) {
        struct grpc_assembler assembler = {0};
        struct bytes input = bytes_make(wire, size);
        struct bytes message;
        enum grpc_assembly got = grpc_assemble(&assembler, &input, 5, &message);
        assert_int_equal(got, size == 10 ? GRPC_MESSAGE : GRPC_NEED_MORE);
        assert_int_equal(grpc_assembler_inside(&assembler), size > 0 && size < 10);
        buffer_free(&assembler.gathered);
    }
}

static void a_message_over_the_limit_or_compressed_is_told_by_its_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        enum grpc_assembly got;
    } cases[] = {
        {"\0\0\0\0\6", GRPC_TOO_LARGE},    {"\0\xff\xff\xff\xff", GRPC_TOO_LARGE},
        {"\0\0\0\1\0", GRPC_TOO_LARGE},    {"\1\0\0\0\5", GRPC_COMPRESSED},
        {"\xff\0\0\0\0", GRPC_COMPRESSED}, {"\0\0\0\0\5", GRPC_NEED_MORE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct grpc_assembler assembler = {0};
        struct bytes input = bytes_make(cases[i].prefix, 5);
        struct bytes message;
        assert_int_equal(grpc_assemble(&assembler, &input, 5, &message), cases[i].got);
        buffer_free(&assembler.gathered);
    }
}

static void memory_grows_with_what_has_come_not_with_what_is_promised(void **state)
{
    (void)state;
    struct grpc_assembler assembler = {0};
    uint8_t prefix[GRPC_PREFIX_BYTES];
    uint8_t piece[1000] = {0};
    struct bytes message;
    grpc_prefix_write(prefix, UINT32_MAX);
    struct bytes input = bytes_make(prefix, sizeof prefix);
    assert_int_equal(grpc_assemble(&assembler, &input, UINT32_MAX, &message), GRPC_NEED_MORE);
    for (size_t came = 1000; came <= 1000000; came += 1000) {
        input = bytes_make(piece, sizeof piece);
        assert_int_equal(grpc_assemble(&assembler, &input, UINT32_MAX, &message), GRPC_NEED_MORE);
        assert_int_equal(assembler.gathered.size, came);
        assert_true(assembler.gathered.capacity <= 2 * came + 512);
    }
    buffer_free(&assembler.gathered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_is_read_in_every_unit),
        cmocka_unit_test(what_is_no_timeout_is_refused),
        cmocka_unit_test(a_written_timeout_is_never_shorter_and_hardly_longer),
        cmocka_unit_test(a_timeout_is_written_in_the_finest_unit_that_fits),
        cmocka_unit_test(a_status_is_read_and_written_as_its_number),
        cmocka_unit_test(content_types_of_grpc_are_known),
        cmocka_unit_test(a_message_of_any_bytes_comes_back),
        cmocka_unit_test(plain_text_stays_plain_and_percent_is_escaped),
        cmocka_unit_test(what_is_no_escape_stays_as_it_is),
        cmocka_unit_test(messages_come_together_from_any_two_or_three_pieces),
        cmocka_unit_test(messages_come_together_byte_by_byte),
        cmocka_unit_test(a_message_in_one_piece_is_not_copied),
        cmocka_unit_test(it_is_known_whether_the_input_ended_inside_a_message),
        cmocka_unit_test(a_message_over_the_limit_or_compressed_is_told_by_its_prefix),
        cmocka_unit_test(memory_grows_with_what_has_come_not_with_what_is_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
