/* A thousand calls in flight while the network or the server fails, in every way a relay can make it fail. Each
 * call increments a key of its own, so the server itself counts how often it was executed: at most once, and once
 * where it said OK. Each ends with one callback, in time, with a status that fits. */
#include "base/clock.h"
#include "bench/relay.h"
#include "net/connection.h"
#include "net/listener.h"
#include "with_server.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdatomic.h>

#define IN_FLIGHT    1000
#define CALLS_MAX    2000000
#define KEY_BYTES    16
#define ROUND_TRIP   ((int64_t)50 * CLOCK_NS_PER_MS)
#define LATE_NS      ((int64_t)2 * CLOCK_NS_PER_S) /* that a busy machine may be, sanitizers and all */
#define PATIENCE_NS  ((int64_t)30 * CLOCK_NS_PER_S)
#define STATUS(code) (1U << (code))

enum ending { NOT_ENDED, ENDED_OK, ENDED_OTHERWISE };

struct load;

struct slot {
    struct load *load;
    uint32_t number; /* of the call */
    int64_t started_ns;
};

struct load {
    mayfly_client *client;
    int64_t deadline_ns;
    struct slot slots[IN_FLIGHT];
    uint8_t *endings; /* of each call ever, an enum ending */
    uint32_t calls;
    uint32_t in_flight;
    uint64_t oks;
    unsigned statuses; /* that were seen */
    uint64_t late;
    uint64_t twice;
    bool is_stopping;
};

static void slot_start(struct slot *slot);

static void on_end(void *context, const mayfly_reply *reply)
{
    struct slot *slot = context;
    struct load *load = slot->load;
    load->in_flight--;
    load->late += clock_now_ns() - slot->started_ns > load->deadline_ns + LATE_NS;
    load->twice += load->endings[slot->number] != NOT_ENDED;
    load->endings[slot->number] = reply->status == MAYFLY_OK ? ENDED_OK : ENDED_OTHERWISE;
    load->statuses |= STATUS(reply->status);
    load->oks += reply->status == MAYFLY_OK;
    if (reply->status != MAYFLY_OK)
        assert_true(strlen(reply->message) > 0);
    if (!load->is_stopping && load->calls < CALLS_MAX)
        slot_start(slot);
}

static void slot_start(struct slot *slot)
{
    struct load *load = slot->load;
    char key[KEY_BYTES];
    slot->number = load->calls++;
    slot->started_ns = clock_now_ns();
    (void)snprintf(key, sizeof key, "n%u", slot->number);
    const mayfly_request request = mayfly_increment("cache", mayfly_text(key), 1, 3600000);
    assert_int_equal(mayfly_start(load->client, &request, on_end, slot, NULL), MAYFLY_OK);
    load->in_flight++;
}

static struct load *load_start(uint16_t port, uint32_t deadline_ms)
{
    struct load *load = calloc(1, sizeof *load);
    assert_non_null(load);
    load->endings = calloc(CALLS_MAX, 1);
    assert_non_null(load->endings);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = IN_FLIGHT;
    configuration.deadline_ms = deadline_ms;
    load->deadline_ns = (int64_t)deadline_ms * CLOCK_NS_PER_MS;
    load->client = client_open_with(&configuration, port, MAYFLY_DRIVEN_BY_CALLER);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        load->slots[i].load = load;
        slot_start(&load->slots[i]);
    }
    return load;
}

static void turn_for(struct load *load, int64_t duration_ns)
{
    int64_t end_ns = clock_now_ns() + duration_ns;
    while (clock_now_ns() < end_ns)
        assert_int_equal(mayfly_client_step(load->client, true), MAYFLY_OK);
}

/* Turns until so many more calls have succeeded. */
static void turn_until_oks(struct load *load, uint64_t more)
{
    uint64_t goal = load->oks + more;
    int64_t give_up_ns = clock_now_ns() + PATIENCE_NS;
    while (load->oks < goal) {
        assert_int_equal(mayfly_client_step(load->client, true), MAYFLY_OK);
        assert_true(clock_now_ns() < give_up_ns);
    }
}

