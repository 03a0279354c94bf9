/* Latencies in buckets whose width grows with the value: counts are exact, values are known to within
 * 1 %, from 1 ns to beyond a minute, in constant memory and a few instructions a record.
 *
 * A value's bucket is its exponent and the 7 bits after its leading one, so a bucket is at most 1/128
 * of its values wide. Below 256 every value has its own bucket. */
#ifndef MAYFLY_BASE_HISTOGRAM_H
#define MAYFLY_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_PRECISION_BITS 7
#define HISTOGRAM_EXPONENT_MAX   38 /* 2^38 ns is 275 s; larger values count as that */
#define HISTOGRAM_BUCKETS                                                                                    \
    ((size_t)(HISTOGRAM_EXPONENT_MAX - HISTOGRAM_PRECISION_BITS + 1) << HISTOGRAM_PRECISION_BITS)

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t value);

/* The value that a FRACTION (0 to 1) of the records do not exceed; 0 when there are none. Never more
 * than the largest value recorded. */
uint64_t histogram_quantile(const struct histogram *histogram, double fraction);

double histogram_mean(const struct histogram *histogram);

/* Adds all of FROM to INTO. */
void histogram_add(struct histogram *into, const struct histogram *from);

/* What LATER has more than EARLIER, which are the same histogram at two moments. The maximum is known to within 1 %. */
void histogram_subtract(struct histogram *to, const struct histogram *later, const struct histogram *earlier);

/* The middle of a bucket's values, for those who write a whole histogram down. */
uint64_t histogram_value(size_t bucket);

/* A histogram that is read while it is written: by one thread at a time, which pays no more than for a plain one.
 * Zeroes are an empty one. */
struct shared_histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

void shared_histogram_record(struct shared_histogram *histogram, uint64_t value);

/* Any thread: copies FROM as it is at about this moment; a value that is being recorded may be there in part. */
void shared_histogram_read(const struct shared_histogram *from, struct histogram *to);

#endif
