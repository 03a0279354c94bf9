#include "bench/tuner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_GAIN     1.03 /* a doubling that brings less has brought nothing */
#define FAR           1.6  /* times the target is well missed */
#define CLOSE         0.2  /* a p99.9 within this part of the target is repeated */
#define CLOSE_RUNS    3
#define DOUBT_RUNS    5
#define FINE          1.1  /* neighbours that are no further apart need nothing between them */
#define LEVEL         0.99 /* of the most throughput is as good, with less concurrency */
#define LEVEL_FREE    0.97 /* likewise where there is no target, for beyond it requests queue */
#define GAIN          1.02 /* is worth a look at what lies between */
#define CHANNELS_GAIN 1.03 /* is worth more connections */
#define CHANNELS_RUNS 3
#define MANY_RUNS     12
#define NOISY_PART    4 /* one run in so many may be noise */
#define STEP_DOWN     0.96
#define SCAN_RUNS     12 /* as a guess of how many are to come */

/* --- Points --- */

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_number);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void settle(const struct tuner *tuner, struct tuner_point *point)
{
    double values[4][TUNER_RUNS_MAX];
    point->met = 0;
    for (size_t i = 0; i < point->run_count; i++) {
        const struct tuner_run *run = &point->runs[i];
        values[0][i] = run->throughput_rps;
        values[1][i] = run->p999_us;
        values[2][i] = run->p50_us;
        values[3][i] = run->busy;
        point->met +=
            run->errors == 0 && (tuner->limits.target_us == 0 || run->p999_us <= tuner->limits.target_us);
    }
    point->throughput_rps = median(values[0], point->run_count);
    point->p999_us = median(values[1], point->run_count);
    point->p50_us = median(values[2], point->run_count);
    point->busy = median(values[3], point->run_count);
}

size_t tuner_index(const struct tuner *tuner, const struct tuner_setting *setting)
{
    size_t i = 0;
    while (i < tuner->point_count && (tuner->points[i].setting.concurrency != setting->concurrency ||
                                      tuner->points[i].setting.channels != setting->channels))
        i++;
    return i;
}

static struct tuner_point *find(struct tuner *tuner, const struct tuner_setting *setting)
{
    size_t i = tuner_index(tuner, setting);
    return i < tuner->point_count ? &tuner->points[i] : NULL;
}

bool tuner_add(struct tuner *tuner, const struct tuner_setting *setting, const struct tuner_run *run)
{
    struct tuner_point *point = find(tuner, setting);
    if (point == NULL) {
        if (tuner->point_count == TUNER_POINTS_MAX)
            return false;
        point = &tuner->points[tuner->point_count++];
        *point = (struct tuner_point){.setting = *setting};
    }
    if (point->run_count == TUNER_RUNS_MAX)
        return false;
    point->runs[point->run_count++] = *run;
    settle(tuner, point);
    return true;
}

void tuner_retarget(struct tuner *tuner, double target_us)
{
    tuner->limits.target_us = target_us;
    for (size_t i = 0; i < tuner->point_count; i++)
        settle(tuner, &tuner->points[i]);
}

int64_t tuner_channels_needed(const struct tuner *tuner, int64_t concurrency)
{
    return (concurrency + tuner->limits.streams - 1) / tuner->limits.streams;
}

static double least_p999_us(const struct tuner_point *point)
{
    double least = point->runs[0].p999_us;
    for (size_t i = 1; i < point->run_count; i++)
        least = point->runs[i].p999_us < least ? point->runs[i].p999_us : least;
    return least;
}

static bool is_well_within(const struct tuner *tuner, double us)
{
    return us <= (1 - CLOSE) * tuner->limits.target_us;
}

/* How many of its runs may miss the target: what the machine adds to some is not the setting's fault, and where most are
 * well within, fewer requests in flight would not help. */
static size_t failures_allowed(const struct tuner *tuner, const struct tuner_point *point)
{
    if (is_well_within(tuner, point->p999_us))
        return point->run_count / NOISY_PART > 1 ? point->run_count / NOISY_PART : 1;
    return point->run_count >= MANY_RUNS ? 1 : 0;
}

