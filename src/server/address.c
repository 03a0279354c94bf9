#include "server/address.h"

#include <errno.h>

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static bool parse(const char *text, union address *address)
{
    const char *colon = strrchr(text, ':');
    char host[ADDRESS_HOST_BYTES];
    int64_t port;
    if (colon == NULL || (size_t)(colon - text) >= sizeof host ||
        !options_parse_value(OPTION_NUMBER, colon + 1, &port) || port < 0 || port > 65535)
        return false;
    address_host(text, host);
    size_t size = strlen(host);
    if (size > 1 && host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        return uv_ip6_addr(host + 1, (int)port, &address->v6) == 0;
    }
    return uv_ip4_addr(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, (int)port, &address->v4) == 0;
}

bool address_parse(const char *option, const char *text, bool trusted, union address *address,
                   char error[SERVER_ERROR_BYTES])
{
    if (!parse(text, address)) {
        (void)snprintf(error, SERVER_ERROR_BYTES,
                       "--%s takes an address and a port, such as 127.0.0.1:8080, not \"%s\"", option, text);
        return false;
    }
    if (is_loopback(address) || trusted)
        return true;
    (void)snprintf(
        error, SERVER_ERROR_BYTES,
        "%s can be reached from other machines, and every caller may read and change everything; "
        "guard it (--tls-certificate and --api-keys) or add --trusted-network if that is what you want",
        text);
    return false;
}

void address_host(const char *text, char host[ADDRESS_HOST_BYTES])
{
    (void)snprintf(host, ADDRESS_HOST_BYTES, "%.*s", (int)(strrchr(text, ':') - text), text);
}

bool address_listen(const char *option, const char *text, const union address *address,
                    struct net_listener *listener, struct net_loop *loop,
                    void (*accepted)(void *owner, int fd), void *owner, char error[SERVER_ERROR_BYTES])
{
    int failure = net_listener_open(listener, loop, &address->any, accepted, owner);
    if (failure == -EADDRINUSE)
        (void)snprintf(error, SERVER_ERROR_BYTES,
                       "%s is taken: another server listens there; stop it or choose another port with --%s",
                       text, option);
    else if (failure != 0)
        (void)snprintf(error, SERVER_ERROR_BYTES, "cannot listen on %s: %s", text, strerror(-failure));
    return failure == 0;
}
