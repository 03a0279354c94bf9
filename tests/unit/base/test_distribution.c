/* Distributions as people write them: what is read, what is refused, and the quantiles that come out. */
#include "base/clock.h"
#include "base/distribution.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS   ((int64_t)CLOCK_NS_PER_MS)
#define HOUR (3600 * (int64_t)CLOCK_NS_PER_S)
#define MB   ((int64_t)1000000)

static struct distribution times(const char *text)
{
    struct distribution distribution;
    char error[DISTRIBUTION_ERROR_BYTES];
    if (!distribution_parse(text, OPTION_DURATION, HOUR, &distribution, error))
        fail_msg("%s: %s", text, error);
    return distribution;
}

static void percentiles_are_linear_between_and_level_outside(void **state)
{
    (void)state;
    struct distribution distribution = times("p50:1ms,p90:2ms,p99:5ms,p99.9:20ms");
    static const struct {
        double uniform;
        double ms;
    } expected[] = {{0, 1},       {0.3, 1},  {0.5, 1},    {0.7, 1.5},  {0.9, 2},
                    {0.945, 3.5}, {0.99, 5}, {0.999, 20}, {0.9999, 20}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        double drawn_ms = (double)distribution_draw(&distribution, expected[i].uniform) / (double)MS;
        assert_true(fabs(drawn_ms - expected[i].ms) < 0.0001);
    }
}

static void an_exponential_time_has_its_quantiles(void **state)
{
    (void)state;
    struct distribution distribution = times("exp:2ms");
    assert_int_equal(distribution_draw(&distribution, 0), 0);
    assert_true(llabs(distribution_draw(&distribution, 0.5) - (int64_t)(2 * log(2) * (double)MS)) <= 1);
    assert_true(llabs(distribution_draw(&distribution, 0.99) - (int64_t)(2 * log(100) * (double)MS)) <= 1);
    assert_true(distribution_draw(&distribution, nextafter(1, 0)) < 100 * MS);
}

static void a_constant_is_always_the_same(void **state)
{
    (void)state;
    struct distribution distribution = times("const:150us");
    assert_int_equal(distribution_draw(&distribution, 0), 150 * CLOCK_NS_PER_US);
    assert_int_equal(distribution_draw(&distribution, 0.999), 150 * CLOCK_NS_PER_US);
}

static void sizes_are_read_as_sizes(void **state)
{
    (void)state;
    struct distribution distribution;
    char error[DISTRIBUTION_ERROR_BYTES] = "";
    assert_true(distribution_parse("p0:100,p100:4kb", OPTION_SIZE, MB, &distribution, error));
    assert_int_equal(distribution_draw(&distribution, 0.5), 2050);
    assert_false(distribution_parse("const:2mb", OPTION_SIZE, MB, &distribution, error));
    assert_non_null(strstr(error, "1000000 bytes"));
    assert_false(distribution_parse("const:2ms", OPTION_SIZE, MB, &distribution, error));
}

static void what_is_no_distribution_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1ms",
                                      "const:",
                                      "const:-1ms",
                                      "const:2h",
                                      "const:nan",
                                      "exp:soon",
                                      "p50",
                                      "p50:1ms,",
                                      "p:1ms",
                                      "p101:1ms",
                                      "p1.2.3:1ms",
                                      "p50:2ms,p50:3ms",
                                      "p50:2ms,p40:3ms",
                                      "p50:2ms,p90:1ms"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct distribution distribution;
        char error[DISTRIBUTION_ERROR_BYTES] = "";
        if (distribution_parse(bad[i], OPTION_DURATION, HOUR, &distribution, error))
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(error) > 10);
    }
}

static void more_percentiles_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    char text[DISTRIBUTION_TEXT_BYTES] = "p0:0ms";
    for (int i = 1; i <= DISTRIBUTION_POINTS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), ",p%d:1ms", i);
    struct distribution distribution;
    char error[DISTRIBUTION_ERROR_BYTES];
    assert_false(distribution_parse(text, OPTION_DURATION, HOUR, &distribution, error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_linear_between_and_level_outside),
        cmocka_unit_test(an_exponential_time_has_its_quantiles),
        cmocka_unit_test(a_constant_is_always_the_same),
        cmocka_unit_test(sizes_are_read_as_sizes),
        cmocka_unit_test(what_is_no_distribution_is_refused_with_a_sentence),
        cmocka_unit_test(more_percentiles_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
