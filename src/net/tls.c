/* Settings made into contexts of OpenSSL's, and sentences for files that are not what they should be. */
#include "net/tls_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of TLS 1.2, what HTTP/2 allows (RFC 9113 section 9.2.2): forward secrecy and authenticated encryption. */
#define CIPHERS_1_2     "ECDHE+AESGCM:ECDHE+CHACHA20"
#define SESSION_CONTEXT "mayfly"

/* --- Files --- */

/* Says what is wrong with a file that was to hold WHAT. */
static bool refuse_file(char error[NET_TLS_ERROR_BYTES], const char *path, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (access(path, R_OK) != 0)
        (void)snprintf(error, NET_TLS_ERROR_BYTES, "%s cannot be read: %s", path, strerror(errno));
    else
        (void)snprintf(error, NET_TLS_ERROR_BYTES, "%s holds no %s in PEM that can be used: %s", path, what,
                       reason != NULL ? reason : "not of that form");
    return false;
}

/* A key that is locked by a pass phrase is an error, not a question on a terminal. */
static int on_password(char *to, int size, int is_writing, void *context)
{
    (void)to;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static bool load_identity(SSL_CTX *context, const char *certificate_file, const char *key_file,
                          char error[NET_TLS_ERROR_BYTES])
{
    if (certificate_file == NULL || key_file == NULL) {
        (void)snprintf(error, NET_TLS_ERROR_BYTES, "a certificate and its key go together: %s is missing",
                       key_file == NULL ? "the key" : "the certificate");
        return false;
    }
    SSL_CTX_set_default_passwd_cb(context, on_password);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return refuse_file(error, certificate_file, "certificate");
    ERR_clear_error();
    bool is_read = SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) == 1;
    if (is_read && SSL_CTX_check_private_key(context) == 1)
        return true;
    if (!is_read && ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_X509)
        return refuse_file(error, key_file, "private key without a pass phrase");
    (void)snprintf(error, NET_TLS_ERROR_BYTES, "%s is not the key of the certificate in %s", key_file,
                   certificate_file);
    return false;
}

/* --- Contexts --- */

/* False when memory is out: a context that is not strict is none. */
static bool context_be_strict(SSL_CTX *context)
{
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* an idle connection needs none */
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, CIPHERS_1_2) == 1;
}

static struct net_tls *tls_create(const SSL_METHOD *method, bool is_client)
{
    struct net_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return NULL;
    tls->references = 1;
    tls->is_client = is_client;
    tls_sessions_init(&tls->sessions);
    tls->channel = tls_stream_channel();
    tls->context = SSL_CTX_new(method);
    if (tls->channel != NULL && tls->context != NULL && context_be_strict(tls->context))
        return tls;
    net_tls_release(tls);
    return NULL;
}

struct net_tls *net_tls_hold(struct net_tls *tls)
{
    if (tls != NULL)
        (void)atomic_fetch_add(&tls->references, 1);
    return tls;
}

void net_tls_release(struct net_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub(&tls->references, 1) > 1)
        return;
    tls_sessions_free(&tls->sessions);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->channel);
    free(tls);
}

static struct net_tls *give_up(struct net_tls *tls)
{
    net_tls_release(tls);
    return NULL;
}

static struct net_tls *memory_is_out(char error[NET_TLS_ERROR_BYTES])
{
    (void)snprintf(error, NET_TLS_ERROR_BYTES, "there is no memory for TLS");
    return NULL;
}

/* --- Clients --- */

