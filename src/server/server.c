/* Puts a server together: the store, the loops, the listener that hands each socket to the least busy loop,
 * the signals that end it or have it read its files again, and the steady upkeep of store and topics. */
#include "server/server.h"

#include "base/clock.h"
#include "base/hash.h"
#include "server/keys.h"
#include "server/quota.h"
#include "server/rig.h"
#include "server/services.h"
#include "server/test_port.h"
#include "server/topics.h"
#include "store/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPKEEP_IDLE_NS                 ((int64_t)100 * CLOCK_NS_PER_MS)
#define UPKEEP_BUSY_NS                 CLOCK_NS_PER_MS

#define DESCRIPTORS_BESIDE_CONNECTIONS 256
#define SIGNALS                        4

struct running {
    struct server server;
    struct server_worker *workers;
    size_t worker_count;
    size_t workers_ready;
    struct net_listener listener;
    bool listening;
    struct net_tls
        *tls; /* of new connections; NULL: in plain. The first worker's, which accepts and reloads */
    struct test_port *test_port; /* NULL without --test-faults */
    uv_signal_t signals[SIGNALS];
    struct timer upkeep;
};

/* --- Upkeep --- */

static void on_upkeep(struct timer *timer)
{
    struct running *running = list_entry(timer, struct running, upkeep);
    int64_t now_ns = clock_now_ns();
    bool more = store_maintain(running->server.store, now_ns / CLOCK_NS_PER_MS);
    more = topics_maintain(running->server.topics) || more;
    (void)net_loop_arm(&running->workers[0].loop, timer, now_ns + (more ? UPKEEP_BUSY_NS : UPKEEP_IDLE_NS));
}

/* --- Accepting --- */

static struct server_worker *least_busy(struct running *running)
{
    struct server_worker *best = &running->workers[0];
    for (size_t i = 1; i < running->worker_count; i++) {
        struct server_worker *worker = &running->workers[i];
        int64_t streams = atomic_load_explicit(&worker->streams, memory_order_relaxed);
        int64_t best_streams = atomic_load_explicit(&best->streams, memory_order_relaxed);
        if (streams < best_streams ||
            (streams == best_streams && atomic_load(&worker->assigned) < atomic_load(&best->assigned)))
            best = worker;
    }
    return best;
}

static void on_accepted(void *owner, int fd)
{
    struct running *running = owner;
    struct server *server = &running->server;
    if (atomic_load(&server->open_connections) >= server->settings->max_connections) {
        server_count(&running->workers[0].counters.connections_refused);
        (void)close(fd);
        return;
    }
    struct server_worker *worker = least_busy(running);
    atomic_fetch_add(&server->open_connections, 1);
    atomic_fetch_add(&worker->assigned, 1);
    server_worker_assign(worker, fd, running->tls);
}

/* --- TLS --- */

/* Reads the files that the settings name; *tls is NULL where they name none. */
static bool load_tls(const struct server_settings *settings, struct net_tls **tls,
                     char error[SERVER_ERROR_BYTES])
{
    const struct net_tls_server_settings files = {
        .certificate_file = settings->tls_certificate,
        .key_file = settings->tls_key,
        .client_ca_file = settings->tls_client_ca,
    };
    char why[NET_TLS_ERROR_BYTES];
    *tls = NULL;
    if (files.certificate_file == NULL && files.key_file == NULL && files.client_ca_file == NULL)
        return true;
    if (files.certificate_file == NULL || files.key_file == NULL) {
        (void)snprintf(error, SERVER_ERROR_BYTES, "TLS needs --tls-certificate and --tls-key, both");
        return false;
    }
    *tls = net_tls_server(&files, why);
    if (*tls == NULL)
        (void)snprintf(error, SERVER_ERROR_BYTES, "%s", why);
    return *tls != NULL;
}

/* New connections get what the files say now; those that are there keep what they have, as does everybody where a
 * file is bad. Files that say the same again change nothing, so tickets stay good. */
static void reload_tls(struct running *running)
{
    char error[SERVER_ERROR_BYTES];
    struct net_tls *fresh;
    if (!load_tls(running->server.settings, &fresh, error)) {
        const struct log_field fields[] = {log_text("reason", error)};
        log_write(running->server.log, LOG_ERROR, "certificate not reloaded", fields, 1);
        return;
    }
    if (fresh == NULL)
        return;
    bool is_new = !net_tls_equal(fresh, running->tls);
    if (is_new) {
        struct net_tls *old = running->tls;
        running->tls = fresh;
        fresh = old;
    }
    net_tls_release(fresh);
    log_write(running->server.log, LOG_INFO, is_new ? "certificate reloaded" : "certificate unchanged", NULL,
              0);
}

/* --- The addresses --- */

