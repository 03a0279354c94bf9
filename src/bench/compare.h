/* Runs beside one another: one document of several, and what is worse in a later one than in the first. */
#ifndef MAYFLY_BENCH_COMPARE_H
#define MAYFLY_BENCH_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define COMPARE_ERROR_BYTES 320

/* Reads a document, or a result of `mayfly bench --json` or `python -m mayfly.bench --json` as a document of one point.
 * NULL with a sentence in ERROR. */
json_t *compare_read(const char *path, char error[COMPARE_ERROR_BYTES]);

/* Adds all of FROM to INTO: series of a section that both have stand in one, under LABEL. */
void compare_merge(json_t *into, json_t *from, const char *label);

/* How much worse a figure may be, in percent of the first; below 0: any. */
struct compare_limits {
    double throughput_loss;
    double p50_growth;
    double p99_growth;
    double p999_growth;
};

struct compare_counts {
    size_t compared; /* points that both have */
    size_t worse;    /* figures beyond their limit */
};

/* Prints every point that both documents have, figure by figure; what is beyond a limit is marked. */
struct compare_counts compare_print(const json_t *base, const json_t *other,
                                    const struct compare_limits *limits, FILE *to);

#endif
