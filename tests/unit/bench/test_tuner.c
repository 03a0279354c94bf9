/* The tuner on services whose figures are known: what it finds, how little it measures, and what it says where
 * nothing meets the target. */
#include "bench/random.h"
#include "bench/tuner.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A service of so many workers behind a network: throughput grows with concurrency until the workers are full, and
 * from there on requests queue. */
#define BURST_RUNS 3

struct model {
    double round_trip_us;
    double service_us;
    double workers;
    double tail;        /* p99.9 by the mean */
    double channel_rps; /* that one connection takes at most; 0: any */
    double noise;       /* of p99.9, a standard deviation as a part; throughput has a third of it */
    double outliers;    /* how often the machine begins to disturb some runs in a row */
    int burst;          /* of those, how many are left */
    uint64_t random;
    size_t measured;
    size_t fail_after; /* so many runs; 0: never */
};

static double noise(struct model *model, double part)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_unit(&model->random);
    return 1 + part * model->noise * sum;
}

static double throughput_rps(const struct model *model, const struct tuner_setting *setting)
{
    double unloaded = (double)setting->concurrency / (model->round_trip_us + model->service_us) * 1e6;
    double most = model->workers / model->service_us * 1e6;
    double channels = model->channel_rps > 0 ? model->channel_rps * (double)setting->channels : most;
    most = fmin(most, channels);
    /* A smooth knee. */
    return most * unloaded / pow(pow(most, 4) + pow(unloaded, 4), 0.25);
}

static double p999_us(const struct model *model, const struct tuner_setting *setting)
{
    double mean_us = (double)setting->concurrency / throughput_rps(model, setting) * 1e6;
    return mean_us + (model->tail - 1) * model->service_us;
}

static bool run_model(void *context, const struct tuner *tuner, const struct tuner_setting *setting,
                      struct tuner_run *run)
{
    (void)tuner;
    struct model *model = context;
    if (model->fail_after > 0 && model->measured == model->fail_after)
        return false;
    model->measured++;
    *run = (struct tuner_run){.throughput_rps = throughput_rps(model, setting) * noise(model, 0.3),
                              .p999_us = p999_us(model, setting) * noise(model, 1)};
    if (model->burst == 0 && random_unit(&model->random) < model->outliers)
        model->burst = BURST_RUNS;
    if (model->burst > 0) {
        model->burst--;
        run->p999_us *= 3;
    }
    return true;
}

static void search(struct tuner *tuner, struct model *model, double target_us)
{
    *tuner = (struct tuner){.limits = {.target_us = target_us,
                                       .concurrency_min = 1,
                                       .concurrency_max = 5000,
                                       .streams = 100,
                                       .channels_max = 64,
                                       .verify_runs = target_us > 0 ? 8 : 0,
                                       .runs_max = 100},
                            .measure = run_model,
                            .context = model};
    tuner_search(tuner);
}

/* The most throughput of settings that keep to the target, in steps of a tenth and with 1, 2 and 4 channels, without
 * noise. */
static double most_rps(const struct model *model, double target_us)
{
    double most = 0;
    for (double concurrency = 1; concurrency <= 5000; concurrency = fmax(concurrency + 1, concurrency * 1.1))
        for (int64_t channels = 1; channels <= 4; channels *= 2) {
            struct tuner_setting setting = {(int64_t)concurrency, channels};
            if (target_us == 0 || p999_us(model, &setting) <= target_us)
                most = fmax(most, throughput_rps(model, &setting));
        }
    return most;
}

static const struct model in_region = {
    .round_trip_us = 500, .service_us = 1500, .workers = 8, .tail = 2.2, .noise = 0.02, .random = 1};
static const struct model laptop = {
    .round_trip_us = 30000, .service_us = 1500, .workers = 8, .tail = 12, .noise = 0.02, .random = 1};

