/* The clock: nanoseconds and milliseconds that only move forward. Rooms below net/ never tell the time by it;
 * they are given a reading, so that a test can turn time as it likes. */
#ifndef MAYFLY_BASE_CLOCK_H
#define MAYFLY_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_US 1000
#define CLOCK_NS_PER_MS 1000000
#define CLOCK_NS_PER_S  1000000000

/* "Never", as a time or a deadline. */
#define CLOCK_NEVER     INT64_MAX

/* Nanoseconds since some moment in the past (CLOCK_MONOTONIC). */
int64_t clock_now_ns(void);

/* A + B where B may be "never"; neither may be negative. Does not overflow. */
static inline int64_t clock_add(int64_t a, int64_t b)
{
    return a > CLOCK_NEVER - b ? CLOCK_NEVER : a + b;
}

#endif
