/* What the memory limit promises: it holds, whatever comes, and nothing is evicted as long as there is
 * another way. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_fixture.h"

#define LIMIT_BYTES ((uint64_t)64 << 20)

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %llu", &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What RLIMIT_DATA counts. */
static uint64_t data_bytes(void)
{
    char line[256];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "VmData: %llu", &kilobytes) != 1)
        continue;
    fclose(file);
    return kilobytes * 1024;
}

/* Stays so after churn, too: freed memory that the process kept would show. */
static void assert_within_limit(struct fixture *f)
{
    assert_true(stats_of(f).bytes_used <= LIMIT_BYTES);
    if (!SANITIZED)
        assert_true(resident_bytes() <= LIMIT_BYTES / 100 * 105 + ((uint64_t)64 << 20));
}

/* Writes twice the limit in values of LEAST to MOST bytes under new keys, and returns the mean size. */
static uint64_t churn(struct fixture *f, uint64_t *random, uint64_t least, uint64_t most)
{
    static uint8_t value[1 << 20];
    uint64_t written = 0;
    uint64_t count = 0;
    while (written < scaled(2 * LIMIT_BYTES) || written < LIMIT_BYTES) {
        uint64_t key = next_random(random);
        size_t size = least + next_random(random) % (most - least);
        assert_int_equal(set(f, bytes_make(&key, sizeof key), bytes_make(value, size)), STORE_OK);
        written += size;
        if (count++ % 1024 == 0)
            assert_within_limit(f);
    }
    assert_within_limit(f);
    return written / count;
}

static void the_limit_holds_under_churn_with_shifting_sizes(void **state)
{
    static const uint64_t sizes[][2] = {{10, 100},      {1000, 4000},      {12000, 20000},
                                        {40000, 70000}, {100000, 500000},  {10, 300000},
                                        {10, 100},      {500000, 1000000}, {100, 1000}};
    struct fixture *f = *state;
    uint64_t random = 1;
    if (SANITIZED)
        print_message("resident memory is not looked at: a sanitizer's own memory is in it\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t mean = churn(f, &random, sizes[i][0], sizes[i][1]);
        struct store_stats stats = stats_of(f);
        assert_true(stats.evictions > 0);
        if (sizes[i][1] < 4096)
            assert_true(stats.items * mean > LIMIT_BYTES / 2);
        for (int j = 0; j < 10; j++)
            store_maintain(f->store, f->now_ms);
        assert_within_limit(f);
    }
}

static void overwriting_at_changing_sizes_loses_no_live_key(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[2000];
    uint64_t keys = 32000;
    uint64_t random = 2;
    for (uint64_t i = 0; i < scaled(500000) || i < 2 * keys; i++) {
        uint64_t key = i < keys ? i : next_random(&random) % keys;
        assert_int_equal(get(f, bytes_make(&key, sizeof key)), i < keys ? STORE_MISSING : STORE_OK);
        set(f, bytes_make(&key, sizeof key), bytes_make(value, next_random(&random) % sizeof value));
    }
    assert_int_equal(stats_of(f).evictions, 0);
    assert_int_equal(stats_of(f).items, keys);
    assert_within_limit(f);
}

static void growing_values_lose_no_live_key(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[400000];
    uint64_t keys = 80;
    for (uint64_t size = 100; size < sizeof value; size += size / 7) {
        for (uint64_t key = 0; key < keys; key++)
            assert_int_equal(set(f, bytes_make(&key, sizeof key), bytes_make(value, size)), STORE_OK);
    }
    assert_int_equal(stats_of(f).evictions, 0);
    assert_int_equal(stats_of(f).items, keys);
}

static void memory_of_deleted_items_is_used_before_anything_is_evicted(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[1000];
    uint64_t window = 30000;
    for (uint64_t i = 0; i < (SANITIZED ? 4 : 20) * window; i++) {
        uint64_t old = i - window;
        assert_int_equal(set(f, bytes_make(&i, sizeof i), bytes_make(value, i % sizeof value)), STORE_OK);
        if (i >= window)
            assert_int_equal(erase(f, bytes_make(&old, sizeof old)), STORE_OK);
    }
    assert_int_equal(stats_of(f).evictions, 0);
    assert_int_equal(stats_of(f).items, window);
}

