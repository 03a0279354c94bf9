/* Peers that do not read, and peers that hang up: what they cost, and that only they pay. */
#include "base/clock.h"
#include "with_server.h"

#include <dirent.h>
#include <poll.h>

#define TTL_MS      UINT64_C(60000)
#define VALUE_BYTES 1000000
#define ASKED_FOR   1000 /* a gigabyte */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SERVER_RESIDENT_MAX ((size_t)600 << 20) /* sanitizers keep freed memory for a while */
#else
#define SERVER_RESIDENT_MAX ((size_t)150 << 20)
#endif

static size_t resident_bytes(const struct test_server *server)
{
    char path[64];
    unsigned long total;
    unsigned long resident;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)server->pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    (void)fclose(file);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int open_descriptors(const struct test_server *server)
{
    char path[64];
    int count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)server->pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

static void put_large(mayfly_client *client)
{
    void *large = test_calloc(1, VALUE_BYTES);
    const mayfly_bytes value = {large, VALUE_BYTES};
    assert_int_equal(outcome_of(client, mayfly_set("cache", mayfly_text("large"), value, TTL_MS)),
                     MAYFLY_DONE);
    test_free(large);
}

static mayfly_client *greedy_client(uint16_t port)
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_in_flight = ASKED_FOR;
    configuration.min_channels = configuration.max_channels = 1;
    configuration.retries = 0;
    return client_open_with(&configuration, port, MAYFLY_DRIVEN_BY_CALLER);
}

static void on_end(void *context, const mayfly_reply *reply)
{
    int *statuses = context;
    statuses[reply->status]++;
}

static void ask_for_much(mayfly_client *client, int statuses[17])
{
    const mayfly_request get = mayfly_get("cache", mayfly_text("large"));
    for (int i = 0; i < ASKED_FOR; i++)
        assert_int_equal(mayfly_start(client, &get, on_end, statuses, NULL), MAYFLY_OK);
    assert_int_equal(mayfly_client_step(client, false), MAYFLY_OK); /* sends it all; no step follows */
}

static void who_stops_reading_is_dropped_and_the_others_go_on(void **state)
{
    (void)state;
    struct test_server server = server_start((const char *const[]){
        "cache", "cache", "max-streams", "1000", "stall-timeout", "700ms", "max-buffered", "32mib", NULL});
    mayfly_client *other = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    put_large(other);
    int before = open_descriptors(&server);
    mayfly_client *greedy = greedy_client(server.port);
    int statuses[17] = {0};
    ask_for_much(greedy, statuses);
    assert_int_equal(open_descriptors(&server), before + 1);

    size_t most = 0;
    int64_t limit_ns = clock_now_ns() + (int64_t)20 * CLOCK_NS_PER_S;
    while (open_descriptors(&server) > before && clock_now_ns() < limit_ns) {
        assert_int_equal(outcome_of(other, mayfly_get("cache", mayfly_text("large"))), MAYFLY_HIT);
        size_t now = resident_bytes(&server);
        most = now > most ? now : most;
    }
    assert_int_equal(open_descriptors(&server), before);
    if (most > SERVER_RESIDENT_MAX)
        fail_msg("the server held %zu MiB", most >> 20);

    mayfly_client_close(greedy); /* its calls end, each once */
    int ended = 0;
    for (int i = 0; i < 17; i++)
        ended += statuses[i];
    assert_int_equal(ended, ASKED_FOR);
    mayfly_client_close(other);
    server_stop(&server);
}

static void who_reads_slowly_but_steadily_is_not_dropped(void **state)
{
    (void)state;
    struct test_server server = server_start((const char *const[]){
        "cache", "cache", "max-streams", "1000", "stall-timeout", "300ms", "max-buffered", "1gib", NULL});
    mayfly_client *client = greedy_client(server.port);
    put_large(client);
    const mayfly_request get = mayfly_get("cache", mayfly_text("large"));
    int statuses[17] = {0};
    for (int i = 0; i < 60; i++)
        assert_int_equal(mayfly_start(client, &get, on_end, statuses, NULL), MAYFLY_OK);
    while (statuses[MAYFLY_OK] < 60) { /* a step reads 256 KiB at most */
        (void)poll(NULL, 0, 5);
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
        assert_int_equal(mayfly_client_count(client).connections, 1);
    }
    mayfly_client_close(client);
    server_stop(&server);
}

