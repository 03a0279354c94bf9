/* Runs of bytes: comparing them, also where there are none. */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void equal_means_the_same_size_and_bytes(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_of("abc"), bytes_make("abcd", 3)));
    assert_false(bytes_equal(bytes_of("abc"), bytes_of("abd")));
    assert_false(bytes_equal(bytes_of("abc"), bytes_of("ab")));
    assert_true(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0b", 3)));
    assert_false(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0c", 3)));
}

static void no_bytes_from_nowhere_are_like_any_empty_run(void **state)
{
    (void)state;
    struct bytes nothing = bytes_make(NULL, 0);
    char to = 'x';
    assert_true(bytes_equal(nothing, bytes_of("")));
    assert_false(bytes_equal(nothing, bytes_of("a")));
    assert_true(bytes_start_with(bytes_of("a"), nothing));
    assert_true(bytes_start_with(nothing, nothing));
    assert_false(bytes_start_with(nothing, bytes_of("a")));
    bytes_copy(&to, NULL, 0);
    assert_int_equal(to, 'x');
}

static void a_prefix_is_no_longer_than_its_text(void **state)
{
    (void)state;
    assert_true(bytes_start_with(bytes_of("application/grpc+proto"), bytes_of("application/grpc")));
    assert_true(bytes_start_with(bytes_of("abc"), bytes_of("abc")));
    assert_false(bytes_start_with(bytes_of("abc"), bytes_of("abcd")));
    assert_false(bytes_start_with(bytes_of("abc"), bytes_of("b")));
}

static void order_is_of_unsigned_bytes_and_a_prefix_comes_first(void **state)
{
    (void)state;
    assert_true(bytes_compare(bytes_of("a"), bytes_of("b")) < 0);
    assert_true(bytes_compare(bytes_of("\xff"), bytes_of("a")) > 0);
    assert_true(bytes_compare(bytes_of("ab"), bytes_of("abc")) < 0);
    assert_true(bytes_compare(bytes_of("b"), bytes_of("abc")) > 0);
    assert_true(bytes_compare(bytes_make(NULL, 0), bytes_of("a")) < 0);
    assert_int_equal(bytes_compare(bytes_make(NULL, 0), bytes_of("")), 0);
    assert_int_equal(bytes_compare(bytes_of("abc"), bytes_make("abcd", 3)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_the_same_size_and_bytes),
        cmocka_unit_test(no_bytes_from_nowhere_are_like_any_empty_run),
        cmocka_unit_test(order_is_of_unsigned_bytes_and_a_prefix_comes_first),
        cmocka_unit_test(a_prefix_is_no_longer_than_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
