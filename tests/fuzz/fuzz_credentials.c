/* Texts that pretend to be API keys. An input is a key and, behind the first zero, an endpoint; both end with the
 * input. Whatever is accepted has hosts, a port and a key that can be sent; whatever is refused leaves nothing. */
#include <stdlib.h>
#include <string.h>

#include <mayfly/credentials.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_sendable(const char *text, size_t most)
{
    size_t size = strnlen(text, most + 1);
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return size > 0 && size <= most;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mayfly_credentials credentials;
    mayfly_error error;
    char *text = malloc(size + 1);
    must(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t key_size = strlen(text);
    const char *endpoint = key_size < size ? text + key_size + 1 : NULL;

    mayfly_status status = mayfly_credentials_from_text(text, endpoint, &credentials, &error);
    must(status == error.status);
    if (status == MAYFLY_OK) {
        must(is_sendable(credentials.cache_host, 253) && is_sendable(credentials.control_host, 253));
        must(credentials.token_host == NULL || is_sendable(credentials.token_host, 253));
        must(is_sendable(credentials.api_key, 8192));
        must(credentials.port > 0 && credentials.tls.is_on);
    } else {
        must(status == MAYFLY_INVALID_ARGUMENT && error.message[0] != '\0');
        must(credentials.owned == NULL && credentials.api_key == NULL);
    }
    mayfly_credentials_free(&credentials);
    free(text);
    return 0;
}
