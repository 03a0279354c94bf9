/* A client seen from outside: what its observer is told of each call, what its histograms know, and that its counters
 * agree with what was done. */
#include "base/clock.h"
#include "net/loop.h"
#include "with_server.h"

#include "client/client.h"

#include <pthread.h>
#include <stdatomic.h>

#include "scripted_peer.h"

#define TTL_MS    UINT64_C(60000)
#define NOTES_MAX 20000

/* --- An observer that writes everything down --- */

struct note {
    mayfly_step step;
    int method;
    uint64_t call;
    int64_t now_ns;
    uint32_t attempt;
    size_t bytes;
    mayfly_status status; /* DONE */
};

struct notes {
    struct note list[NOTES_MAX];
    _Atomic size_t count;
};

static struct notes *notes_new(void)
{
    struct notes *notes = calloc(1, sizeof *notes);
    assert_non_null(notes);
    return notes;
}

/* From any thread, as STARTED is. */
static void observe(void *context, const mayfly_observation *observation)
{
    struct notes *notes = context;
    size_t place = atomic_fetch_add(&notes->count, 1);
    if (place >= NOTES_MAX)
        return;
    notes->list[place] = (struct note){
        .step = observation->step,
        .method = observation->method,
        .call = observation->call,
        .now_ns = observation->now_ns,
        .attempt = observation->attempt,
        .bytes = observation->bytes,
        .status = observation->reply != NULL ? observation->reply->status : MAYFLY_OK,
    };
    if ((observation->step == MAYFLY_STEP_DONE) != (observation->reply != NULL))
        abort();
}

static mayfly_configuration observed_by(struct notes *notes)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.observer = observe;
    configuration.observer_context = notes;
    configuration.measures_latency = true;
    return configuration;
}

static void assert_step(const struct note *note, mayfly_step step, uint32_t attempt)
{
    assert_int_equal(note->step, step);
    assert_int_equal(note->attempt, attempt);
}

/* --- Steps --- */

static void a_call_is_started_sent_received_and_done(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 3; i++) {
        struct notes *notes = notes_new();
        mayfly_configuration configuration = observed_by(notes);
        mayfly_client *client = client_open_with(&configuration, server.port, drives[i]);
        int64_t before_ns = clock_now_ns();
        assert_int_equal(
            outcome_of(client, mayfly_set("cache", mayfly_text("key"), mayfly_text("value"), TTL_MS)),
            MAYFLY_DONE);
        assert_int_equal(outcome_of(client, mayfly_get("cache", mayfly_text("key"))), MAYFLY_HIT);
        mayfly_client_close(client);
        assert_int_equal(notes->count, 8);
        for (size_t step = 0; step < 8; step++) {
            const struct note *note = &notes->list[step];
            assert_int_equal(note->step, step % 4);
            assert_int_equal(note->method, step < 4 ? MAYFLY_METHOD_SET : MAYFLY_METHOD_GET);
            assert_int_equal(note->attempt, step % 4 == 0 ? 0 : 1);
            assert_int_equal(note->call, notes->list[step / 4 * 4].call);
            assert_true(note->now_ns >= before_ns && note->now_ns <= clock_now_ns());
            assert_int_equal(note->bytes > 0, step % 4 == 1 || step % 4 == 2);
        }
        assert_int_not_equal(notes->list[0].call, notes->list[4].call);
        /* The contract's messages: 2 + 3, 2 + 5 and 1 + 3 bytes out; 2 and 2 + 5 in. */
        assert_int_equal(notes->list[1].bytes, 5 + 7 + 4);
        assert_int_equal(notes->list[5].bytes, 5);
        assert_int_equal(notes->list[6].bytes, 2 + 7);
        free(notes);
    }
    server_stop(&server);
}

static void answer_at_the_third(struct peer *peer, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)peer;
    if (request < 2)
        peer_fail(link, stream, "14");
    else
        peer_answer_miss(link, stream);
}

static void every_attempt_is_told(void **state)
{
    (void)state;
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer_start(peer, answer_at_the_third);
    struct notes *notes = notes_new();
    mayfly_configuration configuration = observed_by(notes);
    mayfly_client *client = client_open_with(&configuration, peer->port, MAYFLY_DRIVEN_BY_CALLER);
    assert_int_equal(outcome_of(client, mayfly_get("cache", mayfly_text("key"))), MAYFLY_MISS);
    assert_int_equal(notes->count, 6);
    assert_step(&notes->list[0], MAYFLY_STEP_STARTED, 0);
    for (uint32_t attempt = 1; attempt <= 3; attempt++)
        assert_step(&notes->list[attempt], MAYFLY_STEP_SENT, attempt);
    assert_step(&notes->list[4], MAYFLY_STEP_RECEIVED, 3);
    assert_step(&notes->list[5], MAYFLY_STEP_DONE, 3);
    mayfly_client_close(client);
    peer_stop(peer);
    free(notes);
    free(peer);
}

