/* OpenSSL between two runs of bytes: it reads from the input that is being taken and writes behind what waits to be
 * sent. It never waits, so a call into it ends when the input does, and sealing never ends halfway. */
#include "net/tls_stream.h"

#include "base/buffer.h"
#include "net/tls_inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTPUT_KEEP_BYTES ((size_t)4 << 10) /* of memory, while nothing waits */

/* Far more than a handshake and what is sealed at a time: what waits beyond it are answers to a peer that asks for new
 * keys again and again and takes none. */
#define OUTPUT_MAX_BYTES  ((size_t)1 << 20)

/* The first byte of any record that a handshake may begin with (RFC 8446 section 5.1). */
#define RECORD_ALERT      21
#define RECORD_HANDSHAKE  22

#define NAME_FLAGS        (X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

struct tls_stream {
    SSL *ssl;
    struct net_tls *tls;
    struct bytes input; /* what is being taken */
    struct buffer output;
    size_t sent;
    bool has_heard; /* anything at all */
    bool is_ready;
    bool is_over;
    bool is_untrusted;
    char *name; /* client: the server's */
    char error[NET_TLS_ERROR_BYTES];
};

/* --- The way to OpenSSL --- */

static int channel_read(BIO *bio, char *to, int size)
{
    struct tls_stream *stream = BIO_get_data(bio);
    size_t taken = stream->input.size < (size_t)size ? stream->input.size : (size_t)size;
    BIO_clear_retry_flags(bio);
    if (taken == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, stream->input.data, taken);
    stream->input = bytes_make(stream->input.data + taken, stream->input.size - taken);
    return (int)taken;
}

static int channel_write(BIO *bio, const char *from, int size)
{
    struct tls_stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return buffer_append(&stream->output, bytes_make(from, (size_t)size)) ? size : -1;
}

static long channel_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *tls_stream_channel(void)
{
    BIO_METHOD *channel = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mayfly");
    if (channel == NULL)
        return NULL;
    (void)BIO_meth_set_read(channel, channel_read);
    (void)BIO_meth_set_write(channel, channel_write);
    (void)BIO_meth_set_ctrl(channel, channel_control);
    return channel;
}

int tls_stream_on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_stream *stream = SSL_get_app_data(ssl);
    return tls_sessions_keep(&stream->tls->sessions, stream->name, session) ? 1 : 0;
}

/* --- What went wrong, in words --- */

static const char *peer_of(const struct tls_stream *stream)
{
    return stream->tls->is_client ? "server" : "client";
}

static const char *self_of(const struct tls_stream *stream)
{
    return stream->tls->is_client ? "client" : "server";
}

/* Notes why the stream has failed: "the client" or "the server", and what it does. */
static void stream_blame(struct tls_stream *stream, const char *what)
{
    (void)snprintf(stream->error, sizeof stream->error, "the %s %s", peer_of(stream), what);
}

static void blame_certificate(struct tls_stream *stream)
{
    long result = SSL_get_verify_result(stream->ssl);
    int length = snprintf(stream->error, sizeof stream->error, "the %s's certificate ", peer_of(stream));
    char *to = stream->error + length;
    size_t size = sizeof stream->error - (size_t)length;
    stream->is_untrusted = true;
    switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        (void)snprintf(to, size, "is not valid for the name %s", stream->name);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        (void)snprintf(to, size, "is not signed by an authority that this %s trusts", self_of(stream));
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        (void)snprintf(to, size, "has expired");
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        (void)snprintf(to, size, "is not valid yet");
        break;
    default:
        (void)snprintf(to, size, "is not accepted: %s", X509_verify_cert_error_string(result));
    }
}

/* What OpenSSL calls it, and what the peer did. */
static const struct {
    int reason;
    const char *what;
} causes[] = {
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "wants a client certificate"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "broke off the TLS handshake; it may want a client certificate, or other ciphers"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "shows no certificate"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "does not trust the authority that signed the certificate it was shown"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "does not accept the certificate that it was shown"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "does not accept the certificate that it was shown"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "does not accept the certificate that it was shown"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "says that the certificate it was shown is revoked"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "says that the certificate it was shown has expired"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, "does not speak HTTP/2 over TLS (ALPN h2)"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "does not speak HTTP/2 over TLS (ALPN h2)"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "does not speak TLS 1.2 or 1.3"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "does not speak TLS 1.2 or 1.3"},
    {SSL_R_NO_SHARED_CIPHER, "speaks no cipher that fits"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "sent what was damaged or forged on its way"},
};

