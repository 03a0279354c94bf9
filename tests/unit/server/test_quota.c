/* The rates of a cache, on a clock that the test turns. */
#include "server/quota.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define START_NS ((int64_t)1000 * CLOCK_NS_PER_S)

/* How many single takes succeed at one moment. */
static int64_t takes_at(struct quota_bucket *bucket, int64_t per_s, int64_t now_ns)
{
    int64_t taken = 0;
    while (quota_take(bucket, per_s, 1, now_ns))
        taken++;
    return taken;
}

static void a_full_bucket_holds_one_seconds_worth(void **state)
{
    (void)state;
    static const int64_t rates[] = {1, 3, 7, 10, 999, 1000, 12345};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct quota_bucket bucket = {0};
        assert_int_equal(takes_at(&bucket, rates[i], START_NS), rates[i]);
    }
}

static void an_empty_bucket_gains_at_its_rate(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    assert_int_equal(takes_at(&bucket, 10, START_NS), 10);
    assert_int_equal(takes_at(&bucket, 10, START_NS + 99 * CLOCK_NS_PER_MS), 0);
    assert_int_equal(takes_at(&bucket, 10, START_NS + 100 * CLOCK_NS_PER_MS), 1);
    assert_int_equal(takes_at(&bucket, 10, START_NS + 350 * CLOCK_NS_PER_MS), 2);
    assert_int_equal(takes_at(&bucket, 10, START_NS + 3600 * (int64_t)CLOCK_NS_PER_S), 10);
}

static void the_long_run_keeps_to_the_rate_whatever_the_pace(void **state)
{
    (void)state;
    const int64_t seconds = 20;
    struct quota_bucket bucket = {0};
    int64_t taken = 0;
    for (int64_t at_ns = 0; at_ns < seconds * CLOCK_NS_PER_S; at_ns += 137 * CLOCK_NS_PER_US * 10)
        taken += quota_take(&bucket, 300, 1, START_NS + at_ns);
    assert_in_range(taken, 300 * seconds, 300 * (seconds + 1));
}

static void more_than_a_seconds_worth_is_never_there(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    assert_false(quota_take(&bucket, 1000, 1001, START_NS));
    assert_true(quota_take(&bucket, 1000, 1000, START_NS));
    assert_false(quota_take(&bucket, 1000, 1, START_NS));
}

static void what_was_taken_anyway_is_waited_for(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    quota_take_anyway(&bucket, 1000, 3000, START_NS);
    assert_false(quota_take(&bucket, 1000, 1, START_NS + 2 * (int64_t)CLOCK_NS_PER_S));
    assert_true(quota_take(&bucket, 1000, 1, START_NS + 2 * (int64_t)CLOCK_NS_PER_S + CLOCK_NS_PER_MS));
}

static void a_debt_is_never_more_than_two_seconds_worth(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    for (int i = 0; i < 50; i++)
        quota_take_anyway(&bucket, 1000, 1000000, START_NS);
    quota_take_anyway(&bucket, 1000, 1,
                      START_NS - CLOCK_NS_PER_S); /* a clock that is behind lessens nothing */
    assert_false(quota_take(&bucket, 1000, 1, START_NS + 2 * (int64_t)CLOCK_NS_PER_S));
    assert_true(quota_take(&bucket, 1000, 1, START_NS + 2 * (int64_t)CLOCK_NS_PER_S + CLOCK_NS_PER_MS));
}

static void a_rate_of_zero_is_no_limit(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    for (int i = 0; i < 1000; i++)
        assert_true(quota_take(&bucket, 0, INT64_MAX / 2, START_NS));
}

static void a_verdict_names_the_rate_that_is_exceeded(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests_per_s = 2, .bytes_per_s = 100};
    struct quotas *quotas = quotas_create(&limits);
    struct quota *quota = quotas_hold(quotas, bytes_of("cache"), START_NS);
    assert_int_equal(quota_admit(quota, 90, START_NS), QUOTA_ADMITTED);
    assert_int_equal(quota_admit(quota, 90, START_NS), QUOTA_TOO_MANY_BYTES);
    assert_int_equal(quota_admit(quota, 1, START_NS), QUOTA_ADMITTED);
    assert_int_equal(quota_admit(quota, 1, START_NS), QUOTA_TOO_MANY_REQUESTS);
    quota_count_reply(quota, 200, START_NS);
    assert_int_equal(quota_admit(quota, 1, START_NS + CLOCK_NS_PER_S), QUOTA_TOO_MANY_BYTES);
    quotas_release(quotas, quota);
    quotas_destroy(quotas);
}

