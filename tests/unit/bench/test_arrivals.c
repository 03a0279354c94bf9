/* When requests are due: the laws of arrival, and traces, with a clock that stands still. */
#include "base/clock.h"
#include "bench/arrivals.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define START 5000
#define MS    ((int64_t)CLOCK_NS_PER_MS)

static void uniform_arrivals_are_evenly_spaced_and_do_not_drift(void **state)
{
    (void)state;
    struct arrivals arrivals;
    arrivals_begin(&arrivals, 3, false, 1, 0, START);
    for (int i = 0; i < 3 * 3600; i++) {
        assert_true(llabs(arrivals_due_ns(&arrivals) - START - llround(i * 1e9 / 3)) <= 1);
        (void)arrivals_take(&arrivals);
    }
}

static void threads_take_turns(void **state)
{
    (void)state;
    struct arrivals first;
    struct arrivals second;
    arrivals_begin(&first, 100, false, 1, 0, START);
    arrivals_begin(&second, 100, false, 1, 0.5, START);
    assert_int_equal(arrivals_due_ns(&first), START);
    assert_int_equal(arrivals_due_ns(&second), START + 5 * MS);
}

static void poisson_arrivals_have_the_rate_and_exponential_gaps(void **state)
{
    (void)state;
    struct arrivals arrivals;
    static const int count = 1000000;
    int beyond_mean = 0;
    int64_t last = START;
    arrivals_begin(&arrivals, 1000, true, 12345, 0, START);
    for (int i = 0; i < count; i++) {
        int64_t due = arrivals_due_ns(&arrivals);
        assert_true(due >= last);
        beyond_mean += due - last > MS;
        last = due;
        (void)arrivals_take(&arrivals);
    }
    assert_true(fabs((double)(last - START) / count / (double)MS - 1) < 0.004); /* four standard deviations */
    assert_true(fabs((double)beyond_mean / count - exp(-1)) < 0.002);
}

static void a_trace_is_shared_out_and_sped_up(void **state)
{
    (void)state;
    struct trace_row rows[] = {{.at_ns = 0}, {.at_ns = 10 * MS}, {.at_ns = 20 * MS}, {.at_ns = 40 * MS}};
    const struct trace trace = {.rows = rows, .count = 4};
    struct arrivals arrivals;
    arrivals_replay(&arrivals, &trace, 2, 1, 2, START);
    assert_int_equal(arrivals_due_ns(&arrivals), START + 5 * MS);
    assert_ptr_equal(arrivals_take(&arrivals), &rows[1]);
    assert_int_equal(arrivals_due_ns(&arrivals), START + 20 * MS);
    assert_ptr_equal(arrivals_take(&arrivals), &rows[3]);
    assert_true(arrivals_due_ns(&arrivals) == CLOCK_NEVER);
}

static void a_trace_shorter_than_the_threads_leaves_some_without(void **state)
{
    (void)state;
    struct trace_row row = {.at_ns = 0};
    const struct trace trace = {.rows = &row, .count = 1};
    struct arrivals arrivals;
    arrivals_replay(&arrivals, &trace, 1, 3, 4, START);
    assert_true(arrivals_due_ns(&arrivals) == CLOCK_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_arrivals_are_evenly_spaced_and_do_not_drift),
        cmocka_unit_test(threads_take_turns),
        cmocka_unit_test(poisson_arrivals_have_the_rate_and_exponential_gaps),
        cmocka_unit_test(a_trace_is_shared_out_and_sped_up),
        cmocka_unit_test(a_trace_shorter_than_the_threads_leaves_some_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
