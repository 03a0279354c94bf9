/* What dictionaries and sets promise. */
#include "store/behaviour_chapters.h"

static struct store_command on_dictionary(enum store_command_kind kind)
{
    return command_on(kind, STORE_DICTIONARY, "d");
}

static struct store_command on_set(enum store_command_kind kind)
{
    return command_on(kind, STORE_SET, "s");
}

static enum store_status put_fields(struct fixture *f, const char *spelled)
{
    return give(f, on_dictionary(STORE_TABLE_PUT), spelled);
}

static enum store_status add_to_set(struct fixture *f, const char *spelled)
{
    return give(f, on_set(STORE_TABLE_PUT), spelled);
}

static void fields_are_added_and_replaced(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_fields(f, "a=1 b=2"), STORE_OK);
    assert_int_equal(put_fields(f, "c=3 a=other"), STORE_OK);
    assert_dictionary(f, "d", "a=other b=2 c=3");
    put_fields(f, "a= b=a-longer-value");
    assert_dictionary(f, "d", "a= b=a-longer-value c=3");
}

static void the_last_of_duplicate_fields_wins(void **state)
{
    struct fixture *f = *state;
    put_fields(f, "a=1 b=2 a=3 a=4 b=");
    assert_dictionary(f, "d", "a=4 b=");
    add_to_set(f, "x y x x");
    assert_set(f, "s", "x y");
}

static void fields_are_answered_in_the_order_asked_with_duplicates(void **state)
{
    struct fixture *f = *state;
    put_fields(f, "a=1 b=2 c=");
    give(f, on_dictionary(STORE_TABLE_GET), "c nobody a a nobody b");
    assert_answer(f, SPELL_POSITIONAL | SPELL_VALUES, "c= - a=1 a=1 - b=2");
    add_to_set(f, "x y");
    give(f, on_set(STORE_TABLE_GET), "z y x y");
    assert_answer(f, SPELL_POSITIONAL, "- y x y");
}

static void names_and_values_may_be_any_bytes(void **state)
{
    static const char bytes[] = {0, 'a', 0, (char)0xff, 0};
    struct fixture *f = *state;
    struct store_element elements[sizeof bytes + 1];
    for (size_t i = 0; i <= sizeof bytes; i++)
        elements[i] = (struct store_element){.name = bytes_make(bytes, i),
                                             .value = bytes_make(bytes, sizeof bytes - i)};
    struct store_command put = on_dictionary(STORE_TABLE_PUT);
    put.elements = elements;
    put.count = sizeof bytes + 1;
    assert_int_equal(command(f, put), STORE_OK);
    put.kind = STORE_TABLE_GET;
    assert_int_equal(command(f, put), STORE_OK);
    assert_int_equal(f->answer.count, put.count);
    for (size_t i = 0; i < put.count; i++) {
        assert_true(f->answer.elements[i].found);
        assert_true(bytes_equal(f->answer.elements[i].value, elements[i].value));
    }
}

static void removing_names_that_are_not_there_is_ok(void **state)
{
    struct fixture *f = *state;
    put_fields(f, "a=1 b=2 c=3");
    assert_int_equal(give(f, on_dictionary(STORE_TABLE_REMOVE), "nobody"), STORE_OK);
    assert_int_equal(give(f, on_dictionary(STORE_TABLE_REMOVE), "b nobody b"), STORE_OK);
    assert_dictionary(f, "d", "a=1 c=3");
    assert_int_equal(give(f, on_dictionary(STORE_TABLE_REMOVE), "a c a"), STORE_OK);
    assert_missing(f, "d");
}

/* A command with a limit, and how many elements it answered. */
static size_t limited(struct fixture *f, enum store_command_kind kind, uint64_t limit)
{
    struct store_command order = on_set(kind);
    order.limit = limit;
    assert_int_equal(command(f, order), STORE_OK);
    return f->answer.count;
}

