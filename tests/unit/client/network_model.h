/* A client, a network and a server in simulated time, to try limiters on: a discrete-event simulation of calls that
 * are sent, travel, wait for a worker, are served, travel back, and are told to the limiter just as client/call.c
 * tells it. Ten minutes pass in a second, and a seed gives the same run again.
 *
 *     backlog ──> in flight: ──> network ──> queue ──> workers ──> network ──> client ──> limiter
 *        ^                                                                                   │
 *        └──────────────────────────────── room under the limit ─────────────────────────────┘
 *
 * The network keeps the order of what it carries, as TCP does: a late packet makes those behind it late. */
#ifndef MAYFLY_TESTS_CLIENT_NETWORK_MODEL_H
#define MAYFLY_TESTS_CLIENT_NETWORK_MODEL_H

#include "base/clock.h"
#include "base/histogram.h"
#include "client/limiter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_CALLS   ((uint64_t)1 << 18) /* between the oldest in flight and the newest, at most */
#define MODEL_WORKERS 64
#define MODEL_SLOT_NS ((int64_t)100 * CLOCK_NS_PER_MS)
#define MODEL_SLOTS   7000
#define MODEL_NEVER   CLOCK_NEVER
#define MODEL_MANY    1e9

enum model_law {
    MODEL_EXPONENTIAL, /* M/M/c */
    MODEL_CONSTANT,    /* M/D/c */
    MODEL_HEAVY,       /* log-normal: one in a thousand takes ten times the mean or more */
    MODEL_BATCH,       /* one worker that takes all that waits: service_ms and batch_us more for each call */
};

struct model_setup {
    double rtt_ms;
    double jitter_ms; /* standard deviation of the round trip, and how long it stays as it is */
    double jitter_lasts_ms;
    unsigned workers;
    enum model_law law;
    double service_ms;
    double batch_us;
    double offered_per_s;           /* calls come by themselves so often; 0: whenever one is answered */
    double deadline_ms;             /* 0: none */
    double (*speed)(double second); /* of the workers, 1 where there is none */
    double (*extra_delay_ms)(double second); /* on the way to the server */
    double (*users)(double second);          /* calls wanted at once */
};

struct model_slot {
    uint64_t answered;
    double limit_seconds; /* the limit summed over time */
};

struct model_ring {
    uint64_t begin, end;
    struct {
        int64_t due_ns;
        uint64_t call;
    } * items;
};

struct model_way {
    struct model_ring ring;
    double jitter_ns; /* as it is now */
    int64_t jitter_from_ns;
    int64_t last_due_ns;
};

struct model {
    struct model_setup setup;
    struct limiter limiter;
    bool is_adaptive;
    uint32_t limit;
    uint64_t random[2];
    int64_t now_ns;

    struct {
        int64_t sent_ns;
        bool has_ended;
    } * calls;
    uint64_t newest, oldest; /* calls by number, in the order of sending */
    uint32_t in_flight;
    uint64_t backlog;
    int64_t next_offer_ns;

    struct model_way there, back;
    struct model_ring queue;
    struct {
        int64_t due_ns;
        uint64_t call;
    } busy[MODEL_WORKERS]; /* a heap */
    unsigned busy_count;
    uint64_t batch_count;
    int64_t batch_due_ns;

    int64_t measured_from_ns;
    int64_t late_ns; /* what is late, in late_count */
    uint64_t late_count, measured_count, timed_out_count;
    struct histogram latency; /* of calls that ended while measured */
    struct model_slot slots[MODEL_SLOTS];
};

/* --- Chance --- */

