/* The simulated service: its query, its distributions, and the arithmetic of first come, first served. */
#include "server/simulate.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MS       ((int64_t)CLOCK_NS_PER_MS)
#define START_NS (1000 * (int64_t)CLOCK_NS_PER_S)

static struct simulate_order order_of(const char *query)
{
    struct simulate_order order;
    char error[SIMULATE_ERROR_BYTES];
    if (!simulate_parse(bytes_of(query), &order, error))
        fail_msg("%s: %s", query, error);
    return order;
}

/* --- The query --- */

static void a_query_tells_workers_time_seed_and_log(void **state)
{
    (void)state;
    struct simulate_order order = order_of("workers=4&time=exp:1.5ms&seed=7&log=%2Ftmp%2fa+b");
    assert_int_equal(order.workers, 4);
    assert_int_equal(order.time_ns.law, DISTRIBUTION_EXPONENTIAL);
    assert_int_equal(order.time_ns.mean, 1500 * CLOCK_NS_PER_US);
    assert_true(order.is_seeded);
    assert_int_equal(order.seed, 7);
    assert_string_equal(order.log_path, "/tmp/a b");
    assert_string_equal(order.time_text, "exp:1.5ms");
}

static void off_or_no_workers_end_the_simulation(void **state)
{
    (void)state;
    assert_int_equal(order_of("off").workers, 0);
    assert_int_equal(order_of("workers=0").workers, 0);
    assert_int_equal(order_of("workers=3&time=const:1ms&off").workers, 0);
}

static void a_bad_query_is_refused_with_a_sentence(void **state)
{
    (void)state;
    char long_log[2 * SIMULATE_VALUE_BYTES] = "workers=1&time=const:1ms&log=";
    memset(long_log + strlen(long_log), 'x', sizeof long_log - strlen(long_log) - 1);
    long_log[sizeof long_log - 1] = '\0';
    const char *const bad[] = {
        "",
        "workers=1",
        "time=const:1ms",
        "workers=-1&time=const:1ms",
        "workers=65537&time=const:1ms",
        "workers=many&time=const:1ms",
        "workers=1&time=1ms",
        "workers=1&time=const:",
        "workers=1&time=const:-1ms",
        "workers=1&time=const:2h",
        "workers=1&time=const:nan",
        "workers=1&time=exp:soon",
        "workers=1&time=p50",
        "workers=1&time=p50:1ms,",
        "workers=1&time=p:1ms",
        "workers=1&time=p101:1ms",
        "workers=1&time=p1.2.3:1ms",
        "workers=1&time=p50:2ms,p50:3ms",
        "workers=1&time=p50:2ms,p40:3ms",
        "workers=1&time=p50:2ms,p90:1ms",
        "workers=1&time=const:1ms&seed=x",
        "workers=1&time=const:1ms&colour=red",
        "workers=1&time=const:1ms&log=%0",
        "workers=1&time=const:1ms&log=%00",
        "workers=1&time=const:1ms&log=%zz",
        "off=1&",
        long_log,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct simulate_order order;
        char error[SIMULATE_ERROR_BYTES] = "";
        if (simulate_parse(bytes_of(bad[i]), &order, error))
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(error) > 10);
    }
}

/* --- At work --- */

static struct simulation *simulation_of(const char *query, size_t waiting_max)
{
    struct simulation *simulation = simulation_create(waiting_max);
    struct simulate_order order = order_of(query);
    char error[SIMULATE_ERROR_BYTES];
    assert_non_null(simulation);
    if (!simulation_change(simulation, &order, START_NS, error))
        fail_msg("%s", error);
    return simulation;
}

static int64_t departure(struct simulation *simulation, int64_t arrival_ns)
{
    struct simulation_ticket ticket;
    assert_int_equal(simulation_arrive(simulation, arrival_ns, &ticket), SIMULATION_ADMITTED);
    return ticket.due_ns;
}

