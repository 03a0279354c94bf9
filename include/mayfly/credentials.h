/* Where a service is and how a client proves who it is.
 *
 * Credentials are a value. Those that were read from a text own memory, given back by mayfly_credentials_free;
 * the client takes what it needs while it opens, so they may be freed, and the files may go, as soon as
 * mayfly_client_open returns. An API key appears in no message and no log. */
#ifndef MAYFLY_CREDENTIALS_H
#define MAYFLY_CREDENTIALS_H

#include <mayfly/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How connections are protected. All texts may be NULL. */
typedef struct mayfly_tls {
    bool is_on;
    const char *ca_file;          /* PEM: who may vouch for the server. NULL: the system's roots */
    const char *certificate_file; /* PEM, the client's own, with its chain. NULL: none */
    const char *key_file;         /* PEM, to go with it */
    const char *server_name;      /* asked for and checked, for all hosts. NULL: the host of the connection */
    bool is_unchecked;            /* take any certificate: for tests, never in production */
} mayfly_tls;

typedef struct mayfly_credentials {
    const char *cache_host; /* of data and topics: a name, or an IPv4 or IPv6 address */
    const char
        *control_host; /* of creating, deleting, listing and flushing caches. NULL: the same connections */
    const char *token_host; /* NULL: none. No call of this library goes there */
    uint16_t port;          /* of all of them */
    const char *api_key;    /* sent with every call, in plain where TLS is off. NULL: none */
    mayfly_tls tls;
    char *owned; /* what mayfly_credentials_free gives back; not yours to set */
} mayfly_credentials;

/* A server on this machine or in a trusted network, without key and without TLS. HOST must live as long as the
 * credentials. */
MAYFLY_API mayfly_credentials mayfly_credentials_local(const char *host, uint16_t port);

/* Reads an API key in any of its forms: base64 of JSON with `endpoint` and `api_key`; a token that carries its hosts
 * (claims `cp` and `c`); or a token of claim `t` = `g` together with ENDPOINT, HOST or HOST:PORT, which is not looked at
 * for the others and may be NULL. `cache.`, `control.` and `token.` are put before an endpoint unless it is an IP address
 * or localhost. TLS is on; the port is 443 unless the endpoint names another. White space around TEXT and ENDPOINT is
 * passed over.
 *
 * On failure INVALID_ARGUMENT (RESOURCE_EXHAUSTED when memory is out) with a sentence in *error (which may be NULL)
 * that repeats nothing of the key, and *credentials is empty. Any thread. */
MAYFLY_API mayfly_status mayfly_credentials_from_text(const char *text, const char *endpoint,
                                                      mayfly_credentials *credentials, mayfly_error *error);

/* The same from the environment: MOMENTO_API_KEY and, for a key that needs it, MOMENTO_ENDPOINT. Not while another
 * thread changes the environment. */
MAYFLY_API mayfly_status mayfly_credentials_from_environment(mayfly_credentials *credentials,
                                                             mayfly_error *error);

/* Gives back what was read and wipes the key; nothing happens to credentials that own nothing. */
MAYFLY_API void mayfly_credentials_free(mayfly_credentials *credentials);

#ifdef __cplusplus
}
#endif

#endif
