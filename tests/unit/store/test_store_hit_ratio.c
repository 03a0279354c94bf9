/* What eviction promises: on popularity that follows Zipf's law with scans in between, the store hits more
 * often than LRU does with the same bytes. The LRU here is charged for keys and values alone, the store for
 * all its memory. */
#include <math.h>

#include "base/list.h"
#include "store/store_fixture.h"

#define LIMIT_BYTES STORE_MEMORY_LIMIT_MIN_BYTES
#define POPULAR     400000 /* keys that are asked for again and again */
#define SCAN_EVERY  20000
#define SCAN_LENGTH 5000

/* The trace: a key is a number; those of scans are above POPULAR and asked for once. */
struct trace {
    uint64_t random;
    uint64_t step;
    uint64_t scanned;
    double *cumulative;
};

static struct trace trace_make(double skew)
{
    struct trace trace = {.random = 11, .cumulative = calloc(POPULAR, sizeof(double))};
    assert_non_null(trace.cumulative);
    double sum = 0;
    for (uint64_t i = 0; i < POPULAR; i++)
        trace.cumulative[i] = sum += pow((double)(i + 1), -skew);
    return trace;
}

static uint64_t trace_next(struct trace *trace)
{
    if (trace->step++ % (SCAN_EVERY + SCAN_LENGTH) >= SCAN_EVERY)
        return POPULAR + trace->scanned++;
    double point = (double)(next_random(&trace->random) >> 11) * 0x1p-53 * trace->cumulative[POPULAR - 1];
    uint64_t low = 0;
    for (uint64_t high = POPULAR - 1; low < high;) {
        uint64_t middle = (low + high) / 2;
        if (trace->cumulative[middle] < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t value_size(uint64_t key)
{
    return 100 + key * 2654435761u % 200;
}

struct lru {
    struct list order; /* the latest used first */
    struct lru_item {
        struct list link;
        bool present;
    } * items;
    uint64_t used_bytes;
};

static bool lru_get(struct lru *lru, uint64_t key)
{
    struct lru_item *item = &lru->items[key];
    bool hit = item->present;
    if (hit) {
        list_remove(&item->link);
    } else {
        item->present = true;
        lru->used_bytes += sizeof key + value_size(key);
    }
    list_push_front(&lru->order, &item->link);
    while (lru->used_bytes > LIMIT_BYTES) {
        struct lru_item *last = list_entry(lru->order.prev, struct lru_item, link);
        list_remove(&last->link);
        last->present = false;
        lru->used_bytes -= sizeof key + value_size((uint64_t)(last - lru->items));
    }
    return hit;
}

static bool store_get_or_set(struct fixture *f, uint64_t key)
{
    static uint8_t value[300];
    if (get(f, bytes_make(&key, sizeof key)) == STORE_OK)
        return true;
    assert_int_equal(set(f, bytes_make(&key, sizeof key), bytes_make(value, value_size(key))), STORE_OK);
    return false;
}

static void compare(double skew)
{
    uint64_t steps = SANITIZED ? 1000000 : 2000000;
    struct trace trace = trace_make(skew);
    struct fixture *f = fixture_open(LIMIT_BYTES);
    struct lru lru = {.items = calloc(POPULAR + steps, sizeof(struct lru_item))};
    assert_non_null(lru.items);
    list_init(&lru.order);
    uint64_t store_hits = 0;
    uint64_t lru_hits = 0;
    for (uint64_t i = 0; i < steps; i++) {
        uint64_t key = trace_next(&trace);
        store_hits += store_get_or_set(f, key);
        lru_hits += lru_get(&lru, key);
    }
    print_message("skew %.1f: store %.2f %%, LRU %.2f %%\n", skew, 100.0 * (double)store_hits / (double)steps,
                  100.0 * (double)lru_hits / (double)steps);
    assert_true(store_hits > lru_hits);
    free(lru.items);
    free(trace.cumulative);
    fixture_close(f);
}

static void the_store_hits_more_often_than_lru(void **state)
{
    (void)state;
    compare(0.9);
    if (SANITIZED)
        return; /* enough of it, at a tenth of the speed */
    compare(0.7);
    compare(1.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_hits_more_often_than_lru),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