static void stream_fail(struct tls_stream *stream)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    const char *name = ERR_reason_error_string(error);
    if (error == 0 || reason == ERR_R_MALLOC_FAILURE) {
        (void)snprintf(stream->error, sizeof stream->error, "there is no memory for TLS");
        return;
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        blame_certificate(stream);
        return;
    }
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (ERR_GET_LIB(error) == ERR_LIB_SSL && causes[i].reason == reason) {
            stream_blame(stream, causes[i].what);
            return;
        }
    }
    (void)snprintf(stream->error, sizeof stream->error, "TLS with the %s failed: %s", peer_of(stream),
                   name != NULL ? name : "for no reason that it told");
}

/* --- Beginning and end --- */

/* Asks for the server NAME and has its certificate checked for it: a host's name or an address, of which only the
 * first may be asked for (RFC 6066 section 3), without the dot that a name from the root may end with. The subject's
 * common name is no place for either (RFC 9525). OpenSSL takes an empty name for the wish to check none, and a dot at
 * the beginning for all that is below. */
static bool client_expect(struct tls_stream *stream, const char *name)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(stream->ssl);
    size_t size = strlen(name);
    stream->name = strndup(name, size > 0 && name[size - 1] == '.' ? size - 1 : size);
    if (stream->name == NULL || stream->name[0] == '\0' || stream->name[0] == '.')
        return false;
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, name) == 1)
        return true;
    X509_VERIFY_PARAM_set_hostflags(expected, NAME_FLAGS);
    return X509_VERIFY_PARAM_set1_host(expected, stream->name, 0) == 1 &&
           SSL_set_tlsext_host_name(stream->ssl, stream->name) == 1;
}

static void client_resume(struct tls_stream *stream)
{
    SSL_SESSION *session = tls_sessions_take(&stream->tls->sessions, stream->name);
    if (session == NULL)
        return;
    (void)SSL_set_session(stream->ssl, session);
    SSL_SESSION_free(session);
}

