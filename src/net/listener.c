#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#define LISTEN_BACKLOG   4096
#define ACCEPTS_PER_TURN 64

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Without a free descriptor, the newcomer is accepted on the spare one, so that it sees the end at once. */
static void shed_one(struct net_listener *listener)
{
    if (listener->spare_fd < 0)
        return;
    (void)close(listener->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    listener->spare_fd = open_spare();
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct net_listener *listener = poll->data;
    if (listener->spare_fd < 0)
        listener->spare_fd = open_spare();
    for (int i = 0; status == 0 && i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->accepted(listener->owner, fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            shed_one(listener);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static int listening_socket(const struct sockaddr *address)
{
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, size) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        int error = errno;
        (void)close(fd);
        return -error;
    }
    return fd;
}

int net_listener_open(struct net_listener *listener, struct net_loop *loop, const struct sockaddr *address,
                      void (*accepted)(void *owner, int fd), void *owner)
{
    *listener = (struct net_listener){.accepted = accepted, .owner = owner};
    listener->fd = listening_socket(address);
    if (listener->fd < 0)
        return listener->fd;
    listener->spare_fd = open_spare();
    int error = uv_poll_init(&loop->uv, &listener->poll, listener->fd);
    if (error == 0) {
        listener->poll.data = listener;
        return uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    }
    (void)close(listener->fd);
    if (listener->spare_fd >= 0)
        (void)close(listener->spare_fd);
    return error;
}

int net_listener_port(const struct net_listener *listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v4 = {.sin_family = AF_INET}};
    socklen_t size = sizeof address;
    if (getsockname(listener->fd, &address.any, &size) != 0)
        return -errno;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

void net_listener_pause(struct net_listener *listener, bool paused)
{
    if (paused)
        (void)uv_poll_stop(&listener->poll);
    else
        (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

void net_listener_close(struct net_listener *listener)
{
    (void)uv_poll_stop(&listener->poll);
    uv_close((uv_handle_t *)&listener->poll, NULL);
    (void)close(listener->fd);
    if (listener->spare_fd >= 0)
        (void)close(listener->spare_fd);
}