static void one_worker_serves_one_call_after_the_other(void **state)
{
    (void)state;
    struct simulation *simulation = simulation_of("workers=1&time=const:2ms", 10);
    for (int i = 1; i <= 5; i++)
        assert_int_equal(departure(simulation, START_NS), START_NS + i * 2 * MS);
    assert_int_equal(departure(simulation, START_NS + 9 * MS), START_NS + 12 * MS);
    assert_int_equal(departure(simulation, START_NS + 50 * MS), START_NS + 52 * MS);
    simulation_destroy(simulation);
}

/* As many calls that give up as would take the time past what its numbers hold. */
static void work_without_end_is_due_never(void **state)
{
    (void)state;
    const int64_t hour_ns = 3600 * (int64_t)CLOCK_NS_PER_S;
    const int64_t late_ns = CLOCK_NEVER - 3 * hour_ns;
    struct simulation *simulation = simulation_of("workers=1&time=const:1h", 10);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(departure(simulation, late_ns), late_ns + i * hour_ns);
    assert_int_equal(departure(simulation, late_ns), CLOCK_NEVER);
    assert_int_equal(departure(simulation, late_ns), CLOCK_NEVER);
    simulation_destroy(simulation);
}

static void a_call_goes_to_the_worker_that_is_free_first(void **state)
{
    (void)state;
    enum { WORKERS = 7, CALLS = 2000 };
    struct simulation *simulation = simulation_of("workers=7&time=exp:3ms&seed=11", CALLS);
    struct simulation *same = simulation_of("workers=65536&time=exp:3ms&seed=11", CALLS);
    int64_t free_ns[WORKERS] = {0};
    int64_t arrival_ns = START_NS;
    for (int i = 0; i < CALLS; i++) {
        arrival_ns += i % 5 * 200 * CLOCK_NS_PER_US;
        int64_t service_ns = departure(same, arrival_ns) - arrival_ns; /* nobody waits there */
        int first = 0;
        for (int k = 1; k < WORKERS; k++)
            first = free_ns[k] < free_ns[first] ? k : first;
        int64_t start_ns = free_ns[first] > arrival_ns ? free_ns[first] : arrival_ns;
        free_ns[first] = start_ns + service_ns;
        assert_int_equal(departure(simulation, arrival_ns), free_ns[first]);
    }
    simulation_destroy(simulation);
    simulation_destroy(same);
}

static void a_clock_that_lags_does_not_overtake(void **state)
{
    (void)state;
    struct simulation *simulation = simulation_of("workers=2&time=const:2ms", 10);
    assert_int_equal(departure(simulation, START_NS + MS), START_NS + 3 * MS);
    assert_int_equal(departure(simulation, START_NS), START_NS + 3 * MS);
    simulation_destroy(simulation);
}

static void only_so_many_wait(void **state)
{
    (void)state;
    struct simulation *simulation = simulation_of("workers=2&time=const:2ms", 3);
    struct simulation_ticket tickets[5];
    struct simulation_ticket ticket;
    for (int i = 0; i < 5; i++)
        assert_int_equal(simulation_arrive(simulation, START_NS, &tickets[i]), SIMULATION_ADMITTED);
    assert_int_equal(simulation_arrive(simulation, START_NS, &ticket), SIMULATION_IS_FULL);
    simulation_leave(simulation, &tickets[0]);
    assert_int_equal(simulation_arrive(simulation, START_NS, &ticket), SIMULATION_ADMITTED);
    simulation_destroy(simulation);
}