static void on_end(void *context, const mayfly_reply *reply)
{
    (void)reply;
    atomic_fetch_add((_Atomic int *)context, 1);
}

static void a_call_that_never_got_out_is_done_all_the_same(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    struct notes *notes = notes_new();
    mayfly_configuration configuration = observed_by(notes);
    configuration.max_in_flight = 1;
    configuration.max_backlog = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    _Atomic int ended = 0;
    const mayfly_request ping = mayfly_ping();
    mayfly_handle waiting;
    assert_int_equal(mayfly_start(client, &ping, on_end, &ended, NULL), MAYFLY_OK);
    assert_int_equal(mayfly_start(client, &ping, on_end, &ended, &waiting), MAYFLY_OK);
    assert_int_equal(mayfly_start(client, &ping, on_end, &ended, NULL), MAYFLY_RESOURCE_EXHAUSTED);
    mayfly_cancel(client, waiting);
    assert_int_equal(notes->count, 4); /* of the refused one nothing */
    assert_step(&notes->list[0], MAYFLY_STEP_STARTED, 0);
    assert_step(&notes->list[1], MAYFLY_STEP_SENT, 1);
    assert_step(&notes->list[2], MAYFLY_STEP_STARTED, 0);
    assert_step(&notes->list[3], MAYFLY_STEP_DONE, 0);
    assert_int_equal(notes->list[3].status, MAYFLY_CANCELLED);
    mayfly_client_close(client);
    assert_int_equal(ended, 2);
    assert_step(&notes->list[4], MAYFLY_STEP_DONE, 1);
    free(notes);
    server_stop(&server);
}

static int by_call(const void *a, const void *b)
{
    const struct note *left = a;
    const struct note *right = b;
    if (left->call != right->call)
        return left->call < right->call ? -1 : 1;
    return (int)left->step - (int)right->step;
}

static void many_calls_at_once_are_told_apart(void **state)
{
    (void)state;
    enum { CALLS = 4000 };
    struct test_server server = server_start(SERVER_PLAIN);
    struct notes *notes = notes_new();
    mayfly_configuration configuration = observed_by(notes);
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_THREAD);
    _Atomic int ended = 0;
    const mayfly_request ping = mayfly_ping();
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(mayfly_start(client, &ping, on_end, &ended, NULL), MAYFLY_OK);
    mayfly_client_close(client); /* ends them all, well or not */
    assert_int_equal(ended, CALLS);
    qsort(notes->list, notes->count, sizeof notes->list[0], by_call);
    size_t at = 0;
    for (int i = 0; i < CALLS; i++) {
        uint64_t call = notes->list[at].call;
        assert_int_equal(notes->list[at].step, MAYFLY_STEP_STARTED);
        while (at + 1 < notes->count && notes->list[at + 1].call == call) {
            at++;
            assert_true(notes->list[at].step > notes->list[at - 1].step);
        }
        assert_int_equal(notes->list[at++].step, MAYFLY_STEP_DONE);
    }
    assert_int_equal(at, notes->count);
    free(notes);
    server_stop(&server);
}

/* --- Latencies --- */

static mayfly_latency latency_of(const mayfly_client *client, mayfly_method method, mayfly_latency_kind kind)
{
    mayfly_latency latency;
    assert_int_equal(mayfly_client_latency(client, (int)method, kind, &latency), MAYFLY_OK);
    return latency;
}

static void answer_after_20_ms(struct peer *peer, struct peer_link *link, uint32_t stream, unsigned request)
{
    (void)peer;
    (void)request;
    (void)usleep(20000);
    peer_answer_empty(link, stream);
}

static void waiting_and_the_wire_are_measured_apart(void **state)
{
    (void)state;
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer_start(peer, answer_after_20_ms);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.measures_latency = true;
    configuration.max_in_flight = 1;
    mayfly_client *client = client_open_with(&configuration, peer->port, MAYFLY_DRIVEN_BY_CALLER);
    _Atomic int ended = 0;
    const mayfly_request ping = mayfly_ping();
    for (int i = 0; i < 5; i++)
        assert_int_equal(mayfly_start(client, &ping, on_end, &ended, NULL), MAYFLY_OK);
    while (ended < 5)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    mayfly_latency wire = latency_of(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WIRE);
    mayfly_latency waiting = latency_of(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WAITING);
    assert_int_equal(wire.count, 5);
    assert_int_equal(waiting.count, 5);
    assert_true(wire.p50_ns >= 19900000 && wire.p50_ns <= wire.p999_ns && wire.p999_ns <= wire.max_ns);
    assert_true(wire.mean_ns >= 20000000 && wire.mean_ns <= wire.max_ns);
    assert_true(waiting.max_ns >= 80000000); /* the last waited for four */
    assert_true(waiting.p50_ns >= 39600000 && waiting.p50_ns < waiting.max_ns);
    mayfly_client_close(client);
    peer_stop(peer);
    free(peer);
}