static void a_sample_is_of_different_elements_and_takes_nothing_out(void **state)
{
    struct fixture *f = *state;
    add_to_set(f, "a b c d e");
    for (uint64_t limit = 0; limit < 8; limit++) {
        assert_int_equal(limited(f, STORE_TABLE_SAMPLE, limit), limit < 5 ? limit : 5);
        for (size_t i = 0; i < f->answer.count; i++) {
            struct bytes name = f->answer.elements[i].name;
            assert_int_equal(name.size, 1);
            assert_in_range(name.data[0], 'a', 'e');
            for (size_t j = 0; j < i; j++)
                assert_false(bytes_equal(f->answer.elements[j].name, name));
        }
    }
    assert_int_equal(limited(f, STORE_TABLE_SAMPLE, STORE_NO_LIMIT), 5);
    assert_answer(f, SPELL_BY_NAME, "a b c d e");
    assert_set(f, "s", "a b c d e");
}

static void a_sample_of_many_repeats_none(void **state)
{
    enum { MANY = 1000 };
    static uint32_t numbers[MANY];
    static struct store_element elements[MANY];
    struct fixture *f = *state;
    struct store_command add = on_set(STORE_TABLE_PUT);
    for (uint32_t i = 0; i < MANY; i++) {
        numbers[i] = i;
        elements[i] = (struct store_element){.name = bytes_make(&numbers[i], sizeof numbers[i])};
    }
    add.elements = elements;
    add.count = MANY;
    assert_int_equal(command(f, add), STORE_OK);
    for (uint64_t limit = 2; limit <= MANY; limit += 1 + limit / 5) {
        bool drawn[MANY] = {false};
        assert_int_equal(limited(f, STORE_TABLE_SAMPLE, limit), limit);
        for (size_t i = 0; i < limit; i++) {
            uint32_t number;
            assert_int_equal(f->answer.elements[i].name.size, sizeof number);
            memcpy(&number, f->answer.elements[i].name.data, sizeof number);
            assert_in_range(number, 0, MANY - 1);
            assert_false(drawn[number]);
            drawn[number] = true;
        }
    }
}

