/* A client as a whole: opening, closing, the metadata of its calls, and what can be asked of it. */
#include "client/client.h"

#include "base/clock.h"
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define AGENT          "c:cache:" MAYFLY_VERSION
#define HOST_MAX       255
#define ADAPTIVE_START 10

/* --- Metadata --- */

struct metadata *client_metadata(struct mayfly_client *client, const char *cache,
                                 const struct metadata_pair *extras, size_t extra_count)
{
    const char *name = cache != NULL ? cache : "";
    bool plain = extra_count == 0 && client->introduced;
    for (size_t i = 0; plain && i < CLIENT_KNOWN_CACHES; i++)
        if (client->known[i].name != NULL && strcmp(client->known[i].name, name) == 0)
            return metadata_hold(client->known[i].metadata);

    struct metadata_pair pairs[4 + CLIENT_METADATA_MAX];
    size_t count = 0;
    if (cache != NULL)
        pairs[count++] = (struct metadata_pair){bytes_of("cache"), bytes_of(cache)};
    if (client->api_key != NULL)
        pairs[count++] = (struct metadata_pair){bytes_of("authorization"), bytes_of(client->api_key)};
    if (!client->introduced) {
        pairs[count++] = (struct metadata_pair){bytes_of("agent"), bytes_of(AGENT)};
        pairs[count++] = (struct metadata_pair){bytes_of("runtime-version"), bytes_of("c")};
        client->introduced = true;
    }
    for (size_t i = 0; i < extra_count; i++)
        pairs[count++] = extras[i];
    struct metadata *metadata = metadata_create(pairs, count);
    if (metadata == NULL || !plain)
        return metadata;

    struct client_cache *slot = &client->known[client->known_next++ % CLIENT_KNOWN_CACHES];
    char *copy = strdup(name);
    if (copy == NULL)
        return metadata;
    free(slot->name);
    metadata_release(slot->metadata);
    slot->name = copy;
    slot->metadata = metadata_hold(metadata);
    return metadata;
}

/* --- Forks --- */

/* How many lie between this process and the one that opened its first client. Counted, since asking the system for the
 * process would cost each call a tenth of its time. */
static atomic_uint forks;
static bool is_fork_counted;

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
    is_fork_counted = pthread_atfork(NULL, NULL, count_fork) == 0;
}

/* Has forks counted from now on; false when memory is out. */
static bool begin_to_watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, watch_forks);
    return is_fork_counted;
}

/* --- Opening --- */

static mayfly_status tell(mayfly_error *error, mayfly_status status, const char *message)
{
    if (error != NULL) {
        error->status = status;
        (void)snprintf(error->message, sizeof error->message, "%s", message);
    }
    return status;
}

/* Where calls go and what opens the door. */
static bool keep_credentials(struct mayfly_client *client, const mayfly_credentials *credentials)
{
    const mayfly_configuration *configuration = &client->configuration;
    const char *control_host = credentials->control_host;
    bool is_apart = control_host != NULL && strcmp(control_host, credentials->cache_host) != 0;
    client_route_init(&client->data, client, &client->cache_endpoint, configuration->min_channels,
                      configuration->max_channels);
    client_route_init(&client->control, client, is_apart ? &client->control_endpoint : NULL, 0, 1);
    client_route_init(&client->topics, client, &client->cache_endpoint, 0, CLIENT_CHANNELS_MAX);
    bool has_key = credentials->api_key != NULL && credentials->api_key[0] != '\0';
    client->api_key = has_key ? strdup(credentials->api_key) : NULL;
    return (client->api_key != NULL || !has_key) &&
           client_endpoint_init(&client->cache_endpoint, &client->loop, credentials->cache_host,
                                credentials->port) &&
           (!is_apart ||
            client_endpoint_init(&client->control_endpoint, &client->loop, control_host, credentials->port));
}

