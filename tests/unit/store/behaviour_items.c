/* What items promise whatever their type: keys, types, TTLs, conditions, ends; and what a collection shares with
 * every other. */
#include "store/behaviour_chapters.h"

#include <math.h>

/* A way to make a collection of each type, of one element, and what removes that element again. */
struct sort {
    enum store_type type;
    enum store_command_kind add;
    enum store_command_kind remove;
};

static const struct sort sorts[] = {
    {STORE_DICTIONARY, STORE_TABLE_PUT, STORE_TABLE_REMOVE},
    {STORE_SET, STORE_TABLE_PUT, STORE_TABLE_REMOVE},
    {STORE_LIST, STORE_LIST_PUSH, STORE_LIST_REMOVE},
    {STORE_SORTED_SET, STORE_SORTED_PUT, STORE_SORTED_REMOVE},
};

#define SORTS (sizeof sorts / sizeof *sorts)

static enum store_status add_for(struct fixture *f, const struct sort *sort, const char *element,
                                 uint64_t ttl_ms, bool refresh_ttl)
{
    struct store_command add = command_on(sort->add, sort->type, "key");
    add.ttl_ms = ttl_ms;
    add.refresh_ttl = refresh_ttl;
    return give(f, add, element);
}

static enum store_status length(struct fixture *f, enum store_type type, const char *key)
{
    return command(f, command_on(STORE_LENGTH, type, key));
}

static void an_item_is_of_the_type_that_it_was_made(void **state)
{
    struct fixture *f = *state;
    set(f, bytes_of("key"), bytes_of("value"));
    assert_int_equal(item_type_of(f, bytes_of("key")), STORE_OK);
    assert_int_equal(f->answer.type, STORE_SCALAR);
    for (size_t i = 0; i < SORTS; i++) {
        erase(f, bytes_of("key"));
        assert_int_equal(add_for(f, &sorts[i], "a", MINUTE_MS, false), STORE_OK);
        assert_int_equal(item_type_of(f, bytes_of("key")), STORE_OK);
        assert_int_equal(f->answer.type, sorts[i].type);
    }
}

static void a_collection_takes_the_ttl_of_the_command_that_made_it(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", 500, false);
        assert_ttl(f, "key", 500);
        add_for(f, &sorts[i], "b", 900, false);
        assert_ttl(f, "key", 500);
        add_for(f, &sorts[i], "c", 900, true);
        assert_ttl(f, "key", 900);
        add_for(f, &sorts[i], "d", 20, true);
        assert_ttl(f, "key", 20);
        erase(f, bytes_of("key"));
    }
}

static void adding_no_elements_makes_no_collection_and_refreshes_the_ttl_if_asked(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        struct store_command none = command_on(sorts[i].add, sorts[i].type, "key");
        none.ttl_ms = 900;
        assert_int_equal(command(f, none), STORE_OK);
        assert_missing(f, "key");
        add_for(f, &sorts[i], "a", 500, false);
        assert_int_equal(command(f, none), STORE_OK);
        assert_ttl(f, "key", 500);
        none.refresh_ttl = true;
        assert_int_equal(command(f, none), STORE_OK);
        assert_ttl(f, "key", 900);
        length(f, sorts[i].type, "key");
        assert_int_equal(f->answer.number, 1);
        set(f, bytes_of("key"), bytes_of("value"));
        assert_int_equal(command(f, none), STORE_WRONG_TYPE);
        erase(f, bytes_of("key"));
    }
}

static void a_collection_is_gone_with_its_last_millisecond(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", 100, false);
        f->now_ms += 99;
        assert_int_equal(length(f, sorts[i].type, "key"), STORE_OK);
        f->now_ms += 1;
        assert_int_equal(length(f, sorts[i].type, "key"), STORE_MISSING);
        add_for(f, &sorts[i], "b", 100, false);
        length(f, sorts[i].type, "key");
        assert_int_equal(f->answer.number, 1);
        erase(f, bytes_of("key"));
    }
}

static void ttls_of_collections_can_be_updated(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", 100, false);
        assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_INCREASE, 100), STORE_REFUSED);
        assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_INCREASE, 300), STORE_OK);
        assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_DECREASE, 300), STORE_REFUSED);
        assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_DECREASE, 200), STORE_OK);
        assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_OVERWRITE, 250), STORE_OK);
        assert_ttl(f, "key", 250);
        erase(f, bytes_of("key"));
    }
}

static void a_collection_that_loses_its_last_element_is_gone(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", MINUTE_MS, false);
        assert_int_equal(give(f, command_on(sorts[i].remove, sorts[i].type, "key"), "a"), STORE_OK);
        assert_missing(f, "key");
        assert_int_equal(length(f, sorts[i].type, "key"), STORE_MISSING);
    }
}

