/* The engine with memory running out: every allocation of a conversation fails in turn, once alone and once
 * together with all that follow. Nothing may crash, leak or hang, and every call must come to its end.
 *
 * The allocators below stand in front of the C library's for the whole process, so that those of nghttp2 fail
 * too. Nothing else here allocates while they are armed. */
#include "base/clock.h"
#include "rpc/h2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- Allocators that fail when told to --- */

static struct memory {
    bool armed;
    bool for_good;    /* not once: from the first failure on */
    size_t countdown; /* allocations that still succeed */
    size_t failures;
    ptrdiff_t live; /* blocks taken while armed and not given back */
} memory;

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

static inline void *counted(void *block)
{
    if (memory.armed && block != NULL)
        memory.live++;
    return block;
}

/* The allocators behind ours: a sanitizer's where there is one, else the C library's. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *block, size_t size) __attribute__((weak));
void __interceptor_free(void *block) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

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
    return counted(__interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    if (memory_is_out())
        return NULL;
    return counted(__interceptor_calloc != NULL ? __interceptor_calloc(count, size)
                                                : __libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    if (memory_is_out())
        return NULL;
    void *moved =
        __interceptor_realloc != NULL ? __interceptor_realloc(block, size) : __libc_realloc(block, size);
    return block == NULL ? counted(moved) : moved;
}

void free(void *block)
{
    if (memory.armed && block != NULL)
        memory.live--;
    if (__interceptor_free != NULL)
        __interceptor_free(block);
    else
        __libc_free(block);
}

#pragma GCC visibility pop
#endif

/* --- A conversation that needs no memory of its own --- */

static const struct h2_engine *engine; /* of both ends */

enum { UNARY, STREAM };

#define MANY_CALLS 60

static const struct h2_method methods[] = {
    [UNARY] = {.path = "/test.Service/Unary"},
    [STREAM] = {.path = "/test.Service/Stream", .client_streams = true, .server_streams = true},
};

struct side {
    struct h2_connection *h2;
    bool over;
    size_t begun; /* calls that this side has been told of or has started */
    size_t ended; /* closed or cancelled */
};

struct talk {
    struct side client;
    struct side server;
    struct metadata *trailers;
    int64_t now_ns;
};

static void on_opened(void *owner, struct h2_call *call)
{
    struct talk *talk = owner;
    (void)call;
    talk->server.begun++;
}

static void on_request(void *owner, struct h2_call *call, struct bytes message)
{
    struct talk *talk = owner;
    uint8_t *to = h2_message_begin(call, message.size);
    if (to != NULL) {
        bytes_copy(to, message.data, message.size);
        h2_message_end(call);
    }
    if (call->method == UNARY && to != NULL)
        h2_finish(call, STATUS_OK, bytes_of(""), NULL);
    else if (to == NULL)
        h2_finish(call, STATUS_RESOURCE_EXHAUSTED, bytes_of("no memory, 100%"), talk->trailers);
}

static void on_half_closed(void *owner, struct h2_call *call)
{
    struct talk *talk = owner;
    h2_finish(call, STATUS_NOT_FOUND, bytes_of("nothing, 100%"), talk->trailers);
}

static void on_server_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)call;
    (void)outcome;
    ((struct talk *)owner)->server.ended++;
}

static void on_reply(void *owner, struct h2_call *call, struct bytes message)
{
    (void)owner;
    (void)call;
    (void)message;
}

static void on_client_closed(void *owner, struct h2_call *call, const struct h2_outcome *outcome)
{
    (void)outcome;
    struct h2_call **place = call->user;
    *place = NULL;
    ((struct talk *)owner)->client.ended++;
}

static const struct h2_events server_events = {
    .opened = on_opened, .message = on_request, .half_closed = on_half_closed, .closed = on_server_closed};

static const struct h2_events client_events = {.message = on_reply, .closed = on_client_closed};

/* Moves bytes both ways in pieces of a prime size, so that messages have to be gathered. */
static void run(struct talk *talk)
{
    struct side *sides[] = {&talk->client, &talk->server};
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < 2; i++) {
            struct side *to = sides[1 - i];
            struct bytes pending = h2_pending(sides[i]->h2);
            size_t size = pending.size < 1009 ? pending.size : 1009;
            if (size > 0 && !to->over)
                to->over = !h2_recv(to->h2, bytes_make(pending.data, size), talk->now_ns);
            if (size > 0)
                h2_sent(sides[i]->h2, size);
            moved = moved || size > 0;
        }
    }
}

static void start(struct talk *talk, unsigned method, struct metadata *metadata, size_t size,
                  struct h2_call **place)
{
    *place = h2_call_start(talk->client.h2, method, metadata, 5 * INT64_C(1000000000), place);
    if (*place == NULL)
        return;
    talk->client.begun++;
    uint8_t *to = h2_message_begin(*place, size);
    if (to == NULL) {
        h2_call_cancel(*place);
        *place = NULL;
        talk->client.ended++;
        return;
    }
    memset(to, 'x', size);
    h2_message_end(*place);
    h2_half_close(*place);
}

static void call_all(struct talk *talk, struct metadata *blue, struct metadata *green)
{
    struct h2_call *calls[5];
    start(talk, UNARY, blue, 10, &calls[0]);
    start(talk, UNARY, blue, 0, &calls[1]);
    start(talk, UNARY, green, 30000, &calls[2]);
    start(talk, STREAM, blue, 2000, &calls[3]);
    start(talk, STREAM, green, 10, &calls[4]);
    if (calls[4] != NULL) {
        h2_call_cancel(calls[4]);
        talk->client.ended++;
    }
    (void)h2_ping(talk->client.h2);
    struct h2_call *many[MANY_CALLS]; /* more than the output takes at once */
    for (size_t i = 0; i < MANY_CALLS; i++)
        start(talk, UNARY, blue, 30000, &many[i]);
    run(talk);
    start(talk, UNARY, blue, 10, &calls[0]);
    h2_drain(talk->server.h2);
    run(talk);
    h2_close(talk->client.h2);
    talk->client.h2 = NULL;
}

