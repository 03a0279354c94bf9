/* What the limiter promises, tried in simulated time on servers and networks of many kinds. The best static limit of
 * each is found by a sweep of the same model, and the limiter is held to nine tenths of what that brings. */
#include "client/network_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SEEDS      3
#define SHARE_MIN  0.9 /* of the best static limit's throughput */
#define SETTLED    0.15
#define INITIAL    10
#define LIMIT_MAX  10000

/* --- The kinds of network and server --- */

#define SAME_HOST  .rtt_ms = 0.1
#define IN_REGION  .rtt_ms = 1, .jitter_ms = 0.1, .jitter_lasts_ms = 5
#define IN_COUNTRY .rtt_ms = 20, .jitter_ms = 2, .jitter_lasts_ms = 20
#define LAPTOP     .rtt_ms = 30, .jitter_ms = 5, .jitter_lasts_ms = 30
#define FAR_AWAY   .rtt_ms = 80, .jitter_ms = 4, .jitter_lasts_ms = 30

static struct limiter_config config_of(double target_ms)
{
    return (struct limiter_config){
        .min = 1,
        .max = LIMIT_MAX,
        .initial = INITIAL,
        .target_p999_ns = (int64_t)(target_ms * CLOCK_NS_PER_MS),
    };
}

static struct model *adaptive(const struct model_setup *setup, double target_ms, uint64_t seed)
{
    struct limiter_config config = config_of(target_ms);
    return model_create(setup, &config, 0, seed);
}

/* The time that a limiter has to settle: 5 seconds or 50 round trips. */
static double patience_s(const struct model_setup *setup)
{
    return fmax(5, 50 * setup->rtt_ms / 1000);
}

/* --- The best static limit --- */

struct best {
    uint32_t limit;
    double throughput;
};

static double static_throughput(const struct model_setup *setup, double target_ms, uint32_t limit)
{
    struct model *model = model_create(setup, NULL, limit, 1);
    double calls_wanted = target_ms > 0 ? 20000 : 4000;
    double begin_s = fmax(0.2, 5 * (setup->rtt_ms + setup->service_ms) / 1000);
    model_run_to(model, begin_s);
    model_measure(model);
    double end_s = begin_s;
    while ((double)model->measured_count < calls_wanted && end_s < 60)
        model_run_to(model, end_s += fmax(0.1, 2 * setup->rtt_ms / 1000));
    double throughput = (double)model->measured_count / (end_s - begin_s);
    double p999_ms = (double)histogram_quantile(&model->latency, 0.999) / CLOCK_NS_PER_MS;
    model_free(model);
    return target_ms > 0 && p999_ms > target_ms ? 0 : throughput;
}

/* Over limits a sixth apart, until more brings nothing. */
static struct best best_static(const struct model_setup *setup, double target_ms)
{
    struct best best = {0};
    for (uint32_t limit = 1; limit < LIMIT_MAX; limit += 1 + limit / 6) {
        double throughput = static_throughput(setup, target_ms, limit);
        if (throughput > best.throughput * 1.01)
            best = (struct best){limit, throughput};
        if (limit > 3 * best.limit && best.limit > 0)
            break;
    }
    return best;
}

/* --- Settling --- */

/* When the limit's means of a second have come to stay near the mean of the time that follows (of 30 s at most); a
 * limit of few calls may be one call off. */
static double settled_after_s(const struct model *model, double from_s, double to_s)
{
    for (int tenth = 0; tenth < (int)((to_s - from_s - 3) * 10); tenth++) {
        double begin = from_s + tenth / 10.0;
        double end = fmin(begin + 30, to_s);
        double mean = model_limit_between(model, begin, end);
        bool is_settled = true;
        for (int fifth = 0; fifth <= (int)((end - begin - 1) * 5 + 0.01); fifth++) {
            double second = begin + fifth / 5.0;
            double off = fabs(model_limit_between(model, second, second + 1) - mean);
            is_settled = is_settled && off <= fmax(SETTLED * mean, 1);
        }
        if (is_settled)
            return tenth / 10.0;
    }
    return to_s - from_s;
}

