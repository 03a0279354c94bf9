/* A TCP connection that carries an HTTP/2 connection, plain or in TLS: moves bytes between the kernel and rpc.
 *
 * What a read brings is fed to rpc in two halves, and what it answers is written after each: written in one
 * piece at the end, the two ends of a busy connection wait for each other in turn; in more pieces, the system
 * calls cost more than they save (docs/performance.md has the figures). A peer that does not read stops
 * being read from once NET_WRITE_HIGH_BYTES wait for it, and is dropped when it takes nothing at all for
 * the stall limit. A server whose connection is over waits for the peer to close its end too, for ten seconds or the
 * stall limit at most.
 *
 * libuv only watches the socket. Reading and writing it are ours, since libuv's own writes raise SIGPIPE,
 * which would end a program that uses the library, and need a copy of what the kernel does not take at
 * once. */
#ifndef MAYFLY_NET_CONNECTION_H
#define MAYFLY_NET_CONNECTION_H

#include "net/loop.h"
#include "net/tls.h"
#include "rpc/h2.h"

#define NET_READ_BYTES       ((size_t)256 << 10)
#define NET_SLICES           2             /* of what one read has brought, each answered by a write */
#define NET_SLICE_MIN_BYTES  ((size_t)512) /* less than this is not worth a write of its own */
#define NET_WRITE_HIGH_BYTES ((size_t)1 << 20)
#define NET_WHY_BYTES        NET_TLS_ERROR_BYTES
#define NET_SEAL_BYTES                                                                                       \
    ((size_t)64 << 10) /* are put into TLS at a time; what was sealed cannot be taken back */

struct net_connection_events {
    /* Client: the connection is there and HTTP/2 begins; with TLS, on both ends, that the handshake is done and the
     * peer has proven who it is. May be NULL. */
    void (*connected)(void *owner);
    /* A slice of input has been handled. May be NULL. */
    void (*received)(void *owner);
    /* Output was made and written as far as possible, by which calls may have ended. May be NULL. */
    void (*flushed)(void *owner);
    /* The last event: every call has ended, the connection is about to be freed. WHY is a sentence, "" after
     * a graceful end; BROKEN says that the peer broke the protocol, of which a TLS handshake that came to nothing and
     * an end in the middle of calls that TLS did not announce are part. */
    void (*closed)(void *owner, const char *why, bool broken);
};

struct net_connection {
    uv_poll_t poll;
    int fd;
    int watched; /* UV_READABLE, UV_WRITABLE: what `poll` waits for */
    struct list unflushed;
    struct net_loop *loop;
    struct h2_connection *h2; /* NULL until connected */
    struct tls_stream *tls;   /* NULL: in plain */
    const struct net_connection_events *events;
    void *owner;
    struct h2_config config;
    const struct h2_engine *engine;
    struct timer stall;
    int64_t stall_limit_ns;
    struct timer handshake; /* armed while TLS begins */

    bool busy; /* inside h2_recv or h2_pending */
    bool closing;
    bool connecting;
    bool blocked;     /* the kernel takes no more for now */
    bool is_deaf;     /* too much waits to be written: nothing is read until it is */
    bool is_finished; /* close when all is written */
    bool is_paused;   /* on its owner's wish: neither reads nor writes */
    bool is_leaving;  /* all is written, and our output closed; what still comes is thrown away */
    bool is_mute;     /* the peer takes nothing any more; what it said before may still be read */
    bool broken;
    bool is_untrusted; /* it has ended for the peer's certificate, which the next try would find again */
    const char *why;
    char why_text[NET_WHY_BYTES];
};

/* Takes over the connected, non-blocking socket FD (closed on failure). NULL when memory or descriptors are
 * out. */
struct net_connection *net_connection_accept(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns);

/* Starts to connect to ADDRESS; `connected` or `closed` follows. NULL with a negative errno in *error when
 * it cannot even start. */
struct net_connection *net_connection_connect(struct net_loop *loop, const struct sockaddr *address,
                                              const struct h2_engine *engine, const struct h2_config *config,
                                              const struct net_connection_events *events, void *owner,
                                              int64_t stall_limit_ns, int *error);

/* Has the connection speak TLS; to be called right after it was made, before its loop turns. NAME is, on a client, what
 * the server's certificate must be valid for: a host's name or an address; NULL on a server. A handshake that takes
 * longer than ten seconds, or than the stall limit, ends the connection. Where memory is out it ends at once: `closed`
 * comes from within. */
void net_connection_secure(struct net_connection *connection, struct net_tls *tls, const char *name);

/* Whether its TLS took up an earlier session, which saves both ends most of the work. */
bool net_connection_is_resumed(const struct net_connection *connection);

/* Writes what is pending, as far as the kernel takes it. */
void net_connection_flush(struct net_connection *connection);

/* Has the connection flushed before its loop waits; to be called after starting or answering calls. */
void net_connection_flush_later(struct net_connection *connection);

/* Has the connection neither read nor write until it is told otherwise; what comes meanwhile waits in the kernel. */
void net_connection_pause(struct net_connection *connection, bool paused);

/* Ends the connection now, from anywhere. WHY must outlive it; `closed` follows, at the latest when the
 * event that is under way has returned. */
void net_connection_close(struct net_connection *connection, const char *why);

#endif
