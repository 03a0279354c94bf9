/* What large collections promise: whatever ends one, all its memory comes back, to the byte; the limit holds while
 * they grow; and what can never fit disturbs nobody. */
#include "store/big_collections.h"
#include "store/memory/collection.h"

#define LIMIT_BYTES ((uint64_t)256 << 20)

static const enum store_type types[] = {STORE_DICTIONARY, STORE_SET, STORE_LIST, STORE_SORTED_SET,
                                        STORE_LEADERBOARD};
#define TYPES (sizeof types / sizeof *types)

static int setup_large(void **state)
{
    *state = fixture_open(LIMIT_BYTES);
    return 0;
}

#define LARGE_PROMISE(function) cmocka_unit_test_setup_teardown(function, setup_large, teardown)

/* --- The ends that a collection may come to --- */

static void by_clearing(struct fixture *f, enum store_type type, struct bytes key)
{
    assert_int_equal(clear(f, type, key), STORE_OK);
}

/* A board has no part in what items are asked. */
static void by_deletion(struct fixture *f, enum store_type type, struct bytes key)
{
    if (type == STORE_LEADERBOARD)
        by_clearing(f, type, key);
    else
        assert_int_equal(erase(f, key), STORE_OK);
}

static void by_expiry(struct fixture *f, enum store_type type, struct bytes key)
{
    (void)type;
    (void)key;
    f->now_ms += (int64_t)MINUTE_MS;
}

static void by_flush(struct fixture *f, enum store_type type, struct bytes key)
{
    (void)type;
    (void)key;
    assert_int_equal(flush(f, "cache"), STORE_OK);
}

/* The value is of the size that the item in the log has, whose place it must not take. */
static void by_a_set(struct fixture *f, enum store_type type, struct bytes key)
{
    if (type == STORE_LEADERBOARD) {
        by_clearing(f, type, key);
        return;
    }
    assert_int_equal(set(f, key, bytes_of("12345678")), STORE_OK);
    assert_value(f, key, bytes_of("12345678"));
    assert_int_equal(erase(f, key), STORE_OK);
}

static void by_its_last_elements(struct fixture *f, enum store_type type, struct bytes key)
{
    struct store_command all = {.kind = STORE_TABLE_POP, .type = type, .key = key, .limit = STORE_NO_LIMIT};
    if (type == STORE_LIST)
        all = (struct store_command){.kind = STORE_LIST_RETAIN, .key = key};
    if (type == STORE_SET || type == STORE_LIST)
        assert_int_equal(run(f, all), STORE_OK);
    else
        by_clearing(f, type, key);
}

/* By scalars that are in use, and so large that the tables of keys need not grow. */
static void by_eviction(struct fixture *f, enum store_type type, struct bytes key)
{
    static uint8_t value[1 << 20];
    uint64_t scalars = 3 * LIMIT_BYTES / sizeof value;
    (void)type;
    (void)key;
    for (uint64_t i = 0; i < scalars; i++) {
        struct bytes name = bytes_make(&i, sizeof i);
        assert_int_equal(set(f, name, bytes_make(value, sizeof value)), STORE_OK);
        assert_int_equal(get(f, name), STORE_OK);
        assert_within_limit(f);
    }
    for (uint64_t i = 0; i < scalars; i++)
        (void)erase(f, bytes_make(&i, sizeof i));
}

static void all_memory_comes_back(struct fixture *f, uint64_t count,
                                  void (*end)(struct fixture *f, enum store_type type, struct bytes key))
{
    struct bytes key = bytes_of("big");
    uint64_t before_bytes = stats_of(f).bytes_used;
    for (size_t i = 0; i < TYPES; i++) {
        fill(f, types[i], key, count);
        assert_length(f, types[i], key, count);
        assert_int_equal(stats_of(f).items, 1);
        assert_true(stats_of(f).bytes_used > before_bytes + count * sizeof(uint64_t));
        end(f, types[i], key);
        assert_int_equal(length_of(f, types[i], key), STORE_MISSING);
        maintain_fully(f);
        assert_int_equal(stats_of(f).items, 0);
        assert_int_equal(stats_of(f).bytes_used, before_bytes);
    }
}

static void a_deleted_collection_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(1000000), by_deletion);
}

static void a_cleared_collection_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(200000), by_clearing);
}

static void an_expired_collection_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(200000), by_expiry);
}

static void a_flushed_collection_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(200000), by_flush);
}

static void a_collection_overwritten_by_a_set_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(200000), by_a_set);
}

static void an_emptied_collection_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(200000), by_its_last_elements);
}