/* --- As much as the best static limit --- */

struct scenario {
    const char *name;
    struct model_setup setup;
    double target_ms;
};

static void assert_as_good(const struct scenario *scenario)
{
    const struct model_setup *setup = &scenario->setup;
    struct best best = best_static(setup, scenario->target_ms);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *model = adaptive(setup, scenario->target_ms, seed);
        double begin_s = patience_s(setup);
        double end_s = begin_s + fmin(20, fmax(3, 100000 / best.throughput));
        model_run_to(model, begin_s);
        model_measure(model);
        model_run_to(model, end_s);
        double share = (double)model->measured_count / (end_s - begin_s) / best.throughput;
        double limit = model_limit_between(model, begin_s, end_s);
        double p999_ms = (double)histogram_quantile(&model->latency, 0.999) / CLOCK_NS_PER_MS;
        double settled_s = settled_after_s(model, 0, end_s);
        print_message(
            "%-42s best %6.0f/s at %4u, here %.3f of it at %6.1f, p99.9 %6.2f ms, settled after %.1f s\n",
            scenario->name, best.throughput, best.limit, share, limit, p999_ms, settled_s);
        assert_true(share >= SHARE_MIN);
        assert_true(limit <= 2.0 * best.limit);
        assert_true(settled_s <= patience_s(setup));
        if (scenario->target_ms > 0) {
            assert_true(p999_ms <= scenario->target_ms);
            assert_false(limiter_target_unmet(&model->limiter));
        }
        model_free(model);
    }
}

static void brings_nine_tenths_of_the_best_static_limit_and_settles_in_time(void **state)
{
    (void)state;
    static const struct scenario scenarios[] = {
        {"same host, M/M/8 of 0.2 ms",
         {SAME_HOST, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.2},
         0},
        {"same host, M/M/64 of 1 ms",
         {SAME_HOST, .workers = 64, .law = MODEL_EXPONENTIAL, .service_ms = 1},
         0},
        {"in region, M/M/8 of 0.5 ms",
         {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.5},
         0},
        {"in region, M/D/8 of 0.5 ms",
         {IN_REGION, .workers = 8, .law = MODEL_CONSTANT, .service_ms = 0.5},
         0},
        {"in region, 8 workers with a heavy tail",
         {IN_REGION, .workers = 8, .law = MODEL_HEAVY, .service_ms = 1},
         0},
        {"20 ms, M/M/16 of 1 ms", {IN_COUNTRY, .workers = 16, .law = MODEL_EXPONENTIAL, .service_ms = 1}, 0},
        {"laptop, M/D/4 of 0.5 ms", {LAPTOP, .workers = 4, .law = MODEL_CONSTANT, .service_ms = 0.5}, 0},
        {"80 ms, M/M/16 of 2 ms", {FAR_AWAY, .workers = 16, .law = MODEL_EXPONENTIAL, .service_ms = 2}, 0},
        {"80 ms, M/D/8 of 0.5 ms", {FAR_AWAY, .workers = 8, .law = MODEL_CONSTANT, .service_ms = 0.5}, 0},
        {"80 ms, 64 workers of 20 ms, heavy tail",
         {FAR_AWAY, .workers = 64, .law = MODEL_HEAVY, .service_ms = 20},
         0},
    };
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        assert_as_good(&scenarios[i]);
}

