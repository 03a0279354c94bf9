/* The three ways to drive a client: who runs its callbacks, how many threads may call, what a callback may
 * do, and how each of them ends. */
#include "base/clock.h"
#include "with_server.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#define TTL_MS UINT64_C(60000)

static struct test_server server;

static int set_up(void **state)
{
    (void)state;
    server = server_start(SERVER_PLAIN);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_stop(&server);
    return 0;
}

/* --- What callbacks leave behind --- */

struct ends {
    _Atomic int count;
    _Atomic int statuses[17];
    mayfly_client *client;
    int again; /* calls that callbacks start */
    mayfly_status refusal;
    mayfly_handle other;
};

static int ended(struct ends *ends, mayfly_status status)
{
    return atomic_load(&ends->statuses[status]);
}

static void on_end(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    atomic_fetch_add(&ends->statuses[reply->status], 1);
    atomic_fetch_add(&ends->count, 1);
}

static void on_end_again(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    on_end(context, reply);
    if (ends->again == 0)
        return;
    ends->again--;
    const mayfly_request ping = mayfly_ping();
    ends->refusal = mayfly_start(ends->client, &ping, on_end_again, ends, NULL);
}

static mayfly_handle start(mayfly_client *client, mayfly_request request, mayfly_callback callback,
                           struct ends *ends)
{
    mayfly_handle handle;
    assert_int_equal(mayfly_start(client, &request, callback, ends, &handle), MAYFLY_OK);
    return handle;
}

static void step_until(mayfly_client *client, struct ends *ends, int count)
{
    while (atomic_load(&ends->count) < count)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
}

/* Waits for callbacks that run on another thread. */
static void await(struct ends *ends, int count)
{
    int64_t limit_ns = clock_now_ns() + (int64_t)20 * CLOCK_NS_PER_S;
    while (atomic_load(&ends->count) < count && clock_now_ns() < limit_ns)
        (void)poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&ends->count), count);
}

/* --- Driven by the caller --- */

static void a_caller_steps_until_its_callbacks_have_run(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    for (int i = 0; i < 1000; i++)
        (void)start(client, mayfly_ping(), on_end, &ends);
    assert_int_equal(ends.count, 0); /* never from within mayfly_start */
    step_until(client, &ends, 1000);
    assert_int_equal(ended(&ends, MAYFLY_OK), 1000);
    assert_int_equal(mayfly_client_count(client).in_flight, 0);
    mayfly_client_close(client);
}

/* Steps as a host's loop does: when the descriptor is readable or the time is up, and never otherwise. */
static void host_until(mayfly_client *client, struct ends *ends, int count)
{
    int idle_turns = 0;
    while (atomic_load(&ends->count) < count) {
        struct pollfd fd = {mayfly_client_descriptor(client), POLLIN, 0};
        int timeout_ms = mayfly_client_timeout_ms(client);
        int before = atomic_load(&ends->count);
        assert_true(poll(&fd, 1, timeout_ms < 0 ? 20000 : timeout_ms) > 0 || timeout_ms >= 0);
        assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
        idle_turns = atomic_load(&ends->count) == before ? idle_turns + 1 : 0;
        assert_true(idle_turns < 10000); /* it waits rather than spins */
    }
}

static void a_host_needs_only_the_descriptor_and_the_timeout(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.connect_timeout_ms = 0; /* connecting too is up to the host */
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client, .again = 2000};
    for (int i = 0; i < 10; i++)
        (void)start(client, mayfly_ping(), on_end_again, &ends);
    host_until(client, &ends, 2010);
    assert_int_equal(ended(&ends, MAYFLY_OK), 2010);

    int64_t start_ns = clock_now_ns();
    (void)start(client, mayfly_ping(), on_end, &ends); /* with nothing to read and no time near */
    assert_int_equal(mayfly_client_timeout_ms(client), 0);
    host_until(client, &ends, 2011);
    assert_true(clock_now_ns() - start_ns < (int64_t)2 * CLOCK_NS_PER_S);
    mayfly_client_close(client);
}