static void a_cleared_collection_is_gone_and_cleared_once(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", MINUTE_MS, false);
        assert_int_equal(command(f, command_on(STORE_CLEAR, sorts[i].type, "key")), STORE_OK);
        assert_missing(f, "key");
        assert_int_equal(command(f, command_on(STORE_CLEAR, sorts[i].type, "key")), STORE_MISSING);
    }
}

/* Every kind of command that is for collections of this type. */
static bool is_for(enum store_command_kind kind, enum store_type type)
{
    if (kind <= STORE_CLEAR)
        return true;
    if (kind <= STORE_TABLE_INCREMENT) {
        return (type == STORE_DICTIONARY && kind != STORE_TABLE_KEEP_NEW) ||
               (type == STORE_SET && kind != STORE_TABLE_INCREMENT);
    }
    if (kind <= STORE_LIST_REMOVE)
        return type == STORE_LIST;
    return type == STORE_SORTED_SET || (type == STORE_LEADERBOARD && kind != STORE_SORTED_UNION);
}

static enum store_status send_any(struct fixture *f, enum store_command_kind kind, enum store_type type)
{
    static const struct store_range range = {.count = 1};
    struct store_command any = command_on(kind, type, "key");
    any.ttl_ms = 7;
    any.refresh_ttl = true;
    any.amount = 1;
    any.ranges = &range;
    any.range_count = 1;
    return give(f, any, "a");
}

static void commands_that_create_nothing_miss_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    for (int type = STORE_DICTIONARY; type <= STORE_LEADERBOARD; type++) {
        for (int kind = 0; kind < STORE_COMMAND_KINDS; kind++) {
            bool creates = kind == STORE_TABLE_PUT || kind == STORE_TABLE_INCREMENT ||
                           kind == STORE_LIST_PUSH || kind == STORE_SORTED_PUT ||
                           kind == STORE_SORTED_INCREMENT || kind == STORE_SORTED_UNION;
            if (creates || !is_for((enum store_command_kind)kind, (enum store_type)type))
                continue;
            assert_int_equal(send_any(f, (enum store_command_kind)kind, (enum store_type)type),
                             STORE_MISSING);
            assert_missing(f, "key");
        }
    }
}

static void every_command_on_a_key_of_another_type_is_refused(struct fixture *f, enum store_type held)
{
    for (int type = STORE_DICTIONARY; type <= STORE_SORTED_SET; type++) {
        for (int kind = 0; kind < STORE_COMMAND_KINDS; kind++) {
            if (type == (int)held || !is_for((enum store_command_kind)kind, (enum store_type)type))
                continue;
            assert_int_equal(send_any(f, (enum store_command_kind)kind, (enum store_type)type),
                             STORE_WRONG_TYPE);
            assert_ttl(f, "key", MINUTE_MS);
        }
    }
}

static void a_command_for_another_type_changes_nothing(void **state)
{
    struct fixture *f = *state;
    set(f, bytes_of("key"), bytes_of("1"));
    every_command_on_a_key_of_another_type_is_refused(f, STORE_SCALAR);
    assert_value(f, bytes_of("key"), bytes_of("1"));
    for (size_t i = 0; i < SORTS; i++) {
        erase(f, bytes_of("key"));
        add_for(f, &sorts[i], "a:0", MINUTE_MS, false);
        every_command_on_a_key_of_another_type_is_refused(f, sorts[i].type);
        assert_int_equal(get(f, bytes_of("key")), STORE_WRONG_TYPE);
        assert_int_equal(increment(f, "key", 1), STORE_WRONG_TYPE);
        length(f, sorts[i].type, "key");
        assert_int_equal(f->answer.number, 1);
    }
}

static void set_replaces_a_collection(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", MINUTE_MS, false);
        assert_int_equal(set_for(f, bytes_of("key"), bytes_of("value"), 70), STORE_OK);
        assert_value(f, bytes_of("key"), bytes_of("value"));
        assert_ttl(f, "key", 70);
        erase(f, bytes_of("key"));
    }
}

