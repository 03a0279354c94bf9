/* The floor of a request's latency: an echo over TCP with nothing in it but the sizes of a request and its reply as
 * they are on the wire, one in flight.
 *
 *     echo serve REQUEST_BYTES REPLY_BYTES          prints the port it listens on
 *     echo ask PORT REQUEST_BYTES REPLY_BYTES SECONDS   prints one line of JSON */
#include "base/clock.h"
#include "base/histogram.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES_MAX 65536
#define WARMUP_NS (CLOCK_NS_PER_S / 2)

static char buffer[BYTES_MAX];

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A socket with a way to wait for it as an event loop does, which is what a client and a server do. */
struct peer {
    int fd;
    int epoll_fd;
};

static struct peer peer_on(int fd)
{
    static const int one = 1;
    struct epoll_event event = {.events = EPOLLIN};
    struct peer peer = {fd, epoll_create1(EPOLL_CLOEXEC)};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (peer.epoll_fd < 0 || epoll_ctl(peer.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll");
    return peer;
}

/* False at the end of the stream. */
static bool take(const struct peer *peer, size_t size)
{
    while (size > 0) {
        struct epoll_event event;
        if (epoll_wait(peer->epoll_fd, &event, 1, -1) < 0)
            fail("epoll_wait");
        ssize_t got = recv(peer->fd, buffer, size, 0);
        if (got <= 0)
            return false;
        size -= (size_t)got;
    }
    return true;
}

static void give(const struct peer *peer, size_t size)
{
    if (send(peer->fd, buffer, size, MSG_NOSIGNAL) != (ssize_t)size)
        fail("send");
}

static int serve(size_t request_bytes, size_t reply_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    (void)printf("%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    for (;;) {
        const struct peer peer = peer_on(accept(fd, NULL, NULL));
        while (take(&peer, request_bytes))
            give(&peer, reply_bytes);
        (void)close(peer.epoll_fd);
        (void)close(peer.fd);
    }
}

static int ask(uint16_t port, size_t request_bytes, size_t reply_bytes, int64_t seconds)
{
    static struct histogram latency_ns;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail("connect");
    const struct peer peer = peer_on(fd);
    int64_t from_ns = clock_now_ns() + WARMUP_NS;
    int64_t until_ns = from_ns + seconds * CLOCK_NS_PER_S;
    for (int64_t now_ns = clock_now_ns(); now_ns < until_ns;) {
        int64_t start_ns = now_ns;
        give(&peer, request_bytes);
        if (!take(&peer, reply_bytes))
            fail("recv");
        now_ns = clock_now_ns();
        if (start_ns >= from_ns)
            histogram_record(&latency_ns, (uint64_t)(now_ns - start_ns));
    }
    (void)printf("{\"requests\": %llu, \"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f}\n",
                 (unsigned long long)latency_ns.count, (double)histogram_quantile(&latency_ns, 0.5) / 1000,
                 (double)histogram_quantile(&latency_ns, 0.99) / 1000,
                 (double)histogram_quantile(&latency_ns, 0.999) / 1000);
    (void)close(peer.epoll_fd);
    (void)close(fd);
    return 0;
}

/* A size that the buffer holds. */
static size_t size_of(const char *text)
{
    size_t size = strtoul(text, NULL, 10);
    return size < 1 ? 1 : size < BYTES_MAX ? size : BYTES_MAX;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0)
        return serve(size_of(argv[2]), size_of(argv[3]));
    if (argc == 6 && strcmp(argv[1], "ask") == 0)
        return ask((uint16_t)strtoul(argv[2], NULL, 10), size_of(argv[3]), size_of(argv[4]),
                   strtol(argv[5], NULL, 10));
    (void)fprintf(stderr, "usage: echo serve REQUEST_BYTES REPLY_BYTES\n"
                          "       echo ask PORT REQUEST_BYTES REPLY_BYTES SECONDS\n");
    return 2;
}
