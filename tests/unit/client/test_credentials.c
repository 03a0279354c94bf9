/* API keys as texts: what each form means, what is refused, and that a key shows up nowhere. */
#include "client/client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY         "secret-KEY_0123456789"
#define PART_BYTES  1024
#define TOKEN_BYTES (3 * PART_BYTES + 3)

/* --- Texts --- */

static char *base64(const char *plain, char to[PART_BYTES])
{
    (void)EVP_EncodeBlock((uint8_t *)to, (const uint8_t *)plain, (int)strlen(plain));
    return to;
}

/* Base64 for addresses, without padding. */
static void part(const char *plain, char to[PART_BYTES])
{
    (void)base64(plain, to);
    to[strcspn(to, "=")] = '\0';
    for (char *at = to; *at != '\0'; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
}

static char *token(const char *claims, char to[TOKEN_BYTES])
{
    char header[PART_BYTES];
    char payload[PART_BYTES];
    char signature[PART_BYTES];
    part("{\"alg\":\"HS256\"}", header);
    part(claims, payload);
    part(KEY, signature);
    (void)snprintf(to, TOKEN_BYTES, "%s.%s.%s", header, payload, signature);
    return to;
}

/* --- What is wiped: this takes the place of OpenSSL's own --- */

static const char *watched;
static bool watched_is_wiped;

void OPENSSL_cleanse(void *memory, size_t size)
{
    uintptr_t begin = (uintptr_t)memory;
    uintptr_t place = (uintptr_t)watched;
    if (watched != NULL && begin <= place && place + strlen(KEY) <= begin + size)
        watched_is_wiped = true;
    explicit_bzero(memory, size);
}

/* --- The forms --- */

static mayfly_credentials reads(const char *text, const char *endpoint)
{
    mayfly_credentials credentials;
    mayfly_error error;
    mayfly_status status = mayfly_credentials_from_text(text, endpoint, &credentials, &error);
    if (status != MAYFLY_OK)
        print_error("%s\n", error.message);
    assert_int_equal(status, MAYFLY_OK);
    assert_int_equal(error.status, MAYFLY_OK);
    assert_true(credentials.tls.is_on);
    return credentials;
}

static void base64_of_json_names_endpoint_and_key(void **state)
{
    (void)state;
    char text[PART_BYTES];
    mayfly_credentials credentials =
        reads(base64("{\"endpoint\":\"cell.example.com\",\"api_key\":\"" KEY "\"}", text), NULL);
    assert_string_equal(credentials.cache_host, "cache.cell.example.com");
    assert_string_equal(credentials.control_host, "control.cell.example.com");
    assert_string_equal(credentials.token_host, "token.cell.example.com");
    assert_int_equal(credentials.port, 443);
    assert_string_equal(credentials.api_key, KEY);
    mayfly_credentials_free(&credentials);
}

static void a_token_may_carry_its_hosts_and_is_itself_the_key(void **state)
{
    (void)state;
    char text[TOKEN_BYTES];
    mayfly_credentials credentials = reads(
        token("{\"sub\":\"a\",\"cp\":\"control.example.com\",\"c\":\"cache.example.com\"}", text), NULL);
    assert_string_equal(credentials.cache_host, "cache.example.com");
    assert_string_equal(credentials.control_host, "control.example.com");
    assert_null(credentials.token_host);
    assert_int_equal(credentials.port, 443);
    assert_string_equal(credentials.api_key, text);
    mayfly_credentials_free(&credentials);
}

static void a_global_token_is_read_with_the_endpoint_beside_it(void **state)
{
    (void)state;
    char text[TOKEN_BYTES];
    mayfly_credentials credentials = reads(token("{\"t\":\"g\",\"exp\":1}", text), "cell.example.com:8443");
    assert_string_equal(credentials.cache_host, "cache.cell.example.com");
    assert_string_equal(credentials.control_host, "control.cell.example.com");
    assert_string_equal(credentials.token_host, "token.cell.example.com");
    assert_int_equal(credentials.port, 8443);
    assert_string_equal(credentials.api_key, text);
    mayfly_credentials_free(&credentials);
}

static void a_local_server_needs_no_text(void **state)
{
    (void)state;
    mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", 8080);
    assert_string_equal(credentials.cache_host, "127.0.0.1");
    assert_int_equal(credentials.port, 8080);
    assert_false(credentials.tls.is_on);
    assert_null(credentials.api_key);
    mayfly_credentials_free(&credentials);
    assert_string_equal(credentials.cache_host, "127.0.0.1");
}

static void an_endpoint_that_no_name_can_stand_before_is_taken_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        const char *host;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", 443},
        {"127.0.0.1:8443", "127.0.0.1", 8443},
        {"localhost", "localhost", 443},
        {"LocalHost:1", "LocalHost", 1},
        {"::1", "::1", 443},
        {"[::1]", "::1", 443},
        {"[fe80::1]:65535", "fe80::1", 65535},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[TOKEN_BYTES];
        mayfly_credentials credentials = reads(token("{\"t\":\"g\"}", text), cases[i].endpoint);
        assert_string_equal(credentials.cache_host, cases[i].host);
        assert_string_equal(credentials.control_host, cases[i].host);
        assert_string_equal(credentials.token_host, cases[i].host);
        assert_int_equal(credentials.port, cases[i].port);
        mayfly_credentials_free(&credentials);
    }
}

