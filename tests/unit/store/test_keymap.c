/* What the table under a shard promises: it finds what it was given, also in the midst of a change of size.
 */
#include "store/memory/item.h"
#include "store/memory/keymap.h"
#include "store/store_fixture.h"

#define ITEMS 6000

/* Items whose keys are their numbers, as the table reads them when it grows. */
struct shelf {
    struct keymap map;
    uint64_t seed;
    size_t stride;
    uint8_t items[(ITEMS + 1) * 32];
    bool present[ITEMS + 1];
};

static struct shelf *shelf_open(void)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    assert_non_null(shelf);
    shelf->seed = 5;
    shelf->stride = item_size_of(sizeof(uint64_t), 0);
    for (uint64_t i = 1; i <= ITEMS; i++)
        item_write(shelf->items + i * shelf->stride, 1, bytes_make(&i, sizeof i), bytes_of(""), 1);
    assert_true(keymap_open(&shelf->map, 1 << 20));
    return shelf;
}

static void shelf_close(struct shelf *shelf)
{
    keymap_close(&shelf->map);
    free(shelf);
}

static uint64_t *find(struct shelf *shelf, uint64_t number)
{
    return keymap_at(&shelf->map, item_hash(shelf->items + number * shelf->stride, shelf->seed),
                     number * shelf->stride);
}

static void toggle(struct shelf *shelf, uint64_t number)
{
    uint64_t hash = item_hash(shelf->items + number * shelf->stride, shelf->seed);
    if (shelf->present[number])
        keymap_remove(&shelf->map, find(shelf, number));
    else
        assert_true(keymap_insert(&shelf->map, hash, number * shelf->stride));
    shelf->present[number] = !shelf->present[number];
}

static void assert_all_found(struct shelf *shelf)
{
    uint64_t count = 0;
    for (uint64_t i = 1; i <= ITEMS; i++) {
        assert_int_equal(find(shelf, i) != NULL, shelf->present[i]);
        count += shelf->present[i];
    }
    assert_int_equal(shelf->map.count, count);
}

static void entries_are_found_in_a_table_that_is_nearly_full(void **state)
{
    (void)state;
    struct shelf *shelf = shelf_open();
    uint64_t random = 1;
    uint64_t most = KEYMAP_LEAST_BUCKETS * KEYMAP_BUCKET * 9 / 10;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t number = 1 + next_random(&random) % ITEMS;
        if (shelf->present[number] || shelf->map.count < most)
            toggle(shelf, number);
        if (i % 1000 == 0)
            assert_all_found(shelf);
    }
    assert_all_found(shelf);
    shelf_close(shelf);
}

static void entries_are_found_at_every_step_of_growing_and_shrinking(void **state)
{
    (void)state;
    struct shelf *shelf = shelf_open();
    struct keymap *map = &shelf->map;
    uint64_t random = 2;
    uint64_t changes = 0;
    for (uint64_t i = 0; i < scaled(400000); i++) {
        uint64_t number = 1 + next_random(&random) % ITEMS;
        bool filling = i / 10000 % 2 == 0;
        if (shelf->present[number] != filling)
            toggle(shelf, number);
        uint64_t load_percent = map->count * 100 / (map->small_buckets * KEYMAP_BUCKET);
        if (keymap_changing(map)) {
            keymap_step(map, shelf->items, shelf->seed);
            if (next_random(&random) % 500 == 0)
                keymap_turn(map);
        } else if (load_percent > 70) {
            assert_true(keymap_grow(map, map->large_buckets + map->large_buckets / (1 + changes % 4)));
            changes++;
        } else if (map->large_buckets > KEYMAP_LEAST_BUCKETS * 2 && load_percent < 35) {
            keymap_shrink(map, map->large_buckets / 2);
            changes++;
        } else if (load_percent < 60 && next_random(&random) % 200 == 0 && map->large_buckets > 800) {
            keymap_shrink(map, map->large_buckets - map->large_buckets / 8);
            changes++;
        }
        if (i % 256 == 0)
            assert_all_found(shelf);
    }
    assert_true(changes > scaled(100));
    shelf_close(shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_in_a_table_that_is_nearly_full),
        cmocka_unit_test(entries_are_found_at_every_step_of_growing_and_shrinking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