/* Lets what is in flight end, and closes the client. */
static void load_stop(struct load *load)
{
    load->is_stopping = true;
    int64_t give_up_ns = clock_now_ns() + load->deadline_ns + PATIENCE_NS;
    while (load->in_flight > 0) {
        assert_int_equal(mayfly_client_step(load->client, true), MAYFLY_OK);
        assert_true(clock_now_ns() < give_up_ns);
    }
    const mayfly_client_counts counts = mayfly_client_count(load->client);
    assert_int_equal(counts.in_flight, 0);
    assert_int_equal(counts.backlog, 0);
    mayfly_client_close(load->client);
    assert_int_equal(load->late, 0);
    assert_int_equal(load->twice, 0);
    for (uint32_t i = 0; i < load->calls; i++)
        assert_int_not_equal(load->endings[i], NOT_ENDED);
}

static void load_free(struct load *load)
{
    free(load->endings);
    free(load);
}

/* Asks the server, past the relay, how often each call was executed. */
static void assert_executed_at_most_once(const struct load *load, uint16_t server_port)
{
    mayfly_client *client = client_open_to(server_port, MAYFLY_DRIVEN_BY_CALLS);
    enum { BATCH = 500 };
    static char texts[BATCH][KEY_BYTES];
    mayfly_item keys[BATCH];
    for (uint32_t first = 0; first < load->calls; first += BATCH) {
        uint32_t count = load->calls - first < BATCH ? load->calls - first : BATCH;
        for (uint32_t i = 0; i < count; i++) {
            (void)snprintf(texts[i], KEY_BYTES, "n%u", first + i);
            keys[i] = (mayfly_item){.key = mayfly_text(texts[i])};
        }
        mayfly_reply *reply = call(client, mayfly_get_batch("cache", keys, count));
        assert_int_equal(reply->status, MAYFLY_OK);
        assert_int_equal(reply->item_count, count);
        for (uint32_t i = 0; i < count; i++) {
            if (reply->items[i].found)
                assert_bytes(reply->items[i].value, "1");
            else if (load->endings[first + i] == ENDED_OK)
                fail_msg("call %u said OK and was not executed", first + i);
        }
        mayfly_reply_free(reply);
    }
    mayfly_client_close(client);
}

static void assert_statuses(const struct load *load, unsigned allowed)
{
    for (unsigned status = 0; status < 17; status++)
        if (load->statuses & ~allowed & STATUS(status))
            fail_msg("a call ended with %s", mayfly_status_name((mayfly_status)status));
}

static size_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

/* --- A server behind a relay --- */

struct scene {
    size_t descriptors;
    double rate; /* before anything fails; in long runs alone */
    struct test_server server;
    struct relay *relay;
    struct load *load;
};

static struct test_server start_server(const char *listen)
{
    return server_start(
        (const char *const[]){"cache", "cache", "memory-limit", "512mib", "listen", listen, NULL});
}

static struct relay *start_relay(uint16_t server_port)
{
    const struct relay_network network = {.rtt_ns = ROUND_TRIP};
    char to[32];
    char error[RELAY_ERROR_BYTES];
    (void)snprintf(to, sizeof to, "127.0.0.1:%u", server_port);
    struct relay *relay = relay_start("127.0.0.1:0", to, &network, error);
    if (relay == NULL)
        fail_msg("%s", error);
    return relay;
}

static bool is_long_run(void)
{
    const char *mode = getenv("TEST_MODE");
    return mode != NULL && strcmp(mode, "long") == 0;
}

#define RATE_NS (5 * (int64_t)CLOCK_NS_PER_S) /* calls come in bursts, a round trip apart */