static void a_host_sees_deadlines_pass_with_nothing_to_read(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    mayfly_request request = mayfly_ping();
    request.deadline_ms = 50;
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    int64_t start_ns = clock_now_ns();
    (void)start(client, request, on_end, &ends);
    host_until(client, &ends, 1);
    int64_t took_ms = (clock_now_ns() - start_ns) / CLOCK_NS_PER_MS;
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    assert_int_equal(ended(&ends, MAYFLY_DEADLINE_EXCEEDED), 1);
    assert_in_range(took_ms, 50, 1000);
    mayfly_client_close(client);
}

static void a_reply_that_has_come_beats_the_deadline_of_a_host_that_is_late(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    mayfly_request request = mayfly_ping();
    request.deadline_ms = 300;
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    int64_t due_ns = clock_now_ns() + (int64_t)320 * CLOCK_NS_PER_MS;
    (void)start(client, request, on_end, &ends);
    assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK); /* sends it */
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    struct pollfd fd = {mayfly_client_descriptor(client), POLLIN, 0};
    assert_int_equal(poll(&fd, 1, 10000), 1);
    while (clock_now_ns() < due_ns)
        (void)poll(NULL, 0, 1);
    step_until(client, &ends, 1);
    assert_int_equal(ended(&ends, MAYFLY_OK), 1);
    mayfly_client_close(client);
}

static void a_blocking_call_runs_the_callbacks_of_others(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    (void)start(client, mayfly_ping(), on_end, &ends);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    assert_int_equal(ended(&ends, MAYFLY_OK), 1);
    mayfly_client_close(client);
}

/* --- Many threads --- */

struct worker {
    mayfly_client *client;
    pthread_t thread;
    int number;
    int calls;
    int wrong;
    struct ends *ends;
};

/* Sets and gets keys of its own; what comes back must be derived from the key. */
static void *run_blocking(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < worker->calls; i++) {
        char key[32];
        char value[64];
        (void)snprintf(key, sizeof key, "%d-%d", worker->number, i % 50);
        (void)snprintf(value, sizeof value, "value of %d-%d", worker->number, i % 50);
        mayfly_request set = mayfly_set("cache", mayfly_text(key), mayfly_text(value), TTL_MS);
        mayfly_request get = mayfly_get("cache", mayfly_text(key));
        mayfly_reply *reply;
        worker->wrong += mayfly_call(worker->client, &set, &reply) != MAYFLY_OK;
        mayfly_reply_free(reply);
        worker->wrong += mayfly_call(worker->client, &get, &reply) != MAYFLY_OK ||
                         reply->value.size != strlen(value) ||
                         memcmp(reply->value.data, value, strlen(value)) != 0;
        mayfly_reply_free(reply);
    }
    return NULL;
}

static void run_workers(mayfly_client *client, int count, void *(*run)(void *), int calls, struct ends *ends)
{
    struct worker workers[16];
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){.client = client, .number = i, .calls = calls, .ends = ends};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (int i = 0; i < count; i++)
        (void)pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < count; i++)
        assert_int_equal(workers[i].wrong, 0);
}

static void sixteen_threads_share_a_client_driven_by_their_calls(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    run_workers(client, 16, run_blocking, 300, NULL);
    assert_int_equal(mayfly_client_count(client).in_flight, 0);
    assert_int_equal(mayfly_client_count(client).backlog, 0);
    mayfly_client_close(client);
}

static void threads_block_on_a_client_with_its_own_thread(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    run_workers(client, 8, run_blocking, 300, NULL);
    mayfly_client_close(client);
}

static void *run_starting(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < worker->calls; i++) {
        const mayfly_request ping = mayfly_ping();
        mayfly_handle handle;
        worker->wrong += mayfly_start(worker->client, &ping, on_end, worker->ends, &handle) != MAYFLY_OK;
        if (i % 10 == 0)
            mayfly_cancel(worker->client, handle);
    }
    return NULL;
}