static void a_request_refused_for_its_bytes_is_not_counted(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests_per_s = 5, .bytes_per_s = 1024};
    struct quotas *quotas = quotas_create(&limits);
    struct quota *quota = quotas_hold(quotas, bytes_of("cache"), START_NS);
    for (int i = 0; i < 100; i++)
        assert_int_equal(quota_admit(quota, 3000, START_NS), QUOTA_TOO_MANY_BYTES);
    for (int i = 0; i < 5; i++)
        assert_int_equal(quota_admit(quota, 10, START_NS), QUOTA_ADMITTED);
    assert_int_equal(quota_admit(quota, 10, START_NS), QUOTA_TOO_MANY_REQUESTS);
    quotas_release(quotas, quota);
    quotas_destroy(quotas);
}

static void caches_have_quotas_of_their_own_and_connections_share_them(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests_per_s = 1};
    struct quotas *quotas = quotas_create(&limits);
    struct quota *one = quotas_hold(quotas, bytes_of("one"), START_NS);
    struct quota *two = quotas_hold(quotas, bytes_of("two"), START_NS);
    assert_ptr_equal(quotas_hold(quotas, bytes_of("one"), START_NS), one);
    assert_int_equal(quota_admit(one, 0, START_NS), QUOTA_ADMITTED);
    assert_int_equal(quota_admit(one, 0, START_NS), QUOTA_TOO_MANY_REQUESTS);
    assert_int_equal(quota_admit(two, 0, START_NS), QUOTA_ADMITTED);
    quotas_release(quotas, one);
    quotas_release(quotas, one);
    quotas_release(quotas, two);
    quotas_destroy(quotas);
}

static void coming_back_at_once_finds_the_bucket_that_was_emptied(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests_per_s = 1};
    struct quotas *quotas = quotas_create(&limits);
    for (int i = 0; i < 1000; i++) { /* enough to have the table swept */
        char name[8];
        (void)snprintf(name, sizeof name, "%d", i % 100);
        struct quota *quota = quotas_hold(quotas, bytes_of(name), START_NS);
        assert_int_equal(quota_admit(quota, 0, START_NS), i < 100 ? QUOTA_ADMITTED : QUOTA_TOO_MANY_REQUESTS);
        quotas_release(quotas, quota);
    }
    quotas_destroy(quotas);
}

static void quotas_that_are_as_good_as_new_are_forgotten(void **state)
{
    (void)state;
    const struct quota_limits limits = {.requests_per_s = 1};
    struct quotas *quotas = quotas_create(&limits);
    struct quota *held = quotas_hold(quotas, bytes_of("held"), START_NS);
    for (int64_t i = 0; i < 10000; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "%d", (int)i);
        quotas_release(quotas, quotas_hold(quotas, bytes_of(name), START_NS + i));
    }
    assert_in_range(quotas_count(quotas), 1, 200);
    assert_ptr_equal(quotas_hold(quotas, bytes_of("held"), START_NS), held);
    quotas_destroy(quotas);
}

#define THREADS 4

static void *take_all(void *bucket)
{
    return (void *)(intptr_t)takes_at(bucket, 100000, START_NS);
}

static void threads_together_get_what_one_would(void **state)
{
    (void)state;
    struct quota_bucket bucket = {0};
    pthread_t threads[THREADS];
    int64_t taken = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, &bucket), 0);
    for (int i = 0; i < THREADS; i++) {
        void *part;
        assert_int_equal(pthread_join(threads[i], &part), 0);
        taken += (intptr_t)part;
    }
    struct quota_bucket other = {0};
    assert_int_equal(taken, takes_at(&other, 100000, START_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_holds_one_seconds_worth),
        cmocka_unit_test(an_empty_bucket_gains_at_its_rate),
        cmocka_unit_test(the_long_run_keeps_to_the_rate_whatever_the_pace),
        cmocka_unit_test(more_than_a_seconds_worth_is_never_there),
        cmocka_unit_test(what_was_taken_anyway_is_waited_for),
        cmocka_unit_test(a_debt_is_never_more_than_two_seconds_worth),
        cmocka_unit_test(a_rate_of_zero_is_no_limit),
        cmocka_unit_test(a_verdict_names_the_rate_that_is_exceeded),
        cmocka_unit_test(a_request_refused_for_its_bytes_is_not_counted),
        cmocka_unit_test(caches_have_quotas_of_their_own_and_connections_share_them),
        cmocka_unit_test(coming_back_at_once_finds_the_bucket_that_was_emptied),
        cmocka_unit_test(quotas_that_are_as_good_as_new_are_forgotten),
        cmocka_unit_test(threads_together_get_what_one_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