/* Each of three should be drawn a third of the time: that none in 300 draws is, has odds of 3 * (2/3)^300. */
static void a_sample_is_now_this_and_now_that(void **state)
{
    struct fixture *f = *state;
    unsigned drawn[3] = {0};
    add_to_set(f, "a b c");
    for (int i = 0; i < 300; i++) {
        assert_int_equal(limited(f, STORE_TABLE_SAMPLE, 1), 1);
        drawn[f->answer.elements[0].name.data[0] - 'a']++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_true(drawn[i] > 0);
}

static void what_is_popped_is_no_longer_there(void **state)
{
    struct fixture *f = *state;
    add_to_set(f, "a b c d e");
    assert_int_equal(limited(f, STORE_TABLE_POP, 0), 0);
    assert_int_equal(limited(f, STORE_TABLE_POP, 2), 2);
    char popped[2] = {(char)f->answer.elements[0].name.data[0], (char)f->answer.elements[1].name.data[0]};
    assert_int_not_equal(popped[0], popped[1]);
    command(f, on_set(STORE_TABLE_FETCH));
    assert_int_equal(f->answer.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_null(memchr(popped, f->answer.elements[i].name.data[0], sizeof popped));
    assert_int_equal(limited(f, STORE_TABLE_POP, STORE_NO_LIMIT), 3);
    assert_missing(f, "s");
}

static void keep_new_leaves_what_was_given_and_not_there(void **state)
{
    struct fixture *f = *state;
    struct store_command keep = on_set(STORE_TABLE_KEEP_NEW);
    keep.ttl_ms = 5;
    keep.refresh_ttl = true;
    add_to_set(f, "a b c");
    assert_int_equal(give(f, keep, "b x a y x"), STORE_OK);
    assert_set(f, "s", "x y");
    assert_ttl(f, "s", MINUTE_MS);
    assert_int_equal(give(f, keep, "y x"), STORE_OK);
    assert_missing(f, "s");
}

static enum store_status increment_field(struct fixture *f, const char *field, int64_t amount)
{
    struct store_command add = on_dictionary(STORE_TABLE_INCREMENT);
    add.amount = amount;
    return give(f, add, field);
}

static void a_field_counts_from_zero_and_is_kept_as_text(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(increment_field(f, "n", 5), STORE_OK);
    assert_int_equal(f->answer.number, 5);
    assert_int_equal(increment_field(f, "n", -12), STORE_OK);
    assert_int_equal(f->answer.number, -7);
    assert_int_equal(increment_field(f, "m", INT64_MIN), STORE_OK);
    assert_dictionary(f, "d", "m=-9223372036854775808 n=-7");
}

static void an_increment_of_a_field_that_fails_changes_nothing(void **state)
{
    struct fixture *f = *state;
    put_fields(f, "word=1x empty= high=9223372036854775807 low=-9223372036854775808 "
                  "past=9223372036854775808");
    assert_int_equal(increment_field(f, "word", 1), STORE_NOT_INTEGER);
    assert_int_equal(increment_field(f, "empty", 1), STORE_NOT_INTEGER);
    assert_int_equal(increment_field(f, "past", 1), STORE_NOT_INTEGER);
    assert_int_equal(increment_field(f, "high", 1), STORE_OVERFLOW);
    assert_int_equal(increment_field(f, "low", -1), STORE_OVERFLOW);
    struct store_command refreshing = on_dictionary(STORE_TABLE_INCREMENT);
    refreshing.refresh_ttl = true;
    refreshing.ttl_ms = 5;
    refreshing.amount = 1;
    assert_int_equal(give(f, refreshing, "word"), STORE_NOT_INTEGER);
    assert_ttl(f, "d", MINUTE_MS);
    assert_dictionary(f, "d",
                      "empty= high=9223372036854775807 low=-9223372036854775808 "
                      "past=9223372036854775808 word=1x");
}

static void a_field_may_outgrow_its_value(void **state)
{
    static uint8_t bytes[300000];
    static const size_t sizes[] = {10, 3000, 100, 300000, 65536, 65535, 256, 255, 0};
    struct fixture *f = *state;
    put_fields(f, "a=1 z=26");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(bytes, (int)('a' + i), sizeof bytes);
        struct store_element field = {.name = bytes_of("large"), .value = bytes_make(bytes, sizes[i])};
        struct store_command put = on_dictionary(STORE_TABLE_PUT);
        put.elements = &field;
        put.count = 1;
        assert_int_equal(command(f, put), STORE_OK);
        put.kind = STORE_TABLE_GET;
        assert_int_equal(command(f, put), STORE_OK);
        assert_true(bytes_equal(f->answer.elements[0].value, field.value));
        give(f, on_dictionary(STORE_TABLE_GET), "z a");
        assert_answer(f, SPELL_POSITIONAL | SPELL_VALUES, "z=26 a=1");
    }
}

static const struct CMUnitTest promises[] = {
    cmocka_unit_test(fields_are_added_and_replaced),
    cmocka_unit_test(the_last_of_duplicate_fields_wins),
    cmocka_unit_test(fields_are_answered_in_the_order_asked_with_duplicates),
    cmocka_unit_test(names_and_values_may_be_any_bytes),
    cmocka_unit_test(removing_names_that_are_not_there_is_ok),
    cmocka_unit_test(a_sample_is_of_different_elements_and_takes_nothing_out),
    cmocka_unit_test(a_sample_of_many_repeats_none),
    cmocka_unit_test(a_sample_is_now_this_and_now_that),
    cmocka_unit_test(what_is_popped_is_no_longer_there),
    cmocka_unit_test(keep_new_leaves_what_was_given_and_not_there),
    cmocka_unit_test(a_field_counts_from_zero_and_is_kept_as_text),
    cmocka_unit_test(an_increment_of_a_field_that_fails_changes_nothing),
    cmocka_unit_test(a_field_may_outgrow_its_value),
};

const struct behaviour_chapter behaviour_tables = {promises, sizeof promises / sizeof *promises, false};