/* Whether it keeps to the target as far as its runs tell: where they are few, one that is well within says more than
 * others that are not, since noise only adds. */
static bool holds(const struct tuner *tuner, const struct tuner_point *point)
{
    if (point->run_count - point->met <= failures_allowed(tuner, point))
        return true;
    return point->run_count < tuner->limits.verify_runs && is_well_within(tuner, least_p999_us(point));
}

static bool measure(struct tuner *tuner, const struct tuner_setting *setting)
{
    struct tuner_run run;
    if (!tuner->is_ended &&
        (tuner->run_count == tuner->limits.runs_max || !tuner->measure(tuner->context, tuner, setting, &run)))
        tuner->is_ended = true;
    if (tuner->is_ended)
        return false;
    tuner->run_count++;
    if (!tuner_add(tuner, setting, &run))
        tuner->is_ended = true;
    return !tuner->is_ended;
}

/* Measures until the setting has so many runs. */
static bool measure_until(struct tuner *tuner, const struct tuner_setting *setting, size_t runs)
{
    for (;;) {
        const struct tuner_point *point = find(tuner, setting);
        if (point != NULL && point->run_count >= runs)
            return true;
        if (!measure(tuner, setting))
            return false;
    }
}

static bool is_unclear(const struct tuner *tuner, const struct tuner_point *point)
{
    double target_us = tuner->limits.target_us;
    bool is_close = fabs(point->p999_us - target_us) <= CLOSE * target_us;
    return target_us > 0 && (is_close || point->met < point->run_count);
}

/* Measures once, and again where the result is close to the target, or misses it, which may have been noise. */
static const struct tuner_point *look(struct tuner *tuner, int64_t concurrency)
{
    struct tuner_setting setting = {concurrency, tuner_channels_needed(tuner, concurrency)};
    const struct tuner_point *point = find(tuner, &setting);
    if (point == NULL && !measure(tuner, &setting))
        return NULL;
    point = find(tuner, &setting);
    while (is_unclear(tuner, point) && point->run_count < CLOSE_RUNS && point->run_count - point->met < 2 &&
           measure(tuner, &setting))
        ;
    return point;
}

/* --- Choosing --- */

/* The one with the most throughput of those that hold, of any concurrency below UNTIL. */
static const struct tuner_point *fastest(const struct tuner *tuner, int64_t until)
{
    const struct tuner_point *best = NULL;
    for (size_t i = 0; i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        if (holds(tuner, point) && point->setting.concurrency < until &&
            (best == NULL || point->throughput_rps > best->throughput_rps))
            best = point;
    }
    return best;
}

/* Whether A is to be preferred to B where both are fast enough: less concurrency, then fewer channels. */
static bool is_smaller(const struct tuner_point *a, const struct tuner_point *b)
{
    if (a->setting.concurrency != b->setting.concurrency)
        return a->setting.concurrency < b->setting.concurrency;
    return a->setting.channels < b->setting.channels;
}

static double level(const struct tuner *tuner)
{
    return tuner->limits.target_us > 0 ? LEVEL : LEVEL_FREE;
}

static const struct tuner_point *best_below(const struct tuner *tuner, int64_t until)
{
    const struct tuner_point *most = fastest(tuner, until);
    const struct tuner_point *best = most;
    for (size_t i = 0; most != NULL && i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        if (holds(tuner, point) && point->setting.concurrency < until && is_smaller(point, best) &&
            point->throughput_rps >= level(tuner) * most->throughput_rps)
            best = point;
    }
    return best;
}

/* Of those that were verified the best, of any others where none was. */
const struct tuner_point *tuner_best(const struct tuner *tuner)
{
    const struct tuner_point *verified = NULL;
    for (size_t i = 0; i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        if (tuner->limits.verify_runs == 0 || point->run_count < tuner->limits.verify_runs ||
            !holds(tuner, point))
            continue;
        if (verified == NULL || point->throughput_rps > verified->throughput_rps)
            verified = point;
    }
    return verified != NULL ? verified : best_below(tuner, INT64_MAX);
}