static bool start_listening(struct running *running, char error[SERVER_ERROR_BYTES])
{
    const struct server_settings *settings = running->server.settings;
    union address address;
    bool is_guarded =
        settings->tls_certificate != NULL && (settings->api_keys != NULL || settings->tls_client_ca != NULL);
    running->listening =
        address_parse("listen", settings->listen, settings->trusted_network || is_guarded, &address, error) &&
        address_listen("listen", settings->listen, &address, &running->listener, &running->workers[0].loop,
                       on_accepted, running, error);
    return running->listening;
}

/* The test port runs on the first worker's loop, so that worker is blocked at once and the others are waited for. */
static void on_block(void *owner, bool blocked)
{
    struct running *running = owner;
    if (running->listening)
        net_listener_pause(&running->listener, blocked);
    server_worker_block(&running->workers[0], blocked);
    for (size_t i = 1; i < running->worker_count; i++)
        server_worker_block_and_wait(&running->workers[i], blocked);
}

static bool open_test_port(struct running *running, char error[SERVER_ERROR_BYTES])
{
    const struct server *server = &running->server;
    if (server->rig == NULL)
        return true;
    const struct test_port_config config = {
        .listen = server->settings->test_faults_listen,
        .trusted_network = server->settings->trusted_network,
        .loop = &running->workers[0].loop,
        .log = server->log,
        .simulation = server->rig->simulation,
        .block = on_block,
        .owner = running,
    };
    running->test_port = test_port_open(&config, error);
    return running->test_port != NULL;
}

static void log_listening(const struct running *running)
{
    const struct server_settings *settings = running->server.settings;
    char host[ADDRESS_HOST_BYTES];
    address_host(settings->listen, host);
    const struct log_field fields[] = {
        log_text("address", host),
        log_text("protocol", running->tls != NULL ? "tls" : "plain"),
        log_number("port", net_listener_port(&running->listener)),
        log_number("threads", settings->threads),
        log_number("memory_limit_bytes", settings->memory_limit_bytes),
        log_text("version", MAYFLY_VERSION),
    };
    log_write(running->server.log, LOG_INFO, "listening", fields, sizeof fields / sizeof fields[0]);
}

/* --- Counters, for the log --- */

static void log_counters(const struct running *running)
{
    static const char *const refusals[H2_REFUSALS] = {
        [H2_REFUSED_METHOD] = "refused_method",           [H2_REFUSED_PROTOCOL] = "refused_protocol",
        [H2_REFUSED_COMPRESSION] = "refused_compression", [H2_REFUSED_MESSAGE_SIZE] = "refused_message_size",
        [H2_REFUSED_HEADER_SIZE] = "refused_header_size", [H2_REFUSED_MEMORY] = "refused_memory",
    };
    struct log_field fields[STATUS_COUNT + H2_REFUSALS + 13];
    size_t count = 0;
    for (int status = 0; status < STATUS_COUNT; status++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < running->worker_count; i++)
            sum += atomic_load(&running->workers[i].counters.replies[status]);
        if (sum > 0)
            fields[count++] = log_number(status_name((enum status)status), (int64_t)sum);
    }
    for (int refusal = 0; refusal < H2_REFUSALS; refusal++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < running->worker_count; i++)
            sum += atomic_load(&running->workers[i].counters.refusals[refusal]);
        fields[count++] = log_number(refusals[refusal], (int64_t)sum);
    }
    uint64_t connections = 0;
    uint64_t failed = 0;
    uint64_t handshakes = 0;
    uint64_t resumed = 0;
    for (size_t i = 0; i < running->worker_count; i++) {
        connections += atomic_load(&running->workers[i].counters.connections);
        failed += atomic_load(&running->workers[i].counters.connections_failed);
        handshakes += atomic_load(&running->workers[i].counters.handshakes);
        resumed += atomic_load(&running->workers[i].counters.handshakes_resumed);
    }
    struct store_stats stats;
    store_stats(running->server.store, &stats);
    fields[count++] = log_number("connections", (int64_t)connections);
    fields[count++] = log_number("connections_open", atomic_load(&running->server.open_connections));
    fields[count++] = log_number("connections_failed", (int64_t)failed);
    fields[count++] = log_number("connections_refused",
                                 (int64_t)atomic_load(&running->workers[0].counters.connections_refused));
    if (running->tls != NULL) {
        fields[count++] = log_number("tls_handshakes", (int64_t)handshakes);
        fields[count++] = log_number("tls_handshakes_resumed", (int64_t)resumed);
    }
    fields[count++] = log_number("items", (int64_t)stats.items);
    fields[count++] = log_number("bytes_used", (int64_t)stats.bytes_used);
    fields[count++] = log_number("evictions", (int64_t)stats.evictions);
    fields[count++] = log_number("expirations", (int64_t)stats.expirations);
    struct topics_stats topics = topics_stats(running->server.topics);
    fields[count++] = log_number("topics", (int64_t)topics.topics);
    fields[count++] = log_number("topics_bytes", (int64_t)topics.used_bytes);
    log_write(running->server.log, LOG_INFO, "counters", fields, count);
}

