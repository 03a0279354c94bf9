/* A load at work, shared by the files that make it: load.c has the threads that ask, watch.c who watches them, run.c
 * who walks them through their stages, and fill.c who makes the caches before and removes them afterwards. */
#ifndef MAYFLY_BENCH_LOAD_H
#define MAYFLY_BENCH_LOAD_H

#include "bench/arrivals.h"
#include "bench/hdr_log.h"
#include "bench/plan.h"

#include <pthread.h>
#include <stdatomic.h>

/* What all threads are told to be at. */
enum stage { STAGE_WARM, STAGE_MEASURE, STAGE_STOP };

/* What one thread is at. */
enum phase { PHASE_LOAD, PHASE_STOP };

struct bench_thread;

/* One request at a time. */
struct slot {
    struct bench_thread *thread;
    struct slot *next_free;
    struct workload_request request;
    int64_t due_ns;   /* open loop */
    bool is_measured; /* likewise */
};

/* What a thread has recorded, readable meanwhile. */
struct record {
    struct shared_histogram response_ns;
    struct shared_histogram service_ns;
};

struct slot_chunk;

struct bench_thread {
    struct bench_load *load;
    pthread_t thread;
    size_t number;
    mayfly_client *client;
    uint64_t random;
    enum phase phase;
    bool measuring;
    bool has_service; /* requests may wait, so that the time on the wire matters by itself */
    int64_t quota;    /* requests to measure, where they are counted */
    size_t busy;      /* slots with a request in flight */

    /* Closed loop: as many slots as requests at once. */
    struct slot *slots;
    size_t slot_count;
    size_t warm_slots; /* of those, in use while it warms up */
    size_t started;    /* slots that are in use */

    /* Open loop: slots as they are needed. */
    struct arrivals arrivals;
    struct slot_chunk *chunks;
    struct slot *free_slots;
    size_t slots_left; /* that may still be made */
    struct shared_histogram lateness_ns;
    uint64_t wanted;
    uint64_t sent;
    uint64_t held;
    uint64_t unanswered;
    int64_t held_until_ns; /* requests due before were kept by the lack of a slot */

    struct record warm;
    struct record measured;
    uint64_t by_status[17];
    uint64_t misses;
    uint64_t requests;
    _Atomic uint64_t errors; /* of all stages */
    _Atomic uint64_t progress;
    _Atomic uint64_t outstanding; /* a copy of busy */

    /* Of the measured time. */
    int64_t cpu_from_ns;
    int64_t wall_from_ns;
    int64_t idle_ns; /* spent looking for something to do */
    double user_s;
    double system_s;
    double busy_part;
};

struct bench_load {
    const struct bench_settings *settings;
    const struct plan *plan;
    struct bench_thread *threads;
    size_t thread_count;
    _Atomic int stage;
    _Atomic int64_t from_ns; /* of the measured time, in an open loop */
    _Atomic int64_t until_ns;
    _Atomic uint32_t stopped; /* threads that are done */
    struct course *course;
    bool is_course_over;         /* memory is out */
    struct hdr_log *hdr;         /* NULL: none */
    struct course_totals totals; /* a place to add up in */
};

/* --- load.c --- */

/* A thread's whole life; CONTEXT is its struct bench_thread. */
void *load_thread(void *context);
/* Makes a thread's slots; false when memory is out. */
bool load_make_slots(struct bench_thread *thread);
void load_free_slots(struct bench_thread *thread);

/* --- watch.c --- */

/* Watches for at most LIMIT, saying once a second what it sees; ends early when all threads have stopped. */
void watch(struct bench_load *load, const char *what, int64_t limit_ns);
/* Ends the course's entry now, whatever it has. */
void watch_end_entry(struct bench_load *load, int64_t now_ns);
mayfly_client_counts watch_counts(const struct bench_load *load);

/* --- fill.c --- */

/* The client that makes what a load needs, by the straight way to the server. */
struct filling {
    const struct plan *plan;
    mayfly_client *client;
    bool created[PLAN_CACHES_MAX]; /* those that were not there before */
};

/* Makes the caches and sets what is read later. MAYFLY_OK, or a status with a sentence in ERROR; fill_undo follows
 * either way, and deletes the caches that were made. */
mayfly_status fill(struct filling *filling, const mayfly_credentials *credentials,
                   char error[BENCH_ERROR_BYTES]);
void fill_undo(struct filling *filling);

#endif
