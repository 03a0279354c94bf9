/* What caches promise: they are apart from each other, and end at once. */
#include "store/store_fixture.h"

static void a_cache_is_created_once(void **state)
{
    assert_int_equal(create(*state, "one"), STORE_OK);
    assert_int_equal(create(*state, "one"), STORE_EXISTS);
    assert_int_equal(stats_of(*state).caches, 2);
}

static void what_was_never_created_is_no_cache(void **state)
{
    struct fixture *f = *state;
    assert_null(store_cache_take(f->store, bytes_of("nobody")));
    assert_int_equal(drop(f, "nobody"), STORE_NO_CACHE);
    assert_int_equal(flush(f, "nobody"), STORE_NO_CACHE);
}

static void join_name(void *context, struct bytes name)
{
    char *joined = context;
    strncat(joined, (const char *)name.data, name.size);
    strncat(joined, " ", 2);
}

static void caches_are_listed_in_byte_order(void **state)
{
    struct fixture *f = *state;
    char joined[64] = "";
    create(f, "b");
    create(f, "aa");
    create(f, "a");
    create(f, "\xc3\xa4");
    drop(f, "aa");
    store_cache_each(f->store, join_name, joined);
    assert_string_equal(joined, "a b cache \xc3\xa4 ");
}

static void equal_keys_of_two_caches_are_two_items(void **state)
{
    struct fixture *f = *state;
    struct store_cache *first = f->cache;
    create(f, "second");
    set(f, bytes_of("key"), bytes_of("first"));
    f->cache = store_cache_take(f->store, bytes_of("second"));
    assert_int_equal(get(f, bytes_of("key")), STORE_MISSING);
    set(f, bytes_of("key"), bytes_of("second"));
    assert_value(f, bytes_of("key"), bytes_of("second"));
    store_cache_release(f->store, f->cache);
    f->cache = first;
    assert_value(f, bytes_of("key"), bytes_of("first"));
}

/* Every operation through a handle on a cache that is gone. */
static void assert_no_cache(struct fixture *f)
{
    struct bytes key = bytes_of("key");
    assert_int_equal(get(f, key), STORE_NO_CACHE);
    assert_int_equal(set(f, key, key), STORE_NO_CACHE);
    assert_int_equal(erase(f, key), STORE_NO_CACHE);
    assert_int_equal(increment(f, "key", 1), STORE_NO_CACHE);
    assert_int_equal(item_ttl_of(f, key), STORE_NO_CACHE);
    assert_int_equal(item_type_of(f, key), STORE_NO_CACHE);
    assert_int_equal(update_ttl(f, key, STORE_TTL_OVERWRITE, 1), STORE_NO_CACHE);
}

static void an_old_handle_stays_without_a_cache_when_the_name_is_created_again(void **state)
{
    struct fixture *f = *state;
    set(f, bytes_of("key"), bytes_of("value"));
    assert_int_equal(drop(f, "cache"), STORE_OK);
    assert_no_cache(f);
    assert_int_equal(create(f, "cache"), STORE_OK);
    assert_no_cache(f);

    struct store_cache *old = f->cache;
    f->cache = store_cache_take(f->store, bytes_of("cache"));
    assert_int_equal(get(f, bytes_of("key")), STORE_MISSING);
    set(f, bytes_of("key"), bytes_of("new"));
    assert_value(f, bytes_of("key"), bytes_of("new"));
    store_cache_release(f->store, old);
}

static void fill(struct fixture *f, uint64_t items)
{
    for (uint64_t i = 0; i < items; i++)
        assert_int_equal(
            set(f, bytes_make(&i, sizeof i), bytes_of("a value of some forty bytes, more or less")),
            STORE_OK);
}

static void a_flush_hides_every_item_at_once_and_maintenance_returns_the_memory(void **state)
{
    struct fixture *f = *state;
    uint64_t empty_bytes = stats_of(f).bytes_used;
    uint64_t items = scaled(100000);
    fill(f, items);
    uint64_t full_bytes = stats_of(f).bytes_used;
    assert_int_equal(flush(f, "cache"), STORE_OK);
    for (uint64_t i = 0; i < items; i++)
        assert_int_equal(get(f, bytes_make(&i, sizeof i)), STORE_MISSING);
    set(f, bytes_of("after"), bytes_of("the flush"));

    maintain_fully(f);
    assert_int_equal(stats_of(f).items, 1);
    assert_true(stats_of(f).bytes_used < empty_bytes + (full_bytes - empty_bytes) / 5);
    assert_value(f, bytes_of("after"), bytes_of("the flush"));
    assert_int_equal(stats_of(f).evictions, 0);
}

static void a_flush_leaves_other_caches_alone(void **state)
{
    struct fixture *f = *state;
    struct store_cache *first = f->cache;
    uint64_t items = scaled(20000);
    create(f, "second");
    fill(f, items);
    f->cache = store_cache_take(f->store, bytes_of("second"));
    fill(f, items);
    flush(f, "cache");
    maintain_fully(f);
    assert_int_equal(stats_of(f).items, items);
    for (uint64_t i = 0; i < items; i++)
        assert_int_equal(get(f, bytes_make(&i, sizeof i)), STORE_OK);
    drop(f, "second");
    maintain_fully(f);
    assert_int_equal(stats_of(f).items, 0);
    store_cache_release(f->store, f->cache);
    f->cache = first;
}

static void a_thousand_caches_keep_their_own_items(void **state)
{
    struct fixture *f = *state;
    struct store_cache *first = f->cache;
    char name[16];
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "cache %d", i * 7919 % 1000);
            if (turn == 0)
                assert_int_equal(create(f, name), STORE_OK);
            f->cache = store_cache_take(f->store, bytes_of(name));
            if (turn == 0)
                set(f, bytes_of("key"), bytes_of(name));
            else if (turn == 1)
                assert_value(f, bytes_of("key"), bytes_of(name));
            else
                assert_int_equal(drop(f, name), STORE_OK);
            store_cache_release(f->store, f->cache);
        }
    }
    f->cache = first;
    assert_int_equal(stats_of(f).caches, 1);
    maintain_fully(f);
    assert_int_equal(stats_of(f).items, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(a_cache_is_created_once),
        PROMISE(what_was_never_created_is_no_cache),
        PROMISE(caches_are_listed_in_byte_order),
        PROMISE(equal_keys_of_two_caches_are_two_items),
        PROMISE(an_old_handle_stays_without_a_cache_when_the_name_is_created_again),
        PROMISE(a_flush_hides_every_item_at_once_and_maintenance_returns_the_memory),
        PROMISE(a_flush_leaves_other_caches_alone),
        PROMISE(a_thousand_caches_keep_their_own_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
