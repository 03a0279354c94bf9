#include "bench/experiment.h"

#include "base/clock.h"
#include "bench/document.h"
#include "bench/tuner.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define MANY           5000 /* concurrent requests of the post's first experiments */
#define TARGET_RUNS    18   /* of a client for both targets, at most */
#define SENTENCE_BYTES 320

/* One under way. */
struct trial {
    const struct experiment *experiment;
    const struct experiment_settings *settings;
    struct lab *lab;
    json_t *section;
    json_t *series;
    enum lab_client client;
    size_t *done; /* runs of all trials, and about how many there will be */
    size_t wanted;
};

struct experiment {
    const char *name;
    const char *title;
    const char *axis;
    bool is_log;
    const char *network;
    const char *configuration;
    const char *module; /* of Python, that is needed beside the client */
    const char *brief;
    double target_us;
    size_t runs; /* of a client, about */
    void (*run)(struct trial *trial);
    void (*judge)(struct trial *trial);
};

/* --- Points --- */

static void say(const struct trial *trial, const char *label, const json_t *bench)
{
    double rps = json_number_value(json_object_get(bench, "throughput_rps"));
    double p999_us = json_number_value(json_object_get(json_object_get(bench, "latency_us"), "p999"));
    (void)fprintf(stderr, "%3zu of about %zu  %-12s %-10s %-24s %10.0f/s  p99.9 %9.2f ms\n", *trial->done,
                  trial->wanted, trial->experiment->name, lab_client_names[trial->client], label, rps,
                  p999_us / 1000);
}

static json_t *measure(struct trial *trial, const struct lab_setting *asked, const char *label)
{
    struct lab_setting setting = *asked;
    setting.client = trial->client;
    setting.configuration = trial->experiment->configuration;
    json_t *bench = lab_measure(trial->lab, &setting);
    if (bench == NULL)
        return NULL;
    ++*trial->done;
    say(trial, label, bench);
    return bench;
}

static json_t *points_of(const struct trial *trial)
{
    return json_object_get(trial->series, "points");
}

/* Measures once and keeps the point. */
static bool add_point(struct trial *trial, const struct lab_setting *setting, int64_t x, const char *label)
{
    json_t *bench = measure(trial, setting, label);
    if (bench == NULL)
        return false;
    json_t *point = document_point(bench, json_integer(x), label);
    (void)json_object_set_new(point, "runs", json_integer(1));
    (void)json_array_append_new(points_of(trial), point);
    json_decref(bench);
    return true;
}

static double throughput(const json_t *point)
{
    return json_number_value(json_object_get(point, "throughput_rps"));
}

static double p999_us(const json_t *point)
{
    return json_number_value(json_object_get(json_object_get(point, "latency_us"), "p999"));
}

static double x_of(const json_t *point)
{
    return json_number_value(json_object_get(point, "x"));
}

static size_t most_of(const json_t *points)
{
    size_t most = 0;
    for (size_t i = 1; i < json_array_size(points); i++)
        if (throughput(json_array_get(points, i)) > throughput(json_array_get(points, most)))
            most = i;
    return most;
}

/* The least setting with nine tenths of the most throughput: beyond it, latency grows and little else. */
static size_t knee_of(const json_t *points)
{
    double most = throughput(json_array_get(points, most_of(points)));
    size_t i = 0;
    while (throughput(json_array_get(points, i)) < 0.9 * most)
        i++;
    return i;
}

static void choose(const struct trial *trial, size_t i)
{
    (void)json_object_set_new(trial->series, "choice", json_integer((json_int_t)i));
}

__attribute__((format(printf, 3, 4))) static void find(const struct trial *trial, bool holds,
                                                       const char *format, ...)
{
    char text[SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)json_array_append_new(json_object_get(trial->section, "findings"),
                                json_pack("{s:s, s:b, s:s}", "client", lab_client_names[trial->client],
                                          "holds", holds, "text", text));
}

