/* The relay's sockets. One thread waits for them and for the next chunk to arrive; it holds the relay's lock but for
 * that wait, so whoever wants a change takes the lock, makes the change and wakes the thread.
 *
 * Sockets are watched for edges: each end remembers whether there is something to read and room to write, and no
 * system call is spent on changing what is watched. The wait is epoll_pwait2, whose time is in nanoseconds; the
 * thread's timer slack, 50 us unless told otherwise, is taken down to one. */
#include "bench/relay.h"

#include "base/clock.h"
#include "base/options.h"
#include "bench/relay_line.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EVENTS          64
#define WRITES          16 /* chunks written with one call */
#define READ_MAX        (64 << 10)
#define UNREAD_MAX      ((size_t)4 << 20) /* for one end, on the line and arrived, with the chunks themselves */
#define KERNEL_BYTES    (256 << 10)       /* of a socket's buffers, which would otherwise grow to megabytes */
#define TIMER_SLACK_NS  1000
#define LISTEN_BACKLOG  4096
#define ACCEPT_AGAIN_NS ((int64_t)10 * CLOCK_NS_PER_MS)
#define HOST_BYTES      256

enum chunk_kind { CHUNK_BYTES, CHUNK_END, CHUNK_RESET };

struct chunk {
    struct relay_chunk
        line; /* its link is in the line, then in the arrived ones of the end that it goes to */
    struct end *to;
    enum chunk_kind kind;
    size_t written;
    unsigned char bytes[];
};

/* One socket of a connection. Ends are numbered as the lines are: what is read from end 0, which was accepted, goes
 * down line 0. */
struct end {
    struct connection *connection;
    int fd; /* -1 where there is none */
    bool is_readable;
    bool is_hung_up;  /* nothing comes behind what there is to read, so an edge will not tell of it */
    bool is_read_out; /* the end of the stream was read, or it failed */
    bool is_writable;
    bool is_failed;
    bool is_ended;        /* the end of the other's stream was passed on */
    struct list readable; /* in the relay's list for its line while something is to be read */
    struct list arrived;  /* chunks that are to be written here */
    struct list flush;    /* in the relay's list while something arrived in this round */
    size_t queued;        /* bytes that go here, on the line and arrived, and the chunks that hold them */
};

struct connection {
    struct relay *relay;
    struct list link; /* in connections or closed */
    struct end ends[2];
    size_t on_line; /* chunks, which keep the connection in memory */
    bool is_connected;
    bool is_dead; /* in a black hole */
    bool is_closed;
};

struct relay {
    pthread_t thread;
    pthread_mutex_t lock;
    int epoll_fd;
    int wake_fd;
    int port_fd;   /* bound, not listening: keeps the port while connections are refused */
    int listen_fd; /* -1 while refused */
    int64_t
        accept_again_ns; /* descriptors have run out: nothing is accepted until then; 0 where they have not */
    bool is_stopping;
    bool is_black_hole;
    int64_t stalled_until_ns;
    struct sockaddr_storage here;
    struct sockaddr_storage to;
    socklen_t to_size;
    struct relay_line lines[2];
    struct list readable[2];
    struct list flush;
    struct list connections;
    struct list closed; /* to be freed once nothing refers to them */
    size_t connection_count;
    unsigned char scratch[READ_MAX];
};

/* --- Connections --- */

static size_t side_of(const struct end *end)
{
    return (size_t)(end - end->connection->ends);
}

static struct end *other(const struct end *end)
{
    return &end->connection->ends[1 - side_of(end)];
}

static void free_chunk(struct chunk *chunk)
{
    chunk->to->queued -= sizeof *chunk + chunk->line.size;
    free(chunk);
}

static void free_arrived(struct end *end)
{
    while (!list_empty(&end->arrived))
        free_chunk(list_entry(list_pop_front(&end->arrived), struct chunk, line.link));
}

static void stop_reading(struct end *end)
{
    end->is_readable = false;
    list_remove(&end->readable);
}

