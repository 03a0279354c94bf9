/* What a benchmark found, for people and as JSON. */
#include "bench/bench.h"

#include <inttypes.h>
#include <sys/utsname.h>
#include <unistd.h>

struct quantile {
    const char *label;
    const char *key;
    double fraction;
};

static const struct quantile quantiles[] = {{"p50", "p50", 0.5},
                                            {"p90", "p90", 0.9},
                                            {"p99", "p99", 0.99},
                                            {"p99.9", "p999", 0.999},
                                            {"max", "max", 1.0}};

#define QUANTILES (sizeof quantiles / sizeof quantiles[0])

static double quantile_us(const struct histogram *latency_ns, double fraction)
{
    return (double)histogram_quantile(latency_ns, fraction) / 1000;
}

static uint64_t error_count(const struct bench_result *result)
{
    return result->requests - result->by_status[MAYFLY_OK];
}

static void print_title(const struct bench_settings *settings, FILE *to)
{
    const char *in_flight = settings->configuration == NULL ? "in flight" : "callers";
    (void)fprintf(to, "closed loop, %s, %" PRId64 " %s, %" PRId64 " %% reads, %" PRId64 "-byte values",
                  settings->workload, settings->concurrency, in_flight, settings->reads_percent,
                  settings->value_bytes);
    if (settings->configuration != NULL)
        (void)fprintf(to, ", %s", settings->configuration);
    (void)fputs("\n\n", to);
}

/* What only a configuration that decides has to say. */
static void print_limit(const struct bench_result *result, FILE *to)
{
    (void)fprintf(to, "  on the wire\n");
    for (size_t i = 0; i < QUANTILES; i++)
        (void)fprintf(to, "    %-10s %12.0f us\n", quantiles[i].label,
                      quantile_us(&result->wire_ns, quantiles[i].fraction));
    (void)fprintf(to, "  limit        %12" PRIu64 "%s\n", result->limit,
                  result->is_target_unmet ? " (the target cannot be met here)" : "");
}

void bench_print(const struct bench_settings *settings, const struct bench_result *result, FILE *to)
{
    print_title(settings, to);
    (void)fprintf(to, "  throughput   %12.0f requests/s\n", (double)result->requests / result->seconds);
    for (size_t i = 0; i < QUANTILES; i++)
        (void)fprintf(to, "  %-12s %12.0f us\n", quantiles[i].label,
                      quantile_us(&result->latency_ns, quantiles[i].fraction));
    if (settings->configuration != NULL)
        print_limit(result, to);
    (void)fprintf(to, "  requests     %12" PRIu64 " in %.1f s\n", result->requests, result->seconds);
    (void)fprintf(to, "  client CPU   %12.2f us a request (%.2f user, %.2f system)\n",
                  result->user_us_per_request + result->system_us_per_request, result->user_us_per_request,
                  result->system_us_per_request);
    if (result->misses > 0)
        (void)fprintf(to, "  misses       %12" PRIu64 "\n", result->misses);
    if (error_count(result) == 0)
        (void)fprintf(to, "  errors       %12d\n", 0);
    for (int status = 1; status < 17; status++)
        if (result->by_status[status] > 0)
            (void)fprintf(to, "  errors       %12" PRIu64 " %s\n", result->by_status[status],
                          mayfly_status_name((mayfly_status)status));
}

