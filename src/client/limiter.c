/* The limiter is an experimenter. It holds a low and a high limit in turn and compares what they bring:
 *
 *     throughput                 ______knee________________         high  ........########............
 *        |              ___------                                   centre
 *        |         __---      elasticity 0: more calls only wait    low   ########........########....
 *        |     _--                                                        a cycle: low, high, high, low
 *        |  _-   elasticity 1: more calls are more throughput
 *        +------------------------------------------------ limit    ("." is time for what was sent before to leave)
 *
 * The elasticity between them, d ln(throughput) / d ln(limit), says on which side of the knee they are, and the
 * centre moves to where it is just above nothing. Nothing is remembered for longer than a few cycles, so there is
 * no baseline that could drift or go stale; the price is that a few per cent of the throughput goes into experiments.
 * docs/client/concurrency.md tells the whole story. */
#include "client/limiter.h"

#include "base/clock.h"

#include <math.h>

/* --- Constants --- */

/* A further per cent of calls is worth it while it brings this many per cent of throughput. Lower is deeper into
 * the flat part, for ever less; and it must stand out from noise. */
#define ELASTICITY_WANTED   0.1
/* From here on the verdict is "up" without reserve: half way up the knee. */
#define ELASTICITY_LOW_SIDE 0.5

/* How far from the centre the two sides are, as logarithms: close enough to cost little, and far. */
#define STRIDE_NEAR         0.1
#define STRIDE_MIDDLE       0.2
#define STRIDE_FAR          0.4
/* Of the stride, a step at most while keeping: slow, since a cycle's verdict is noisy. */
#define KEEPING_STEP        0.25
/* A search looks for the middle of the knee, and the place to be is a little above. */
#define ABOVE_KNEE          0.1
/* A search that points so far to one side goes on as wide; else it narrows. */
#define SEARCH_UP           0.8
#define SEARCH_DOWN         (-0.35)

/* Evidence is weighed by its precision (1 / variance), fades from cycle to cycle, and starts from a weak belief in
 * ELASTICITY_WANTED, which moves nothing: few calls move the limit little. */
#define EVIDENCE_KEPT       0.6
#define EVIDENCE_BEFORE     4.0
/* The variance of a block is learned from the two that a cycle has of each side; one bad cycle teaches no more than
 * the largest. */
#define NOISE_KEPT          0.85
#define NOISE_MAX           0.04
/* A side that suddenly brings so much more or less than usual (besides its noise, by three standard deviations of a
 * Poisson count): something has changed, search. What is usual follows with so much weight on the last block. */
#define SURPRISE            0.18
#define SURPRISE_SIGMAS     3
#define USUAL_NEW           0.3

/* While starting: doubling goes on as long as it brings a third more throughput. */
#define START_GAIN          0.26

/* A delay that falls shows in no single number: the queue grows by as much, and where all is queue, a cycle's two
 * limits are too close to tell nothing from a little. So while the verdicts lean downwards (smoothed, with so much
 * weight on the last), a block now and then goes far below, and where that costs less than a fifth of what it would
 * cost below the knee, more follow until it is certain that the knee is not there (by so many standard deviations from
 * an elasticity of a half), or not worth the time. */
#define LEANING_NEW         0.4
#define DIP_LEANING         (-0.2)
#define DIP_EVERY_NS        (500 * (int64_t)CLOCK_NS_PER_MS)
#define DIP_DEPTH           0.4
#define DIP_ELASTICITY      0.2
#define DIP_SIGMAS          5.0
#define DIP_BLOCKS          6

/* A block: at least a mean latency, and so long; then until there are enough calls or patience is out. */
#define BLOCK_MIN_NS        (8 * (int64_t)CLOCK_NS_PER_MS)
#define BLOCK_MAX_NS        (120 * (int64_t)CLOCK_NS_PER_MS)
#define BLOCK_CALLS         1000
#define BLOCK_CALLS_MIN     4
/* While starting, a third more must show, and no more. */
#define START_BLOCK_MIN_NS  (2 * (int64_t)CLOCK_NS_PER_MS)
#define START_BLOCK_MAX_NS  (100 * (int64_t)CLOCK_NS_PER_MS)
#define START_BLOCK_CALLS   100
/* Calls sent right after the limit rose are a burst, each with a longer queue before it; the part of their latency
 * after which a call belongs to the steady state. */