static void maintenance_returns_the_memory_of_half_dead_segments(void **state)
{
    struct fixture *f = *state;
    static uint8_t value[1000];
    uint64_t keys = 40000;
    for (uint64_t i = 0; i < keys; i++)
        set(f, bytes_make(&i, sizeof i), bytes_make(value, sizeof value));
    uint64_t full_bytes = stats_of(f).bytes_used;
    for (uint64_t i = 0; i < keys; i++) {
        if (i % 5 != 0)
            erase(f, bytes_make(&i, sizeof i));
    }
    maintain_fully(f);
    assert_true(stats_of(f).bytes_used < full_bytes / 2);
    for (uint64_t i = 0; i < keys; i += 5)
        assert_int_equal(get(f, bytes_make(&i, sizeof i)), STORE_OK);
}

static void caches_count_towards_the_limit(void **state)
{
    struct fixture *f = *state;
    uint64_t before_bytes = stats_of(f).bytes_used;
    create(f, "a cache with a name");
    assert_true(stats_of(f).bytes_used > before_bytes);
    drop(f, "a cache with a name");
    assert_int_equal(stats_of(f).bytes_used, before_bytes);
}

static void options_out_of_range_make_no_store(void **state)
{
    (void)state;
    static const struct store_memory_options wrong[] = {
        {.limit_bytes = STORE_MEMORY_LIMIT_MIN_BYTES - 1},
        {.limit_bytes = STORE_MEMORY_LIMIT_MAX_BYTES + 1},
        {.limit_bytes = LIMIT_BYTES, .shards = 3},
        {.limit_bytes = LIMIT_BYTES, .shards = 512},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_null(store_memory_create(&wrong[i]));
}

static void any_number_of_shards_keeps_the_limit(void **state)
{
    (void)state;
    for (unsigned shards = 1; shards <= 256; shards *= 4) {
        struct store_memory_options options = {.limit_bytes = STORE_MEMORY_LIMIT_MIN_BYTES, .shards = shards};
        struct fixture f = {.store = store_memory_create(&options)};
        assert_non_null(f.store);
        create(&f, "cache");
        f.cache = store_cache_take(f.store, bytes_of("cache"));
        for (uint64_t i = 0; i < 40000; i++) {
            static uint8_t value[1000];
            assert_int_equal(set(&f, bytes_make(&i, sizeof i), bytes_make(value, sizeof value)), STORE_OK);
        }
        assert_true(stats_of(&f).bytes_used <= STORE_MEMORY_LIMIT_MIN_BYTES);
        assert_true(stats_of(&f).items > 10000);
        store_cache_release(f.store, f.cache);
        store_destroy(f.store);
        answer_free(&f.answer);
    }
}

/* Runs BODY in a process of its own, whose limits it may change, and expects it to return true. */
static void assert_in_child(bool (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body() ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool limit_memory(int resource, uint64_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    return setrlimit(resource, &limit) == 0;
}

static bool create_without_address_space(void)
{
    struct store_memory_options options = {.limit_bytes = LIMIT_BYTES};
    return limit_memory(RLIMIT_AS, (uint64_t)256 << 20) && store_memory_create(&options) == NULL;
}

static bool set_until_the_kernel_refuses(void)
{
    struct fixture *f = fixture_open(LIMIT_BYTES);
    static uint8_t value[10000];
    uint64_t key = 0;
    if (!limit_memory(RLIMIT_DATA, data_bytes() + ((uint64_t)16 << 20)))
        return false;
    while (key < 10000 && set(f, bytes_make(&key, sizeof key), bytes_make(value, sizeof value)) == STORE_OK)
        key++;
    if (key < 500 || key == 10000 || f->answer.status != STORE_NO_MEMORY)
        return false;
    for (uint64_t i = 0; i < key; i++) {
        if (get(f, bytes_make(&i, sizeof i)) != STORE_OK)
            return false;
    }
    maintain_fully(f);
    fixture_close(f);
    return true;
}

static void without_address_space_there_is_no_store(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("left out: a sanitizer needs more address space than this test allows\n");
        skip();
    }
    assert_in_child(create_without_address_space);
}

static void a_kernel_that_refuses_memory_is_an_answer_and_not_a_crash(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("left out: a sanitizer's own allocations would fail first\n");
        skip();
    }
    assert_in_child(set_until_the_kernel_refuses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(the_limit_holds_under_churn_with_shifting_sizes),
        PROMISE(overwriting_at_changing_sizes_loses_no_live_key),
        PROMISE(growing_values_lose_no_live_key),
        PROMISE(memory_of_deleted_items_is_used_before_anything_is_evicted),
        PROMISE(maintenance_returns_the_memory_of_half_dead_segments),
        PROMISE(caches_count_towards_the_limit),
        cmocka_unit_test(options_out_of_range_make_no_store),
        cmocka_unit_test(any_number_of_shards_keeps_the_limit),
        cmocka_unit_test(without_address_space_there_is_no_store),
        cmocka_unit_test(a_kernel_that_refuses_memory_is_an_answer_and_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
