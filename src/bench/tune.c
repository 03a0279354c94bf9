#include "bench/tune.h"

#include "base/clock.h"
#include "bench/document.h"
#include "bench/prebuilt.h"
#include "bench/relay.h"
#include "bench/server_cpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAMS      100 /* that a server usually allows on a connection */
#define VERIFY_RUNS  8
#define RUNS_MAX     90
#define WARMUP_NS    ((int64_t)300 * CLOCK_NS_PER_MS)
#define WARMUP_TRIPS 6                             /* round trips that a warm-up lasts beside that */
#define SETTLE_NS    ((int64_t)5 * CLOCK_NS_PER_S) /* of a configuration that finds its limit itself */
#define SETTLE_TRIPS 50
#define CALLERS      1000 /* that a configuration is offered */
#define FULL         0.9  /* of a processor or a network */
#define RISE         1.03
#define BYTES_AROUND 130 /* of a request and its reply beside the value, about */

/* A search at work. */
struct search {
    const struct tune_settings *settings;
    const mayfly_credentials *credentials;
    struct tune_result *result;
    struct server_cpu server;
    double server_busy[TUNER_POINTS_MAX]; /* of each point's last run; -1: not known */
    json_t *benches[TUNER_POINTS_MAX];    /* likewise */
    int64_t started_ns;
    int64_t round_trip_ns; /* the shortest median seen */
};

static bool is_terminal(void)
{
    return isatty(STDERR_FILENO) != 0;
}

/* --- A run --- */

static int64_t warmup_ns(const struct search *search)
{
    return WARMUP_NS + WARMUP_TRIPS * search->round_trip_ns;
}

static bool run_load(struct search *search, const struct bench_settings *load, struct bench_result *bench,
                     double *server_busy)
{
    struct tune_result *result = search->result;
    server_cpu_begin(&search->server);
    result->status = bench_run(load, search->credentials, bench, result->error);
    *server_busy = server_cpu_end(&search->server);
    if (bench_signal() != 0)
        result->is_interrupted = true;
    return result->status == MAYFLY_OK && !result->is_interrupted;
}

/* What a target is of: all that a caller waits, but for a configuration that holds requests back, whose own target is of
 * the wire. */
static const struct histogram *target_latency(const struct bench_settings *load,
                                              const struct bench_result *bench)
{
    return load->configuration != NULL ? &bench->service_ns : &bench->response_ns;
}

static struct tuner_run run_of(const struct bench_settings *load, const struct bench_result *bench)
{
    const struct histogram *latency_ns = target_latency(load, bench);
    return (struct tuner_run){
        .throughput_rps = (double)bench->by_status[MAYFLY_OK] / bench->seconds,
        .p999_us = (double)histogram_quantile(latency_ns, 0.999) / 1000,
        .p50_us = (double)histogram_quantile(latency_ns, 0.5) / 1000,
        .busy = bench->busy,
        .errors = bench->requests - bench->by_status[MAYFLY_OK],
    };
}

static void say_before(const struct tuner *tuner, const struct search *search,
                       const struct tuner_setting *setting)
{
    if (!is_terminal() || search->settings->load.is_quiet)
        return;
    double left_s = (double)tuner_runs_left(tuner) * (double)(clock_now_ns() - search->started_ns) /
                    CLOCK_NS_PER_S / (double)(tuner->run_count > 0 ? tuner->run_count : 1);
    (void)fprintf(stderr, "\r  measuring %" PRId64 " in flight on %" PRId64 " channel%s ...  ",
                  setting->concurrency, setting->channels, setting->channels == 1 ? "" : "s");
    if (tuner->run_count > 0)
        (void)fprintf(stderr, "about %.0f s to go  ", left_s);
}