#define BURST_PART          16

/* Calls that are fewer than the limit: how steady, how far above the low side, and how often to look. */
#define NEARLY_STEADY       0.8
#define NEARLY_MIN          0.05
#define NEARLY_EVERY_NS     (2 * (int64_t)CLOCK_NS_PER_S)
#define LN_2                0.6931471805599453

/* Timeouts say that things are very wrong: a third less, at most once for what was in flight together. */
#define TIMEOUT_CUT         0.4

/* One late call in so many is what the target allows, with a reserve to the one in 1,000 that it says. */
#define LATE_ONE_IN         1500
#define LATE_TO_CUT         4
#define DEBT_MAX            (50 * (int64_t)LATE_ONE_IN)
#define TAIL_CUT            0.9
#define TAIL_CUT_DEEP       0.75
#define TAIL_DEEP_ONE_IN    8
#define TAIL_CUT_EVERY_NS   ((int64_t)CLOCK_NS_PER_S)
/* The cap rises by so much a call while there is no debt, or a nanosecond where calls are few, and stays within
 * reach of the limit. A debt is forgiven when no call was late for so long. */
#define TAIL_RISE           (1.0 / 20000)
#define TAIL_RISE_NS        (0.1 / CLOCK_NS_PER_S)
#define DEBT_FORGIVEN_NS    (10 * (int64_t)CLOCK_NS_PER_S)
#define TAIL_REACH          1.3
/* Half the limit and not half the lateness, nor much less latency: it is not the limit that makes calls late. Nor is it
 * where throughput follows the limit so closely that no call can be waiting for another. */
#define UNMET_ELASTICITY    0.75
#define UNMET_LIMIT         0.55
#define UNMET_LATE          0.5
#define UNMET_LATENCY       0.7
#define UNMET_WINDOW        4096
#define UNMET_WHILE_NS      (10 * (int64_t)CLOCK_NS_PER_S)
#define UNMET_PATIENCE_NS   (60 * (int64_t)CLOCK_NS_PER_S)
#define UNMET_PATIENCE_MAX  16

/* --- Small things --- */