/* Sixteen megabytes of replies, as much as the client's window lets the server say, fill what the kernel
 * holds for a client that does not read; the rest waits in the server. */
static void who_does_not_read_is_not_heard(void **state)
{
    (void)state;
    struct test_server server = server_start(
        (const char *const[]){"cache", "cache", "max-streams", "1000", "max-buffered", "1gib", NULL});
    mayfly_client *other = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    put_large(other);
    mayfly_client *greedy = greedy_client(server.port);
    const mayfly_request get = mayfly_get("cache", mayfly_text("large"));
    const mayfly_request set = mayfly_set("cache", mayfly_text("probe"), mayfly_text("heard"), TTL_MS);
    int statuses[17] = {0};
    for (int i = 0; i < 60; i++)
        assert_int_equal(mayfly_start(greedy, &get, on_end, statuses, NULL), MAYFLY_OK);
    assert_int_equal(mayfly_client_step(greedy, false), MAYFLY_OK);
    for (int i = 0; i < 10; i++) /* meanwhile the server writes what it can */
        assert_int_equal(outcome_of(other, mayfly_get("cache", mayfly_text("large"))), MAYFLY_HIT);
    assert_int_equal(mayfly_start(greedy, &set, on_end, statuses, NULL), MAYFLY_OK);
    assert_int_equal(mayfly_client_step(greedy, false), MAYFLY_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(outcome_of(other, mayfly_get("cache", mayfly_text("probe"))), MAYFLY_MISS);
    while (statuses[MAYFLY_OK] < 61)
        assert_int_equal(mayfly_client_step(greedy, true), MAYFLY_OK);
    assert_int_equal(outcome_of(other, mayfly_get("cache", mayfly_text("probe"))), MAYFLY_HIT);
    mayfly_client_close(greedy);
    mayfly_client_close(other);
    server_stop(&server);
}

/* Writing to somebody who is gone raises SIGPIPE unless one takes care. */
static void clients_that_hang_up_do_not_take_the_server_down(void **state)
{
    (void)state;
    struct test_server server = server_start(
        (const char *const[]){"cache", "cache", "max-streams", "1000", "max-buffered", "32mib", NULL});
    mayfly_client *other = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    put_large(other);
    for (int i = 0; i < 20; i++) {
        int statuses[17] = {0};
        mayfly_client *greedy = greedy_client(server.port);
        ask_for_much(greedy, statuses);
        mayfly_client_close(greedy);
        assert_int_equal(statuses[MAYFLY_CANCELLED], ASKED_FOR);
    }
    assert_int_equal(outcome_of(other, mayfly_get("cache", mayfly_text("large"))), MAYFLY_HIT);
    mayfly_client_close(other);
    server_stop(&server);
}

static void a_server_that_dies_does_not_take_the_client_down(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    mayfly_client *client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLER);
    put_large(client);
    int statuses[17] = {0};
    server_kill(&server);
    static char value[VALUE_BYTES];
    const mayfly_request set =
        mayfly_set("cache", mayfly_text("key"), (mayfly_bytes){value, sizeof value}, TTL_MS);
    for (int i = 0; i < 10; i++)
        assert_int_equal(mayfly_start(client, &set, on_end, statuses, NULL), MAYFLY_OK);
    while (statuses[MAYFLY_UNAVAILABLE] < 10)
        assert_int_equal(mayfly_client_step(client, true), MAYFLY_OK);
    mayfly_client_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stops_reading_is_dropped_and_the_others_go_on),
        cmocka_unit_test(who_reads_slowly_but_steadily_is_not_dropped),
        cmocka_unit_test(who_does_not_read_is_not_heard),
        cmocka_unit_test(clients_that_hang_up_do_not_take_the_server_down),
        cmocka_unit_test(a_server_that_dies_does_not_take_the_client_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
