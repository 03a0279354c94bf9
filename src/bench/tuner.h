/* Finds the concurrency and the channels with the most throughput that keep to a target, by measuring as little as it
 * can. It knows no client, no network and no clock: whoever calls says how a setting is measured.
 *
 * The search, in the order of its stages:
 *
 *   scan      doubles the concurrency until more brings nothing, or the target is well missed
 *   refine    halves the gap between the best setting that keeps to the target and its neighbours, in geometric steps,
 *             to within a tenth; what comes out close to the target, or misses it, is repeated
 *   channels  tries the best with two and four times as many channels, in turn with what it had
 *   verify    repeats the best until it has kept to the target in eight runs of eight, or eleven of twelve; one that
 *             fails gives way to the next lower one
 *
 * A machine that is shared adds its own noise to p99.9, now and then for seconds. So a setting that missed and would bring
 * more is measured again at another time, and one whose median is within four fifths of the target may miss it in one run
 * of four: that is not for its concurrency, and a lower one would not help.
 *
 * Without a target the best is the least concurrency with all but three hundredths of the most throughput: beyond it,
 * requests only queue. */
#ifndef MAYFLY_BENCH_TUNER_H
#define MAYFLY_BENCH_TUNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tuner_setting {
    int64_t concurrency;
    int64_t channels;
};

/* What a run of a setting found. */
struct tuner_run {
    double throughput_rps;
    double p999_us;
    double p50_us;
    double busy; /* the client's part of its core, 0 to 1 */
    uint64_t errors;
};

#define TUNER_RUNS_MAX   16
#define TUNER_POINTS_MAX 64

/* A setting with all its runs. */
struct tuner_point {
    struct tuner_setting setting;
    struct tuner_run runs[TUNER_RUNS_MAX];
    size_t run_count;
    size_t met;            /* runs that kept to the target, without errors */
    double throughput_rps; /* medians */
    double p999_us;
    double p50_us;
    double busy;
};

enum tuner_stage { TUNER_SCAN, TUNER_REFINE, TUNER_CHANNELS, TUNER_VERIFY, TUNER_DONE };

struct tuner_limits {
    double target_us; /* of p99.9; 0: none */
    int64_t concurrency_min;
    int64_t concurrency_max;
    int64_t streams; /* requests that a channel takes at once: fewer channels than that needs are not tried */
    int64_t channels_max; /* 1: the channels that are needed and no others */
    size_t verify_runs;   /* 0: none */
    size_t runs_max;      /* of all settings together */
};

struct tuner;

/* Measures once. False ends the search, which keeps what it has. */
typedef bool (*tuner_measure)(void *context, const struct tuner *tuner, const struct tuner_setting *setting,
                              struct tuner_run *run);

struct tuner {
    struct tuner_limits limits;
    tuner_measure measure;
    void *context;
    enum tuner_stage stage;
    struct tuner_point points[TUNER_POINTS_MAX];
    size_t point_count;
    size_t run_count;
    bool is_ended; /* by the measurer, or since it may measure no more */
};

/* Searches. Points that the tuner has already, of an earlier search, are not measured again. */
void tuner_search(struct tuner *tuner);

/* Goes on with another target, by which the runs that there are count anew. */
void tuner_retarget(struct tuner *tuner, double target_us);

/* The best setting of what has been measured; NULL where none keeps to the target. */
const struct tuner_point *tuner_best(const struct tuner *tuner);
/* The one that came closest to the target; NULL where nothing was measured. */
const struct tuner_point *tuner_closest(const struct tuner *tuner);

/* About how many more runs there will be. */
size_t tuner_runs_left(const struct tuner *tuner);

/* Adds a run to its setting's point; false where there is no room. */
bool tuner_add(struct tuner *tuner, const struct tuner_setting *setting, const struct tuner_run *run);

/* Where in points a setting is, or is put when it is measured first. */
size_t tuner_index(const struct tuner *tuner, const struct tuner_setting *setting);

/* The fewest channels that so many requests need. */
int64_t tuner_channels_needed(const struct tuner *tuner, int64_t concurrency);

#endif
