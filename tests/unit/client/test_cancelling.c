/* Cancelling a call disturbs no other, and a child of a fork disturbs nothing of its parent's: a third of a great many
 * gets is cancelled, and every value that comes belongs to its key. */
#include "with_server.h"

#include <poll.h>
#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GETS 100000
#define PARENT_DRIVES                                                                                        \
    2 /* a fork while a thread allocates leaves the sanitizer's allocator locked in the child */
#else
#define GETS          1000000
#define PARENT_DRIVES 3
#endif

#if defined(__SANITIZE_THREAD__)
#define CHILD_DRIVES 2 /* the sanitizer allows a child no threads, so none of the client's own */
#else
#define CHILD_DRIVES 3
#endif

#define KEYS     1000
#define AT_ONCE  2000
#define FORKS    100
#define TTL_MS   UINT64_C(600000)
#define TEXT_MAX 40

/* --- Values that derive from their keys --- */

static void key_of(int number, char key[TEXT_MAX])
{
    (void)snprintf(key, TEXT_MAX, "key-%d", number % KEYS);
}

static void value_of(int number, char value[TEXT_MAX])
{
    (void)snprintf(value, TEXT_MAX, "%u-value-of-%d", (unsigned)(number % KEYS) * 2654435761u, number % KEYS);
}

static void store_all(mayfly_client *client)
{
    for (int i = 0; i < KEYS; i++) {
        char key[TEXT_MAX];
        char value[TEXT_MAX];
        key_of(i, key);
        value_of(i, value);
        assert_int_equal(
            outcome_of(client, mayfly_set("cache", mayfly_text(key), mayfly_text(value), TTL_MS)),
            MAYFLY_DONE);
    }
}

struct crowd;

struct get {
    struct crowd *crowd;
    mayfly_handle handle;
    int number;
    _Atomic int callbacks;
};

struct crowd {
    struct get *gets; /* GETS of them */
    _Atomic int ended;
    _Atomic int right;
    _Atomic int cancelled;
    _Atomic int wrong;
};

static void on_got(void *context, const mayfly_reply *reply)
{
    struct get *get = context;
    struct crowd *crowd = get->crowd;
    char value[TEXT_MAX];
    value_of(get->number, value);
    bool is_right = reply->status == MAYFLY_OK && reply->outcome == MAYFLY_HIT &&
                    reply->value.size == strlen(value) &&
                    memcmp(reply->value.data, value, strlen(value)) == 0;
    if (is_right)
        crowd->right++;
    else if (reply->status == MAYFLY_CANCELLED)
        crowd->cancelled++;
    else
        crowd->wrong++;
    get->callbacks++;
    crowd->ended++;
}

static bool is_to_cancel(int number)
{
    return number % 10 < 3;
}

/* Starts get after get and cancels three of ten: at once, or when a few hundred others were started since. */
static void run_crowd(mayfly_client *client, struct crowd *crowd, bool is_stepping)
{
    enum { LATER = 300 };
    for (int i = 0; i < GETS + LATER; i++) {
        if (i < GETS) {
            struct get *get = &crowd->gets[i];
            char key[TEXT_MAX];
            *get = (struct get){.crowd = crowd, .number = i};
            key_of(i, key);
            const mayfly_request request = mayfly_get("cache", mayfly_text(key));
            assert_int_equal(mayfly_start(client, &request, on_got, get, &get->handle), MAYFLY_OK);
            if (is_to_cancel(i) && i % 2 == 0)
                mayfly_cancel(client, get->handle);
        }
        int before = i - LATER;
        if (before >= 0 && is_to_cancel(before) && before % 2 == 1)
            mayfly_cancel(client, crowd->gets[before].handle);
        while (i - crowd->ended > AT_ONCE) {
            if (is_stepping)
                assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
            else
                (void)poll(NULL, 0, 0);
        }
    }
    while (crowd->ended < GETS) {
        if (is_stepping)
            assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
        else
            (void)poll(NULL, 0, 1);
    }
}

