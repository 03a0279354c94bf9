/* A listening socket: accepts connections and hands each descriptor on. Which loop serves it is the owner's
 * choice. Running out of descriptors closes the newcomer instead of leaving it in the dark. */
#ifndef MAYFLY_NET_LISTENER_H
#define MAYFLY_NET_LISTENER_H

#include "net/loop.h"

#include <sys/socket.h>

struct net_listener {
    uv_poll_t poll;
    int fd;
    int spare_fd; /* given up for a moment when descriptors are out */
    void (*accepted)(void *owner, int fd);
    void *owner;
};

/* Listens on ADDRESS; ACCEPTED is given each new socket, non-blocking, and owns it. 0 or a negative errno,
 * -EADDRINUSE where somebody listens there already. */
int net_listener_open(struct net_listener *listener, struct net_loop *loop, const struct sockaddr *address,
                      void (*accepted)(void *owner, int fd), void *owner);

/* The port that the kernel chose or was told. */
int net_listener_port(const struct net_listener *listener);

/* Accepts nothing until told otherwise; who connects meanwhile waits in the kernel. */
void net_listener_pause(struct net_listener *listener, bool paused);

/* Accepts no more. */
void net_listener_close(struct net_listener *listener);

#endif