/* The memory stays until events and chunks that name it have passed. */
static void connection_close(struct connection *connection, bool is_reset)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct relay *relay = connection->relay;
    if (connection->is_closed)
        return;
    connection->is_closed = true;
    for (struct end *end = connection->ends; end < connection->ends + 2; end++) {
        stop_reading(end);
        list_remove(&end->flush);
        free_arrived(end);
        if (end->fd < 0)
            continue;
        if (is_reset)
            (void)setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        (void)close(end->fd);
        end->fd = -1;
    }
    relay->connection_count--;
    list_remove(&connection->link);
    list_push_back(&relay->closed, &connection->link);
}

static void bury_closed(struct relay *relay)
{
    struct list *link = relay->closed.next;
    while (link != &relay->closed) {
        struct connection *connection = list_entry(link, struct connection, link);
        link = link->next;
        if (connection->on_line > 0)
            continue;
        list_remove(&connection->link);
        free(connection);
    }
}

static void connection_kill(struct connection *connection)
{
    connection->is_dead = true;
    for (struct end *end = connection->ends; end < connection->ends + 2; end++) {
        stop_reading(end);
        list_remove(&end->flush);
        free_arrived(end);
    }
}

/* --- Reading: into the line --- */

static void push(struct end *from, enum chunk_kind kind, const unsigned char *bytes, size_t size)
{
    struct connection *connection = from->connection;
    struct chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        connection_close(connection, true);
        return;
    }
    *chunk = (struct chunk){.line.size = size, .to = other(from), .kind = kind};
    if (size > 0)
        memcpy(chunk->bytes, bytes, size);
    chunk->to->queued += sizeof *chunk + size;
    connection->on_line++;
    relay_line_push(&connection->relay->lines[side_of(from)], &chunk->line, clock_now_ns());
}

/* Its peer has reset it. The other end learns of it when the news has gone down the line. */
static void end_failed(struct end *end)
{
    if (end->is_failed || end->connection->is_closed)
        return;
    end->is_failed = end->is_read_out = true;
    end->is_writable = false;
    free_arrived(end);
    for (size_t side = 0; side < 2; side++)
        stop_reading(&end->connection->ends[side]);
    push(end, CHUNK_RESET, NULL, 0);
}

static void read_chunk(struct relay *relay, struct end *end, size_t size)
{
    ssize_t got = recv(end->fd, relay->scratch, size, 0);
    int problem = errno;
    if (got < (ssize_t)size && (got <= 0 || !end->is_hung_up))
        stop_reading(end);
    if (got > 0) {
        push(end, CHUNK_BYTES, relay->scratch, (size_t)got);
    } else if (got == 0) {
        end->is_read_out = true;
        push(end, CHUNK_END, NULL, 0);
    } else if (problem != EAGAIN) {
        end_failed(end);
    }
}

static bool can_read(struct relay *relay, size_t side)
{
    return !list_empty(&relay->readable[side]) && relay_line_has_room(&relay->lines[side]);
}

/* A chunk of each end that has something, while there is room. */
static void read_side(struct relay *relay, size_t side)
{
    const struct relay_line *line = &relay->lines[side];
    struct list turn;
    list_init(&turn);
    list_move(&relay->readable[side], &turn);
    size_t size = relay_line_chunk_bytes(line);
    while (!list_empty(&turn) && relay_line_has_room(line)) {
        struct end *end = list_entry(turn.next, struct end, readable);
        list_remove(&end->readable);
        if (other(end)->queued >= UNREAD_MAX)
            continue; /* read on when the other end has taken some */
        list_push_back(&relay->readable[side], &end->readable);
        read_chunk(relay, end, size);
    }
    list_move_front(&turn, &relay->readable[side]); /* who had no turn comes first */
}

/* --- Writing: what has come down the line --- */

static void take_back(struct end *to, struct chunk *chunk)
{
    struct end *from = other(to);
    free_chunk(chunk);
    if (from->is_readable && list_empty(&from->readable) && to->queued < UNREAD_MAX)
        list_push_back(&to->connection->relay->readable[side_of(from)], &from->readable);
}

/* Drops what was written of the chunks that came first. */
static void written(struct end *to, size_t size)
{
    while (size > 0) {
        struct chunk *chunk = list_entry(to->arrived.next, struct chunk, line.link);
        size_t left = chunk->line.size - chunk->written;
        if (size < left) {
            chunk->written += size;
            return;
        }
        size -= left;
        list_remove(&chunk->line.link);
        take_back(to, chunk);
    }
}

