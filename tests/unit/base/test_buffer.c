/* The growing buffer: what is appended stays, however it moves. */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_is_appended_is_there_in_order(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t piece[3] = {(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16)};
        assert_true(buffer_append(&buffer, bytes_make(piece, 1 + i % 3)));
    }
    size_t at = 0;
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(buffer.data[at], (uint8_t)i);
        at += 1 + i % 3;
    }
    assert_int_equal(buffer.size, at);
    assert_true(buffer.capacity < 2 * buffer.size);
    buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer_bytes(&buffer).size, 0);
}

static void nothing_can_be_appended_to_nothing(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_append(&buffer, bytes_make(NULL, 0)));
    assert_non_null(buffer_extend(&buffer, 0));
    assert_int_equal(buffer.size, 0);
    buffer_free(&buffer);
}

static void room_that_was_reserved_is_there_without_moving(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_reserve(&buffer, 5000));
    const uint8_t *data = buffer.data;
    uint8_t *to = buffer_extend(&buffer, 5000);
    assert_ptr_equal(to, data);
    memset(to, 7, 5000);
    buffer_commit(&buffer, 5000);
    assert_int_equal(buffer.size, 5000);
    buffer_free(&buffer);
}

static void a_size_that_cannot_be_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_append(&buffer, bytes_of("kept")));
    assert_null(buffer_extend(&buffer, SIZE_MAX));
    assert_null(buffer_extend(&buffer, SIZE_MAX / 2));
    assert_false(buffer_reserve(&buffer, SIZE_MAX - 2));
    assert_int_equal(buffer.size, 4);
    assert_memory_equal(buffer.data, "kept", 4);
    buffer_free(&buffer);
}

static void a_trimmed_buffer_keeps_what_it_holds(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_trim(&buffer); /* of nothing, nothing */
    assert_null(buffer.data);
    assert_true(buffer_reserve(&buffer, 100000) && buffer_append(&buffer, bytes_of("kept")));
    buffer_trim(&buffer);
    assert_true(buffer.capacity <= 256);
    assert_memory_equal(buffer.data, "kept", 4);
    uint8_t *data = buffer.data;
    buffer_trim(&buffer); /* there is no more to give */
    assert_ptr_equal(buffer.data, data);
    buffer_free(&buffer);
}

static void a_reset_gives_large_memory_back_and_keeps_small(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_append(&buffer, bytes_of("small")));
    buffer_reset(&buffer, 4096);
    assert_int_equal(buffer.size, 0);
    assert_non_null(buffer.data);
    assert_true(buffer_reserve(&buffer, 5000));
    buffer_reset(&buffer, 4096);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_there_in_order),
        cmocka_unit_test(nothing_can_be_appended_to_nothing),
        cmocka_unit_test(room_that_was_reserved_is_there_without_moving),
        cmocka_unit_test(a_size_that_cannot_be_is_refused_and_changes_nothing),
        cmocka_unit_test(a_trimmed_buffer_keeps_what_it_holds),
        cmocka_unit_test(a_reset_gives_large_memory_back_and_keeps_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
