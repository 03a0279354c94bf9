/* TLS with no network: two ends that hand each other bytes, and every way in which they may not agree. */
#include "base/buffer.h"
#include "certificates.h"
#include "net/tls_stream.h"

#include <openssl/ssl.h>

#define HOST              "cache.example.com"
#define WHOLE             SIZE_MAX
#define VALUE_BYTES       300000
#define RECORD_HEAD_BYTES 5
#define SERVER_SANS       "DNS:cache.example.com,DNS:*.wild.example.com,IP:127.0.0.1,IP:::1"

/* What every test of this file finds. */
static struct fixture {
    struct certificates certificates;
    struct identity authority;
    struct identity stranger; /* another one, whom nobody trusts */
    struct identity server;
    struct identity client;
    struct identity false_client;
    struct net_tls *of_client;
    struct net_tls *of_server;
} here;

static struct net_tls *client_tls(const struct identity *identity)
{
    char error[NET_TLS_ERROR_BYTES] = "";
    const struct net_tls_client_settings settings = {
        .ca_file = here.authority.file,
        .certificate_file = identity != NULL ? identity->file : NULL,
        .key_file = identity != NULL ? identity->key_file : NULL,
    };
    struct net_tls *tls = net_tls_client(&settings, error);
    if (tls == NULL)
        fail_msg("%s", error);
    return tls;
}

static struct net_tls *server_tls(const struct identity *identity, const char *client_ca_file)
{
    char error[NET_TLS_ERROR_BYTES] = "";
    const struct net_tls_server_settings settings = {
        .certificate_file = identity->file,
        .key_file = identity->key_file,
        .client_ca_file = client_ca_file,
    };
    struct net_tls *tls = net_tls_server(&settings, error);
    if (tls == NULL)
        fail_msg("%s", error);
    return tls;
}

static int open_fixture(void **state)
{
    (void)state;
    certificates_open(&here.certificates);
    here.authority = identity_of_its_own(&here.certificates, "authority", NULL);
    here.stranger = identity_of_its_own(&here.certificates, "stranger", NULL);
    here.server = identity_signed_by(&here.certificates, &here.authority, "server", SERVER_SANS);
    here.client = identity_signed_by(&here.certificates, &here.authority, "client", NULL);
    here.false_client = identity_signed_by(&here.certificates, &here.stranger, "false-client", NULL);
    here.of_client = client_tls(NULL);
    here.of_server = server_tls(&here.server, NULL);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    net_tls_release(here.of_client);
    net_tls_release(here.of_server);
    identity_free(&here.authority);
    identity_free(&here.stranger);
    identity_free(&here.server);
    identity_free(&here.client);
    identity_free(&here.false_client);
    certificates_close(&here.certificates);
    return 0;
}

/* --- Two ends --- */

struct end {
    struct tls_stream *stream;
    struct buffer heard;
};

struct pair {
    struct end client;
    struct end server;
    size_t piece_bytes; /* how much the way between them carries at a time */
};

static void end_take(struct end *end, struct bytes input)
{
    uint8_t *plain = test_malloc(input.size + TLS_RECORD_BYTES);
    size_t size = tls_stream_open(end->stream, input, plain);
    assert_true(buffer_append(&end->heard, bytes_make(plain, size)));
    test_free(plain);
}

/* Carries what one end has to say to the other one; false where that is nothing. */
static bool carry(struct end *from, struct end *to, size_t piece_bytes)
{
    struct bytes pending = tls_stream_pending(from->stream);
    if (pending.size == 0)
        return false;
    struct buffer copy = {0};
    size_t size = pending.size < piece_bytes ? pending.size : piece_bytes;
    assert_true(buffer_append(&copy, bytes_make(pending.data, size)));
    tls_stream_sent(from->stream, size);
    end_take(to, buffer_bytes(&copy));
    buffer_free(&copy);
    return true;
}

/* Until both have nothing more to say. */
static void pair_talk(struct pair *pair)
{
    while (carry(&pair->client, &pair->server, pair->piece_bytes) |
           carry(&pair->server, &pair->client, pair->piece_bytes))
        ;
}

static struct pair pair_begin(struct net_tls *of_client, struct net_tls *of_server, const char *name)
{
    struct pair pair = {.client.stream = tls_stream_create(of_client, name),
                        .server.stream = tls_stream_create(of_server, NULL),
                        .piece_bytes = WHOLE};
    assert_non_null(pair.client.stream);
    assert_non_null(pair.server.stream);
    return pair;
}