static void keeps_a_target_and_brings_nine_tenths_of_what_is_possible_within_it(void **state)
{
    (void)state;
    static const struct scenario scenarios[] = {
        {"p99.9 of 5 ms, M/M/8 of 0.4 ms",
         {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.4},
         5},
        {"p99.9 of 5 ms, M/M/4 of 0.5 ms, same host",
         {SAME_HOST, .workers = 4, .law = MODEL_EXPONENTIAL, .service_ms = 0.5},
         5},
        {"p99.9 of 20 ms, M/D/8 of 2 ms",
         {IN_REGION, .workers = 8, .law = MODEL_CONSTANT, .service_ms = 2},
         20},
        {"p99.9 of 20 ms, 8 workers with a heavy tail",
         {IN_REGION, .workers = 8, .law = MODEL_HEAVY, .service_ms = 1},
         20},
    };
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        assert_as_good(&scenarios[i]);
}

/* Each batch costs its worker something besides its calls, so larger ones are better, by ever less. */
static void a_server_that_gains_ever_less_is_neither_starved_nor_flooded(void **state)
{
    (void)state;
    struct model_setup setup = {.rtt_ms = 0.02, .law = MODEL_BATCH, .service_ms = 0.067, .batch_us = 3.6};
    struct model *model = adaptive(&setup, 0, 1);
    model_run_to(model, 8);
    double limit = model_limit_between(model, 5, 8);
    print_message("a limit of %.0f, %.0f/s\n", limit, model_throughput_between(model, 5, 8));
    assert_true(limit >= 50 && limit <= 600);
    model_free(model);
}

/* --- What changes while it runs --- */

#define CHANGE_S 20
#define RETURN_S 40
#define END_S    60

static double capacity_halves(double second)
{
    return second >= CHANGE_S && second < RETURN_S ? 0.5 : 1;
}

static double one_ms_more(double second)
{
    return second >= CHANGE_S && second < RETURN_S ? 1 : 0;
}

static double thirty_ms_more(double second)
{
    return second >= CHANGE_S && second < RETURN_S ? 30 : 0;
}

/* Runs through change and return, and holds each of the three parts to what is best in it. */
static void assert_follows(const char *name, const struct model_setup *setup, double change_in_best,
                           double change_in_limit)
{
    struct model_setup steady = *setup;
    steady.speed = NULL;
    steady.extra_delay_ms = NULL;
    struct best best = best_static(&steady, 0);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *model = adaptive(setup, 0, seed);
        model_run_to(model, END_S);
        static const double begins[] = {0, CHANGE_S, RETURN_S, END_S};
        for (size_t part = 0; part < 3; part++) {
            double settled_s = settled_after_s(model, begins[part], begins[part + 1]);
            double from_s = begins[part] + patience_s(setup);
            double possible = best.throughput * (part == 1 ? change_in_best : 1);
            double share = model_throughput_between(model, from_s, begins[part + 1]) / possible;
            double limit = model_limit_between(model, from_s, begins[part + 1]);
            print_message("%-24s part %zu: %.3f of the best at %6.1f, settled after %.1f s\n", name, part,
                          share, limit, settled_s);
            assert_true(share >= SHARE_MIN);
            assert_true(limit <= 2.0 * best.limit * (part == 1 ? change_in_limit : 1));
            assert_true(settled_s <= patience_s(setup));
        }
        model_free(model);
    }
}

static void follows_a_capacity_that_halves_and_returns(void **state)
{
    (void)state;
    struct model_setup near = {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.5,
                               .speed = capacity_halves};
    assert_follows("in region", &near, 0.5, 0.7);
    struct model_setup far = {FAR_AWAY, .workers = 16, .law = MODEL_EXPONENTIAL, .service_ms = 2,
                              .speed = capacity_halves};
    assert_follows("80 ms", &far, 0.5, 0.55);
}

static void follows_a_delay_that_doubles_and_returns(void **state)
{
    (void)state;
    struct model_setup near = {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.5,
                               .extra_delay_ms = one_ms_more};
    assert_follows("in region", &near, 1, 2);
    struct model_setup laptop = {LAPTOP, .workers = 4, .law = MODEL_CONSTANT, .service_ms = 0.5,
                                 .extra_delay_ms = thirty_ms_more};
    assert_follows("laptop", &laptop, 1, 2);
}