static void say_after(const struct tuner *tuner, const struct search *search,
                      const struct tuner_setting *setting, const struct tuner_run *run)
{
    static const char *const stages[] = {"scan", "refine", "channels", "verify", ""};
    if (search->settings->load.is_quiet)
        return;
    double target_us = tuner->limits.target_us;
    size_t done = tuner->run_count + 1;
    double each_s = (double)(clock_now_ns() - search->started_ns) / CLOCK_NS_PER_S / (double)done;
    (void)fprintf(
        stderr,
        "%s%-8s %3zu  %6" PRId64 " in flight, %2" PRId64 " channel%s %10.0f/s  p99.9 %9.3f ms  %-6s "
        "~%.0f s to go\n",
        is_terminal() ? "\r\x1b[K" : "", stages[tuner->stage], done, setting->concurrency, setting->channels,
        setting->channels == 1 ? " " : "s", run->throughput_rps, run->p999_us / 1000,
        run->errors > 0             ? "errors"
        : target_us == 0            ? ""
        : run->p999_us <= target_us ? "meets"
                                    : "misses",
        each_s * (double)tuner_runs_left(tuner));
}

/* Keeps the run's details for the document. */
static void keep(struct search *search, const struct tuner_setting *setting, json_t *bench,
                 double server_busy)
{
    size_t i = tuner_index(&search->result->tuner, setting);
    if (i == TUNER_POINTS_MAX) {
        json_decref(bench);
        return;
    }
    json_decref(search->benches[i]);
    search->benches[i] = bench;
    search->server_busy[i] = server_busy;
}

static bool measure(void *context, const struct tuner *tuner, const struct tuner_setting *setting,
                    struct tuner_run *run)
{
    struct search *search = context;
    const struct tune_settings *settings = search->settings;
    struct bench_settings load = settings->load;
    struct bench_result *bench = malloc(sizeof *bench);
    char channels[24];
    double server_busy;
    if (bench == NULL) {
        search->result->status = MAYFLY_RESOURCE_EXHAUSTED;
        (void)snprintf(search->result->error, BENCH_ERROR_BYTES, "memory is out");
        return false;
    }
    (void)snprintf(channels, sizeof channels, "%" PRId64, setting->channels);
    load.concurrency = setting->concurrency;
    load.channels = channels;
    load.duration_ns = settings->run_ns;
    load.warmup_ns = warmup_ns(search);
    load.filled = true;
    load.is_quiet = true;
    say_before(tuner, search, setting);
    bool is_run = run_load(search, &load, bench, &server_busy);
    if (is_run) {
        *run = run_of(&load, bench);
        int64_t median_ns = (int64_t)(run->p50_us * 1000);
        if (search->round_trip_ns == 0 || median_ns < search->round_trip_ns)
            search->round_trip_ns = median_ns;
        keep(search, setting, document_bench(&load, bench), server_busy);
        say_after(tuner, search, setting, run);
    }
    bench_result_free(bench);
    free(bench);
    return is_run;
}

/* --- What stands in the way --- */

__attribute__((format(printf, 2, 3))) static void explain(struct tune_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(result->explanation, sizeof result->explanation, format, arguments);
    va_end(arguments);
}

/* The part of the network's rate that is used, the fuller way of the two; 0 where there is none. */
static double network_use(const struct bench_settings *load, const struct tuner_point *best)
{
    struct relay_network network;
    int64_t bytes;
    if (load->network == NULL || !relay_profile(load->network, &network) ||
        network.rate_bits_per_second == 0 || !options_parse_value(OPTION_SIZE, load->value_size, &bytes))
        return 0;
    double reads = (double)load->reads_percent / 100;
    double part = reads > 0.5 ? reads : 1 - reads;
    double bits = 8 * ((double)bytes * part + BYTES_AROUND) * best->throughput_rps;
    return bits / (double)network.rate_bits_per_second;
}

/* The least concurrency above the best that was measured with the channels it needs. */
static const struct tuner_point *next_above(const struct tuner *tuner, const struct tuner_point *best)
{
    const struct tuner_point *next = NULL;
    for (size_t i = 0; i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        if (point->setting.concurrency > best->setting.concurrency &&
            (next == NULL || point->setting.concurrency < next->setting.concurrency))
            next = point;
    }
    return next;
}

