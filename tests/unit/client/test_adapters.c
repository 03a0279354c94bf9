/* The adapters: in each kind of host's loop a client makes its calls with nobody stepping it by hand, wherever they are
 * started, wakes the loop for nothing else, and lets go of it. */
#include "base/clock.h"
#include "with_server.h"

#include <mayfly/adapters/epoll.h>
#include <mayfly/adapters/glib.h>
#include <mayfly/adapters/libuv.h>

#define TTL_MS UINT64_C(60000)

struct host;

/* A kind of loop: how a client gets on and off it, and one turn of it, which waits as long as the loop wants. */
struct host_kind {
    void (*attach)(struct host *host);
    void (*turn)(struct host *host);
    void (*detach)(struct host *host);
};

struct host {
    const struct host_kind *kind;
    mayfly_client *client;
    uv_loop_t uv;
    mayfly_libuv on_uv;
    bool is_detached;
    GMainContext *context;
    GSource *source;
    int epoll_fd;
    int turns;
    int ended;
    int statuses[17];
    int again; /* calls that callbacks start */
};

/* --- The kinds --- */

static void uv_attach(struct host *host)
{
    assert_int_equal(uv_loop_init(&host->uv), 0);
    assert_int_equal(mayfly_libuv_attach(&host->uv, host->client, &host->on_uv), 0);
}

static void uv_turn(struct host *host)
{
    (void)uv_run(&host->uv, UV_RUN_ONCE);
}

static void on_detached(mayfly_libuv *adapter)
{
    struct host *host = (struct host *)((char *)adapter - offsetof(struct host, on_uv));
    host->is_detached = true;
}

static void uv_detach(struct host *host)
{
    host->is_detached = false;
    mayfly_libuv_detach(&host->on_uv, on_detached);
    assert_int_equal(uv_run(&host->uv, UV_RUN_DEFAULT), 0);
    assert_true(host->is_detached);
    assert_int_equal(uv_loop_close(&host->uv), 0);
}

static void glib_attach(struct host *host)
{
    host->context = g_main_context_new();
    host->source = mayfly_glib_attach(host->context, host->client);
    assert_non_null(host->source);
}

static void glib_turn(struct host *host)
{
    (void)g_main_context_iteration(host->context, TRUE);
}

static void glib_detach(struct host *host)
{
    mayfly_glib_detach(host->source);
    assert_false(g_main_context_pending(host->context));
    g_main_context_unref(host->context);
}

static void epoll_attach(struct host *host)
{
    host->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(mayfly_epoll_attach(host->client, host->epoll_fd, host), 0);
}

static void epoll_turn(struct host *host)
{
    struct epoll_event event;
    int timeout_ms = mayfly_epoll_before_wait(host->client, -1);
    if (epoll_wait(host->epoll_fd, &event, 1, timeout_ms) != 1)
        return;
    assert_ptr_equal(event.data.ptr, host);
    mayfly_epoll_ready(host->client);
}

static void epoll_detach(struct host *host)
{
    assert_int_equal(mayfly_epoll_detach(host->client, host->epoll_fd), 0);
    (void)close(host->epoll_fd);
}

static void poll_attach(struct host *host)
{
    (void)host;
}

static void poll_turn(struct host *host)
{
    struct pollfd watched = mayfly_poll_descriptor(host->client);
    if (poll(&watched, 1, mayfly_epoll_before_wait(host->client, -1)) == 1)
        mayfly_epoll_ready(host->client);
}

static const struct host_kind kinds[] = {
    {uv_attach, uv_turn, uv_detach},
    {glib_attach, glib_turn, glib_detach},
    {epoll_attach, epoll_turn, epoll_detach},
    {poll_attach, poll_turn, poll_attach},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* --- A host at work --- */

static void on_end(void *context, const mayfly_reply *reply)
{
    struct host *host = context;
    host->ended++;
    host->statuses[reply->status]++;
    const mayfly_request ping = mayfly_ping();
    if (host->again > 0 && host->again-- > 0)
        assert_int_equal(mayfly_start(host->client, &ping, on_end, host, NULL), MAYFLY_OK);
}

static void start(struct host *host, mayfly_request request)
{
    assert_int_equal(mayfly_start(host->client, &request, on_end, host, NULL), MAYFLY_OK);
}

static void run_until(struct host *host, int ended)
{
    int64_t limit_ns = clock_now_ns() + (int64_t)20 * CLOCK_NS_PER_S;
    for (; host->ended < ended; host->turns++) {
        host->kind->turn(host);
        assert_true(clock_now_ns() < limit_ns);
    }
}

static struct host host_open(const struct test_server *server, const struct host_kind *kind)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0; /* connecting too is up to the host's loop */
    configuration.keepalive_interval_ms = 0;
    return (struct host){.kind = kind,
                         .client = client_open_with(&configuration, server->port, MAYFLY_DRIVEN_BY_CALLER)};
}

