/* A run from its settings to its result: the caches, the network, the clients, and the stages of a load. */
#include "bench/load.h"

#include "base/clock.h"
#include "bench/prebuilt.h"
#include "bench/relay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#define DEADLINE_MS        15000
#define CONNECT_TIMEOUT_MS 5000
#define STREAMS_USUAL      100 /* that a server allows on a connection */
#define CHANNELS_AUTO_MAX  32
#define WHOLE              0.99  /* of what was wanted has to be sent */
#define BUSY               0.95  /* of the time is all of it */
#define LATE_NS            50000 /* at p99 is late, where it is */
#define LATE_PART          0.1   /* of the response time's p99 too */

static volatile sig_atomic_t signal_taken;

static void on_signal(int number)
{
    signal_taken = number;
}

void bench_take_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    signal_taken = 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int bench_signal(void)
{
    return signal_taken;
}

static mayfly_status fail(char *error, mayfly_status status, const char *message)
{
    (void)snprintf(error, BENCH_ERROR_BYTES, "%s", message);
    return status;
}

/* --- The clients --- */

static mayfly_configuration fixed(const struct bench_settings *settings, int64_t concurrency)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.name = "bench";
    configuration.deadline_ms = DEADLINE_MS;
    configuration.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    configuration.max_in_flight = (uint32_t)concurrency;
    int64_t needed = (concurrency + STREAMS_USUAL - 1) / STREAMS_USUAL;
    int64_t count = needed < CHANNELS_AUTO_MAX ? needed : CHANNELS_AUTO_MAX;
    bool is_as_needed = plan_is_open(settings) && settings->concurrency == 0;
    configuration.min_channels = is_as_needed ? 1 : (uint32_t)count;
    configuration.max_channels = (uint32_t)count;
    return configuration;
}

static int64_t outstanding_of(const struct bench_settings *settings)
{
    return plan_is_open(settings) ? settings->max_outstanding : plan_concurrency(settings);
}

static mayfly_configuration configuration_of(const struct bench_settings *settings, int64_t concurrency,
                                             int64_t outstanding, int64_t channels)
{
    mayfly_configuration configuration = settings->configuration != NULL
                                             ? prebuilt_make(settings->configuration)
                                             : fixed(settings, concurrency);
    configuration.max_backlog = (uint32_t)outstanding; /* all that may wait */
    if (channels > 0)
        configuration.min_channels = configuration.max_channels = (uint32_t)channels;
    return configuration;
}

/* The whole of N, shared among COUNT, for number I: the first ones take what is left over. */
static int64_t share(int64_t n, size_t count, size_t i)
{
    return n / (int64_t)count + ((int64_t)i < n % (int64_t)count ? 1 : 0);
}

