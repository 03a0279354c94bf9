/* The client with memory running out: every allocation from opening it to its last call fails in turn, once alone and
 * once together with all that follow. Nothing may crash, leak or hang, each call ends once or is refused, and when there
 * is memory again there are answers again. The server is another process and has memory.
 *
 * The allocators below stand in front of the C library's for the whole process; nothing here but the library allocates
 * while they are armed. */
#include "base/clock.h"
#include "with_server.h"

#include <poll.h>
#include <uv.h>

#define CALLS       12
#define DEADLINE_MS 100
#define ALLOCATIONS 5000 /* more than there are */
#define PATIENCE_NS ((int64_t)10 * CLOCK_NS_PER_S)

/* --- Allocators that fail when told to --- */

struct memory {
    bool armed;
    bool for_good;    /* not once: from the first failure on */
    size_t countdown; /* allocations that still succeed */
    size_t failures;
};

static struct memory memory;

static inline bool memory_is_out(void)
{
    if (!memory.armed)
        return false;
    if (memory.countdown > 0) {
        memory.countdown--;
        return false;
    }
    if (memory.failures > 0 && !memory.for_good)
        return false;
    memory.failures++;
    return true;
}

/* The allocators behind ours: a sanitizer's where there is one, else the C library's. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *block, size_t size) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

/* libuv ends the process where its table of descriptors cannot grow, so it has these. */

static void *sure_malloc(size_t size)
{
    return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

static void *sure_calloc(size_t count, size_t size)
{
    return __interceptor_calloc != NULL ? __interceptor_calloc(count, size) : __libc_calloc(count, size);
}

static void *sure_realloc(void *block, size_t size)
{
    return __interceptor_realloc != NULL ? __interceptor_realloc(block, size) : __libc_realloc(block, size);
}

/* The thread sanitizer cannot do with other allocators before it has started; there is one thread here, so that
 * nothing is lost where these tests are passed over. */
#ifdef __SANITIZE_THREAD__
static const bool allocators_are_ours = false;
#else
static const bool allocators_are_ours = true;

/* Seen by the libraries, whatever the build hides by default. */
#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    if (memory_is_out())
        return NULL;
    return sure_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (memory_is_out())
        return NULL;
    return sure_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    if (memory_is_out())
        return NULL;
    return sure_realloc(block, size);
}

#pragma GCC visibility pop
#endif

/* --- A client's life --- */

struct life {
    mayfly_client *client;
    unsigned started;
    unsigned ended;
    unsigned events; /* of the subscription */
    bool is_refused; /* as the client could not open */
};

static void on_end(void *context, const mayfly_reply *reply)
{
    struct life *life = context;
    life->ended++;
    if (reply->status != MAYFLY_OK && reply->message[0] == '\0')
        fail_msg("%s without a word", mayfly_status_name(reply->status));
}

static void on_event(void *context, const mayfly_topic_event *event)
{
    (void)event;
    ((struct life *)context)->events++;
}

static void life_open(struct life *life, uint16_t port)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    const mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", port);
    mayfly_error error;
    configuration.deadline_ms = DEADLINE_MS;
    configuration.connect_timeout_ms = DEADLINE_MS;
    configuration.reconnect_max_ms = 20;
    configuration.measures_latency = true;
    mayfly_status status =
        mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &life->client, &error);
    life->is_refused = status != MAYFLY_OK;
    if (life->is_refused && status != MAYFLY_RESOURCE_EXHAUSTED && status != MAYFLY_UNAVAILABLE)
        fail_msg("%s: %s", mayfly_status_name(status), error.message);
}

static void life_start(struct life *life, mayfly_request request)
{
    mayfly_status status = mayfly_start(life->client, &request, on_end, life, NULL);
    life->started += status == MAYFLY_OK;
    if (status != MAYFLY_OK)
        assert_int_equal(status, MAYFLY_RESOURCE_EXHAUSTED);
}

static void life_start_calls(struct life *life)
{
    static const mayfly_metadata metadata = {{"trace", 5}, {"1", 1}};
    const mayfly_item items[] = {{.key = {"key", 3}}, {.key = {"other", 5}}};
    static char large[100000];
    for (int i = 0; i < CALLS; i++) {
        mayfly_request set =
            mayfly_set("cache", mayfly_text("key"), (mayfly_bytes){large, sizeof large}, 1000);
        set.metadata = &metadata;
        set.metadata_count = 1;
        life_start(life, set);
        life_start(life, mayfly_get("cache", mayfly_text("key")));
        life_start(life, mayfly_get_batch("cache", items, 2));
        life_start(life, mayfly_list_caches());
    }
}

static void life_turn(struct life *life)
{
    int64_t give_up_ns = clock_now_ns() + PATIENCE_NS;
    while (life->ended < life->started) {
        struct pollfd fd = {mayfly_client_descriptor(life->client), POLLIN, 0};
        int wait_ms = mayfly_client_timeout_ms(life->client);
        (void)poll(&fd, 1, wait_ms >= 0 && wait_ms < 50 ? wait_ms : 50);
        assert_int_equal(mayfly_client_step(life->client, false), MAYFLY_OK);
        if (clock_now_ns() > give_up_ns)
            fail_msg("%u of %u calls have ended", life->ended, life->started);
    }
    assert_int_equal(mayfly_client_count(life->client).in_flight, 0);
    assert_int_equal(mayfly_client_count(life->client).backlog, 0);
}

/* With memory again. */
static void life_recovers(const struct life *life)
{
    int64_t give_up_ns = clock_now_ns() + PATIENCE_NS;
    while (status_of(life->client, mayfly_ping()) != MAYFLY_OK)
        assert_true(clock_now_ns() < give_up_ns);
}

/* Lives a client's life with the allocation that comes after so many others failing; false when there is none. */
static bool live(uint16_t port, size_t countdown, bool for_good)
{
    struct life life = {.client = NULL};
    const mayfly_topic_options options = {.cache = "cache", .topic = mayfly_text("topic")};
    mayfly_subscription *subscription = NULL;
    memory = (struct memory){.armed = true, .for_good = for_good, .countdown = countdown};
    life_open(&life, port);
    if (!life.is_refused) {
        (void)mayfly_subscribe(life.client, &options, on_event, &life, &subscription, NULL);
        life_start_calls(&life);
        life_turn(&life);
    }
    memory.armed = false;
    if (!life.is_refused) {
        life_recovers(&life);
        if (subscription != NULL)
            mayfly_unsubscribe(subscription);
        mayfly_client_close(life.client);
    }
    assert_int_equal(life.ended, life.started);
    return memory.failures > 0;
}

static void live_through_all(bool for_good)
{
    if (!allocators_are_ours)
        skip();
    struct test_server server = server_start(SERVER_PLAIN);
    (void)live(server.port, ALLOCATIONS, false); /* what is made once a process */
    size_t count = 0;
    while (live(server.port, count, for_good))
        count += for_good ? 5 : 1; /* for good takes a deadline each */
    assert_in_range(count, 50, ALLOCATIONS - 1);
    server_stop(&server);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    live_through_all(false);
}

static void memory_may_run_out_and_return(void **state)
{
    (void)state;
    live_through_all(true);
}

int main(void)
{
    if (allocators_are_ours && uv_replace_allocator(sure_malloc, sure_realloc, sure_calloc, free) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(memory_may_run_out_and_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