/* --- Channels --- */

static void run_channels(struct trial *trial)
{
    static const int64_t channels[] = {1, 2, 5, 10, 20};
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        char label[48];
        (void)snprintf(label, sizeof label, "%" PRId64 " channel%s", channels[i],
                       channels[i] == 1 ? "" : "s");
        const struct lab_setting setting = {.concurrency = MANY, .channels = channels[i]};
        if (!add_point(trial, &setting, channels[i], label))
            return;
    }
}

static void judge_channels(struct trial *trial)
{
    const json_t *points = points_of(trial);
    if (json_array_size(points) < 2)
        return;
    const json_t *most = json_array_get(points, most_of(points));
    double gain = throughput(most) / throughput(json_array_get(points, 0));
    choose(trial, most_of(points));
    find(trial, gain < 1.15, "%.0f requests/s on one channel; the most, %.0f/s, on %.0f: %.2f of it",
         throughput(json_array_get(points, 0)), throughput(most), x_of(most), gain);
}

/* --- Concurrency --- */

static void run_concurrency(struct trial *trial)
{
    static const int64_t concurrency[] = {1, 5, 10, 50, 100, 500, 1000, MANY};
    for (size_t i = 0; i < sizeof concurrency / sizeof concurrency[0]; i++) {
        char label[48];
        (void)snprintf(label, sizeof label, "%" PRId64 " concurrent", concurrency[i]);
        const struct lab_setting setting = {.concurrency = concurrency[i]};
        if (!add_point(trial, &setting, concurrency[i], label))
            return;
    }
}

static void judge_concurrency(struct trial *trial)
{
    const json_t *points = points_of(trial);
    if (json_array_size(points) < 2)
        return;
    const json_t *knee = json_array_get(points, knee_of(points));
    const json_t *last = json_array_get(points, json_array_size(points) - 1);
    choose(trial, knee_of(points));
    find(trial, x_of(knee) >= 50 && x_of(knee) <= 100,
         "nine tenths of the most throughput from %.0f concurrent requests on: %.0f/s, p99.9 %.1f ms; with "
         "%.0f it is "
         "%.0f/s, p99.9 %.0f ms",
         x_of(knee), throughput(knee), p999_us(knee) / 1000, x_of(last), throughput(last),
         p999_us(last) / 1000);
}

static void judge_in_region(struct trial *trial)
{
    const json_t *points = points_of(trial);
    if (json_array_size(points) < 2)
        return;
    const json_t *knee = json_array_get(points, knee_of(points));
    const json_t *last = json_array_get(points, json_array_size(points) - 1);
    double gain = throughput(last) / throughput(knee);
    double wait = p999_us(last) / p999_us(knee);
    choose(trial, knee_of(points));
    find(trial, gain < 1.2 && wait > 2,
         "from %.0f concurrent requests (%.0f/s, p99.9 %.1f ms) to %.0f: %.2f of the throughput, %.1f times "
         "the p99.9",
         x_of(knee), throughput(knee), p999_us(knee) / 1000, x_of(last), gain, wait);
}

/* --- Two settings in turn, several rounds --- */

struct variant {
    struct lab_setting setting;
    const char *label;
    double sum_rps;
    json_t *bench; /* of the last round */
    size_t rounds;
};

static bool run_variants(struct trial *trial, struct variant *variants, size_t count)
{
    for (int64_t round = 0; round < trial->settings->rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            json_t *bench = measure(trial, &variants[i].setting, variants[i].label);
            if (bench == NULL)
                break;
            json_decref(variants[i].bench);
            variants[i].bench = bench;
            variants[i].sum_rps += throughput(bench);
            variants[i].rounds++;
        }
    }
    for (size_t i = 0; i < count && variants[i].rounds > 0; i++) {
        json_t *point = document_point(variants[i].bench, NULL, variants[i].label);
        (void)json_object_set_new(point, "throughput_rps",
                                  json_real(variants[i].sum_rps / (double)variants[i].rounds));
        (void)json_object_set_new(point, "runs", json_integer((json_int_t)variants[i].rounds));
        (void)json_array_append_new(points_of(trial), point);
    }
    for (size_t i = 0; i < count; i++)
        json_decref(variants[i].bench);
    return !trial->lab->is_over;
}