static double measure_rate(struct load *load)
{
    uint64_t before = load->oks;
    int64_t begin_ns = clock_now_ns();
    turn_for(load, RATE_NS);
    return (double)(load->oks - before) * CLOCK_NS_PER_S / (double)(clock_now_ns() - begin_ns);
}

/* In a long run, and only told: what a busy machine makes of it is no promise. */
static void tell_recovery(struct load *load, double rate_before)
{
    if (!is_long_run())
        return;
    turn_for(load, CLOCK_NS_PER_S);
    double rate = measure_rate(load);
    print_message("a second after the return: %.0f of %.0f calls a second, %.3f\n", rate, rate_before,
                  rate / rate_before);
}

static struct scene scene_begin(uint32_t deadline_ms)
{
    struct scene scene = {.descriptors = open_descriptors()};
    scene.server = start_server("127.0.0.1:0");
    scene.relay = start_relay(scene.server.port);
    scene.load = load_start(relay_port(scene.relay), deadline_ms);
    turn_until_oks(scene.load, 5 * IN_FLIGHT);
    if (is_long_run())
        scene.rate = measure_rate(scene.load);
    return scene;
}

/* The load must still get on, then everything ends, and the server's count is compared with what the callbacks
 * were told. */
static void scene_end(struct scene *scene, unsigned allowed)
{
    tell_recovery(scene->load, scene->rate);
    turn_until_oks(scene->load, 5 * IN_FLIGHT);
    load_stop(scene->load);
    assert_statuses(scene->load, STATUS(MAYFLY_OK) | allowed);
    assert_executed_at_most_once(scene->load, scene->server.port);
    load_free(scene->load);
    relay_stop(scene->relay);
    server_stop(&scene->server);
    assert_int_equal(open_descriptors(), scene->descriptors);
}

/* --- A server that asks every so often to be left --- */

#define GOAWAY_EVERY_NS ((int64_t)CLOCK_NS_PER_S / 2)

/* Answers increments, and counts them by the number in their key. */
struct leaving_server {
    struct net_loop loop;
    struct net_listener listener;
    struct h2_methods *methods;
    pthread_t thread;
    uint16_t port;
    struct timer leave;
    unsigned goaways; /* times that all connections were asked to go */
    struct list links;
    bool is_stopping;
    struct net_task stop;
    uint8_t *executed; /* each call */
};

struct leaving_link {
    struct list link;
    struct leaving_server *server;
    struct net_connection *net;
};

static void peer_message(void *owner, struct h2_call *call, struct bytes message)
{
    const struct leaving_link *link = owner;
    const uint8_t *data = message.data;
    char key[KEY_BYTES] = "";
    assert_true(message.size > 2 && data[0] == 0x0a && data[1] < KEY_BYTES); /* field 1, the key */
    memcpy(key, data + 2, data[1]);
    link->server->executed[strtoul(key + 1, NULL, 10)]++;
    static const uint8_t answer[] = {0x08, 0x01}; /* field 1, the value: 1 */
    uint8_t *to = h2_message_begin(call, sizeof answer);
    assert_non_null(to);
    memcpy(to, answer, sizeof answer);
    h2_message_end(call);
    h2_finish(call, STATUS_OK, bytes_of(""), NULL);
}

static void peer_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)owner;
    (void)call;
    (void)outcome;
}

static void link_closed(void *owner, const char *why, bool broken)
{
    struct leaving_link *link = owner;
    (void)why;
    assert_false(broken);
    list_remove(&link->link);
    free(link);
}

static const struct h2_events peer_events = {.message = peer_message, .closed = peer_closed};
static const struct net_connection_events link_events = {.closed = link_closed};

static void peer_accepted(void *owner, int fd)
{
    struct leaving_server *server = owner;
    struct leaving_link *link = calloc(1, sizeof *link);
    assert_non_null(link);
    link->server = server;
    const struct h2_config config = {
        .role = H2_SERVER,
        .methods = server->methods,
        .events = &peer_events,
        .owner = link,
        .limits = h2_default_limits,
    };
    list_push_back(&server->links, &link->link);
    link->net =
        net_connection_accept(&server->loop, fd, h2_engine_default, &config, &link_events, link, PATIENCE_NS);
    assert_non_null(link->net);
}

