/* What single items promise: every operation, every status, keys and values of every shape. */
#include "store/store_fixture.h"

static void get_of_a_key_never_set_is_missing(void **state)
{
    assert_int_equal(get(*state, bytes_of("nobody")), STORE_MISSING);
}

static void get_answers_what_was_set(void **state)
{
    assert_int_equal(set(*state, bytes_of("key"), bytes_of("value")), STORE_OK);
    assert_value(*state, bytes_of("key"), bytes_of("value"));
}

static void set_replaces_a_value_by_one_of_any_size(void **state)
{
    const char *values[] = {"first", "other", "a longer one", "", "short"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(set(*state, bytes_of("key"), bytes_of(values[i])), STORE_OK);
        assert_value(*state, bytes_of("key"), bytes_of(values[i]));
        assert_int_equal(stats_of(*state).items, 1);
    }
}

static void keys_and_values_may_be_any_bytes(void **state)
{
    static const uint8_t first[] = {0, 1, 0, 0xff, 0};
    static const uint8_t second[] = {0, 1, 0, 0xff};
    set(*state, bytes_make(first, sizeof first), bytes_make(second, sizeof second));
    set(*state, bytes_make(second, sizeof second), bytes_make(first, sizeof first));
    assert_value(*state, bytes_make(first, sizeof first), bytes_make(second, sizeof second));
    assert_value(*state, bytes_make(second, sizeof second), bytes_make(first, sizeof first));
}

static void empty_keys_and_values_are_like_others(void **state)
{
    assert_int_equal(set(*state, bytes_make(NULL, 0), bytes_make(NULL, 0)), STORE_OK);
    assert_value(*state, bytes_make(NULL, 0), bytes_make(NULL, 0));
    assert_int_equal(erase(*state, bytes_make(NULL, 0)), STORE_OK);
    assert_int_equal(get(*state, bytes_make(NULL, 0)), STORE_MISSING);
}

static uint8_t *make_pattern(size_t size, uint8_t first)
{
    uint8_t *pattern = malloc(size + 1);
    assert_non_null(pattern);
    for (size_t i = 0; i < size; i++)
        pattern[i] = (uint8_t)(first + i * 31 + i / 251);
    return pattern;
}

static void items_of_every_size_class_come_back_whole(void **state)
{
    static const size_t sizes[] = {255, 256, 16000, 16400, 65535, 65536, 70000, 300000, 1 << 20, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *value = make_pattern(sizes[i], (uint8_t)i);
        assert_int_equal(set(*state, bytes_make(&i, sizeof i), bytes_make(value, sizes[i])), STORE_OK);
        free(value);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *value = make_pattern(sizes[i], (uint8_t)i);
        assert_value(*state, bytes_make(&i, sizeof i), bytes_make(value, sizes[i]));
        free(value);
    }
}

static void keys_of_seventy_kilobytes_are_told_apart_by_their_last_byte(void **state)
{
    size_t size = 70000;
    uint8_t *key = make_pattern(size, 1);
    assert_int_equal(set(*state, bytes_make(key, size), bytes_of("one")), STORE_OK);
    key[size - 1] ^= 1;
    assert_int_equal(get(*state, bytes_make(key, size)), STORE_MISSING);
    assert_int_equal(set(*state, bytes_make(key, size), bytes_of("two")), STORE_OK);
    key[size - 1] ^= 1;
    assert_value(*state, bytes_make(key, size), bytes_of("one"));
    free(key);
}

static void five_megabytes_fit_the_smallest_store(void **state)
{
    (void)state;
    struct fixture *f = fixture_open(STORE_MEMORY_LIMIT_MIN_BYTES);
    size_t size = 5 << 20;
    uint8_t *value = make_pattern(size, 3);
    for (int key = 0; key < 10; key++) {
        assert_int_equal(set(f, bytes_make(&key, sizeof key), bytes_make(value, size)), STORE_OK);
        assert_value(f, bytes_make(&key, sizeof key), bytes_make(value, size));
        assert_true(stats_of(f).bytes_used <= STORE_MEMORY_LIMIT_MIN_BYTES);
    }
    free(value);
    fixture_close(f);
}

static void an_item_above_the_item_limit_is_refused_and_changes_nothing(void **state)
{
    size_t size = STORE_ITEM_LIMIT_BYTES;
    uint8_t *value = make_pattern(size, 5);
    set(*state, bytes_of("k"), bytes_of("kept"));
    assert_int_equal(set(*state, bytes_of("k"), bytes_make(value, size)), STORE_NO_MEMORY);
    assert_value(*state, bytes_of("k"), bytes_of("kept"));
    assert_int_equal(set(*state, bytes_of("k"), bytes_make(value, size - 1)), STORE_OK);
    assert_value(*state, bytes_of("k"), bytes_make(value, size - 1));
    free(value);
}

static void delete_removes_once(void **state)
{
    set(*state, bytes_of("key"), bytes_of("value"));
    assert_int_equal(erase(*state, bytes_of("key")), STORE_OK);
    assert_int_equal(erase(*state, bytes_of("key")), STORE_MISSING);
    assert_int_equal(get(*state, bytes_of("key")), STORE_MISSING);
    assert_int_equal(stats_of(*state).items, 0);
}