static void run_loops(struct trial *trial)
{
    struct variant variants[] = {
        {.setting = {.concurrency = 50, .loop = "asyncio"}, .label = "asyncio, 50"},
        {.setting = {.concurrency = 50, .loop = "uvloop"}, .label = "uvloop, 50"},
        {.setting = {.concurrency = 100, .loop = "asyncio"}, .label = "asyncio, 100"},
        {.setting = {.concurrency = 100, .loop = "uvloop"}, .label = "uvloop, 100"},
    };
    (void)run_variants(trial, variants, sizeof variants / sizeof variants[0]);
}

static void judge_loops(struct trial *trial)
{
    const json_t *points = points_of(trial);
    if (json_array_size(points) < 4)
        return;
    double at_50 = throughput(json_array_get(points, 1)) / throughput(json_array_get(points, 0));
    double at_100 = throughput(json_array_get(points, 3)) / throughput(json_array_get(points, 2));
    choose(trial, most_of(points));
    find(trial, at_50 >= 1.05 && at_100 >= 1.05,
         "uvloop brings %.2f of asyncio's throughput at 50 and %.2f at 100", at_50, at_100);
}

static void run_processes(struct trial *trial)
{
    struct variant variants[] = {
        {.setting = {.concurrency = 100, .processes = 1}, .label = "1 process"},
        {.setting = {.concurrency = 100, .processes = 2}, .label = "2 processes"},
    };
    (void)run_variants(trial, variants, sizeof variants / sizeof variants[0]);
}

static void judge_processes(struct trial *trial)
{
    const json_t *points = points_of(trial);
    if (json_array_size(points) < 2)
        return;
    double gain = throughput(json_array_get(points, 1)) / throughput(json_array_get(points, 0));
    choose(trial, most_of(points));
    find(trial, gain >= 1.3,
         "two processes bring %.2f of one's throughput, with 100 concurrent requests in each, on %ld "
         "cores that the server shares",
         gain, sysconf(_SC_NPROCESSORS_ONLN));
}

/* --- Targets --- */

struct target_search {
    struct trial *trial;
    json_t *benches[TUNER_POINTS_MAX];
};

static bool measure_target(void *context, const struct tuner *tuner, const struct tuner_setting *setting,
                           struct tuner_run *run)
{
    struct target_search *search = context;
    const struct lab_setting asked = {.concurrency = setting->concurrency};
    char label[48];
    (void)snprintf(label, sizeof label, "%" PRId64 " concurrent", setting->concurrency);
    json_t *bench = measure(search->trial, &asked, label);
    if (bench == NULL)
        return false;
    *run = (struct tuner_run){.throughput_rps = throughput(bench), .p999_us = p999_us(bench)};
    size_t i = tuner_index(tuner, setting);
    if (i < TUNER_POINTS_MAX) {
        json_decref(search->benches[i]);
        search->benches[i] = bench;
    } else {
        json_decref(bench);
    }
    return true;
}

static int by_x(const void *a, const void *b)
{
    double x = x_of(*(json_t *const *)a);
    double y = x_of(*(json_t *const *)b);
    return (x > y) - (x < y);
}