static double most_rps(const struct tuner *tuner)
{
    double most = 0;
    for (size_t i = 0; i < tuner->point_count; i++)
        most = tuner->points[i].throughput_rps > most ? tuner->points[i].throughput_rps : most;
    return most;
}

static void find_obstacle(const struct search *search, const struct tuner_point *best)
{
    struct tune_result *result = search->result;
    const struct tuner *tuner = &result->tuner;
    double server = search->server_busy[best - tuner->points];
    double network = network_use(&search->settings->load, best);
    const struct tuner_point *next = next_above(tuner, best);
    if (best->busy >= FULL)
        explain(result,
                "the client's processor: its thread is busy %.0f %% of the time; more --threads on other "
                "cores, or more "
                "processes, ask more",
                100 * best->busy);
    else if (server >= FULL)
        explain(result,
                "the server's processor: its busiest thread works %.0f %% of the time; give the server more "
                "--threads "
                "and cores",
                100 * server);
    else if (network >= FULL)
        explain(result,
                "the network's rate, of which about %.0f %% is used; smaller values, or a faster network",
                100 * network);
    else if (next == NULL && best->setting.concurrency * 2 > search->settings->max_concurrency)
        explain(result, "--max-concurrency: raise it to look further");
    else if (tuner->limits.target_us > 0 && most_rps(tuner) > RISE * best->throughput_rps)
        explain(result,
                "the target: more in flight brings up to %.0f/s, but misses it; a looser target, or a "
                "service with a "
                "shorter tail, allows more",
                most_rps(tuner));
    else
        explain(result,
                "the service: more in flight brings no more throughput, only longer waits%s; make the "
                "service faster, "
                "or give it more workers",
                server < 0 ? "" : ", though its processor has time left");
}

/* --- The document --- */

static json_t *settings_object(const struct tune_settings *settings, double target_us)
{
    const struct bench_settings *load = &settings->load;
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:f, s:f}", "endpoint", load->endpoint, "network",
                     load->network != NULL ? load->network : "none", "workload", load->workload, "value_size",
                     load->value_size, "reads_percent", (json_int_t)load->reads_percent, "keys",
                     (json_int_t)load->keys, "popularity", load->popularity, "target_p999_ms",
                     target_us / 1000, "run_s", (double)settings->run_ns / 1e9);
}

static int by_setting(const void *a, const void *b)
{
    const struct tuner_point *x = *(const struct tuner_point *const *)a;
    const struct tuner_point *y = *(const struct tuner_point *const *)b;
    if (x->setting.concurrency != y->setting.concurrency)
        return x->setting.concurrency < y->setting.concurrency ? -1 : 1;
    return (x->setting.channels > y->setting.channels) - (x->setting.channels < y->setting.channels);
}

/* A point with the medians of its runs; the details are of the last. */
static json_t *point_of(const struct search *search, const struct tuner_point *point)
{
    const struct tuner *tuner = &search->result->tuner;
    char label[64];
    (void)snprintf(label, sizeof label, "%" PRId64 " in flight, %" PRId64 " channel%s",
                   point->setting.concurrency, point->setting.channels,
                   point->setting.channels == 1 ? "" : "s");
    json_t *made = document_point(search->benches[point - tuner->points],
                                  json_integer(point->setting.concurrency), label);
    (void)json_object_set_new(made, "throughput_rps", json_real(point->throughput_rps));
    json_t *latency = json_deep_copy(json_object_get(made, "latency_us"));
    if (search->settings->check == NULL) {
        (void)json_object_set_new(latency, "p50", json_real(point->p50_us));
        (void)json_object_set_new(latency, "p999", json_real(point->p999_us));
    }
    (void)json_object_set_new(made, "latency_us", latency);
    (void)json_object_set_new(made, "runs", json_integer((json_int_t)point->run_count));
    if (tuner->limits.target_us > 0)
        (void)json_object_set_new(made, "met", json_integer((json_int_t)point->met));
    return made;
}

