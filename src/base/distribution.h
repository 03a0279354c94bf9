/* A distribution that a person writes down, of times or of sizes, and draws from it:
 *
 *     const:2ms            always the same
 *     exp:2ms              exponential, with that mean
 *     p50:1ms,p90:2ms,...  percentiles, rising: linear between two neighbours, level below the first and above the
 *                          last (so name p0 and p100 where they matter) */
#ifndef MAYFLY_BASE_DISTRIBUTION_H
#define MAYFLY_BASE_DISTRIBUTION_H

#include "base/options.h"

#define DISTRIBUTION_POINTS_MAX  32
#define DISTRIBUTION_TEXT_BYTES  1024
#define DISTRIBUTION_ERROR_BYTES 256

enum distribution_law { DISTRIBUTION_CONSTANT, DISTRIBUTION_EXPONENTIAL, DISTRIBUTION_PERCENTILES };

struct distribution {
    enum distribution_law law;
    int64_t mean; /* of the first two */
    size_t count; /* of percentiles */
    struct distribution_point {
        double percentile;
        int64_t value;
    } points[DISTRIBUTION_POINTS_MAX];
};

/* Reads one whose values are of TYPE, durations or sizes, from 0 to MAX, which are nanoseconds or bytes. False with a
 * sentence in ERROR. */
bool distribution_parse(const char *text, enum option_type type, int64_t max,
                        struct distribution *distribution, char error[DISTRIBUTION_ERROR_BYTES]);

/* The value at UNIFORM, which is at least 0 and less than 1: the distribution's quantile function. */
int64_t distribution_draw(const struct distribution *distribution, double uniform);

#endif
