/* `mayfly tune`: what to look for, the search, and the setting it found, in the words of each client. */
#include "bench/tune.h"
#include "bench/prebuilt.h"
#include "cli/load.h"

#include <inttypes.h>
#include <stdlib.h>

#define SECOND     INT64_C(1000000000)
#define AT(member) offsetof(struct tune_settings, member)

/* What is a load's. The settings of a load come first in those of a search, so its options fit. */
static const char *const load_options[] = {"endpoint",    "credentials-file",
                                           "tls",         "ca",
                                           "certificate", "key",
                                           "insecure",    "network",
                                           "cache",       "caches",
                                           "workload",    "threads",
                                           "value-size",  "keys",
                                           "popularity",  "hit-ratio",
                                           "reads",       NULL};

static const struct option own_options[] = {
    {.name = "p999",
     .type = OPTION_DURATION,
     .offset = AT(target_ns),
     .fallback = "0s",
     .max = 3600 * SECOND,
     .value_name = "TIME",
     .help = "the target: of a thousand requests 999 take no longer; 0: that of --configuration"},
    {.name = "configuration",
     .type = OPTION_TEXT,
     .offset = AT(for_configuration),
     .value_name = "NAME",
     .help = "take the target of a pre-built one; laptop and lambda-v1 to laptop-v1 have none: the most "
             "throughput "
             "before requests queue",
     .choices = prebuilt_names},
    {.name = "check",
     .type = OPTION_TEXT,
     .offset = AT(check),
     .value_name = "NAME-or-FILE",
     .help = "look for nothing: does this pre-built configuration, or the choice in a file of --json, keep "
             "to the "
             "target here?"},
    {.name = "runs",
     .type = OPTION_NUMBER,
     .offset = AT(runs),
     .fallback = "5",
     .min = 1,
     .max = TUNER_RUNS_MAX,
     .value_name = "N",
     .help = "with --check: so many runs, of which nine of ten have to meet the target"},
    {.name = "run-time",
     .type = OPTION_DURATION,
     .offset = AT(run_ns),
     .fallback = "2s",
     .min = SECOND / 10,
     .max = 3600 * SECOND,
     .value_name = "TIME",
     .help = "how long a run measures"},
    {.name = "max-concurrency",
     .type = OPTION_NUMBER,
     .offset = AT(max_concurrency),
     .fallback = "5000",
     .min = 1,
     .max = 100000,
     .value_name = "N",
     .help = "requests in flight to try at most"},
    {.name = "max-channels",
     .type = OPTION_NUMBER,
     .offset = AT(max_channels),
     .fallback = "64",
     .min = 1,
     .max = 1024,
     .value_name = "N",
     .help = "connections to try at most"},
    {.name = "json",
     .type = OPTION_TEXT,
     .offset = AT(json),
     .value_name = "FILE",
     .help = "write all runs and the choice to this file"},
    {.name = "report",
     .type = OPTION_TEXT,
     .offset = AT(report),
     .value_name = "FILE",
     .help = "write a page with charts that opens without a network"},
};

size_t cli_tune_options(struct option *table)
{
    return load_take_options(table, load_options, own_options, sizeof own_options / sizeof own_options[0]);
}

/* --- What it says --- */

/* The pre-built configuration that a target is most like. */
struct likeness {
    const char *c;
    const char *python;
};

static struct likeness like(double target_us)
{
    if (target_us > 0 && target_us <= 10000)
        return (struct likeness){"in_region_low_latency_v1", "InRegion.LowLatency"};
    if (target_us > 0 && target_us <= 40000)
        return (struct likeness){"in_region_default_v1", "InRegion.Default"};
    return (struct likeness){"laptop_v1", "Laptop"};
}

static void print_settings(const struct tuner_point *best, double target_us)
{
    struct likeness prebuilt = like(target_us);
    int64_t concurrency = best->setting.concurrency;
    int64_t channels = best->setting.channels;
    (void)printf("\nC:\n"
                 "    mayfly_configuration configuration = mayfly_configuration_%s();\n"
                 "    configuration.concurrency = MAYFLY_FIXED;\n"
                 "    configuration.max_in_flight = %" PRId64 ";\n"
                 "    configuration.min_channels = configuration.max_channels = %" PRId64 ";\n",
                 prebuilt.c, concurrency, channels);
    (void)printf("\nPython:\n"
                 "    from mayfly.config.transport.transport_strategy import StaticGrpcConfiguration, "
                 "StaticTransportStrategy\n"
                 "    prebuilt = Configurations.%s.v1()\n"
                 "    deadline = prebuilt.get_transport_strategy().get_grpc_configuration().get_deadline()\n"
                 "    grpc = StaticGrpcConfiguration(deadline, min_connections=%" PRId64
                 ", max_connections=%" PRId64 ")\n"
                 "    strategy = StaticTransportStrategy(grpc, max_concurrent_requests=%" PRId64 ")\n"
                 "    configuration = prebuilt.with_transport_strategy(strategy)\n",
                 prebuilt.python, channels, channels, concurrency);
    (void)printf("\nJSON:\n"
                 "    {\"concurrency\": %" PRId64 ", \"channels\": %" PRId64
                 ", \"throughput_rps\": %.1f, \"p999_us\": %.1f}\n",
                 concurrency, channels, best->throughput_rps, best->p999_us);
}

static void print_target(double target_us)
{
    if (target_us > 0)
        (void)printf(" (target %.3g ms)", target_us / 1000);
}

