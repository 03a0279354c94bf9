/* A client (MAYFLY_DRIVEN_BY_CALLER) in a loop of the program's own around epoll_wait or poll. The loop asks before each
 * wait how long it may last, and says when the client's descriptor was readable; that is all. Calls may be started at
 * any time between.
 *
 *     mayfly_epoll_attach(client, epoll_fd, client);
 *     for (;;) {
 *         int count = epoll_wait(epoll_fd, events, 64, mayfly_epoll_before_wait(client, own_timeout_ms));
 *         for (int i = 0; i < count; i++)
 *             if (events[i].data.ptr == client)
 *                 mayfly_epoll_ready(client);
 *             else ...
 *     }
 *
 * The same with poll: a struct pollfd of mayfly_poll_descriptor, mayfly_epoll_before_wait, and mayfly_epoll_ready where
 * revents is not zero. The client's callbacks run inside these functions, on the thread that calls them. */
#ifndef MAYFLY_ADAPTERS_EPOLL_H
#define MAYFLY_ADAPTERS_EPOLL_H

#include <mayfly/client.h>
#include <poll.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Sends what was started, does what is due, and gives the milliseconds that the loop may wait for its descriptors: at
 * most OWN_TIMEOUT_MS, -1 standing for ever in both. To be called before every wait. */
static inline int mayfly_epoll_before_wait(mayfly_client *client, int own_timeout_ms)
{
    int timeout_ms = mayfly_client_timeout_ms(client);
    if (timeout_ms == 0) /* and no wait behind it: callbacks may have run that the loop looks out for */
        (void)mayfly_client_step(client, false);
    if (own_timeout_ms < 0 || (timeout_ms >= 0 && timeout_ms < own_timeout_ms))
        return timeout_ms;
    return own_timeout_ms;
}

/* The client's descriptor is readable. */
static inline void mayfly_epoll_ready(mayfly_client *client)
{
    (void)mayfly_client_step(client, false);
}

/* What poll is to watch for the client; the descriptor is -1, which poll passes over, for one that is not driven by its
 * caller. The same for the client's whole life. */
static inline struct pollfd mayfly_poll_descriptor(const mayfly_client *client)
{
    struct pollfd watched = {mayfly_client_descriptor(client), POLLIN, 0};
    return watched;
}

#ifdef __linux__

/* Has EPOLL_FD watch the client; DATA comes back with its events. 0, or -1 with errno: EBADF for a client that is not
 * driven by its caller. */
static inline int mayfly_epoll_attach(mayfly_client *client, int epoll_fd, void *data)
{
    struct epoll_event event = {EPOLLIN, {data}};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, mayfly_client_descriptor(client), &event);
}

/* Ends that; to be called before the client is closed. 0, or -1 with errno. */
static inline int mayfly_epoll_detach(mayfly_client *client, int epoll_fd)
{
    return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, mayfly_client_descriptor(client), NULL);
}

#endif

#ifdef __cplusplus
}
#endif

#endif
