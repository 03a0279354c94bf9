/* Where a server listens, as an operator writes it: "127.0.0.1:8080", "[::1]:8080" or "localhost:8080". */
#ifndef MAYFLY_SERVER_ADDRESS_H
#define MAYFLY_SERVER_ADDRESS_H

#include "net/listener.h"
#include "server/server.h"

#include <netinet/in.h>

#define ADDRESS_HOST_BYTES 64

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Reads the address that the option OPTION gives. False, with a sentence in ERROR, where it is none, or one beyond
 * loopback without TRUSTED. */
bool address_parse(const char *option, const char *text, bool trusted, union address *address,
                   char error[SERVER_ERROR_BYTES]);

/* The host in an address that was parsed. */
void address_host(const char *text, char host[ADDRESS_HOST_BYTES]);

/* Listens as net_listener_open does. False with a sentence in ERROR. */
bool address_listen(const char *option, const char *text, const union address *address,
                    struct net_listener *listener, struct net_loop *loop,
                    void (*accepted)(void *owner, int fd), void *owner, char error[SERVER_ERROR_BYTES]);

#endif