/* All settings that were measured, in order, with the medians of their runs. */
static void add_target_points(struct target_search *search, const struct tuner *tuner)
{
    json_t *points[TUNER_POINTS_MAX];
    for (size_t i = 0; i < tuner->point_count; i++) {
        const struct tuner_point *point = &tuner->points[i];
        char label[48];
        (void)snprintf(label, sizeof label, "%" PRId64 " concurrent", point->setting.concurrency);
        points[i] = document_point(search->benches[i], json_integer(point->setting.concurrency), label);
        json_t *latency = json_deep_copy(json_object_get(points[i], "latency_us"));
        (void)json_object_set_new(latency, "p999", json_real(point->p999_us));
        (void)json_object_set_new(points[i], "latency_us", latency);
        (void)json_object_set_new(points[i], "throughput_rps", json_real(point->throughput_rps));
        (void)json_object_set_new(points[i], "runs", json_integer((json_int_t)point->run_count));
    }
    qsort(points, tuner->point_count, sizeof(json_t *), by_x);
    for (size_t i = 0; i < tuner->point_count; i++)
        (void)json_array_append_new(points_of(search->trial), points[i]);
}

static void tell_target(const struct trial *trial, const struct tuner *tuner, int64_t briefs,
                        double briefs_rps)
{
    const struct tuner_point *best = tuner_best(tuner);
    double target_ms = tuner->limits.target_us / 1000;
    if (best == NULL) {
        const struct tuner_point *closest = tuner_closest(tuner);
        if (closest != NULL)
            find(trial, false,
                 "nothing keeps p99.9 below %.0f ms here: the closest is %" PRId64 " concurrent with %.1f ms",
                 target_ms, closest->setting.concurrency, closest->p999_us / 1000);
        return;
    }
    int64_t found = best->setting.concurrency;
    find(trial, found * 2 >= briefs && found <= briefs * 2,
         "p99.9 below %.0f ms: %" PRId64 " concurrent requests, %.0f/s, p99.9 %.1f ms (the post: %" PRId64
         ", %.0f/s, on its machines)",
         target_ms, found, best->throughput_rps, best->p999_us / 1000, briefs, briefs_rps);
}

static void run_targets(struct trial *trial)
{
    struct tuner *tuner = calloc(1, sizeof *tuner);
    struct target_search search = {.trial = trial};
    if (tuner == NULL)
        return;
    tuner->limits = (struct tuner_limits){.target_us = 20000,
                                          .concurrency_min = 1,
                                          .concurrency_max = 1024,
                                          .streams = INT64_MAX / 4,
                                          .runs_max = TARGET_RUNS};
    tuner->measure = measure_target;
    tuner->context = &search;
    tuner_search(tuner);
    tell_target(trial, tuner, 50, 9100);
    tuner_retarget(tuner, 5000);
    tuner->is_ended = trial->lab->is_over;
    tuner_search(tuner);
    tell_target(trial, tuner, 5, 3500);
    add_target_points(&search, tuner);
    const struct tuner_point *best = tuner_best(tuner);
    for (size_t i = 0; best != NULL && i < json_array_size(points_of(trial)); i++)
        if (x_of(json_array_get(points_of(trial), i)) == (double)best->setting.concurrency)
            choose(trial, i);
    for (size_t i = 0; i < TUNER_POINTS_MAX; i++)
        json_decref(search.benches[i]);
    free(tuner);
}

/* --- The table --- */

