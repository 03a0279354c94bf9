/* `mayfly bench`: settings, the load, and what it found. */
#include "bench/bench.h"
#include "cli/target.h"

#include <inttypes.h>
#include <stdlib.h>

static int run(const struct bench_settings *settings)
{
    struct bench_target target;
    char error[BENCH_ERROR_BYTES];
    if (!target_parse_endpoint(settings->endpoint, target.host, sizeof target.host, &target.port))
        return cli_fail(CLI_USAGE, "--endpoint takes HOST:PORT, such as 127.0.0.1:8080, not \"%s\"",
                        settings->endpoint);
    target.tls =
        settings_tls(settings->tls, settings->insecure, settings->ca, settings->certificate, settings->key);
    struct bench_result *result = malloc(sizeof *result);
    if (result == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    int code = CLI_OK;
    mayfly_status status = bench_run(settings, &target, result, error);
    if (status == MAYFLY_INVALID_ARGUMENT) {
        code = cli_fail(CLI_USAGE, "%s", error);
    } else if (status != MAYFLY_OK) {
        code = cli_fail(target_exit_code(status), "%s", error);
    } else {
        bench_print(settings, result, stdout);
        if (settings->json != NULL && !bench_write_json(settings, result, settings->json))
            code = cli_fail(CLI_LOCAL, "%s cannot be written", settings->json);
    }
    bench_result_free(result);
    free(result);
    return code;
}

int cli_bench(int argc, char **argv)
{
    struct bench_settings settings;
    struct option_set options;
    int rest;
    int code;
    if (!options_init(&options, bench_options, bench_options_count, &settings) ||
        !options_read_environment(&options) || !options_read_arguments(&options, argc, argv, 1, &rest))
        code = cli_fail(CLI_USAGE, "%s", options.error);
    else if (rest > 0)
        code = cli_fail(CLI_USAGE, "bench takes options only, not \"%s\"", argv[1]);
    else
        code = run(&settings);
    options_free(&options);
    return code;
}
