#include "client/limiter.h"
#include <math.h>

#define MS 1000000
static const double P_theta = 0.12, P_prior = 4, P_min_stride = 0.1, P_max_stride = 0.47, P_grow = 1.6,
                    P_shrink = 0.5, P_min_ms = 8, P_max_ms = 120, P_calls = 600, P_up = 0.5;

static double clip(double x, double a, double b)
{
    return x < a ? a : x > b ? b : x;
}

static void set_limit(struct limiter *l, double ln, int64_t now)
{
    double limit = clip(floor(exp(ln) + 0.5), l->config.min, l->config.max);
    l->limit = (uint32_t)limit;
    l->block = (struct limiter_block){.set_ns = now};
}

static void cycle_begin(struct limiter *l, int64_t now)
{
    l->centre = clip(l->centre, log(l->config.min), log(l->config.max));
    double low = floor(exp(l->centre - l->stride) + 0.5);
    double high = floor(exp(l->centre + l->stride) + 0.5);
    if (low < l->config.min)
        low = l->config.min;
    if (high < low + 1)
        high = low + 1;
    if (high > l->config.max)
        high = l->config.max;
    l->low_ln = log(low);
    l->high_ln = log(high);
    l->phase = 0;
    l->sum_high = l->sum_low = 0;
    l->counted = 0;
    set_limit(l, l->low_ln, now);
}

void limiter_init(struct limiter *l, const struct limiter_config *config)
{
    *l = (struct limiter){
        .config = *config, .limit = config->initial, .is_starting = true, .cut_ns = INT64_MIN};
    l->centre = log(config->initial);
    l->stride = 0.25;
}

static void start_step(struct limiter *l, int64_t now, double x, double w)
{
    if (l->last_latency == 0 || x - l->last_throughput > 0.38 * 0.69) {
        l->last_throughput = x;
        l->last_latency = w;
        l->centre = log(l->limit) + 0.6931;
        if (l->limit < l->config.max) {
            set_limit(l, l->centre, now);
            return;
        }
    } else {
        l->centre = clip(x + l->last_latency + 0.1, log(l->limit) - 1, log(l->limit));
    }
    l->is_starting = false;
    l->stride = 0.2;
    cycle_begin(l, now);
}

static void cycle_end(struct limiter *l, int64_t now)
{
    double span = l->high_ln - l->low_ln;
    double step = 0;
    if (span > 0) {
        double e = (l->sum_high - l->sum_low) / 2 / span;
        double info = span * span * l->counted / 4;
        double post = (info * clip(e, -2, 3) + P_prior * P_theta) / (info + P_prior);
        step = post > P_theta ? (post - P_theta) / (P_up - P_theta) : (post - P_theta) / P_theta;
        step = clip(step, -1, 1);
    }
    l->centre += l->stride * step;
    if (fabs(step) > 0.4 && step * l->last_step > 0)
        l->stride *= P_grow;
    else if (step * l->last_step < 0 || fabs(step) < 0.2)
        l->stride *= P_shrink;
    l->stride = clip(l->stride, P_min_stride, P_max_stride);
    l->last_step = step;
    cycle_begin(l, now);
}

static void block_end(struct limiter *l, int64_t now)
{
    struct limiter_block *b = &l->block;
    if (b->limited_count < b->count - b->count / 10) {
        *b = (struct limiter_block){.set_ns = b->set_ns, .begin_ns = now};
        return;
    }
    double w = log((double)(b->latency_sum_ns + 1) / (double)b->count);
    double x = log(b->in_flight_max) - w;
    if (l->is_starting) {
        start_step(l, now, x, w);
        return;
    }
    if (l->phase == 0 || l->phase == 3)
        l->sum_low += x;
    else
        l->sum_high += x;
    l->counted += b->count;
    l->phase++;
    if (l->phase == 4)
        cycle_end(l, now);
    else if (l->phase == 2)
        *b = (struct limiter_block){.set_ns = b->set_ns, .begin_ns = now};
    else
        set_limit(l, l->phase == 1 ? l->high_ln : l->low_ln, now);
}

uint32_t limiter_ended(struct limiter *l, const struct limiter_sample *s)
{
    if (s->outcome == LIMITER_IGNORED)
        return l->limit;
    int64_t sent = s->now_ns - s->latency_ns;
    if (s->outcome == LIMITER_TIMED_OUT) {
        if (sent >= l->cut_ns) {
            l->cut_ns = s->now_ns;
            l->is_starting = false;
            l->centre -= 0.35;
            cycle_begin(l, s->now_ns);
        }
        return l->limit;
    }
    struct limiter_block *b = &l->block;
    if (b->begin_ns == 0) {
        if (sent < b->set_ns)
            return l->limit;
        b->begin_ns = s->now_ns;
    }
    b->count++;
    b->limited_count += s->is_limited;
    b->latency_sum_ns += s->latency_ns;
    if (s->in_flight > b->in_flight_max)
        b->in_flight_max = s->in_flight;
    int64_t t = s->now_ns - b->begin_ns;
    if (b->count >= 4 && t * b->count >= b->latency_sum_ns && (double)t >= P_min_ms * MS &&
        (b->count >= P_calls || (double)t >= P_max_ms * MS))
        block_end(l, s->now_ns);
    return l->limit;
}
