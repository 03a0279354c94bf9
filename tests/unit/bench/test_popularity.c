/* Which keys a load asks for: the shares that the laws give. */
#include "bench/popularity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS  1000
#define DRAWS 1000000

static uint64_t counts[KEYS];

static void draw(const char *law)
{
    struct popularity popularity;
    uint64_t random = 42;
    assert_true(popularity_parse(law, KEYS, &popularity));
    for (size_t i = 0; i < KEYS; i++)
        counts[i] = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t key = popularity_draw(&popularity, &random);
        assert_true(key < KEYS);
        counts[key]++;
    }
}

/* Four standard deviations of a count, and a little. */
static void assert_share(size_t key, double share)
{
    double expected = share * DRAWS;
    if (fabs((double)counts[key] - expected) > 4 * sqrt(expected) + 1)
        fail_msg("key %zu was drawn %llu times, expected %.0f", key, (unsigned long long)counts[key],
                 expected);
}

static void check_zipf(const char *law, double exponent)
{
    double sum = 0;
    for (int rank = 1; rank <= KEYS; rank++)
        sum += pow(rank, -exponent);
    draw(law);
    static const size_t looked_at[] = {0, 1, 2, 9, 99, 499, 999};
    for (size_t i = 0; i < sizeof looked_at / sizeof looked_at[0]; i++)
        assert_share(looked_at[i], pow((double)looked_at[i] + 1, -exponent) / sum);
}

static void uniform_draws_every_key_alike(void **state)
{
    (void)state;
    draw("uniform");
    for (size_t key = 0; key < KEYS; key += 37)
        assert_share(key, 1.0 / KEYS);
}

static void zipf_gives_each_rank_its_share(void **state)
{
    (void)state;
    check_zipf("zipf", 0.99);
    check_zipf("zipf:1", 1);
    check_zipf("zipf:0.5", 0.5);
    check_zipf("zipf:2.5", 2.5);
}

static void one_key_is_always_that_one(void **state)
{
    (void)state;
    struct popularity popularity;
    uint64_t random = 7;
    assert_true(popularity_parse("zipf:1.2", 1, &popularity));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(popularity_draw(&popularity, &random), 0);
}

static void a_billion_keys_need_no_table(void **state)
{
    (void)state;
    struct popularity popularity;
    uint64_t random = 7;
    uint64_t largest = 0;
    assert_true(popularity_parse("zipf", 1000000000, &popularity));
    for (int i = 0; i < 100000; i++) {
        uint64_t key = popularity_draw(&popularity, &random);
        assert_true(key < 1000000000);
        largest = key > largest ? key : largest;
    }
    assert_true(largest > 100000000);
}

static void what_is_no_law_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "even",   "zipf:",   "zipf:0", "zipf:-1",
                                      "zipf:11", "zipf:x", "zipf:1x", "zipfy"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct popularity popularity;
        assert_false(popularity_parse(bad[i], KEYS, &popularity));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_draws_every_key_alike), cmocka_unit_test(zipf_gives_each_rank_its_share),
        cmocka_unit_test(one_key_is_always_that_one),    cmocka_unit_test(a_billion_keys_need_no_table),
        cmocka_unit_test(what_is_no_law_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
