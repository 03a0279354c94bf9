#include "cli/target.h"

#define NS_PER_MS        1000000
#define CONNECT_LIMIT_MS 2000 /* a person waits for it */

#define ENDPOINT_OPTION                                                                                      \
    {                                                                                                        \
        .name = "endpoint", .type = OPTION_TEXT, .offset = offsetof(struct target_settings, endpoint),       \
        .fallback = "127.0.0.1:8080", .value_name = "HOST:PORT", .help = "where the server is"               \
    }
#define TIMEOUT_OPTION                                                                                       \
    {                                                                                                        \
        .name = "timeout", .type = OPTION_DURATION, .offset = offsetof(struct target_settings, timeout_ns),  \
        .fallback = "5s", .min = NS_PER_MS, .max = INT64_C(3600) * 1000 * NS_PER_MS, .value_name = "TIME",   \
        .help = "how long to wait for the answer, and, up to 2 s, for a connection"                          \
    }

const struct option target_options[] = {ENDPOINT_OPTION, TIMEOUT_OPTION};
const size_t target_options_count = sizeof target_options / sizeof target_options[0];

const struct option set_options[] = {
    ENDPOINT_OPTION,
    TIMEOUT_OPTION,
    {.name = "ttl",
     .type = OPTION_DURATION,
     .offset = offsetof(struct target_settings, ttl_ns),
     .fallback = "1h",
     .min = NS_PER_MS,
     .max = INT64_MAX / 4,
     .value_name = "TIME",
     .help = "how long the item lives"},
};
const size_t set_options_count = sizeof set_options / sizeof set_options[0];

bool target_parse_endpoint(const char *endpoint, char *host, size_t size, uint16_t *port)
{
    const char *colon = strrchr(endpoint, ':');
    int64_t number;
    if (colon == NULL || colon == endpoint || (size_t)(colon - endpoint) >= size ||
        !options_parse_value(OPTION_NUMBER, colon + 1, &number) || number < 1 || number > 65535)
        return false;
    size_t length = (size_t)(colon - endpoint);
    if (endpoint[0] == '[' && colon[-1] == ']') {
        endpoint++;
        length -= 2;
    }
    memcpy(host, endpoint, length);
    host[length] = '\0';
    *port = (uint16_t)number;
    return true;
}

int target_exit_code(mayfly_status status)
{
    switch (status) {
    case MAYFLY_OK:
        return CLI_OK;
    case MAYFLY_UNAVAILABLE:
    case MAYFLY_DEADLINE_EXCEEDED:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

static int target_connect(struct target *target)
{
    char host[256];
    uint16_t port;
    if (!target_parse_endpoint(target->settings.endpoint, host, sizeof host, &port))
        return cli_fail(CLI_USAGE, "--endpoint takes HOST:PORT, such as 127.0.0.1:8080, not \"%s\"",
                        target->settings.endpoint);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.deadline_ms = (uint32_t)(target->settings.timeout_ns / NS_PER_MS);
    configuration.connect_timeout_ms =
        configuration.deadline_ms < CONNECT_LIMIT_MS ? configuration.deadline_ms : CONNECT_LIMIT_MS;
    mayfly_credentials credentials = mayfly_credentials_local(host, port);
    mayfly_error error;
    mayfly_status status =
        mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &target->client, &error);
    return status == MAYFLY_OK ? CLI_OK : cli_fail(target_exit_code(status), "%s", error.message);
}

int target_open(struct target *target, const struct option *options, size_t options_count, int argc,
                char **argv, int min, int max)
{
    *target = (struct target){.arguments = argv + 1};
    if (!options_init(&target->options, options, options_count, &target->settings) ||
        !options_read_environment(&target->options) ||
        !options_read_arguments(&target->options, argc, argv, 1, &target->argument_count))
        return cli_fail(CLI_USAGE, "%s", target->options.error);
    if (target->argument_count < min || target->argument_count > max)
        return cli_fail(CLI_USAGE, "usage: mayfly %s %s [options]; `mayfly %s --help` tells more", argv[0],
                        cli_find(argv[0])->arguments, argv[0]);
    return CLI_OK;
}

int target_call(struct target *target, const mayfly_request *request)
{
    int code = target->client != NULL ? CLI_OK : target_connect(target);
    if (code != CLI_OK)
        return code;
    mayfly_reply_free(target->reply);
    target->reply = NULL;
    mayfly_status status = mayfly_call(target->client, request, &target->reply);
    if (status == MAYFLY_OK)
        return CLI_OK;
    return cli_fail(target_exit_code(status), "%s: %s", mayfly_status_name(status),
                    target->reply != NULL ? target->reply->message : "memory is out");
}

void target_close(struct target *target)
{
    mayfly_reply_free(target->reply);
    mayfly_client_close(target->client);
    options_free(&target->options);
}