/* Takes 60 % of the capacity for a seventh of the time. */
static double noisy_neighbour(double second)
{
    return fmod(second, 1.7) < 0.25 ? 0.4 : 1;
}

static void a_noisy_neighbour_costs_its_share_and_no_more(void **state)
{
    (void)state;
    struct model_setup quiet = {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.5};
    struct best best = best_static(&quiet, 0);
    struct model_setup setup = quiet;
    setup.speed = noisy_neighbour;
    double left = 1 - 0.6 * 0.25 / 1.7;
    struct model *model = adaptive(&setup, 0, 1);
    model_run_to(model, 39);
    double share = model_throughput_between(model, 5, 39) / (best.throughput * left);
    print_message("%.3f of what the neighbour leaves\n", share);
    assert_true(share >= SHARE_MIN);
    assert_true(model_limit_between(model, 5, 39) <= 2.0 * best.limit);
    model_free(model);
}

static double slow_at_first(double second)
{
    return second < 3 ? 0.25 : 1;
}

static void a_server_that_starts_slowly_is_used_fully_soon_after(void **state)
{
    (void)state;
    struct model_setup setup = {IN_COUNTRY, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.5};
    struct best best = best_static(&setup, 0);
    setup.speed = slow_at_first;
    struct model *model = adaptive(&setup, 0, 1);
    model_run_to(model, 20);
    double share = model_throughput_between(model, 8, 20) / best.throughput;
    print_message("%.3f of the best\n", share);
    assert_true(share >= SHARE_MIN);
    assert_true(settled_after_s(model, 3, 20) <= 5);
    model_free(model);
}

/* --- Too much, too little --- */

static void ten_minutes_of_too_much_leave_the_limit_below_twice_the_best(void **state)
{
    (void)state;
    struct model_setup setups[] = {
        {IN_REGION, .workers = 4, .law = MODEL_EXPONENTIAL, .service_ms = 2},
        {IN_COUNTRY, .workers = 4, .law = MODEL_EXPONENTIAL, .service_ms = 2},
    };
    for (size_t i = 0; i < 2; i++) {
        struct best best = best_static(&setups[i], 0);
        setups[i].offered_per_s = 1.25 * 2000;
        struct model *model = adaptive(&setups[i], 0, 1);
        model_run_to(model, 600);
        double most = 0;
        for (int second = 5; second < 599; second++)
            most = fmax(most, model_limit_between(model, second, second + 1));
        print_message("best %u, the largest mean of a second %.1f\n", best.limit, most);
        assert_true(most < 2.0 * best.limit);
        model_free(model);
    }
}

static double three_users(double second)
{
    return second < 10 ? 1e6 : 3;
}

static void idle_traffic_never_moves_the_limit(void **state)
{
    (void)state;
    struct model_setup setup = {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 0.5,
                                .users = three_users};
    struct model *model = adaptive(&setup, 0, 1);
    model_run_to(model, 10.1);
    uint32_t limit = model->limit;
    model_run_to(model, 60);
    assert_int_equal(model->limit, limit);
    assert_true(limit > 20);
    model_free(model);
}

static double a_thousand_users(double second)
{
    (void)second;
    return 1000;
}

static double six_hundred_users(double second)
{
    (void)second;
    return 600;
}

/* All the calls that there are may be more than the knee and fewer than the limits that are tried. */
static void the_knee_is_found_where_the_limits_that_are_tried_are_never_reached(void **state)
{
    (void)state;
    struct model_setup setup = {FAR_AWAY, .workers = 4, .law = MODEL_EXPONENTIAL, .service_ms = 0.83};
    struct best best = best_static(&setup, 0);
    double (*const users[])(double) = {a_thousand_users, six_hundred_users};
    for (size_t i = 0; i < 2; i++) {
        setup.users = users[i];
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct model *model = adaptive(&setup, 0, seed);
            model_run_to(model, 30);
            double limit = model_limit_between(model, 10, 30);
            print_message("%4.0f users, best %u, here %.1f\n", users[i](0), best.limit, limit);
            assert_true(limit < 1.25 * best.limit);
            assert_true(model_throughput_between(model, 10, 30) >= SHARE_MIN * best.throughput);
            model_free(model);
        }
    }
}

