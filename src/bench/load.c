/* The load: each thread drives a client of its own and keeps its share of requests in flight. The threads
 * walk through three phases together: setting the keys, warming up, measuring. */
#include "base/clock.h"
#include "bench/workload.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS            ((int64_t)20 * CLOCK_NS_PER_MS)
#define DEADLINE_MS       15000
#define STREAMS_USUAL     100 /* that a server allows on a connection */
#define CHANNELS_AUTO_MAX 32

enum phase { PHASE_FILL, PHASE_LOAD, PHASE_STOP };

struct bench_thread;

/* One request after another. */
struct slot {
    struct bench_thread *thread;
    struct workload_request next;
};

struct bench_thread {
    struct bench_load *load;
    pthread_t thread;
    unsigned number;
    mayfly_client *client;
    struct slot *slots;
    size_t slot_count;
    size_t warm_slots; /* of those, in use while it warms up */
    size_t started;    /* slots that are in use */
    size_t busy;       /* slots with a request in flight */
    uint64_t random;
    int64_t next_key; /* to be set */
    enum phase phase;
    bool measuring;
    bool is_limited; /* by a configuration, so that the latency on the wire matters by itself */
    bool filled_badly;
    mayfly_status fill_status;
    int64_t quota; /* requests to measure, where they are counted */
    struct histogram latency_ns;
    struct histogram wire_ns;
    struct histogram entry_wire_ns; /* of the course's entry that is being made */
    pthread_mutex_t entry_lock;     /* of that */
    uint64_t by_status[17];
    uint64_t misses;
    uint64_t requests;
    _Atomic uint64_t progress;
};

/* What all threads are at. They fill by themselves and then wait to be told. */
enum stage { STAGE_FILL, STAGE_WARM, STAGE_MEASURE, STAGE_STOP };

struct bench_load {
    const struct bench_settings *settings;
    const struct workload *workload;
    char *value;
    struct bench_thread *threads;
    size_t thread_count;
    _Atomic int stage;
    _Atomic uint32_t filled;  /* threads whose keys are set */
    _Atomic uint32_t stopped; /* threads that are done */
    pthread_mutex_t lock;     /* for waiting until the stage moves on from filling */
    pthread_cond_t moved;
    struct course *course; /* NULL: none is kept, or not yet */
    struct histogram entry_wire_ns;
};

static _Atomic bool interrupted;

static void on_interrupt(int number)
{
    (void)number;
    atomic_store(&interrupted, true);
}

