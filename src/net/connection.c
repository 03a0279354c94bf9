#include "net/connection.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct net_connection *connection_of(const void *handle)
{
    return ((const uv_handle_t *)handle)->data;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct net_connection *connection = connection_of(handle);
    buffer_free(&connection->writing);
    free(connection);
}

/* Ends a connection whose HTTP/2 is over, with rpc's word for why. */
static void connection_over(struct net_connection *connection)
{
    const char *error = h2_error(connection->h2);
    connection->broken = error[0] != '\0';
    (void)snprintf(connection->broken_why, sizeof connection->broken_why, "%s", error);
    net_connection_close(connection, connection->broken_why);
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
    uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
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

/* Leaves h2_recv or h2_pending; false when the connection was closed meanwhile and is gone. */
static bool connection_leave(struct net_connection *connection)
{
    connection->busy = false;
    if (!connection->closing)
        return true;
    connection_end(connection);
    return false;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    *buffer = uv_buf_init((char *)connection_of(handle)->loop->read_buffer, (unsigned)NET_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

static void connection_read(struct net_connection *connection, bool read)
{
    if (connection->reading == read || connection->closing)
        return;
    connection->reading = read;
    if (read)
        (void)uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
    else
        (void)uv_read_stop((uv_stream_t *)&connection->tcp);
}

static void on_written(uv_write_t *write, int status)
{
    struct net_connection *connection = connection_of(write->handle);
    if (connection->closing)
        return;
    connection->writing.size = 0;
    net_loop_disarm(connection->loop, &connection->stall);
    if (status < 0) {
        net_connection_close(connection, "the peer closed the connection");
        return;
    }
    connection_read(connection, !connection->is_over);
    net_connection_flush(connection);
}

/* Hands what the kernel did not take to libuv, with a copy, since rpc goes on using its buffer. */
static bool connection_write_rest(struct net_connection *connection, struct bytes rest)
{
    struct bytes piece =
        bytes_make(rest.data, rest.size < NET_WRITE_HIGH_BYTES ? rest.size : NET_WRITE_HIGH_BYTES);
    if (!buffer_append(&connection->writing, piece))
        return false;
    h2_sent(connection->h2, piece.size);
    uv_buf_t buffer = uv_buf_init((char *)connection->writing.data, (unsigned)connection->writing.size);
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buffer, 1, on_written) != 0)
        return false;
    return net_loop_arm(connection->loop, &connection->stall,
                        clock_add(clock_now_ns(), connection->stall_limit_ns));
}

/* Writes until nothing is pending or the kernel takes no more; false when the connection is broken. */
static bool connection_write(struct net_connection *connection)
{
    for (;;) {
        struct bytes pending = h2_pending(connection->h2);
        if (pending.size == 0)
            return true;
        uv_buf_t buffer = {.base = (char *)(uintptr_t)pending.data, .len = pending.size};
        int sent = uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
        if (sent < 0 && sent != UV_EAGAIN)
            return false;
        if (sent > 0)
            h2_sent(connection->h2, (size_t)sent);
        if (sent > 0 && (size_t)sent == pending.size)
            continue;
        pending = h2_pending(connection->h2);
        if (pending.size >= NET_WRITE_HIGH_BYTES)
            connection_read(connection, false);
        return connection_write_rest(connection, pending);
    }
}

void net_connection_flush(struct net_connection *connection)
{
    if (connection->h2 == NULL || connection->busy || connection->writing.size > 0)
        return;
    connection->busy = true;
    bool whole = connection_write(connection);
    if (!connection_leave(connection))
        return;
    if (!whole)
        net_connection_close(connection, "the peer closed the connection");
    else if (connection->writing.size == 0 && (connection->is_over || h2_finished(connection->h2)))
        connection_over(connection);
}

void net_connection_flush_later(struct net_connection *connection)
{
    /* Within h2_recv the end of the slice flushes. */
    if (!connection->busy && list_empty(&connection->unflushed))
        list_push_back(&connection->loop->unflushed, &connection->unflushed);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct net_connection *connection = connection_of(stream);
    if (size < 0) {
        net_connection_close(connection, "the peer closed the connection");
        return;
    }
    struct bytes input = bytes_make(buffer->base, (size_t)size);
    while (input.size > 0 && !connection->is_over) {
        size_t slice = input.size < NET_SLICE_BYTES ? input.size : NET_SLICE_BYTES;
        connection->busy = true;
        connection->loop->now_ns = clock_now_ns();
        connection->is_over =
            !h2_recv(connection->h2, bytes_make(input.data, slice), connection->loop->now_ns);
        if (connection->events->received != NULL)
            connection->events->received(connection->owner);
        if (!connection_leave(connection))
            return;
        input = bytes_make(input.data + slice, input.size - slice);
        net_connection_flush(connection);
        if (connection->closing)
            return;
    }
    if (connection->is_over)
        connection_read(connection, false);
}

static void on_stalled(struct timer *timer)
{
    net_connection_close(list_entry(timer, struct net_connection, stall), "the peer stopped reading");
}

static struct net_connection *connection_new(struct net_loop *loop, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns)
{
    struct net_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->loop = loop;
    connection->engine = engine;
    connection->config = *config;
    connection->events = events;
    connection->owner = owner;
    connection->stall_limit_ns = stall_limit_ns;
    list_init(&connection->unflushed);
    timer_init(&connection->stall, on_stalled);
    if (uv_tcp_init(&loop->uv, &connection->tcp) != 0) {
        free(connection);
        return NULL;
    }
    connection->tcp.data = connection;
    return connection;
}

/* Begins HTTP/2 on a connected socket. */
static bool connection_begin(struct net_connection *connection)
{
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    connection->h2 = h2_open(connection->engine, &connection->config);
    if (connection->h2 == NULL)
        return false;
    connection_read(connection, true);
    net_connection_flush_later(connection);
    return true;
}

struct net_connection *net_connection_accept(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns)
{
    struct net_connection *connection = connection_new(loop, engine, config, events, owner, stall_limit_ns);
    if (connection == NULL) {
        (void)close(fd);
        return NULL;
    }
    if (uv_tcp_open(&connection->tcp, fd) != 0)
        (void)close(fd);
    else if (connection_begin(connection))
        return connection;
    uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
    return NULL;
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct net_connection *connection = connection_of(connect->handle);
    if (connection->closing)
        return;
    if (status < 0) {
        net_connection_close(connection, uv_strerror(status));
        return;
    }
    if (!connection_begin(connection)) {
        net_connection_close(connection, "no memory for the connection");
        return;
    }
    if (connection->events->connected != NULL)
        connection->events->connected(connection->owner);
}

struct net_connection *net_connection_connect(struct net_loop *loop, const struct sockaddr *address,
                                              const struct h2_engine *engine, const struct h2_config *config,
                                              const struct net_connection_events *events, void *owner,
                                              int64_t stall_limit_ns)
{
    struct net_connection *connection = connection_new(loop, engine, config, events, owner, stall_limit_ns);
    if (connection == NULL)
        return NULL;
    if (uv_tcp_connect(&connection->connect, &connection->tcp, address, on_connected) != 0) {
        uv_close((uv_handle_t *)&connection->tcp, on_handle_closed);
        return NULL;
    }
    return connection;
}
