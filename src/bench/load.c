/* The threads that ask. Each drives a client of its own and has its share of the load.
 *
 * A closed loop has a slot for each request in flight, which sends its next when it is answered. An open loop sends
 * what is due and never waits for an answer: between two requests it looks for replies, sleeps while there is time, and
 * watches the clock for the last stretch, since the kernel wakes a sleeper some tens of microseconds late. */
#include "bench/load.h"

#include "base/clock.h"
#include "bench/random.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define NAP_NS       ((int64_t)20 * CLOCK_NS_PER_MS) /* how late a thread may notice that its stage has moved */
#define SPIN_NS      ((int64_t)2 * CLOCK_NS_PER_MS)
#define CHUNK_SLOTS  ((size_t)256)
#define SEND_AT_ONCE 128

struct slot_chunk {
    struct slot_chunk *next;
    struct slot slots[CHUNK_SLOTS];
};

bool load_make_slots(struct bench_thread *thread)
{
    if (plan_is_open(thread->load->settings))
        return true;
    thread->slots = calloc(thread->slot_count, sizeof *thread->slots);
    for (size_t i = 0; thread->slots != NULL && i < thread->slot_count; i++)
        thread->slots[i].thread = thread;
    return thread->slots != NULL;
}

void load_free_slots(struct bench_thread *thread)
{
    free(thread->slots);
    while (thread->chunks != NULL) {
        struct slot_chunk *chunk = thread->chunks;
        thread->chunks = chunk->next;
        free(chunk);
    }
}

/* --- What a reply is counted as --- */

/* A counter with one writer that others read. */
static void count_one(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void count_outstanding(struct bench_thread *thread)
{
    atomic_store_explicit(&thread->outstanding, thread->busy, memory_order_relaxed);
}

static void record(struct bench_thread *thread, const mayfly_reply *reply, bool is_measured,
                   int64_t response_ns)
{
    struct record *to = is_measured ? &thread->measured : &thread->warm;
    if (reply->status == MAYFLY_OK) {
        shared_histogram_record(&to->response_ns, (uint64_t)response_ns);
        if (thread->has_service)
            shared_histogram_record(&to->service_ns, reply->wire_ns);
    } else {
        count_one(&thread->errors);
    }
}

static void count_answered(struct bench_thread *thread, const mayfly_reply *reply)
{
    thread->requests++;
    thread->by_status[reply->status]++;
    thread->misses += reply->outcome == MAYFLY_MISS;
}

/* --- Closed loop --- */

static void slot_next(struct slot *slot);

static void on_reply(void *context, const mayfly_reply *reply)
{
    struct slot *slot = context;
    struct bench_thread *thread = slot->thread;
    thread->busy--;
    bool counts = thread->measuring && (thread->quota == 0 || thread->requests < (uint64_t)thread->quota);
    if (counts || !thread->measuring)
        record(thread, reply, counts, (int64_t)(reply->waiting_ns + reply->wire_ns));
    /* What was under way when the time was over has a latency, or has failed, but is no part of the throughput. */
    bool is_in_time = thread->quota > 0 || thread->phase == PHASE_LOAD;
    if (counts && (is_in_time || reply->status != MAYFLY_OK))
        count_answered(thread, reply);
    if (thread->quota > 0 && thread->requests >= (uint64_t)thread->quota)
        thread->phase = PHASE_STOP;
    count_one(&thread->progress);
    count_outstanding(thread);
    slot_next(slot);
}

/* Sends the slot's next request, where there is one to send. */
static void slot_next(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    if (thread->phase != PHASE_LOAD)
        return;
    plan_next(thread->load->plan, &thread->random, &slot->request);
    if (mayfly_start(thread->client, &slot->request.request, on_reply, slot, NULL) == MAYFLY_OK)
        thread->busy++;
}

static void start_slots(struct bench_thread *thread, size_t count)
{
    while (thread->started < count)
        slot_next(&thread->slots[thread->started++]);
}

/* --- The measured time --- */

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static int64_t cpu_now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * CLOCK_NS_PER_S + time.tv_nsec;
}

static void begin_measuring(struct bench_thread *thread)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_THREAD, &usage);
    thread->user_s = -seconds_of(&usage.ru_utime);
    thread->system_s = -seconds_of(&usage.ru_stime);
    thread->cpu_from_ns = cpu_now_ns();
    thread->wall_from_ns = clock_now_ns();
    thread->idle_ns = 0;
    thread->measuring = true;
}