const struct tuner_point *tuner_closest(const struct tuner *tuner)
{
    const struct tuner_point *closest = NULL;
    for (size_t i = 0; i < tuner->point_count; i++)
        if (closest == NULL || tuner->points[i].p999_us < closest->p999_us)
            closest = &tuner->points[i];
    return closest;
}

/* The next known concurrency above (SIGN 1) or below (-1), with the channels it needs. */
static const struct tuner_point *neighbour(const struct tuner *tuner, int64_t concurrency, int sign)
{
    const struct tuner_point *nearest = NULL;
    for (size_t i = 0; i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        int64_t off = (point->setting.concurrency - concurrency) * sign;
        if (off > 0 && (nearest == NULL || off < (nearest->setting.concurrency - concurrency) * sign))
            nearest = point;
    }
    return nearest;
}

/* A concurrency between two, or 0 where they are neighbours. */
static int64_t between(int64_t low, int64_t high)
{
    int64_t middle = llround(sqrt((double)low * (double)high));
    bool is_fine = (double)high <= FINE * (double)low || middle <= low || middle >= high;
    return is_fine ? 0 : middle;
}

/* --- The stages --- */

static void scan(struct tuner *tuner)
{
    double most_rps = 0;
    int idle = 0;
    int missed = 0;
    double target_us = tuner->limits.target_us;
    for (int64_t concurrency = tuner->limits.concurrency_min; concurrency <= tuner->limits.concurrency_max;
         concurrency *= 2) {
        const struct tuner_point *point = look(tuner, concurrency);
        if (tuner->is_ended || point == NULL)
            return;
        idle = point->throughput_rps > IDLE_GAIN * most_rps ? 0 : idle + 1;
        missed = target_us > 0 && least_p999_us(point) > FAR * target_us ? missed + 1 : 0;
        most_rps = point->throughput_rps > most_rps ? point->throughput_rps : most_rps;
        if (missed == 2 || idle == 2)
            return;
    }
}

/* A setting that missed the target by no more than noise may add, and would bring more: it is measured again, at another
 * time. */
static const struct tuner_point *doubtful(const struct tuner *tuner, const struct tuner_point *best)
{
    const struct tuner_point *found = NULL;
    for (size_t i = 0; i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        bool brings_more = best == NULL || point->throughput_rps > GAIN * best->throughput_rps;
        if (!holds(tuner, point) && brings_more && point->run_count < DOUBT_RUNS &&
            least_p999_us(point) <= FAR * tuner->limits.target_us &&
            (found == NULL || point->run_count < found->run_count))
            found = point;
    }
    return found;
}

/* Where to look next: above the best where there is more to gain, else below where less may do. 0: nowhere. */
static int64_t next_look(const struct tuner *tuner)
{
    const struct tuner_point *best = best_below(tuner, INT64_MAX);
    if (best == NULL) {
        const struct tuner_point *closest = tuner_closest(tuner);
        const struct tuner_point *lower =
            closest != NULL ? neighbour(tuner, closest->setting.concurrency, -1) : NULL;
        return lower != NULL ? between(lower->setting.concurrency, closest->setting.concurrency) : 0;
    }
    int64_t concurrency = best->setting.concurrency;
    const struct tuner_point *above = neighbour(tuner, concurrency, 1);
    const struct tuner_point *below = neighbour(tuner, concurrency, -1);
    int64_t next = 0;
    if (above != NULL && above->throughput_rps > GAIN * best->throughput_rps)
        next = between(concurrency, above->setting.concurrency);
    if (next == 0 && below != NULL && below->throughput_rps < level(tuner) * best->throughput_rps)
        next = between(below->setting.concurrency, concurrency);
    return next;
}

static void refine(struct tuner *tuner)
{
    while (!tuner->is_ended) {
        int64_t next = next_look(tuner);
        const struct tuner_point *again = doubtful(tuner, best_below(tuner, INT64_MAX));
        if (next != 0)
            (void)look(tuner, next);
        if (again != NULL && !tuner->is_ended)
            (void)measure(tuner, &again->setting);
        if (next == 0 && again == NULL)
            return;
    }
}