static void item_type_tells_scalars_and_what_is_missing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(item_type_of(f, bytes_of("key")), STORE_MISSING);
    set(f, bytes_of("key"), bytes_of("value"));
    assert_int_equal(item_type_of(f, bytes_of("key")), STORE_OK);
    assert_int_equal(f->answer.type, STORE_SCALAR);
}

static void increment_of_a_missing_key_starts_at_zero(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(increment(f, "n", -5), STORE_OK);
    assert_int_equal(f->answer.number, -5);
    assert_value(f, bytes_of("n"), bytes_of("-5"));
}

static void increment_keeps_decimal_text(void **state)
{
    struct fixture *f = *state;
    set(f, bytes_of("n"), bytes_of("99"));
    assert_int_equal(increment(f, "n", 1), STORE_OK);
    assert_int_equal(f->answer.number, 100);
    assert_value(f, bytes_of("n"), bytes_of("100"));
    assert_int_equal(increment(f, "n", -100), STORE_OK);
    assert_value(f, bytes_of("n"), bytes_of("0"));
}

static void increment_reads_all_that_is_a_64_bit_integer(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"007", 7},
        {"-42", -42},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set(f, bytes_of("n"), bytes_of(cases[i].text));
        assert_int_equal(increment(f, "n", 0), STORE_OK);
        assert_true(f->answer.number == cases[i].number);
    }
}

static void increment_of_what_is_no_integer_changes_nothing(void **state)
{
    static const char *texts[] = {"",
                                  "-",
                                  "+1",
                                  " 1",
                                  "1 ",
                                  "1.5",
                                  "abc",
                                  "0x",
                                  "--1",
                                  "1-1",
                                  "9223372036854775808",
                                  "-9223372036854775809",
                                  "99999999999999999999",
                                  "000000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        set(*state, bytes_of("n"), bytes_of(texts[i]));
        assert_int_equal(increment(*state, "n", 1), STORE_NOT_INTEGER);
        assert_value(*state, bytes_of("n"), bytes_of(texts[i]));
    }
}

static void increment_past_the_range_changes_nothing(void **state)
{
    set(*state, bytes_of("n"), bytes_of("9223372036854775807"));
    assert_int_equal(increment(*state, "n", 1), STORE_OVERFLOW);
    assert_value(*state, bytes_of("n"), bytes_of("9223372036854775807"));
    set(*state, bytes_of("n"), bytes_of("-9223372036854775808"));
    assert_int_equal(increment(*state, "n", -1), STORE_OVERFLOW);
    assert_value(*state, bytes_of("n"), bytes_of("-9223372036854775808"));
    assert_int_equal(increment(*state, "n", INT64_MAX), STORE_OK);
    assert_value(*state, bytes_of("n"), bytes_of("-1"));
}

static void a_hundred_thousand_keys_are_all_there(void **state)
{
    uint64_t keys = scaled(100000);
    for (uint64_t i = 0; i < keys; i++)
        assert_int_equal(set(*state, bytes_make(&i, sizeof i), bytes_make(&i, i % 9)), STORE_OK);
    assert_int_equal(stats_of(*state).items, keys);
    for (uint64_t i = 0; i < keys; i++)
        assert_value(*state, bytes_make(&i, sizeof i), bytes_make(&i, i % 9));
    uint64_t full_bytes = stats_of(*state).bytes_used;
    for (uint64_t i = 0; i < keys; i += 2)
        assert_int_equal(erase(*state, bytes_make(&i, sizeof i)), STORE_OK);
    maintain_fully(*state);
    for (uint64_t i = 0; i < keys; i++)
        assert_int_equal(get(*state, bytes_make(&i, sizeof i)), i % 2 ? STORE_OK : STORE_MISSING);
    for (uint64_t i = 1; i < keys; i += 2)
        assert_int_equal(erase(*state, bytes_make(&i, sizeof i)), STORE_OK);
    maintain_fully(*state);
    assert_int_equal(stats_of(*state).items, 0);
    assert_true(stats_of(*state).bytes_used < full_bytes / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(get_of_a_key_never_set_is_missing),
        PROMISE(get_answers_what_was_set),
        PROMISE(set_replaces_a_value_by_one_of_any_size),
        PROMISE(keys_and_values_may_be_any_bytes),
        PROMISE(empty_keys_and_values_are_like_others),
        PROMISE(items_of_every_size_class_come_back_whole),
        PROMISE(keys_of_seventy_kilobytes_are_told_apart_by_their_last_byte),
        cmocka_unit_test(five_megabytes_fit_the_smallest_store),
        PROMISE(an_item_above_the_item_limit_is_refused_and_changes_nothing),
        PROMISE(delete_removes_once),
        PROMISE(item_type_tells_scalars_and_what_is_missing),
        PROMISE(increment_of_a_missing_key_starts_at_zero),
        PROMISE(increment_keeps_decimal_text),
        PROMISE(increment_reads_all_that_is_a_64_bit_integer),
        PROMISE(increment_of_what_is_no_integer_changes_nothing),
        PROMISE(increment_past_the_range_changes_nothing),
        PROMISE(a_hundred_thousand_keys_are_all_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