static void end_measuring(struct bench_thread *thread)
{
    if (thread->wall_from_ns == 0)
        return;
    struct rusage usage;
    (void)getrusage(RUSAGE_THREAD, &usage);
    thread->user_s += seconds_of(&usage.ru_utime);
    thread->system_s += seconds_of(&usage.ru_stime);
    int64_t wall_ns = clock_now_ns() - thread->wall_from_ns;
    int64_t worked_ns = cpu_now_ns() - thread->cpu_from_ns - thread->idle_ns;
    double part = wall_ns > 0 ? (double)worked_ns / (double)wall_ns : 0;
    thread->busy_part = part < 0 ? 0 : part > 1 ? 1 : part;
    thread->wall_from_ns = 0;
}

/* Notices that the stage has moved. */
static void follow_stage(struct bench_thread *thread)
{
    int stage = atomic_load_explicit(&thread->load->stage, memory_order_relaxed);
    if (stage == STAGE_MEASURE && !thread->measuring && thread->phase == PHASE_LOAD)
        begin_measuring(thread);
    if (stage == STAGE_STOP)
        thread->phase = PHASE_STOP;
    if (thread->phase == PHASE_STOP)
        end_measuring(thread);
}

static void run_closed_loop(struct bench_thread *thread)
{
    bool is_warming = atomic_load(&thread->load->stage) == STAGE_WARM;
    start_slots(thread, is_warming ? thread->warm_slots : thread->slot_count);
    follow_stage(thread);
    while (thread->busy > 0) {
        (void)mayfly_client_step(thread->client, true);
        follow_stage(thread);
        if (thread->measuring && thread->phase == PHASE_LOAD)
            start_slots(thread, thread->slot_count);
    }
    end_measuring(thread);
}

/* --- Open loop --- */

static struct slot *take_slot(struct bench_thread *thread)
{
    if (thread->free_slots == NULL && thread->slots_left > 0) {
        struct slot_chunk *chunk = calloc(1, sizeof *chunk);
        size_t count = thread->slots_left < CHUNK_SLOTS ? thread->slots_left : CHUNK_SLOTS;
        for (size_t i = 0; chunk != NULL && i < count; i++) {
            chunk->slots[i].thread = thread;
            chunk->slots[i].next_free = thread->free_slots;
            thread->free_slots = &chunk->slots[i];
        }
        if (chunk != NULL) {
            chunk->next = thread->chunks;
            thread->chunks = chunk;
        }
        thread->slots_left = chunk != NULL ? thread->slots_left - count : 0;
    }
    struct slot *slot = thread->free_slots;
    if (slot != NULL)
        thread->free_slots = slot->next_free;
    return slot;
}

static void release_slot(struct slot *slot)
{
    slot->next_free = slot->thread->free_slots;
    slot->thread->free_slots = slot;
}

static bool is_in_measured_time(const struct bench_load *load, int64_t due_ns)
{
    return due_ns >= atomic_load_explicit(&load->from_ns, memory_order_relaxed) &&
           due_ns < atomic_load_explicit(&load->until_ns, memory_order_relaxed);
}

static void send_due(struct bench_thread *thread, int64_t now_ns);

static void on_open_reply(void *context, const mayfly_reply *reply)
{
    struct slot *slot = context;
    struct bench_thread *thread = slot->thread;
    int64_t now_ns = clock_now_ns();
    thread->busy--;
    record(thread, reply, slot->is_measured, now_ns - slot->due_ns);
    if (slot->is_measured)
        count_answered(thread, reply);
    count_one(&thread->progress);
    count_outstanding(thread);
    release_slot(slot);
    send_due(thread, now_ns); /* a long batch of replies must not make the next request late */
}

static void note_lateness(struct bench_thread *thread, const struct slot *slot, int64_t now_ns)
{
    bool is_held = slot->due_ns < thread->held_until_ns;
    thread->sent++;
    thread->held += is_held;
    if (!is_held)
        shared_histogram_record(&thread->lateness_ns, (uint64_t)(now_ns - slot->due_ns));
}

