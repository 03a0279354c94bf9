#include "base/timers.h"

#include "base/clock.h"

#include <stdlib.h>

#define TIMERS_MIN_CAPACITY 64
#define CHILDREN            4

static void place(struct timers *timers, struct timers_node node, size_t position)
{
    timers->heap[position] = node;
    node.timer->position = position;
}

/* Both put NODE into the free place AT, or where what is above it, or below it, leaves it one. */
static void sift_up(struct timers *timers, struct timers_node node, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / CHILDREN;
        if (timers->heap[parent].due_ns <= node.due_ns)
            break;
        place(timers, timers->heap[parent], at);
        at = parent;
    }
    place(timers, node, at);
}

static void sift_down(struct timers *timers, struct timers_node node, size_t at)
{
    for (;;) {
        size_t child = CHILDREN * at + 1;
        size_t end = child + CHILDREN < timers->count ? child + CHILDREN : timers->count;
        if (child >= end)
            break;
        size_t soonest = child;
        while (++child < end)
            if (timers->heap[child].due_ns < timers->heap[soonest].due_ns)
                soonest = child;
        if (node.due_ns <= timers->heap[soonest].due_ns)
            break;
        place(timers, timers->heap[soonest], at);
        at = soonest;
    }
    place(timers, node, at);
}

static void sift(struct timers *timers, struct timers_node node, size_t at)
{
    if (at > 0 && node.due_ns < timers->heap[(at - 1) / CHILDREN].due_ns)
        sift_up(timers, node, at);
    else
        sift_down(timers, node, at);
}

static bool reserve(struct timers *timers)
{
    if (timers->count < timers->capacity)
        return true;
    size_t capacity = timers->capacity > 0 ? 2 * timers->capacity : TIMERS_MIN_CAPACITY;
    struct timers_node *heap = realloc(timers->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

bool timers_arm(struct timers *timers, struct timer *timer, int64_t due_ns)
{
    if (!timer_armed(timer)) {
        if (!reserve(timers))
            return false;
        timer->position = timers->count++;
    }
    timer->due_ns = due_ns;
    sift(timers, (struct timers_node){due_ns, timer}, timer->position);
    return true;
}

void timers_disarm(struct timers *timers, struct timer *timer)
{
    if (!timer_armed(timer))
        return;
    struct timers_node last = timers->heap[--timers->count];
    if (last.timer != timer)
        sift(timers, last, timer->position);
    timer->position = TIMER_IDLE;
}

struct timer *timers_pop_due(struct timers *timers, int64_t now_ns)
{
    if (timers->count == 0 || timers->heap[0].due_ns > now_ns)
        return NULL;
    struct timer *timer = timers->heap[0].timer;
    timers_disarm(timers, timer);
    return timer;
}

int64_t timers_next_ns(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0].due_ns : CLOCK_NEVER;
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}