/* Writes as many of the first chunks as go with one call; false where there is nothing more to do for now. */
static bool write_some(struct end *to)
{
    struct iovec parts[WRITES];
    struct msghdr message = {.msg_iov = parts};
    size_t size = 0;
    for (struct list *link = to->arrived.next; link != &to->arrived && message.msg_iovlen < WRITES;
         link = link->next) {
        struct chunk *chunk = list_entry(link, struct chunk, line.link);
        if (chunk->kind != CHUNK_BYTES)
            break;
        struct iovec *part = &parts[message.msg_iovlen++];
        *part = (struct iovec){chunk->bytes + chunk->written, chunk->line.size - chunk->written};
        size += part->iov_len;
    }
    ssize_t sent = sendmsg(to->fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
        to->is_writable = false;
        if (errno != EAGAIN)
            end_failed(to);
        return false;
    }
    to->is_writable = (size_t)sent == size;
    written(to, (size_t)sent);
    return to->is_writable;
}

static void end_stream(struct end *to, struct chunk *chunk)
{
    struct connection *connection = to->connection;
    list_remove(&chunk->line.link);
    take_back(to, chunk);
    (void)shutdown(to->fd, SHUT_WR);
    to->is_ended = true;
    if (connection->ends[0].is_ended && connection->ends[1].is_ended)
        connection_close(connection, false);
}

static void flush_end(struct end *to)
{
    while (to->is_writable && !to->connection->is_closed && !list_empty(&to->arrived)) {
        struct chunk *first = list_entry(to->arrived.next, struct chunk, line.link);
        if (first->kind == CHUNK_END)
            end_stream(to, first);
        else if (!write_some(to))
            return;
    }
}

static void arrive(struct relay *relay, struct chunk *chunk)
{
    struct end *to = chunk->to;
    struct connection *connection = to->connection;
    connection->on_line--;
    bool is_gone = connection->is_closed || connection->is_dead;
    if (is_gone || to->is_failed || chunk->kind == CHUNK_RESET) {
        if (!is_gone && chunk->kind == CHUNK_RESET)
            connection_close(connection, true);
        free_chunk(chunk);
        return;
    }
    list_push_back(&to->arrived, &chunk->line.link);
    list_remove(&to->flush);
    list_push_back(&relay->flush, &to->flush);
}

static void deliver(struct relay *relay, struct relay_line *line, int64_t now_ns)
{
    while (relay_line_due_ns(line) <= now_ns)
        arrive(relay, list_entry(relay_line_pop(line), struct chunk, line));
}

static void flush_arrived(struct relay *relay)
{
    while (!list_empty(&relay->flush))
        flush_end(list_entry(list_pop_front(&relay->flush), struct end, flush));
}

/* --- Accepting --- */

static void watch_listener(struct relay *relay, bool is_on)
{
    struct epoll_event event = {.events = is_on ? EPOLLIN : 0, .data.ptr = &relay->listen_fd};
    if (relay->listen_fd >= 0)
        (void)epoll_ctl(relay->epoll_fd, EPOLL_CTL_MOD, relay->listen_fd, &event);
    relay->accept_again_ns = is_on ? 0 : clock_now_ns() + ACCEPT_AGAIN_NS;
}

static bool watch_end(struct relay *relay, struct end *end)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    return epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, end->fd, &event) == 0;
}

static void set_socket(int fd)
{
    static const int one = 1;
    static const int bytes = KERNEL_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* Begins to connect end 1. */
static bool connect_end(struct relay *relay, struct end *end)
{
    set_socket(end->fd);
    return (connect(end->fd, (const struct sockaddr *)&relay->to, relay->to_size) == 0 ||
            errno == EINPROGRESS) &&
           watch_end(relay, end);
}

static void connection_open(struct relay *relay, int near_fd, int far_fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        (void)close(near_fd);
        (void)close(far_fd);
        return;
    }
    connection->relay = relay;
    for (struct end *end = connection->ends; end < connection->ends + 2; end++) {
        end->connection = connection;
        end->fd = -1;
        list_init(&end->readable);
        list_init(&end->arrived);
        list_init(&end->flush);
    }
    connection->ends[0].fd = near_fd;
    connection->ends[1].fd = far_fd;
    set_socket(near_fd);
    list_push_back(&relay->connections, &connection->link);
    relay->connection_count++;
    connection->is_dead = relay->is_black_hole;
    if (connection->is_dead) {
        (void)close(far_fd);
        connection->ends[1].fd = -1;
    }
    if (!watch_end(relay, &connection->ends[0]) ||
        (!connection->is_dead && !connect_end(relay, &connection->ends[1])))
        connection_close(connection, true);
}

