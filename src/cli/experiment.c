/* `mayfly experiment`: which one, where, and what was found. */
#include "bench/experiment.h"
#include "cli/load.h"

#include <stdlib.h>

#define SECOND     INT64_C(1000000000)
#define AT(member) offsetof(struct experiment_settings, member)

static const char *const load_options[] = {"endpoint", "credentials-file", "tls",     "ca",    "certificate",
                                           "key",      "insecure",         "network", "cache", "keys",
                                           NULL};

static const char *const clients[] = {"both", "mayfly", "momento", "libmayfly", NULL};

static const struct option own_options[] = {
    {.name = "client",
     .type = OPTION_TEXT,
     .offset = AT(client),
     .fallback = "both",
     .value_name = "NAME",
     .help = "mayfly and momento, the Python packages, or one of them, or libmayfly, the C client; one that "
             "is not "
             "installed is left out",
     .choices = clients},
    {.name = "python",
     .type = OPTION_TEXT,
     .offset = AT(python),
     .fallback = "python3",
     .value_name = "PROGRAM",
     .help = "the Python that has these packages"},
    {.name = "run-time",
     .type = OPTION_DURATION,
     .offset = AT(run_ns),
     .fallback = "2s",
     .min = SECOND / 10,
     .max = 3600 * SECOND,
     .value_name = "TIME",
     .help = "how long a run measures"},
    {.name = "rounds",
     .type = OPTION_NUMBER,
     .offset = AT(rounds),
     .fallback = "2",
     .min = 1,
     .max = 100,
     .value_name = "N",
     .help = "rounds of what is compared in turn: loops and processes"},
    {.name = "json",
     .type = OPTION_TEXT,
     .offset = AT(json),
     .value_name = "FILE",
     .help = "write all that was measured to this file"},
    {.name = "report",
     .type = OPTION_TEXT,
     .offset = AT(report),
     .value_name = "FILE",
     .help = "write a page with charts that opens without a network"},
};

size_t cli_experiment_options(struct option *table)
{
    return load_take_options(table, load_options, own_options, sizeof own_options / sizeof own_options[0]);
}

static int measure(const char *name, const struct experiment_settings *settings,
                   const struct load_target *target, bool is_own_server, const char *command)
{
    char error[BENCH_ERROR_BYTES];
    struct lab lab = {
        .load = &settings->load,
        .credentials = &target->credentials,
        .python = settings->python,
        .run_ns = settings->run_ns,
    };
    json_t *document = NULL;
    int code = CLI_OK;
    if (lab_open(&lab)) {
        document = experiment_run(name, settings, &lab, is_own_server, command, error);
        code = document == NULL ? cli_fail(CLI_LOCAL, "%s", error) : CLI_OK;
    }
    lab_close(&lab);
    if (document != NULL) {
        experiment_print(document, stdout);
        (void)fflush(stdout);
        code = load_write_files(document, settings->json, document, settings->report);
    }
    json_decref(document);
    if (bench_signal() != 0)
        return load_fail(MAYFLY_CANCELLED, "interrupted; what was measured until then is kept");
    return lab.is_over ? load_fail(MAYFLY_UNAVAILABLE, lab.error) : code;
}

static int run(const char *name, const struct experiment_settings *asked, const char *command)
{
    struct experiment_settings copy = *asked;
    struct experiment_settings *settings = &copy;
    struct load_target target;
    struct child server = {.pid = -1};
    char error[CHILD_ERROR_BYTES];
    bool is_own_server = settings->load.endpoint == NULL && settings->load.credentials_file == NULL;
    int code = load_find(&settings->load, &target);
    code = code == CLI_OK ? load_check_file(settings->json) : code;
    code = code == CLI_OK ? load_check_file(settings->report) : code;
    bench_take_signals();
    if (code == CLI_OK && is_own_server &&
        !child_serve(&server, settings->load.cache, &target.credentials.port, error))
        code = cli_fail(CLI_LOCAL, "%s", error);
    if (code == CLI_OK) {
        settings->load.endpoint = target.address;
        code = measure(name, settings, &target, is_own_server, command);
    }
    child_stop(&server);
    mayfly_credentials_free(&target.credentials);
    return code;
}

static bool is_experiment(const char *name)
{
    size_t i = 0;
    while (experiment_names[i] != NULL && strcmp(experiment_names[i], name) != 0)
        i++;
    return experiment_names[i] != NULL;
}

int cli_experiment(int argc, char **argv)
{
    struct experiment_settings settings = {.client = NULL};
    struct option table[CLI_OPTIONS_MAX];
    struct option_set defaults;
    struct option_set options = {.count = 0};
    int rest;
    int code;
    char *command = load_command_line(argc, argv);
    if (!load_defaults(&defaults, &settings.load) ||
        !options_init(&options, table, cli_experiment_options(table), &settings) ||
        !options_read_environment(&options) || !options_read_arguments(&options, argc, argv, 1, &rest))
        code = cli_fail(CLI_USAGE, "%s", options.error);
    else if (rest != 1 || !is_experiment(argv[1]))
        code = cli_fail(CLI_USAGE,
                        "name one experiment: channels, concurrency, in-region, loops, targets, processes or "
                        "all");
    else
        code = run(argv[1], &settings, command != NULL ? command : "mayfly experiment");
    options_free(&options);
    options_free(&defaults);
    free(command);
    return code;
}
