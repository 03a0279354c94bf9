/* TLS for connections, by OpenSSL: settings that are read once and shared by the connections made with them.
 * Server settings are replaced as a whole when the certificate is reloaded; connections keep what they began with. */
#ifndef MAYFLY_NET_TLS_H
#define MAYFLY_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#define NET_TLS_ERROR_BYTES 240

struct net_tls;

struct net_tls_client_settings {
    const char *ca_file;          /* NULL: the system's roots */
    const char *certificate_file; /* NULL: none */
    const char *key_file;
    bool is_unchecked;
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

/* Counted references; any thread. NULL is allowed. */
struct net_tls *net_tls_hold(struct net_tls *tls);
void net_tls_release(struct net_tls *tls);

#endif