static struct pair pair_open(struct net_tls *of_client, struct net_tls *of_server, const char *name)
{
    struct pair pair = pair_begin(of_client, of_server, name);
    pair_talk(&pair);
    return pair;
}

static void pair_free(struct pair *pair)
{
    tls_stream_free(pair->client.stream);
    tls_stream_free(pair->server.stream);
    buffer_free(&pair->client.heard);
    buffer_free(&pair->server.heard);
}

static void assert_agreed(const struct pair *pair)
{
    assert_string_equal(tls_stream_error(pair->client.stream), "");
    assert_string_equal(tls_stream_error(pair->server.stream), "");
    assert_true(tls_stream_is_ready(pair->client.stream));
    assert_true(tls_stream_is_ready(pair->server.stream));
}

/* Where the two do not agree, each says so in its own words. */
static void assert_refused(struct net_tls *of_client, struct net_tls *of_server, const char *name,
                           const char *client_says, const char *server_says)
{
    struct pair pair = pair_open(of_client, of_server, name);
    assert_string_equal(tls_stream_error(pair.client.stream), client_says);
    assert_string_equal(tls_stream_error(pair.server.stream), server_says);
    pair_free(&pair);
}

#define CLIENT_REFUSES "the client does not accept the certificate that it was shown"

/* --- Agreeing --- */

static void say(struct end *from, struct bytes plain)
{
    assert_true(tls_stream_seal(from->stream, plain));
}

static void what_is_said_is_heard_whatever_the_pieces(void **state)
{
    (void)state;
    static uint8_t value[VALUE_BYTES];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 31 >> 3);
    const size_t pieces[] = {1, 7, 4096, WHOLE};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct pair pair = pair_begin(here.of_client, here.of_server, HOST);
        pair.piece_bytes = pieces[i];
        pair_talk(&pair);
        assert_agreed(&pair);
        say(&pair.client, bytes_make(value, sizeof value));
        say(&pair.server, bytes_of("an answer"));
        pair_talk(&pair);
        assert_true(bytes_equal(buffer_bytes(&pair.server.heard), bytes_make(value, sizeof value)));
        assert_true(bytes_equal(buffer_bytes(&pair.client.heard), bytes_of("an answer")));
        pair_free(&pair);
    }
}

static void what_is_sent_does_not_hold_what_is_said(void **state)
{
    (void)state;
    struct pair pair = pair_open(here.of_client, here.of_server, HOST);
    say(&pair.client, bytes_of("a secret that nobody may read"));
    struct bytes sealed = tls_stream_pending(pair.client.stream);
    assert_true(sealed.size > 0);
    assert_null(memmem(sealed.data, sealed.size, "secret", 6));
    pair_free(&pair);
}

static void a_goodbye_is_told_from_a_cut(void **state)
{
    (void)state;
    struct pair pair = pair_open(here.of_client, here.of_server, HOST);
    say(&pair.server, bytes_of("the last word"));
    tls_stream_end(pair.server.stream);
    assert_false(tls_stream_is_over(pair.client.stream));
    pair_talk(&pair);
    assert_true(tls_stream_is_over(pair.client.stream));
    assert_string_equal(tls_stream_error(pair.client.stream), "");
    assert_true(bytes_equal(buffer_bytes(&pair.client.heard), bytes_of("the last word")));
    pair_free(&pair);
}

static void a_forged_byte_ends_the_stream(void **state)
{
    (void)state;
    struct pair pair = pair_open(here.of_client, here.of_server, HOST);
    say(&pair.client, bytes_of("value"));
    struct bytes sealed = tls_stream_pending(pair.client.stream);
    uint8_t copy[256];
    assert_true(sealed.size <= sizeof copy);
    memcpy(copy, sealed.data, sealed.size);
    copy[sealed.size - 1] ^= 1;
    end_take(&pair.server, bytes_make(copy, sealed.size));
    assert_int_equal(pair.server.heard.size, 0);
    assert_string_equal(tls_stream_error(pair.server.stream),
                        "the client sent what was damaged or forged on its way");
    pair_free(&pair);
}

/* --- Names --- */

