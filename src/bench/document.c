#include "bench/document.h"

#include "bench/plan.h"
#include "bench/whole_file.h"

#include <math.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define STEPS_A_NINE 40 /* of a distribution, for each factor of ten by which its tail shrinks */
#define DIGITS       9

static const struct {
    const char *key;
    double fraction;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}};

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

json_t *document_quantiles(const struct histogram *latency_ns)
{
    json_t *made = json_object();
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        (void)json_object_set_new(made, quantiles[i].key,
                                  json_real(us(histogram_quantile(latency_ns, quantiles[i].fraction))));
    return made;
}

json_t *document_distribution(const struct histogram *latency_ns)
{
    json_t *made = json_array();
    double last = -1;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && seen < latency_ns->count; i++) {
        if (latency_ns->buckets[i] == 0)
            continue;
        seen += latency_ns->buckets[i];
        double fraction = (double)seen / (double)latency_ns->count;
        double place = seen < latency_ns->count ? -log10(1 - fraction) * STEPS_A_NINE : INFINITY;
        if (place < last + 1)
            continue;
        last = place;
        uint64_t value = histogram_value(i);
        (void)json_array_append_new(
            made, json_pack("[f, f]", us(value < latency_ns->max ? value : latency_ns->max), fraction));
    }
    return made;
}

static json_t *course_of(const struct course *course)
{
    json_t *made = json_array();
    for (size_t i = 0; i < course->count; i++) {
        const struct course_entry *entry = &course->entries[i];
        (void)json_array_append_new(
            made,
            json_pack("{s:f, s:b, s:f, s:I, s:f, s:I, s:f, s:f, s:f, s:f}", "at_s", entry->at_s, "is_warmup",
                      entry->is_warmup, "limit", entry->limit, "in_flight", (json_int_t)entry->in_flight,
                      "throughput_rps", entry->throughput_rps, "errors", (json_int_t)entry->errors, "p50_us",
                      us(entry->p50_ns), "p99_us", us(entry->p99_ns), "p999_us", us(entry->p999_ns),
                      "service_p999_us", us(entry->service_p999_ns)));
    }
    return made;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *settings_of(const struct bench_settings *settings)
{
    bool is_open = plan_is_open(settings);
    json_t *made = json_pack(
        "{s:s, s:s, s:o, s:s, s:I, s:s, s:I, s:o, s:s, s:I}", "loop", is_open ? "open" : "closed", "endpoint",
        settings->endpoint, "network", text_or_null(settings->network), "cache", settings->cache, "caches",
        (json_int_t)settings->caches, "workload", settings->workload, "concurrency",
        (json_int_t)plan_concurrency(settings), "configuration", text_or_null(settings->configuration),
        "channels", settings->channels, "threads", (json_int_t)settings->threads);
    json_t *rest =
        json_pack("{s:s, s:I, s:s, s:I, s:I, s:f, s:f, s:I}", "value_size", settings->value_size, "keys",
                  (json_int_t)settings->keys, "popularity", settings->popularity, "hit_ratio_percent",
                  (json_int_t)settings->hit_percent, "reads_percent", (json_int_t)settings->reads_percent,
                  "warmup_s", (double)settings->warmup_ns / 1e9, "duration_s",
                  (double)settings->duration_ns / 1e9, "requests", (json_int_t)settings->requests);
    (void)json_object_update(made, rest);
    json_decref(rest);
    if (!is_open)
        return made;
    rest = json_pack("{s:I, s:s, s:o, s:s, s:I}", "rate_per_s", (json_int_t)settings->rate_per_s, "arrivals",
                     settings->arrivals, "trace", text_or_null(settings->trace), "trace_speed",
                     settings->trace_speed, "max_outstanding", (json_int_t)settings->max_outstanding);
    (void)json_object_update(made, rest);
    json_decref(rest);
    return made;
}

/* "model name" of the first processor; empty where the system does not say. */
static void read_processor(char *name, size_t size)
{
    name[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL)
        return;
    char line[256];
    while (name[0] == '\0' && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL)
            (void)snprintf(name, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    (void)fclose(file);
}

json_t *document_machine(void)
{
    char processor[128];
    struct utsname system;
    read_processor(processor, sizeof processor);
    return json_pack("{s:s, s:i, s:s, s:s}", "processor", processor, "cores",
                     (int)sysconf(_SC_NPROCESSORS_ONLN), "kernel", uname(&system) == 0 ? system.release : "",
                     "mayfly", mayfly_version());
}

static json_t *errors_of(const struct bench_result *result)
{
    json_t *made = json_object();
    for (int status = 1; status < 17; status++)
        if (result->by_status[status] > 0)
            (void)json_object_set_new(made, mayfly_status_name((mayfly_status)status),
                                      json_integer((json_int_t)result->by_status[status]));
    return made;
}

static void set_open(json_t *made, const struct bench_result *result)
{
    (void)json_object_set_new(made, "wanted", json_integer((json_int_t)result->wanted));
    (void)json_object_set_new(made, "sent", json_integer((json_int_t)result->sent));
    (void)json_object_set_new(made, "held_back", json_integer((json_int_t)result->held));
    (void)json_object_set_new(made, "unanswered", json_integer((json_int_t)result->unanswered));
    (void)json_object_set_new(made, "lateness_us", document_quantiles(&result->lateness_ns));
}

json_t *document_bench(const struct bench_settings *settings, const struct bench_result *result)
{
    char sentence[200];
    const char *problem = bench_verdict(result, sentence, sizeof sentence);
    json_t *made = json_pack(
        "{s:f, s:o, s:I, s:f, s:I, s:o, s:{s:f, s:f}, s:f, s:s, s:b}", "throughput_rps",
        (double)result->requests / result->seconds, "latency_us", document_quantiles(&result->response_ns),
        "requests", (json_int_t)result->requests, "seconds", result->seconds, "misses",
        (json_int_t)result->misses, "errors", errors_of(result), "cpu_us_per_request", "user",
        result->user_us_per_request, "system", result->system_us_per_request, "busy", result->busy, "verdict",
        problem != NULL ? problem : "ok", "is_partial", result->is_interrupted);
    if (plan_is_open(settings))
        set_open(made, result);
    if (settings->configuration != NULL) {
        (void)json_object_set_new(made, "limit", json_integer((json_int_t)result->limit));
        (void)json_object_set_new(made, "is_target_unmet", json_boolean(result->is_target_unmet));
    }
    if (result->service_ns.count > 0) {
        (void)json_object_set_new(made, "service_us", document_quantiles(&result->service_ns));
        (void)json_object_set_new(made, "service_distribution_us",
                                  document_distribution(&result->service_ns));
    }
    (void)json_object_set_new(made, "distribution_us", document_distribution(&result->response_ns));
    (void)json_object_set_new(made, "course", course_of(&result->course));
    (void)json_object_set_new(made, "settings", settings_of(settings));
    (void)json_object_set_new(made, "machine", document_machine());
    return made;
}

/* --- Documents --- */

static json_int_t count_errors(json_t *errors)
{
    if (json_is_integer(errors))
        return json_integer_value(errors);
    json_int_t sum = 0;
    const char *name;
    json_t *count;
    json_object_foreach(errors, name, count) sum += json_integer_value(count);
    return sum;
}

json_t *document_point(const json_t *bench, json_t *x, const char *label)
{
    static const char *const taken[] = {"throughput_rps", "latency_us",      "service_us",
                                        "requests",       "verdict",         "busy",
                                        "lateness_us",    "distribution_us", "service_distribution_us",
                                        "course",         "settings",        "limit"};
    json_t *point = json_object();
    if (x != NULL)
        (void)json_object_set_new(point, "x", x);
    (void)json_object_set_new(point, "label", json_string(label));
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        json_t *member = json_object_get(bench, taken[i]);
        if (member != NULL)
            (void)json_object_set(point, taken[i], member);
    }
    (void)json_object_set_new(point, "errors", json_integer(count_errors(json_object_get(bench, "errors"))));
    return point;
}

json_t *document_new(const char *title, const char *command)
{
    char date[32];
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:{}, s:[], s:[]}", "format", DOCUMENT_FORMAT, "title",
                     title, "date", date, "command", command, "is_partial", 0, "machine", document_machine(),
                     "settings", "notes", "sections");
}

