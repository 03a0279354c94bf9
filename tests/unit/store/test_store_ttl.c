/* What TTLs promise, on a clock that the test turns. */
#include "store/store_fixture.h"

static void assert_ttl(struct fixture *f, const char *key, uint64_t ttl_ms)
{
    assert_int_equal(item_ttl_of(f, bytes_of(key)), STORE_OK);
    assert_int_equal(f->answer.ttl_ms, ttl_ms);
}

static void an_item_lives_until_its_last_millisecond(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of("value"), 100);
    f->now_ms += 99;
    assert_value(f, bytes_of("key"), bytes_of("value"));
    assert_ttl(f, "key", 1);
    f->now_ms += 1;
    assert_int_equal(get(f, bytes_of("key")), STORE_MISSING);
}

static void an_expired_item_is_missing_to_every_operation(void **state)
{
    struct fixture *f = *state;
    static enum store_status (*const operations[])(struct fixture *, struct bytes) = {get, erase, item_ttl_of,
                                                                                      item_type_of};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        set_for(f, bytes_of("key"), bytes_of("value"), 10);
        f->now_ms += 10;
        assert_int_equal(operations[i](f, bytes_of("key")), STORE_MISSING);
    }
    set_for(f, bytes_of("key"), bytes_of("value"), 10);
    f->now_ms += 10;
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_OVERWRITE, 10), STORE_MISSING);
    assert_int_equal(stats_of(f).items, 0);
    assert_int_equal(stats_of(f).expirations, 5);
}

static void increment_of_an_expired_number_starts_at_zero(void **state)
{
    struct fixture *f = *state;
    increment_for(f, bytes_of("n"), 5, 10);
    f->now_ms += 10;
    assert_int_equal(increment_for(f, bytes_of("n"), 2, 10), STORE_OK);
    assert_int_equal(f->answer.number, 2);
}

static void set_and_increment_set_the_ttl_anew(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of("1"), 1000);
    set_for(f, bytes_of("key"), bytes_of("2"), 30);
    assert_ttl(f, "key", 30);
    increment_for(f, bytes_of("key"), 1, 700);
    assert_ttl(f, "key", 700);
    increment_for(f, bytes_of("key"), 100, 20);
    assert_ttl(f, "key", 20);
}

static void update_ttl_follows_its_mode(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of("value"), 100);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_INCREASE, 100), STORE_REFUSED);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_INCREASE, 99), STORE_REFUSED);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_DECREASE, 100), STORE_REFUSED);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_DECREASE, 101), STORE_REFUSED);
    assert_ttl(f, "key", 100);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_INCREASE, 101), STORE_OK);
    assert_ttl(f, "key", 101);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_DECREASE, 50), STORE_OK);
    assert_ttl(f, "key", 50);
    assert_int_equal(update_ttl(f, bytes_of("key"), STORE_TTL_OVERWRITE, 500), STORE_OK);
    assert_ttl(f, "key", 500);
    assert_int_equal(update_ttl(f, bytes_of("nobody"), STORE_TTL_OVERWRITE, 500), STORE_MISSING);
    assert_value(f, bytes_of("key"), bytes_of("value"));
}

static void the_longest_ttl_does_not_wrap_around(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of("value"), UINT64_MAX);
    f->now_ms = ((int64_t)1 << 40) - 2;
    assert_value(f, bytes_of("key"), bytes_of("value"));
}

/* Active expiry: what nobody asks for. */
static void maintenance_drops_what_has_expired_and_returns_its_memory(void **state)
{
    struct fixture *f = *state;
    uint64_t empty_bytes = stats_of(f).bytes_used;
    uint64_t items = scaled(100000);
    for (uint64_t i = 0; i < items; i++)
        set_for(f, bytes_make(&i, sizeof i), bytes_of("some value that takes room"), 100 + i % 3 * 1000);
    uint64_t full_bytes = stats_of(f).bytes_used;

    maintain_fully(f);
    assert_int_equal(stats_of(f).items, items);
    f->now_ms += 100;
    maintain_fully(f);
    assert_int_equal(stats_of(f).items, items - (items + 2) / 3);
    f->now_ms += 2000;
    maintain_fully(f);
    assert_int_equal(stats_of(f).items, 0);
    assert_int_equal(stats_of(f).expirations, items);
    assert_true(stats_of(f).bytes_used < empty_bytes + (full_bytes - empty_bytes) / 5);
}

static void maintenance_keeps_what_was_given_more_time(void **state)
{
    struct fixture *f = *state;
    uint64_t items = scaled(10000);
    for (uint64_t i = 0; i < items; i++)
        set_for(f, bytes_make(&i, sizeof i), bytes_of("value"), 100);
    for (uint64_t i = 0; i < items; i += 2)
        update_ttl(f, bytes_make(&i, sizeof i), STORE_TTL_INCREASE, 1000);
    f->now_ms += 500;
    maintain_fully(f);
    for (uint64_t i = 0; i < items; i++)
        assert_int_equal(get(f, bytes_make(&i, sizeof i)), i % 2 == 0 ? STORE_OK : STORE_MISSING);
}

static void maintenance_notices_a_ttl_that_was_cut_short(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of("value"), 1000000);
    maintain_fully(f);
    update_ttl(f, bytes_of("key"), STORE_TTL_DECREASE, 10);
    f->now_ms += 10;
    maintain_fully(f);
    assert_int_equal(stats_of(f).items, 0);
}

static void idle_maintenance_has_nothing_to_do(void **state)
{
    struct fixture *f = *state;
    set(f, bytes_of("key"), bytes_of("value"));
    maintain_fully(f);
    assert_false(store_maintain(f->store, f->now_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(an_item_lives_until_its_last_millisecond),
        PROMISE(an_expired_item_is_missing_to_every_operation),
        PROMISE(increment_of_an_expired_number_starts_at_zero),
        PROMISE(set_and_increment_set_the_ttl_anew),
        PROMISE(update_ttl_follows_its_mode),
        PROMISE(the_longest_ttl_does_not_wrap_around),
        PROMISE(maintenance_drops_what_has_expired_and_returns_its_memory),
        PROMISE(maintenance_keeps_what_was_given_more_time),
        PROMISE(maintenance_notices_a_ttl_that_was_cut_short),
        PROMISE(idle_maintenance_has_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