static double one_then_many(double second)
{
    return second < 5 ? 1 : 1000;
}

static void a_step_to_a_thousand_calls_is_served_in_full_within_two_seconds(void **state)
{
    (void)state;
    struct model_setup setup = {IN_REGION, .workers = 64, .law = MODEL_EXPONENTIAL, .service_ms = 1};
    struct best best = best_static(&setup, 0);
    setup.users = one_then_many;
    struct model *model = adaptive(&setup, 0, 1);
    model_run_to(model, 8);
    double share = model_throughput_between(model, 6.5, 7.5) / best.throughput;
    print_message("%.3f of the best\n", share);
    assert_true(share >= 0.95);
    model_free(model);
}

/* --- Outages --- */

/* For 30 seconds nothing comes back before its deadline. */
static double long_outage(double second)
{
    return second >= 10 && second < 40 ? 10000 * (40 - second) / 30 : 0;
}

static void an_outage_cuts_the_limit_and_its_end_brings_it_back_at_once(void **state)
{
    (void)state;
    struct model_setup setup = {IN_REGION,         .workers = 8,       .law = MODEL_EXPONENTIAL,
                                .service_ms = 0.5, .deadline_ms = 500, .extra_delay_ms = long_outage};
    struct model *model = adaptive(&setup, 0, 1);
    model_run_to(model, 60);
    double before = model_throughput_between(model, 5, 10);
    assert_true(model->timed_out_count > 0);
    assert_true(model_limit_between(model, 25, 30) < model_limit_between(model, 5, 10) / 2);
    double after = model_throughput_between(model, 41, 44);
    print_message("%.0f/s before, %.0f/s after\n", before, after);
    assert_true(after >= 0.95 * before);
    model_free(model);
}

/* --- The target --- */

static void a_target_below_the_round_trip_is_told_and_treated_as_none(void **state)
{
    (void)state;
    static const struct scenario scenarios[] = {
        {"20 ms over 80 ms", {FAR_AWAY, .workers = 16, .law = MODEL_EXPONENTIAL, .service_ms = 2}, 20},
        {"20 ms over 30 ms", {LAPTOP, .workers = 4, .law = MODEL_CONSTANT, .service_ms = 0.5}, 20},
    };
    for (size_t i = 0; i < 2; i++) {
        const struct model_setup *setup = &scenarios[i].setup;
        struct best best = best_static(setup, 0);
        struct model *model = adaptive(setup, scenarios[i].target_ms, 1);
        model_run_to(model, 2);
        assert_true(limiter_target_unmet(&model->limiter));
        model_run_to(model, 30);
        double share = model_throughput_between(model, 5, 30) / best.throughput;
        print_message("%s: %.3f of the best\n", scenarios[i].name, share);
        assert_true(share >= SHARE_MIN);
        model_free(model);
    }
}

static void a_tail_that_no_limit_cures_is_told_and_costs_no_throughput(void **state)
{
    (void)state;
    struct model_setup setup = {IN_REGION, .workers = 8, .law = MODEL_HEAVY, .service_ms = 1};
    struct best best = best_static(&setup, 0);
    struct model *model = adaptive(&setup, 5, 1);
    model_run_to(model, 5);
    assert_true(limiter_target_unmet(&model->limiter));
    model_run_to(model, 30);
    assert_true(model_throughput_between(model, 5, 30) >= SHARE_MIN * best.throughput);
    model_free(model);
}

static double forty_ms_more_at_first(double second)
{
    return second < 10 ? 40 : 0;
}