static void threads_start_and_cancel_calls_on_a_client_with_its_own_thread(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    struct ends ends = {0};
    run_workers(client, 8, run_starting, 500, &ends);
    await(&ends, 4000);
    assert_int_equal(ended(&ends, MAYFLY_OK) + ended(&ends, MAYFLY_CANCELLED), 4000);
    mayfly_client_close(client);
}

static void callbacks_start_calls_on_the_clients_thread(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    struct ends ends = {.client = client, .again = 5000};
    (void)start(client, mayfly_ping(), on_end_again, &ends);
    await(&ends, 5001);
    assert_int_equal(ended(&ends, MAYFLY_OK), 5001);
    mayfly_client_close(client);
}

static void on_end_look_at_signals(void *context, const mayfly_reply *reply)
{
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    assert_true(sigismember(&blocked, SIGTERM));
    on_end(context, reply);
}

static void the_clients_thread_leaves_signals_to_the_host(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    struct ends ends = {0};
    (void)start(client, mayfly_ping(), on_end_look_at_signals, &ends);
    await(&ends, 1);
    mayfly_client_close(client);
}

/* --- Cancelling --- */

static void a_call_is_cancelled_wherever_it_is(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = 1;
    mayfly_client *client = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {0};
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    mayfly_handle in_flight = start(client, mayfly_ping(), on_end, &ends);
    assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
    mayfly_handle waiting = start(client, mayfly_ping(), on_end, &ends);
    mayfly_cancel(client, waiting);
    assert_int_equal(ended(&ends, MAYFLY_CANCELLED), 1);
    mayfly_cancel(client, in_flight);
    assert_int_equal(ended(&ends, MAYFLY_CANCELLED), 2);
    mayfly_handle unsent = start(client, mayfly_ping(), on_end, &ends);
    mayfly_cancel(client, unsent);
    assert_int_equal(ended(&ends, MAYFLY_CANCELLED), 3);

    mayfly_handle last = start(client, mayfly_ping(), on_end, &ends);
    mayfly_cancel(client, waiting); /* of a call that has ended: nothing */
    mayfly_cancel(client, in_flight);
    mayfly_cancel(client, (mayfly_handle){NULL, 0});
    assert_int_equal(kill(server.pid, SIGCONT), 0);
    step_until(client, &ends, 4);
    assert_int_equal(ended(&ends, MAYFLY_OK), 1);
    mayfly_cancel(client, last);
    assert_int_equal(ends.count, 4);
    mayfly_client_close(client);
}

static void on_end_cancel_other(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    on_end(context, reply);
    mayfly_cancel(ends->client, ends->other);
}

static void a_callback_cancels_another_call_of_the_same_connection(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client};
    struct ends others = {0};
    (void)start(client, mayfly_ping(), on_end_cancel_other, &ends);
    ends.other = start(client, mayfly_ping(), on_end, &others);
    step_until(client, &ends, 1);
    assert_int_equal(others.count, 1);
    assert_int_equal(ended(&others, MAYFLY_CANCELLED), 1);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
}

/* --- Closing --- */

static void closing_cancels_what_is_under_way(void **state)
{
    (void)state;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < 2; i++) {
        mayfly_configuration configuration = mayfly_configuration_laptop_v1();
        configuration.max_in_flight = 5;
        mayfly_client *client = client_open_with(&configuration, server.port, drives[i]);
        struct ends ends = {0};
        assert_int_equal(kill(server.pid, SIGSTOP), 0);
        for (int j = 0; j < 20; j++)
            (void)start(client, mayfly_ping(), on_end, &ends);
        if (drives[i] == MAYFLY_DRIVEN_BY_CALLER)
            assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK);
        mayfly_client_close(client);
        assert_int_equal(kill(server.pid, SIGCONT), 0);
        assert_int_equal(ended(&ends, MAYFLY_CANCELLED), 20);
    }
}

static void a_client_that_is_being_closed_takes_no_calls(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client, .again = 1000};
    for (int i = 0; i < 10; i++)
        (void)start(client, mayfly_ping(), on_end_again, &ends);
    mayfly_client_close(client);
    assert_int_equal(ends.count, 10);
    assert_int_equal(ends.refusal, MAYFLY_CANCELLED);
}