static void an_evicted_collection_gives_all_its_memory_back(void **state)
{
    all_memory_comes_back(*state, scaled(1000000), by_eviction);
}

static void expired_and_flushed_collections_are_found_without_being_asked_for(void **state)
{
    struct fixture *f = *state;
    uint64_t before_bytes = stats_of(f).bytes_used;
    for (uint64_t key = 0; key < 300; key++)
        assert_int_equal(add(f, types[key % TYPES], bytes_make(&key, sizeof key), 0, 100), STORE_OK);
    f->now_ms += (int64_t)MINUTE_MS;
    maintain_fully(f);
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
    assert_int_equal(stats_of(f).expirations, 300);

    for (uint64_t key = 0; key < 300; key++)
        assert_int_equal(add(f, types[key % TYPES], bytes_make(&key, sizeof key), 0, 100), STORE_OK);
    flush(f, "cache");
    maintain_fully(f);
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

static void a_store_that_ends_frees_its_collections(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < TYPES; i++)
        fill(f, types[i], bytes_make(&types[i], sizeof types[i]), BATCH);
    fill(f, STORE_SET, bytes_of("buried"), 100000);
    assert_int_equal(erase(f, bytes_of("buried")), STORE_OK);
    assert_true(store_maintain(f->store, f->now_ms));
}

/* --- The limit --- */

static void the_limit_holds_while_collections_of_all_types_grow_among_scalars(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[30000];
    uint64_t before_bytes = stats_of(f).bytes_used;
    uint64_t random = 1;
    uint64_t keys = 200;
    for (uint64_t i = 0; i < scaled(60000) || (i < 60000 && stats_of(f).evictions == 0); i++) {
        uint64_t key = next_random(&random) % keys;
        struct bytes name = bytes_make(&key, sizeof key);
        enum store_status status;
        if (key % 8 >= TYPES) {
            status = set(f, name, bytes_make(value, next_random(&random) % sizeof value));
        } else {
            /* A few of them get most. */
            size_t count = key < 16 ? BATCH : next_random(&random) % 50;
            status = add(f, types[key % 8], name, next_random(&random) % 1000000, count);
        }
        assert_int_equal(status, STORE_OK);
        assert_within_limit(f);
        if (i % 4 == 0)
            (void)store_maintain(f->store, f->now_ms);
    }
    assert_true(stats_of(f).evictions > 0);
    for (uint64_t key = 0; key < keys; key++) {
        (void)erase(f, bytes_make(&key, sizeof key));
        (void)clear(f, STORE_LEADERBOARD, bytes_make(&key, sizeof key));
    }
    maintain_fully(f);
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

static void a_list_grows_to_the_limit_and_is_then_refused(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[10000];
    struct store_element element = {.name = bytes_make(value, sizeof value)};
    struct store_command push = adding(STORE_LIST, bytes_of("list"), MINUTE_MS, &element, 1);
    uint64_t limit_bytes = stats_of(f).bytes_limit;
    uint64_t length = 0;
    while (run(f, push) == STORE_OK) {
        assert_int_equal(f->answer.number, ++length);
        assert_within_limit(f);
    }
    assert_int_equal(f->answer.status, STORE_NO_MEMORY);
    assert_true(length * sizeof value > limit_bytes / 4 * 3);
    assert_length(f, STORE_LIST, bytes_of("list"), length);

    /* Others are not refused, so it goes once nobody uses it. */
    set_scalars(f, 0, limit_bytes / 1000, false);
    assert_int_equal(length_of(f, STORE_LIST, bytes_of("list")), STORE_MISSING);
    assert_int_equal(run(f, push), STORE_OK);
}

static void a_collection_longer_than_can_be_counted_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_element element = {.name = bytes_of("a")};
    for (size_t i = 0; i < TYPES; i++) {
        struct store_command many =
            adding(types[i], bytes_of("key"), MINUTE_MS, &element, (size_t)UINT32_MAX + 1);
        assert_int_equal(run(f, many), STORE_NO_MEMORY);
        assert_int_equal(length_of(f, types[i], bytes_of("key")), STORE_MISSING);
        assert_int_equal(add(f, types[i], bytes_of("key"), 0, 1), STORE_OK);
        many.count = UINT32_MAX;
        assert_int_equal(run(f, many), STORE_NO_MEMORY);
        assert_length(f, types[i], bytes_of("key"), 1);
        assert_int_equal(clear(f, types[i], bytes_of("key")), STORE_OK);
    }
    assert_int_equal(stats_of(f).evictions, 0);
}