/* Sends what is due, at most so much that replies and the stage are not lost sight of. */
static void send_due(struct bench_thread *thread, int64_t now_ns)
{
    const struct plan *plan = thread->load->plan;
    for (int i = 0;
         i < SEND_AT_ONCE && thread->phase == PHASE_LOAD && arrivals_due_ns(&thread->arrivals) <= now_ns;
         i++) {
        struct slot *slot = take_slot(thread);
        if (slot == NULL) {
            thread->held_until_ns = now_ns;
            return;
        }
        slot->due_ns = arrivals_due_ns(&thread->arrivals);
        slot->is_measured = is_in_measured_time(thread->load, slot->due_ns);
        const struct trace_row *row = arrivals_take(&thread->arrivals);
        if (row != NULL)
            plan_replay(plan, row, &slot->request);
        else
            plan_next(plan, &thread->random, &slot->request);
        if (slot->is_measured) {
            thread->wanted++;
            note_lateness(thread, slot, now_ns);
        }
        if (mayfly_start(thread->client, &slot->request.request, on_open_reply, slot, NULL) == MAYFLY_OK)
            thread->busy++;
        else
            release_slot(slot);
        bool is_done = thread->quota > 0 && thread->sent >= (uint64_t)thread->quota;
        if (is_done || arrivals_due_ns(&thread->arrivals) == CLOCK_NEVER)
            thread->phase = PHASE_STOP;
        now_ns = clock_now_ns();
    }
    count_outstanding(thread);
}

/* Sleeps while there is time before the next request or reply; where a request is held back, it is a reply that counts. */
static void sleep_until_due(struct bench_thread *thread, bool is_held)
{
    int64_t left_ns = NAP_NS;
    if (thread->phase == PHASE_LOAD && !is_held) {
        int64_t due_ns = arrivals_due_ns(&thread->arrivals) - clock_now_ns() - SPIN_NS;
        left_ns = due_ns < left_ns ? due_ns : left_ns;
    }
    int timeout_ms = mayfly_client_timeout_ms(thread->client);
    if (timeout_ms >= 0 && (int64_t)timeout_ms * CLOCK_NS_PER_MS < left_ns)
        left_ns = (int64_t)timeout_ms * CLOCK_NS_PER_MS;
    if (left_ns <= 0)
        return;
    struct pollfd descriptor = {.fd = mayfly_client_descriptor(thread->client), .events = POLLIN};
    struct timespec timeout = {.tv_nsec = left_ns};
    (void)ppoll(&descriptor, 1, &timeout, NULL);
}

/* What was due in the measured time and was never sent. */
static void count_unsent(struct bench_thread *thread)
{
    for (int64_t due_ns; (due_ns = arrivals_due_ns(&thread->arrivals)) != CLOCK_NEVER;) {
        if (due_ns >= atomic_load(&thread->load->until_ns) || bench_signal() != 0)
            break;
        bool is_measured = is_in_measured_time(thread->load, due_ns);
        thread->wanted += is_measured;
        thread->held += is_measured && due_ns < thread->held_until_ns;
        (void)arrivals_take(&thread->arrivals);
    }
}

static void begin_arrivals(struct bench_thread *thread)
{
    const struct bench_load *load = thread->load;
    const struct plan *plan = load->plan;
    if (plan->trace.count > 0)
        arrivals_replay(&thread->arrivals, &plan->trace, plan->trace_speed, thread->number,
                        load->thread_count, clock_now_ns());
    else
        arrivals_begin(&thread->arrivals, (double)load->settings->rate_per_s / (double)load->thread_count,
                       plan->is_poisson, random_next(&thread->random),
                       (double)thread->number / (double)load->thread_count, clock_now_ns());
    if (arrivals_due_ns(&thread->arrivals) == CLOCK_NEVER)
        thread->phase = PHASE_STOP;
}

static void run_open_loop(struct bench_thread *thread)
{
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* the usual 50 us would be in every sleep */
    begin_arrivals(thread);
    while (thread->phase == PHASE_LOAD || thread->busy > 0) {
        int64_t now_ns = clock_now_ns();
        uint64_t done = atomic_load_explicit(&thread->progress, memory_order_relaxed);
        bool is_due = arrivals_due_ns(&thread->arrivals) <= now_ns;
        send_due(thread, now_ns);
        bool is_held = thread->held_until_ns == now_ns;
        (void)mayfly_client_step(thread->client, false);
        follow_stage(thread);
        if (thread->phase == PHASE_STOP && bench_signal() != 0)
            break; /* whoever interrupts does not wait for a server that may never answer */
        if ((is_due && !is_held) || atomic_load_explicit(&thread->progress, memory_order_relaxed) != done)
            continue;
        thread->idle_ns += clock_now_ns() - now_ns;
        sleep_until_due(thread, is_held);
    }
    end_measuring(thread);
    thread->unanswered = thread->busy;
    if (thread->quota == 0)
        count_unsent(thread);
}

void *load_thread(void *context)
{
    struct bench_thread *thread = context;
    if (plan_is_open(thread->load->settings))
        run_open_loop(thread);
    else
        run_closed_loop(thread);
    atomic_fetch_add(&thread->load->stopped, 1);
    return NULL;
}