static void a_target_that_can_be_met_again_is_kept_again(void **state)
{
    (void)state;
    struct model_setup setup = {IN_REGION, .workers = 8, .law = MODEL_CONSTANT, .service_ms = 2,
                                .extra_delay_ms = forty_ms_more_at_first};
    struct model *model = adaptive(&setup, 20, 1);
    model_run_to(model, 9);
    assert_true(limiter_target_unmet(&model->limiter));
    model_run_to(model, 25);
    assert_false(limiter_target_unmet(&model->limiter));
    model->late_ns = (int64_t)20 * CLOCK_NS_PER_MS;
    model_measure(model);
    model_run_to(model, 35);
    assert_true((double)model->late_count <= 0.001 * (double)model->measured_count);
    model_free(model);
}

/* All that is on its way stands still for 50 ms, every seven seconds. */
static double stalls(double second)
{
    double since = fmod(second, 7.3);
    return second > 5 && since < 0.05 ? 1000 * (0.05 - since) : 0;
}

static void a_stall_now_and_then_is_no_reason_to_give_up_throughput(void **state)
{
    (void)state;
    struct model_setup setup = {.rtt_ms = 5,
                                .jitter_ms = 0.5,
                                .jitter_lasts_ms = 5,
                                .workers = 8,
                                .law = MODEL_EXPONENTIAL,
                                .service_ms = 0.5};
    struct best best = best_static(&setup, 0);
    setup.extra_delay_ms = stalls;
    struct model *model = adaptive(&setup, 20, 1);
    model_run_to(model, 60);
    double share = model_throughput_between(model, 5, 60) / best.throughput;
    print_message("%.3f of the best\n", share);
    assert_true(share >= 0.85);
    model_free(model);
}

/* A machine that others use: about twice a second it stands still, for 20 ms on average. */
static double chance(uint64_t slot, uint64_t which)
{
    uint64_t x = (2 * slot + which) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (double)((x ^ (x >> 32)) >> 11) / 9007199254740992.0;
}

static double busy_machine(double second)
{
    uint64_t slot = (uint64_t)(2 * second);
    double since = second - (double)slot / 2 - 0.4 * chance(slot, 0);
    double stall = -0.02 * log(1 - chance(slot, 1));
    return since >= 0 && since < stall ? 1000 * (stall - since) : 0;
}

static void a_target_that_the_machine_itself_misses_costs_no_throughput(void **state)
{
    (void)state;
    const struct scenario scenarios[] = {
        {"20 ms", {IN_REGION, .workers = 8, .law = MODEL_EXPONENTIAL, .service_ms = 2}, 20},
        {"5 ms", {IN_REGION, .workers = 4, .law = MODEL_CONSTANT, .service_ms = 0.8}, 5},
    };
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct model_setup setup = scenarios[i].setup;
        setup.extra_delay_ms = busy_machine;
        struct model *model = adaptive(&setup, scenarios[i].target_ms, 1);
        struct best best = best_static(&setup, 0);
        model_run_to(model, 40);
        double share = model_throughput_between(model, 5, 40) / best.throughput;
        print_message("%s: %.3f of the best\n", scenarios[i].name, share);
        assert_true(limiter_target_unmet(&model->limiter));
        assert_true(share >= 0.85 /* the stalls have their part */);
        model_free(model);
    }
}

/* --- Any input --- */