static void open_both(struct talk *talk, const struct h2_methods *table)
{
    struct h2_config config = {
        .role = H2_SERVER,
        .methods = table,
        .events = &server_events,
        .owner = talk,
        .limits = h2_default_limits,
        .authority = "localhost",
    };
    talk->server.h2 = h2_open(engine, &config);
    config.role = H2_CLIENT;
    config.events = &client_events;
    talk->client.h2 = h2_open(engine, &config);
}

static void converse(struct h2_methods *table, struct metadata *blue, struct metadata *green)
{
    struct talk talk = {.trailers = green, .now_ns = CLOCK_NS_PER_S};
    open_both(&talk, table);
    if (talk.client.h2 != NULL && talk.server.h2 != NULL)
        call_all(&talk, blue, green);
    if (talk.client.h2 != NULL)
        h2_close(talk.client.h2);
    if (talk.server.h2 != NULL)
        h2_close(talk.server.h2);
    memory.armed = false;
    assert_int_equal(talk.client.begun, talk.client.ended);
    assert_int_equal(talk.server.begun, talk.server.ended);
    if (memory.failures == 0)
        assert_int_equal(talk.client.begun, 6 + MANY_CALLS);
}

/* Lets the conversation run with ever more memory, until it has had enough. */
static void fail_each(bool for_good)
{
    if (!allocators_are_ours)
        skip();
    struct metadata_pair fields[] = {{bytes_of("authorization"), bytes_of("a token of some length")},
                                     {bytes_of("cache"), bytes_of("blue")}};
    struct h2_methods *table = h2_methods_create(methods, 2);
    struct metadata *blue = metadata_create(fields, 2);
    fields[1].value = bytes_of("green");
    struct metadata *green = metadata_create(fields, 2);
    size_t enough = 0;
    do {
        memory.countdown = enough;
        memory.failures = 0;
        memory.live = 0;
        memory.for_good = for_good;
        memory.armed = true;
        converse(table, blue, green);
        assert_true(memory.live == 0);
        enough++;
    } while (memory.failures > 0);
    assert_true(enough > 30); /* the allocators above are in the way, or this would be small */
    metadata_release(blue);
    metadata_release(green);
    h2_methods_destroy(table);
}

static void each_allocation_may_fail_alone(void **state)
{
    (void)state;
    fail_each(false);
}

static void memory_may_run_out_for_good_at_any_moment(void **state)
{
    (void)state;
    fail_each(true);
}

/* Opens both ends of a conversation, with memory that is counted. */
static void open_counted(struct talk *talk, const struct h2_methods *table)
{
    *talk = (struct talk){.now_ns = CLOCK_NS_PER_S};
    memory = (struct memory){.countdown = SIZE_MAX, .armed = true};
    open_both(talk, table);
}

static void close_counted(struct talk *talk)
{
    h2_close(talk->client.h2);
    h2_close(talk->server.h2);
    memory.armed = false;
}

static void unary_calls_allocate_nothing_but_the_first(void **state)
{
    (void)state;
    if (!allocators_are_ours || engine != &h2_engine_mayfly)
        skip();
    struct metadata_pair fields[] = {{bytes_of("cache"), bytes_of("blue")}};
    struct h2_methods *table = h2_methods_create(methods, 2);
    struct metadata *blue = metadata_create(fields, 1);
    struct talk talk;
    open_counted(&talk, table);
    struct h2_call *calls[10];
    size_t left = SIZE_MAX;
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < 10; i++)
            start(&talk, UNARY, blue, 100, &calls[i]);
        run(&talk);
        if (round == 3) /* the tables, the buffers and the blocks that repeat themselves are there */
            left = memory.countdown;
    }
    size_t left_at_end = memory.countdown;
    close_counted(&talk);
    metadata_release(blue);
    h2_methods_destroy(table);
    assert_int_equal(talk.client.ended, 1000);
    assert_true(left < SIZE_MAX);
    assert_int_equal(left_at_end, left);
}

static void an_idle_connection_gives_back_what_its_calls_held(void **state)
{
    (void)state;
    if (!allocators_are_ours)
        skip();
    struct h2_methods *table = h2_methods_create(methods, 2);
    struct talk talk;
    open_counted(&talk, table);
    struct h2_call *calls[100];
    start(&talk, UNARY, NULL, 10, &calls[0]);
    run(&talk);
    ptrdiff_t after_one = memory.live;
    for (size_t i = 0; i < 100; i++)
        start(&talk, UNARY, NULL, 10, &calls[i]);
    run(&talk);
    ptrdiff_t after_many = memory.live;
    talk.now_ns += 5 * INT64_C(1000000000);
    (void)h2_ping(talk.client.h2);
    run(&talk);
    ptrdiff_t when_idle = memory.live;
    close_counted(&talk);
    h2_methods_destroy(table);
    assert_true(after_many > after_one + 100);
    assert_true(when_idle <= after_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail_alone),
        cmocka_unit_test(memory_may_run_out_for_good_at_any_moment),
        cmocka_unit_test(unary_calls_allocate_nothing_but_the_first),
        cmocka_unit_test(an_idle_connection_gives_back_what_its_calls_held),
    };
    static const struct h2_engine *const engines[] = {&h2_engine_mayfly, &h2_engine_nghttp2};
    int failures = 0;
    for (size_t i = 0; i < 2; i++) {
        engine = engines[i];
        failures += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failures;
}
