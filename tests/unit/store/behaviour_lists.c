/* What lists promise. */
#include "store/behaviour_chapters.h"

static struct store_command on_list(enum store_command_kind kind)
{
    return command_on(kind, STORE_LIST, "l");
}

static enum store_status push(struct fixture *f, bool from_end, uint64_t limit, const char *spelled)
{
    struct store_command order = on_list(STORE_LIST_PUSH);
    order.from_end = from_end;
    order.limit = limit;
    return give(f, order, spelled);
}

/* The list anew. */
static void have(struct fixture *f, const char *spelled)
{
    erase(f, bytes_of("l"));
    assert_int_equal(push(f, true, 0, spelled), STORE_OK);
}

static enum store_status slice(struct fixture *f, enum store_command_kind kind, int64_t start, int64_t end)
{
    struct store_command order = on_list(kind);
    order.start = start;
    order.end = end;
    return command(f, order);
}

static void elements_keep_their_order_at_either_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(push(f, true, 0, "c d"), STORE_OK);
    assert_int_equal(f->answer.number, 2);
    assert_int_equal(push(f, false, STORE_NO_LIMIT, "a b"), STORE_OK);
    assert_int_equal(f->answer.number, 4);
    assert_int_equal(push(f, true, 0, "e e"), STORE_OK);
    assert_list(f, "l", "a b c d e e");
}

static void what_is_over_the_limit_leaves_at_the_other_end(void **state)
{
    struct fixture *f = *state;
    have(f, "a b c");
    assert_int_equal(push(f, true, 4, "d e"), STORE_OK);
    assert_int_equal(f->answer.number, 4);
    assert_list(f, "l", "b c d e");
    assert_int_equal(push(f, false, 3, "x y"), STORE_OK);
    assert_list(f, "l", "x y b");
    assert_int_equal(push(f, true, 2, "p q r"), STORE_OK);
    assert_list(f, "l", "q r");
    assert_int_equal(push(f, false, 2, "s t u"), STORE_OK);
    assert_list(f, "l", "s t");
    assert_int_equal(push(f, false, 100, "r"), STORE_OK);
    assert_list(f, "l", "r s t");
    assert_int_equal(push(f, true, 2, ""), STORE_OK);
    assert_list(f, "l", "s t");
    assert_int_equal(push(f, false, 1, ""), STORE_OK);
    assert_int_equal(f->answer.number, 1);
    assert_list(f, "l", "s");
    erase(f, bytes_of("l"));
    assert_int_equal(push(f, true, 1, "a b c"), STORE_OK);
    assert_int_equal(f->answer.number, 1);
    assert_list(f, "l", "c");
}

static void pops_take_from_either_end_until_the_list_is_gone(void **state)
{
    struct fixture *f = *state;
    struct store_command front = on_list(STORE_LIST_POP);
    struct store_command back = front;
    back.from_end = true;
    have(f, "a b c");
    command(f, back);
    assert_answer(f, 0, "c");
    assert_int_equal(f->answer.number, 2);
    command(f, front);
    assert_answer(f, 0, "a");
    assert_int_equal(f->answer.number, 1);
    command(f, front);
    assert_answer(f, 0, "b");
    assert_int_equal(f->answer.number, 0);
    assert_missing(f, "l");
    assert_int_equal(command(f, back), STORE_MISSING);
}

struct slice {
    int64_t start;
    int64_t end;
    const char *spelled;
};

/* Of the list "a b c d e". */
static const struct slice slices[] = {
    {0, STORE_END, "a b c d e"},
    {1, 3, "b c"},
    {0, 5, "a b c d e"},
    {4, 5, "e"},
    {-2, STORE_END, "d e"},
    {0, -1, "a b c d"},
    {-4, -2, "b c"},
    {-5, 5, "a b c d e"},
    {-100, 2, "a b"},
    {INT64_MIN, INT64_MAX, "a b c d e"},
    {INT64_MIN, -4, "a"},
    {2, INT64_MAX - 1, "c d e"},
    {2, 100, "c d e"},
    {5, STORE_END, ""},
    {100, 200, ""},
    {2, 2, ""},
    {3, 1, ""},
    {-1, -3, ""},
    {-1, 0, ""},
    {0, INT64_MIN, ""},
    {0, -5, ""},
};

static void slices_count_from_the_end_are_clamped_and_may_be_empty(void **state)
{
    struct fixture *f = *state;
    have(f, "a b c d e");
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        slice(f, STORE_LIST_FETCH, slices[i].start, slices[i].end);
        assert_answer(f, 0, slices[i].spelled);
    }
    assert_list(f, "l", "a b c d e");
}

static void retain_leaves_the_slice_and_an_empty_one_no_list(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        have(f, "a b c d e");
        assert_int_equal(slice(f, STORE_LIST_RETAIN, slices[i].start, slices[i].end), STORE_OK);
        if (*slices[i].spelled != 0) {
            assert_int_equal(f->answer.number, (strlen(slices[i].spelled) + 1) / 2);
            assert_list(f, "l", slices[i].spelled);
        } else {
            assert_int_equal(f->answer.number, 0);
            assert_missing(f, "l");
        }
    }
}

static void retain_refreshes_the_ttl_when_asked(void **state)
{
    struct fixture *f = *state;
    struct store_command retain = on_list(STORE_LIST_RETAIN);
    retain.ttl_ms = 9;
    have(f, "a b");
    command(f, retain);
    assert_ttl(f, "l", MINUTE_MS);
    retain.refresh_ttl = true;
    command(f, retain);
    assert_ttl(f, "l", 9);
    assert_list(f, "l", "a b");
}

