/* An endpoint: a host and the addresses that its name stands for. Channels take the addresses in turn, each beginning
 * with another one; when none is any good, or they are old, the name is resolved anew.
 *
 * Nothing can end a getaddrinfo that waits for a name server, so each has a thread of its own that a client can
 * walk away from: whoever of the two is the last to know frees what they share. */
#include "base/clock.h"
#include "client/client.h"

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define ADDRESSES_KEPT_NS ((int64_t)30 * CLOCK_NS_PER_S)
#define PROBLEM_BYTES     160

struct resolution {
    pthread_mutex_t lock;
    struct net_task told;
    struct endpoint *endpoint; /* NULL: nobody wants to know any more */
    bool is_told;              /* the task is the loop's */
    int error;                 /* of getaddrinfo */
    struct addrinfo *found;
    char port[sizeof "65535"];
    char host[];
};

static void resolution_free(struct resolution *resolution)
{
    if (resolution->found != NULL)
        freeaddrinfo(resolution->found);
    (void)pthread_mutex_destroy(&resolution->lock);
    free(resolution);
}

/* --- On the resolving thread --- */

static void *resolve(void *context)
{
    struct resolution *resolution = context;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    resolution->error = getaddrinfo(resolution->host, resolution->port, &hints, &resolution->found);

    (void)pthread_mutex_lock(&resolution->lock);
    bool is_wanted = resolution->endpoint != NULL;
    if (is_wanted) {
        resolution->is_told = true;
        net_loop_post(resolution->endpoint->loop, &resolution->told);
    }
    (void)pthread_mutex_unlock(&resolution->lock);
    if (!is_wanted)
        resolution_free(resolution);
    return NULL;
}

/* --- On the driving thread --- */

static bool keep_addresses(struct endpoint *endpoint, const struct addrinfo *found)
{
    size_t count = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        count++;
    struct sockaddr_storage *addresses = count > 0 ? calloc(count, sizeof *addresses) : NULL;
    if (addresses == NULL)
        return false;
    free(endpoint->addresses);
    endpoint->addresses = addresses;
    endpoint->address_count = count;
    endpoint->next_address = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        memcpy(addresses++, at->ai_addr, at->ai_addrlen);
    return true;
}

/* Tells all that wait. */
static void endpoint_tell(struct endpoint *endpoint, const char *problem)
{
    endpoint->resolved_ns = clock_now_ns();
    struct list waiting;
    list_init(&waiting);
    list_move(&endpoint->waiting, &waiting);
    while (!list_empty(&waiting))
        client_channel_resolved(list_entry(list_pop_front(&waiting), struct channel, resolving),
                                endpoint->address_count > 0 ? NULL : problem);
}

static void on_told(struct net_task *task)
{
    struct resolution *resolution = list_entry(task, struct resolution, told);
    struct endpoint *endpoint = resolution->endpoint;
    char problem[PROBLEM_BYTES];
    (void)pthread_mutex_lock(&resolution->lock); /* the other thread has left when this is ours */
    (void)pthread_mutex_unlock(&resolution->lock);
    endpoint->resolution = NULL;
    endpoint->has_failed = resolution->error != 0 || !keep_addresses(endpoint, resolution->found);
    (void)snprintf(problem, sizeof problem, "%s",
                   resolution->error != 0 ? gai_strerror(resolution->error) : "the name has no address");
    resolution_free(resolution);
    endpoint_tell(endpoint, problem);
}

/* Starts a thread that handles no signals; they are the host's. */
static bool start_thread(struct resolution *resolution)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = pthread_create(&thread, NULL, resolve, resolution) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started)
        (void)pthread_detach(thread);
    return is_started;
}

static bool endpoint_resolve(struct endpoint *endpoint)
{
    size_t host_size = strlen(endpoint->host) + 1;
    struct resolution *resolution = calloc(1, sizeof *resolution + host_size);
    if (resolution == NULL)
        return false;
    (void)pthread_mutex_init(&resolution->lock, NULL);
    list_init(&resolution->told.link);
    resolution->told.run = on_told;
    resolution->endpoint = endpoint;
    memcpy(resolution->host, endpoint->host, host_size);
    (void)snprintf(resolution->port, sizeof resolution->port, "%u", endpoint->port);
    if (!start_thread(resolution)) {
        resolution_free(resolution);
        return false;
    }
    endpoint->resolution = resolution;
    return true;
}

bool client_endpoint_ready(struct endpoint *endpoint, struct channel *channel)
{
    bool is_old = clock_now_ns() - endpoint->resolved_ns > ADDRESSES_KEPT_NS;
    bool is_due = endpoint->is_name && (endpoint->has_failed || is_old || endpoint->address_count == 0);
    bool is_coming = endpoint->resolution != NULL || (is_due && endpoint_resolve(endpoint));
    if (endpoint->address_count > 0)
        return true;
    if (is_coming)
        list_push_back(&endpoint->waiting, &channel->resolving);
    else
        client_channel_resolved(channel, "the name cannot be resolved: no thread can be started for it");
    return false;
}

bool client_endpoint_close(struct endpoint *endpoint)
{
    struct resolution *resolution = endpoint->resolution;
    if (resolution == NULL)
        return true;
    (void)pthread_mutex_lock(&resolution->lock);
    bool is_told = resolution->is_told;
    if (!is_told)
        resolution->endpoint = NULL;
    (void)pthread_mutex_unlock(&resolution->lock);
    if (!is_told)
        endpoint->resolution = NULL; /* the other thread frees it */
    return !is_told;
}

/* --- Beginning and end --- */

/* Takes the host for an address, if it is one. */
static bool take_literal(struct endpoint *endpoint)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    endpoint->is_name = uv_ip4_addr(endpoint->host, endpoint->port, &address.v4) != 0 &&
                        uv_ip6_addr(endpoint->host, endpoint->port, &address.v6) != 0;
    if (endpoint->is_name)
        return true;
    endpoint->addresses = malloc(sizeof *endpoint->addresses);
    if (endpoint->addresses == NULL)
        return false;
    *endpoint->addresses = address.any;
    endpoint->address_count = 1;
    return true;
}

bool client_endpoint_init(struct endpoint *endpoint, struct net_loop *loop, const char *host, uint16_t port)
{
    size_t size = strlen(host) + sizeof "[]:65535";
    *endpoint = (struct endpoint){.loop = loop, .port = port};
    list_init(&endpoint->waiting);
    endpoint->host = strdup(host);
    endpoint->authority = malloc(size);
    if (endpoint->host == NULL || endpoint->authority == NULL)
        return false;
    bool is_v6 = strchr(host, ':') != NULL;
    (void)snprintf(endpoint->authority, size, is_v6 ? "[%s]:%u" : "%s:%u", host, port);
    return take_literal(endpoint);
}

void client_endpoint_free(struct endpoint *endpoint)
{
    free(endpoint->host);
    free(endpoint->authority);
    free(endpoint->addresses);
}