static void conditions_on_presence_hold_for_collections_and_those_on_values_do_not_apply(void **state)
{
    struct fixture *f = *state;
    struct bytes key = bytes_of("key");
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", MINUTE_MS, false);
        assert_int_equal(set_if(f, key, key, 5, STORE_IF_ABSENT, key), STORE_REFUSED);
        for (int kind = STORE_IF_EQUAL; kind <= STORE_IF_ABSENT_OR_NOT_HASH_EQUAL; kind++)
            assert_int_equal(set_if(f, key, key, 5, (enum store_condition_kind)kind, key), STORE_WRONG_TYPE);
        length(f, sorts[i].type, "key");
        assert_int_equal(f->answer.number, 1);
        assert_ttl(f, "key", MINUTE_MS);
        assert_int_equal(set_if(f, key, key, 5, STORE_IF_PRESENT, key), STORE_OK);
        assert_value(f, key, key);
        erase(f, key);
    }
}

static void a_flush_ends_collections_and_leaderboards(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SORTS; i++) {
        add_for(f, &sorts[i], "a", MINUTE_MS, false);
        give(f, command_on(STORE_SORTED_PUT, STORE_LEADERBOARD, "key"), "a:1");
        assert_int_equal(flush(f, "cache"), STORE_OK);
        assert_missing(f, "key");
        assert_int_equal(length(f, STORE_LEADERBOARD, "key"), STORE_MISSING);
    }
}

static void every_command_through_an_old_handle_answers_no_cache(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(drop(f, "cache"), STORE_OK);
    assert_int_equal(create(f, "cache"), STORE_OK);
    for (int type = STORE_DICTIONARY; type <= STORE_LEADERBOARD; type++) {
        for (int kind = 0; kind < STORE_COMMAND_KINDS; kind++) {
            if (is_for((enum store_command_kind)kind, (enum store_type)type))
                assert_int_equal(send_any(f, (enum store_command_kind)kind, (enum store_type)type),
                                 STORE_NO_CACHE);
        }
    }
}

static void increments_set_the_ttl_and_count_from_zero(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(increment_for(f, bytes_of("n"), -3, 100), STORE_OK);
    assert_int_equal(f->answer.number, -3);
    assert_value(f, bytes_of("n"), bytes_of("-3"));
    assert_int_equal(increment_for(f, bytes_of("n"), 10, 50), STORE_OK);
    assert_int_equal(f->answer.number, 7);
    assert_ttl(f, "n", 50);
}

static void an_increment_that_fails_changes_nothing(void **state)
{
    static const char *const texts[] = {"",    "-",   "1x",  " 1",  "1.5", "9223372036854775808",
                                        "x12", "abc", "0x1", "1 2", "--1", "-9223372036854775809"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        set_for(f, bytes_of("n"), bytes_of(texts[i]), 100);
        assert_int_equal(increment_for(f, bytes_of("n"), 1, 500), STORE_NOT_INTEGER);
        assert_value(f, bytes_of("n"), bytes_of(texts[i]));
        assert_ttl(f, "n", 100);
    }
    set_for(f, bytes_of("n"), bytes_of("9223372036854775807"), 100);
    assert_int_equal(increment_for(f, bytes_of("n"), 1, 500), STORE_OVERFLOW);
    assert_int_equal(increment_for(f, bytes_of("n"), INT64_MIN, 100), STORE_OK);
    assert_int_equal(f->answer.number, -1);
    assert_int_equal(increment_for(f, bytes_of("n"), INT64_MIN, 500), STORE_OVERFLOW);
    assert_value(f, bytes_of("n"), bytes_of("-1"));
    assert_ttl(f, "n", 100);
}

static const struct CMUnitTest promises[] = {
    cmocka_unit_test(an_item_is_of_the_type_that_it_was_made),
    cmocka_unit_test(a_collection_takes_the_ttl_of_the_command_that_made_it),
    cmocka_unit_test(adding_no_elements_makes_no_collection_and_refreshes_the_ttl_if_asked),
    cmocka_unit_test(a_collection_is_gone_with_its_last_millisecond),
    cmocka_unit_test(ttls_of_collections_can_be_updated),
    cmocka_unit_test(a_collection_that_loses_its_last_element_is_gone),
    cmocka_unit_test(a_cleared_collection_is_gone_and_cleared_once),
    cmocka_unit_test(commands_that_create_nothing_miss_what_is_not_there),
    cmocka_unit_test(a_command_for_another_type_changes_nothing),
    cmocka_unit_test(set_replaces_a_collection),
    cmocka_unit_test(conditions_on_presence_hold_for_collections_and_those_on_values_do_not_apply),
    cmocka_unit_test(a_flush_ends_collections_and_leaderboards),
    cmocka_unit_test(every_command_through_an_old_handle_answers_no_cache),
    cmocka_unit_test(increments_set_the_ttl_and_count_from_zero),
    cmocka_unit_test(an_increment_that_fails_changes_nothing),
};

const struct behaviour_chapter behaviour_items = {promises, sizeof promises / sizeof *promises, false};