static void try_channels(struct tuner *tuner)
{
    const struct tuner_point *best = best_below(tuner, INT64_MAX);
    if (best == NULL)
        return;
    struct tuner_setting base = best->setting;
    struct tuner_setting chosen = base;
    for (int64_t factor = 2; factor <= 4; factor *= 2) {
        struct tuner_setting more = {base.concurrency, base.channels * factor};
        if (more.channels > tuner->limits.channels_max || more.channels > base.concurrency)
            return;
        for (size_t round = 1; round <= CHANNELS_RUNS; round++)
            if (!measure_until(tuner, &chosen, round) || !measure_until(tuner, &more, round))
                return;
        const struct tuner_point *with = find(tuner, &more);
        if (!holds(tuner, with) ||
            with->throughput_rps <= CHANNELS_GAIN * find(tuner, &chosen)->throughput_rps)
            return;
        chosen = more;
    }
}

/* Whether it still holds after all runs that it takes to say so: half as many more where one has missed. */
static bool verify_one(struct tuner *tuner, const struct tuner_setting *setting)
{
    size_t wanted = tuner->limits.verify_runs;
    for (size_t runs = 1; runs <= wanted && runs <= TUNER_RUNS_MAX; runs++) {
        if (!measure_until(tuner, setting, runs))
            return true; /* it is over */
        const struct tuner_point *point = find(tuner, setting);
        size_t failures = point->run_count - point->met;
        bool may_be_noise = is_well_within(tuner, point->p999_us) && failures <= MANY_RUNS / NOISY_PART;
        if (failures > 1 && !may_be_noise && !holds(tuner, point))
            return false;
        if (failures > 0)
            wanted = tuner->limits.verify_runs * 3 / 2;
    }
    return holds(tuner, find(tuner, setting));
}

static void verify(struct tuner *tuner)
{
    int64_t until = INT64_MAX;
    for (int tries = 0; tries < 5 && !tuner->is_ended; tries++) {
        const struct tuner_point *best = best_below(tuner, until);
        if (best == NULL || verify_one(tuner, &best->setting))
            return;
        until = best->setting.concurrency;
        const struct tuner_point *below = neighbour(tuner, until, -1);
        int64_t lower = (int64_t)floor((double)until * STEP_DOWN);
        if (lower >= tuner->limits.concurrency_min && (below == NULL || below->setting.concurrency < lower))
            (void)look(tuner, lower);
    }
}

void tuner_search(struct tuner *tuner)
{
    static void (*const stages[])(struct tuner *) = {[TUNER_SCAN] = scan,
                                                     [TUNER_REFINE] = refine,
                                                     [TUNER_CHANNELS] = try_channels,
                                                     [TUNER_VERIFY] = verify};
    for (tuner->stage = TUNER_SCAN; tuner->stage < TUNER_DONE && !tuner->is_ended; tuner->stage++)
        stages[tuner->stage](tuner);
}

size_t tuner_runs_left(const struct tuner *tuner)
{
    size_t verify = tuner->limits.verify_runs;
    size_t channels = tuner->limits.channels_max > 1 ? 2 * CHANNELS_RUNS - 1 : 0;
    size_t left = verify;
    switch (tuner->stage) {
    case TUNER_SCAN:
        left += channels + 4 + (tuner->run_count < SCAN_RUNS ? SCAN_RUNS - tuner->run_count : 1);
        break;
    case TUNER_REFINE:
        left += channels + 2;
        break;
    case TUNER_CHANNELS:
        left += channels / 2;
        break;
    case TUNER_VERIFY: {
        const struct tuner_point *best = best_below(tuner, INT64_MAX);
        left = best != NULL && best->run_count < verify ? verify - best->run_count : 1;
        break;
    }
    case TUNER_DONE:
        left = 0;
        break;
    }
    return tuner->run_count + left > tuner->limits.runs_max ? tuner->limits.runs_max - tuner->run_count
                                                            : left;
}