static void on_leave(struct timer *timer)
{
    struct leaving_server *server = list_entry(timer, struct leaving_server, leave);
    for (struct list *at = server->links.next; at != &server->links; at = at->next) {
        struct net_connection *net = list_entry(at, struct leaving_link, link)->net;
        h2_drain(net->h2);
        net_connection_flush_later(net);
    }
    server->goaways++;
    assert_true(net_loop_arm(&server->loop, timer, clock_now_ns() + GOAWAY_EVERY_NS));
}

static void run_peer_stop(struct net_task *task)
{
    struct leaving_server *server = list_entry(task, struct leaving_server, stop);
    net_listener_close(&server->listener);
    net_loop_disarm(&server->loop, &server->leave);
    while (!list_empty(&server->links))
        net_connection_close(list_entry(server->links.next, struct leaving_link, link)->net,
                             "the test is over");
    net_loop_stop(&server->loop);
}

static void *run_peer(void *context)
{
    struct leaving_server *server = context;
    net_loop_run(&server->loop);
    return NULL;
}

static struct leaving_server *leaving_server_start(void)
{
    struct leaving_server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    const struct h2_method method = {.path = "/cache_client.Scs/Increment"};
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server->methods = h2_methods_create(&method, 1);
    server->executed = calloc(CALLS_MAX, 1);
    server->stop.run = run_peer_stop;
    list_init(&server->links);
    timer_init(&server->leave, on_leave);
    assert_int_equal(net_loop_init(&server->loop), 0);
    assert_int_equal(net_listener_open(&server->listener, &server->loop, (const struct sockaddr *)&address,
                                       peer_accepted, server),
                     0);
    server->port = (uint16_t)net_listener_port(&server->listener);
    assert_true(net_loop_arm(&server->loop, &server->leave, clock_now_ns() + GOAWAY_EVERY_NS));
    assert_int_equal(pthread_create(&server->thread, NULL, run_peer, server), 0);
    return server;
}

static void leaving_server_stop(struct leaving_server *server)
{
    net_loop_post(&server->loop, &server->stop);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    net_loop_free(&server->loop);
    h2_methods_destroy(server->methods);
}

/* --- The promises --- */

static void cut_connections_cost_no_call_its_answer(void **state)
{
    (void)state;
    struct scene scene = scene_begin(10000);
    for (int i = 0; i < 3; i++) {
        relay_cut(scene.relay);
        turn_until_oks(scene.load, 3 * IN_FLIGHT);
    }
    scene_end(&scene, STATUS(MAYFLY_UNAVAILABLE));
}

static void a_stalled_link_delays_calls_that_have_time(void **state)
{
    (void)state;
    struct scene scene = scene_begin(30000);
    relay_stall(scene.relay, (int64_t)3 * CLOCK_NS_PER_S);
    scene_end(&scene, STATUS(MAYFLY_UNAVAILABLE)); /* keepalive may give the connections up */
}

static void a_stalled_link_ends_calls_that_have_no_time(void **state)
{
    (void)state;
    struct scene scene = scene_begin(1000);
    relay_stall(scene.relay, (int64_t)3 * CLOCK_NS_PER_S);
    turn_for(scene.load, (int64_t)3 * CLOCK_NS_PER_S);
    assert_true(scene.load->statuses & STATUS(MAYFLY_DEADLINE_EXCEEDED));
    scene_end(&scene, STATUS(MAYFLY_DEADLINE_EXCEEDED) | STATUS(MAYFLY_UNAVAILABLE));
}

