/* Credentials: where a service is and the key that opens it, read from the texts in which keys are handed out.
 *
 *     base64 of {"endpoint": "HOST[:PORT]", "api_key": "..."}     control., cache. and token. before HOST
 *     a token, header.claims.signature, in base64 for addresses:
 *         claims {"cp": "HOST", "c": "HOST"}                      these hosts
 *         claims {"t": "g"}, and the endpoint beside it           prefixes as above
 *
 * A token's signature is the server's to check. Texts come from anywhere, so everything is bounded and checked, and
 * no sentence repeats any part of what was given: whoever mistakes the one for the other may pass a key as endpoint. */
#include "base/bytes.h"
#include "client/client.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX     ((size_t)8192)
#define HOST_MAX     253 /* RFC 1035, section 3.1, as text */
#define LABEL_MAX    63
#define PREFIX_MAX   (sizeof "control." - 1)
#define DEFAULT_PORT 443

/* One block that holds all texts of a set of credentials, wiped when it goes. */
struct owned {
    size_t size;
    char texts[];
};

struct place {
    char host[HOST_MAX + 1];
    uint16_t port;
    bool is_plain; /* an address or this machine: no name can stand before it */
};

/* What the reading of a text needs for a while; wiped as a whole. */
struct scratch {
    char encoded[TEXT_MAX + 4];
    uint8_t decoded[TEXT_MAX + 4];
};

mayfly_credentials mayfly_credentials_local(const char *host, uint16_t port)
{
    return (mayfly_credentials){.cache_host = host, .port = port};
}

static mayfly_status tell(mayfly_error *error, mayfly_status status, const char *sentence)
{
    if (error != NULL) {
        error->status = status;
        (void)snprintf(error->message, sizeof error->message, "%s", sentence);
    }
    return status;
}

static mayfly_status refuse(mayfly_error *error, const char *sentence)
{
    return tell(error, MAYFLY_INVALID_ARGUMENT, sentence);
}

/* --- Endpoints --- */