static void a_third_of_a_crowd_is_cancelled_and_no_other_call_knows(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.deadline_ms = 60000;
    configuration.max_channels = 1;
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_THREAD};
    struct crowd crowd = {.gets = calloc(GETS, sizeof *crowd.gets)};
    assert_non_null(crowd.gets);
    for (size_t i = 0; i < 2; i++) {
        mayfly_client *client = client_open_with(&configuration, server.port, drives[i]);
        store_all(client);
        crowd.ended = crowd.right = crowd.cancelled = crowd.wrong = 0;
        run_crowd(client, &crowd, drives[i] == MAYFLY_DRIVEN_BY_CALLER);
        assert_int_equal(crowd.wrong, 0);
        assert_int_equal(crowd.right + crowd.cancelled, GETS);
        assert_true(crowd.cancelled > GETS / 10 && crowd.cancelled <= GETS / 10 * 3);
        for (int j = 0; j < GETS; j++)
            assert_int_equal(crowd.gets[j].callbacks, 1);
        mayfly_client_counts counts = mayfly_client_count(client);
        assert_int_equal(counts.in_flight, 0);
        assert_int_equal(counts.backlog, 0);
        assert_int_equal(counts.disconnects, 0);
        assert_int_equal(counts.calls, GETS + KEYS);
        assert_int_equal(counts.failures, crowd.cancelled);
        /* A stream that leaked would be missing here: the server allows a hundred, and takes a hundred again. */
        struct crowd last = {.gets = crowd.gets};
        for (int j = 0; j < 100; j++) {
            char key[TEXT_MAX];
            last.gets[j] = (struct get){.crowd = &last, .number = j};
            key_of(j, key);
            const mayfly_request request = mayfly_get("cache", mayfly_text(key));
            assert_int_equal(mayfly_start(client, &request, on_got, &last.gets[j], NULL), MAYFLY_OK);
        }
        if (drives[i] == MAYFLY_DRIVEN_BY_CALLER)
            assert_int_equal(mayfly_client_count(client).in_flight, 100);
        while (last.ended < 100) {
            if (drives[i] == MAYFLY_DRIVEN_BY_CALLER)
                assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
            else
                (void)poll(NULL, 0, 1);
        }
        assert_int_equal(last.right, 100);
        mayfly_client_close(client);
    }
    free(crowd.gets);
    server_stop(&server);
}

/* --- Forks --- */

/* In the child: the parent's client is of no use, one of its own is. */
static int use_own(mayfly_client *parents, uint16_t port, mayfly_drive drive)
{
    mayfly_request ping = mayfly_ping();
    mayfly_reply *reply;
    if (mayfly_call(parents, &ping, &reply) != MAYFLY_FAILED_PRECONDITION ||
        mayfly_client_descriptor(parents) != -1)
        return 1;
    mayfly_reply_free(reply);
    const mayfly_configuration configuration = mayfly_configuration_laptop();
    const mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", port);
    mayfly_client *client;
    if (mayfly_client_open(&configuration, &credentials, drive, &client, NULL) != MAYFLY_OK)
        return 2;
    for (int i = 0; i < 20; i++) {
        char key[TEXT_MAX];
        char value[TEXT_MAX];
        key_of(i, key);
        value_of(i, value);
        const mayfly_request get = mayfly_get("cache", mayfly_text(key));
        if (mayfly_call(client, &get, &reply) != MAYFLY_OK || reply->value.size != strlen(value) ||
            memcmp(reply->value.data, value, strlen(value)) != 0)
            return 3;
        mayfly_reply_free(reply);
    }
    mayfly_client_close(client);
    mayfly_client_close(parents); /* does nothing */
    return 0;
}

static void start_gets(mayfly_client *client, struct crowd *crowd, int count)
{
    for (int i = 0; i < count; i++) {
        char key[TEXT_MAX];
        crowd->gets[i] = (struct get){.crowd = crowd, .number = i};
        key_of(i, key);
        const mayfly_request request = mayfly_get("cache", mayfly_text(key));
        assert_int_equal(mayfly_start(client, &request, on_got, &crowd->gets[i], NULL), MAYFLY_OK);
    }
}

static void parent_and_child_each_have_a_client(void **state)
{
    (void)state;
    enum { UNDER_WAY = 300 };
    struct test_server server = server_start(SERVER_PLAIN);
    const mayfly_drive drives[] = {MAYFLY_DRIVEN_BY_CALLER, MAYFLY_DRIVEN_BY_CALLS, MAYFLY_DRIVEN_BY_THREAD};
    mayfly_client *clients[PARENT_DRIVES];
    for (size_t i = 0; i < PARENT_DRIVES; i++)
        clients[i] = client_open_to(server.port, drives[i]);
    store_all(clients[0]);
    struct crowd crowd = {.gets = calloc(UNDER_WAY, sizeof *crowd.gets)};
    assert_non_null(crowd.gets);
    for (int i = 0; i < FORKS; i++) {
        mayfly_drive drive = drives[i % PARENT_DRIVES];
        mayfly_client *client = clients[drive];
        crowd.ended = crowd.right = 0;
        int started = drive == MAYFLY_DRIVEN_BY_CALLS ? 0 : UNDER_WAY;
        start_gets(client, &crowd, started);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(use_own(client, server.port, drives[i / PARENT_DRIVES % CHILD_DRIVES]));
        while (drive == MAYFLY_DRIVEN_BY_CALLER && crowd.ended < started)
            assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
        while (crowd.ended < started)
            (void)poll(NULL, 0, 1);
        assert_int_equal(status_of(client, mayfly_ping()), MAYFLY_OK);
        int code = -1;
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_int_equal(code, 0);
        assert_int_equal(crowd.right, started);
    }
    for (size_t i = 0; i < PARENT_DRIVES; i++) {
        assert_int_equal(mayfly_client_count(clients[i]).failures, 0);
        mayfly_client_close(clients[i]);
    }
    free(crowd.gets);
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_third_of_a_crowd_is_cancelled_and_no_other_call_knows),
        cmocka_unit_test(parent_and_child_each_have_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
