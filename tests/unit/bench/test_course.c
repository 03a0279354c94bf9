/* The course of a load, with a clock that the test turns. */
#include "base/clock.h"
#include "bench/course.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS    ((int64_t)CLOCK_NS_PER_MS)
#define START (5000 * MS)

static struct course_totals totals;

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-6);
}

static void an_entry_is_the_mean_limit_and_the_calls_of_its_interval(void **state)
{
    (void)state;
    struct course course;
    course_begin(&course, 500 * MS, START);
    assert_false(course_look(&course, 10, START + 100 * MS));
    assert_false(course_look(&course, 20, START + 499 * MS));
    assert_true(course_look(&course, 60, START + 500 * MS));
    memset(&totals, 0, sizeof totals);
    for (uint64_t i = 1; i <= 250; i++)
        histogram_record(&totals.response_ns, i);
    assert_true(course_end_entry(&course, &totals, 7, false, START + 500 * MS));
    assert_int_equal(course.count, 1);
    assert_near(course.entries[0].at_s, 0.5);
    assert_near(course.entries[0].limit, 30);
    assert_near(course.entries[0].throughput_rps, 500);
    assert_int_equal(course.entries[0].p999_ns, 250);
    assert_int_equal(course.entries[0].in_flight, 7);
    assert_false(course_look(&course, 5, START + 999 * MS)); /* the next one begins where this one ended */
    histogram_record(&totals.response_ns, 90000);
    totals.errors = 3;
    assert_true(course_end_entry(&course, &totals, 0, false, START + 1000 * MS));
    assert_near(course.entries[1].throughput_rps, 2); /* what was gained since, alone */
    assert_int_equal(course.entries[1].errors, 3);
    assert_in_range(course.entries[1].p50_ns, 89100, 90900);
    course_free(&course);
}

static void a_long_course_keeps_every_entry(void **state)
{
    (void)state;
    struct course course;
    memset(&totals, 0, sizeof totals);
    course_begin(&course, MS, START);
    for (int64_t i = 1; i <= 1000; i++) {
        assert_true(course_look(&course, (uint64_t)i, START + i * MS));
        assert_true(course_end_entry(&course, &totals, 0, true, START + i * MS));
    }
    assert_int_equal(course.count, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_near(course.entries[i].limit, (double)(i + 1));
    assert_int_equal(course.entries[0].p999_ns, 0); /* nothing ended */
    course_free(&course);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_the_mean_limit_and_the_calls_of_its_interval),
        cmocka_unit_test(a_long_course_keeps_every_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