static bool is_name(const char *host)
{
    size_t label = 0;
    for (; *host != '\0'; host++) {
        bool is_letter = (*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z');
        bool is_digit = *host >= '0' && *host <= '9';
        if (*host == '.' && label == 0)
            return false;
        if (*host != '.' && !is_letter && !is_digit && *host != '-' && *host != '_')
            return false;
        label = *host == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return false;
    }
    return label > 0;
}

static bool is_address(int family, const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(family, host, address) == 1;
}

static bool parse_port(struct bytes text, uint16_t *port)
{
    uint32_t number = 0;
    if (text.size == 0 || text.size > 5)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    *port = (uint16_t)number;
    return number >= 1 && number <= UINT16_MAX;
}

/* HOST, HOST:PORT, and IPv6 as ADDRESS, [ADDRESS] or [ADDRESS]:PORT. */
static bool parse_place(struct bytes text, struct place *place)
{
    const uint8_t *first = memchr(text.data, ':', text.size);
    const uint8_t *last = memrchr(text.data, ':', text.size);
    const uint8_t *end = text.data + text.size;
    bool is_bracketed = text.size > 1 && text.data[0] == '[';
    bool is_v6 = is_bracketed || first != last;
    struct bytes host = text;
    place->port = DEFAULT_PORT;
    if (is_bracketed) {
        const uint8_t *close = memchr(text.data, ']', text.size);
        if (close == NULL || (close + 1 < end && close[1] != ':'))
            return false;
        host = bytes_make(text.data + 1, (size_t)(close - text.data) - 1);
        last = close + 1 < end ? close + 1 : NULL;
    } else if (is_v6) {
        last = NULL;
    } else if (last != NULL) {
        host.size = (size_t)(last - text.data);
    }
    if (last != NULL && !parse_port(bytes_make(last + 1, (size_t)(end - last) - 1), &place->port))
        return false;
    if (host.size == 0 || host.size > HOST_MAX || memchr(host.data, '\0', host.size) != NULL)
        return false;
    memcpy(place->host, host.data, host.size);
    place->host[host.size] = '\0';
    place->is_plain = is_v6 || is_address(AF_INET, place->host) || strcasecmp(place->host, "localhost") == 0;
    return is_v6 ? is_address(AF_INET6, place->host) : is_name(place->host);
}

/* --- Making credentials --- */

/* Appends a text and its closing zero at *AT. */
static const char *put(char **at, struct bytes prefix, struct bytes text)
{
    char *start = *at;
    bytes_copy(start, prefix.data, prefix.size);
    bytes_copy(start + prefix.size, text.data, text.size);
    start[prefix.size + text.size] = '\0';
    *at = start + prefix.size + text.size + 1;
    return start;
}

/* A value of HTTP metadata; a space in a key is a slip of whoever copied it. */
static bool is_key(struct bytes key)
{
    for (size_t i = 0; i < key.size; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~')
            return false;
    return key.size > 0;
}

/* Where TOKEN is no place of its own it is NULL. */
static mayfly_status keep(const struct place *cache, const struct place *control, const struct place *token,
                          struct bytes key, mayfly_credentials *credentials, mayfly_error *error)
{
    if (!is_key(key))
        return refuse(error, "the API key holds characters that no key has; was it copied whole?");
    bool is_prefixed = token != NULL && !cache->is_plain;
    if (is_prefixed && strlen(cache->host) + PREFIX_MAX > HOST_MAX)
        return refuse(error, "the endpoint of the API key is longer than a host name can be");
    size_t size = sizeof(struct owned) + (size_t)3 * (PREFIX_MAX + HOST_MAX + 1) + key.size + 1;
    struct owned *owned = calloc(1, size);
    if (owned == NULL)
        return tell(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    owned->size = size;
    char *at = owned->texts;
    credentials->owned = (char *)owned;
    credentials->cache_host = put(&at, bytes_of(is_prefixed ? "cache." : ""), bytes_of(cache->host));
    credentials->control_host = put(&at, bytes_of(is_prefixed ? "control." : ""), bytes_of(control->host));
    if (token != NULL)
        credentials->token_host = put(&at, bytes_of(is_prefixed ? "token." : ""), bytes_of(token->host));
    credentials->api_key = put(&at, bytes_of(""), key);
    credentials->port = cache->port;
    credentials->tls.is_on = true;
    return tell(error, MAYFLY_OK, "");
}

static mayfly_status keep_at(struct bytes text, struct bytes key, mayfly_credentials *credentials,
                             mayfly_error *error)
{
    struct place place;
    if (!parse_place(text, &place))
        return refuse(error, "the endpoint of the API key is no HOST or HOST:PORT, such as cell.example.com");
    return keep(&place, &place, &place, key, credentials, error);
}

/* --- Base64 and JSON --- */

/* RFC 4648: section 4, with its padding, or section 5, without. */
static bool decode(struct bytes text, bool is_for_addresses, struct scratch *scratch, size_t *size)
{
    size_t padding = 0;
    if (!is_for_addresses)
        while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=')
            padding++;
    text.size -= padding;
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        if (is_for_addresses && (c == '+' || c == '/'))
            return false;
        if (is_for_addresses && (c == '-' || c == '_'))
            c = c == '-' ? '+' : '/';
        scratch->encoded[i] = c;
    }
    size_t missing = (4 - text.size % 4) % 4;
    if (text.size == 0 || missing == 3 || (!is_for_addresses && missing != padding))
        return false;
    memset(scratch->encoded + text.size, '=', missing);
    /* OpenSSL's decoder passes over white space at the ends; a key has none. */
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    scratch->encoded[text.size + missing] = '\0';
    if (strspn(scratch->encoded, alphabet) != text.size)
        return false;
    int decoded =
        EVP_DecodeBlock(scratch->decoded, (const uint8_t *)scratch->encoded, (int)(text.size + missing));
    if (decoded < (int)missing)
        return false;
    *size = (size_t)decoded - missing;
    return true;
}

/* The object that TEXT is when decoded; NULL where it is none. */
static json_t *decode_object(struct bytes text, bool is_for_addresses, struct scratch *scratch)
{
    size_t size;
    json_error_t unused; /* it quotes what it read */
    if (!decode(text, is_for_addresses, scratch, &size))
        return NULL;
    json_t *object = json_loadb((const char *)scratch->decoded, size, JSON_REJECT_DUPLICATES, &unused);
    OPENSSL_cleanse(&unused, sizeof unused);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* Data is NULL where there is no such text. */
static struct bytes member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value))
        return bytes_make(NULL, 0);
    return bytes_make(json_string_value(value), json_string_length(value));
}

/* --- The forms --- */

static mayfly_status read_base64(struct bytes text, struct scratch *scratch, mayfly_credentials *credentials,
                                 mayfly_error *error)
{
    json_t *object = decode_object(text, false, scratch);
    if (object == NULL)
        return refuse(error,
                      "the API key is neither base64 of a JSON object nor a token; was it copied whole?");
    struct bytes place = member(object, "endpoint");
    struct bytes key = member(object, "api_key");
    mayfly_status status;
    if (place.data == NULL || key.data == NULL)
        status = refuse(error, "the API key's JSON lacks `endpoint` or `api_key`, which are texts");
    else
        status = keep_at(place, key, credentials, error);
    /* The parser gives no other way to wipe what it made; what it held meanwhile is beyond reach. */
    if (key.data != NULL)
        OPENSSL_cleanse((void *)(uintptr_t)key.data, key.size);
    json_decref(object);
    return status;
}