static bool stream_prepare(struct tls_stream *stream, const char *name)
{
    stream->ssl = SSL_new(stream->tls->context);
    BIO *bio = BIO_new(stream->tls->channel);
    if (stream->ssl == NULL || bio == NULL) {
        (void)BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(stream->ssl, bio, bio);
    if (SSL_set_app_data(stream->ssl, stream) != 1)
        return false;
    if (!stream->tls->is_client) {
        SSL_set_accept_state(stream->ssl);
        return true;
    }
    SSL_set_connect_state(stream->ssl);
    if (!client_expect(stream, name))
        return false;
    client_resume(stream);
    (void)tls_stream_open(stream, bytes_make(NULL, 0), NULL);
    return stream->error[0] == '\0';
}

struct tls_stream *tls_stream_create(struct net_tls *tls, const char *name)
{
    struct tls_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    stream->tls = net_tls_hold(tls);
    if (stream_prepare(stream, name))
        return stream;
    tls_stream_free(stream);
    return NULL;
}

void tls_stream_free(struct tls_stream *stream)
{
    if (stream == NULL)
        return;
    /* A connection that was cut off takes nothing from its session, which can be resumed all the same. */
    if (stream->ssl != NULL && stream->error[0] == '\0')
        SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(stream->ssl);
    net_tls_release(stream->tls);
    buffer_free(&stream->output);
    free(stream->name);
    free(stream);
}

/* --- Opening --- */

static bool stream_agrees_on_http2(const struct tls_stream *stream)
{
    const unsigned char *chosen;
    unsigned size;
    SSL_get0_alpn_selected(stream->ssl, &chosen, &size);
    return bytes_equal(bytes_make(chosen, size), bytes_of("h2"));
}

/* OpenSSL forgets the name that it is to check when it has no memory for a copy, and takes any. */
static bool stream_knows_peer(const struct tls_stream *stream)
{
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
    if (!stream->tls->is_client || stream->tls->is_unchecked)
        return true;
    return certificate != NULL && (X509_check_ip_asc(certificate, stream->name, 0) == 1 ||
                                   X509_check_host(certificate, stream->name, 0, NAME_FLAGS, NULL) == 1);
}

static void stream_shake_hands(struct tls_stream *stream)
{
    if (!stream->has_heard && stream->input.size > 0) {
        uint8_t first = stream->input.data[0];
        stream->has_heard = true;
        if (first != RECORD_HANDSHAKE && first != RECORD_ALERT) {
            stream_blame(stream, "does not speak TLS on this port");
            return;
        }
    }
    int done = SSL_do_handshake(stream->ssl);
    int error = SSL_get_error(stream->ssl, done);
    if (done == 1 && !stream_knows_peer(stream)) {
        (void)snprintf(stream->error, sizeof stream->error, "there is no memory for TLS");
    } else if (done == 1) {
        stream->is_ready = stream_agrees_on_http2(stream);
        if (!stream->is_ready)
            stream_blame(stream, "does not speak HTTP/2 over TLS (ALPN h2)");
    } else if (error == SSL_ERROR_ZERO_RETURN) {
        stream_blame(stream, "said goodbye during the TLS handshake");
    } else if (error != SSL_ERROR_WANT_READ) {
        stream_fail(stream);
    }
}

size_t tls_stream_open(struct tls_stream *stream, struct bytes input, uint8_t *to)
{
    size_t size = 0;
    stream->input = input;
    ERR_clear_error();
    if (!stream->is_ready)
        stream_shake_hands(stream);
    while (stream->is_ready && !stream->is_over && stream->error[0] == '\0') {
        int more = SSL_read(stream->ssl, to + size, TLS_RECORD_BYTES);
        int error = SSL_get_error(stream->ssl, more);
        if (error == SSL_ERROR_WANT_READ)
            break;
        if (error == SSL_ERROR_NONE)
            size += (size_t)more;
        else if (error == SSL_ERROR_ZERO_RETURN)
            stream->is_over = true;
        else
            stream_fail(stream);
    }
    stream->input = bytes_make(NULL, 0);
    if (stream->output.size - stream->sent > OUTPUT_MAX_BYTES && stream->error[0] == '\0')
        stream_blame(stream, "asks for new keys without end and takes no answer");
    return size;
}

bool tls_stream_is_ready(const struct tls_stream *stream)
{
    return stream->is_ready;
}

bool tls_stream_is_resumed(const struct tls_stream *stream)
{
    return SSL_session_reused(stream->ssl) == 1;
}

bool tls_stream_is_over(const struct tls_stream *stream)
{
    return stream->is_over;
}

bool tls_stream_is_untrusted(const struct tls_stream *stream)
{
    return stream->is_untrusted;
}

const char *tls_stream_error(const struct tls_stream *stream)
{
    return stream->error;
}

/* --- Sealing --- */

bool tls_stream_seal(struct tls_stream *stream, struct bytes plain)
{
    size_t taken;
    ERR_clear_error();
    if (stream->error[0] != '\0')
        return false;
    if (plain.size == 0 || SSL_write_ex(stream->ssl, plain.data, plain.size, &taken) == 1)
        return true;
    if (SSL_get_error(stream->ssl, 0) != SSL_ERROR_WANT_READ)
        stream_fail(stream);
    return false;
}

void tls_stream_end(struct tls_stream *stream)
{
    ERR_clear_error();
    if (stream->error[0] == '\0' && stream->is_ready)
        (void)SSL_shutdown(stream->ssl);
}

struct bytes tls_stream_pending(const struct tls_stream *stream)
{
    if (stream->output.size == stream->sent)
        return bytes_make(NULL, 0);
    return bytes_make(stream->output.data + stream->sent, stream->output.size - stream->sent);
}

void tls_stream_sent(struct tls_stream *stream, size_t size)
{
    stream->sent += size;
    if (stream->sent == stream->output.size) {
        stream->sent = 0;
        buffer_reset(&stream->output, OUTPUT_KEEP_BYTES);
    }
}
