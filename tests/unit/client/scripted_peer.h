/* A peer that speaks just enough HTTP/2 to misbehave: each request that reaches it is answered, or not, by a
 * function of the test, frame by frame. It runs on a thread of its own and ends with the test.
 * https://www.rfc-editor.org/rfc/rfc9113 */
#ifndef MAYFLY_TESTS_CLIENT_SCRIPTED_PEER_H
#define MAYFLY_TESTS_CLIENT_SCRIPTED_PEER_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum peer_frame {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7
};

#define FLAG_END_STREAM    0x1
#define FLAG_ACK           0x1
#define FLAG_END_HEADERS   0x4
#define CODE_REFUSED       0x7 /* REFUSED_STREAM */

#define PEER_LINKS         64
#define PEER_INPUT_BYTES   65536
#define PEER_DATA_BYTES    4096
#define PEER_TAPE_BYTES    8192
#define PREFACE_BYTES      24
#define FRAME_HEAD_BYTES   9
#define MESSAGE_HEAD_BYTES 5

struct peer;

struct peer_link {
    int fd;
    unsigned number; /* how many connections came before it */
    uint8_t input[PEER_INPUT_BYTES];
    size_t size;
    bool greeted;
    bool hang_up;           /* close after this request */
    bool is_deaf;           /* hears and says nothing any more */
    const uint8_t *message; /* of the newest request, while it is answered */
    size_t message_size;
    uint8_t data[PEER_DATA_BYTES];
    size_t data_size;
};

struct peer {
    int listener;
    uint16_t port;
    int stop[2];
    pthread_t thread;
    struct peer_link links[PEER_LINKS];
    unsigned link_count;
    _Atomic unsigned connections;
    _Atomic unsigned left;         /* connections that the client has closed */
    _Atomic unsigned requests;     /* that came complete */
    bool is_silent;                /* sends no SETTINGS, and nothing else */
    bool takes_no_streams;         /* as its SETTINGS say */
    uint32_t streams;              /* likewise so many; 0: they say nothing */
    unsigned silent_links;         /* so many of the first connections are silent */
    uint8_t tape[PEER_TAPE_BYTES]; /* what came first on the first connection */
    size_t tape_size;
    /* Answers the REQUEST-th request of all, which came on STREAM. */
    void (*answer)(struct peer *peer, struct peer_link *link, uint32_t stream, unsigned request);
};

static inline void peer_send(const struct peer_link *link, const void *data, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t more = send(link->fd, (const uint8_t *)data + sent, size - sent, MSG_NOSIGNAL);
        if (more <= 0)
            return; /* the client has left */
        sent += (size_t)more;
    }
}