static double between(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static uint32_t whole_limit(const struct limiter *limiter, double limit)
{
    double most = fmin(limiter->config.max, floor(limiter->tail.cap));
    return (uint32_t)between(floor(limit + 0.5), limiter->config.min, fmax(most, limiter->config.min));
}

static void block_begin(struct limiter *limiter, uint32_t limit, int64_t now_ns)
{
    limiter->limit = limit;
    limiter->block = (struct limiter_block){.set_ns = now_ns};
}

/* Another block with the limit as it is: nothing has to leave first. */
static void block_again(struct limiter *limiter)
{
    limiter->block = (struct limiter_block){.set_ns = limiter->block.set_ns};
}

/* --- Cycles --- */

static void cycle_begin(struct limiter *limiter, int64_t now_ns)
{
    const struct limiter_config *config = &limiter->config;
    double top = log(fmin(config->max, limiter->tail.cap));
    limiter->centre = between(limiter->centre, log(config->min), fmax(top, log(config->min)));
    uint32_t low = whole_limit(limiter, exp(limiter->centre - limiter->stride));
    uint32_t high = whole_limit(limiter, exp(limiter->centre + limiter->stride));
    if (high == low)
        high = whole_limit(limiter, low + 1.0);
    if (high == low)
        low = whole_limit(limiter, low - 1.0);
    limiter->side[0] = log(low);
    limiter->side[1] = log(high);
    limiter->throughput[0] = limiter->throughput[1] = 0;
    limiter->phase = 0;
    block_begin(limiter, low, now_ns);
}

/* The elasticity that evidence, a weighted sum and its weight, says. */
static double believe(double weighed_elasticity, double weight)
{
    return (weighed_elasticity + EVIDENCE_BEFORE * ELASTICITY_WANTED) / (weight + EVIDENCE_BEFORE);
}

/* There is no going up: the centre is where the target or the configuration ends. */
static bool is_capped(const struct limiter *limiter)
{
    return exp(limiter->centre) >= fmin(limiter->config.max, limiter->tail.cap) * 0.99;
}

static void forget(struct limiter *limiter)
{
    limiter->weighed_elasticity = limiter->weight = 0;
    limiter->usual[0] = limiter->usual[1] = 0;
    limiter->leaning = limiter->last_verdict = 0;
}

static void search_begin(struct limiter *limiter, double stride, int64_t now_ns)
{
    limiter->mode = LIMITER_SEARCHING;
    limiter->stride = stride;
    limiter->dip_ns = now_ns;
    forget(limiter);
    cycle_begin(limiter, now_ns);
}

static void keep_begin(struct limiter *limiter, int64_t now_ns)
{
    limiter->mode = LIMITER_KEEPING;
    limiter->stride = STRIDE_NEAR;
    cycle_begin(limiter, now_ns);
}

/* --- Starting --- */

static void start_begin(struct limiter *limiter, int64_t now_ns)
{
    limiter->mode = LIMITER_STARTING;
    limiter->start_throughput = 0;
    block_begin(limiter, whole_limit(limiter, exp(limiter->centre)), now_ns);
}

static void start_block_end(struct limiter *limiter, int64_t now_ns, double throughput, double latency)
{
    bool is_first = limiter->start_throughput == 0;
    if (is_first || latency < limiter->start_latency)
        limiter->start_latency = latency;
    double limit = log(limiter->limit);
    uint32_t doubled = whole_limit(limiter, 2.0 * limiter->limit);
    if ((is_first || throughput - limiter->start_throughput > START_GAIN) && doubled > limiter->limit) {
        limiter->start_throughput = throughput;
        block_begin(limiter, doubled, now_ns);
        return;
    }
    /* The knee, as long as the least latency was one without a queue; it is no older than the start. */
    double knee = throughput + limiter->start_latency;
    limiter->centre = between(knee + ABOVE_KNEE, limiter->start_throughput == 0 ? 0 : limit - 2, limit);
    search_begin(limiter, STRIDE_MIDDLE, now_ns);
}

/* --- Searching --- */

static void search_end(struct limiter *limiter, int64_t now_ns, double elasticity, double weight)
{
    double believed = believe(weight * elasticity, weight);
    /* Were the slope 1 below the knee and 0 above, the elasticity would be the knee's place between the sides. */
    double verdict = between(2 * believed - 1 + ABOVE_KNEE / limiter->stride, -1, 1);
    limiter->centre += limiter->stride * verdict;
    forget(limiter);
    if ((verdict > SEARCH_UP && !is_capped(limiter)) || verdict < SEARCH_DOWN)
        limiter->stride = fmin(limiter->stride * 1.5, STRIDE_FAR);
    else
        limiter->stride /= 2;
    if (limiter->stride < STRIDE_MIDDLE * 0.75)
        keep_begin(limiter, now_ns);
    else
        cycle_begin(limiter, now_ns);
}

/* --- Dipping --- */

static void dip_begin(struct limiter *limiter, double from, double throughput, int64_t now_ns)
{
    limiter->mode = LIMITER_DIPPING;
    limiter->dip_ns = now_ns;
    limiter->dip_from = from;
    limiter->dip_throughput = throughput;
    limiter->dip_sum = 0;
    limiter->dip_blocks = 0;
    block_begin(limiter, whole_limit(limiter, exp(limiter->centre - DIP_DEPTH)), now_ns);
}

static void dip_block_end(struct limiter *limiter, int64_t now_ns, double throughput)
{
    double limit = log(limiter->limit);
    double span = limiter->dip_from - limit;
    limiter->dip_sum += throughput;
    limiter->dip_blocks++;
    double mean = limiter->dip_sum / limiter->dip_blocks;
    double elasticity = span > 0 ? (limiter->dip_throughput - mean) / span : 1;
    if (elasticity >= DIP_ELASTICITY) {
        keep_begin(limiter, now_ns);
        return;
    }
    double noise = fmax(limiter->noise, 0.5 / limiter->block.count);
    double variance = noise * (1.0 / limiter->dip_blocks + 1.0 / 4) / (span * span);
    if ((ELASTICITY_LOW_SIDE - elasticity) >= DIP_SIGMAS * sqrt(variance)) {
        limiter->centre = limit + ABOVE_KNEE;
        forget(limiter);
        dip_begin(limiter, limit, mean, now_ns);
    } else if (limiter->dip_blocks < DIP_BLOCKS) {
        block_again(limiter);
    } else {
        keep_begin(limiter, now_ns);
    }
}

/* --- Keeping --- */

static void learn_noise(struct limiter *limiter, double low_difference, double high_difference, double guess)
{
    double seen = (low_difference * low_difference + high_difference * high_difference) / 4;
    seen = fmin(seen, NOISE_MAX);
    limiter->noise =
        limiter->noise == 0 ? (guess + seen) / 2 : NOISE_KEPT * limiter->noise + (1 - NOISE_KEPT) * seen;
}

static void keep_end(struct limiter *limiter, int64_t now_ns, double elasticity, double weight)
{
    limiter->weighed_elasticity = EVIDENCE_KEPT * limiter->weighed_elasticity + weight * elasticity;
    limiter->weight = EVIDENCE_KEPT * limiter->weight + weight;
    limiter->tail.cycles++;
    double above = believe(limiter->weighed_elasticity, limiter->weight) - ELASTICITY_WANTED;
    double scale = above > 0 ? ELASTICITY_LOW_SIDE - ELASTICITY_WANTED : ELASTICITY_WANTED;
    double verdict = between(above / scale, -1, 1);
    limiter->centre += KEEPING_STEP * limiter->stride * verdict;
    limiter->leaning += LEANING_NEW * (verdict - limiter->leaning);
    bool is_far = verdict == 1 && limiter->last_verdict == 1 && !is_capped(limiter);
    limiter->last_verdict = verdict;
    if (is_far)
        search_begin(limiter, STRIDE_MIDDLE, now_ns);
    else if (limiter->leaning < DIP_LEANING && now_ns - limiter->dip_ns > DIP_EVERY_NS)
        dip_begin(limiter, (limiter->side[0] + limiter->side[1]) / 2,
                  (limiter->throughput[0] + limiter->throughput[1]) / 4, now_ns);
    else
        cycle_begin(limiter, now_ns);
}

static void cycle_end(struct limiter *limiter, int64_t now_ns, uint32_t count)
{
    double span = limiter->side[1] - limiter->side[0];
    if (span <= 0) { /* min is max, or the cap leaves no room */
        cycle_begin(limiter, now_ns);
        return;
    }
    double blocks = limiter->mode == LIMITER_SEARCHING ? 1 : 2;
    double elasticity = between((limiter->throughput[1] - limiter->throughput[0]) / blocks / span, -1, 2);
    double guess = 1.0 / count; /* a Poisson count's */
    double noise = fmax(limiter->noise > 0 ? limiter->noise : guess, guess / 4);
    double weight = span * span * blocks / 2 / noise;
    if (limiter->mode == LIMITER_SEARCHING)
        search_end(limiter, now_ns, elasticity, weight);
    else
        keep_end(limiter, now_ns, elasticity, weight);
}

/* How many calls were on the wire in a block, on average: Little's law. */
static double mean_in_flight(const struct limiter_block *block, int64_t now_ns)
{
    return (double)block->latency_sum_ns / fmax(1, (double)(now_ns - block->begin_ns));
}

/* Whether all the calls that there are, steadily, are fewer than the limit but more than its low side. They may be too
 * many already, and no experiment will tell: its high side is never reached. */
static bool is_nearly_limited(const struct limiter *limiter, int64_t now_ns)
{
    const struct limiter_block *block = &limiter->block;
    if (limiter->mode == LIMITER_DIPPING ||
        mean_in_flight(block, now_ns) < block->in_flight_max * NEARLY_STEADY)
        return false;
    double calls = log(block->in_flight_max);
    if (limiter->mode == LIMITER_STARTING)
        return limiter->start_throughput != 0 && calls > log(limiter->limit) - LN_2;
    return calls > limiter->side[0] + NEARLY_MIN && now_ns - limiter->dip_ns > NEARLY_EVERY_NS;
}

/* So it is seen from time to time what fewer would bring. */
static void nearly_limited(struct limiter *limiter, int64_t now_ns, double throughput)
{
    double calls = log(limiter->block.in_flight_max);
    limiter->centre = calls;
    if (limiter->mode == LIMITER_STARTING)
        forget(limiter);
    dip_begin(limiter, calls, throughput, now_ns);
}

static void block_end(struct limiter *limiter, int64_t now_ns)
{
    struct limiter_block *block = &limiter->block;
    bool is_limited = block->limited_count >= block->count - block->count / 10;
    if (!is_limited && !is_nearly_limited(limiter, now_ns)) {
        block_again(limiter); /* there is too little traffic to learn from */
        return;
    }
    uint32_t count = block->count;
    double latency = log((double)(block->latency_sum_ns + 1) / count);
    double throughput = log(fmax(block->in_flight_max, 1)) - latency; /* Little's law */
    if (!is_limited) {
        nearly_limited(limiter, now_ns, throughput);
        return;
    }
    if (limiter->mode == LIMITER_STARTING) {
        start_block_end(limiter, now_ns, throughput, latency);
        return;
    }
    if (limiter->mode == LIMITER_DIPPING) {
        dip_block_end(limiter, now_ns, throughput);
        return;
    }
    int side = limiter->phase == 1 || limiter->phase == 2;
    if (limiter->mode == LIMITER_KEEPING) {
        double *usual = &limiter->usual[side];
        if (*usual != 0 && fabs(throughput - *usual) > SURPRISE + SURPRISE_SIGMAS / sqrt(count)) {
            search_begin(limiter, STRIDE_FAR, now_ns);
            return;
        }
        *usual = *usual == 0 ? throughput : *usual + USUAL_NEW * (throughput - *usual);
    }
    limiter->throughput[side] += throughput;
    limiter->last[side] = limiter->phase < 2 ? throughput : throughput - limiter->last[side];
    limiter->phase++;
    if (limiter->phase == 4)
        learn_noise(limiter, limiter->last[0], limiter->last[1], 1.0 / count);
    if (limiter->phase == 4 || (limiter->mode == LIMITER_SEARCHING && limiter->phase == 2))
        cycle_end(limiter, now_ns, count);
    else if (limiter->phase == 2)
        block_again(limiter);
    else
        block_begin(limiter, whole_limit(limiter, exp(limiter->side[limiter->phase == 1])), now_ns);
}

/* --- The target --- */

static void give_up_target(struct limiter *limiter, int64_t now_ns)
{
    struct limiter_tail *tail = &limiter->tail;
    limiter->is_target_unmet = true;
    tail->cap = limiter->config.max;
    tail->debt = 0;
    tail->again_ns = clock_add(now_ns, tail->patience_ns);
    tail->missed_ns = now_ns;
    if (tail->patience_ns < UNMET_PATIENCE_NS * UNMET_PATIENCE_MAX)
        tail->patience_ns *= 2;
    limiter->centre = log(tail->worst.limit);
    if (tail->was_starting)
        start_begin(limiter, now_ns);
    else
        search_begin(limiter, STRIDE_MIDDLE, now_ns);
}

static bool is_in_vain(const struct limiter *limiter)
{
    const struct limiter_stage *now = &limiter->tail.stage;
    const struct limiter_stage *worst = &limiter->tail.worst;
    bool is_steep =
        limiter->tail.cycles > 0 && believe(limiter->weighed_elasticity, limiter->weight) >= UNMET_ELASTICITY;
    if (limiter->limit <= limiter->config.min || is_steep)
        return true;
    double late = (double)now->late_count / now->count;
    double worst_late = (double)worst->late_count / worst->count;
    double latency = (double)now->latency_sum_ns / now->count;
    double worst_latency = (double)worst->latency_sum_ns / worst->count;
    return now->limit <= worst->limit * UNMET_LIMIT && late >= worst_late * UNMET_LATE &&
           latency >= worst_latency * UNMET_LATENCY;
}

static void tail_cut(struct limiter *limiter, int64_t now_ns)
{
    struct limiter_tail *tail = &limiter->tail;
    struct limiter_stage *stage = &tail->stage;
    struct limiter_stage *worst = &tail->worst;
    if (worst->count > 0 && is_in_vain(limiter)) {
        give_up_target(limiter, now_ns);
        *stage = (struct limiter_stage){.limit = limiter->limit};
        return;
    }
    if (worst->count == 0)
        tail->was_starting = limiter->mode == LIMITER_STARTING;
    bool is_worse = (double)stage->late_count * worst->count > (double)worst->late_count * stage->count;
    if (worst->count == 0 || is_worse || stage->limit <= worst->limit * UNMET_LIMIT)
        *worst = *stage;
    bool is_deep = stage->late_count > stage->count / TAIL_DEEP_ONE_IN;
    tail->cap = fmin(tail->cap, limiter->limit) * (is_deep ? TAIL_CUT_DEEP : TAIL_CUT);
    tail->cap = fmax(tail->cap, limiter->config.min);
    tail->cut_ns = now_ns;
    tail->cycles = 0;
    limiter->centre = fmin(limiter->centre, log(tail->cap));
    if (limiter->mode == LIMITER_STARTING)
        limiter->noise = 0;
    keep_begin(limiter, now_ns);
    *stage = (struct limiter_stage){.limit = tail->cap};
}

static void tail_try_again(struct limiter *limiter, int64_t now_ns)
{
    struct limiter_tail *tail = &limiter->tail;
    struct limiter_stage *stage = &tail->stage;
    if (stage->count == 0 || (stage->count < UNMET_WINDOW && now_ns < tail->again_ns))
        return;
    if ((uint64_t)stage->late_count * 1000 > stage->count)
        tail->missed_ns = now_ns;
    if (now_ns - tail->missed_ns >= UNMET_WHILE_NS || now_ns >= tail->again_ns) {
        limiter->is_target_unmet = false;
        tail->worst = (struct limiter_stage){.count = 0};
        tail->cut_ns = now_ns;
    }
    *stage = (struct limiter_stage){.limit = limiter->limit};
}

/* A cut waits until a cycle has shown what the one before has done, unless lateness is the rule or cycles do not end. */
static bool is_cut_due(const struct limiter_tail *tail, int64_t now_ns)
{
    const struct limiter_stage *stage = &tail->stage;
    if (stage->late_count < LATE_TO_CUT || tail->debt < (int64_t)LATE_TO_CUT * LATE_ONE_IN)
        return false;
    return tail->cycles > 0 || tail->worst.count == 0 ||
           stage->late_count > stage->count / TAIL_DEEP_ONE_IN || now_ns - tail->cut_ns > TAIL_CUT_EVERY_NS;
}

/* The debt is a bucket that leaks: a late call pours in what LATE_ONE_IN calls take away. Empty, the cap rises; with
 * more than a few late calls in it, the cap falls, but only once for what was on the wire together, since
 * calls that are late together have one cause, and a machine that stood still for a moment is no queue. */
static void tail_ended(struct limiter *limiter, const struct limiter_sample *sample, int64_t sent_ns)
{
    struct limiter_tail *tail = &limiter->tail;
    bool is_late = sample->latency_ns > limiter->config.target_p999_ns;
    if (sent_ns >= tail->cut_ns) {
        tail->stage.count++;
        tail->stage.late_count += is_late;
        tail->stage.latency_sum_ns += sample->latency_ns;
    }
    if (limiter->is_target_unmet) {
        tail_try_again(limiter, sample->now_ns);
        return;
    }
    int64_t passed_ns = sample->now_ns - tail->seen_ns;
    tail->seen_ns = sample->now_ns;
    if (is_late) {
        tail->late_ns = sample->now_ns;
        tail->debt += LATE_ONE_IN;
        if (tail->debt > DEBT_MAX)
            tail->debt = DEBT_MAX;
        if (is_cut_due(tail, sample->now_ns))
            tail_cut(limiter, sample->now_ns);
    } else if (tail->debt > 0) {
        tail->debt--;
        if (sample->now_ns - tail->late_ns > DEBT_FORGIVEN_NS)
            tail->debt = 0;
        if (tail->debt == 0) {
            tail->stage = (struct limiter_stage){.limit = limiter->limit};
            tail->worst = (struct limiter_stage){.count = 0};
        }
    } else if (sample->is_limited && tail->cap < TAIL_REACH * limiter->limit + 1) {
        tail->cap *= 1 + between((double)passed_ns * TAIL_RISE_NS, TAIL_RISE, 0.01);
    }
}

/* --- What the client calls --- */

void limiter_init(struct limiter *limiter, const struct limiter_config *config)
{
    *limiter = (struct limiter){
        .config = *config,
        .limit = config->initial,
        .mode = LIMITER_STARTING,
        .centre = log(config->initial),
        .stride = STRIDE_MIDDLE,
        .timeout_ns = INT64_MIN,
        .answered_ns = INT64_MIN,
        .tail = {.cap = config->max,
                 .cut_ns = INT64_MIN,
                 .patience_ns = UNMET_PATIENCE_NS,
                 .stage = {.limit = config->initial}},
    };
    limiter->block.set_ns = INT64_MIN / 64;
}

/* The limit was far too high for what is there now; or there is nothing, and when it is back we start anew. */
static void timed_out(struct limiter *limiter, int64_t now_ns, int64_t sent_ns)
{
    if (sent_ns < limiter->timeout_ns)
        return;
    limiter->timeout_ns = now_ns;
    limiter->centre = log(limiter->limit) - TIMEOUT_CUT;
    if (limiter->answered_ns < sent_ns)
        start_begin(limiter, now_ns);
    else
        search_begin(limiter, STRIDE_MIDDLE, now_ns);
}

static void answered(struct limiter *limiter, const struct limiter_sample *sample, int64_t sent_ns)
{
    struct limiter_block *block = &limiter->block;
    limiter->answered_ns = sample->now_ns;
    if (block->count == 0) {
        if ((sent_ns - block->set_ns) * BURST_PART < sample->latency_ns)
            return;
        block->begin_ns = sample->now_ns;
    }
    block->count++;
    block->limited_count += sample->is_limited;
    block->latency_sum_ns += sample->latency_ns;
    if (sample->in_flight > block->in_flight_max)
        block->in_flight_max = sample->in_flight;
    int64_t length_ns = sample->now_ns - block->begin_ns;
    bool is_starting = limiter->mode == LIMITER_STARTING;
    if (length_ns < (is_starting ? START_BLOCK_MIN_NS : BLOCK_MIN_NS) || block->count < BLOCK_CALLS_MIN)
        return;
    bool is_enough = block->count >= (is_starting ? START_BLOCK_CALLS : BLOCK_CALLS) ||
                     length_ns >= (is_starting ? START_BLOCK_MAX_NS : BLOCK_MAX_NS);
    if (is_enough && length_ns >= block->latency_sum_ns / block->count)
        block_end(limiter, sample->now_ns);
}

uint32_t limiter_ended(struct limiter *limiter, const struct limiter_sample *sample)
{
    int64_t sent_ns = sample->now_ns - sample->latency_ns;
    if (sample->outcome == LIMITER_TIMED_OUT) {
        timed_out(limiter, sample->now_ns, sent_ns);
    } else if (sample->outcome == LIMITER_ANSWERED) {
        if (limiter->config.target_p999_ns > 0)
            tail_ended(limiter, sample, sent_ns);
        answered(limiter, sample, sent_ns);
    }
    return limiter->limit;
}