static void a_certificate_is_good_for_the_names_and_addresses_in_it(void **state)
{
    (void)state;
    const char *const names[] = {HOST,  "CACHE.example.com", "a.wild.example.com", "127.0.0.1",
                                 "::1", "cache.example.com." /* the same, from the root on */};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct pair pair = pair_open(here.of_client, here.of_server, names[i]);
        assert_agreed(&pair);
        pair_free(&pair);
    }
}

static void a_certificate_is_good_for_no_other_name(void **state)
{
    (void)state;
    const char *const names[] = {"example.com", "server", "a.b.wild.example.com", "127.0.0.2", "::2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char sentence[NET_TLS_ERROR_BYTES];
        (void)snprintf(sentence, sizeof sentence, "the server's certificate is not valid for the name %s",
                       names[i]);
        assert_refused(here.of_client, here.of_server, names[i], sentence, CLIENT_REFUSES);
    }
}

/* To OpenSSL, an empty name stands for any, and one that begins with a dot for whatever is below it. */
static void what_stands_for_many_names_is_no_name(void **state)
{
    (void)state;
    const char *const names[] = {"", ".", ".example.com", ".wild.example.com"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_null(tls_stream_create(here.of_client, names[i]));
}

/* --- Trust --- */

static void assert_server_refused(const struct wanted *wanted, const char *client_says,
                                  const char *server_says)
{
    struct identity identity = identity_make(&here.certificates, wanted);
    struct net_tls *tls = server_tls(&identity, NULL);
    assert_refused(here.of_client, tls, HOST, client_says, server_says);
    net_tls_release(tls);
    identity_free(&identity);
}

static void who_is_vouched_for_by_a_stranger_is_refused(void **state)
{
    (void)state;
    const char *client_says =
        "the server's certificate is not signed by an authority that this client trusts";
    const char *server_says =
        "the client does not trust the authority that signed the certificate it was shown";
    struct wanted wanted = {
        .name = "other", .alternatives = SERVER_SANS, .to_s = DAY_S, .issuer = &here.stranger};
    assert_server_refused(&wanted, client_says, server_says);
    wanted.issuer = NULL; /* or by itself */
    assert_server_refused(&wanted, client_says, server_says);
}

static void a_certificate_is_good_in_its_time(void **state)
{
    (void)state;
    struct wanted wanted = {.name = "other", .alternatives = SERVER_SANS, .issuer = &here.authority};
    wanted.from_s = -2 * DAY_S;
    wanted.to_s = -DAY_S;
    assert_server_refused(&wanted, "the server's certificate has expired",
                          "the client says that the certificate it was shown has expired");
    wanted.from_s = DAY_S;
    wanted.to_s = 2 * DAY_S;
    assert_server_refused(&wanted, "the server's certificate is not valid yet", CLIENT_REFUSES);
}

static void who_does_not_check_takes_any_certificate(void **state)
{
    (void)state;
    char error[NET_TLS_ERROR_BYTES];
    struct identity identity = identity_of_its_own(&here.certificates, "unknown", NULL);
    struct net_tls *of_server = server_tls(&identity, NULL);
    struct net_tls *of_client =
        net_tls_client(&(struct net_tls_client_settings){.is_unchecked = true}, error);
    struct pair pair = pair_open(of_client, of_server, HOST);
    assert_agreed(&pair);
    pair_free(&pair);
    net_tls_release(of_client);
    net_tls_release(of_server);
    identity_free(&identity);
}

static void the_system_does_not_trust_an_authority_of_a_test(void **state)
{
    (void)state;
    char error[NET_TLS_ERROR_BYTES];
    struct net_tls *tls = net_tls_client(&(struct net_tls_client_settings){0}, error);
    assert_refused(tls, here.of_server, HOST,
                   "the server's certificate is not signed by an authority that this client trusts",
                   "the client does not trust the authority that signed the certificate it was shown");
    net_tls_release(tls);
}

/* --- Client certificates --- */

static void a_server_that_asks_lets_only_its_own_clients_in(void **state)
{
    (void)state;
    struct net_tls *strict = server_tls(&here.server, here.authority.file);
    struct net_tls *known = client_tls(&here.client);
    struct net_tls *unknown = client_tls(&here.false_client);
    struct pair pair = pair_open(known, strict, HOST);
    assert_agreed(&pair);
    pair_free(&pair);
    assert_refused(here.of_client, strict, HOST, "the server wants a client certificate",
                   "the client shows no certificate");
    assert_refused(unknown, strict, HOST,
                   "the server does not trust the authority that signed the certificate it was shown",
                   "the client's certificate is not signed by an authority that this server trusts");
    net_tls_release(known);
    net_tls_release(unknown);
    net_tls_release(strict);
}

/* --- Peers of another kind --- */

/* OpenSSL by itself, with settings of the test's. */
struct stranger {
    SSL_CTX *context;
    SSL *ssl;
};

static struct stranger stranger_open(bool is_client, int version, const char *alpn)
{
    struct stranger stranger = {SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method()), NULL};
    (void)SSL_CTX_set_cipher_list(stranger.context, "ALL:@SECLEVEL=0");
    if (!is_client) {
        (void)SSL_CTX_use_certificate_file(stranger.context, here.server.file, SSL_FILETYPE_PEM);
        (void)SSL_CTX_use_PrivateKey_file(stranger.context, here.server.key_file, SSL_FILETYPE_PEM);
    } else if (alpn != NULL) {
        (void)SSL_CTX_set_alpn_protos(stranger.context, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    }
    assert_int_equal(SSL_CTX_set_min_proto_version(stranger.context, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(stranger.context, version), 1);
    stranger.ssl = SSL_new(stranger.context);
    SSL_set_bio(stranger.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (is_client)
        SSL_set_connect_state(stranger.ssl);
    else
        SSL_set_accept_state(stranger.ssl);
    return stranger;
}

static void stranger_talk(struct stranger *stranger, struct end *end)
{
    uint8_t piece[4096];
    for (bool more = true; more;) {
        more = false;
        (void)SSL_do_handshake(stranger->ssl);
        int size = BIO_read(SSL_get_wbio(stranger->ssl), piece, sizeof piece);
        if (size > 0) {
            end_take(end, bytes_make(piece, (size_t)size));
            more = true;
        }
        struct bytes pending = tls_stream_pending(end->stream);
        if (pending.size > 0) {
            assert_int_equal(BIO_write(SSL_get_rbio(stranger->ssl), pending.data, (int)pending.size),
                             (int)pending.size);
            tls_stream_sent(end->stream, pending.size);
            more = true;
        }
    }
}

static void stranger_free(struct stranger *stranger)
{
    SSL_free(stranger->ssl);
    SSL_CTX_free(stranger->context);
}

static void assert_stranger(bool is_client, int version, const char *alpn, const char *sentence)
{
    struct stranger stranger = stranger_open(is_client, version, alpn);
    struct end end = {.stream = is_client ? tls_stream_create(here.of_server, NULL)
                                          : tls_stream_create(here.of_client, HOST)};
    stranger_talk(&stranger, &end);
    assert_string_equal(tls_stream_error(end.stream), sentence);
    assert_int_equal(tls_stream_is_ready(end.stream), sentence[0] == '\0');
    tls_stream_free(end.stream);
    buffer_free(&end.heard);
    stranger_free(&stranger);
}

static void who_does_not_speak_http2_is_refused(void **state)
{
    (void)state;
    assert_stranger(true, TLS1_3_VERSION, "\x02h2", "");
    assert_stranger(true, TLS1_3_VERSION, "\x08http/1.1\x02h2", "");
    assert_stranger(true, TLS1_3_VERSION, NULL, "the client does not speak HTTP/2 over TLS (ALPN h2)");
    assert_stranger(true, TLS1_3_VERSION, "\x08http/1.1",
                    "the client does not speak HTTP/2 over TLS (ALPN h2)");
    assert_stranger(false, TLS1_3_VERSION, NULL, "the server does not speak HTTP/2 over TLS (ALPN h2)");
}

static void tls_before_1_2_is_refused(void **state)
{
    (void)state;
    assert_stranger(true, TLS1_2_VERSION, "\x02h2", "");
    assert_stranger(true, TLS1_1_VERSION, "\x02h2", "the client does not speak TLS 1.2 or 1.3");
    assert_stranger(false, TLS1_1_VERSION, NULL, "the server does not speak TLS 1.2 or 1.3");
}

static void plain_http2_is_told_from_tls(void **state)
{
    (void)state;
    const uint8_t settings[9] = {0, 0, 0, 4};
    struct pair pair = pair_begin(here.of_client, here.of_server, HOST);
    end_take(&pair.client, bytes_make(settings, sizeof settings));
    end_take(&pair.server, bytes_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    assert_string_equal(tls_stream_error(pair.client.stream), "the server does not speak TLS on this port");
    assert_string_equal(tls_stream_error(pair.server.stream), "the client does not speak TLS on this port");
    assert_int_equal(tls_stream_pending(pair.server.stream).size, 0);
    pair_free(&pair);
}

/* Each byte of a client's first message in turn is another one than it should be: neither end agrees to anything but
 * what both said, and neither says more than a handshake takes. (The head of a record is not part of that.) */
static void a_handshake_with_a_wrong_byte_comes_to_nothing(void **state)
{
    (void)state;
    struct net_tls *of_client = client_tls(NULL); /* with no session to resume: all handshakes look alike */
    struct pair probe = pair_begin(of_client, here.of_server, HOST);
    size_t hello_bytes = tls_stream_pending(probe.client.stream).size;
    pair_free(&probe);
    for (size_t at = RECORD_HEAD_BYTES; at < hello_bytes; at++) {
        struct pair pair = pair_begin(of_client, here.of_server, HOST);
        uint8_t hello[2048];
        assert_true(hello_bytes <= sizeof hello);
        memcpy(hello, tls_stream_pending(pair.client.stream).data, hello_bytes);
        hello[at] ^= 0x55;
        tls_stream_sent(pair.client.stream, hello_bytes);
        end_take(&pair.server, bytes_make(hello, hello_bytes));
        assert_true(tls_stream_pending(pair.server.stream).size < 8192);
        pair_talk(&pair);
        assert_false(tls_stream_is_ready(pair.server.stream));
        assert_int_equal(pair.server.heard.size, 0);
        pair_free(&pair);
    }
    net_tls_release(of_client);
}

static void garbage_in_a_handshake_ends_it_and_grows_nothing(void **state)
{
    (void)state;
    uint8_t garbage[4096];
    unsigned random = 1;
    for (int round = 0; round < 500; round++) {
        struct end end = {.stream = tls_stream_create(here.of_server, NULL)};
        garbage[0] = 22; /* so that it looks like a handshake at first */
        garbage[1] = 3;
        for (size_t i = 2; i < sizeof garbage; i++) {
            random = random * 1103515245 + 12345;
            garbage[i] = (uint8_t)(random >> 16);
        }
        for (int i = 0; i < 100 && tls_stream_error(end.stream)[0] == '\0'; i++)
            end_take(&end, bytes_make(garbage, sizeof garbage));
        assert_string_not_equal(tls_stream_error(end.stream), "");
        assert_int_equal(end.heard.size, 0);
        assert_true(tls_stream_pending(end.stream).size < 64);
        tls_stream_free(end.stream);
        buffer_free(&end.heard);
    }
}

/* --- After the handshake --- */

static int choose_http2(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                        const unsigned char *offered, unsigned offered_size, void *context)
{
    (void)ssl;
    (void)context;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)chosen, chosen_size,
                                 (const unsigned char *)"\x02h2", 3, offered,
                                 offered_size) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int take_any(int is_verified, X509_STORE_CTX *context)
{
    (void)is_verified;
    (void)context;
    return 1;
}

/* What a stranger has to say, in memory. */
static struct buffer stranger_said(struct stranger *stranger)
{
    struct buffer said = {0};
    uint8_t piece[4096];
    for (int size; (size = BIO_read(SSL_get_wbio(stranger->ssl), piece, sizeof piece)) > 0;)
        assert_true(buffer_append(&said, bytes_make(piece, (size_t)size)));
    return said;
}

static void stranger_hears(struct stranger *stranger, struct end *end)
{
    struct bytes pending = tls_stream_pending(end->stream);
    assert_int_equal(BIO_write(SSL_get_rbio(stranger->ssl), pending.data, (int)pending.size),
                     (int)pending.size);
    tls_stream_sent(end->stream, pending.size);
}

/* A ticket that holds the client's certificate is a message of more than one of this server's records. */
static void half_a_ticket_holds_up_what_is_said_and_no_more(void **state)
{
    (void)state;
    char alternatives[2048] = "DNS:a.example.com";
    size_t size = strlen(alternatives);
    for (int i = 0; i < 30; i++)
        size += (size_t)snprintf(alternatives + size, sizeof alternatives - size,
                                 ",DNS:another.name.example.com");
    struct identity large = identity_signed_by(&here.certificates, &here.authority, "large", alternatives);
    struct net_tls *of_client = client_tls(&large);
    struct stranger stranger = stranger_open(false, TLS1_3_VERSION, NULL);
    SSL_CTX_set_alpn_select_cb(stranger.context, choose_http2, NULL);
    SSL_set_verify(stranger.ssl, SSL_VERIFY_PEER, take_any);
    assert_int_equal(SSL_set_max_send_fragment(stranger.ssl, 512), 1);
    struct end end = {.stream = tls_stream_create(of_client, HOST)};

    stranger_hears(&stranger, &end);
    (void)SSL_do_handshake(stranger.ssl);
    struct buffer said = stranger_said(&stranger);
    end_take(&end, buffer_bytes(&said));
    buffer_free(&said);
    assert_true(tls_stream_is_ready(end.stream));
    stranger_hears(&stranger, &end);
    assert_int_equal(SSL_do_handshake(stranger.ssl), 1);
    said = stranger_said(&stranger);
    struct bytes tickets = buffer_bytes(&said);
    size_t first = RECORD_HEAD_BYTES + (size_t)tickets.data[3] * 256 + tickets.data[4];
    assert_true(first < tickets.size);
    end_take(&end, bytes_make(tickets.data, first));
    assert_false(tls_stream_seal(end.stream, bytes_of("a call that must wait")));
    assert_string_equal(tls_stream_error(end.stream), "");
    end_take(&end, bytes_make(tickets.data + first, tickets.size - first));
    say(&end, bytes_of("another"));
    stranger_hears(&stranger, &end);
    char heard[32];
    assert_int_equal(SSL_read(stranger.ssl, heard, sizeof heard), strlen("another"));
    assert_memory_equal(heard, "another", strlen("another"));

    buffer_free(&said);
    buffer_free(&end.heard);
    tls_stream_free(end.stream);
    stranger_free(&stranger);
    net_tls_release(of_client);
    identity_free(&large);
}

/* Each wish for new keys is answered, whether the answers are read or not. */
static void who_asks_for_new_keys_without_end_is_dropped(void **state)
{
    (void)state;
    struct stranger stranger = stranger_open(true, TLS1_3_VERSION, "\x02h2");
    struct end end = {.stream = tls_stream_create(here.of_server, NULL)};
    stranger_talk(&stranger, &end);
    for (int i = 0; i < 100000 && tls_stream_error(end.stream)[0] == '\0'; i++) {
        assert_int_equal(SSL_key_update(stranger.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(stranger.ssl), 1);
        struct buffer said = stranger_said(&stranger);
        end_take(&end, buffer_bytes(&said));
        buffer_free(&said);
    }
    assert_string_equal(tls_stream_error(end.stream),
                        "the client asks for new keys without end and takes no answer");
    assert_true(tls_stream_pending(end.stream).size < (size_t)2 << 20);
    tls_stream_free(end.stream);
    buffer_free(&end.heard);
    stranger_free(&stranger);
}

static void a_goodbye_in_the_handshake_is_told_as_one(void **state)
{
    (void)state;
    const uint8_t goodbye[] = {21, 3, 3, 0, 2, 1, 0};
    struct pair pair = pair_begin(here.of_client, here.of_server, HOST);
    end_take(&pair.client, bytes_make(goodbye, sizeof goodbye));
    assert_string_equal(tls_stream_error(pair.client.stream),
                        "the server said goodbye during the TLS handshake");
    pair_free(&pair);
}

/* --- Sessions --- */

/* What a ticket of TLS 1.2 holds opens all that its connections said, for whoever finds the server's key to it. */
static void a_client_of_tls_1_2_gets_no_ticket(void **state)
{
    (void)state;
    struct stranger stranger = stranger_open(true, TLS1_2_VERSION, "\x02h2");
    struct end end = {.stream = tls_stream_create(here.of_server, NULL)};
    stranger_talk(&stranger, &end);
    assert_true(tls_stream_is_ready(end.stream));
    assert_int_equal(SSL_version(stranger.ssl), TLS1_2_VERSION);
    assert_false(SSL_SESSION_has_ticket(SSL_get0_session(stranger.ssl)));
    tls_stream_free(end.stream);
    buffer_free(&end.heard);
    stranger_free(&stranger);
}

static bool is_resumed(struct net_tls *of_client, struct net_tls *of_server, const char *name)
{
    struct pair pair = pair_open(of_client, of_server, name);
    assert_agreed(&pair);
    bool resumed = tls_stream_is_resumed(pair.client.stream);
    assert_int_equal(tls_stream_is_resumed(pair.server.stream), resumed);
    pair_free(&pair); /* with no goodbye, as when a connection is cut */
    return resumed;
}

static void a_session_is_resumed_after_the_connection_was_cut(void **state)
{
    (void)state;
    struct net_tls *of_client = client_tls(NULL);
    assert_false(is_resumed(of_client, here.of_server, HOST));
    for (int i = 0; i < 5; i++)
        assert_true(is_resumed(of_client, here.of_server, HOST));
    net_tls_release(of_client);
}

static void connections_at_once_do_not_share_a_ticket(void **state)
{
    (void)state;
    struct net_tls *of_client = client_tls(NULL);
    assert_false(is_resumed(of_client, here.of_server, HOST)); /* brings two tickets */
    struct pair pairs[3];
    for (int i = 0; i < 3; i++)
        pairs[i] = pair_begin(of_client, here.of_server, HOST);
    for (int i = 0; i < 3; i++) {
        pair_talk(&pairs[i]);
        assert_agreed(&pairs[i]);
        assert_int_equal(tls_stream_is_resumed(pairs[i].client.stream), i < 2);
        pair_free(&pairs[i]);
    }
    net_tls_release(of_client);
}

static void a_session_is_resumed_with_its_own_server_only(void **state)
{
    (void)state;
    struct net_tls *of_client = client_tls(NULL);
    assert_false(is_resumed(of_client, here.of_server, HOST));
    assert_false(is_resumed(of_client, here.of_server, "127.0.0.1"));
    assert_true(is_resumed(of_client, here.of_server, HOST));
    net_tls_release(of_client);
}

static void sessions_of_a_client_are_bounded(void **state)
{
    (void)state;
    struct net_tls *of_client = client_tls(NULL);
    struct pair pairs[100];
    for (int i = 0; i < 100; i++)
        pairs[i] = pair_begin(of_client, here.of_server, HOST);
    for (int i = 0; i < 100; i++)
        pair_talk(&pairs[i]);
    for (int i = 0; i < 100; i++)
        pair_free(&pairs[i]);
    assert_true(is_resumed(of_client, here.of_server, HOST));
    net_tls_release(of_client);
}

static void a_client_that_must_show_a_certificate_resumes_too(void **state)
{
    (void)state;
    struct net_tls *strict = server_tls(&here.server, here.authority.file);
    struct net_tls *known = client_tls(&here.client);
    assert_false(is_resumed(known, strict, HOST));
    assert_true(is_resumed(known, strict, HOST));
    net_tls_release(known);
    net_tls_release(strict);
}

/* A ticket says that a client was let in: not by the new rules. */
static void new_settings_of_a_server_take_no_old_ticket(void **state)
{
    (void)state;
    struct net_tls *old = server_tls(&here.server, here.authority.file);
    struct net_tls *new = server_tls(&here.server, here.stranger.file);
    struct net_tls *known = client_tls(&here.client);
    assert_false(is_resumed(known, old, HOST));
    assert_refused(known, new, HOST,
                   "the server does not trust the authority that signed the certificate it was shown",
                   "the client's certificate is not signed by an authority that this server trusts");
    net_tls_release(known);
    net_tls_release(old);
    net_tls_release(new);
}

/* --- Settings --- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void assert_server_settings(const char *certificate_file, const char *key_file,
                                   const char *client_ca_file, const char *part_of_sentence)
{
    char error[NET_TLS_ERROR_BYTES] = "";
    const struct net_tls_server_settings settings = {certificate_file, key_file, client_ca_file};
    assert_null(net_tls_server(&settings, error));
    if (strstr(error, part_of_sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error, part_of_sentence);
}

static void files_that_do_not_fit_are_named(void **state)
{
    (void)state;
    char missing[PATH_SIZE];
    char empty[PATH_SIZE];
    certificates_path(&here.certificates, "missing", "pem", missing);
    certificates_path(&here.certificates, "empty", "pem", empty);
    write_text(empty, "nothing\n");
    const char *file = here.server.file;
    const char *key = here.server.key_file;
    assert_server_settings(missing, key, NULL, "missing.pem cannot be read: No such file");
    assert_server_settings(empty, key, NULL, "empty.pem holds no certificate");
    assert_server_settings(file, missing, NULL, "missing.pem cannot be read: No such file");
    assert_server_settings(file, empty, NULL, "empty.pem holds no private key");
    assert_server_settings(file, here.client.key_file, NULL, "client.key is not the key of the certificate");
    assert_server_settings(file, NULL, NULL, "the key is missing");
    assert_server_settings(file, key, missing, "missing.pem cannot be read: No such file");
    assert_server_settings(file, key, empty, "empty.pem holds no certificate of an authority");

    struct identity locked = identity_make(&here.certificates, &(struct wanted){.name = "locked",
                                                                                .to_s = DAY_S,
                                                                                .issuer = &here.authority,
                                                                                .pass_phrase = "phrase"});
    assert_server_settings(locked.file, locked.key_file, NULL, "without a pass phrase");
    identity_free(&locked);

    char error[NET_TLS_ERROR_BYTES];
    assert_null(net_tls_client(&(struct net_tls_client_settings){.ca_file = missing}, error));
    assert_non_null(strstr(error, "missing.pem cannot be read: No such file"));
    assert_null(net_tls_client(&(struct net_tls_client_settings){.certificate_file = file}, error));
    assert_non_null(strstr(error, "the key is missing"));
}

static void settings_are_equal_that_show_and_trust_the_same(void **state)
{
    (void)state;
    struct identity other = identity_signed_by(&here.certificates, &here.authority, "again", SERVER_SANS);
    struct net_tls *same = server_tls(&here.server, NULL);
    struct net_tls *another = server_tls(&other, NULL);
    struct net_tls *strict = server_tls(&here.server, here.authority.file);
    struct net_tls *stricter = server_tls(&here.server, here.stranger.file);
    assert_true(net_tls_equal(here.of_server, same));
    assert_false(net_tls_equal(here.of_server, another));
    assert_false(net_tls_equal(here.of_server, strict));
    assert_false(net_tls_equal(strict, stricter));
    assert_true(net_tls_equal(strict, strict));
    net_tls_release(same);
    net_tls_release(another);
    net_tls_release(strict);
    net_tls_release(stricter);
    identity_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_heard_whatever_the_pieces),
        cmocka_unit_test(what_is_sent_does_not_hold_what_is_said),
        cmocka_unit_test(a_goodbye_is_told_from_a_cut),
        cmocka_unit_test(a_forged_byte_ends_the_stream),
        cmocka_unit_test(a_certificate_is_good_for_the_names_and_addresses_in_it),
        cmocka_unit_test(a_certificate_is_good_for_no_other_name),
        cmocka_unit_test(what_stands_for_many_names_is_no_name),
        cmocka_unit_test(who_is_vouched_for_by_a_stranger_is_refused),
        cmocka_unit_test(a_certificate_is_good_in_its_time),
        cmocka_unit_test(who_does_not_check_takes_any_certificate),
        cmocka_unit_test(the_system_does_not_trust_an_authority_of_a_test),
        cmocka_unit_test(a_server_that_asks_lets_only_its_own_clients_in),
        cmocka_unit_test(who_does_not_speak_http2_is_refused),
        cmocka_unit_test(tls_before_1_2_is_refused),
        cmocka_unit_test(plain_http2_is_told_from_tls),
        cmocka_unit_test(a_handshake_with_a_wrong_byte_comes_to_nothing),
        cmocka_unit_test(garbage_in_a_handshake_ends_it_and_grows_nothing),
        cmocka_unit_test(half_a_ticket_holds_up_what_is_said_and_no_more),
        cmocka_unit_test(who_asks_for_new_keys_without_end_is_dropped),
        cmocka_unit_test(a_goodbye_in_the_handshake_is_told_as_one),
        cmocka_unit_test(a_client_of_tls_1_2_gets_no_ticket),
        cmocka_unit_test(a_session_is_resumed_after_the_connection_was_cut),
        cmocka_unit_test(connections_at_once_do_not_share_a_ticket),
        cmocka_unit_test(a_session_is_resumed_with_its_own_server_only),
        cmocka_unit_test(sessions_of_a_client_are_bounded),
        cmocka_unit_test(a_client_that_must_show_a_certificate_resumes_too),
        cmocka_unit_test(new_settings_of_a_server_take_no_old_ticket),
        cmocka_unit_test(files_that_do_not_fit_are_named),
        cmocka_unit_test(settings_are_equal_that_show_and_trust_the_same),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