/* Reads the files that the credentials name. */
static mayfly_status keep_tls(struct mayfly_client *client, const mayfly_tls *tls, mayfly_error *error)
{
    const struct net_tls_client_settings settings = {
        .ca_file = tls->ca_file,
        .certificate_file = tls->certificate_file,
        .key_file = tls->key_file,
        .is_unchecked = tls->is_unchecked,
    };
    const char *name = tls->server_name;
    char why[NET_TLS_ERROR_BYTES];
    if (!tls->is_on)
        return MAYFLY_OK;
    if (name != NULL && name[0] == '\0')
        return tell(error, MAYFLY_INVALID_ARGUMENT,
                    "the name to check the server's certificate for is empty; NULL stands for the host");
    if (name != NULL && (name[0] == '.' || strlen(name) > HOST_MAX))
        return tell(error, MAYFLY_INVALID_ARGUMENT,
                    "the name to check the server's certificate for has at most 255 characters and does not "
                    "begin with a dot");
    if (name != NULL && (client->tls_name = strdup(name)) == NULL)
        return tell(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    client->tls = net_tls_client(&settings, why);
    return client->tls != NULL ? MAYFLY_OK : tell(error, MAYFLY_INVALID_ARGUMENT, why);
}

/* A client lies in pages of its own. When it is closed they are emptied but stay where they are: zeroes in the
 * address space, and no memory. So a closed client is known as one wherever it is used, and not a guess at
 * what has become of freed memory. */
static struct mayfly_client *client_alloc(void)
{
    void *pages =
        mmap(NULL, sizeof(struct mayfly_client), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages != MAP_FAILED ? pages : NULL;
}

static void client_empty(struct mayfly_client *client)
{
    *client = (struct mayfly_client){.is_open = false};
    (void)madvise(client, sizeof *client, MADV_DONTNEED);
}

/* Gives back all but the pages. */
static void client_clear(struct mayfly_client *client)
{
    client_calls_free(client);
    client_watch_free(client);
    free(client->name);
    for (size_t i = 0; i < CLIENT_KNOWN_CACHES; i++) {
        free(client->known[i].name);
        metadata_release(client->known[i].metadata);
    }
    h2_methods_destroy(client->methods);
    net_tls_release(client->tls);
    free(client->tls_name);
    (void)pthread_mutex_destroy(&client->lock);
    client_endpoint_free(&client->cache_endpoint);
    client_endpoint_free(&client->control_endpoint);
    if (client->api_key != NULL)
        explicit_bzero(client->api_key, strlen(client->api_key));
    free(client->api_key);
}

/* Gives back a client that nobody has seen. */
static void client_free(struct mayfly_client *client)
{
    client_clear(client);
    (void)munmap(client, sizeof *client);
}

/* Enough to be quick at once where a server is near, too few to hurt one that is far. */
static uint32_t adaptive_start(const mayfly_configuration *configuration)
{
    return configuration->max_in_flight < ADAPTIVE_START ? configuration->max_in_flight : ADAPTIVE_START;
}

static struct mayfly_client *client_create(const mayfly_configuration *configuration,
                                           const mayfly_credentials *credentials, mayfly_drive drive)
{
    struct mayfly_client *client = client_alloc();
    if (client == NULL)
        return NULL;
    client->configuration = *configuration;
    client->configuration.name = client->name =
        strdup(configuration->name != NULL ? configuration->name : "");
    client->drive = drive;
    client->is_open = true;
    client->forks = atomic_load(&forks);
    bool is_adaptive = configuration->concurrency == MAYFLY_ADAPTIVE;
    limiter_init(&client->limiter,
                 &(struct limiter_config){
                     .min = 1,
                     .max = configuration->max_in_flight,
                     .initial = adaptive_start(configuration),
                     .target_p999_ns = (int64_t)configuration->target_p999_us * CLOCK_NS_PER_US,
                 });
    client->limit = is_adaptive ? client->limiter.limit : configuration->max_in_flight;
    client->retry_tokens = CLIENT_RETRY_TOKENS;
    struct list *lists[] = {
        &client->leaving,        &client->in_flight,    &client->failing,  &client->subscriptions,
        &client->topics_waiting, &client->spare,        &client->prepared, &client->cancels,
        &client->subscribes,     &client->unsubscribes, &client->waiters,
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        list_init(lists[i]);
    (void)pthread_mutex_init(&client->lock, NULL);
    client->methods = client_methods_create();
    if (!begin_to_watch_forks() || client->methods == NULL || client->name == NULL ||
        !client_watch_init(client) || !keep_credentials(client, credentials) ||
        net_loop_init(&client->loop) != 0) {
        client_free(client);
        return NULL;
    }
    return client;
}

struct time_limit {
    struct timer timer;
    bool passed;
};

static void on_time_limit(struct timer *timer)
{
    list_entry(timer, struct time_limit, timer)->passed = true;
}

/* A certificate that is refused will be refused again. */
static bool is_hopeless(const struct mayfly_client *client)
{
    return client->data.is_untrusted && atomic_load(&client->ready_channels) == 0;
}

/* Turns the loop until every channel is ready or the time is up; then one will do. */
static bool wait_connected(struct mayfly_client *client, uint32_t channels)
{
    struct time_limit limit = {.passed = false};
    timer_init(&limit.timer, on_time_limit);
    int64_t wait_ns = (int64_t)client->configuration.connect_timeout_ms * CLOCK_NS_PER_MS;
    limit.passed = !net_loop_arm(&client->loop, &limit.timer, clock_add(clock_now_ns(), wait_ns));
    while (!limit.passed && !is_hopeless(client) && atomic_load(&client->ready_channels) < channels)
        net_loop_step(&client->loop, true);
    net_loop_disarm(&client->loop, &limit.timer);
    return atomic_load(&client->ready_channels) > 0;
}

/* Ends all calls and connections. The loop is nobody else's any more. */
static void client_shut(struct mayfly_client *client)
{
    client->closing = true;
    client_drive_finish(client);
    client_calls_cancel(client);
    client_topics_close(client);
    client_channels_close(client);
    while (!client_channels_closed(client))
        net_loop_step(&client->loop, true);
    net_loop_free(&client->loop);
}

static mayfly_status fail_to_connect(struct mayfly_client *client, mayfly_error *error)
{
    char message[sizeof error->message];
    const char *why = client->data.problem;
    if (is_hopeless(client))
        (void)snprintf(message, sizeof message, "%s", why);
    else if (why[0] != '\0')
        (void)snprintf(message, sizeof message, "%.*s (tried for %u ms)%s", (int)(sizeof message - 80), why,
                       client->configuration.connect_timeout_ms,
                       client->tls == NULL ? "; is the server running there?" : "");
    else
        (void)snprintf(message, sizeof message, "no answer from %s within %u ms; is it the right address?",
                       client->cache_endpoint.authority, client->configuration.connect_timeout_ms);
    return tell(error, MAYFLY_UNAVAILABLE, message);
}

/* Whether a key can be the value of a header. */
static bool is_sendable(const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < size; i++)
        if (key[i] < ' ' || key[i] > '~')
            return false;
    return size == 0 || (key[0] != ' ' && key[size - 1] != ' ');
}

static const char *arguments_problem(const mayfly_configuration *configuration,
                                     const mayfly_credentials *credentials, mayfly_drive drive)
{
    if (configuration == NULL || credentials == NULL)
        return "a client needs a configuration and credentials";
    if (credentials->cache_host == NULL || credentials->cache_host[0] == '\0' ||
        strlen(credentials->cache_host) > HOST_MAX)
        return "the credentials need a host of 1 to 255 characters";
    if (credentials->control_host != NULL &&
        (credentials->control_host[0] == '\0' || strlen(credentials->control_host) > HOST_MAX))
        return "a control host has 1 to 255 characters";
    if (credentials->port == 0)
        return "the credentials need a port";
    if (credentials->api_key != NULL && !is_sendable(credentials->api_key))
        return "the API key has a character that cannot be sent: a space at an end, or one that is not "
               "printable";
    if ((unsigned)drive > MAYFLY_DRIVEN_BY_THREAD)
        return "drive is none of the three ways to drive a client";
    return mayfly_configuration_problem(configuration);
}

/* Opens the channels, waits for them as long as the configuration says, and starts who drives. */
static mayfly_status client_begin(struct mayfly_client *client, mayfly_error *error)
{
    if (!client_route_fill(&client->data, 0))
        return tell(error, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    if (client->configuration.connect_timeout_ms > 0 &&
        !wait_connected(client, client->configuration.min_channels))
        return fail_to_connect(client, error);
    if (!client_drive_start(client))
        return tell(error, MAYFLY_RESOURCE_EXHAUSTED, "no thread could be started");
    return MAYFLY_OK;
}

mayfly_status mayfly_client_open(const mayfly_configuration *configuration,
                                 const mayfly_credentials *credentials, mayfly_drive drive,
                                 mayfly_client **opened, mayfly_error *error)
{
    if (opened == NULL)
        return tell(error, MAYFLY_INVALID_ARGUMENT, "there is no place for the client: `client` is NULL");
    *opened = NULL;
    const char *problem = arguments_problem(configuration, credentials, drive);
    if (problem != NULL)
        return tell(error, MAYFLY_INVALID_ARGUMENT, problem);

    struct mayfly_client *client = client_create(configuration, credentials, drive);
    if (client == NULL)
        return tell(error, MAYFLY_RESOURCE_EXHAUSTED, "memory or file descriptors are out");
    mayfly_status status = keep_tls(client, &credentials->tls, error);
    if (status == MAYFLY_OK)
        status = client_begin(client, error);
    if (status != MAYFLY_OK) {
        client_shut(client);
        client_free(client);
        return status;
    }
    *opened = client;
    return tell(error, MAYFLY_OK, "");
}

void mayfly_client_close(mayfly_client *client)
{
    /* In a child of the process that opened it, the sockets and the loop are still the parent's. */
    if (client == NULL || client_use_problem(client) != NULL || client_inside_callback(client))
        return;
    client_drive_stop(client);
    client_shut(client);
    client_clear(client);
    client_empty(client);
}

/* --- Asking --- */

const char *client_use_problem(const struct mayfly_client *client)
{
    if (!client->is_open)
        return "this client was closed";
    if (client->forks != atomic_load_explicit(&forks, memory_order_relaxed))
        return "another process opened this client; after a fork, open one of its own";
    return NULL;
}

static bool is_hosted(const mayfly_client *client)
{
    return client != NULL && client->drive == MAYFLY_DRIVEN_BY_CALLER && client_use_problem(client) == NULL;
}

int mayfly_client_descriptor(const mayfly_client *client)
{
    return is_hosted(client) ? uv_backend_fd(&client->loop.uv) : -1;
}

int mayfly_client_timeout_ms(const mayfly_client *client)
{
    return is_hosted(client) ? net_loop_timeout_ms(&client->loop) : -1;
}

mayfly_client_counts mayfly_client_count(const mayfly_client *client)
{
    if (client == NULL)
        return (mayfly_client_counts){0};
    /* The structure is the caller's to read only; the counters in it are atomic. */
    struct mayfly_client *shared = (struct mayfly_client *)(uintptr_t)client;
    uint32_t in_flight = atomic_load(&shared->counted_in_flight);
    uint32_t admitted = atomic_load(&shared->data.admitted) + atomic_load(&shared->control.admitted);
    return (mayfly_client_counts){
        .in_flight = in_flight,
        .limit = atomic_load(&shared->limit),
        .is_target_unmet = atomic_load(&shared->is_target_unmet),
        .backlog = admitted > in_flight ? admitted - in_flight : 0,
        .connections = atomic_load(&shared->ready_channels),
        .calls = atomic_load(&shared->calls),
        .failures = atomic_load(&shared->failures),
        .retries = atomic_load(&shared->retries),
        .refused_retries = atomic_load(&shared->refused_retries),
        .connects = atomic_load(&shared->connects),
        .disconnects = atomic_load(&shared->disconnects),
    };
}

const char *mayfly_status_name(mayfly_status status)
{
    return status_name((enum status)status);
}

const char *mayfly_version(void)
{
    return MAYFLY_VERSION;
}
