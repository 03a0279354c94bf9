#include "net/connection.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char peer_closed[] = "the peer closed the connection";

/* --- Ending --- */

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Must not run inside h2_recv or h2_pending. */
static void connection_end(struct net_connection *connection)
{
    list_remove(&connection->unflushed);
    net_loop_disarm(connection->loop, &connection->stall);
    connection->busy = true; /* nothing that its calls' ends set off may come back to it */
    if (connection->h2 != NULL)
        h2_close(connection->h2);
    connection->h2 = NULL;
    connection->events->closed(connection->owner, connection->why, connection->broken);
    uv_close((uv_handle_t *)&connection->poll, on_handle_closed);
    (void)close(connection->fd);
}

void net_connection_close(struct net_connection *connection, const char *why)
{
    if (connection->closing)
        return;
    connection->closing = true;
    connection->why = why;
    if (!connection->busy)
        connection_end(connection);
}

/* Ends a connection whose HTTP/2 is over, with rpc's word for why. */
static void connection_over(struct net_connection *connection)
{
    const char *error = h2_error(connection->h2);
    connection->broken = error[0] != '\0';
    (void)snprintf(connection->broken_why, sizeof connection->broken_why, "%s", error);
    net_connection_close(connection, connection->broken_why);
}

/* Leaves h2_recv or h2_pending; false when the connection was closed meanwhile and is gone. */
static bool connection_leave(struct net_connection *connection)
{
    connection->busy = false;
    if (!connection->closing)
        return true;
    connection_end(connection);
    return false;
}

static void on_stalled(struct timer *timer)
{
    net_connection_close(list_entry(timer, struct net_connection, stall), "the peer stopped reading");
}

/* --- Waiting --- */

static void on_ready(uv_poll_t *poll, int status, int events);

/* Has libuv watch for what is of use now. */
static void connection_watch(struct net_connection *connection)
{
    int wanted = 0;
    if (connection->h2 == NULL || connection->write_blocked)
        wanted |= UV_WRITABLE;
    if (connection->h2 != NULL && !connection->read_paused && !connection->is_over)
        wanted |= UV_READABLE;
    if (wanted == connection->watched)
        return;
    connection->watched = wanted;
    if (wanted != 0)
        (void)uv_poll_start(&connection->poll, wanted, on_ready);
    else
        (void)uv_poll_stop(&connection->poll);
}

/* --- Writing --- */

/* Notes that the kernel takes no more, and what follows from it. */
static void connection_block(struct net_connection *connection, size_t waiting_bytes, bool progress)
{
    if (!connection->write_blocked || progress)
        (void)net_loop_arm(connection->loop, &connection->stall,
                           clock_add(clock_now_ns(), connection->stall_limit_ns));
    connection->write_blocked = true;
    connection->read_paused = waiting_bytes >= NET_WRITE_HIGH_BYTES;
    connection_watch(connection);
}

static void connection_unblock(struct net_connection *connection)
{
    if (!connection->write_blocked)
        return;
    net_loop_disarm(connection->loop, &connection->stall);
    connection->write_blocked = connection->read_paused = false;
    connection_watch(connection);
}

/* Writes until nothing is pending or the kernel takes no more; false when the connection is broken. */
static bool connection_write(struct net_connection *connection)
{
    bool progress = false;
    for (;;) {
        struct bytes pending = h2_pending(connection->h2);
        if (pending.size == 0) {
            connection_unblock(connection);
            return true;
        }
        ssize_t sent = send(connection->fd, pending.data, pending.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            progress = true;
            h2_sent(connection->h2, (size_t)sent);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            connection_block(connection, pending.size, progress);
            return true;
        } else if (errno != EINTR) {
            return false;
        }
    }
}

void net_connection_flush(struct net_connection *connection)
{
    if (connection->h2 == NULL || connection->busy)
        return;
    connection->busy = true;
    bool whole = connection_write(connection);
    if (!connection_leave(connection))
        return;
    if (!whole)
        net_connection_close(connection, peer_closed);
    else if (!connection->write_blocked && (connection->is_over || h2_finished(connection->h2)))
        connection_over(connection);
}