static const struct experiment experiments[] = {
    {.name = "channels",
     .title = "5,000 concurrent requests over 1 to 20 channels, from a laptop",
     .axis = "channels",
     .is_log = true,
     .network = "laptop",
     .configuration = "laptop",
     .brief = "A gRPC server allows 100 concurrent streams on a channel, and the rest queue silently; still, "
              "more channels "
              "did not help the Python client.",
     .runs = 5,
     .run = run_channels,
     .judge = judge_channels},
    {.name = "concurrency",
     .title = "1 to 5,000 concurrent requests, from a laptop",
     .axis = "concurrent requests",
     .is_log = true,
     .network = "laptop",
     .configuration = "laptop",
     .brief = "The number of concurrent requests sets latency against throughput; the best of both is at 50 "
              "to 100.",
     .runs = 8,
     .run = run_concurrency,
     .judge = judge_concurrency},
    {.name = "in-region",
     .title = "1 to 5,000 concurrent requests, in region",
     .axis = "concurrent requests",
     .is_log = true,
     .network = "in-region",
     .configuration = "in-region-default",
     .brief = "Close to the server the same holds, at higher throughput: past some point more concurrent "
              "requests bring "
              "latency and nothing else.",
     .runs = 8,
     .run = run_concurrency,
     .judge = judge_in_region},
    {.name = "loops",
     .title = "asyncio and uvloop, with 50 and 100 concurrent requests",
     .axis = "event loop, concurrent requests",
     .network = "in-region",
     .configuration = "in-region-default",
     .module = "uvloop",
     .brief = "A native event loop, uvloop, is about 10 % faster than asyncio's own.",
     .runs = 4,
     .run = run_loops,
     .judge = judge_loops},
    {.name = "targets",
     .title = "The concurrency that keeps p99.9 below 20 ms and below 5 ms, in region",
     .axis = "concurrent requests",
     .is_log = true,
     .network = "in-region",
     .configuration = "in-region-default",
     .brief = "p99.9 below 20 ms: 50 concurrent requests, 9,100 requests/s. Below 5 ms: 5 concurrent "
              "requests, 3,500 "
              "requests/s.",
     .target_us = 5000,
     .runs = 14,
     .run = run_targets},
    {.name = "processes",
     .title = "One process and two, in region",
     .axis = "processes",
     .network = "in-region",
     .configuration = "in-region-default",
     .module = "multiprocessing",
     .brief = "One process uses one core, so several give more throughput; how much was left open.",
     .runs = 2,
     .run = run_processes,
     .judge = judge_processes},
};

#define EXPERIMENTS (sizeof experiments / sizeof experiments[0])

const char *const experiment_names[] = {"channels", "concurrency", "in-region", "loops",
                                        "targets",  "processes",   "all",       NULL};

static bool is_asked_for(const char *name, const struct experiment *experiment)
{
    return strcmp(name, "all") == 0 || strcmp(name, experiment->name) == 0;
}

/* --- Running --- */

struct campaign {
    const struct experiment_settings *settings;
    struct lab *lab;
    json_t *document;
    bool is_own_server;
    bool has[LAB_CLIENTS];
    size_t done;
    size_t wanted;
};

static bool is_wanted(const char *client, size_t i)
{
    return strcmp(client, lab_client_names[i]) == 0 || (strcmp(client, "both") == 0 && i != LAB_LIBMAYFLY);
}

static size_t runs_of(const struct campaign *campaign, const struct experiment *experiment)
{
    return experiment->module != NULL ? experiment->runs * (size_t)campaign->settings->rounds
                                      : experiment->runs;
}

/* Finds out which clients are there, and how many runs that makes. */
static void look_around(struct campaign *campaign, const char *name)
{
    char sentence[CHILD_ERROR_BYTES];
    for (size_t i = 0; i < LAB_CLIENTS; i++) {
        if (!is_wanted(campaign->settings->client, i))
            continue;
        campaign->has[i] = lab_has(campaign->lab, (enum lab_client)i, NULL, sentence);
        if (!campaign->has[i]) {
            document_add_note(campaign->document, sentence);
            (void)fprintf(stderr, "%s\n", sentence);
        }
        for (size_t e = 0; e < EXPERIMENTS; e++)
            if (campaign->has[i] && is_asked_for(name, &experiments[e]))
                campaign->wanted += runs_of(campaign, &experiments[e]);
    }
}