static void a_call_that_was_never_sent_waited_and_has_no_wire(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.measures_latency = true;
    configuration.max_in_flight = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    _Atomic int ended = 0;
    const mayfly_request ping = mayfly_ping();
    mayfly_handle handle;
    assert_int_equal(mayfly_start(client, &ping, on_end, &ended, NULL), MAYFLY_OK);
    assert_int_equal(mayfly_start(client, &ping, on_end, &ended, &handle), MAYFLY_OK);
    mayfly_cancel(client, handle);
    assert_int_equal(latency_of(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WIRE).count, 0);
    assert_int_equal(latency_of(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WAITING).count, 1);
    assert_int_equal(latency_of(client, MAYFLY_METHOD_GET, MAYFLY_LATENCY_WAITING).count, 0);
    mayfly_client_close(client);
    server_stop(&server);
}

struct reader {
    const mayfly_client *client;
    _Atomic bool is_over;
    bool is_wrong;
};

/* Reads what another thread writes; the count never falls. */
static void *read_on(void *context)
{
    struct reader *reader = context;
    uint64_t seen = 0;
    while (!reader->is_over) {
        mayfly_latency latency;
        mayfly_status status =
            mayfly_client_latency(reader->client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WIRE, &latency);
        reader->is_wrong |= status != MAYFLY_OK || latency.count < seen;
        seen = latency.count;
        (void)mayfly_client_count(reader->client);
    }
    return NULL;
}

static void latencies_are_read_while_they_are_written(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.measures_latency = true;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 3; i++) {
        mayfly_client *client = client_open_with(&configuration, server.port, drives[i]);
        struct reader reader = {.client = client};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
        for (int j = 0; j < 500; j++)
            assert_int_equal(outcome_of(client, mayfly_ping()), MAYFLY_DONE);
        reader.is_over = true;
        (void)pthread_join(thread, NULL);
        assert_false(reader.is_wrong);
        assert_int_equal(latency_of(client, MAYFLY_METHOD_PING, MAYFLY_LATENCY_WIRE).count, 500);
        mayfly_client_close(client);
    }
    server_stop(&server);
}

static void latencies_that_are_not_kept_are_refused(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_latency latency;
    assert_int_equal(mayfly_client_latency(client, MAYFLY_METHOD_GET, MAYFLY_LATENCY_WIRE, &latency),
                     MAYFLY_FAILED_PRECONDITION);
    mayfly_client_close(client);
    server_stop(&server);
}

/* --- Values in place --- */

struct place {
    const mayfly_client *client;
    bool is_in_place;
    bool has_ended;
};

static void on_got(void *context, const mayfly_reply *reply)
{
    struct place *place = context;
    const uint8_t *input = place->client->loop.read_buffer;
    const uint8_t *value = reply->value.data;
    place->is_in_place = reply->value.size == 5 && value >= input && value + 5 <= input + NET_READ_BYTES;
    place->has_ended = true;
}

static void a_value_is_read_where_it_was_received(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    mayfly_bytes key = mayfly_text("key");
    assert_int_equal(outcome_of(client, mayfly_set("cache", key, mayfly_text("value"), TTL_MS)), MAYFLY_DONE);
    struct place place = {.client = client};
    const mayfly_request get = mayfly_get("cache", key);
    assert_int_equal(mayfly_start(client, &get, on_got, &place, NULL), MAYFLY_OK);
    while (!place.has_ended)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    assert_true(place.is_in_place);
    mayfly_client_close(client);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_started_sent_received_and_done),
        cmocka_unit_test(every_attempt_is_told),
        cmocka_unit_test(a_call_that_never_got_out_is_done_all_the_same),
        cmocka_unit_test(many_calls_at_once_are_told_apart),
        cmocka_unit_test(waiting_and_the_wire_are_measured_apart),
        cmocka_unit_test(a_call_that_was_never_sent_waited_and_has_no_wire),
        cmocka_unit_test(latencies_are_read_while_they_are_written),
        cmocka_unit_test(latencies_that_are_not_kept_are_refused),
        cmocka_unit_test(a_value_is_read_where_it_was_received),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