void net_connection_flush_later(struct net_connection *connection)
{
    /* Within h2_recv the end of the slice flushes. */
    if (!connection->busy && list_empty(&connection->unflushed))
        list_push_back(&connection->loop->unflushed, &connection->unflushed);
}

/* --- Reading --- */

/* Feeds a slice to rpc and sends what it answers; false when the connection is gone or going. */
static bool connection_feed(struct net_connection *connection, struct bytes slice)
{
    connection->loop->now_ns = clock_now_ns();
    connection->busy = true;
    connection->is_over = !h2_recv(connection->h2, slice, connection->loop->now_ns);
    if (connection->events->received != NULL)
        connection->events->received(connection->owner);
    if (!connection_leave(connection))
        return false;
    net_connection_flush(connection);
    if (connection->closing)
        return false;
    connection_watch(connection);
    return !connection->is_over;
}

static void connection_read(struct net_connection *connection)
{
    uint8_t *buffer = connection->loop->read_buffer;
    ssize_t size = recv(connection->fd, buffer, NET_READ_BYTES, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (size <= 0) {
        net_connection_close(connection, peer_closed);
        return;
    }
    struct bytes input = bytes_make(buffer, (size_t)size);
    while (input.size > 0) {
        size_t slice = input.size < NET_SLICE_BYTES ? input.size : NET_SLICE_BYTES;
        if (!connection_feed(connection, bytes_make(input.data, slice)))
            return;
        input = bytes_make(input.data + slice, input.size - slice);
    }
}

/* --- Beginning --- */

/* Begins HTTP/2 on a connected socket. */
static bool connection_begin(struct net_connection *connection)
{
    int on = 1;
    (void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->h2 = h2_open(connection->engine, &connection->config);
    if (connection->h2 == NULL)
        return false;
    connection_watch(connection);
    net_connection_flush_later(connection);
    return true;
}

static void connection_connected(struct net_connection *connection)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0)
        net_connection_close(connection, uv_strerror(-error));
    else if (!connection_begin(connection))
        net_connection_close(connection, "no memory for the connection");
    else if (connection->events->connected != NULL)
        connection->events->connected(connection->owner);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct net_connection *connection = poll->data;
    if (connection->h2 == NULL) {
        connection_connected(connection);
        return;
    }
    if (status < 0) {
        net_connection_close(connection, peer_closed);
        return;
    }
    if (events & UV_WRITABLE)
        net_connection_flush(connection);
    if ((events & UV_READABLE) && !connection->closing)
        connection_read(connection);
}

/* A connection on FD, which it closes when it ends; on failure FD is closed at once. */
static struct net_connection *connection_new(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns)
{
    struct net_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || uv_poll_init(&loop->uv, &connection->poll, fd) != 0) {
        free(connection);
        (void)close(fd);
        return NULL;
    }
    connection->poll.data = connection;
    connection->fd = fd;
    connection->loop = loop;
    connection->engine = engine;
    connection->config = *config;
    connection->events = events;
    connection->owner = owner;
    connection->stall_limit_ns = stall_limit_ns;
    list_init(&connection->unflushed);
    timer_init(&connection->stall, on_stalled);
    return connection;
}

/* Gives up a connection of which nobody has heard. */
static void connection_drop(struct net_connection *connection)
{
    connection->closing = true;
    list_remove(&connection->unflushed);
    uv_close((uv_handle_t *)&connection->poll, on_handle_closed);
    (void)close(connection->fd);
}

struct net_connection *net_connection_accept(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns)
{
    struct net_connection *connection =
        connection_new(loop, fd, engine, config, events, owner, stall_limit_ns);
    if (connection == NULL || connection_begin(connection))
        return connection;
    connection_drop(connection);
    return NULL;
}

struct net_connection *net_connection_connect(struct net_loop *loop, const struct sockaddr *address,
                                              const struct h2_engine *engine, const struct h2_config *config,
                                              const struct net_connection_events *events, void *owner,
                                              int64_t stall_limit_ns)
{
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    struct net_connection *connection =
        connection_new(loop, fd, engine, config, events, owner, stall_limit_ns);
    if (connection == NULL)
        return NULL;
    if (connect(fd, address, size) == 0 || errno == EINPROGRESS) {
        connection_watch(connection);
        return connection;
    }
    connection_drop(connection);
    return NULL;
}