static void a_client_driven_by_calls_closes_after_a_call_that_got_no_answer(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_request request = mayfly_ping();
    request.deadline_ms = 30;
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    assert_int_equal(status_of(client, request), MAYFLY_DEADLINE_EXCEEDED);
    mayfly_client_close(client);
    assert_int_equal(kill(server.pid, SIGCONT), 0);
}

/* --- Mistakes --- */

static void on_end_misuse(void *context, const mayfly_reply *reply)
{
    struct ends *ends = context;
    mayfly_reply *nested;
    const mayfly_request ping = mayfly_ping();
    assert_int_equal(mayfly_call(ends->client, &ping, &nested), MAYFLY_INVALID_ARGUMENT);
    assert_non_null(strstr(nested->message, "callback"));
    mayfly_reply_free(nested);
    assert_int_equal(mayfly_client_step(ends->client, true), MAYFLY_INVALID_ARGUMENT);
    mayfly_client_close(ends->client); /* does nothing */
    on_end(context, reply);
}

static void a_callback_that_blocks_steps_or_closes_is_refused(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client};
    (void)start(client, mayfly_ping(), on_end_misuse, &ends);
    step_until(client, &ends, 1);
    mayfly_cancel(client, start(client, mayfly_ping(), on_end_misuse, &ends));
    assert_int_equal(ends.count, 2);
    mayfly_client_close(client);

    client = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    ends.client = client;
    (void)start(client, mayfly_ping(), on_end_misuse, &ends);
    await(&ends, 3);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
}