static inline void peer_frame(const struct peer_link *link, enum peer_frame type, unsigned flags,
                              uint32_t stream, const void *payload, size_t size)
{
    const uint8_t head[FRAME_HEAD_BYTES] = {
        (uint8_t)(size >> 16),   (uint8_t)(size >> 8),   (uint8_t)size,
        (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
        (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream,
    };
    peer_send(link, head, sizeof head);
    if (size > 0)
        peer_send(link, payload, size);
}

static inline void peer_put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A field as a literal without indexing, RFC 7541 section 6.2.2. */
static inline size_t peer_field(uint8_t *to, const char *name, const char *value)
{
    size_t name_size = strlen(name);
    size_t value_size = strlen(value);
    size_t at = 0;
    to[at++] = 0;
    to[at++] = (uint8_t)name_size;
    memcpy(to + at, name, name_size);
    at += name_size;
    to[at++] = (uint8_t)value_size;
    memcpy(to + at, value, value_size);
    return at + value_size;
}

#define HPACK_STATUS_200 0x88 /* the static table's :status 200 */

/* A reply's headers, with a status where the reply consists of nothing else. */
static inline void peer_headers(const struct peer_link *link, uint32_t stream, const char *grpc_status)
{
    uint8_t block[256];
    size_t size = 0;
    block[size++] = HPACK_STATUS_200;
    size += peer_field(block + size, "content-type", "application/grpc");
    if (grpc_status != NULL)
        size += peer_field(block + size, "grpc-status", grpc_status);
    peer_frame(link, FRAME_HEADERS, FLAG_END_HEADERS | (grpc_status != NULL ? FLAG_END_STREAM : 0), stream,
               block, size);
}

static inline void peer_message(const struct peer_link *link, uint32_t stream, bool is_compressed,
                                const void *message, size_t size)
{
    uint8_t data[256];
    data[0] = is_compressed;
    peer_put32(data + 1, (uint32_t)size);
    if (size > 0)
        memcpy(data + 5, message, size);
    peer_frame(link, FRAME_DATA, 0, stream, data, 5 + size);
}

static inline void peer_trailers(const struct peer_link *link, uint32_t stream, const char *grpc_status)
{
    uint8_t block[64];
    size_t size = peer_field(block, "grpc-status", grpc_status);
    peer_frame(link, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, stream, block, size);
}

static inline void peer_fail(const struct peer_link *link, uint32_t stream, const char *grpc_status)
{
    peer_headers(link, stream, grpc_status);
}

static inline void peer_reset(const struct peer_link *link, uint32_t stream, uint32_t code)
{
    uint8_t payload[4];
    peer_put32(payload, code);
    peer_frame(link, FRAME_RESET, 0, stream, payload, sizeof payload);
}

static inline void peer_goaway(const struct peer_link *link, uint32_t last_stream)
{
    uint8_t payload[8] = {0};
    peer_put32(payload, last_stream);
    peer_frame(link, FRAME_GOAWAY, 0, 0, payload, sizeof payload);
}

/* MAX_CONCURRENT_STREAMS. */
static inline void peer_allow(const struct peer_link *link, uint32_t streams)
{
    uint8_t payload[6] = {0, 3};
    peer_put32(payload + 2, streams);
    peer_frame(link, FRAME_SETTINGS, 0, 0, payload, sizeof payload);
}

/* An empty message and OK: DONE for a ping. */
static inline void peer_answer_empty(const struct peer_link *link, uint32_t stream)
{
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, NULL, 0);
    peer_trailers(link, stream, "0");
}

/* A miss, as Get and GetBatch say it: result = 3 in field 1. */
static inline void peer_answer_miss(const struct peer_link *link, uint32_t stream)
{
    static const uint8_t miss[] = {0x08, 0x03};
    peer_headers(link, stream, NULL);
    peer_message(link, stream, false, miss, sizeof miss);
    peer_trailers(link, stream, "0");
}

/* --- The thread --- */

static inline void peer_take_frame(struct peer *peer, struct peer_link *link, const uint8_t *frame,
                                   size_t size)
{
    uint8_t type = frame[3];
    uint8_t flags = frame[4];
    uint32_t stream =
        (uint32_t)frame[5] << 24 | (uint32_t)frame[6] << 16 | (uint32_t)frame[7] << 8 | (uint32_t)frame[8];
    if (type == FRAME_DATA && size <= PEER_DATA_BYTES - link->data_size) {
        memcpy(link->data + link->data_size, frame + FRAME_HEAD_BYTES, size);
        link->data_size += size;
    }
    if (type == FRAME_SETTINGS && !(flags & FLAG_ACK))
        peer_frame(link, FRAME_SETTINGS, FLAG_ACK, 0, NULL, 0);
    else if (type == FRAME_PING && !(flags & FLAG_ACK))
        peer_frame(link, FRAME_PING, FLAG_ACK, 0, frame + FRAME_HEAD_BYTES, size);
    else if ((type == FRAME_DATA || type == FRAME_HEADERS) && (flags & FLAG_END_STREAM)) {
        bool is_whole = link->data_size >= MESSAGE_HEAD_BYTES;
        link->message = link->data + MESSAGE_HEAD_BYTES;
        link->message_size = is_whole ? link->data_size - MESSAGE_HEAD_BYTES : 0;
        peer->answer(peer, link, stream, atomic_fetch_add(&peer->requests, 1));
        link->data_size = 0;
    }
}

/* Takes what is complete of the input. */
static inline void peer_take(struct peer *peer, struct peer_link *link)
{
    size_t at = 0;
    if (!link->greeted) {
        if (link->size < PREFACE_BYTES)
            return;
        at = PREFACE_BYTES;
        link->greeted = true;
        if (peer->takes_no_streams || peer->streams > 0)
            peer_allow(link, peer->streams);
        else
            peer_frame(link, FRAME_SETTINGS, 0, 0, NULL, 0);
    }
    while (!link->hang_up && !link->is_deaf && link->size - at >= FRAME_HEAD_BYTES) {
        const uint8_t *frame = link->input + at;
        size_t size = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        if (link->size - at < FRAME_HEAD_BYTES + size)
            break;
        peer_take_frame(peer, link, frame, size);
        at += FRAME_HEAD_BYTES + size;
    }
    memmove(link->input, link->input + at, link->size - at);
    link->size -= at;
}

static inline void peer_read(struct peer *peer, struct peer_link *link)
{
    ssize_t more = recv(link->fd, link->input + link->size, PEER_INPUT_BYTES - link->size, 0);
    if (more > 0 && link->number == 0 && (size_t)more <= PEER_TAPE_BYTES - peer->tape_size) {
        memcpy(peer->tape + peer->tape_size, link->input + link->size, (size_t)more);
        peer->tape_size += (size_t)more;
    }
    if (more > 0 && !peer->is_silent && !link->is_deaf && link->number >= peer->silent_links) {
        link->size += (size_t)more;
        peer_take(peer, link);
    }
    if (more <= 0)
        atomic_fetch_add(&peer->left, 1);
    if (more <= 0 || link->hang_up) {
        (void)close(link->fd);
        link->fd = -1;
    }
}

static inline void *peer_run(void *context)
{
    struct peer *peer = context;
    for (;;) {
        struct pollfd fds[PEER_LINKS + 2] = {{peer->stop[0], POLLIN, 0}, {peer->listener, POLLIN, 0}};
        for (unsigned i = 0; i < peer->link_count; i++)
            fds[i + 2] = (struct pollfd){peer->links[i].fd, POLLIN, 0};
        unsigned polled = peer->link_count;
        (void)poll(fds, polled + 2, -1);
        if (fds[0].revents != 0)
            break;
        if (fds[1].revents != 0 && peer->link_count < PEER_LINKS) {
            struct peer_link *link = &peer->links[peer->link_count];
            link->number = peer->link_count++;
            link->fd = accept(peer->listener, NULL, NULL);
            int on = 1;
            (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            atomic_fetch_add(&peer->connections, 1);
        }
        for (unsigned i = 0; i < polled; i++)
            if (fds[i + 2].fd >= 0 && fds[i + 2].revents != 0)
                peer_read(peer, &peer->links[i]);
    }
    return NULL;
}

/* A peer that listens at IP, on a port of the system's choice where PORT is 0. */
static inline void peer_start_at(struct peer *peer, uint32_t ip, uint16_t port,
                                 void (*answer)(struct peer *, struct peer_link *, uint32_t, unsigned))
{
    memset(peer, 0, sizeof *peer);
    peer->answer = answer;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip), .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int on = 1;
    peer->listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, 64), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pipe(peer->stop), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static inline void peer_start(struct peer *peer,
                              void (*answer)(struct peer *, struct peer_link *, uint32_t, unsigned))
{
    peer_start_at(peer, INADDR_LOOPBACK, 0, answer);
}

static inline void peer_stop(struct peer *peer)
{
    assert_int_equal(write(peer->stop[1], "", 1), 1);
    (void)pthread_join(peer->thread, NULL);
    for (unsigned i = 0; i < peer->link_count; i++)
        if (peer->links[i].fd >= 0)
            (void)close(peer->links[i].fd);
    (void)close(peer->listener);
    (void)close(peer->stop[0]);
    (void)close(peer->stop[1]);
}

#endif