static bool client_trust(struct net_tls *tls, const struct net_tls_client_settings *settings,
                         char error[NET_TLS_ERROR_BYTES])
{
    SSL_CTX *context = tls->context;
    ERR_clear_error();
    if (settings->ca_file != NULL) {
        if (SSL_CTX_load_verify_file(context, settings->ca_file) != 1)
            return refuse_file(error, settings->ca_file, "certificate of an authority");
    } else if (SSL_CTX_set_default_verify_paths(context) != 1) {
        return memory_is_out(error) != NULL;
    }
    tls->is_unchecked = settings->is_unchecked;
    SSL_CTX_set_verify(context, settings->is_unchecked ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    return true;
}

struct net_tls *net_tls_client(const struct net_tls_client_settings *settings,
                               char error[NET_TLS_ERROR_BYTES])
{
    struct net_tls *tls = tls_create(TLS_client_method(), true);
    if (tls == NULL ||
        SSL_CTX_set_alpn_protos(tls->context, (const unsigned char *)TLS_ALPN, sizeof TLS_ALPN - 1) != 0) {
        net_tls_release(tls);
        return memory_is_out(error);
    }
    (void)SSL_CTX_set_session_cache_mode(tls->context,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(tls->context, tls_stream_on_session);
    if (!client_trust(tls, settings, error))
        return give_up(tls);
    bool has_identity = settings->certificate_file != NULL || settings->key_file != NULL;
    if (has_identity && !load_identity(tls->context, settings->certificate_file, settings->key_file, error))
        return give_up(tls);
    return tls;
}

/* --- Servers --- */

/* The version is agreed by now. A ticket of TLS 1.2 holds the secret of all that is said, sealed with a key that lasts as
 * long as these settings: that would be the end of forward secrecy, so there is none. In TLS 1.3 a session that is
 * resumed makes secrets of its own (RFC 8446 section 2.2). */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                   const unsigned char *offered, unsigned offered_size, void *context)
{
    (void)context;
    if (SSL_version(ssl) < TLS1_3_VERSION)
        (void)SSL_set_options(ssl, SSL_OP_NO_TICKET);
    unsigned char *found;
    int overlap = SSL_select_next_proto(&found, chosen_size, (const unsigned char *)TLS_ALPN,
                                        sizeof TLS_ALPN - 1, offered, offered_size);
    *chosen = found;
    return overlap == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool server_demand(SSL_CTX *context, const char *client_ca_file, char error[NET_TLS_ERROR_BYTES])
{
    ERR_clear_error();
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(client_ca_file);
    if (names == NULL || SSL_CTX_load_verify_file(context, client_ca_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse_file(error, client_ca_file, "certificate of an authority");
    }
    SSL_CTX_set_client_CA_list(context, names); /* takes them over */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return true;
}

struct net_tls *net_tls_server(const struct net_tls_server_settings *settings,
                               char error[NET_TLS_ERROR_BYTES])
{
    struct net_tls *tls = tls_create(TLS_server_method(), false);
    if (tls == NULL)
        return memory_is_out(error);
    SSL_CTX *context = tls->context;
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets hold all there is */
    (void)SSL_CTX_set_session_id_context(context, (const unsigned char *)SESSION_CONTEXT,
                                         sizeof SESSION_CONTEXT - 1);
    if (!load_identity(context, settings->certificate_file, settings->key_file, error) ||
        (settings->client_ca_file != NULL && !server_demand(context, settings->client_ca_file, error)))
        return give_up(tls);
    return tls;
}

/* --- Comparing --- */

static bool certificates_equal(const STACK_OF(X509) * a, const STACK_OF(X509) * b)
{
    int count = a != NULL ? sk_X509_num(a) : 0;
    if (count != (b != NULL ? sk_X509_num(b) : 0))
        return false;
    for (int i = 0; i < count; i++)
        if (X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i)) != 0)
            return false;
    return true;
}

static bool trust_equal(SSL_CTX *a, SSL_CTX *b)
{
    STACK_OF(X509) *of_a = X509_STORE_get1_all_certs(SSL_CTX_get_cert_store(a));
    STACK_OF(X509) *of_b = X509_STORE_get1_all_certs(SSL_CTX_get_cert_store(b));
    bool equal = of_a != NULL && of_b != NULL && certificates_equal(of_a, of_b) &&
                 SSL_CTX_get_verify_mode(a) == SSL_CTX_get_verify_mode(b);
    sk_X509_pop_free(of_a, X509_free);
    sk_X509_pop_free(of_b, X509_free);
    return equal;
}

bool net_tls_equal(const struct net_tls *a, const struct net_tls *b)
{
    STACK_OF(X509) *chain_a = NULL;
    STACK_OF(X509) *chain_b = NULL;
    (void)SSL_CTX_get0_chain_certs(a->context, &chain_a);
    (void)SSL_CTX_get0_chain_certs(b->context, &chain_b);
    return X509_cmp(SSL_CTX_get0_certificate(a->context), SSL_CTX_get0_certificate(b->context)) == 0 &&
           certificates_equal(chain_a, chain_b) && trust_equal(a->context, b->context);
}