static void missing_arguments_are_refused(void **state)
{
    (void)state;
    const mayfly_request ping = mayfly_ping();
    mayfly_reply *reply;
    struct ends ends = {0};
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    assert_int_equal(mayfly_start(NULL, &ping, on_end, &ends, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_start(client, NULL, on_end, &ends, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_start(client, &ping, NULL, &ends, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_call(client, &ping, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_call(client, NULL, &reply), MAYFLY_INVALID_ARGUMENT);
    mayfly_reply_free(reply);
    assert_int_equal(mayfly_call(NULL, &ping, &reply), MAYFLY_INVALID_ARGUMENT);
    mayfly_reply_free(reply);
    assert_int_equal(mayfly_client_step(NULL, false), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_client_descriptor(NULL), -1);
    assert_int_equal(mayfly_client_timeout_ms(NULL), -1);
    assert_int_equal(mayfly_client_count(NULL).connections, 0);
    mayfly_cancel(NULL, (mayfly_handle){NULL, 0});
    mayfly_client_close(NULL);
    mayfly_client_close(client);
    assert_int_equal(ends.count, 0);
}

static void a_client_is_driven_only_the_way_it_was_opened(void **state)
{
    (void)state;
    const mayfly_request ping = mayfly_ping();
    struct ends ends = {0};
    mayfly_client *by_calls = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    mayfly_client *by_thread = client_open_to(server.port, MAYFLY_DRIVEN_BY_THREAD);
    assert_int_equal(mayfly_start(by_calls, &ping, on_end, &ends, NULL), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_client_step(by_calls, false), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_client_step(by_thread, false), MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(mayfly_client_descriptor(by_thread), -1);
    mayfly_client_close(by_calls);
    mayfly_client_close(by_thread);
}

/* In the child of a fork: every use is refused, and closing harms nobody. */
static int use_after_fork(mayfly_client *client)
{
    const mayfly_request ping = mayfly_ping();
    mayfly_reply *reply;
    bool is_refused = mayfly_call(client, &ping, &reply) == MAYFLY_FAILED_PRECONDITION;
    mayfly_reply_free(reply);
    mayfly_client_close(client);
    return is_refused ? 0 : 1;
}

static int start_after_fork(mayfly_client *client, mayfly_handle handle, const struct ends *ends)
{
    const mayfly_request ping = mayfly_ping();
    bool is_refused = mayfly_start(client, &ping, on_end, NULL, NULL) == MAYFLY_FAILED_PRECONDITION;
    mayfly_cancel(client, handle);
    return is_refused && ends->count == 0 ? 0 : 1;
}

static void a_forked_child_starts_and_cancels_nothing(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    struct ends ends = {.client = client};
    const mayfly_request ping = mayfly_ping();
    mayfly_handle handle;
    assert_int_equal(mayfly_start(client, &ping, on_end, &ends, &handle), MAYFLY_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(start_after_fork(client, handle, &ends));
    int code = -1;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    mayfly_client_close(client);
    assert_int_equal(ends.count, 1);
}

static void a_forked_child_has_no_part_in_its_parents_client(void **state)
{
    (void)state;
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(use_after_fork(client));
    int code = -1;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
    mayfly_client_close(client);
}

/* --- Interrupted --- */

static bool third_time(void *context)
{
    _Atomic int *asked = context;
    return atomic_fetch_add(asked, 1) + 1 >= 3;
}

static bool never(void *context)
{
    atomic_fetch_add((_Atomic int *)context, 1);
    return false;
}

static mayfly_status interruptible_status(mayfly_client *client, mayfly_interrupt interrupt,
                                          _Atomic int *asked)
{
    const mayfly_request ping = mayfly_ping();
    mayfly_reply *reply;
    mayfly_status status = mayfly_call_interruptible(client, &ping, interrupt, asked, &reply);
    mayfly_reply_free(reply);
    return status;
}

static void a_blocking_call_ends_when_its_program_looks_up_and_wants_out(void **state)
{
    (void)state;
    struct test_server own = server_start(SERVER_PLAIN);
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < sizeof drives / sizeof drives[0]; i++) {
        mayfly_client *client = client_open_to(own.port, drives[i]);
        _Atomic int asked = 0;
        assert_int_equal(kill(own.pid, SIGSTOP), 0);
        assert_int_equal(interruptible_status(client, third_time, &asked), MAYFLY_CANCELLED);
        assert_int_equal(asked, 3);
        assert_int_equal(kill(own.pid, SIGCONT), 0);
        assert_int_equal(interruptible_status(client, third_time, &asked), MAYFLY_OK);
        mayfly_client_close(client);
    }
    server_stop(&own);
}

struct sleeper {
    mayfly_client *client;
    mayfly_interrupt interrupt;
    _Atomic int asked;
    mayfly_status status;
    pthread_t thread;
};

static void *run_sleeper(void *context)
{
    struct sleeper *sleeper = context;
    sleeper->status = interruptible_status(sleeper->client, sleeper->interrupt, &sleeper->asked);
    return NULL;
}

static void an_interrupt_ends_the_call_of_its_thread_and_no_other(void **state)
{
    (void)state;
    struct test_server own = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(own.port, MAYFLY_DRIVEN_BY_CALLS);
    struct sleeper sleepers[8];
    assert_int_equal(kill(own.pid, SIGSTOP), 0);
    for (int i = 0; i < 8; i++) {
        sleepers[i] = (struct sleeper){.client = client, .interrupt = i % 2 == 0 ? third_time : never};
        assert_int_equal(pthread_create(&sleepers[i].thread, NULL, run_sleeper, &sleepers[i]), 0);
    }
    for (int i = 0; i < 8; i += 2) {
        assert_int_equal(pthread_join(sleepers[i].thread, NULL), 0);
        assert_int_equal(sleepers[i].status, MAYFLY_CANCELLED);
    }
    assert_int_equal(kill(own.pid, SIGCONT), 0);
    for (int i = 1; i < 8; i += 2) {
        assert_int_equal(pthread_join(sleepers[i].thread, NULL), 0);
        assert_int_equal(sleepers[i].status, MAYFLY_OK);
        assert_true(atomic_load(&sleepers[i].asked) > 0);
    }
    mayfly_client_close(client);
    server_stop(&own);
}

struct asker {
    mayfly_client *client;
    bool has_thread; /* ask on another thread, and wait for it */
    int pid;
    _Atomic int asked;
};

static void *run_ping(void *context)
{
    assert_int_equal(status_of(((struct asker *)context)->client, mayfly_ping()), MAYFLY_OK);
    return NULL;
}

/* Has the server go on, and asks it by the client whose call is being interrupted. */
static bool ask_by_the_same(void *context)
{
    struct asker *asker = context;
    assert_int_equal(kill(asker->pid, SIGCONT), 0);
    pthread_t thread;
    if (asker->has_thread) {
        assert_int_equal(pthread_create(&thread, NULL, run_ping, asker), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    } else {
        (void)run_ping(asker);
    }
    atomic_fetch_add(&asker->asked, 1);
    return false;
}

static void an_interrupt_may_wait_for_calls_by_the_same_client(void **state)
{
    (void)state;
    struct test_server own = server_start(SERVER_PLAIN);
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    for (size_t i = 0; i < sizeof drives / sizeof drives[0]; i++) {
        for (int has_thread = 0; has_thread <= (drives[i] != MAYFLY_DRIVEN_BY_CALLER); has_thread++) {
            mayfly_client *client = client_open_to(own.port, drives[i]);
            assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
            struct asker asker = {.client = client, .has_thread = has_thread != 0, .pid = own.pid};
            struct sleeper sleeper = {.client = client, .interrupt = never};
            assert_int_equal(kill(own.pid, SIGSTOP), 0);
            bool is_shared = drives[i] != MAYFLY_DRIVEN_BY_CALLER;
            if (is_shared) /* which may drive, or sleep */
                assert_int_equal(pthread_create(&sleeper.thread, NULL, run_sleeper, &sleeper), 0);
            const mayfly_request ping = mayfly_ping();
            mayfly_reply *reply;
            assert_int_equal(mayfly_call_interruptible(client, &ping, ask_by_the_same, &asker, &reply),
                             MAYFLY_OK);
            mayfly_reply_free(reply);
            assert_true(atomic_load(&asker.asked) > 0);
            if (is_shared) {
                assert_int_equal(pthread_join(sleeper.thread, NULL), 0);
                assert_int_equal(sleeper.status, MAYFLY_OK);
            }
            mayfly_client_close(client);
        }
    }
    server_stop(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_steps_until_its_callbacks_have_run),
        cmocka_unit_test(a_host_needs_only_the_descriptor_and_the_timeout),
        cmocka_unit_test(a_host_sees_deadlines_pass_with_nothing_to_read),
        cmocka_unit_test(a_reply_that_has_come_beats_the_deadline_of_a_host_that_is_late),
        cmocka_unit_test(a_blocking_call_runs_the_callbacks_of_others),
        cmocka_unit_test(sixteen_threads_share_a_client_driven_by_their_calls),
        cmocka_unit_test(threads_block_on_a_client_with_its_own_thread),
        cmocka_unit_test(threads_start_and_cancel_calls_on_a_client_with_its_own_thread),
        cmocka_unit_test(callbacks_start_calls_on_the_clients_thread),
        cmocka_unit_test(the_clients_thread_leaves_signals_to_the_host),
        cmocka_unit_test(a_call_is_cancelled_wherever_it_is),
        cmocka_unit_test(a_callback_cancels_another_call_of_the_same_connection),
        cmocka_unit_test(closing_cancels_what_is_under_way),
        cmocka_unit_test(a_client_that_is_being_closed_takes_no_calls),
        cmocka_unit_test(a_client_driven_by_calls_closes_after_a_call_that_got_no_answer),
        cmocka_unit_test(a_callback_that_blocks_steps_or_closes_is_refused),
        cmocka_unit_test(missing_arguments_are_refused),
        cmocka_unit_test(a_client_is_driven_only_the_way_it_was_opened),
        cmocka_unit_test(a_forked_child_has_no_part_in_its_parents_client),
        cmocka_unit_test(a_forked_child_starts_and_cancels_nothing),
        cmocka_unit_test(a_blocking_call_ends_when_its_program_looks_up_and_wants_out),
        cmocka_unit_test(an_interrupt_ends_the_call_of_its_thread_and_no_other),
        cmocka_unit_test(an_interrupt_may_wait_for_calls_by_the_same_client),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