/* --- API keys --- */

static void reload_keys(const struct server *server)
{
    char error[SERVER_ERROR_BYTES];
    if (server->keys == NULL)
        return;
    if (keys_reload(server->keys, error)) {
        const struct log_field fields[] = {log_number("keys", (int64_t)keys_count(server->keys))};
        log_write(server->log, LOG_INFO, "API keys read again", fields, 1);
    } else {
        const struct log_field fields[] = {log_text("problem", error)};
        log_write(server->log, LOG_ERROR, "API keys stay as they were", fields, 1);
    }
}

/* --- Files that others should leave alone --- */

static void warn_of(const struct log *log, const char *path, mode_t too_much, const char *event)
{
    struct stat status;
    if (path == NULL || stat(path, &status) != 0 || (status.st_mode & too_much) == 0)
        return;
    const struct log_field fields[] = {log_text("file", path)};
    log_write(log, LOG_WARN, event, fields, 1);
}

/* The server works with them all the same: who else is on the machine is the operator's to know. */
static void warn_of_files(const struct server *server)
{
    const struct server_settings *settings = server->settings;
    warn_of(server->log, settings->tls_key, S_IROTH | S_IWOTH, "others can read the private key");
    warn_of(server->log, settings->api_keys, S_IWOTH, "others can write to the API keys");
}

/* --- Signals --- */

static void close_signals(struct running *running)
{
    /* One more signal must not kill a server that has all but ended: nobody handles it from here on. */
    sigset_t stopping;
    (void)sigemptyset(&stopping);
    (void)sigaddset(&stopping, SIGTERM);
    (void)sigaddset(&stopping, SIGINT);
    (void)sigaddset(&stopping, SIGUSR1);
    (void)sigaddset(&stopping, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &stopping, NULL);
    for (size_t i = 0; i < SIGNALS; i++)
        if (!uv_is_closing((uv_handle_t *)&running->signals[i]))
            uv_close((uv_handle_t *)&running->signals[i], NULL);
}

static void on_stop(uv_signal_t *handle, int number)
{
    struct running *running = handle->data;
    if (atomic_exchange(&running->server.draining, true))
        return;
    const struct log_field fields[] = {log_text("signal", number == SIGTERM ? "SIGTERM" : "SIGINT")};
    log_write(running->server.log, LOG_INFO, "draining", fields, 1);
    test_port_close(running->test_port);
    net_listener_close(&running->listener);
    running->listening = false;
    for (size_t i = 0; i < running->worker_count; i++)
        server_worker_drain(&running->workers[i]);
}

static void on_report(uv_signal_t *handle, int number)
{
    (void)number;
    log_counters(handle->data);
}

/* Reads again what may change while the server runs. */
static void server_reload(struct running *running)
{
    warn_of_files(&running->server);
    reload_tls(running);
    reload_keys(&running->server);
}

static void on_reload(uv_signal_t *handle, int number)
{
    (void)number;
    server_reload(handle->data);
}

static void start_signals(struct running *running)
{
    static const struct {
        int number;
        uv_signal_cb handler;
    } wanted[SIGNALS] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGUSR1, on_report}, {SIGHUP, on_reload}};
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)uv_signal_init(&running->workers[0].loop.uv, &running->signals[i]);
        running->signals[i].data = running;
        (void)uv_signal_start(&running->signals[i], wanted[i].handler, wanted[i].number);
    }
}

/* --- Running --- */

static void *run_worker(void *worker)
{
    net_loop_run(&((struct server_worker *)worker)->loop);
    return NULL;
}

static void note_status(void *context, const struct store_reply *reply)
{
    *(enum store_status *)context = reply->status;
}

/* The cache that is there from the start. */
static bool create_first_cache(const struct server *server, char error[SERVER_ERROR_BYTES])
{
    if (server->settings->cache == NULL)
        return true;
    struct bytes name = bytes_of(server->settings->cache);
    enum store_status status = STORE_NO_MEMORY;
    if (!control_is_cache_name(name)) {
        (void)snprintf(error, SERVER_ERROR_BYTES, "--cache: %s", CONTROL_CACHE_NAME_RULE);
        return false;
    }
    store_cache_create(server->store, name, note_status, &status);
    if (status != STORE_OK)
        (void)snprintf(error, SERVER_ERROR_BYTES, "the cache of --cache could not be made: memory is out");
    return status == STORE_OK;
}

/* Descriptors for all the connections that the settings allow: most systems give a process few unless it asks. What
 * the system refuses is said, and the listener sheds what it then cannot hold. */