static void check(struct model model, double target_us)
{
    static struct tuner tuner;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        model.random = seed * 77;
        model.measured = 0;
        model.burst = 0;
        search(&tuner, &model, target_us);
        const struct tuner_point *best = tuner_best(&tuner);
        assert_non_null(best);
        double ratio = throughput_rps(&model, &best->setting) / most_rps(&model, target_us);
        if (p999_us(&model, &best->setting) > target_us * 1.01 || ratio < 0.95)
            fail_msg("seed %llu: %lld in flight, p99.9 %.0f us, %.3f of the most throughput",
                     (unsigned long long)seed, (long long)best->setting.concurrency,
                     p999_us(&model, &best->setting), ratio);
    }
}

static void the_best_setting_is_within_a_twentieth_of_an_exhaustive_sweep(void **state)
{
    (void)state;
    check(in_region, 5000);
    check(in_region, 8000);
    check(laptop, 80000);
}

static void a_run_that_the_machine_disturbs_does_not_mislead(void **state)
{
    (void)state;
    struct model model = in_region;
    model.outliers = 0.04;
    check(model, 8000);
}

static void without_a_target_the_knee_is_found(void **state)
{
    (void)state;
    static struct tuner tuner;
    struct model model = laptop;
    search(&tuner, &model, 0);
    const struct tuner_point *best = tuner_best(&tuner);
    assert_non_null(best);
    assert_true(throughput_rps(&model, &best->setting) > 0.93 * most_rps(&model, 0));
    assert_true(best->setting.concurrency < 700); /* twice that brings hardly more */
}

static void a_target_that_nothing_meets_leaves_the_closest(void **state)
{
    (void)state;
    static struct tuner tuner;
    struct model model = laptop;
    search(&tuner, &model, 20000);
    assert_null(tuner_best(&tuner));
    assert_non_null(tuner_closest(&tuner));
    assert_true(tuner_closest(&tuner)->p999_us > 20000);
    assert_true(tuner.run_count < 30);
}

static void more_channels_are_taken_where_they_bring_more(void **state)
{
    (void)state;
    static struct tuner tuner;
    struct model model = in_region;
    model.channel_rps = 2000;
    search(&tuner, &model, 20000);
    assert_non_null(tuner_best(&tuner));
    assert_int_equal(tuner_best(&tuner)->setting.channels, 4);
    model.channel_rps = 0;
    search(&tuner, &model, 20000);
    assert_int_equal(tuner_best(&tuner)->setting.channels, 1);
}

static void channels_are_never_fewer_than_the_requests_need(void **state)
{
    (void)state;
    static struct tuner tuner;
    struct model model = laptop;
    search(&tuner, &model, 100000);
    for (size_t i = 0; i < tuner.point_count; i++)
        assert_true(tuner.points[i].setting.channels * 100 >= tuner.points[i].setting.concurrency);
}

static void a_search_that_is_ended_keeps_what_it_has(void **state)
{
    (void)state;
    static struct tuner tuner;
    for (size_t runs = 1; runs < 40; runs++) {
        struct model model = in_region;
        model.fail_after = runs;
        search(&tuner, &model, 5000);
        size_t kept = 0;
        for (size_t i = 0; i < tuner.point_count; i++)
            kept += tuner.points[i].run_count;
        assert_int_equal(kept, tuner.run_count);
        assert_true(tuner.run_count <= runs);
        assert_non_null(tuner_best(&tuner));
    }
}

static void the_estimate_of_what_is_left_never_runs_over_the_limit(void **state)
{
    (void)state;
    static struct tuner tuner;
    struct model model = in_region;
    search(&tuner, &model, 5000);
    assert_int_equal(tuner.stage, TUNER_DONE);
    assert_int_equal(tuner_runs_left(&tuner), 0);
    assert_true(tuner.run_count <= tuner.limits.runs_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_setting_is_within_a_twentieth_of_an_exhaustive_sweep),
        cmocka_unit_test(a_run_that_the_machine_disturbs_does_not_mislead),
        cmocka_unit_test(without_a_target_the_knee_is_found),
        cmocka_unit_test(a_target_that_nothing_meets_leaves_the_closest),
        cmocka_unit_test(more_channels_are_taken_where_they_bring_more),
        cmocka_unit_test(channels_are_never_fewer_than_the_requests_need),
        cmocka_unit_test(a_search_that_is_ended_keeps_what_it_has),
        cmocka_unit_test(the_estimate_of_what_is_left_never_runs_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