json_t *document_add_section(json_t *document, const char *name, const char *title, const char *axis,
                             bool is_log)
{
    json_t *section = json_pack("{s:s, s:s, s:s, s:b, s:n, s:[], s:[]}", "name", name, "title", title, "axis",
                                axis, "is_axis_log", is_log, "target_p999_us", "findings", "series");
    (void)json_array_append_new(json_object_get(document, "sections"), section);
    return section;
}

json_t *document_add_series(json_t *section, const char *name)
{
    json_t *series = json_pack("{s:s, s:n, s:[]}", "name", name, "choice", "points");
    (void)json_array_append_new(json_object_get(section, "series"), series);
    return series;
}

void document_add_note(json_t *document, const char *note)
{
    (void)json_array_append_new(json_object_get(document, "notes"), json_string(note));
}

json_t *document_of_bench(const json_t *bench, const char *command)
{
    json_t *settings = json_object_get(bench, "settings");
    json_t *document = document_new("mayfly bench", command);
    (void)json_object_set(document, "is_partial", json_object_get(bench, "is_partial"));
    (void)json_object_set(document, "settings", settings);
    json_t *section = document_add_section(document, "bench", "One run", "concurrent requests", false);
    json_t *concurrency = json_object_get(settings, "concurrency");
    json_t *points = json_object_get(document_add_series(section, "mayfly"), "points");
    (void)json_array_append_new(points, document_point(bench, json_incref(concurrency), "run"));
    return document;
}

bool document_write(const json_t *document, const char *path)
{
    char *text = json_dumps(document, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS));
    struct whole_file file;
    if (text == NULL || !whole_file_begin(&file, path)) {
        free(text);
        return false;
    }
    (void)fprintf(file.stream, "%s\n", text);
    free(text);
    return whole_file_end(&file);
}
