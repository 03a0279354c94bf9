/* Deadlines, soonest first: a heap of links that live in the things that wait. A node has four children, which lie side by
 * side with their times, so that few lines of the processor's cache are looked at. Adding and removing cost a few
 * comparisons and, but for growth, no allocation. Knows no clock: the caller asks what is due at a reading of its own. */
#ifndef MAYFLY_BASE_TIMERS_H
#define MAYFLY_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_IDLE SIZE_MAX

struct timer {
    int64_t due_ns;
    size_t position; /* in the heap, or TIMER_IDLE */
    void (*expired)(struct timer *timer);
};

struct timers_node {
    int64_t due_ns;
    struct timer *timer;
};

struct timers {
    struct timers_node *heap;
    size_t count;
    size_t capacity;
};

/* EXPIRED is what whoever pops the timer calls, with the timer idle. */
static inline void timer_init(struct timer *timer, void (*expired)(struct timer *timer))
{
    timer->position = TIMER_IDLE;
    timer->expired = expired;
}

static inline bool timer_armed(const struct timer *timer)
{
    return timer->position != TIMER_IDLE;
}

/* Arms TIMER, or moves it when it is armed. False, with the timer idle, when memory is out. */
bool timers_arm(struct timers *timers, struct timer *timer, int64_t due_ns);

/* Takes TIMER out; nothing happens when it is idle. */
void timers_disarm(struct timers *timers, struct timer *timer);

/* The soonest timer that is due at NOW, taken out, or NULL. */
struct timer *timers_pop_due(struct timers *timers, int64_t now_ns);

/* When the soonest timer is due, or CLOCK_NEVER. */
int64_t timers_next_ns(const struct timers *timers);

/* Frees the heap; timers in it become meaningless. */
void timers_free(struct timers *timers);

#endif
