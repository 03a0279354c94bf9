/* The arena: blocks of a request that do not overlap and go all at once. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    enum { BLOCKS = 2000 };
    struct arena arena = {0};
    uint8_t *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = i % 37 == 0 ? 3000 + i : i % 61;
        blocks[i] = arena_alloc(&arena, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % sizeof(long double), 0);
        memset(blocks[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(blocks[i][at], i % 251);
    arena_free(&arena);
}

static void copies_are_equal_and_texts_end_with_a_zero(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bytes original = bytes_make("a\0b", 3);
    struct bytes copy = arena_copy(&arena, original);
    assert_ptr_not_equal(copy.data, original.data);
    assert_true(bytes_equal(copy, original));
    assert_string_equal(arena_copy_text(&arena, bytes_make("textual", 4)), "text");
    assert_string_equal(arena_copy_text(&arena, bytes_make(NULL, 0)), "");
    assert_non_null(arena_copy(&arena, bytes_make(NULL, 0)).data);
    arena_free(&arena);
}

static void a_reset_keeps_the_first_chunk_for_the_next_request(void **state)
{
    (void)state;
    struct arena arena = {0};
    const void *first = arena_alloc(&arena, 100);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&arena, 1000));
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_free(&arena);
}

static void a_reset_gives_an_oversized_chunk_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_non_null(arena_alloc(&arena, 1 << 20));
    arena_reset(&arena);
    assert_null(arena.chunks);
    assert_non_null(arena_alloc(&arena, 8));
    arena_free(&arena);
    arena_free(&arena);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX / 2));
    assert_null(arena_copy(&arena, bytes_make("", SIZE_MAX)).data);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(copies_are_equal_and_texts_end_with_a_zero),
        cmocka_unit_test(a_reset_keeps_the_first_chunk_for_the_next_request),
        cmocka_unit_test(a_reset_gives_an_oversized_chunk_back),
        cmocka_unit_test(a_size_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
