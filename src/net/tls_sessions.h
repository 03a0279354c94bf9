/* The sessions that a client may resume, which saves the server a signature and both a certificate. A ticket of TLS
 * 1.3 is used once, so that nobody who watches can tell that two connections are of one client (RFC 8446 appendix
 * C.4); connections that are made at once each take one. The oldest goes when there are too many. Any thread. */
#ifndef MAYFLY_NET_TLS_SESSIONS_H
#define MAYFLY_NET_TLS_SESSIONS_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>

#define TLS_SESSIONS_MAX 32

struct tls_sessions {
    pthread_mutex_t lock;
    size_t count;
    struct tls_session {
        SSL_SESSION *session;
        char *name;           /* of the server that it is with */
    } kept[TLS_SESSIONS_MAX]; /* the newest last */
};

void tls_sessions_init(struct tls_sessions *sessions);
void tls_sessions_free(struct tls_sessions *sessions);

/* Keeps a session with the server NAME, and with it the caller's reference. False when memory is out: the
 * reference is the caller's still. */
bool tls_sessions_keep(struct tls_sessions *sessions, const char *name, SSL_SESSION *session);

/* The newest session with the server NAME, the caller's to free, or NULL. */
SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const char *name);

#endif
