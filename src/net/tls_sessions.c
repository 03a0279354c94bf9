#include "net/tls_sessions.h"

#include <stdlib.h>
#include <string.h>

void tls_sessions_init(struct tls_sessions *sessions)
{
    sessions->count = 0;
    (void)pthread_mutex_init(&sessions->lock, NULL);
}

/* Takes the session at a place out; its parts are the caller's. */
static struct tls_session remove_at(struct tls_sessions *sessions, size_t at)
{
    struct tls_session removed = sessions->kept[at];
    sessions->count--;
    memmove(&sessions->kept[at], &sessions->kept[at + 1], (sessions->count - at) * sizeof removed);
    return removed;
}

static void drop_at(struct tls_sessions *sessions, size_t at)
{
    struct tls_session dropped = remove_at(sessions, at);
    SSL_SESSION_free(dropped.session);
    free(dropped.name);
}

void tls_sessions_free(struct tls_sessions *sessions)
{
    while (sessions->count > 0)
        drop_at(sessions, sessions->count - 1);
    (void)pthread_mutex_destroy(&sessions->lock);
}

bool tls_sessions_keep(struct tls_sessions *sessions, const char *name, SSL_SESSION *session)
{
    char *copy = strdup(name);
    if (copy == NULL)
        return false;
    (void)pthread_mutex_lock(&sessions->lock);
    if (sessions->count == TLS_SESSIONS_MAX)
        drop_at(sessions, 0);
    sessions->kept[sessions->count++] = (struct tls_session){session, copy};
    (void)pthread_mutex_unlock(&sessions->lock);
    return true;
}

/* Of TLS 1.2, a session may be resumed again and again: it stays. */
static SSL_SESSION *take_at(struct tls_sessions *sessions, size_t at)
{
    SSL_SESSION *session = sessions->kept[at].session;
    if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
        (void)SSL_SESSION_up_ref(session);
        return session;
    }
    free(remove_at(sessions, at).name);
    return session;
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const char *name)
{
    SSL_SESSION *session = NULL;
    (void)pthread_mutex_lock(&sessions->lock);
    for (size_t at = sessions->count; session == NULL && at-- > 0;) {
        if (strcmp(sessions->kept[at].name, name) != 0)
            continue;
        if (SSL_SESSION_is_resumable(sessions->kept[at].session))
            session = take_at(sessions, at);
        else
            drop_at(sessions, at);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return session;
}