static void write_text(FILE *to, const char *text)
{
    (void)fputc('"', to);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            (void)fputc('\\', to);
        if ((unsigned char)*at < ' ')
            (void)fprintf(to, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            (void)fputc(*at, to);
    }
    (void)fputc('"', to);
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

static void write_machine(FILE *to)
{
    char processor[128];
    struct utsname system;
    read_processor(processor, sizeof processor);
    (void)fprintf(to, "  \"machine\": {\"processor\": ");
    write_text(to, processor);
    (void)fprintf(to, ", \"cores\": %ld, \"kernel\": ", sysconf(_SC_NPROCESSORS_ONLN));
    write_text(to, uname(&system) == 0 ? system.release : "");
    (void)fprintf(to, ", \"mayfly\": \"%s\"}\n", mayfly_version());
}

static void write_quantiles(FILE *to, const char *name, const struct histogram *latency_ns)
{
    (void)fprintf(to, "  \"%s\": {", name);
    for (size_t i = 0; i < QUANTILES; i++)
        (void)fprintf(to, "%s\"%s\": %.3f", i > 0 ? ", " : "", quantiles[i].key,
                      quantile_us(latency_ns, quantiles[i].fraction));
    (void)fprintf(to, "},\n");
}

static void write_limit(FILE *to, const struct bench_result *result)
{
    write_quantiles(to, "wire_us", &result->wire_ns);
    (void)fprintf(to, "  \"limit\": %" PRIu64 ",\n  \"is_target_unmet\": %s,\n  \"course\": [", result->limit,
                  result->is_target_unmet ? "true" : "false");
    for (size_t i = 0; i < result->course.count; i++) {
        const struct course_entry *entry = &result->course.entries[i];
        (void)fprintf(to,
                      "%s\n    {\"at_s\": %.3f, \"limit\": %.2f, \"throughput_rps\": %.1f, \"wire_p999_us\": "
                      "%.3f}",
                      i > 0 ? "," : "", entry->at_s, entry->limit, entry->throughput_rps,
                      (double)entry->wire_p999_ns / 1000);
    }
    (void)fprintf(to, "],\n");
}

static void write_settings(FILE *to, const struct bench_settings *settings)
{
    (void)fprintf(to, "  \"settings\": {\"loop\": \"closed\", \"endpoint\": ");
    write_text(to, settings->endpoint);
    (void)fprintf(to, ", \"cache\": ");
    write_text(to, settings->cache);
    (void)fprintf(to, ", \"workload\": ");
    write_text(to, settings->workload);
    (void)fprintf(to, ", \"concurrency\": %" PRId64 ", \"configuration\": ", settings->concurrency);
    if (settings->configuration != NULL)
        write_text(to, settings->configuration);
    else
        (void)fputs("null", to);
    (void)fprintf(to, ", \"channels\": ");
    write_text(to, settings->channels);
    (void)fprintf(to,
                  ", \"threads\": %" PRId64 ", \"value_size_bytes\": %" PRId64 ", \"keys\": %" PRId64
                  ", \"reads_percent\": %" PRId64
                  ", \"warmup_s\": %.3f, \"duration_s\": %.3f, \"requests\": %" PRId64 "},\n",
                  settings->threads, settings->value_bytes, settings->keys, settings->reads_percent,
                  (double)settings->warmup_ns / 1e9, (double)settings->duration_ns / 1e9, settings->requests);
}

bool bench_write_json(const struct bench_settings *settings, const struct bench_result *result,
                      const char *path)
{
    FILE *to = fopen(path, "we");
    if (to == NULL)
        return false;
    (void)fprintf(to, "{\n  \"throughput_rps\": %.1f,\n", (double)result->requests / result->seconds);
    write_quantiles(to, "latency_us", &result->latency_ns);
    if (settings->configuration != NULL)
        write_limit(to, result);
    (void)fprintf(to, "  \"requests\": %" PRIu64 ",\n  \"seconds\": %.6f,\n  \"misses\": %" PRIu64 ",\n",
                  result->requests, result->seconds, result->misses);
    (void)fprintf(to, "  \"errors\": {");
    const char *separator = "";
    for (int status = 1; status < 17; status++) {
        if (result->by_status[status] == 0)
            continue;
        (void)fprintf(to, "%s\"%s\": %" PRIu64, separator, mayfly_status_name((mayfly_status)status),
                      result->by_status[status]);
        separator = ", ";
    }
    (void)fprintf(to, "},\n  \"cpu_us_per_request\": {\"user\": %.4f, \"system\": %.4f},\n",
                  result->user_us_per_request, result->system_us_per_request);
    write_settings(to, settings);
    write_machine(to);
    (void)fprintf(to, "}\n");
    return fclose(to) == 0;
}