static void white_space_around_a_key_is_passed_over(void **state)
{
    (void)state;
    char text[TOKEN_BYTES];
    char padded[TOKEN_BYTES + 8];
    (void)snprintf(padded, sizeof padded, " \t%s\r\n", token("{\"t\":\"g\"}", text));
    mayfly_credentials credentials = reads(padded, "example.com");
    assert_string_equal(credentials.api_key, text);
    mayfly_credentials_free(&credentials);
}

static void the_endpoint_of_a_key_that_carries_its_own_is_not_looked_at(void **state)
{
    (void)state;
    char text[PART_BYTES];
    mayfly_credentials credentials =
        reads(base64("{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\"}", text), "b.example");
    assert_string_equal(credentials.cache_host, "cache.a.example");
    mayfly_credentials_free(&credentials);
}

/* --- The environment --- */

static void the_environment_names_key_and_endpoint(void **state)
{
    (void)state;
    char text[TOKEN_BYTES];
    mayfly_credentials credentials;
    mayfly_error error;
    (void)setenv("MOMENTO_API_KEY", token("{\"t\":\"g\"}", text), 1);
    (void)setenv("MOMENTO_ENDPOINT", "cell.example.com", 1);
    assert_int_equal(mayfly_credentials_from_environment(&credentials, &error), MAYFLY_OK);
    assert_string_equal(credentials.cache_host, "cache.cell.example.com");
    mayfly_credentials_free(&credentials);

    (void)setenv("MOMENTO_ENDPOINT", " cell.example.com:8443\r\n", 1); /* out of a file */
    assert_int_equal(mayfly_credentials_from_environment(&credentials, &error), MAYFLY_OK);
    assert_string_equal(credentials.cache_host, "cache.cell.example.com");
    assert_int_equal(credentials.port, 8443);
    mayfly_credentials_free(&credentials);

    (void)unsetenv("MOMENTO_ENDPOINT");
    assert_int_equal(mayfly_credentials_from_environment(&credentials, &error), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "MOMENTO_ENDPOINT"));

    (void)unsetenv("MOMENTO_API_KEY");
    assert_int_equal(mayfly_credentials_from_environment(&credentials, &error), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "MOMENTO_API_KEY"));
    assert_int_equal(mayfly_credentials_from_environment(NULL, NULL), MAYFLY_INVALID_ARGUMENT);
}

/* --- What is refused --- */

/* Whether the sentence repeats any eight characters of the text. */
static bool repeats(const char *sentence, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i + 8 <= size; i++)
        if (memmem(sentence, strlen(sentence), text + i, 8) != NULL)
            return true;
    return false;
}

static void refuses(const char *text, const char *endpoint)
{
    mayfly_credentials credentials;
    mayfly_error error = {0};
    memset(&credentials, 0xaa, sizeof credentials);
    assert_int_equal(mayfly_credentials_from_text(text, endpoint, &credentials, &error),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(error.status, MAYFLY_INVALID_ARGUMENT);
    assert_true(strlen(error.message) > 10);
    assert_false(text != NULL && repeats(error.message, text));
    assert_false(repeats(error.message, KEY));
    assert_null(credentials.owned);
    assert_null(credentials.api_key);
    mayfly_credentials_free(&credentials); /* of nothing: it must not matter */
}

static void texts_that_are_no_key_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " \n",
        KEY,
        "=",
        "====",
        "e30",          /* {} without its padding */
        "e30=x",        /* text behind the padding */
        "e3\n0=",       /* a line break within */
        "e30=\xff\xfe", /* no ASCII */
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "e30.e30.",
        "e30..e30",
        ".e30.e30",
        "e30.e30.e3+",
        "e30.e30=.e30",
        "e30.e30.e30",  /* no claims */
        "e30.W10.e30",  /* [] */
        "e30.bm8.e30",  /* no JSON */
        "e30.AAAA.e30", /* zeroes */
        "e30.e30.eeeee",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        refuses(texts[i], "cell.example.com");
    refuses(NULL, NULL);
}

