/* TLS for connections, by OpenSSL: settings that are read once and shared by the connections made with them.
 * Server settings are replaced as a whole when the certificate is reloaded; connections keep what they began with.
 *
 * Both ends speak TLS 1.2 or 1.3 with forward secrecy and, by ALPN, HTTP/2 and nothing else. A client resumes its
 * sessions; a server gives tickets of TLS 1.3 that any thread with the same settings takes, and keeps no sessions
 * itself. */
#ifndef MAYFLY_NET_TLS_H
#define MAYFLY_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#define NET_TLS_ERROR_BYTES 240

struct net_tls;

struct net_tls_client_settings {
    const char *ca_file;          /* PEM; NULL: the system's roots */
    const char *certificate_file; /* PEM, with its chain; NULL: none */
    const char *key_file;         /* PEM, to go with it */
    bool is_unchecked;            /* take any certificate */
};

struct net_tls_server_settings {
    const char *certificate_file; /* PEM, with its chain */
    const char *key_file;
    const char *client_ca_file; /* clients must have a certificate from these; NULL: none is asked for */
};

/* NULL with a sentence in ERROR where a file cannot be read or does not fit the others. */
struct net_tls *net_tls_client(const struct net_tls_client_settings *settings,
                               char error[NET_TLS_ERROR_BYTES]);
struct net_tls *net_tls_server(const struct net_tls_server_settings *settings,
                               char error[NET_TLS_ERROR_BYTES]);

/* Whether two servers' settings show and trust the same certificates. */
bool net_tls_equal(const struct net_tls *a, const struct net_tls *b);

/* Counted references; any thread. NULL is allowed. */
struct net_tls *net_tls_hold(struct net_tls *tls);
void net_tls_release(struct net_tls *tls);

#endif