static void half_open_connections_cost_at_most_a_deadline(void **state)
{
    (void)state;
    struct scene scene = scene_begin(1000);
    relay_black_hole(scene.relay, true);
    turn_for(scene.load, CLOCK_NS_PER_S / 5);
    relay_black_hole(scene.relay, false); /* new connections work, the old ones never again */
    scene_end(&scene, STATUS(MAYFLY_DEADLINE_EXCEEDED) | STATUS(MAYFLY_UNAVAILABLE));
}

static void an_outage_ends_when_the_peer_is_back(void **state)
{
    (void)state;
    int64_t outage_s = is_long_run() ? 60 : 4;
    struct scene scene = scene_begin(1000);
    relay_refuse(scene.relay, true);
    relay_cut(scene.relay);
    turn_for(scene.load, (int64_t)outage_s * CLOCK_NS_PER_S);
    assert_true(scene.load->statuses & STATUS(MAYFLY_UNAVAILABLE));
    relay_refuse(scene.relay, false);
    scene_end(&scene, STATUS(MAYFLY_DEADLINE_EXCEEDED) | STATUS(MAYFLY_UNAVAILABLE));
}

static void a_killed_server_is_used_again_when_it_is_back(void **state)
{
    (void)state;
    struct scene scene = scene_begin(2000);
    char listen[32];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", scene.server.port);
    server_kill(&scene.server);
    turn_for(scene.load, CLOCK_NS_PER_S);
    assert_true(scene.load->statuses & STATUS(MAYFLY_UNAVAILABLE));
    /* The relay's thread is given nothing to do while this process forks: what it allocates just then would stay
     * locked in the child. */
    relay_refuse(scene.relay, true);
    scene.server = start_server(listen);
    relay_refuse(scene.relay, false);
    tell_recovery(scene.load, scene.rate);
    turn_until_oks(scene.load, 5 * IN_FLIGHT);
    load_stop(scene.load); /* what the first server counted is gone with it */
    assert_statuses(scene.load,
                    STATUS(MAYFLY_OK) | STATUS(MAYFLY_UNAVAILABLE) | STATUS(MAYFLY_DEADLINE_EXCEEDED));
    load_free(scene.load);
    relay_stop(scene.relay);
    server_stop(&scene.server);
    assert_int_equal(open_descriptors(), scene.descriptors);
}

static void a_server_that_asks_to_be_left_loses_no_call(void **state)
{
    (void)state;
    size_t descriptors = open_descriptors();
    struct leaving_server *server = leaving_server_start();
    struct relay *relay = start_relay(server->port);
    struct load *load = load_start(relay_port(relay), 10000);
    turn_for(load, 4 * GOAWAY_EVERY_NS);
    turn_until_oks(load, 5 * IN_FLIGHT);
    load_stop(load);
    relay_stop(relay);
    leaving_server_stop(server);
    assert_true(server->goaways >= 4);
    assert_statuses(load, STATUS(MAYFLY_OK));
    for (uint32_t i = 0; i < load->calls; i++)
        assert_int_equal(server->executed[i], 1);
    load_free(load);
    free(server->executed);
    free(server);
    assert_int_equal(open_descriptors(), descriptors);
}

/* libuv keeps a pipe for signals from its first loop on; it is no leak. */
static int open_a_loop(void **state)
{
    (void)state;
    struct net_loop loop;
    if (net_loop_init(&loop) != 0)
        return -1;
    net_loop_free(&loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_connections_cost_no_call_its_answer),
        cmocka_unit_test(a_stalled_link_delays_calls_that_have_time),
        cmocka_unit_test(a_stalled_link_ends_calls_that_have_no_time),
        cmocka_unit_test(half_open_connections_cost_at_most_a_deadline),
        cmocka_unit_test(an_outage_ends_when_the_peer_is_back),
        cmocka_unit_test(a_server_that_asks_to_be_left_loses_no_call),
        cmocka_unit_test(a_killed_server_is_used_again_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, open_a_loop, NULL);
}
