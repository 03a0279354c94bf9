#include "cli/target.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define NS_PER_MS        1000000
#define KEY_FILE_BYTES   8200 /* more than any key has */
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

/* --- Where the server is and what it wants to see --- */

static int read_key_file(const char *path, const char *endpoint, mayfly_credentials *credentials)
{
    char key[KEY_FILE_BYTES];
    mayfly_error error;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return cli_fail(CLI_LOCAL, "%s cannot be read: %s", path, strerror(errno));
    (void)setvbuf(file, NULL, _IONBF, 0); /* no copy of the key that is not ours */
    key[fread(key, 1, sizeof key - 1, file)] = '\0';
    int problem = ferror(file) ? errno : 0;
    (void)fclose(file);
    mayfly_status status = mayfly_credentials_from_text(key, endpoint, credentials, &error);
    OPENSSL_cleanse(key, sizeof key);
    if (problem != 0)
        return cli_fail(CLI_LOCAL, "%s cannot be read: %s", path, strerror(problem));
    return status == MAYFLY_OK ? CLI_OK : cli_fail(CLI_USAGE, "%s: %s", path, error.message);
}

/* A key says where its server is, and --endpoint says it better. A key from the environment goes nowhere but where it
 * belongs: with --endpoint it is left alone. HOST, of TARGET_HOST_BYTES, is where the host's name may be kept. */
static int find_server(const struct settings *settings, char host[TARGET_HOST_BYTES],
                       mayfly_credentials *credentials)
{
    const char *given = settings->endpoint;
    const char *key = getenv("MOMENTO_API_KEY");
    const char *key_endpoint = getenv("MOMENTO_ENDPOINT");
    mayfly_error error;
    uint16_t port;
    if (settings->credentials_file != NULL) {
        bool is_set = key_endpoint != NULL && *key_endpoint != '\0';
        int code = read_key_file(settings->credentials_file, is_set ? key_endpoint : given, credentials);
        if (code != CLI_OK || given == NULL)
            return code;
    } else if (given == NULL && key != NULL && *key != '\0') {
        mayfly_status status = mayfly_credentials_from_environment(credentials, &error);
        return status == MAYFLY_OK ? CLI_OK : cli_fail(CLI_USAGE, "%s", error.message);
    }
    if (!target_parse_endpoint(given != NULL ? given : DEFAULT_ENDPOINT, host, TARGET_HOST_BYTES, &port))
        return cli_fail(CLI_USAGE, "--endpoint takes HOST:PORT, such as " DEFAULT_ENDPOINT ", not \"%s\"",
                        given);
    credentials->cache_host = host;
    credentials->control_host = NULL;
    credentials->port = port;
    return CLI_OK;
}

int target_find(const struct settings *settings, char host[TARGET_HOST_BYTES],
                mayfly_credentials *credentials)
{
    *credentials = mayfly_credentials_local(host, 0);
    int code = find_server(settings, host, credentials);
    bool has_key = credentials->tls.is_on; /* which is never sent in plain */
    credentials->tls = settings_tls(settings->tls || has_key, settings->insecure, settings->ca,
                                    settings->certificate, settings->key);
    return code;
}

void target_write_address(const mayfly_credentials *credentials, char address[TARGET_ADDRESS_BYTES])
{
    bool is_v6 = strchr(credentials->cache_host, ':') != NULL;
    (void)snprintf(address, TARGET_ADDRESS_BYTES, is_v6 ? "[%s]:%u" : "%s:%u", credentials->cache_host,
                   credentials->port);
}

static int open_client(struct target *target, const mayfly_credentials *credentials)
{
    const struct settings *settings = &target->settings;
    mayfly_error error;
    target_write_address(credentials, target->address);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.deadline_ms = (uint32_t)(settings->timeout_ns / NS_PER_MS);
    configuration.connect_timeout_ms =
        configuration.deadline_ms < CONNECT_LIMIT_MS ? configuration.deadline_ms : CONNECT_LIMIT_MS;
    mayfly_status status =
        mayfly_client_open(&configuration, credentials, MAYFLY_DRIVEN_BY_CALLER, &target->client, &error);
    if (status == MAYFLY_INVALID_ARGUMENT)
        return cli_fail(CLI_USAGE, "%s", error.message);
    return status == MAYFLY_OK ? CLI_OK : cli_fail(target_exit_code(status), "%s", error.message);
}

int target_connect(struct target *target)
{
    char host[TARGET_HOST_BYTES] = "";
    mayfly_credentials credentials;
    if (target->client != NULL)
        return CLI_OK;
    int code = target_find(&target->settings, host, &credentials);
    if (code == CLI_OK)
        code = open_client(target, &credentials);
    mayfly_credentials_free(&credentials);
    return code;
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