static void many_small_collections_make_room_for_each_other(void **state)
{
    struct fixture *f = *state;
    uint64_t keys = scaled(1000000);
    for (uint64_t key = 0; key < keys; key++) {
        assert_int_equal(add(f, types[key % TYPES], bytes_make(&key, sizeof key), 0, 4), STORE_OK);
        if (key % 100 == 0)
            assert_within_limit(f);
    }
    assert_true(SANITIZED || stats_of(f).evictions > 0);
    assert_within_limit(f);
    uint64_t last = keys - 1;
    assert_length(f, types[last % TYPES], bytes_make(&last, sizeof last), 4);
}

/* A collection weighs as much as it holds, and not as its item in the log does: else a queue would seem nearly empty
 * with a giant in it, and be left alone. */
static void a_giant_that_nobody_uses_goes_before_scalars_in_use(void **state)
{
    struct fixture *f = *state;
    static uint8_t name[1 << 20];
    struct store_element elements[20];
    for (size_t i = 0; i < 20; i++)
        elements[i] = (struct store_element){.name = bytes_make(name, sizeof name - i)};
    set_scalars(f, 0, 50000, true);
    set_scalars(f, 1000000, 20000, false);
    assert_int_equal(run(f, adding(STORE_SET, bytes_of("giant"), MINUTE_MS, elements, 20)), STORE_OK);
    assert_int_equal(item_type_of(f, bytes_of("giant")), STORE_OK);

    uint64_t in_use = count_scalars(f, 0, 50000);
    assert_true(in_use > 20000);
    set_scalars(f, 2000000, 10000, false);
    assert_int_equal(item_type_of(f, bytes_of("giant")), STORE_MISSING);
    assert_true(count_scalars(f, 0, 50000) > in_use / 100 * 99);
}

/* And so does the shard that it is in: room is made there, and not where there are only small things. */
static void a_giant_is_evicted_rather_than_what_other_shards_hold(void **state)
{
    struct fixture *f = *state;
    static uint8_t name[1 << 20];
    struct store_element elements[35];
    for (size_t i = 0; i < 35; i++)
        elements[i] = (struct store_element){.name = bytes_make(name, sizeof name - i)};
    assert_int_equal(run(f, adding(STORE_SET, bytes_of("giant"), MINUTE_MS, elements, 35)), STORE_OK);
    set_scalars(f, 0, 40000, false);
    assert_int_equal(item_type_of(f, bytes_of("giant")), STORE_MISSING);
    assert_true(count_scalars(f, 0, 40000) > 39900);
}

static void a_command_that_can_never_fit_throws_nothing_out(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[1 << 20];
    static struct store_element elements[200];
    size_t count = sizeof elements / sizeof *elements;
    for (size_t i = 0; i < count; i++)
        elements[i] = (struct store_element){.name = bytes_make(value, sizeof value - i)};
    assert_int_equal(set(f, bytes_of("scalar"), bytes_of("value")), STORE_OK);
    assert_int_equal(add(f, STORE_LIST, bytes_of("list"), 0, 3), STORE_OK);
    uint64_t before_bytes = stats_of(f).bytes_used;

    assert_int_equal(run(f, adding(STORE_LIST, bytes_of("list"), MINUTE_MS, elements, count)),
                     STORE_NO_MEMORY);
    assert_int_equal(run(f, adding(STORE_SET, bytes_of("set"), MINUTE_MS, elements, count)), STORE_NO_MEMORY);
    assert_length(f, STORE_LIST, bytes_of("list"), 3);
    assert_value(f, bytes_of("scalar"), bytes_of("value"));
    assert_int_equal(stats_of(f).evictions, 0);
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

/* What is paid in advance and not used is given back before anything else is wanted. */
static void a_command_evicts_no_more_than_it_may_need(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 20000 };
    static uint32_t numbers[COUNT];
    static struct store_element elements[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        numbers[i] = i;
        elements[i] = (struct store_element){.name = bytes_make(&numbers[i], sizeof numbers[i]), .score = i};
    }
    set_scalars(f, 0, 100000, false);
    uint64_t segments_bytes = (uint64_t)4 * (64 << 10);
    for (size_t i = 0; i < TYPES; i++) {
        struct store_command put = adding(types[i], bytes_of("large"), MINUTE_MS, elements, COUNT);
        struct store_stats before = stats_of(f);
        assert_int_equal(run(f, put), STORE_OK);
        uint64_t need_bytes = collection_need_bytes(NULL, &put) + segments_bytes;
        assert_true(stats_of(f).bytes_used + need_bytes > before.bytes_used);
        assert_true((stats_of(f).evictions - before.evictions) * 1000 <= need_bytes);
        assert_int_equal(clear(f, types[i], bytes_of("large")), STORE_OK);
        set_scalars(f, 200000 + 100000 * i, 100000, false);
    }
}