static void one_call_at_a_time_is_always_allowed_and_the_maximum_never_passed(void **state)
{
    (void)state;
    uint64_t random = 1;
    static const struct limiter_config configs[] = {
        {.min = 1, .max = 1, .initial = 1, .target_p999_ns = 1},
        {.min = 1, .max = 2, .initial = 1},
        {.min = 3, .max = 7, .initial = 5, .target_p999_ns = 1000},
        {.min = 1, .max = 1000000, .initial = 10, .target_p999_ns = CLOCK_NS_PER_MS},
        {.min = 1, .max = UINT32_MAX, .initial = 10},
    };
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct limiter limiter;
        limiter_init(&limiter, &configs[i]);
        int64_t now_ns = 0;
        for (int k = 0; k < 1000000; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            unsigned bits = (unsigned)(random >> 40);
            unsigned phase = (unsigned)k >> 14; /* all kinds of traffic, each for a while */
            now_ns += bits % 7 < phase % 7 ? 0 : (int64_t)1 << (bits % (phase % 2 ? 30 : 20));
            int64_t latency_ns = bits % 11 == 0 ? 0 : (int64_t)1 << (bits >> 8) % (phase % 3 ? 25 : 34);
            uint32_t limit =
                limiter_ended(&limiter, &(struct limiter_sample){
                                            .now_ns = now_ns,
                                            .latency_ns = latency_ns < now_ns ? latency_ns : now_ns,
                                            .in_flight = bits % (phase % 4 == 0 ? 2000000 : 50),
                                            .is_limited = bits % 16 > phase % 8,
                                            .outcome = bits % 1000 < phase % 3 ? LIMITER_TIMED_OUT
                                                       : bits % 50 == 0        ? LIMITER_IGNORED
                                                                               : LIMITER_ANSWERED,
                                        });
            if (limit < configs[i].min || limit > configs[i].max)
                fail_msg("a limit of %u after %d samples", limit, k);
        }
    }
}

static void calls_of_unknown_latency_are_not_counted(void **state)
{
    (void)state;
    struct limiter limiter;
    struct limiter_config config = config_of(1);
    limiter_init(&limiter, &config);
    for (int64_t k = 1; k < 100000; k++)
        assert_int_equal(limiter_ended(&limiter,
                                       &(struct limiter_sample){
                                           .now_ns = k * CLOCK_NS_PER_MS,
                                           .latency_ns = CLOCK_NS_PER_MS / 2,
                                           .in_flight = INITIAL,
                                           .is_limited = true,
                                           .outcome = LIMITER_IGNORED,
                                       }),
                         INITIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brings_nine_tenths_of_the_best_static_limit_and_settles_in_time),
        cmocka_unit_test(keeps_a_target_and_brings_nine_tenths_of_what_is_possible_within_it),
        cmocka_unit_test(a_server_that_gains_ever_less_is_neither_starved_nor_flooded),
        cmocka_unit_test(follows_a_capacity_that_halves_and_returns),
        cmocka_unit_test(follows_a_delay_that_doubles_and_returns),
        cmocka_unit_test(a_noisy_neighbour_costs_its_share_and_no_more),
        cmocka_unit_test(a_server_that_starts_slowly_is_used_fully_soon_after),
        cmocka_unit_test(ten_minutes_of_too_much_leave_the_limit_below_twice_the_best),
        cmocka_unit_test(idle_traffic_never_moves_the_limit),
        cmocka_unit_test(the_knee_is_found_where_the_limits_that_are_tried_are_never_reached),
        cmocka_unit_test(a_step_to_a_thousand_calls_is_served_in_full_within_two_seconds),
        cmocka_unit_test(an_outage_cuts_the_limit_and_its_end_brings_it_back_at_once),
        cmocka_unit_test(a_target_below_the_round_trip_is_told_and_treated_as_none),
        cmocka_unit_test(a_tail_that_no_limit_cures_is_told_and_costs_no_throughput),
        cmocka_unit_test(a_target_that_can_be_met_again_is_kept_again),
        cmocka_unit_test(a_stall_now_and_then_is_no_reason_to_give_up_throughput),
        cmocka_unit_test(a_target_that_the_machine_itself_misses_costs_no_throughput),
        cmocka_unit_test(one_call_at_a_time_is_always_allowed_and_the_maximum_never_passed),
        cmocka_unit_test(calls_of_unknown_latency_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
