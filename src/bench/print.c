/* What a load found, for people. */
#include "bench/plan.h"

#include <inttypes.h>

struct quantile {
    const char *label;
    double fraction;
};

static const struct quantile quantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1.0}};

#define QUANTILES (sizeof quantiles / sizeof quantiles[0])

static double quantile_us(const struct histogram *latency_ns, double fraction)
{
    return (double)histogram_quantile(latency_ns, fraction) / 1000;
}

static void print_loop(const struct bench_settings *settings, FILE *to)
{
    if (settings->trace != NULL)
        (void)fprintf(to, "open loop, the trace %s at %s times its speed", settings->trace,
                      settings->trace_speed);
    else if (settings->rate_per_s > 0)
        (void)fprintf(to, "open loop, %" PRId64 " requests/s, %s arrivals", settings->rate_per_s,
                      settings->arrivals);
    else
        (void)fprintf(to, "closed loop, %" PRId64 " %s", plan_concurrency(settings),
                      settings->configuration == NULL ? "in flight" : "callers");
}

static void print_title(const struct bench_settings *settings, FILE *to)
{
    print_loop(settings, to);
    if (settings->trace == NULL)
        (void)fprintf(to, ", %s, %" PRId64 " %% reads, values of %s", settings->workload,
                      settings->reads_percent, settings->value_size);
    if (settings->configuration != NULL)
        (void)fprintf(to, ", %s", settings->configuration);
    if (settings->network != NULL)
        (void)fprintf(to, ", over %s", settings->network);
    (void)fputs("\n\n", to);
}

/* One column, or two side by side where requests may wait. */
static void print_latency(const struct bench_settings *settings, const struct bench_result *result, FILE *to)
{
    bool has_service = plan_is_open(settings) || settings->configuration != NULL;
    if (has_service)
        (void)fprintf(to, "  %-12s %12s    %12s\n", "", "response", "on the wire");
    for (size_t i = 0; i < QUANTILES; i++) {
        (void)fprintf(to, "  %-12s %12.0f us", quantiles[i].label,
                      quantile_us(&result->response_ns, quantiles[i].fraction));
        if (has_service)
            (void)fprintf(to, " %12.0f us", quantile_us(&result->service_ns, quantiles[i].fraction));
        (void)fputc('\n', to);
    }
}

static void print_open(const struct bench_result *result, FILE *to)
{
    double wanted = result->wanted > 0 ? (double)result->wanted : 1;
    (void)fprintf(to, "  sent         %12" PRIu64 " of %" PRIu64 " that were due (%.2f %%)\n", result->sent,
                  result->wanted, 100 * (double)result->sent / wanted);
    (void)fprintf(to, "  sent late by %12.1f us at p50, %.1f us at p99, %.1f us at most\n",
                  quantile_us(&result->lateness_ns, 0.5), quantile_us(&result->lateness_ns, 0.99),
                  quantile_us(&result->lateness_ns, 1));
    if (result->held > 0)
        (void)fprintf(to, "  held back    %12" PRIu64 " since --max-outstanding was reached\n", result->held);
    if (result->unanswered > 0)
        (void)fprintf(to, "  unanswered   %12" PRIu64 " when it was interrupted\n", result->unanswered);
}

static void print_errors(const struct bench_result *result, FILE *to)
{
    if (result->requests == result->by_status[MAYFLY_OK])
        (void)fprintf(to, "  errors       %12d\n", 0);
    for (int status = 1; status < 17; status++)
        if (result->by_status[status] > 0)
            (void)fprintf(to, "  errors       %12" PRIu64 " %s\n", result->by_status[status],
                          mayfly_status_name((mayfly_status)status));
}

void bench_print(const struct bench_settings *settings, const struct bench_result *result, FILE *to)
{
    char sentence[200];
    print_title(settings, to);
    (void)fprintf(to, "  throughput   %12.0f requests/s\n", (double)result->requests / result->seconds);
    print_latency(settings, result, to);
    if (settings->configuration != NULL)
        (void)fprintf(to, "  limit        %12" PRIu64 "%s\n", result->limit,
                      result->is_target_unmet ? " (the target cannot be met here)" : "");
    (void)fprintf(to, "  requests     %12" PRIu64 " in %.1f s\n", result->requests, result->seconds);
    if (plan_is_open(settings))
        print_open(result, to);
    (void)fprintf(to,
                  "  client CPU   %12.2f us a request (%.2f user, %.2f system); busy %.0f %% of the time\n",
                  result->user_us_per_request + result->system_us_per_request, result->user_us_per_request,
                  result->system_us_per_request, 100 * result->busy);
    if (result->misses > 0)
        (void)fprintf(to, "  misses       %12" PRIu64 "\n", result->misses);
    print_errors(result, to);
    const char *problem = bench_verdict(result, sentence, sizeof sentence);
    (void)fprintf(to, "  verdict      %s\n", problem != NULL ? problem : "ok");
}

const char *bench_verdict(const struct bench_result *result, char *sentence, size_t size)
{
    double sent = 100 * (double)result->sent / (double)(result->wanted > 0 ? result->wanted : 1);
    switch (result->verdict) {
    case BENCH_OK:
        return NULL;
    case BENCH_BUSY:
        (void)snprintf(
            sentence, size,
            "generator-limited: its thread was busy %.0f %% of the time, so the server may be able to do "
            "more; use more --threads where there are cores",
            100 * result->busy);
        break;
    case BENCH_LATE:
        (void)snprintf(
            sentence, size,
            "generator-limited: requests left %.0f us late at p99, which is a good part of the latency",
            quantile_us(&result->lateness_ns, 0.99));
        break;
    case BENCH_TOO_SLOW:
        (void)snprintf(
            sentence, size,
            "generator-limited: only %.1f %% of the wanted rate was sent; lower --rate or use more "
            "--threads",
            sent);
        break;
    case BENCH_HELD_BACK:
        (void)snprintf(sentence, size,
                       "only %.1f %% of the wanted rate was sent: --max-outstanding requests were unanswered",
                       sent);
        break;
    }
    return sentence;
}
