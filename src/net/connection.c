#include "net/connection.h"

#include "base/clock.h"
#include "net/tls_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of what a peer that is well needs a round trip for: a TLS handshake, to close after us. */
#define SHORT_LIMIT_NS ((int64_t)10 * CLOCK_NS_PER_S)

/* --- The end --- */

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* TLS says goodbye, or what was wrong, if the kernel takes it at once. */
static void connection_say_goodbye(struct net_connection *connection)
{
    tls_stream_end(connection->tls);
    struct bytes last = tls_stream_pending(connection->tls);
    if (last.size > 0 && !connection->connecting)
        (void)!send(connection->fd, last.data, last.size, MSG_NOSIGNAL);
}

/* Gives back the socket at once and the memory when libuv has let go of it. */
static void connection_release(struct net_connection *connection)
{
    uv_close((uv_handle_t *)&connection->poll, on_handle_closed);
    (void)close(connection->fd);
}

/* Must not run inside h2_recv or h2_pending. */
static void connection_end(struct net_connection *connection)
{
    list_remove(&connection->unflushed);
    net_loop_disarm(connection->loop, &connection->stall);
    net_loop_disarm(connection->loop, &connection->handshake);
    if (connection->tls != NULL && !connection->is_leaving)
        connection_say_goodbye(connection);
    tls_stream_free(connection->tls);
    connection->tls = NULL;
    connection->busy = true; /* nothing that its calls' ends set off may come back to it */
    if (connection->h2 != NULL)
        h2_close(connection->h2);
    connection->h2 = NULL;
    connection->events->closed(connection->owner, connection->why, connection->broken);
    connection_release(connection);
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

static void close_by_errno(struct net_connection *connection, int error)
{
    net_connection_close(connection, error == ECONNRESET || error == EPIPE ? "the peer closed the connection"
                                                                           : uv_strerror(-error));
}

/* Ends a connection for what its peer did; WHY, unless it is "", says what that was. */
static void close_blaming(struct net_connection *connection, const char *why)
{
    connection->broken = why[0] != '\0';
    (void)snprintf(connection->why_text, sizeof connection->why_text, "%s", why);
    net_connection_close(connection, connection->why_text);
}

/* Ends a connection whose TLS has failed. */
static void close_insecure(struct net_connection *connection)
{
    connection->is_untrusted = tls_stream_is_untrusted(connection->tls);
    close_blaming(connection, tls_stream_error(connection->tls));
}

/* Ends a connection whose HTTP/2 is over, with rpc's word for why. */
static void close_finished(struct net_connection *connection)
{
    close_blaming(connection, h2_error(connection->h2));
}

/* Ends a connection that brings nothing any more. Of TLS, whose peers announce the end, that is part of the protocol;
 * but many leave without a word when no call is open, and then nothing is lost. */
static void close_unread(struct net_connection *connection, int error)
{
    if (connection->tls == NULL || (tls_stream_is_ready(connection->tls) && connection->h2->calls == 0))
        close_by_errno(connection, error);
    else if (tls_stream_is_ready(connection->tls))
        close_blaming(connection, "the connection was cut off: TLS had not ended");
    else
        close_blaming(connection, "the peer closed the connection during the TLS handshake");
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

/* --- Watching --- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void connection_watch(struct net_connection *connection)
{
    int wanted = 0;
    if (connection->connecting || connection->blocked)
        wanted |= UV_WRITABLE;
    if (!connection->connecting && !connection->is_deaf &&
        (!connection->is_finished || connection->is_leaving))
        wanted |= UV_READABLE;
    if (connection->is_paused)
        wanted = 0;
    if (connection->closing || wanted == connection->watched)
        return;
    connection->watched = wanted;
    if (wanted != 0)
        (void)uv_poll_start(&connection->poll, wanted, on_ready);
    else
        (void)uv_poll_stop(&connection->poll);
}

/* --- Leaving --- */

static void arm_short_limit(struct net_connection *connection, struct timer *timer)
{
    int64_t limit_ns =
        connection->stall_limit_ns < SHORT_LIMIT_NS ? connection->stall_limit_ns : SHORT_LIMIT_NS;
    (void)net_loop_arm(connection->loop, timer, clock_add(clock_now_ns(), limit_ns));
}

/* All is said and written. What the peer has not read of it yet would be lost if it wrote to a socket that is closed:
 * so a server closes its output alone, and the socket once the peer has done so too, or has had time enough. */
static void connection_leave_open(struct net_connection *connection)
{
    connection->is_finished = true;
    connection->is_leaving = true;
    if (connection->tls != NULL)
        connection_say_goodbye(connection);
    (void)shutdown(connection->fd, SHUT_WR);
    arm_short_limit(connection, &connection->stall);
    connection_watch(connection);
}

static void connection_finish(struct net_connection *connection)
{
    if (connection->config.role == H2_SERVER && h2_error(connection->h2)[0] == '\0')
        connection_leave_open(connection);
    else
        close_finished(connection);
}

/* --- Writing --- */

/* Notes how much the kernel has not taken. Only a server stops reading for it: if both ends did, each would wait for
 * the other to read. What a client reads is bounded by what it asked for. */
static void connection_set_blocked(struct net_connection *connection, size_t left_bytes)
{
    connection->blocked = left_bytes > 0;
    connection->is_deaf = connection->config.role == H2_SERVER && left_bytes >= NET_WRITE_HIGH_BYTES;
    if (!connection->blocked)
        net_loop_disarm(connection->loop, &connection->stall);
    connection_watch(connection);
}

/* What TLS has to say; where that is nothing, and once it may, more of what HTTP/2 has, sealed. */
static struct bytes pending_sealed(struct net_connection *connection)
{
    struct tls_stream *tls = connection->tls;
    struct bytes sealed = tls_stream_pending(tls);
    if (sealed.size > 0 || !tls_stream_is_ready(tls))
        return sealed;
    struct bytes plain = h2_pending(connection->h2);
    if (plain.size > NET_SEAL_BYTES)
        plain.size = NET_SEAL_BYTES;
    /* What a failure has sealed may still be sent: the peer may have heard of all of it. */
    if (tls_stream_seal(tls, plain) || tls_stream_error(tls)[0] != '\0')
        h2_sent(connection->h2, plain.size);
    return tls_stream_pending(tls);
}

static struct bytes connection_pending(struct net_connection *connection)
{
    return connection->tls == NULL ? h2_pending(connection->h2) : pending_sealed(connection);
}

static void connection_sent(struct net_connection *connection, size_t size)
{
    if (connection->tls == NULL)
        h2_sent(connection->h2, size);
    else
        tls_stream_sent(connection->tls, size);
}

/* How much waits to be written. */
static size_t connection_left(struct net_connection *connection)
{
    size_t sealed = connection->tls != NULL ? tls_stream_pending(connection->tls).size : 0;
    return sealed + h2_pending(connection->h2).size;
}

/* Writes until nothing is pending or the kernel takes no more. 0 or an errno. */
static int connection_write(struct net_connection *connection)
{
    for (;;) {
        struct bytes pending = connection_pending(connection);
        if (pending.size == 0) {
            if (connection->blocked)
                connection_set_blocked(connection, 0);
            return 0;
        }
        ssize_t sent = send(connection->fd, pending.data, pending.size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            return errno;
        size_t taken = sent > 0 ? (size_t)sent : 0;
        connection_sent(connection, taken);
        if (taken == pending.size)
            continue;
        if (taken > 0 || !connection->blocked)
            (void)net_loop_arm(connection->loop, &connection->stall,
                               clock_add(clock_now_ns(), connection->stall_limit_ns));
        connection_set_blocked(connection, connection_left(connection));
        return 0;
    }
}

/* What the peer said before it closed its end may still be read: an answer, or a GOAWAY that tells which
 * calls it did not see. The end of the input then ends the connection. */
static void connection_write_failed(struct net_connection *connection, int error)
{
    bool is_read = !connection->is_deaf && !connection->is_finished;
    if (is_read && (error == EPIPE || error == ECONNRESET)) {
        connection->is_mute = true;
        connection_set_blocked(connection, 0);
    } else {
        close_by_errno(connection, error);
    }
}

static void connection_flush(struct net_connection *connection)
{
    connection->busy = true;
    int error = connection_write(connection);
    if (!connection_leave(connection))
        return;
    if (connection->events->flushed != NULL)
        connection->events->flushed(connection->owner);
    if (connection->closing)
        return;
    if (error != 0)
        connection_write_failed(connection, error);
    else if (connection->tls != NULL && tls_stream_error(connection->tls)[0] != '\0')
        close_insecure(connection);
    else if (!connection->blocked && (connection->is_finished || h2_finished(connection->h2)))
        connection_finish(connection);
}

void net_connection_flush(struct net_connection *connection)
{
    if (connection->h2 != NULL && !connection->busy && !connection->blocked && !connection->is_mute &&
        !connection->is_leaving && !connection->is_paused)
        connection_flush(connection);
}

void net_connection_flush_later(struct net_connection *connection)
{
    /* Within h2_recv the end of the slice flushes. */
    if (!connection->busy && list_empty(&connection->unflushed))
        list_push_back(&connection->loop->unflushed, &connection->unflushed);
}

void net_connection_pause(struct net_connection *connection, bool paused)
{
    bool shakes_hands = connection->tls != NULL && !tls_stream_is_ready(connection->tls);
    connection->is_paused = paused;
    connection_watch(connection);
    if (paused) {
        net_loop_disarm(connection->loop, &connection->stall);
        net_loop_disarm(connection->loop, &connection->handshake);
        return;
    }
    if (shakes_hands)
        arm_short_limit(connection, &connection->handshake);
    if (connection->is_leaving)
        arm_short_limit(connection, &connection->stall);
    else if (connection->blocked)
        (void)net_loop_arm(connection->loop, &connection->stall,
                           clock_add(clock_now_ns(), connection->stall_limit_ns));
    else
        net_connection_flush_later(connection);
}

static void on_stalled(struct timer *timer)
{
    struct net_connection *connection = list_entry(timer, struct net_connection, stall);
    if (connection->is_leaving)
        close_finished(connection);
    else
        net_connection_close(connection, "the peer stopped reading");
}

/* --- TLS --- */

static void on_handshake_late(struct timer *timer)
{
    close_blaming(list_entry(timer, struct net_connection, handshake),
                  "the peer did not end the TLS handshake in time");
}

void net_connection_secure(struct net_connection *connection, struct net_tls *tls, const char *name)
{
    struct net_loop *loop = connection->loop;
    if (loop->plain_buffer == NULL)
        loop->plain_buffer = malloc(NET_READ_BYTES + TLS_RECORD_BYTES);
    if (loop->plain_buffer != NULL)
        connection->tls = tls_stream_create(tls, name);
    if (connection->tls == NULL)
        net_connection_close(connection, "there is no memory for TLS");
    else if (!connection->connecting && !connection->is_paused)
        arm_short_limit(connection, &connection->handshake);
}

bool net_connection_is_resumed(const struct net_connection *connection)
{
    return connection->tls != NULL && tls_stream_is_resumed(connection->tls);
}

/* --- Reading --- */

/* Feeds a slice to rpc and writes what it answers; false when the connection is gone. */
static bool connection_take(struct net_connection *connection, struct bytes slice)
{
    connection->busy = true;
    connection->loop->now_ns = clock_now_ns();
    connection->is_finished = !h2_recv(connection->h2, slice, connection->loop->now_ns);
    if (connection->events->received != NULL)
        connection->events->received(connection->owner);
    /* What this input has added to the output counts at once, also while none of it can be written. */
    if (connection->blocked && !connection->closing)
        connection_set_blocked(connection, connection_left(connection));
    if (!connection_leave(connection))
        return false;
    net_connection_flush(connection);
    return !connection->closing;
}

/* Feeds input to rpc, in slices; false when the connection is gone. */
static bool connection_take_all(struct net_connection *connection, struct bytes input)
{
    /* One busy connection would wait for its peer after each write; of several, the others fill that time. */
    size_t slices = connection->loop->last_reads > 1 ? 1 : NET_SLICES;
    size_t slice_bytes = (input.size + slices - 1) / slices;
    if (slice_bytes < NET_SLICE_MIN_BYTES)
        slice_bytes = NET_SLICE_MIN_BYTES;
    while (input.size > 0 && !connection->is_finished) {
        size_t slice = input.size < slice_bytes ? input.size : slice_bytes;
        if (!connection_take(connection, bytes_make(input.data, slice)))
            return false;
        input = bytes_make(input.data + slice, input.size - slice);
    }
    return true;
}

/* Opens what came and feeds it to rpc; false when the connection is gone. The peer's goodbye ends it as the end of
 * the input would, but for what it had promised to say. */
static bool connection_take_sealed(struct net_connection *connection, struct bytes sealed)
{
    struct tls_stream *tls = connection->tls;
    uint8_t *plain = connection->loop->plain_buffer;
    bool was_ready = tls_stream_is_ready(tls);
    size_t size = tls_stream_open(tls, sealed, plain);
    if (!was_ready && tls_stream_is_ready(tls)) {
        net_loop_disarm(connection->loop, &connection->handshake);
        if (connection->events->connected != NULL)
            connection->events->connected(connection->owner);
        if (connection->closing)
            return false;
    }
    if (!connection_take_all(connection, bytes_make(plain, size)))
        return false;
    if (connection->is_leaving)
        return true;
    if (tls_stream_error(tls)[0] != '\0')
        close_insecure(connection);
    else if (tls_stream_is_over(tls))
        close_by_errno(connection, ECONNRESET);
    else if (size == 0) /* what was for TLS alone may have an answer, or let be sealed what it held up */
        net_connection_flush(connection);
    return !connection->closing;
}

static void connection_read(struct net_connection *connection)
{
    uint8_t *at = connection->loop->read_buffer;
    ssize_t size = recv(connection->fd, at, NET_READ_BYTES, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (connection->is_leaving) {
        if (size <= 0)
            close_finished(connection);
        return;
    }
    if (size <= 0) {
        close_unread(connection, size < 0 ? errno : ECONNRESET);
        return;
    }
    connection->loop->reads++;
    struct bytes input = bytes_make(at, (size_t)size);
    if (!(connection->tls == NULL ? connection_take_all(connection, input)
                                  : connection_take_sealed(connection, input)))
        return;
    if (connection->is_finished && connection->is_mute)
        close_finished(connection);
    else
        connection_watch(connection);
}

/* --- The beginning --- */

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
    connection->connecting = false;
    if (error != 0)
        net_connection_close(connection, uv_strerror(-error));
    else if (!connection_begin(connection))
        net_connection_close(connection, "there is no memory for the connection");
    else if (connection->tls != NULL)
        arm_short_limit(connection, &connection->handshake);
    else if (connection->events->connected != NULL)
        connection->events->connected(connection->owner);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct net_connection *connection = poll->data;
    if (status < 0) { /* libuv has stopped watching; reading or writing says what is wrong */
        events = connection->watched;
        connection->watched = 0;
    }
    if (connection->connecting) {
        connection_connected(connection);
        return;
    }
    if (events & UV_WRITABLE) {
        connection->loop->now_ns = clock_now_ns();
        connection_flush(connection);
    }
    if (!connection->closing && (events & UV_READABLE))
        connection_read(connection);
    if (!connection->closing)
        connection_watch(connection);
}

static struct net_connection *connection_new(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns)
{
    struct net_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    *connection = (struct net_connection){
        .loop = loop,
        .fd = fd,
        .engine = engine,
        .config = *config,
        .events = events,
        .owner = owner,
        .stall_limit_ns = stall_limit_ns,
    };
    list_init(&connection->unflushed);
    timer_init(&connection->stall, on_stalled);
    timer_init(&connection->handshake, on_handshake_late);
    if (uv_poll_init(&loop->uv, &connection->poll, fd) != 0) {
        free(connection);
        return NULL;
    }
    connection->poll.data = connection;
    return connection;
}

struct net_connection *net_connection_accept(struct net_loop *loop, int fd, const struct h2_engine *engine,
                                             const struct h2_config *config,
                                             const struct net_connection_events *events, void *owner,
                                             int64_t stall_limit_ns)
{
    struct net_connection *connection =
        connection_new(loop, fd, engine, config, events, owner, stall_limit_ns);
    if (connection == NULL) {
        (void)close(fd);
        return NULL;
    }
    if (connection_begin(connection))
        return connection;
    connection_release(connection);
    return NULL;
}

/* A socket that is on its way to ADDRESS, or a negative errno. */
static int connecting_socket(const struct sockaddr *address)
{
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, address, size) == 0 || errno == EINPROGRESS || errno == EINTR)
        return fd;
    int error = errno;
    (void)close(fd);
    return -error;
}

struct net_connection *net_connection_connect(struct net_loop *loop, const struct sockaddr *address,
                                              const struct h2_engine *engine, const struct h2_config *config,
                                              const struct net_connection_events *events, void *owner,
                                              int64_t stall_limit_ns, int *error)
{
    int fd = connecting_socket(address);
    if (fd < 0) {
        *error = fd;
        return NULL;
    }
    struct net_connection *connection =
        connection_new(loop, fd, engine, config, events, owner, stall_limit_ns);
    if (connection == NULL) {
        *error = -ENOMEM;
        (void)close(fd);
        return NULL;
    }
    connection->connecting = true;
    connection_watch(connection);
    return connection;
}