static void run_client(struct campaign *campaign, const struct experiment *experiment, json_t *section,
                       enum lab_client client)
{
    char sentence[CHILD_ERROR_BYTES];
    struct trial trial = {
        .experiment = experiment,
        .settings = campaign->settings,
        .lab = campaign->lab,
        .section = section,
        .client = client,
        .done = &campaign->done,
        .wanted = campaign->wanted,
    };
    if (experiment->module != NULL && !lab_has(campaign->lab, client, experiment->module, sentence)) {
        document_add_note(campaign->document, sentence);
        (void)fprintf(stderr, "%s\n", sentence);
        return;
    }
    trial.series = document_add_series(section, lab_client_names[client]);
    experiment->run(&trial);
    if (experiment->judge != NULL)
        experiment->judge(&trial);
}

static void run_one(struct campaign *campaign, const struct experiment *experiment)
{
    struct lab *lab = campaign->lab;
    const char *asked = campaign->settings->load.network;
    const char *network = asked != NULL ? asked : campaign->is_own_server ? experiment->network : NULL;
    if (lab->is_over || !lab_set_network(lab, network))
        return;
    json_t *section = document_add_section(campaign->document, experiment->name, experiment->title,
                                           experiment->axis, experiment->is_log);
    (void)json_object_set_new(section, "brief", json_string(experiment->brief));
    (void)json_object_set_new(section, "network", json_string(network != NULL ? network : "as it is"));
    if (experiment->target_us > 0)
        (void)json_object_set_new(section, "target_p999_us", json_real(experiment->target_us));
    for (size_t i = 0; i < LAB_CLIENTS && !lab->is_over; i++)
        if (campaign->has[i])
            run_client(campaign, experiment, section, (enum lab_client)i);
}

json_t *experiment_run(const char *name, const struct experiment_settings *settings, struct lab *lab,
                       bool is_own_server, const char *command, char error[BENCH_ERROR_BYTES])
{
    char title[64];
    (void)snprintf(title, sizeof title, "mayfly experiment %s", name);
    struct campaign campaign = {.settings = settings,
                                .lab = lab,
                                .document = document_new(title, command),
                                .is_own_server = is_own_server};
    (void)json_object_set_new(campaign.document, "settings",
                              json_pack("{s:s, s:f, s:I, s:s, s:s, s:I}", "endpoint",
                                        is_own_server ? "a server of its own" : settings->load.endpoint,
                                        "run_s", (double)settings->run_ns / 1e9, "rounds",
                                        (json_int_t)settings->rounds, "client", settings->client,
                                        "value_size", settings->load.value_size, "keys",
                                        (json_int_t)settings->load.keys));
    look_around(&campaign, name);
    if (!campaign.has[LAB_MAYFLY] && !campaign.has[LAB_MOMENTO] && !campaign.has[LAB_LIBMAYFLY]) {
        (void)snprintf(
            error, BENCH_ERROR_BYTES,
            "there is no client to measure: name a Python that has mayfly with --python, or take the C "
            "client with --client libmayfly");
        json_decref(campaign.document);
        return NULL;
    }
    for (size_t i = 0; i < EXPERIMENTS; i++)
        if (is_asked_for(name, &experiments[i]))
            run_one(&campaign, &experiments[i]);
    (void)json_object_set_new(campaign.document, "is_partial", json_boolean(lab->is_over));
    return campaign.document;
}

void experiment_print(const json_t *document, FILE *to)
{
    size_t i;
    size_t j;
    json_t *section;
    json_t *finding;
    json_array_foreach(json_object_get(document, "sections"), i, section)
    {
        (void)fprintf(to, "%s%s\n  the post: %s\n", i > 0 ? "\n" : "",
                      json_string_value(json_object_get(section, "title")),
                      json_string_value(json_object_get(section, "brief")));
        json_array_foreach(json_object_get(section, "findings"), j, finding)
        {
            (void)fprintf(to, "  %s: %s here: %s\n", json_string_value(json_object_get(finding, "client")),
                          json_is_true(json_object_get(finding, "holds")) ? "holds" : "does not hold",
                          json_string_value(json_object_get(finding, "text")));
        }
    }
}