/* --- Unions --- */

static enum store_status unite(struct fixture *f, struct bytes key, const struct store_source *sources,
                               size_t count)
{
    struct store_command command = {
        .kind = STORE_SORTED_UNION,
        .type = STORE_SORTED_SET,
        .key = key,
        .ttl_ms = MINUTE_MS,
        .sources = sources,
        .source_count = count,
    };
    return run(f, command);
}

static void a_union_of_very_many_sources_is_charged_as_one_set(void **state)
{
    struct fixture *f = *state;
    enum { SOURCES = 1000 };
    static uint32_t keys[SOURCES];
    static struct store_source sources[SOURCES];
    for (uint32_t i = 0; i < SOURCES; i++) {
        keys[i] = i;
        sources[i] = (struct store_source){.key = bytes_make(&keys[i], sizeof keys[i]), .weight = 1};
        if (i % 2 == 0) /* the others are missing */
            assert_int_equal(add(f, STORE_SORTED_SET, sources[i].key, (uint64_t)i * 20, 100), STORE_OK);
    }
    uint64_t before_bytes = stats_of(f).bytes_used;
    assert_int_equal(unite(f, bytes_of("union"), sources, SOURCES), STORE_OK);
    assert_int_equal(f->answer.number, 499 * 40 + 100);
    assert_length(f, STORE_SORTED_SET, bytes_of("union"), 499 * 40 + 100);
    assert_true(stats_of(f).bytes_used > before_bytes);
    assert_int_equal(clear(f, STORE_SORTED_SET, bytes_of("union")), STORE_OK);
    maintain_fully(f);
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

static void a_union_that_does_not_fit_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static uint8_t name[100000];
    uint64_t limit_bytes = stats_of(f).bytes_limit;
    struct store_element element = {.name = bytes_make(name, sizeof name)};
    for (uint32_t i = 0; i * sizeof name < limit_bytes / 4 * 3; i++) {
        memcpy(name, &i, sizeof i);
        assert_int_equal(run(f, adding(STORE_SORTED_SET, bytes_of("large"), MINUTE_MS, &element, 1)),
                         STORE_OK);
    }
    assert_int_equal(add(f, STORE_SORTED_SET, bytes_of("union"), 0, 10), STORE_OK);
    uint64_t before_bytes = stats_of(f).bytes_used;
    struct store_source source = {.key = bytes_of("large"), .weight = 1};
    assert_int_equal(unite(f, bytes_of("union"), &source, 1), STORE_NO_MEMORY);
    assert_length(f, STORE_SORTED_SET, bytes_of("union"), 10);
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

static void a_union_replaces_or_removes_what_was_there(void **state)
{
    struct fixture *f = *state;
    struct store_source sources[] = {{.key = bytes_of("one"), .weight = 1},
                                     {.key = bytes_of("two"), .weight = 2}};
    uint64_t empty_bytes = stats_of(f).bytes_used;
    add(f, STORE_SORTED_SET, bytes_of("one"), 0, 10);
    add(f, STORE_SORTED_SET, bytes_of("union"), 100, 500);
    assert_int_equal(unite(f, bytes_of("union"), sources, 2), STORE_OK);
    assert_int_equal(f->answer.number, 10);
    assert_length(f, STORE_SORTED_SET, bytes_of("union"), 10);

    sources[0].key = bytes_of("union"); /* itself a source */
    assert_int_equal(unite(f, bytes_of("union"), sources, 2), STORE_OK);
    assert_length(f, STORE_SORTED_SET, bytes_of("union"), 10);

    add(f, STORE_LIST, bytes_of("two"), 0, 1);
    assert_int_equal(unite(f, bytes_of("union"), sources, 2), STORE_WRONG_TYPE);
    assert_int_equal(unite(f, bytes_of("two"), sources, 1), STORE_WRONG_TYPE);
    assert_length(f, STORE_SORTED_SET, bytes_of("union"), 10);
    erase(f, bytes_of("two"));

    assert_int_equal(unite(f, bytes_of("union"), &sources[1], 1), STORE_OK);
    assert_int_equal(f->answer.number, 0);
    assert_int_equal(item_type_of(f, bytes_of("union")), STORE_MISSING);
    erase(f, bytes_of("one"));
    maintain_fully(f);
    assert_int_equal(stats_of(f).bytes_used, empty_bytes);
}

/* --- Keys --- */

static void a_board_and_an_item_of_the_same_key_never_meet(void **state)
{
    struct fixture *f = *state;
    struct bytes key = bytes_of("same");
    assert_int_equal(add(f, STORE_LEADERBOARD, key, 0, 5), STORE_OK);
    assert_int_equal(get(f, key), STORE_MISSING);
    assert_int_equal(item_type_of(f, key), STORE_MISSING);
    assert_int_equal(item_ttl_of(f, key), STORE_MISSING);
    assert_int_equal(update_ttl(f, key, STORE_TTL_OVERWRITE, 1), STORE_MISSING);
    assert_int_equal(erase(f, key), STORE_MISSING);
    assert_int_equal(length_of(f, STORE_SORTED_SET, key), STORE_MISSING);
    assert_int_equal(set_if(f, key, bytes_of("text"), MINUTE_MS, STORE_IF_ABSENT, bytes_of("")), STORE_OK);
    assert_length(f, STORE_LEADERBOARD, key, 5);
    assert_int_equal(stats_of(f).items, 2);

    assert_int_equal(length_of(f, STORE_SORTED_SET, key), STORE_WRONG_TYPE);
    assert_int_equal(erase(f, key), STORE_OK);
    assert_length(f, STORE_LEADERBOARD, key, 5);
    assert_int_equal(add(f, STORE_SORTED_SET, key, 0, 7), STORE_OK);
    assert_int_equal(clear(f, STORE_LEADERBOARD, key), STORE_OK);
    assert_length(f, STORE_SORTED_SET, key, 7);
    assert_int_equal(length_of(f, STORE_LEADERBOARD, key), STORE_MISSING);
}

static void adding_no_elements_leaves_no_key(void **state)
{
    struct fixture *f = *state;
    uint64_t before_bytes = stats_of(f).bytes_used;
    for (size_t i = 0; i < TYPES; i++) {
        assert_int_equal(add(f, types[i], bytes_of("none"), 0, 0), STORE_OK);
        assert_int_equal(length_of(f, types[i], bytes_of("none")), STORE_MISSING);
    }
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

/* Moving a collection's item through the log, by eviction and compaction, must leave the collection with it. */
static void a_collection_in_use_survives_the_eviction_of_all_around_it(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[3000];
    for (uint64_t i = 0; i < scaled(200000) || i < 50000; i++) {
        if (i % 100 == 0) {
            for (uint64_t key = 0; key < TYPES; key++) {
                struct bytes name = bytes_make(&key, sizeof key);
                assert_int_equal(add(f, types[key], name, 0, 1), STORE_OK);
                assert_int_equal(length_of(f, types[key], name), STORE_OK);
                assert_int_equal(f->answer.number, types[key] == STORE_LIST ? i / 100 + 1 : 1);
            }
        }
        uint64_t other = i + 1000;
        set(f, bytes_make(&other, sizeof other), bytes_make(value, sizeof value));
    }
    assert_true(stats_of(f).evictions > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LARGE_PROMISE(a_deleted_collection_gives_all_its_memory_back),
        LARGE_PROMISE(a_cleared_collection_gives_all_its_memory_back),
        LARGE_PROMISE(an_expired_collection_gives_all_its_memory_back),
        LARGE_PROMISE(a_flushed_collection_gives_all_its_memory_back),
        LARGE_PROMISE(a_collection_overwritten_by_a_set_gives_all_its_memory_back),
        LARGE_PROMISE(an_emptied_collection_gives_all_its_memory_back),
        LARGE_PROMISE(an_evicted_collection_gives_all_its_memory_back),
        PROMISE(expired_and_flushed_collections_are_found_without_being_asked_for),
        PROMISE(a_store_that_ends_frees_its_collections),
        PROMISE(the_limit_holds_while_collections_of_all_types_grow_among_scalars),
        PROMISE(a_list_grows_to_the_limit_and_is_then_refused),
        PROMISE(a_collection_longer_than_can_be_counted_is_refused),
        PROMISE(many_small_collections_make_room_for_each_other),
        PROMISE(a_giant_that_nobody_uses_goes_before_scalars_in_use),
        PROMISE(a_giant_is_evicted_rather_than_what_other_shards_hold),
        PROMISE(a_command_that_can_never_fit_throws_nothing_out),
        PROMISE(a_command_evicts_no_more_than_it_may_need),
        PROMISE(a_union_of_very_many_sources_is_charged_as_one_set),
        PROMISE(a_union_that_does_not_fit_changes_nothing),
        PROMISE(a_union_replaces_or_removes_what_was_there),
        PROMISE(a_board_and_an_item_of_the_same_key_never_meet),
        PROMISE(adding_no_elements_leaves_no_key),
        PROMISE(a_collection_in_use_survives_the_eviction_of_all_around_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
