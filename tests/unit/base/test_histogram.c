/* The histogram: values known to within 1 %, quantiles as a sorted array would give them. */
#include "base/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_within_a_percent(uint64_t seen, uint64_t exact)
{
    double error = fabs((double)seen - (double)exact);
    if (error > 0.01 * (double)exact)
        fail_msg("%llu stands for %llu", (unsigned long long)seen, (unsigned long long)exact);
}

static struct histogram *histogram_new(void)
{
    struct histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    return histogram;
}

static void every_value_up_to_a_minute_is_known_within_a_percent(void **state)
{
    (void)state;
    struct histogram *histogram = histogram_new();
    for (uint64_t value = 0; value <= UINT64_C(60000000000); value += 1 + value / 700) {
        *histogram = (struct histogram){0};
        histogram_record(histogram, value);
        histogram_record(histogram, UINT64_C(100000000000)); /* so that the maximum is not the answer */
        assert_within_a_percent(histogram_quantile(histogram, 0.5), value);
    }
    for (unsigned bit = 1; bit < 36; bit++) {
        for (uint64_t value = (UINT64_C(1) << bit) - 1; value <= (UINT64_C(1) << bit) + 1; value++) {
            *histogram = (struct histogram){0};
            histogram_record(histogram, value);
            histogram_record(histogram, UINT64_C(100000000000));
            assert_within_a_percent(histogram_quantile(histogram, 0.5), value);
        }
    }
    free(histogram);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void quantiles_are_those_of_the_sorted_values(void **state)
{
    (void)state;
    enum { VALUES = 10000 };
    static const double fractions[] = {0, 0.125, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};
    struct histogram *histogram = histogram_new();
    uint64_t *values = calloc(VALUES, sizeof *values);
    assert_non_null(values);
    unsigned seed = 7;
    double sum = 0;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = (uint64_t)exp(25.0 * rand_r(&seed) / RAND_MAX);
        sum += (double)values[i];
        histogram_record(histogram, values[i]);
    }
    qsort(values, VALUES, sizeof *values, compare);
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++) {
        size_t rank = (size_t)ceil(fractions[i] * VALUES);
        assert_within_a_percent(histogram_quantile(histogram, fractions[i]), values[rank > 0 ? rank - 1 : 0]);
    }
    assert_true(histogram_quantile(histogram, 1) <= values[VALUES - 1]);
    assert_true(histogram->max == values[VALUES - 1]);
    assert_true(fabs(histogram_mean(histogram) - sum / VALUES) < 1);
    free(values);
    free(histogram);
}

static void an_empty_histogram_answers_zero(void **state)
{
    (void)state;
    struct histogram *histogram = histogram_new();
    assert_int_equal(histogram_quantile(histogram, 0.5), 0);
    assert_true(histogram_mean(histogram) == 0);
    free(histogram);
}

static void a_value_beyond_the_range_is_counted_and_remembered_as_the_maximum(void **state)
{
    (void)state;
    struct histogram *histogram = histogram_new();
    histogram_record(histogram, UINT64_MAX / 2);
    assert_int_equal(histogram->count, 1);
    assert_true(histogram->max == UINT64_MAX / 2);
    assert_true(histogram_quantile(histogram, 1) > UINT64_C(200000000000));
    free(histogram);
}

static void the_sum_of_two_is_as_if_one_had_recorded_all(void **state)
{
    (void)state;
    struct histogram *parts[2] = {histogram_new(), histogram_new()};
    struct histogram *whole = histogram_new();
    for (uint64_t i = 0; i < 5000; i++) {
        histogram_record(parts[i % 2], i * i);
        histogram_record(whole, i * i);
    }
    histogram_add(parts[0], parts[1]);
    assert_memory_equal(parts[0], whole, sizeof *whole);
    free(parts[0]);
    free(parts[1]);
    free(whole);
}

static void what_was_gained_is_as_if_only_that_had_been_recorded(void **state)
{
    (void)state;
    struct histogram *earlier = histogram_new();
    struct histogram *later = histogram_new();
    struct histogram *gained = histogram_new();
    struct histogram *alone = histogram_new();
    for (uint64_t i = 1; i <= 1000; i++) {
        histogram_record(earlier, i * i);
        histogram_record(later, i * i);
    }
    for (uint64_t i = 1; i <= 500; i++) {
        histogram_record(later, 3 * i);
        histogram_record(alone, 3 * i);
    }
    histogram_subtract(gained, later, earlier);
    assert_int_equal(gained->count, 500);
    assert_int_equal(gained->sum, alone->sum);
    assert_int_equal(histogram_quantile(gained, 0.5), histogram_quantile(alone, 0.5));
    assert_within_a_percent(gained->max, alone->max); /* which was below the earlier one's */
    histogram_record(later, 5000000);
    histogram_subtract(gained, later, earlier);
    assert_int_equal(gained->max, 5000000);
    free(earlier);
    free(later);
    free(gained);
    free(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_up_to_a_minute_is_known_within_a_percent),
        cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(an_empty_histogram_answers_zero),
        cmocka_unit_test(a_value_beyond_the_range_is_counted_and_remembered_as_the_maximum),
        cmocka_unit_test(the_sum_of_two_is_as_if_one_had_recorded_all),
        cmocka_unit_test(what_was_gained_is_as_if_only_that_had_been_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
