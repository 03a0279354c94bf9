/* The loop: timers are never early, input comes before them, and other threads' tasks run on its thread. */
#include "base/clock.h"
#include "net/loop.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct alarm {
    struct timer timer;
    struct net_loop *loop;
    int64_t rang_ns;
    int rings;
};

static void on_alarm(struct timer *timer)
{
    struct alarm *alarm = list_entry(timer, struct alarm, timer);
    alarm->rang_ns = clock_now_ns();
    alarm->rings++;
}

static void timers_run_in_order_and_never_early(void **state)
{
    (void)state;
    struct net_loop loop;
    assert_int_equal(net_loop_init(&loop), 0);
    struct alarm alarms[20];
    int64_t start_ns = clock_now_ns();
    for (int i = 0; i < 20; i++) {
        alarms[i] = (struct alarm){.loop = &loop};
        timer_init(&alarms[i].timer, on_alarm);
        int64_t due_ns = start_ns + (20 - i) * (int64_t)1300 * CLOCK_NS_PER_US;
        assert_true(net_loop_arm(&loop, &alarms[i].timer, due_ns));
    }
    net_loop_disarm(&loop, &alarms[7].timer);
    while (alarms[0].rings == 0)
        net_loop_step(&loop, true);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(alarms[i].rings, i != 7);
        if (i != 7)
            assert_true(alarms[i].rang_ns >= start_ns + (20 - i) * (int64_t)1300 * CLOCK_NS_PER_US);
    }
    net_loop_free(&loop);
}

/* The least of twenty, since others may keep the processor busy. The usual alarm, of whole milliseconds, would be 0.6 ms
 * late. */
static void a_precise_loop_is_never_early_and_hardly_late(void **state)
{
    (void)state;
    struct net_loop loop;
    struct alarm alarm = {.rings = 0};
    int64_t least_late_ns = CLOCK_NEVER;
    assert_int_equal(net_loop_init(&loop), 0);
    assert_int_equal(net_loop_make_precise(&loop), 0);
    timer_init(&alarm.timer, on_alarm);
    for (int i = 0; i < 20; i++) {
        int64_t due_ns = clock_now_ns() + (int64_t)2400 * CLOCK_NS_PER_US;
        assert_true(net_loop_arm(&loop, &alarm.timer, due_ns));
        while (alarm.rings == i)
            net_loop_step(&loop, true);
        assert_true(alarm.rang_ns >= due_ns);
        least_late_ns = alarm.rang_ns - due_ns < least_late_ns ? alarm.rang_ns - due_ns : least_late_ns;
    }
    assert_true(least_late_ns < (int64_t)400 * CLOCK_NS_PER_US);
    assert_true(net_loop_arm(&loop, &alarm.timer, clock_now_ns() - 1)); /* overdue: at once */
    while (alarm.rings == 20)
        net_loop_step(&loop, true);
    net_loop_free(&loop);
}

static void the_time_that_a_host_may_wait_counts_from_when_it_asks(void **state)
{
    (void)state;
    struct net_loop loop;
    struct alarm alarm = {.rings = 0};
    assert_int_equal(net_loop_init(&loop), 0);
    net_loop_step(&loop, false);
    assert_int_equal(net_loop_timeout_ms(&loop), -1);
    timer_init(&alarm.timer, on_alarm);
    int64_t due_ns = clock_now_ns() + (int64_t)60 * CLOCK_NS_PER_MS;
    assert_true(net_loop_arm(&loop, &alarm.timer, due_ns));
    assert_in_range(net_loop_timeout_ms(&loop), 50, 61);
    while (clock_now_ns() < due_ns - (int64_t)20 * CLOCK_NS_PER_MS)
        (void)poll(NULL, 0, 1);
    assert_in_range(net_loop_timeout_ms(&loop), 0, 22);
    while (alarm.rings == 0) {
        (void)poll(NULL, 0, net_loop_timeout_ms(&loop));
        net_loop_step(&loop, false);
    }
    assert_true(alarm.rang_ns >= due_ns);
    net_loop_free(&loop);
}

struct counted {
    struct net_task task;
    struct net_loop *loop;
    pthread_t ran_on;
    int *left;
};

static void run_counted(struct net_task *task)
{
    struct counted *counted = list_entry(task, struct counted, task);
    counted->ran_on = pthread_self();
    if (--*counted->left == 0)
        net_loop_stop(counted->loop);
}

static void *post_all(void *context)
{
    struct counted *tasks = context;
    for (int i = 0; i < 100; i++)
        net_loop_post(tasks[i].loop, &tasks[i].task);
    return NULL;
}

static void tasks_of_other_threads_run_on_the_loops_thread(void **state)
{
    (void)state;
    struct net_loop loop;
    static struct counted tasks[400];
    pthread_t threads[4];
    int left = 400;
    assert_int_equal(net_loop_init(&loop), 0);
    for (int i = 0; i < 400; i++)
        tasks[i] = (struct counted){.task.run = run_counted, .loop = &loop, .left = &left};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &tasks[100 * i]), 0);
    net_loop_run(&loop);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(left, 0);
    for (int i = 0; i < 400; i++)
        assert_true(pthread_equal(tasks[i].ran_on, pthread_self()));
    net_loop_free(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_run_in_order_and_never_early),
        cmocka_unit_test(a_precise_loop_is_never_early_and_hardly_late),
        cmocka_unit_test(the_time_that_a_host_may_wait_counts_from_when_it_asks),
        cmocka_unit_test(tasks_of_other_threads_run_on_the_loops_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
