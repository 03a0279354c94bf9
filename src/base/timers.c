#include "base/timers.h"

#include "base/clock.h"

#include <stdlib.h>

#define TIMERS_MIN_CAPACITY 64

static void timers_place(struct timers *timers, struct timer *timer, size_t position)
{
    timers->heap[position] = timer;
    timer->position = position;
}

static void timers_sift_up(struct timers *timers, struct timer *timer)
{
    size_t at = timer->position;
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (timers->heap[parent]->due_ns <= timer->due_ns)
            break;
        timers_place(timers, timers->heap[parent], at);
        at = parent;
    }
    timers_place(timers, timer, at);
}

static void timers_sift_down(struct timers *timers, struct timer *timer)
{
    size_t at = timer->position;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
            child++;
        if (timer->due_ns <= timers->heap[child]->due_ns)
            break;
        timers_place(timers, timers->heap[child], at);
        at = child;
    }
    timers_place(timers, timer, at);
}

bool timers_arm(struct timers *timers, struct timer *timer, int64_t due_ns)
{
    if (!timer_armed(timer)) {
        if (timers->count == timers->capacity) {
            size_t capacity = timers->capacity > 0 ? 2 * timers->capacity : TIMERS_MIN_CAPACITY;
            struct timer **heap = realloc(timers->heap, capacity * sizeof(struct timer *));
            if (heap == NULL)
                return false;
            timers->heap = heap;
            timers->capacity = capacity;
        }
        timers_place(timers, timer, timers->count++);
    }
    timer->due_ns = due_ns;
    timers_sift_up(timers, timer);
    timers_sift_down(timers, timer);
    return true;
}

void timers_disarm(struct timers *timers, struct timer *timer)
{
    if (!timer_armed(timer))
        return;
    struct timer *last = timers->heap[--timers->count];
    if (last != timer) {
        timers_place(timers, last, timer->position);
        timers_sift_up(timers, last);
        timers_sift_down(timers, last);
    }
    timer->position = TIMER_IDLE;
}

struct timer *timers_pop_due(struct timers *timers, int64_t now_ns)
{
    if (timers->count == 0 || timers->heap[0]->due_ns > now_ns)
        return NULL;
    struct timer *timer = timers->heap[0];
    timers_disarm(timers, timer);
    return timer;
}

int64_t timers_next_ns(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0]->due_ns : CLOCK_NEVER;
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}