/* With a socket for the other end at hand: what is accepted without one would have to be reset, where it can wait in
 * the backlog. False with errno. */
static bool accept_one(struct relay *relay)
{
    int far_fd = socket(relay->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (far_fd < 0)
        return false;
    int near_fd = accept4(relay->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (near_fd >= 0) {
        connection_open(relay, near_fd, far_fd);
        return true;
    }
    int problem = errno;
    (void)close(far_fd);
    errno = problem;
    return false;
}

static void accept_all(struct relay *relay)
{
    while (accept_one(relay)) {}
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        watch_listener(relay, false);
}

/* --- The thread --- */

static void on_dead_event(struct connection *connection)
{
    const struct end *ends = connection->ends;
    if ((ends[0].fd < 0 || ends[0].is_hung_up) && (ends[1].fd < 0 || ends[1].is_hung_up))
        connection_close(connection, true); /* nobody is left to notice */
}

static void on_end_event(struct relay *relay, struct end *end, uint32_t events)
{
    struct connection *connection = end->connection;
    if (connection->is_closed)
        return;
    end->is_hung_up = end->is_hung_up || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (connection->is_dead) {
        on_dead_event(connection);
        return;
    }
    if (side_of(end) == 1 && !connection->is_connected) {
        if (events & (EPOLLERR | EPOLLHUP)) {
            connection_close(connection, true);
            return;
        }
        connection->is_connected = true;
    }
    if ((events & EPOLLOUT) && !end->is_failed) {
        end->is_writable = true;
        list_remove(&end->flush);
        list_push_back(&relay->flush, &end->flush);
    }
    if (!end->is_read_out && ((events & EPOLLIN) || end->is_hung_up)) {
        end->is_readable = true;
        list_remove(&end->readable);
        list_push_back(&relay->readable[side_of(end)], &end->readable);
    } else if (events & EPOLLERR) {
        end_failed(end);
    }
}

static void on_event(struct relay *relay, const struct epoll_event *event)
{
    if (event->data.ptr == &relay->listen_fd)
        accept_all(relay);
    else if (event->data.ptr != &relay->wake_fd)
        on_end_event(relay, event->data.ptr, event->events);
}

/* Moves what can be moved; returns for how long there is nothing more to do. */
static int64_t go_round(struct relay *relay)
{
    int64_t now_ns = clock_now_ns();
    int64_t next_ns = relay->accept_again_ns > 0 ? relay->accept_again_ns : CLOCK_NEVER;
    if (next_ns <= now_ns)
        watch_listener(relay, true);
    if (now_ns < relay->stalled_until_ns)
        return (next_ns < relay->stalled_until_ns ? next_ns : relay->stalled_until_ns) - now_ns;

    for (size_t side = 0; side < 2; side++)
        read_side(relay, side);
    now_ns = clock_now_ns();
    for (size_t side = 0; side < 2; side++)
        deliver(relay, &relay->lines[side], now_ns);
    flush_arrived(relay);

    if (can_read(relay, 0) || can_read(relay, 1))
        return 0;
    for (size_t side = 0; side < 2; side++) {
        int64_t due_ns = relay_line_due_ns(&relay->lines[side]);
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    if (next_ns == CLOCK_NEVER)
        return CLOCK_NEVER;
    now_ns = clock_now_ns();
    return next_ns > now_ns ? next_ns - now_ns : 0;
}

static void *run(void *context)
{
    struct relay *relay = context;
    struct epoll_event events[EVENTS];
    (void)prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    (void)pthread_mutex_lock(&relay->lock);
    while (!relay->is_stopping) {
        int64_t wait_ns = go_round(relay);
        bury_closed(relay);
        const struct timespec wait = {.tv_sec = wait_ns / CLOCK_NS_PER_S,
                                      .tv_nsec = wait_ns % CLOCK_NS_PER_S};
        (void)pthread_mutex_unlock(&relay->lock);
        int count =
            epoll_pwait2(relay->epoll_fd, events, EVENTS, wait_ns == CLOCK_NEVER ? NULL : &wait, NULL);
        (void)pthread_mutex_lock(&relay->lock);
        for (int i = 0; i < count; i++)
            on_event(relay, &events[i]);
    }
    (void)pthread_mutex_unlock(&relay->lock);
    return NULL;
}

/* --- Starting and stopping --- */

/* The first address of HOST:PORT. The system's resolver would cut a port that is too large down to 16 bits. */
static bool resolve(const char *text, int64_t least_port, struct sockaddr_storage *address, socklen_t *size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    char host[HOST_BYTES];
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host ||
        !options_parse_value(OPTION_NUMBER, colon + 1, &port) || port < least_port || port > UINT16_MAX)
        return false;
    bool is_bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - text) - (is_bracketed ? 2 : 0),
                   text + is_bracketed);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return false;
    *size = found->ai_addrlen;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    return address->ss_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET
                                         : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* A socket bound to the relay's address; -1 with errno where it cannot be. */
static int bind_here(const struct relay *relay)
{
    static const int one = 1;
    socklen_t size =
        relay->here.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(relay->here.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, (const struct sockaddr *)&relay->here, size) == 0)
        return fd;
    int problem = errno;
    (void)close(fd);
    errno = problem;
    return -1;
}