static inline double model_uniform(struct model *model)
{
    uint64_t a = model->random[0];
    uint64_t b = model->random[1];
    model->random[0] = b;
    a ^= a << 23;
    model->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return ((double)((model->random[1] + b) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double model_normal(struct model *model)
{
    return sqrt(-2 * log(model_uniform(model))) * cos(6.283185307179586 * model_uniform(model));
}

static inline int64_t model_service_ns(struct model *model)
{
    const struct model_setup *setup = &model->setup;
    double ns = setup->service_ms * CLOCK_NS_PER_MS;
    if (setup->law == MODEL_EXPONENTIAL)
        ns *= -log(model_uniform(model));
    else if (setup->law == MODEL_HEAVY)
        ns *= exp(model_normal(model) - 0.5);
    if (setup->speed != NULL)
        ns /= setup->speed((double)model->now_ns / CLOCK_NS_PER_S);
    return (int64_t)ns;
}

/* --- Queues --- */

static inline void model_ring_push(struct model_ring *ring, int64_t due_ns, uint64_t call)
{
    ring->items[ring->end % MODEL_CALLS].due_ns = due_ns;
    ring->items[ring->end++ % MODEL_CALLS].call = call;
}

static inline int64_t model_ring_due_ns(const struct model_ring *ring)
{
    return ring->begin == ring->end ? MODEL_NEVER : ring->items[ring->begin % MODEL_CALLS].due_ns;
}

static inline uint64_t model_ring_pop(struct model_ring *ring)
{
    return ring->items[ring->begin++ % MODEL_CALLS].call;
}

static inline void model_busy_push(struct model *model, int64_t due_ns, uint64_t call)
{
    unsigned i = model->busy_count++;
    for (; i > 0 && model->busy[(i - 1) / 2].due_ns > due_ns; i = (i - 1) / 2)
        model->busy[i] = model->busy[(i - 1) / 2];
    model->busy[i].due_ns = due_ns;
    model->busy[i].call = call;
}

static inline uint64_t model_busy_pop(struct model *model)
{
    uint64_t call = model->busy[0].call;
    int64_t due_ns = model->busy[--model->busy_count].due_ns;
    unsigned i = 0;
    for (unsigned child = 1; child < model->busy_count; child = 2 * i + 1) {
        if (child + 1 < model->busy_count && model->busy[child + 1].due_ns < model->busy[child].due_ns)
            child++;
        if (model->busy[child].due_ns >= due_ns)
            break;
        model->busy[i] = model->busy[child];
        i = child;
    }
    model->busy[i] = model->busy[model->busy_count];
    return call;
}

/* --- The network --- */

/* Half of the jitter's variance each way; it wanders, with a memory of jitter_lasts_ms. */
static inline void model_travel(struct model *model, struct model_way *way, uint64_t call, double extra_ms)
{
    const struct model_setup *setup = &model->setup;
    double lasts_ns = setup->jitter_lasts_ms * CLOCK_NS_PER_MS;
    double passed_ns = (double)(model->now_ns - way->jitter_from_ns);
    if (setup->jitter_ms > 0 && passed_ns >= lasts_ns / 50) {
        double kept = exp(-passed_ns / lasts_ns);
        double sd_ns = setup->jitter_ms * CLOCK_NS_PER_MS / sqrt(2);
        way->jitter_ns = kept * way->jitter_ns + sd_ns * sqrt(1 - kept * kept) * model_normal(model);
        way->jitter_from_ns = model->now_ns;
    }
    double delay_ns = (setup->rtt_ms / 2 + extra_ms) * CLOCK_NS_PER_MS + way->jitter_ns;
    int64_t due_ns = model->now_ns + (delay_ns > 0 ? (int64_t)delay_ns : 0);
    if (due_ns < way->last_due_ns)
        due_ns = way->last_due_ns;
    way->last_due_ns = due_ns;
    model_ring_push(&way->ring, due_ns, call);
}

/* --- The server --- */

static inline void model_serve(struct model *model)
{
    uint64_t waiting = model->queue.end - model->queue.begin;
    if (model->setup.law == MODEL_BATCH) {
        if (model->batch_count > 0 || waiting == 0)
            return;
        model->batch_count = waiting;
        model->batch_due_ns = model->now_ns + model_service_ns(model) +
                              (int64_t)((double)waiting * model->setup.batch_us * CLOCK_NS_PER_US);
        return;
    }
    for (; waiting > 0 && model->busy_count < model->setup.workers; waiting--) {
        uint64_t call = model_ring_pop(&model->queue);
        model_busy_push(model, model->now_ns + model_service_ns(model), call);
    }
}

static inline void model_serve_batch(struct model *model)
{
    for (; model->batch_count > 0; model->batch_count--)
        model_travel(model, &model->back, model_ring_pop(&model->queue), 0);
    model->batch_due_ns = MODEL_NEVER;
}

/* --- The client --- */

static inline void model_send(struct model *model)
{
    const struct model_setup *setup = &model->setup;
    double second = (double)model->now_ns / CLOCK_NS_PER_S;
    uint64_t users = setup->users != NULL ? (uint64_t)setup->users(second) : (uint64_t)MODEL_MANY;
    if (setup->offered_per_s <= 0)
        model->backlog = users > model->in_flight ? users - model->in_flight : 0;
    while (model->backlog > 0 && model->in_flight < model->limit) {
        uint64_t call = model->newest++;
        if (model->newest - model->oldest >= MODEL_CALLS)
            abort(); /* the model is too small for this setup */
        model->calls[call % MODEL_CALLS].sent_ns = model->now_ns;
        model->calls[call % MODEL_CALLS].has_ended = false;
        model->backlog--;
        model->in_flight++;
        double extra_ms = setup->extra_delay_ms != NULL ? setup->extra_delay_ms(second) : 0;
        model_travel(model, &model->there, call, extra_ms);
    }
}

static inline void model_end(struct model *model, uint64_t call, enum limiter_outcome outcome)
{
    if (model->calls[call % MODEL_CALLS].has_ended)
        return;
    model->calls[call % MODEL_CALLS].has_ended = true;
    int64_t latency_ns = model->now_ns - model->calls[call % MODEL_CALLS].sent_ns;
    if (model->is_adaptive)
        model->limit = limiter_ended(&model->limiter,
                                     &(struct limiter_sample){
                                         .now_ns = model->now_ns,
                                         .latency_ns = latency_ns,
                                         .in_flight = model->in_flight,
                                         .is_limited = model->in_flight >= model->limit || model->backlog > 0,
                                         .outcome = outcome,
                                     });
    model->in_flight--;
    if (outcome == LIMITER_TIMED_OUT)
        model->timed_out_count++;
    else
        model->slots[model->now_ns / MODEL_SLOT_NS].answered++;
    if (model->now_ns >= model->measured_from_ns) {
        histogram_record(&model->latency, (uint64_t)latency_ns);
        model->measured_count++;
        model->late_count += latency_ns > model->late_ns;
    }
}

static inline int64_t model_deadline_ns(struct model *model)
{
    while (model->oldest < model->newest && model->calls[model->oldest % MODEL_CALLS].has_ended)
        model->oldest++;
    if (model->setup.deadline_ms <= 0 || model->oldest == model->newest)
        return MODEL_NEVER;
    return model->calls[model->oldest % MODEL_CALLS].sent_ns +
           (int64_t)(model->setup.deadline_ms * CLOCK_NS_PER_MS);
}

/* --- Time --- */

static inline void model_pass_to(struct model *model, int64_t now_ns)
{
    while (model->now_ns < now_ns) {
        int64_t slot = model->now_ns / MODEL_SLOT_NS;
        int64_t until_ns = (slot + 1) * MODEL_SLOT_NS < now_ns ? (slot + 1) * MODEL_SLOT_NS : now_ns;
        model->slots[slot].limit_seconds +=
            (double)model->limit * (double)(until_ns - model->now_ns) / CLOCK_NS_PER_S;
        model->now_ns = until_ns;
    }
}

static inline int64_t model_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One moment in which something happens; false when nothing does before UNTIL_NS. */
static inline bool model_step(struct model *model, int64_t until_ns)
{
    int64_t there_ns = model_ring_due_ns(&model->there.ring);
    int64_t served_ns = model->busy_count > 0 ? model->busy[0].due_ns : MODEL_NEVER;
    int64_t back_ns = model_ring_due_ns(&model->back.ring);
    int64_t deadline_ns = model_deadline_ns(model);
    int64_t next_ns = model_least(model_least(there_ns, served_ns), model_least(back_ns, deadline_ns));
    next_ns = model_least(next_ns, model_least(model->batch_due_ns, model->next_offer_ns));
    if (next_ns >= until_ns) {
        model_pass_to(model, until_ns);
        return false;
    }
    model_pass_to(model, next_ns);
    if (next_ns == there_ns) {
        while (model_ring_due_ns(&model->there.ring) <= next_ns)
            model_ring_push(&model->queue, 0, model_ring_pop(&model->there.ring));
        model_serve(model);
    } else if (next_ns == served_ns) {
        model_travel(model, &model->back, model_busy_pop(model), 0);
        model_serve(model);
    } else if (next_ns == model->batch_due_ns) {
        model_serve_batch(model);
        model_serve(model);
    } else if (next_ns == back_ns) {
        while (model_ring_due_ns(&model->back.ring) <= next_ns)
            model_end(model, model_ring_pop(&model->back.ring), LIMITER_ANSWERED);
    } else if (next_ns == deadline_ns) {
        model_end(model, model->oldest, LIMITER_TIMED_OUT);
    } else {
        model->backlog++;
        double gap_s = -log(model_uniform(model)) / model->setup.offered_per_s;
        model->next_offer_ns = model->now_ns + (int64_t)(gap_s * CLOCK_NS_PER_S);
    }
    model_send(model);
    return true;
}

static inline void model_run_to(struct model *model, double second)
{
    while (model_step(model, (int64_t)(second * CLOCK_NS_PER_S)))
        ;
}

/* --- Beginning and end --- */

/* CONFIG NULL: the limit is FIXED. */
static inline struct model *model_create(const struct model_setup *setup, const struct limiter_config *config,
                                         uint32_t fixed, uint64_t seed)
{
    struct model *model = calloc(1, sizeof *model);
    model->setup = *setup;
    model->is_adaptive = config != NULL;
    if (config != NULL)
        limiter_init(&model->limiter, config);
    model->limit = config != NULL ? config->initial : fixed;
    model->random[0] = 0x9e3779b97f4a7c15u * (seed + 1);
    model->random[1] = 0xd1b54a32d192ed03u ^ seed;
    for (int i = 0; i < 20; i++)
        (void)model_uniform(model);
    model->calls = calloc(MODEL_CALLS, sizeof *model->calls);
    struct model_ring *rings[] = {&model->there.ring, &model->back.ring, &model->queue};
    for (size_t i = 0; i < 3; i++)
        rings[i]->items = calloc(MODEL_CALLS, sizeof *rings[i]->items);
    model->batch_due_ns = MODEL_NEVER;
    model->next_offer_ns = setup->offered_per_s > 0 ? 0 : MODEL_NEVER;
    model->measured_from_ns = MODEL_NEVER;
    model->late_ns = config != NULL && config->target_p999_ns > 0 ? config->target_p999_ns : MODEL_NEVER;
    model_send(model);
    return model;
}

static inline void model_free(struct model *model)
{
    free(model->calls);
    free(model->there.ring.items);
    free(model->back.ring.items);
    free(model->queue.items);
    free(model);
}

/* From now on, latencies are kept. */
static inline void model_measure(struct model *model)
{
    model->measured_from_ns = model->now_ns;
    model->late_count = model->measured_count = 0;
    memset(&model->latency, 0, sizeof model->latency);
}

static inline double model_limit_between(const struct model *model, double from_s, double to_s)
{
    double sum = 0;
    for (int slot = (int)(from_s * 10 + 0.5); slot < (int)(to_s * 10 + 0.5); slot++)
        sum += model->slots[slot].limit_seconds;
    return sum / (to_s - from_s);
}

static inline double model_throughput_between(const struct model *model, double from_s, double to_s)
{
    double sum = 0;
    for (int slot = (int)(from_s * 10 + 0.5); slot < (int)(to_s * 10 + 0.5); slot++)
        sum += (double)model->slots[slot].answered;
    return sum / (to_s - from_s);
}

#endif