static void write_points(const struct search *search, const struct tuner_point *best, json_t *section)
{
    const struct tuner *tuner = &search->result->tuner;
    const struct tuner_point *sorted[TUNER_POINTS_MAX];
    json_t *series = document_add_series(section, "mayfly");
    json_t *points = json_object_get(series, "points");
    for (size_t i = 0; i < tuner->point_count; i++)
        sorted[i] = &tuner->points[i];
    qsort(sorted, tuner->point_count, sizeof(const struct tuner_point *), by_setting);
    for (size_t i = 0; i < tuner->point_count; i++) {
        (void)json_array_append_new(points, point_of(search, sorted[i]));
        if (sorted[i] == best)
            (void)json_object_set_new(series, "choice", json_integer((json_int_t)i));
    }
}

static void write_choice(const struct search *search, const struct tuner_point *best)
{
    const struct tune_result *result = search->result;
    (void)json_object_set_new(
        result->document, "choice",
        json_pack("{s:I, s:I, s:f, s:f, s:I, s:I, s:s}", "concurrency", (json_int_t)best->setting.concurrency,
                  "channels", (json_int_t)best->setting.channels, "throughput_rps", best->throughput_rps,
                  "p999_us", best->p999_us, "met", (json_int_t)best->met, "runs", (json_int_t)best->run_count,
                  "limited_by", result->explanation));
}

static void make_document(const struct search *search, const char *title, const char *command)
{
    struct tune_result *result = search->result;
    const struct tuner *tuner = &result->tuner;
    const struct tuner_point *best = tuner_best(tuner);
    json_t *document = document_new(title, command);
    result->document = document;
    (void)json_object_set_new(document, "is_partial", json_boolean(result->is_interrupted));
    (void)json_object_set_new(document, "settings",
                              settings_object(search->settings, tuner->limits.target_us));
    json_t *section =
        document_add_section(document, "tune", "Requests in flight", "requests in flight", true);
    if (tuner->limits.target_us > 0)
        (void)json_object_set_new(section, "target_p999_us", json_real(tuner->limits.target_us));
    write_points(search, best, section);
    if (best == NULL)
        return;
    if (result->explanation[0] != '\0')
        document_add_note(document, result->explanation);
    write_choice(search, best);
}

/* --- Searching --- */

static void begin(struct search *search, const struct tune_settings *settings,
                  const mayfly_credentials *credentials, double target_us, struct tune_result *result)
{
    *result = (struct tune_result){.status = MAYFLY_OK};
    result->tuner.limits = (struct tuner_limits){
        .target_us = target_us,
        .concurrency_min = settings->load.threads,
        .concurrency_max = settings->max_concurrency,
        .streams = STREAMS,
        .channels_max = settings->max_channels,
        .verify_runs = target_us > 0 ? VERIFY_RUNS : 0,
        .runs_max = RUNS_MAX,
    };
    *search = (struct search){
        .settings = settings, .credentials = credentials, .result = result, .started_ns = clock_now_ns()};
    result->tuner.measure = measure;
    result->tuner.context = search;
    server_cpu_find(&search->server, credentials->cache_host, credentials->port);
}

static void end(struct search *search)
{
    for (size_t i = 0; i < TUNER_POINTS_MAX; i++)
        json_decref(search->benches[i]);
}

void tune_search(const struct tune_settings *settings, const mayfly_credentials *credentials,
                 double target_us, const char *command, struct tune_result *result)
{
    struct search search;
    begin(&search, settings, credentials, target_us, result);
    struct bench_ground *ground = bench_prepare(&settings->load, credentials, &result->status, result->error);
    result->is_interrupted = bench_signal() != 0;
    if (ground == NULL)
        return;
    tuner_search(&result->tuner);
    const struct tuner_point *best = tuner_best(&result->tuner);
    if (best != NULL)
        find_obstacle(&search, best);
    make_document(&search, "mayfly tune", command);
    bench_clear(ground);
    end(&search);
}

