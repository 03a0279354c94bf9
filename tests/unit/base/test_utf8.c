/* Text, and all that only looks like it. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static void text_of_every_length_of_point_is_valid(void **state)
{
    (void)state;
    const struct bytes_case {
        const char *data;
        size_t size;
    } cases[] = {
        TEXT(""),
        TEXT("a\0b"),
        TEXT("plain text that is longer than a word"),
        TEXT("\x7f\xc2\x80\xdf\xbf"),
        TEXT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
        TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
        TEXT("12345678\xc3\xa4"
             "12345678"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(utf8_is_valid(bytes_make(cases[i].data, cases[i].size)));
}

static void what_is_cut_overlong_or_beyond_is_not(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "\x80",         "\xbf",         "\xc2",         "\xc2\x41",          "\xc0\x80",
        "\xc1\xbf",     "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",          "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x9f\x98", "\xf5\x80\x80", "\xf0\x8f\xbf\xbf",  "\xf4\x90\x80\x80",
        "\xff",         "1234567\xff",  "12345678\x80", "123456789\xe2\x82",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_false(utf8_is_valid(bytes_of(cases[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_every_length_of_point_is_valid),
        cmocka_unit_test(what_is_cut_overlong_or_beyond_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
