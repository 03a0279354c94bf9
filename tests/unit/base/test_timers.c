/* The heap of deadlines against a model that looks at every timer. */
#include "base/timers.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TIMERS = 300 };

static void ignore(struct timer *timer)
{
    (void)timer;
}

/* The soonest due time of the armed ones. */
static int64_t model_next(const struct timer *timers)
{
    int64_t next_ns = CLOCK_NEVER;
    for (int i = 0; i < TIMERS; i++)
        if (timer_armed(&timers[i]) && timers[i].due_ns < next_ns)
            next_ns = timers[i].due_ns;
    return next_ns;
}

static void timers_behave_as_the_simple_model(void **state)
{
    (void)state;
    struct timers heap = {0};
    struct timer timers[TIMERS];
    unsigned seed = 12345;
    size_t armed = 0;
    for (int i = 0; i < TIMERS; i++)
        timer_init(&timers[i], ignore);
    for (int64_t now_ns = 0; now_ns < 30000; now_ns++) {
        struct timer *timer = &timers[rand_r(&seed) % TIMERS];
        if (rand_r(&seed) % 4 != 0) {
            armed += !timer_armed(timer);
            assert_true(timers_arm(&heap, timer, now_ns + rand_r(&seed) % 500));
            assert_true(timer_armed(timer));
        } else {
            armed -= timer_armed(timer);
            timers_disarm(&heap, timer);
            assert_false(timer_armed(timer));
        }
        assert_int_equal(heap.count, armed);
        assert_true(timers_next_ns(&heap) == model_next(timers));
        struct timer *due;
        int64_t last_ns = 0;
        while ((due = timers_pop_due(&heap, now_ns)) != NULL) {
            assert_true(due->due_ns <= now_ns && due->due_ns >= last_ns);
            assert_false(timer_armed(due));
            last_ns = due->due_ns;
            armed--;
        }
        assert_true(model_next(timers) > now_ns);
    }
    timers_free(&heap);
}

static void nothing_is_due_before_its_time(void **state)
{
    (void)state;
    struct timers heap = {0};
    struct timer timer;
    timer_init(&timer, ignore);
    assert_true(timers_next_ns(&heap) == CLOCK_NEVER);
    assert_null(timers_pop_due(&heap, INT64_MAX));
    assert_true(timers_arm(&heap, &timer, 100));
    assert_null(timers_pop_due(&heap, 99));
    assert_true(timers_arm(&heap, &timer, 200));
    assert_null(timers_pop_due(&heap, 199));
    assert_true(timers_arm(&heap, &timer, 50));
    assert_ptr_equal(timers_pop_due(&heap, 50), &timer);
    assert_null(timers_pop_due(&heap, 500));
    timers_disarm(&heap, &timer);
    assert_true(timers_next_ns(&heap) == CLOCK_NEVER);
    timers_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_behave_as_the_simple_model),
        cmocka_unit_test(nothing_is_due_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