static mayfly_status read_hosts(const json_t *claims, struct bytes token, mayfly_credentials *credentials,
                                mayfly_error *error)
{
    struct bytes control_place = member(claims, "cp");
    struct bytes cache_place = member(claims, "c");
    struct place control;
    struct place cache;
    if (control_place.data == NULL || cache_place.data == NULL)
        return refuse(error,
                      "the token says neither where the service is (claims `cp` and `c`) nor that it is "
                      "a key for any endpoint (claim `t`)");
    if (!parse_place(control_place, &control) || !parse_place(cache_place, &cache))
        return refuse(error, "a host in the token's claims is no HOST or HOST:PORT");
    if (control.port != cache.port)
        return refuse(error, "the hosts in the token's claims have ports that differ");
    return keep(&cache, &control, NULL, token, credentials, error);
}

/* Keys and endpoints come from files and terminals, with a newline behind them. */
static struct bytes trim(struct bytes text)
{
    static const char space[] = " \t\r\n";
    while (text.size > 0 && memchr(space, text.data[0], sizeof space - 1) != NULL)
        text = bytes_make(text.data + 1, text.size - 1);
    while (text.size > 0 && memchr(space, text.data[text.size - 1], sizeof space - 1) != NULL)
        text.size--;
    return text;
}

static mayfly_status read_token(struct bytes text, const char *endpoint, struct scratch *scratch,
                                mayfly_credentials *credentials, mayfly_error *error)
{
    const uint8_t *end = text.data + text.size;
    const uint8_t *first = memchr(text.data, '.', text.size);
    const uint8_t *second = memchr(first + 1, '.', (size_t)(end - first) - 1);
    size_t unused;
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second) - 1) != NULL)
        return refuse(error, "the API key is no token of three parts; was it copied whole?");
    struct bytes header = bytes_make(text.data, (size_t)(first - text.data));
    struct bytes signature = bytes_make(second + 1, (size_t)(end - second) - 1);
    json_t *claims = NULL;
    if (decode(header, true, scratch, &unused) && decode(signature, true, scratch, &unused))
        claims = decode_object(bytes_make(first + 1, (size_t)(second - first) - 1), true, scratch);
    if (claims == NULL)
        return refuse(error,
                      "the API key has parts like a token, but they cannot be read; was it copied whole?");

    mayfly_status status;
    struct bytes place = trim(bytes_of(endpoint != NULL ? endpoint : ""));
    if (!bytes_equal(member(claims, "t"), bytes_of("g")))
        status = read_hosts(claims, text, credentials, error);
    else if (place.size == 0)
        status = refuse(error, "this API key needs an endpoint beside it, such as MOMENTO_ENDPOINT gives");
    else
        status = keep_at(place, text, credentials, error);
    json_decref(claims);
    return status;
}

mayfly_status mayfly_credentials_from_text(const char *text, const char *endpoint,
                                           mayfly_credentials *credentials, mayfly_error *error)
{
    if (credentials == NULL)
        return refuse(error, "there is no place for the credentials");
    *credentials = (mayfly_credentials){0};
    struct bytes key = text != NULL ? trim(bytes_make(text, strnlen(text, TEXT_MAX + 1))) : bytes_of("");
    if (key.size == 0)
        return refuse(error, "there is no API key");
    if (key.size > TEXT_MAX || (text != NULL && strnlen(text, TEXT_MAX + 1) > TEXT_MAX))
        return refuse(error, "the API key is longer than 8192 characters, which none is");
    struct scratch scratch;
    mayfly_status status = memchr(key.data, '.', key.size) != NULL
                               ? read_token(key, endpoint, &scratch, credentials, error)
                               : read_base64(key, &scratch, credentials, error);
    OPENSSL_cleanse(&scratch, sizeof scratch);
    return status;
}

mayfly_status mayfly_credentials_from_environment(mayfly_credentials *credentials, mayfly_error *error)
{
    const char *key = getenv("MOMENTO_API_KEY");
    if (credentials != NULL && (key == NULL || *key == '\0')) {
        *credentials = (mayfly_credentials){0};
        return refuse(error, "the environment variable MOMENTO_API_KEY is not set");
    }
    return mayfly_credentials_from_text(key, getenv("MOMENTO_ENDPOINT"), credentials, error);
}

void mayfly_credentials_free(mayfly_credentials *credentials)
{
    if (credentials == NULL || credentials->owned == NULL)
        return;
    struct owned *owned = (struct owned *)(void *)credentials->owned;
    OPENSSL_cleanse(owned, owned->size);
    free(owned);
    *credentials = (mayfly_credentials){0};
}