/* --- Checking --- */

/* Reads what `mayfly tune --json` chose into LOAD, whose channels are written to CHANNELS. */
static bool read_choice(const char *path, struct bench_settings *load, char *channels, size_t size,
                        struct tune_result *result)
{
    json_error_t problem;
    json_int_t concurrency;
    json_int_t count;
    json_t *document = json_load_file(path, 0, &problem);
    bool is_read = json_unpack(document, "{s:{s:I, s:I}}", "choice", "concurrency", &concurrency, "channels",
                               &count) == 0;
    json_decref(document);
    if (!is_read) {
        result->status = MAYFLY_INVALID_ARGUMENT;
        (void)snprintf(
            result->error, BENCH_ERROR_BYTES,
            "--check takes a pre-built configuration's name, or a file that `mayfly tune --json` wrote with "
            "a choice, not \"%.100s\"",
            path);
        return false;
    }
    load->configuration = NULL;
    load->concurrency = concurrency;
    (void)snprintf(channels, size, "%" JSON_INTEGER_FORMAT, count);
    load->channels = channels;
    return true;
}

static void check_runs(struct search *search, struct bench_settings *load)
{
    struct tune_result *result = search->result;
    struct tuner *tuner = &result->tuner;
    struct bench_result *bench = malloc(sizeof *bench);
    struct tuner_setting setting = {load->concurrency, 1};
    for (int64_t i = 0; bench != NULL && i < search->settings->runs && i < TUNER_RUNS_MAX; i++) {
        double server_busy;
        bool is_run = run_load(search, load, bench, &server_busy);
        if (is_run) {
            struct tuner_run run = run_of(load, bench);
            keep(search, &setting, document_bench(load, bench), server_busy);
            (void)tuner_add(tuner, &setting, &run);
            int64_t trip_ns = (int64_t)(run.p50_us * 1000);
            int64_t settle_ns =
                load->configuration != NULL ? SETTLE_TRIPS * trip_ns : WARMUP_NS + WARMUP_TRIPS * trip_ns;
            load->warmup_ns = load->configuration != NULL && settle_ns < SETTLE_NS ? SETTLE_NS : settle_ns;
            (void)fprintf(stderr, "run %2" PRId64 " of %" PRId64 "  %10.0f/s  p99.9 %9.3f ms  %s\n", i + 1,
                          search->settings->runs, run.throughput_rps, run.p999_us / 1000,
                          run.errors > 0 ? "errors"
                          : tuner->limits.target_us == 0 || run.p999_us <= tuner->limits.target_us
                              ? "meets"
                              : "misses");
        }
        bench_result_free(bench);
        if (!is_run)
            break;
    }
    free(bench);
}

void tune_check(const struct tune_settings *settings, const mayfly_credentials *credentials, double target_us,
                const char *command, struct tune_result *result)
{
    struct search search;
    struct bench_settings load = settings->load;
    char channels[24];
    begin(&search, settings, credentials, target_us, result);
    load.channels = "auto";
    load.duration_ns = settings->run_ns;
    load.warmup_ns = SETTLE_NS;
    load.is_quiet = true;
    if (prebuilt_is(settings->check)) {
        load.configuration = settings->check;
        load.concurrency = load.concurrency > 0 ? load.concurrency : CALLERS;
    } else if (!read_choice(settings->check, &load, channels, sizeof channels, result)) {
        return;
    }
    struct bench_ground *ground = bench_prepare(&settings->load, credentials, &result->status, result->error);
    result->is_interrupted = bench_signal() != 0;
    if (ground == NULL)
        return;
    load.filled = true;
    check_runs(&search, &load);
    make_document(&search, "mayfly tune --check", command);
    bench_clear(ground);
    end(&search);
}

void tune_result_free(struct tune_result *result)
{
    json_decref(result->document);
    result->document = NULL;
}