static void json_that_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const objects[] = {
        "{}",
        "[]",
        "\"" KEY "\"",
        "{\"endpoint\":\"a.example\"}",
        "{\"api_key\":\"" KEY "\"}",
        "{\"endpoint\":1,\"api_key\":\"" KEY "\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":[\"" KEY "\"]}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"\"}",
        "{\"endpoint\":\"\",\"api_key\":\"" KEY "\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY " b\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\\r\\nx: y\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\\u0000\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\\u00e9\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\",\"api_key\":\"b\"}",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\"} x",
        "{\"endpoint\":\"a.example\",\"api_key\":\"" KEY,
    };
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        char text[PART_BYTES];
        refuses(base64(objects[i], text), NULL);
    }
}

static void claims_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{\"cp\":\"control.example.com\"}",
        "{\"c\":\"cache.example.com\"}",
        "{\"cp\":1,\"c\":2}",
        "{\"cp\":\"control.example.com:1\",\"c\":\"cache.example.com:2\"}",
        "{\"cp\":\"control.example.com\",\"c\":\"cache/../etc\"}",
        "{\"t\":\"G\"}",
        "{\"t\":true}",
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        char text[TOKEN_BYTES];
        refuses(token(claims[i], text), "cell.example.com");
    }
}

static void endpoints_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const endpoints[] = {
        "",
        "https://a.example",
        "a.example/",
        "a.example:",
        "a.example:0",
        "a.example:65536",
        "a.example:443x",
        "a.example:-1",
        "a.example:000443",
        ":443",
        ".example",
        "a..example",
        "a.example.",
        "a example",
        "user@a.example",
        "[::1",
        "[::1]443",
        "[]:443",
        "[a.example]:443",
        "::1:x",
        "1:2:3",
        "a.\nexample",
        " \n",
        "\xc3\xa4.example",
    };
    char text[TOKEN_BYTES];
    (void)token("{\"t\":\"g\"}", text);
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
        refuses(text, endpoints[i]);
    refuses(text, NULL);
    refuses("cell.example.com", text); /* the one in the place of the other */

    char label[80];
    (void)snprintf(label, sizeof label, "%064d.example", 0);
    refuses(text, label);
    char host[260] = "";
    for (size_t i = 0; i < 250; i += 2)
        (void)snprintf(host + i, sizeof host - i, "a%s", i < 248 ? "." : "");
    refuses(text, host); /* a name, but none with control. before it */
}

static void a_text_without_end_is_refused(void **state)
{
    (void)state;
    size_t size = (size_t)1 << 20;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'A', size);
    text[size] = '\0';
    refuses(text, NULL);
    memset(text, ' ', size);
    refuses(text, NULL);
    memset(text, '.', size);
    refuses(text, NULL);
    text[8192] = '\0';
    refuses(text, NULL);
    memset(text, 'A', 8192);
    refuses(text, NULL);
    free(text);
}

static void missing_places_are_named(void **state)
{
    (void)state;
    mayfly_error error;
    assert_int_equal(mayfly_credentials_from_text("e30=", NULL, NULL, &error), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "credentials"));
    mayfly_credentials credentials;
    assert_int_equal(mayfly_credentials_from_text("e30=", NULL, &credentials, NULL), MAYFLY_INVALID_ARGUMENT);
}

/* --- Wiping --- */

static void a_key_is_wiped_before_its_memory_goes(void **state)
{
    (void)state;
    char text[PART_BYTES];
    mayfly_credentials credentials =
        reads(base64("{\"endpoint\":\"a.example\",\"api_key\":\"" KEY "\"}", text), NULL);
    watched = credentials.api_key;
    watched_is_wiped = false;
    mayfly_credentials_free(&credentials);
    watched = NULL;
    assert_true(watched_is_wiped);
    assert_null(credentials.api_key);
    assert_null(credentials.cache_host);
    mayfly_credentials_free(&credentials);
    mayfly_credentials_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_of_json_names_endpoint_and_key),
        cmocka_unit_test(a_token_may_carry_its_hosts_and_is_itself_the_key),
        cmocka_unit_test(a_global_token_is_read_with_the_endpoint_beside_it),
        cmocka_unit_test(a_local_server_needs_no_text),
        cmocka_unit_test(an_endpoint_that_no_name_can_stand_before_is_taken_as_it_is),
        cmocka_unit_test(white_space_around_a_key_is_passed_over),
        cmocka_unit_test(the_endpoint_of_a_key_that_carries_its_own_is_not_looked_at),
        cmocka_unit_test(the_environment_names_key_and_endpoint),
        cmocka_unit_test(texts_that_are_no_key_are_refused),
        cmocka_unit_test(json_that_is_no_key_is_refused),
        cmocka_unit_test(claims_that_lead_nowhere_are_refused),
        cmocka_unit_test(endpoints_that_are_none_are_refused),
        cmocka_unit_test(a_text_without_end_is_refused),
        cmocka_unit_test(missing_places_are_named),
        cmocka_unit_test(a_key_is_wiped_before_its_memory_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