static void raise_descriptor_limit(const struct server *server)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)server->settings->max_connections + DESCRIPTORS_BESIDE_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return;
    const struct log_field fields[] = {log_number("max_connections", server->settings->max_connections),
                                       log_number("descriptors", (int64_t)limit.rlim_cur)};
    log_write(server->log, LOG_WARN, "fewer descriptors than connections", fields, 2);
}

static struct topics *create_topics(const struct server_settings *settings)
{
    const struct topics_limits limits = {
        .history_messages = (size_t)settings->topic_history,
        .history_bytes = (size_t)settings->topic_history_bytes,
        .memory_bytes = (size_t)settings->topics_memory_bytes,
        .topics = (size_t)settings->max_topics,
        .subscriptions = (size_t)settings->max_subscriptions,
    };
    return topics_create(&limits, hash_random_seed());
}

/* What only some servers have; false when memory is out. */
static bool prepare_extras(struct server *server)
{
    const struct quota_limits limits = {
        .requests_per_s = server->settings->max_requests_per_s,
        .bytes_per_s = server->settings->max_bytes_per_s,
    };
    bool has_rates = limits.requests_per_s > 0 || limits.bytes_per_s > 0;
    if (has_rates)
        server->quotas = quotas_create(&limits);
    if (server->settings->test_faults)
        server->rig = rig_create();
    return (server->quotas != NULL) == has_rates && (server->rig != NULL) == server->settings->test_faults;
}

static bool read_keys(struct server *server, char error[SERVER_ERROR_BYTES])
{
    if (server->settings->api_keys != NULL)
        server->keys = keys_open(server->settings->api_keys, error);
    return (server->keys != NULL) == (server->settings->api_keys != NULL);
}

static bool prepare(struct running *running, char error[SERVER_ERROR_BYTES])
{
    struct server *server = &running->server;
    if (!read_keys(server, error))
        return false;
    raise_descriptor_limit(server);
    struct store_memory_options options = {
        .limit_bytes = (uint64_t)server->settings->memory_limit_bytes,
        .hash_seed = hash_random_seed(),
    };
    server->store = store_memory_create(&options);
    server->methods = h2_methods_create(server_paths, server_methods_count);
    running->workers = calloc((size_t)server->settings->threads, sizeof *running->workers);
    server->topics = create_topics(server->settings);
    if (server->store == NULL || server->methods == NULL || server->topics == NULL ||
        running->workers == NULL || !prepare_extras(server))
        goto no_memory;
    running->worker_count = (size_t)server->settings->threads;
    for (; running->workers_ready < running->worker_count; running->workers_ready++)
        if (!server_worker_init(&running->workers[running->workers_ready], server))
            goto no_memory;
    return create_first_cache(server, error);
no_memory:
    (void)snprintf(error, SERVER_ERROR_BYTES,
                   "not enough memory or file descriptors to start; see --memory-limit");
    return false;
}

static void serve_until_stopped(struct running *running)
{
    size_t started = 1;
    for (; started < running->worker_count; started++)
        if (pthread_create(&running->workers[started].thread, NULL, run_worker, &running->workers[started]) !=
            0)
            break;
    running->worker_count = started; /* fewer threads serve as well, if slower */
    timer_init(&running->upkeep, on_upkeep);
    (void)net_loop_arm(&running->workers[0].loop, &running->upkeep, clock_now_ns());
    start_signals(running);
    if (running->test_port != NULL)
        test_port_announce(running->test_port);
    warn_of_files(&running->server);
    log_listening(running);

    net_loop_run(&running->workers[0].loop);
    for (size_t i = 1; i < started; i++)
        (void)pthread_join(running->workers[i].thread, NULL);
    close_signals(running);
    net_loop_disarm(&running->workers[0].loop, &running->upkeep);
    log_counters(running);
    log_write(running->server.log, LOG_INFO, "stopped", NULL, 0);
}

bool server_run(const struct server_settings *settings, const struct log *log, char error[SERVER_ERROR_BYTES])
{
    struct running running = {.server = {.settings = settings, .log = log}};
    bool begun = load_tls(settings, &running.tls, error) && prepare(&running, error) &&
                 start_listening(&running, error) && open_test_port(&running, error);
    if (begun)
        serve_until_stopped(&running);
    test_port_close(running.test_port);
    if (running.listening)
        net_listener_close(&running.listener);
    for (size_t i = 0; i < running.workers_ready; i++)
        server_worker_free(&running.workers[i]);
    free(running.workers);
    net_tls_release(running.tls);
    test_port_free(running.test_port);
    rig_destroy(running.server.rig);
    quotas_destroy(running.server.quotas);
    keys_close(running.server.keys);
    h2_methods_destroy(running.server.methods);
    topics_destroy(running.server.topics);
    store_destroy(running.server.store);
    return begun;
}