/* xorshift64*, Vigna 2016: fast, and good enough to choose keys. */
static uint64_t next_random(struct bench_thread *thread)
{
    uint64_t x = thread->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    thread->random = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

static void move_to(struct bench_load *load, enum stage stage)
{
    (void)pthread_mutex_lock(&load->lock);
    atomic_store(&load->stage, stage);
    (void)pthread_cond_broadcast(&load->moved);
    (void)pthread_mutex_unlock(&load->lock);
}

static void await_move(struct bench_load *load)
{
    (void)pthread_mutex_lock(&load->lock);
    while (atomic_load(&load->stage) == STAGE_FILL)
        (void)pthread_cond_wait(&load->moved, &load->lock);
    (void)pthread_mutex_unlock(&load->lock);
}

static void slot_next(struct slot *slot);

static void record_entry(struct bench_thread *thread, const mayfly_reply *reply)
{
    (void)pthread_mutex_lock(&thread->entry_lock);
    histogram_record(&thread->entry_wire_ns, reply->wire_ns);
    (void)pthread_mutex_unlock(&thread->entry_lock);
}

static void on_reply(void *context, const mayfly_reply *reply)
{
    struct slot *slot = context;
    struct bench_thread *thread = slot->thread;
    thread->busy--;
    if (thread->phase == PHASE_FILL) {
        if (reply->status != MAYFLY_OK) {
            thread->filled_badly = true;
            thread->fill_status = reply->status;
            thread->phase = PHASE_STOP;
        }
    } else if (thread->measuring && (thread->quota == 0 || thread->requests < (uint64_t)thread->quota)) {
        thread->requests++;
        thread->by_status[reply->status]++;
        if (reply->status == MAYFLY_OK)
            histogram_record(&thread->latency_ns, reply->waiting_ns + reply->wire_ns);
        if (reply->status == MAYFLY_OK && thread->is_limited)
            histogram_record(&thread->wire_ns, reply->wire_ns);
        thread->misses += reply->outcome == MAYFLY_MISS;
        if (thread->quota > 0 && thread->requests >= (uint64_t)thread->quota)
            thread->phase = PHASE_STOP;
    }
    if (thread->phase != PHASE_FILL && reply->status == MAYFLY_OK && thread->is_limited)
        record_entry(thread, reply);
    atomic_store_explicit(&thread->progress,
                          atomic_load_explicit(&thread->progress, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    slot_next(slot);
}

/* Sends the slot's next request, where there is one to send. */
static void slot_next(struct slot *slot)
{
    struct bench_thread *thread = slot->thread;
    const struct bench_settings *settings = thread->load->settings;
    uint64_t number;
    bool read = false;
    if (thread->phase == PHASE_FILL) {
        if (thread->next_key >= settings->keys || atomic_load_explicit(&interrupted, memory_order_relaxed))
            return;
        number = (uint64_t)thread->next_key;
        thread->next_key += (int64_t)thread->load->thread_count;
    } else if (thread->phase == PHASE_LOAD) {
        uint64_t random = next_random(thread);
        number = (random >> 20) % (uint64_t)settings->keys;
        read = (random & 0xfffff) % 100 < (uint64_t)settings->reads_percent;
    } else {
        return;
    }
    const struct workload *workload = thread->load->workload;
    if (read)
        workload->read(&slot->next, settings, number);
    else
        workload->write(&slot->next, settings, number,
                        (mayfly_bytes){thread->load->value, (size_t)settings->value_bytes});
    if (mayfly_start(thread->client, &slot->next.request, on_reply, slot, NULL) == MAYFLY_OK)
        thread->busy++;
}

static void start_slots(struct bench_thread *thread, size_t count)
{
    while (thread->started < count)
        slot_next(&thread->slots[thread->started++]);
}

static void drive_until_idle(struct bench_thread *thread)
{
    while (thread->busy > 0)
        (void)mayfly_client_step(thread->client, true);
}

/* A thread's whole life: it fills its share, and then keeps its requests in flight until it is told to stop.
 */
static void *run_thread(void *context)
{
    struct bench_thread *thread = context;
    struct bench_load *load = thread->load;
    thread->phase = PHASE_FILL;
    bool fills = load->settings->reads_percent > 0 && !load->settings->filled;
    thread->next_key = fills ? (int64_t)thread->number : load->settings->keys;
    start_slots(thread, thread->slot_count);
    drive_until_idle(thread);
    atomic_fetch_add(&load->filled, 1);
    await_move(load);

    if (atomic_load(&load->stage) != STAGE_STOP && !thread->filled_badly) {
        bool is_warming = atomic_load(&load->stage) == STAGE_WARM;
        thread->phase = PHASE_LOAD;
        thread->started = 0;
        start_slots(thread, is_warming ? thread->warm_slots : thread->slot_count);
    }
    while (thread->busy > 0) {
        (void)mayfly_client_step(thread->client, true);
        int stage = atomic_load_explicit(&load->stage, memory_order_relaxed);
        thread->measuring = stage == STAGE_MEASURE;
        if (stage == STAGE_STOP)
            thread->phase = PHASE_STOP;
        else if (thread->measuring)
            start_slots(thread, thread->slot_count);
    }
    atomic_fetch_add(&load->stopped, 1);
    return NULL;
}

/* --- The thread that watches --- */

static uint64_t total_progress(const struct bench_load *load)
{
    uint64_t total = 0;
    for (size_t i = 0; i < load->thread_count; i++)
        total += atomic_load_explicit(&load->threads[i].progress, memory_order_relaxed);
    return total;
}

static double cpu_seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static uint64_t total_limit(const struct bench_load *load)
{
    uint64_t total = 0;
    for (size_t i = 0; i < load->thread_count; i++)
        total += mayfly_client_count(load->threads[i].client).limit;
    return total;
}

static void look_at_course(struct bench_load *load, int64_t now_ns)
{
    if (load->course == NULL || !course_look(load->course, total_limit(load), now_ns))
        return;
    load->entry_wire_ns = (struct histogram){.count = 0};
    for (size_t i = 0; i < load->thread_count; i++) {
        struct bench_thread *thread = &load->threads[i];
        (void)pthread_mutex_lock(&thread->entry_lock);
        histogram_add(&load->entry_wire_ns, &thread->entry_wire_ns);
        thread->entry_wire_ns = (struct histogram){.count = 0};
        (void)pthread_mutex_unlock(&thread->entry_lock);
    }
    if (!course_end_entry(load->course, &load->entry_wire_ns, now_ns))
        load->course = NULL; /* memory is out: it ends here */
}

/* Watches for at most LIMIT, saying once a second what it sees; ends early when all threads are counted in DONE. */
static void watch(struct bench_load *load, const char *what, int64_t limit_ns, _Atomic uint32_t *done)
{
    bool terminal = isatty(STDERR_FILENO) != 0;
    int64_t start_ns = clock_now_ns();
    int64_t said_ns = start_ns;
    uint64_t said = total_progress(load);
    uint32_t goal = (uint32_t)load->thread_count;
    while (!atomic_load(&interrupted) && atomic_load(done) < goal) {
        int64_t now_ns = clock_now_ns();
        look_at_course(load, now_ns);
        if (now_ns - start_ns >= limit_ns)
            break;
        if (now_ns - said_ns >= CLOCK_NS_PER_S) {
            uint64_t progress = total_progress(load);
            double rate = (double)(progress - said) * CLOCK_NS_PER_S / (double)(now_ns - said_ns);
            (void)fprintf(stderr, "%s%s %3.0f s  %10.0f requests/s%s", terminal ? "\r" : "", what,
                          (double)(now_ns - start_ns) / CLOCK_NS_PER_S, rate, terminal ? "   " : "\n");
            said = progress;
            said_ns = now_ns;
        }
        int64_t left_ns = limit_ns - (now_ns - start_ns);
        struct timespec nap = {.tv_nsec = left_ns < NAP_NS ? left_ns : NAP_NS};
        (void)nanosleep(&nap, NULL);
    }
    if (terminal)
        (void)fprintf(stderr, "\r%60s\r", "");
}

static void join_threads(struct bench_load *load, size_t started)
{
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(load->threads[i].thread, NULL);
}

static void add_up(const struct bench_load *load, struct bench_result *result)
{
    for (size_t i = 0; i < load->thread_count; i++) {
        const struct bench_thread *thread = &load->threads[i];
        histogram_add(&result->latency_ns, &thread->latency_ns);
        histogram_add(&result->wire_ns, &thread->wire_ns);
        result->requests += thread->requests;
        result->misses += thread->misses;
        for (size_t status = 0; status < 17; status++)
            result->by_status[status] += thread->by_status[status];
    }
}

/* Walks the threads, which have filled, through warming up and measuring. */
static void measure(struct bench_load *load, struct bench_result *result)
{
    const struct bench_settings *settings = load->settings;
    if (settings->configuration != NULL) {
        load->course = &result->course;
        course_begin(load->course, settings->interval_ns, clock_now_ns());
    }
    if (settings->warmup_ns > 0) {
        move_to(load, STAGE_WARM);
        watch(load, "warming up", settings->warmup_ns, &load->stopped);
    }
    struct rusage before;
    struct rusage after;
    int64_t start_ns = clock_now_ns();
    (void)getrusage(RUSAGE_SELF, &before);
    move_to(load, STAGE_MEASURE);
    watch(load, "measuring", settings->requests > 0 ? CLOCK_NEVER / 2 : settings->duration_ns,
          &load->stopped);
    result->limit = total_limit(load);
    for (size_t i = 0; i < load->thread_count; i++)
        result->is_target_unmet =
            result->is_target_unmet || mayfly_client_count(load->threads[i].client).is_target_unmet;
    move_to(load, STAGE_STOP);
    int64_t end_ns = clock_now_ns();
    (void)getrusage(RUSAGE_SELF, &after);
    join_threads(load, load->thread_count);

    add_up(load, result);
    result->seconds = (double)(end_ns - start_ns) / CLOCK_NS_PER_S;
    double requests = result->requests > 0 ? (double)result->requests : 1;
    result->user_us_per_request =
        (cpu_seconds(&after.ru_utime) - cpu_seconds(&before.ru_utime)) * 1e6 / requests;
    result->system_us_per_request =
        (cpu_seconds(&after.ru_stime) - cpu_seconds(&before.ru_stime)) * 1e6 / requests;
}

/* --- Setting up --- */

static mayfly_status fail(char *error, mayfly_status status, const char *message)
{
    (void)snprintf(error, BENCH_ERROR_BYTES, "%s", message);
    return status;
}

static mayfly_configuration fixed(int64_t concurrency)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.name = "bench";
    configuration.deadline_ms = DEADLINE_MS;
    configuration.connect_timeout_ms = 5000;
    configuration.max_in_flight = (uint32_t)concurrency;
    int64_t needed = (concurrency + STREAMS_USUAL - 1) / STREAMS_USUAL;
    int64_t count = needed < CHANNELS_AUTO_MAX ? needed : CHANNELS_AUTO_MAX;
    configuration.min_channels = configuration.max_channels = (uint32_t)count;
    return configuration;
}

/* The pre-built one of that name, with room for all that may wait. */
static mayfly_configuration prebuilt(const char *name, int64_t concurrency)
{
    static const struct {
        const char *name;
        mayfly_configuration (*make)(void);
    } rows[] = {
        {"laptop", mayfly_configuration_laptop},
        {"in-region-default", mayfly_configuration_in_region_default},
        {"in-region-low-latency", mayfly_configuration_in_region_low_latency},
        {"lambda", mayfly_configuration_lambda},
        {"laptop-v1", mayfly_configuration_laptop_v1},
        {"in-region-default-v1", mayfly_configuration_in_region_default_v1},
        {"in-region-low-latency-v1", mayfly_configuration_in_region_low_latency_v1},
        {"lambda-v1", mayfly_configuration_lambda_v1},
    };
    size_t i = 0;
    while (strcmp(rows[i].name, name) != 0) /* the table of options allows no other */
        i++;
    mayfly_configuration configuration = rows[i].make();
    configuration.max_backlog = (uint32_t)concurrency;
    return configuration;
}

static mayfly_configuration configuration_of(const char *name, int64_t concurrency, int64_t channels)
{
    mayfly_configuration configuration = name != NULL ? prebuilt(name, concurrency) : fixed(concurrency);
    if (channels > 0)
        configuration.min_channels = configuration.max_channels = (uint32_t)channels;
    return configuration;
}

/* The whole of N, shared among COUNT, for number I: the first ones take what is left over. */
static int64_t share(int64_t n, size_t count, size_t i)
{
    return n / (int64_t)count + ((int64_t)i < n % (int64_t)count ? 1 : 0);
}

static mayfly_status open_threads(struct bench_load *load, const mayfly_credentials *credentials,
                                  int64_t channels, char error[BENCH_ERROR_BYTES])
{
    const struct bench_settings *settings = load->settings;
    for (size_t i = 0; i < load->thread_count; i++) {
        struct bench_thread *thread = &load->threads[i];
        int64_t concurrency = share(settings->concurrency, load->thread_count, i);
        int64_t own_channels = channels > 0 ? share(channels, load->thread_count, i) : 0;
        thread->load = load;
        thread->number = (unsigned)i;
        thread->is_limited = settings->configuration != NULL;
        thread->random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
        thread->quota = settings->requests > 0 ? share(settings->requests, load->thread_count, i) : 0;
        thread->slot_count = (size_t)concurrency;
        int64_t warm = share(settings->warmup_concurrency, load->thread_count, i);
        thread->warm_slots = warm > 0 && warm < concurrency ? (size_t)warm : thread->slot_count;
        thread->slots = calloc(thread->slot_count, sizeof *thread->slots);
        if (thread->slots == NULL)
            return fail(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
        for (size_t slot = 0; slot < thread->slot_count; slot++)
            thread->slots[slot].thread = thread;
        mayfly_configuration configuration =
            configuration_of(settings->configuration, concurrency, own_channels);
        mayfly_error problem;
        mayfly_status status = mayfly_client_open(&configuration, credentials, MAYFLY_DRIVEN_BY_CALLER,
                                                  &thread->client, &problem);
        if (status != MAYFLY_OK)
            return fail(error, status, problem.message);
    }
    return MAYFLY_OK;
}

/* Creates the cache; *created says whether it was not there before. */
static mayfly_status ensure_cache(struct bench_load *load, bool *created, char error[BENCH_ERROR_BYTES])
{
    mayfly_request request = mayfly_create_cache(load->settings->cache);
    mayfly_reply *reply;
    mayfly_status status = mayfly_call(load->threads[0].client, &request, &reply);
    *created = status == MAYFLY_OK;
    if (status == MAYFLY_ALREADY_EXISTS)
        status = MAYFLY_OK;
    if (status != MAYFLY_OK)
        (void)fail(error, status, reply != NULL ? reply->message : "memory is out");
    mayfly_reply_free(reply);
    return status;
}

static void remove_cache(struct bench_load *load)
{
    mayfly_request request = mayfly_delete_cache(load->settings->cache);
    mayfly_reply *reply;
    (void)mayfly_call(load->threads[0].client, &request, &reply);
    mayfly_reply_free(reply);
}

static mayfly_status fill_problem(const struct bench_load *load, char error[BENCH_ERROR_BYTES])
{
    if (atomic_load(&interrupted))
        return fail(error, MAYFLY_CANCELLED, "interrupted before there was anything to measure");
    for (size_t i = 0; i < load->thread_count; i++) {
        if (!load->threads[i].filled_badly)
            continue;
        (void)snprintf(error, BENCH_ERROR_BYTES, "the keys could not be set: %s",
                       mayfly_status_name(load->threads[i].fill_status));
        return load->threads[i].fill_status;
    }
    return MAYFLY_OK;
}

static mayfly_status run_threads(struct bench_load *load, struct bench_result *result,
                                 char error[BENCH_ERROR_BYTES])
{
    size_t started = 0;
    while (started < load->thread_count &&
           pthread_create(&load->threads[started].thread, NULL, run_thread, &load->threads[started]) == 0)
        started++;
    mayfly_status status = MAYFLY_OK;
    if (started < load->thread_count) {
        status = fail(error, MAYFLY_RESOURCE_EXHAUSTED, "no more threads can be started");
    } else {
        watch(load, "setting keys", CLOCK_NEVER / 2, &load->filled);
        status = fill_problem(load, error);
    }
    if (status == MAYFLY_OK) {
        measure(load, result);
    } else {
        move_to(load, STAGE_STOP);
        join_threads(load, started);
    }
    return status;
}

static mayfly_status check_channels(const struct bench_settings *settings, int64_t *channels,
                                    char error[BENCH_ERROR_BYTES])
{
    *channels = 0;
    if (strcmp(settings->channels, "auto") != 0 &&
        (!options_parse_value(OPTION_NUMBER, settings->channels, channels) || *channels < 1 ||
         *channels > 1024))
        return fail(error, MAYFLY_INVALID_ARGUMENT, "--channels takes a number from 1 to 1024, or auto");
    if (settings->threads > settings->concurrency || (*channels > 0 && settings->threads > *channels))
        return fail(error, MAYFLY_INVALID_ARGUMENT,
                    "every thread needs a request in flight and a channel of its own: lower --threads");
    if (settings->warmup_concurrency > 0 && settings->warmup_concurrency < settings->threads)
        return fail(error, MAYFLY_INVALID_ARGUMENT,
                    "every thread needs a request in flight while it warms up: lower --threads");
    if (settings->requests > 0 && settings->requests < settings->threads)
        return fail(error, MAYFLY_INVALID_ARGUMENT, "every thread needs a request to send: lower --threads");
    return MAYFLY_OK;
}

mayfly_status bench_run(const struct bench_settings *settings, const mayfly_credentials *credentials,
                        struct bench_result *result, char error[BENCH_ERROR_BYTES])
{
    struct bench_load load = {
        .settings = settings,
        .workload = workload_find(settings->workload),
        .thread_count = (size_t)settings->threads,
    };
    int64_t channels;
    bool created = false;
    *result = (struct bench_result){.requests = 0};
    mayfly_status status = check_channels(settings, &channels, error);
    if (status != MAYFLY_OK)
        return status;
    load.threads = calloc(load.thread_count, sizeof *load.threads);
    load.value = malloc((size_t)settings->value_bytes + 1);
    (void)pthread_mutex_init(&load.lock, NULL);
    (void)pthread_cond_init(&load.moved, NULL);
    for (size_t i = 0; load.threads != NULL && i < load.thread_count; i++)
        (void)pthread_mutex_init(&load.threads[i].entry_lock, NULL);
    if (load.threads == NULL || load.value == NULL) {
        status = fail(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
        goto done;
    }
    memset(load.value, 'v', (size_t)settings->value_bytes);

    const struct sigaction on_signal = {.sa_handler = on_interrupt};
    (void)sigaction(SIGINT, &on_signal, NULL);
    (void)sigaction(SIGTERM, &on_signal, NULL);
    status = open_threads(&load, credentials, channels, error);
    if (status == MAYFLY_OK)
        status = ensure_cache(&load, &created, error);
    if (status == MAYFLY_OK)
        status = run_threads(&load, result, error);
    if (created)
        remove_cache(&load);
done:
    for (size_t i = 0; load.threads != NULL && i < load.thread_count; i++) {
        mayfly_client_close(load.threads[i].client);
        free(load.threads[i].slots);
        (void)pthread_mutex_destroy(&load.threads[i].entry_lock);
    }
    (void)pthread_mutex_destroy(&load.lock);
    (void)pthread_cond_destroy(&load.moved);
    free(load.threads);
    free(load.value);
    return status;
}

void bench_result_free(struct bench_result *result)
{
    course_free(&result->course);
}
