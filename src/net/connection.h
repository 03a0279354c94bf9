/* A TCP connection that carries an HTTP/2 connection: moves bytes between the kernel and rpc. libuv says when
 * the socket is ready; reading and writing are done here, without copies and without SIGPIPE, which a library
 * may not leave to its host.
 *
 * Input is fed to rpc in slices, and what it answers is written after each slice: written in one piece at the
 * end, a busy connection's two ends would wait for each other in turn. A peer that does not read stops
 * being read from once NET_WRITE_HIGH_BYTES wait for it, and is dropped when it takes nothing at all for
 * the stall limit. */
#ifndef MAYFLY_NET_CONNECTION_H
#define MAYFLY_NET_CONNECTION_H

#include "net/loop.h"
#include "rpc/h2.h"

#define NET_READ_BYTES       ((size_t)256 << 10)
#define NET_SLICE_BYTES      ((size_t)4 << 10)
#define NET_WRITE_HIGH_BYTES ((size_t)1 << 20)
#define NET_WHY_BYTES        128

struct net_connection;

struct net_connection_events {
    /* Client: the connection is there and HTTP/2 begins. May be NULL. */
    void (*connected)(void *owner);
    /* A slice of input has been handled. May be NULL. */
    void (*received)(void *owner);
    /* The last event: every call has ended, the connection is about to be freed. WHY is a sentence, "" after
     * a graceful end; BROKEN says that the peer broke the protocol. */
    void (*closed)(void *owner, const char *why, bool broken);
};

struct net_connection {
    uv_poll_t poll;
    int fd;
    int watched; /* the events that poll waits for */
    struct list unflushed;
    struct net_loop *loop;
    struct h2_connection *h2; /* NULL until connected */
    const struct net_connection_events *events;
    void *owner;
    struct h2_config config;
    const struct h2_engine *engine;

    struct timer stall; /* armed while the kernel takes no more */
    int64_t stall_limit_ns;

    bool busy; /* inside h2_recv or h2_pending */
    bool closing;
    bool write_blocked;
    bool read_paused;
    bool is_over; /* close when all is written */
    bool broken;
    const char *why;
    char broken_why[NET_WHY_BYTES];
};

/* Takes over the connected socket FD (closed on failure). NULL when memory or descriptors are out. */
struct net_connection *net_connection_accept(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns);

/* Starts to connect to ADDRESS; `connected` or `closed` follows. */
struct net_connection *net_connection_connect(struct net_loop *loop, const struct sockaddr *address,
                                              const struct h2_engine *engine, const struct h2_config *config,
                                              const struct net_connection_events *events, void *owner,
                                              int64_t stall_limit_ns);

/* Writes what is pending, as far as the kernel takes it. */
void net_connection_flush(struct net_connection *connection);

/* Has the connection flushed before its loop waits; to be called after starting or answering calls. */
void net_connection_flush_later(struct net_connection *connection);

/* Ends the connection now, from anywhere. WHY must outlive it; `closed` follows, at the latest when the
 * event that is under way has returned. */
void net_connection_close(struct net_connection *connection, const char *why);

#endif
