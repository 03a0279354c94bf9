/* `mayfly bench`: settings, the load, and what it found. */
#include "bench/bench.h"
#include "cli/target.h"

#include <inttypes.h>
#include <stdlib.h>

/* A key that lies about in the environment is no wish to load the server that it is for. */
static int find_server(const struct bench_settings *settings, char host[TARGET_HOST_BYTES],
                       mayfly_credentials *credentials)
{
    const struct settings where = {
        .endpoint = settings->endpoint == NULL && settings->credentials_file == NULL ? DEFAULT_ENDPOINT
                                                                                     : settings->endpoint,
        .credentials_file = settings->credentials_file,
        .tls = settings->tls,
        .ca = settings->ca,
        .certificate = settings->certificate,
        .key = settings->key,
        .insecure = settings->insecure,
    };
    return target_find(&where, host, credentials);
}

static int measure(const struct bench_settings *settings, const mayfly_credentials *credentials)
{
    char error[BENCH_ERROR_BYTES];
    struct bench_result *result = malloc(sizeof *result);
    if (result == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    int code = CLI_OK;
    mayfly_status status = bench_run(settings, credentials, result, error);
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

static int run(const struct bench_settings *asked)
{
    struct bench_settings settings = *asked;
    char host[TARGET_HOST_BYTES] = "";
    char address[TARGET_ADDRESS_BYTES];
    mayfly_credentials credentials;
    int code = find_server(&settings, host, &credentials);
    if (code == CLI_OK) {
        target_write_address(&credentials, address);
        settings.endpoint = address;
        code = measure(&settings, &credentials);
    }
    mayfly_credentials_free(&credentials);
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
