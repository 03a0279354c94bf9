/* `mayfly bench`: settings, the load, and what it found. */
#include "cli/load.h"

#include <stdlib.h>

/* Whether what was measured is what was asked for. */
static int judge(const struct bench_settings *settings, const struct bench_result *result)
{
    char sentence[200];
    if (result->is_interrupted)
        return load_fail(MAYFLY_CANCELLED, "interrupted; this is what was measured until then");
    if (result->verdict == BENCH_TOO_SLOW || result->verdict == BENCH_HELD_BACK)
        return cli_fail(CLI_UNMET, "%s", bench_verdict(result, sentence, sizeof sentence));
    if (result->requests == 0 && (settings->requests > 0 || settings->rate_per_s > 0))
        return cli_fail(CLI_UNMET, "no request was answered");
    return CLI_OK;
}

static int write_files(const struct bench_settings *settings, const struct bench_result *result,
                       const char *command)
{
    json_t *bench = document_bench(settings, result);
    json_t *document = settings->report != NULL ? document_of_bench(bench, command) : NULL;
    int code = load_write_files(bench, settings->json, document, settings->report);
    json_decref(document);
    json_decref(bench);
    return code;
}

static int measure(const struct bench_settings *settings, const mayfly_credentials *credentials,
                   const char *command)
{
    char error[BENCH_ERROR_BYTES];
    struct bench_result *result = malloc(sizeof *result);
    if (result == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    int code;
    bench_take_signals();
    mayfly_status status = bench_run(settings, credentials, result, error);
    if (status != MAYFLY_OK) {
        code = load_fail(status, error);
    } else {
        bench_print(settings, result, stdout);
        (void)fflush(stdout);
        int judged = judge(settings, result);
        code = write_files(settings, result, command);
        code = code != CLI_OK ? code : judged;
    }
    bench_result_free(result);
    free(result);
    return code;
}

static int run(const struct bench_settings *asked, const char *command)
{
    struct bench_settings settings = *asked;
    struct load_target target;
    int code = load_find(&settings, &target);
    const char *const files[] = {settings.json, settings.hdr, settings.report};
    for (size_t i = 0; i < sizeof files / sizeof files[0] && code == CLI_OK; i++)
        code = load_check_file(files[i]);
    if (code == CLI_OK) {
        settings.endpoint = target.address;
        code = measure(&settings, &target.credentials, command);
    }
    mayfly_credentials_free(&target.credentials);
    return code;
}

int cli_bench(int argc, char **argv)
{
    struct bench_settings settings = {.is_quiet = false};
    struct option_set options;
    int rest;
    int code;
    char *command = load_command_line(argc, argv);
    if (!options_init(&options, bench_options, bench_options_count, &settings) ||
        !options_read_environment(&options) || !options_read_arguments(&options, argc, argv, 1, &rest))
        code = cli_fail(CLI_USAGE, "%s", options.error);
    else if (rest > 0)
        code = cli_fail(CLI_USAGE, "bench takes options only, not \"%s\"", argv[1]);
    else
        code = run(&settings, command != NULL ? command : "mayfly bench");
    options_free(&options);
    free(command);
    return code;
}