static enum store_status erase_ranges(struct fixture *f, const struct store_range *ranges, size_t count)
{
    struct store_command order = on_list(STORE_LIST_ERASE);
    order.ranges = ranges;
    order.range_count = count;
    return command(f, order);
}

static void ranges_to_erase_are_of_the_list_as_it_was(void **state)
{
    static const struct store_range ranges[] = {{4, 2}, {0, 1}, {5, 3}, {9, 5}, {100, 3}, {2, 0}};
    static const struct store_range furthest[] = {{1, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
    struct fixture *f = *state;
    have(f, "a b c d e f g h i j");
    assert_int_equal(erase_ranges(f, ranges, 6), STORE_OK);
    assert_int_equal(f->answer.number, 4);
    assert_list(f, "l", "b c d i");
    assert_int_equal(erase_ranges(f, ranges + 4, 2), STORE_OK);
    assert_list(f, "l", "b c d i");
    assert_int_equal(erase_ranges(f, NULL, 0), STORE_OK);
    assert_int_equal(f->answer.number, 4);
    assert_int_equal(erase_ranges(f, furthest + 1, 1), STORE_OK);
    assert_int_equal(f->answer.number, 4);
    assert_int_equal(erase_ranges(f, furthest, 2), STORE_OK);
    assert_int_equal(f->answer.number, 1);
    assert_list(f, "l", "b");
    assert_int_equal(erase_ranges(f, ranges, 6), STORE_OK);
    assert_int_equal(f->answer.number, 0);
    assert_missing(f, "l");
}

static void a_range_to_erase_may_lie_within_another(void **state)
{
    static const struct store_range ranges[] = {{3, 1}, {1, 5}, {2, 2}, {1, 1}};
    struct fixture *f = *state;
    have(f, "a b c d e f g h");
    assert_int_equal(erase_ranges(f, ranges, 4), STORE_OK);
    assert_int_equal(f->answer.number, 3);
    assert_list(f, "l", "a g h");
}

static void all_equal_values_are_removed(void **state)
{
    struct fixture *f = *state;
    have(f, "a b a a c a");
    assert_int_equal(give(f, on_list(STORE_LIST_REMOVE), "nobody"), STORE_OK);
    assert_int_equal(f->answer.number, 6);
    assert_int_equal(give(f, on_list(STORE_LIST_REMOVE), "a"), STORE_OK);
    assert_int_equal(f->answer.number, 2);
    assert_list(f, "l", "b c");
    have(f, "a a");
    assert_int_equal(give(f, on_list(STORE_LIST_REMOVE), "a"), STORE_OK);
    assert_int_equal(f->answer.number, 0);
    assert_missing(f, "l");
}

/* Numbers 0 to 4999 by turns at both ends, so that each is where its number says. */
static void a_long_list_is_in_order_from_either_end(void **state)
{
    enum { LENGTH = 5000 };
    struct fixture *f = *state;
    for (uint32_t i = 0; i < LENGTH / 2; i++) {
        uint32_t numbers[] = {LENGTH / 2 - 1 - i, LENGTH / 2 + i};
        for (int end = 0; end < 2; end++) {
            struct store_element element = {.name = bytes_make(&numbers[end], sizeof *numbers)};
            struct store_command order = on_list(STORE_LIST_PUSH);
            order.from_end = end != 0;
            order.limit = 0;
            order.elements = &element;
            order.count = 1;
            assert_int_equal(command(f, order), STORE_OK);
        }
    }
    for (int64_t start = 0; start < LENGTH; start += 499) {
        assert_int_equal(slice(f, STORE_LIST_FETCH, start, start + 3), STORE_OK);
        assert_int_equal(f->answer.count, start + 3 <= LENGTH ? 3 : LENGTH - start);
        for (size_t i = 0; i < f->answer.count; i++) {
            uint32_t number = (uint32_t)start + (uint32_t)i;
            assert_true(bytes_equal(f->answer.elements[i].name, bytes_make(&number, sizeof number)));
        }
    }
    assert_int_equal(slice(f, STORE_LIST_RETAIN, -1001, -1), STORE_OK);
    assert_int_equal(f->answer.number, 1000);
    assert_int_equal(slice(f, STORE_LIST_FETCH, 0, 1), STORE_OK);
    uint32_t first = LENGTH - 1001;
    assert_true(bytes_equal(f->answer.elements[0].name, bytes_make(&first, sizeof first)));
}

static const struct CMUnitTest promises[] = {
    cmocka_unit_test(elements_keep_their_order_at_either_end),
    cmocka_unit_test(what_is_over_the_limit_leaves_at_the_other_end),
    cmocka_unit_test(pops_take_from_either_end_until_the_list_is_gone),
    cmocka_unit_test(slices_count_from_the_end_are_clamped_and_may_be_empty),
    cmocka_unit_test(retain_leaves_the_slice_and_an_empty_one_no_list),
    cmocka_unit_test(retain_refreshes_the_ttl_when_asked),
    cmocka_unit_test(ranges_to_erase_are_of_the_list_as_it_was),
    cmocka_unit_test(a_range_to_erase_may_lie_within_another),
    cmocka_unit_test(all_equal_values_are_removed),
    cmocka_unit_test(a_long_list_is_in_order_from_either_end),
};

const struct behaviour_chapter behaviour_lists = {promises, sizeof promises / sizeof *promises, false};
