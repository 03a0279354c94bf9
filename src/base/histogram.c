#include "base/histogram.h"

#define SUB_BUCKETS (UINT64_C(1) << HISTOGRAM_PRECISION_BITS)

/* Bucket of a value: values below 2 * SUB_BUCKETS are their own number, later ones are counted on
 * SUB_BUCKETS for each doubling. */
static size_t histogram_bucket(uint64_t value)
{
    if (value >= UINT64_C(1) << HISTOGRAM_EXPONENT_MAX)
        return HISTOGRAM_BUCKETS - 1;
    if (value < 2 * SUB_BUCKETS)
        return (size_t)value;
    int shift = 63 - __builtin_clzll(value) - HISTOGRAM_PRECISION_BITS;
    return (size_t)(((uint64_t)shift << HISTOGRAM_PRECISION_BITS) + (value >> shift));
}

uint64_t histogram_value(size_t bucket)
{
    if (bucket < 2 * SUB_BUCKETS)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_PRECISION_BITS) - 1;
    uint64_t low = (uint64_t)(bucket - ((uint64_t)shift << HISTOGRAM_PRECISION_BITS)) << shift;
    return low + (UINT64_C(1) << shift) / 2;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->buckets[histogram_bucket(value)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double fraction)
{
    if (histogram->count == 0)
        return 0;
    double exact = fraction * (double)histogram->count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact || rank == 0)
        rank++;

    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            uint64_t value = histogram_value(i);
            return value < histogram->max ? value : histogram->max;
        }
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? (double)histogram->sum / (double)histogram->count : 0;
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

void histogram_subtract(struct histogram *to, const struct histogram *later, const struct histogram *earlier)
{
    *to = (struct histogram){.count = later->count - earlier->count, .sum = later->sum - earlier->sum};
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->buckets[i] = later->buckets[i] - earlier->buckets[i];
        if (to->buckets[i] > 0)
            to->max = histogram_value(i);
    }
    if (to->max > later->max || later->max > earlier->max)
        to->max = later->max;
}

static uint64_t load(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

/* There is one writer, so nothing is lost between the load and the store. */
static void store(_Atomic uint64_t *to, uint64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

void shared_histogram_record(struct shared_histogram *histogram, uint64_t value)
{
    _Atomic uint64_t *bucket = &histogram->buckets[histogram_bucket(value)];
    store(bucket, load(bucket) + 1);
    store(&histogram->sum, load(&histogram->sum) + value);
    if (value > load(&histogram->max))
        store(&histogram->max, value);
}

void shared_histogram_read(const struct shared_histogram *from, struct histogram *to)
{
    *to = (struct histogram){.sum = load(&from->sum), .max = load(&from->max)};
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->buckets[i] = load(&from->buckets[i]);
        to->count += to->buckets[i];
    }
}
