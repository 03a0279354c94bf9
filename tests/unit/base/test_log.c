/* What the log writes, read back through a pipe. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_BYTES 2048

struct written {
    char text[4 * LINE_BYTES];
    size_t size;
};

/* One event written as FORMAT says, in *written. */
static void write_event(enum log_format format, enum log_level level, const struct log_field *fields,
                        size_t count, struct written *written)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log log = log_open(ends[1], LOG_INFO);
    assert_int_equal(log.format, LOG_AS_JSON); /* a pipe is no terminal */
    log.format = format;
    log_write(&log, level, "something happened", fields, count);
    (void)close(ends[1]);
    ssize_t size = read(ends[0], written->text, sizeof written->text - 1);
    (void)close(ends[0]);
    assert_true(size >= 0);
    written->size = (size_t)size;
    written->text[size] = '\0';
}

static void assert_line_ends(const struct written *written, const char *end)
{
    size_t size = strlen(end);
    assert_true(written->size >= size);
    assert_string_equal(written->text + written->size - size, end);
}

/* A whole JSON object on one line: strings closed, nothing inside them that must be escaped, braces even. */
static void assert_is_json_line(const struct written *written)
{
    bool in_string = false;
    assert_int_equal(written->text[0], '{');
    for (size_t i = 0; i < written->size - 1; i++) {
        unsigned char c = (unsigned char)written->text[i];
        assert_true(c >= ' ');
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && c == '}')
            assert_int_equal(i, written->size - 2);
    }
    assert_false(in_string);
    assert_line_ends(written, "}\n");
}

static void a_line_of_json_has_time_level_event_and_fields(void **state)
{
    (void)state;
    struct written written;
    const struct log_field fields[] = {log_text("name", "blue"), log_number("count", -42)};
    write_event(LOG_AS_JSON, LOG_WARN, fields, 2, &written);
    assert_is_json_line(&written);
    int year;
    int millisecond;
    assert_int_equal(
        sscanf(written.text, "{\"time\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ\"", &year, &millisecond), 2);
    assert_true(year >= 2024);
    assert_line_ends(
        &written, "\"level\":\"warn\",\"event\":\"something happened\",\"name\":\"blue\",\"count\":-42}\n");
}

static void a_line_for_people_is_plain(void **state)
{
    (void)state;
    struct written written;
    const struct log_field fields[] = {log_text("name", "blue\x1b[2J"), log_number("count", 7)};
    write_event(LOG_FOR_PEOPLE, LOG_ERROR, fields, 2, &written);
    assert_line_ends(&written, " error something happened name=\"blue\\u001b[2J\" count=7\n");
}

static void what_is_below_the_level_is_not_written(void **state)
{
    (void)state;
    struct written written;
    write_event(LOG_AS_JSON, LOG_DEBUG, NULL, 0, &written);
    assert_int_equal(written.size, 0);
}

static void every_byte_of_a_text_is_escaped_as_json_asks(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        struct written written;
        char text[] = {'a', (char)c, 'b', '\0'};
        char expected[32];
        if (c == '"' || c == '\\')
            (void)snprintf(expected, sizeof expected, ",\"t\":\"a\\%cb\"}\n", c);
        else if (c < ' ' || c == 0x7f)
            (void)snprintf(expected, sizeof expected, ",\"t\":\"a\\u%04xb\"}\n", (unsigned)c);
        else if (c >= 0x80)
            (void)snprintf(expected, sizeof expected, ",\"t\":\"a\\ufffdb\"}\n");
        else
            (void)snprintf(expected, sizeof expected, ",\"t\":\"a%cb\"}\n", c);
        const struct log_field field = log_text("t", text);
        write_event(LOG_AS_JSON, LOG_INFO, &field, 1, &written);
        assert_is_json_line(&written);
        assert_line_ends(&written, expected);
    }
}

static void utf8_passes_and_what_only_looks_like_it_does_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xc0\x80", "\\ufffd\\ufffd"},                       /* overlong */
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* beyond U+10FFFF */
        {"\xe2\x82", "\\ufffd\\ufffd"},                       /* cut */
        {"\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct written written;
        char end[64];
        const struct log_field field = log_text("t", cases[i].text);
        write_event(LOG_AS_JSON, LOG_INFO, &field, 1, &written);
        (void)snprintf(end, sizeof end, ",\"t\":\"%s\"}\n", cases[i].expected);
        assert_line_ends(&written, end);
    }
}

static void a_text_that_is_too_long_is_cut_and_the_line_stays_whole(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\"", "\x01", "\xe2\x82\xac", "\xff"};
    for (size_t unit = 0; unit < sizeof units / sizeof units[0]; unit++) {
        for (size_t before = 0; before < 8; before++) {
            struct written written;
            char text[3 * LINE_BYTES + 16] = "";
            memset(text, '.', before);
            for (size_t i = before; i + 3 < sizeof text; i += strlen(units[unit]))
                memcpy(text + i, units[unit], strlen(units[unit]) + 1);
            const struct log_field fields[] = {log_text("t", text), log_text("left", "off")};
            write_event(LOG_AS_JSON, LOG_INFO, fields, 2, &written);
            assert_true(written.size > LINE_BYTES - 32 && written.size <= LINE_BYTES);
            assert_is_json_line(&written);
            assert_line_ends(&written, "\"}\n");
        }
    }
}

static void fields_that_do_not_fit_are_left_off_whole(void **state)
{
    (void)state;
    struct written written;
    struct log_field fields[400];
    for (size_t i = 0; i < 400; i++)
        fields[i] = log_number("number", 1000000);
    write_event(LOG_AS_JSON, LOG_INFO, fields, 400, &written);
    assert_true(written.size <= LINE_BYTES);
    assert_is_json_line(&written);
    assert_line_ends(&written, ",\"number\":1000000}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_json_has_time_level_event_and_fields),
        cmocka_unit_test(a_line_for_people_is_plain),
        cmocka_unit_test(what_is_below_the_level_is_not_written),
        cmocka_unit_test(every_byte_of_a_text_is_escaped_as_json_asks),
        cmocka_unit_test(utf8_passes_and_what_only_looks_like_it_does_not),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_and_the_line_stays_whole),
        cmocka_unit_test(fields_that_do_not_fit_are_left_off_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
