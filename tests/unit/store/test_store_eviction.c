/* What eviction promises to collections: they are items like others, whatever they weigh. One that is used stays among
 * what is not, also when it is larger than a shard's share, and one that is not used goes before what is. */
#include "store/big_collections.h"

#define LIMIT_BYTES  ((uint64_t)(SANITIZED ? 64 : 256) << 20)
#define MILLION      (SANITIZED ? (uint64_t)100000 : (uint64_t)1000000)

/* A scalar of set_scalars, with what it takes beside its value. */
#define SCALAR_BYTES 1040
#define SCALARS      (LIMIT_BYTES / SCALAR_BYTES)

static int setup_empty(void **state)
{
    *state = fixture_open(LIMIT_BYTES);
    return 0;
}

static int setup_full(void **state)
{
    setup_empty(state);
    set_scalars(*state, 0, SCALARS / 4 * 5, false);
    assert_true(stats_of(*state).evictions > 0);
    return 0;
}

#define FULL_PROMISE(function) cmocka_unit_test_setup_teardown(function, setup_full, teardown)

/* Cold scalars, from number FIRST on; the collection, if any, is used once in so many. */
static void churn(struct fixture *f, uint64_t first, uint64_t count, enum store_type type, const char *used,
                  uint64_t every)
{
    for (uint64_t i = 0; i < count; i++) {
        set_scalars(f, first + i, 1, false);
        if (used != NULL && i % every == 0)
            assert_int_equal(length_of(f, type, bytes_of(used)), STORE_OK);
    }
}

static void a_leaderboard_of_a_million_fills_in_a_full_store(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 0; i < MILLION; i += BATCH) {
        assert_int_equal(add(f, STORE_LEADERBOARD, bytes_of("board"), i, BATCH), STORE_OK);
        assert_length(f, STORE_LEADERBOARD, bytes_of("board"), i + BATCH);
    }
    assert_true(stats_of(f).items > SCALARS / 4);
}

static void a_collection_in_use_stays_among_cold_scalars(void **state)
{
    struct fixture *f = *state;
    for (enum store_type type = STORE_DICTIONARY; type <= STORE_LEADERBOARD; type++) {
        fill(f, type, bytes_of("used"), MILLION / 4);
        churn(f, (uint64_t)type << 32, SCALARS * 3 / 2, type, "used", 1000);
        assert_length(f, type, bytes_of("used"), MILLION / 4);
        assert_int_equal(clear(f, type, bytes_of("used")), STORE_OK);
    }
}

/* The main queue is then the giant and little else. */
static void a_giant_in_use_stays_though_it_is_most_of_the_store(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[100000];
    struct store_element element = {.name = bytes_make(value, sizeof value)};
    uint64_t length = LIMIT_BYTES / 10 * 8 / sizeof value;
    for (uint64_t i = 0; i < length; i++)
        assert_int_equal(run(f, adding(STORE_LIST, bytes_of("giant"), MINUTE_MS, &element, 1)), STORE_OK);
    churn(f, (uint64_t)1 << 32, SCALARS * 3, STORE_LIST, "giant", 1000);
    assert_length(f, STORE_LIST, bytes_of("giant"), length);

    /* And goes when it is not used any more and others are. */
    set_scalars(f, (uint64_t)2 << 32, SCALARS * 5, true);
    assert_int_equal(length_of(f, STORE_LIST, bytes_of("giant")), STORE_MISSING);
}

static void a_giant_no_longer_used_goes_before_scalars_that_are(void **state)
{
    struct fixture *f = *state;
    uint64_t hot = SCALARS / 4;
    uint64_t hot_first = (uint64_t)1 << 32;
    fill(f, STORE_SORTED_SET, bytes_of("giant"), MILLION / 2);
    set_scalars(f, hot_first, hot, true);
    for (uint64_t round = 2; round < 24; round++) {
        /* Not all: some come to the end of the main queue before they are used there. */
        assert_true(count_scalars(f, hot_first, hot) > hot / 100 * 80);
        set_scalars(f, round << 32, SCALARS / 4, true);
    }
    assert_int_equal(length_of(f, STORE_SORTED_SET, bytes_of("giant")), STORE_MISSING);
}

/* Though thousands of them stand together in one segment. */
static void room_for_one_collection_costs_no_more_than_a_few(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[100000];
    struct store_element element = {.name = bytes_make(value, sizeof value)};
    uint64_t count = LIMIT_BYTES / sizeof value * 3;
    for (uint64_t key = 0; key < count; key++) {
        struct bytes name = bytes_make(&key, sizeof key);
        assert_int_equal(run(f, adding(STORE_LIST, name, MINUTE_MS, &element, 1)), STORE_OK);
        (void)store_maintain(f->store, f->now_ms);
        if (key > count / 3 * 2)
            assert_true(stats_of(f).bytes_used > LIMIT_BYTES / 10 * 8);
    }

    /* What stays is what came last. */
    uint64_t present = 0;
    for (uint64_t key = count - count / 6; key < count; key++)
        present += length_of(f, STORE_LIST, bytes_make(&key, sizeof key)) == STORE_OK;
    assert_true(present > count / 6 / 100 * 90);
}

static void a_write_does_not_evict_what_it_writes_to(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[1 << 20];
    struct store_element element = {.name = bytes_make(value, sizeof value)};
    struct store_command push = adding(STORE_LIST, bytes_of("list"), MINUTE_MS, &element, 1);
    uint64_t most = LIMIT_BYTES / 10 * 8 / sizeof value;
    for (uint64_t length = 1; length <= most; length++) {
        assert_int_equal(run(f, push), STORE_OK);
        assert_int_equal(f->answer.number, length);
        /* Everything else is in use. */
        (void)count_scalars(f, SCALARS, SCALARS / 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FULL_PROMISE(a_leaderboard_of_a_million_fills_in_a_full_store),
        FULL_PROMISE(a_collection_in_use_stays_among_cold_scalars),
        FULL_PROMISE(a_giant_in_use_stays_though_it_is_most_of_the_store),
        FULL_PROMISE(a_giant_no_longer_used_goes_before_scalars_that_are),
        cmocka_unit_test_setup_teardown(room_for_one_collection_costs_no_more_than_a_few, setup_empty,
                                        teardown),
        FULL_PROMISE(a_write_does_not_evict_what_it_writes_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