static bool listen_here(struct relay *relay)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &relay->listen_fd};
    relay->listen_fd = bind_here(relay);
    if (relay->listen_fd < 0)
        return false;
    set_socket(relay->listen_fd);
    if (listen(relay->listen_fd, LISTEN_BACKLOG) == 0 &&
        epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, relay->listen_fd, &event) == 0)
        return true;
    int problem = errno;
    (void)close(relay->listen_fd);
    relay->listen_fd = -1;
    errno = problem;
    return false;
}

static bool keep_port(struct relay *relay)
{
    socklen_t size = sizeof relay->here;
    relay->port_fd = bind_here(relay);
    return relay->port_fd >= 0 && getsockname(relay->port_fd, (struct sockaddr *)&relay->here, &size) == 0;
}

static bool open_waiting(struct relay *relay)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &relay->wake_fd};
    relay->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    relay->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (relay->epoll_fd < 0 || relay->wake_fd < 0 ||
        epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, relay->wake_fd, &event) != 0)
        return false;
    static const struct timespec at_once;
    return epoll_pwait2(relay->epoll_fd, &event, 1, &at_once, NULL) >= 0; /* Linux 5.11 has it, if allowed */
}

static void relay_free(struct relay *relay)
{
    int fds[] = {relay->epoll_fd, relay->wake_fd, relay->port_fd, relay->listen_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    (void)pthread_mutex_destroy(&relay->lock);
    free(relay);
}

/* With signals blocked: they are for the program's own threads. */
static int start_thread(struct relay *relay)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&relay->thread, NULL, run, relay);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return problem;
}

static struct relay *relay_new(const struct relay_network *network)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return NULL;
    relay->epoll_fd = relay->wake_fd = relay->port_fd = relay->listen_fd = -1;
    (void)pthread_mutex_init(&relay->lock, NULL);
    for (size_t side = 0; side < 2; side++) {
        relay_line_init(&relay->lines[side], network, side);
        list_init(&relay->readable[side]);
    }
    list_init(&relay->flush);
    list_init(&relay->connections);
    list_init(&relay->closed);
    return relay;
}

