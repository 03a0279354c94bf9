#include "cli/target.h"

#include <stdlib.h>

#define NS_PER_MS        1000000
#define CONNECT_LIMIT_MS 2000 /* a person waits for it */

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

int target_connect(struct target *target)
{
    char host[256];
    uint16_t port;
    if (target->client != NULL)
        return CLI_OK;
    if (!target_parse_endpoint(target->settings.endpoint, host, sizeof host, &port))
        return cli_fail(CLI_USAGE, "--endpoint takes HOST:PORT, such as 127.0.0.1:8080, not \"%s\"",
                        target->settings.endpoint);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.deadline_ms = (uint32_t)(target->settings.timeout_ns / NS_PER_MS);
    configuration.connect_timeout_ms =
        configuration.deadline_ms < CONNECT_LIMIT_MS ? configuration.deadline_ms : CONNECT_LIMIT_MS;
    const struct settings *settings = &target->settings;
    mayfly_credentials credentials = mayfly_credentials_local(host, port);
    credentials.tls =
        settings_tls(settings->tls, settings->insecure, settings->ca, settings->certificate, settings->key);
    mayfly_error error;
    mayfly_status status =
        mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &target->client, &error);
    if (status == MAYFLY_INVALID_ARGUMENT)
        return cli_fail(CLI_USAGE, "%s", error.message);
    return status == MAYFLY_OK ? CLI_OK : cli_fail(target_exit_code(status), "%s", error.message);
}

int target_call(struct target *target)
{
    int code = target_connect(target);
    if (code != CLI_OK)
        return code;
    mayfly_status status = mayfly_call(target->client, &target->request, &target->reply);
    if (status == MAYFLY_OK)
        return CLI_OK;
    if (target->reply == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    bool is_ours = status == MAYFLY_INVALID_ARGUMENT && target->reply->attempts == 0; /* nothing was sent */
    return cli_fail(is_ours ? CLI_USAGE : target_exit_code(status), "%s: %s", mayfly_status_name(status),
                    target->reply->message);
}

void target_close(struct target *target)
{
    mayfly_reply_free(target->reply);
    mayfly_client_close(target->client);
    options_free(&target->options);
    free(target->items);
    free(target->ranges);
    free(target->input);
    free(target->operand);
}