static void a_change_holds_for_calls_that_arrive_after_it(void **state)
{
    (void)state;
    char error[SIMULATE_ERROR_BYTES];
    struct simulation *simulation = simulation_of("workers=1&time=const:9ms", 0);
    struct simulation_ticket before;
    struct simulation_ticket after;
    assert_int_equal(simulation_arrive(simulation, START_NS, &before), SIMULATION_ADMITTED);

    struct simulate_order faster = order_of("workers=1&time=const:1ms");
    assert_true(simulation_change(simulation, &faster, START_NS + MS, error));
    assert_int_equal(simulation_arrive(simulation, START_NS + MS, &after), SIMULATION_ADMITTED);
    assert_int_equal(after.due_ns, START_NS + 2 * MS);
    simulation_leave(simulation, &before); /* of the one before: makes no room in this one */
    assert_int_equal(simulation_arrive(simulation, START_NS + MS, &after), SIMULATION_IS_FULL);

    struct simulate_order off = order_of("off");
    assert_true(simulation_change(simulation, &off, START_NS + MS, error));
    assert_int_equal(simulation_arrive(simulation, START_NS + MS, &after), SIMULATION_IS_OFF);
    simulation_leave(simulation, &after);
    simulation_destroy(simulation);
}

static void drawn_times_follow_the_distribution(void **state)
{
    (void)state;
    enum { CALLS = 100000 };
    struct simulation *simulation = simulation_of("workers=65536&time=p0:0ms,p100:10ms&seed=3", CALLS);
    double sum = 0;
    int below = 0;
    for (int i = 0; i < CALLS; i++) {
        int64_t arrival_ns = START_NS + i * 100 * MS;
        int64_t service_ns = departure(simulation, arrival_ns) - arrival_ns;
        sum += (double)service_ns;
        below += service_ns < 3 * MS;
    }
    assert_true(fabs(sum / CALLS - 5.0 * (double)MS) < 0.05 * (double)MS);
    assert_in_range(below, CALLS * 29 / 100, CALLS * 31 / 100);
    simulation_destroy(simulation);
}

/* --- The log --- */

static void the_log_has_a_line_a_call_and_replaces_only_a_log(void **state)
{
    (void)state;
    char path[] = "/tmp/mayfly-simulate-XXXXXX";
    char query[128];
    char error[SIMULATE_ERROR_BYTES];
    char line[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)snprintf(query, sizeof query, "workers=1&time=const:2ms&seed=1&log=%s", path);
    for (int round = 0; round < 2; round++) { /* the second writes over the first */
        struct simulation *simulation = simulation_of(query, 10);
        (void)departure(simulation, START_NS + MS);
        (void)departure(simulation, START_NS + 2 * MS);
        simulation_destroy(simulation);
    }
    FILE *log = fopen(path, "r");
    assert_non_null(log);
    assert_non_null(fgets(line, sizeof line, log));
    assert_non_null(strstr(line, "workers=1 time=const:2ms seed=1"));
    assert_non_null(fgets(line, sizeof line, log));
    assert_string_equal(line, "1000000 0 2000000\n");
    assert_non_null(fgets(line, sizeof line, log));
    assert_string_equal(line, "2000000 1000000 2000000\n");
    assert_null(fgets(line, sizeof line, log));
    (void)fclose(log);

    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(write(fd, "precious", 8), 8);
    struct simulation *simulation = simulation_create(1);
    struct simulate_order order = order_of(query);
    assert_false(simulation_change(simulation, &order, START_NS, error));
    struct simulation_ticket ticket;
    assert_int_equal(simulation_arrive(simulation, START_NS, &ticket), SIMULATION_IS_OFF);
    assert_int_equal(lseek(fd, 0, SEEK_END), 8);
    simulation_destroy(simulation);
    (void)close(fd);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_tells_workers_time_seed_and_log),
        cmocka_unit_test(off_or_no_workers_end_the_simulation),
        cmocka_unit_test(a_bad_query_is_refused_with_a_sentence),
        cmocka_unit_test(one_worker_serves_one_call_after_the_other),
        cmocka_unit_test(work_without_end_is_due_never),
        cmocka_unit_test(a_call_goes_to_the_worker_that_is_free_first),
        cmocka_unit_test(a_clock_that_lags_does_not_overtake),
        cmocka_unit_test(only_so_many_wait),
        cmocka_unit_test(a_change_holds_for_calls_that_arrive_after_it),
        cmocka_unit_test(drawn_times_follow_the_distribution),
        cmocka_unit_test(the_log_has_a_line_a_call_and_replaces_only_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