struct relay *relay_start(const char *listen, const char *to, const struct relay_network *network,
                          char error[RELAY_ERROR_BYTES])
{
    socklen_t size;
    int problem;
    struct relay *relay = relay_new(network);
    if (relay == NULL) {
        (void)snprintf(error, RELAY_ERROR_BYTES, "memory is out");
        return NULL;
    }
    if (!resolve(listen, 0, &relay->here, &size) || !is_loopback(&relay->here)) {
        (void)snprintf(error, RELAY_ERROR_BYTES,
                       "the relay listens on loopback, such as 127.0.0.1:0, not on \"%.100s\"", listen);
    } else if (!resolve(to, 1, &relay->to, &relay->to_size)) {
        (void)snprintf(error, RELAY_ERROR_BYTES,
                       "\"%.100s\" leads nowhere; the other end is a HOST:PORT, such as 127.0.0.1:8080", to);
    } else if (!open_waiting(relay)) {
        (void)snprintf(error, RELAY_ERROR_BYTES, "the relay cannot wait for sockets: %s", strerror(errno));
    } else if (!keep_port(relay) || !listen_here(relay)) {
        (void)snprintf(error, RELAY_ERROR_BYTES, errno == EADDRINUSE ? "%.100s is taken" : "%.100s: %s",
                       listen, strerror(errno));
    } else if ((problem = start_thread(relay)) != 0) {
        (void)snprintf(error, RELAY_ERROR_BYTES, "no thread for the relay: %s", strerror(problem));
    } else {
        return relay;
    }
    relay_free(relay);
    return NULL;
}

uint16_t relay_port(const struct relay *relay)
{
    const struct sockaddr_in *v4 = (const void *)&relay->here;
    const struct sockaddr_in6 *v6 = (const void *)&relay->here;
    return ntohs(relay->here.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

/* --- Changes --- */

static void begin_change(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
}

static void end_change(struct relay *relay)
{
    (void)pthread_mutex_unlock(&relay->lock);
    (void)eventfd_write(relay->wake_fd, 1);
}

void relay_set_network(struct relay *relay, const struct relay_network *network)
{
    begin_change(relay);
    for (size_t side = 0; side < 2; side++)
        relay_line_set_network(&relay->lines[side], network, clock_now_ns());
    end_change(relay);
}

static void close_all(struct relay *relay, bool with_dead)
{
    struct list *link = relay->connections.next;
    while (link != &relay->connections) {
        struct connection *connection = list_entry(link, struct connection, link);
        link = link->next;
        if (with_dead || !connection->is_dead)
            connection_close(connection, true);
    }
}

void relay_cut(struct relay *relay)
{
    begin_change(relay);
    close_all(relay, false);
    end_change(relay);
}

void relay_stall(struct relay *relay, int64_t duration_ns)
{
    begin_change(relay);
    relay->stalled_until_ns = clock_add(clock_now_ns(), duration_ns);
    end_change(relay);
}

void relay_black_hole(struct relay *relay, bool is_on)
{
    begin_change(relay);
    relay->is_black_hole = is_on;
    for (struct list *link = relay->connections.next; is_on && link != &relay->connections; link = link->next)
        connection_kill(list_entry(link, struct connection, link));
    end_change(relay);
}

bool relay_refuse(struct relay *relay, bool is_on)
{
    bool is_fine = true;
    begin_change(relay);
    if (is_on && relay->listen_fd >= 0) {
        (void)close(relay->listen_fd);
        relay->listen_fd = -1;
    } else if (!is_on && relay->listen_fd < 0) {
        is_fine = listen_here(relay);
    }
    end_change(relay);
    return is_fine;
}

struct relay_counts relay_count(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->lock);
    struct relay_counts counts = {.connections = relay->connection_count};
    for (struct list *link = relay->connections.next; link != &relay->connections; link = link->next) {
        const struct connection *connection = list_entry(link, struct connection, link);
        counts.bytes += connection->ends[0].queued + connection->ends[1].queued;
    }
    (void)pthread_mutex_unlock(&relay->lock);
    return counts;
}

void relay_stop(struct relay *relay)
{
    if (relay == NULL)
        return;
    begin_change(relay);
    relay->is_stopping = true;
    end_change(relay);
    (void)pthread_join(relay->thread, NULL);
    close_all(relay, true);
    for (size_t side = 0; side < 2; side++)
        while (!list_empty(&relay->lines[side].chunks))
            arrive(relay, list_entry(relay_line_pop(&relay->lines[side]), struct chunk, line));
    bury_closed(relay);
    relay_free(relay);
}