static void calls_are_made_wherever_they_are_started(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    for (size_t i = 0; i < KINDS; i++) {
        struct host host = host_open(&server, &kinds[i]);
        start(&host, mayfly_ping()); /* before it is attached */
        kinds[i].attach(&host);
        run_until(&host, 1);
        host.again = 500;
        for (int j = 0; j < 10; j++)
            start(&host, mayfly_ping()); /* between turns, and from callbacks */
        run_until(&host, 511);
        start(&host, mayfly_ping()); /* with nothing to read and no time near */
        run_until(&host, 512);
        assert_int_equal(host.statuses[MAYFLY_OK], 512);
        kinds[i].detach(&host);
        mayfly_client_close(host.client);
    }
    server_stop(&server);
}

static void a_deadline_wakes_the_loop_and_nothing_else_does(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    for (size_t i = 0; i < KINDS; i++) {
        struct host host = host_open(&server, &kinds[i]);
        kinds[i].attach(&host);
        start(&host, mayfly_ping());
        run_until(&host, 1);
        assert_int_equal(kill(server.pid, SIGSTOP), 0);
        mayfly_request request = mayfly_ping();
        request.deadline_ms = 200;
        int64_t start_ns = clock_now_ns();
        start(&host, request);
        host.turns = 0;
        run_until(&host, 2);
        assert_int_equal(kill(server.pid, SIGCONT), 0);
        assert_int_equal(host.statuses[MAYFLY_DEADLINE_EXCEEDED], 1);
        assert_in_range((clock_now_ns() - start_ns) / CLOCK_NS_PER_MS, 200, 1500);
        assert_true(host.turns < 20);
        kinds[i].detach(&host);
        mayfly_client_close(host.client);
    }
    server_stop(&server);
}

static void what_the_kernel_did_not_take_is_sent_when_it_does(void **state)
{
    (void)state;
    enum { VALUES = 12, VALUE_BYTES = 1 << 20 };
    struct test_server server = server_start(SERVER_PLAIN);
    char *value = calloc(1, VALUE_BYTES);
    assert_non_null(value);
    for (size_t i = 0; i < KINDS; i++) {
        struct host host = host_open(&server, &kinds[i]);
        kinds[i].attach(&host);
        start(&host, mayfly_ping());
        run_until(&host, 1);
        int64_t start_ns = clock_now_ns();
        for (int j = 0; j < VALUES; j++)
            start(&host,
                  mayfly_set("cache", mayfly_text("large"), (mayfly_bytes){value, VALUE_BYTES}, TTL_MS));
        run_until(&host, 1 + VALUES);
        assert_int_equal(host.statuses[MAYFLY_OK], 1 + VALUES);
        assert_true(clock_now_ns() - start_ns < (int64_t)10 * CLOCK_NS_PER_S);
        kinds[i].detach(&host);
        mayfly_client_close(host.client);
    }
    free(value);
    server_stop(&server);
}

static void a_client_moves_from_loop_to_loop(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    struct host host = host_open(&server, &kinds[0]);
    for (size_t i = 0; i < 2 * KINDS; i++) {
        host.kind = &kinds[i % KINDS];
        host.kind->attach(&host);
        start(&host, mayfly_ping());
        run_until(&host, 2 * (int)i + 1);
        start(&host, mayfly_ping()); /* the next loop's to make */
        host.kind->detach(&host);
        host.kind = &kinds[(i + 1) % KINDS];
        host.kind->attach(&host);
        run_until(&host, 2 * (int)i + 2);
        host.kind->detach(&host);
    }
    assert_int_equal(host.statuses[MAYFLY_OK], 4 * (int)KINDS);
    mayfly_client_close(host.client);
    server_stop(&server);
}

static void on_end_leave(void *context, const mayfly_reply *reply)
{
    struct host *host = context;
    (void)reply;
    host->ended++;
    mayfly_libuv_detach(&host->on_uv, on_detached);
}

static void a_callback_may_detach_its_client(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    struct host host = host_open(&server, &kinds[0]);
    uv_attach(&host);
    const mayfly_request ping = mayfly_ping();
    assert_int_equal(mayfly_start(host.client, &ping, on_end_leave, &host, NULL), MAYFLY_OK);
    assert_int_equal(uv_run(&host.uv, UV_RUN_DEFAULT), 0);
    assert_int_equal(host.ended, 1);
    assert_true(host.is_detached);
    assert_int_equal(uv_loop_close(&host.uv), 0);
    mayfly_client_close(host.client);
    server_stop(&server);
}

static void a_client_that_is_driven_otherwise_is_refused(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    mayfly_libuv adapter;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(mayfly_libuv_attach(&loop, client, &adapter), UV_EINVAL);
    assert_int_equal(mayfly_libuv_attach(&loop, NULL, &adapter), UV_EINVAL);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_null(mayfly_glib_attach(NULL, client));
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(mayfly_epoll_attach(client, epoll_fd, NULL), -1);
    assert_int_equal(mayfly_poll_descriptor(client).fd, -1);
    assert_int_equal(mayfly_epoll_before_wait(client, 7), 7);
    (void)close(epoll_fd);
    mayfly_client_close(client);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_made_wherever_they_are_started),
        cmocka_unit_test(a_deadline_wakes_the_loop_and_nothing_else_does),
        cmocka_unit_test(what_the_kernel_did_not_take_is_sent_when_it_does),
        cmocka_unit_test(a_client_moves_from_loop_to_loop),
        cmocka_unit_test(a_callback_may_detach_its_client),
        cmocka_unit_test(a_client_that_is_driven_otherwise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