static int print_best(const struct tune_result *result, const struct tuner_point *best)
{
    double target_us = result->tuner.limits.target_us;
    (void)printf("the best setting: %" PRId64 " in flight on %" PRId64 " channel%s\n",
                 best->setting.concurrency, best->setting.channels, best->setting.channels == 1 ? "" : "s");
    (void)printf("  %.0f requests/s, p50 %.3f ms, p99.9 %.3f ms", best->throughput_rps, best->p50_us / 1000,
                 best->p999_us / 1000);
    print_target(target_us);
    if (target_us > 0)
        (void)printf(", met in %zu of %zu runs", best->met, best->run_count);
    (void)printf("\n  limited by %s\n", result->explanation);
    print_settings(best, target_us);
    return CLI_OK;
}

/* Nothing kept to the target. */
static int print_closest(const struct tune_result *result, const struct tuner_point *closest)
{
    double target_us = result->tuner.limits.target_us;
    (void)printf("the closest: %" PRId64 " in flight on %" PRId64
                 " channel%s, %.0f requests/s, p99.9 %.3f ms\n",
                 closest->setting.concurrency, closest->setting.channels,
                 closest->setting.channels == 1 ? "" : "s", closest->throughput_rps, closest->p999_us / 1000);
    if (closest->p999_us <= target_us)
        return cli_fail(
            CLI_UNMET,
            "no setting keeps to the target of %.3g ms reliably here: the closest met it in %zu of %zu runs",
            target_us / 1000, closest->met, closest->run_count);
    return cli_fail(
        CLI_UNMET,
        "no setting keeps to the target of %.3g ms here: the closest misses it by %.3f ms (%.0f %%)",
        target_us / 1000, (closest->p999_us - target_us) / 1000,
        100 * (closest->p999_us - target_us) / target_us);
}

static int print_check(const struct tune_settings *settings, const struct tune_result *result)
{
    const struct tuner_point *point = &result->tuner.points[0];
    double target_us = result->tuner.limits.target_us;
    bool holds = point->met * 10 >= point->run_count * 9;
    (void)printf("%s: %.0f requests/s, p99.9 %.3f ms", settings->check, point->throughput_rps,
                 point->p999_us / 1000);
    print_target(target_us);
    if (target_us == 0) {
        (void)printf("; it has no target\n");
        return point->met == point->run_count ? CLI_OK : cli_fail(CLI_UNMET, "some requests failed");
    }
    (void)printf(", met in %zu of %zu runs\n", point->met, point->run_count);
    return holds ? CLI_OK : cli_fail(CLI_UNMET, "%s does not keep to its target here", settings->check);
}

/* All that was found, and then what kept it from being all. */
static int tell(const struct tune_settings *settings, const struct tune_result *result)
{
    const struct tuner *tuner = &result->tuner;
    const struct tuner_point *best = tuner_best(tuner);
    int code = CLI_OK;
    if (tuner->point_count > 0) {
        if (settings->check != NULL)
            code = print_check(settings, result);
        else
            code = best != NULL ? print_best(result, best) : print_closest(result, tuner_closest(tuner));
        (void)fflush(stdout);
        int written = load_write_files(result->document, settings->json, result->document, settings->report);
        code = written != CLI_OK ? written : code;
    }
    if (result->status != MAYFLY_OK)
        return load_fail(result->status, result->error);
    if (result->is_interrupted)
        return load_fail(MAYFLY_CANCELLED, tuner->point_count > 0
                                               ? "interrupted; this is what was measured until then"
                                               : "interrupted before there was anything to measure");
    return code;
}

/* --- What it looks for --- */

static double target_of(const struct tune_settings *settings)
{
    if (settings->target_ns > 0)
        return (double)settings->target_ns / 1000;
    const char *name = settings->for_configuration != NULL ? settings->for_configuration : settings->check;
    return name != NULL && prebuilt_is(name) ? prebuilt_make(name).target_p999_us : 0;
}

static int run(const struct tune_settings *asked, const char *command)
{
    struct tune_settings copy = *asked;
    struct tune_settings *settings = &copy;
    struct load_target target;
    int code = load_find(&settings->load, &target);
    code = code == CLI_OK ? load_check_file(settings->json) : code;
    code = code == CLI_OK ? load_check_file(settings->report) : code;
    bool has_target =
        settings->target_ns > 0 || settings->for_configuration != NULL || settings->check != NULL;
    if (code == CLI_OK && !has_target)
        code = cli_fail(CLI_USAGE, "say what to keep to: --p999 5ms, or --configuration in-region-default");
    struct tune_result *result = code == CLI_OK ? calloc(1, sizeof *result) : NULL;
    if (result != NULL) {
        settings->load.endpoint = target.address;
        bench_take_signals();
        (settings->check != NULL ? tune_check : tune_search)(settings, &target.credentials,
                                                             target_of(settings), command, result);
        code = tell(settings, result);
        tune_result_free(result);
    } else if (code == CLI_OK) {
        code = cli_fail(CLI_LOCAL, "memory is out");
    }
    free(result);
    mayfly_credentials_free(&target.credentials);
    return code;
}

int cli_tune(int argc, char **argv)
{
    struct tune_settings settings = {.check = NULL};
    struct option table[CLI_OPTIONS_MAX];
    struct option_set defaults;
    struct option_set options = {.count = 0};
    int rest;
    int code;
    char *command = load_command_line(argc, argv);
    if (!load_defaults(&defaults, &settings.load) ||
        !options_init(&options, table, cli_tune_options(table), &settings) ||
        !options_read_environment(&options) || !options_read_arguments(&options, argc, argv, 1, &rest))
        code = cli_fail(CLI_USAGE, "%s", options.error);
    else if (rest > 0)
        code = cli_fail(CLI_USAGE, "tune takes options only, not \"%s\"", argv[1]);
    else
        code = run(&settings, command != NULL ? command : "mayfly tune");
    options_free(&options);
    options_free(&defaults);
    free(command);
    return code;
}