static mayfly_status open_thread(struct bench_load *load, size_t i, const mayfly_credentials *credentials,
                                 char error[BENCH_ERROR_BYTES])
{
    const struct bench_settings *settings = load->settings;
    struct bench_thread *thread = &load->threads[i];
    size_t count = load->thread_count;
    int64_t concurrency = share(plan_concurrency(settings), count, i);
    int64_t outstanding = share(outstanding_of(settings), count, i);
    int64_t warm = share(settings->warmup_concurrency, count, i);
    thread->load = load;
    thread->number = i;
    thread->has_service = settings->configuration != NULL || plan_is_open(settings);
    thread->random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
    thread->quota = settings->requests > 0 ? share(settings->requests, count, i) : 0;
    thread->slot_count = (size_t)concurrency;
    thread->warm_slots = warm > 0 && warm < concurrency ? (size_t)warm : thread->slot_count;
    thread->slots_left = (size_t)outstanding;
    if (!load_make_slots(thread))
        return fail(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    int64_t channels = load->plan->channels > 0 ? share(load->plan->channels, count, i) : 0;
    mayfly_configuration configuration = configuration_of(settings, concurrency, outstanding, channels);
    mayfly_error problem;
    mayfly_status status =
        mayfly_client_open(&configuration, credentials, MAYFLY_DRIVEN_BY_CALLER, &thread->client, &problem);
    return status == MAYFLY_OK ? MAYFLY_OK : fail(error, status, problem.message);
}

static mayfly_status open_threads(struct bench_load *load, const mayfly_credentials *credentials,
                                  char error[BENCH_ERROR_BYTES])
{
    load->threads = calloc(load->thread_count, sizeof *load->threads);
    if (load->threads == NULL)
        return fail(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    mayfly_status status = MAYFLY_OK;
    for (size_t i = 0; i < load->thread_count && status == MAYFLY_OK; i++)
        status = open_thread(load, i, credentials, error);
    return status;
}

static void close_threads(struct bench_load *load)
{
    for (size_t i = 0; load->threads != NULL && i < load->thread_count; i++) {
        mayfly_client_close(load->threads[i].client);
        load_free_slots(&load->threads[i]);
    }
    free(load->threads);
}

/* --- The stages --- */

static void collect(const struct bench_load *load, struct bench_result *result)
{
    static struct histogram read; /* too large for a stack, and there is one run at a time */
    double user_s = 0;
    double system_s = 0;
    for (size_t i = 0; i < load->thread_count; i++) {
        const struct bench_thread *thread = &load->threads[i];
        shared_histogram_read(&thread->measured.response_ns, &read);
        histogram_add(&result->response_ns, &read);
        shared_histogram_read(&thread->measured.service_ns, &read);
        histogram_add(&result->service_ns, &read);
        shared_histogram_read(&thread->lateness_ns, &read);
        histogram_add(&result->lateness_ns, &read);
        result->requests += thread->requests;
        result->misses += thread->misses;
        result->wanted += thread->wanted;
        result->sent += thread->sent;
        result->held += thread->held;
        result->unanswered += thread->unanswered;
        user_s += thread->user_s;
        system_s += thread->system_s;
        result->busy = thread->busy_part > result->busy ? thread->busy_part : result->busy;
        for (size_t status = 0; status < 17; status++)
            result->by_status[status] += thread->by_status[status];
    }
    double requests = result->requests > 0 ? (double)result->requests : 1;
    result->user_us_per_request = user_s * 1e6 / requests;
    result->system_us_per_request = system_s * 1e6 / requests;
}

static enum bench_verdict judge(const struct bench_settings *settings, const struct bench_result *result)
{
    if (!plan_is_open(settings))
        return result->busy >= BUSY ? BENCH_BUSY : BENCH_OK;
    uint64_t late_ns = histogram_quantile(&result->lateness_ns, 0.99);
    double response_ns = (double)histogram_quantile(&result->response_ns, 0.99);
    if ((double)result->sent < WHOLE * (double)result->wanted)
        return result->held > 0 && result->busy < BUSY ? BENCH_HELD_BACK : BENCH_TOO_SLOW;
    if (result->busy >= BUSY)
        return BENCH_BUSY;
    return late_ns > LATE_NS && (double)late_ns > LATE_PART * response_ns ? BENCH_LATE : BENCH_OK;
}

/* Walks the threads through warming up and measuring. */
static void walk(struct bench_load *load, struct bench_result *result)
{
    const struct bench_settings *settings = load->settings;
    bool is_counted = settings->requests > 0 || settings->trace != NULL;
    if (atomic_load(&load->stage) == STAGE_WARM) {
        watch(load, "warming up", settings->warmup_ns);
        watch_end_entry(load, clock_now_ns());
        load->course->seen.response_ns = load->course->seen.service_ns = (struct histogram){.count = 0};
    }
    int64_t start_ns = clock_now_ns();
    atomic_store(&load->until_ns, is_counted ? CLOCK_NEVER : start_ns + settings->duration_ns);
    atomic_store(&load->from_ns, settings->trace != NULL ? 0 : start_ns);
    atomic_store(&load->stage, STAGE_MEASURE);
    watch(load, "measuring", is_counted ? CLOCK_NEVER / 2 : settings->duration_ns);
    mayfly_client_counts counts = watch_counts(load);
    int64_t end_ns = clock_now_ns();
    result->is_interrupted = bench_signal() != 0;
    if (result->is_interrupted && end_ns < atomic_load(&load->until_ns))
        atomic_store(&load->until_ns, end_ns);
    atomic_store(&load->stage, STAGE_STOP);
    for (size_t i = 0; i < load->thread_count; i++)
        (void)pthread_join(load->threads[i].thread, NULL);
    watch_end_entry(load, end_ns);
    result->limit = counts.limit;
    result->is_target_unmet = counts.is_target_unmet;
    result->seconds = (double)(end_ns - start_ns) / CLOCK_NS_PER_S;
    collect(load, result);
    result->verdict = judge(settings, result);
}

static mayfly_status run_threads(struct bench_load *load, struct bench_result *result,
                                 char error[BENCH_ERROR_BYTES])
{
    const struct bench_settings *settings = load->settings;
    bool has_warmup = settings->warmup_ns > 0 && settings->trace == NULL;
    atomic_store(&load->from_ns, settings->trace != NULL ? 0 : CLOCK_NEVER);
    atomic_store(&load->until_ns, CLOCK_NEVER);
    atomic_store(&load->stage, has_warmup ? STAGE_WARM : STAGE_MEASURE);
    load->course = &result->course;
    course_begin(load->course, settings->interval_ns, clock_now_ns());
    size_t started = 0;
    while (started < load->thread_count &&
           pthread_create(&load->threads[started].thread, NULL, load_thread, &load->threads[started]) == 0)
        started++;
    if (started == load->thread_count) {
        walk(load, result);
        return MAYFLY_OK;
    }
    atomic_store(&load->stage, STAGE_STOP);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(load->threads[i].thread, NULL);
    return fail(error, MAYFLY_RESOURCE_EXHAUSTED, "no more threads can be started");
}

/* --- The network --- */

mayfly_status bench_enter_network(const char *name, const mayfly_credentials *from, struct relay **relay,
                                  mayfly_credentials *to, char error[BENCH_ERROR_BYTES])
{
    struct relay_network network;
    char address[BENCH_ERROR_BYTES];
    char problem[RELAY_ERROR_BYTES];
    *to = *from;
    *relay = NULL;
    if (name == NULL)
        return MAYFLY_OK;
    (void)relay_profile(name, &network); /* the table of options allows no other name */
    (void)snprintf(address, sizeof address, strchr(from->cache_host, ':') != NULL ? "[%s]:%u" : "%s:%u",
                   from->cache_host, from->port);
    *relay = relay_start("127.0.0.1:0", address, &network, problem);
    if (*relay == NULL)
        return fail(error, MAYFLY_UNAVAILABLE, problem);
    to->cache_host = "127.0.0.1";
    to->control_host = NULL;
    to->port = relay_port(*relay);
    if (to->tls.is_on && to->tls.server_name == NULL)
        to->tls.server_name = from->cache_host;
    return MAYFLY_OK;
}

mayfly_status bench_run(const struct bench_settings *settings, const mayfly_credentials *credentials,
                        struct bench_result *result, char error[BENCH_ERROR_BYTES])
{
    struct plan *plan = malloc(sizeof *plan);
    struct bench_load *load = calloc(1, sizeof *load);
    struct filling filling = {.plan = plan};
    struct relay *relay = NULL;
    mayfly_credentials through;
    mayfly_status status = MAYFLY_INVALID_ARGUMENT;
    *result = (struct bench_result){.requests = 0};
    if (plan == NULL || load == NULL) {
        status = fail(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
        goto done;
    }
    load->settings = settings;
    load->plan = plan;
    load->thread_count = (size_t)settings->threads;
    if (!plan_make(plan, settings, error))
        goto free_plan;
    if (settings->hdr != NULL && (load->hdr = hdr_log_open(settings->hdr)) == NULL) {
        (void)snprintf(error, BENCH_ERROR_BYTES, "%.200s cannot be written", settings->hdr);
        goto free_plan;
    }
    status = fill(&filling, credentials, error);
    if (status == MAYFLY_OK)
        status = bench_enter_network(settings->network, credentials, &relay, &through, error);
    if (status == MAYFLY_OK)
        status = open_threads(load, &through, error);
    if (status == MAYFLY_OK)
        status = run_threads(load, result, error);
    close_threads(load);
    relay_stop(relay);
    fill_undo(&filling);
    if (!hdr_log_close(load->hdr) && status == MAYFLY_OK)
        status = fail(error, MAYFLY_INTERNAL, "the HdrHistogram log could not be written to its end");
free_plan:
    plan_free(plan);
done:
    free(load);
    free(plan);
    return status;
}

struct bench_ground {
    struct plan plan;
    struct filling filling;
};

struct bench_ground *bench_prepare(const struct bench_settings *settings,
                                   const mayfly_credentials *credentials, mayfly_status *status,
                                   char error[BENCH_ERROR_BYTES])
{
    struct bench_ground *ground = calloc(1, sizeof *ground);
    if (ground == NULL) {
        *status = fail(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
        return NULL;
    }
    ground->filling.plan = &ground->plan;
    *status = plan_make(&ground->plan, settings, error) ? fill(&ground->filling, credentials, error)
                                                        : MAYFLY_INVALID_ARGUMENT;
    if (*status == MAYFLY_OK)
        return ground;
    bench_clear(ground);
    return NULL;
}

void bench_clear(struct bench_ground *ground)
{
    if (ground == NULL)
        return;
    fill_undo(&ground->filling);
    plan_free(&ground->plan);
    free(ground);
}

void bench_result_free(struct bench_result *result)
{
    course_free(&result->course);
}
