/* What the TLS files of this room share: the settings as OpenSSL has them. Nobody else includes it. */
#ifndef MAYFLY_NET_TLS_INSIDE_H
#define MAYFLY_NET_TLS_INSIDE_H

#include "net/tls.h"
#include "net/tls_sessions.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

#define TLS_ALPN "\x02h2" /* as it goes over the wire: a length, then the name (RFC 7301) */

struct net_tls {
    _Atomic unsigned references;
    SSL_CTX *context;
    BIO_METHOD *channel; /* how OpenSSL reads and writes: tls_stream.c */
    bool is_client;
    bool is_unchecked;            /* client */
    struct tls_sessions sessions; /* client */
};

/* The way between OpenSSL and a stream's bytes; NULL when memory is out. */
BIO_METHOD *tls_stream_channel(void);

/* For the client's context: a session that the server gave can be resumed. */
int tls_stream_on_session(SSL *ssl, SSL_SESSION *session);

#endif
