/* The examples do what they say, and their mistakes end in a sentence and a code. */
#include "with_server.h"

static char output[1 << 18];

/* Runs an example on what another command prints; returns its exit code and leaves what it printed in `output`. */
static int run_with_input(const char *input, const char *name, uint16_t port, const char *cache)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "%s | '%s/example_%s' 127.0.0.1 %u %s 2>&1", input,
                   EXAMPLES_DIRECTORY, name, port, cache);
    FILE *from = popen(command, "r");
    assert_non_null(from);
    size_t size = fread(output, 1, sizeof output - 1, from);
    output[size] = '\0';
    int code = pclose(from);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static int run(const char *name, uint16_t port, const char *cache)
{
    return run_with_input("true", name, port, cache);
}

static void get_set_sets_gets_and_deletes(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    assert_int_equal(run("get_set", server.port, "cache"), 0);
    assert_string_equal(output, "Set: done\nGet: hello\nDelete: done\nGet: nothing there\n");
    assert_int_equal(run("get_set", server.port, "unknown"), 1);
    assert_non_null(strstr(output, "NOT_FOUND"));
    server_stop(&server);
}

static void event_loop_counts_every_visit(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    assert_int_equal(run("event_loop", server.port, "cache"), 0);
    assert_string_equal(output, "1000 visits, 0 failed, the counter went up to 1000\n");
    assert_int_equal(run("event_loop", server.port, "unknown"), 1);
    assert_non_null(strstr(output, "1000 visits, 1000 failed"));
    server_stop(&server);
}

static void callbacks_brings_every_value_back(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    assert_int_equal(run("callbacks", server.port, "cache"), 0);
    assert_string_equal(output, "1000 values, 1000 came back as they were\n");
    assert_int_equal(run("callbacks", server.port, "unknown"), 1);
    assert_non_null(strstr(output, "set: NOT_FOUND"));
    assert_non_null(strstr(output, "1000 values, 0 came back"));
    server_stop(&server);
}

static void hosts_loops_make_their_calls(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    const char *const names[] = {"libuv", "glib"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(run(names[i], server.port, "cache"), 0);
        assert_string_equal(output, "20 ticks, 1000 calls, 0 failed\n");
        assert_int_equal(run(names[i], server.port, "unknown"), 1);
        assert_non_null(strstr(output, "20 ticks, 0 calls, 1000 failed"));
    }
    server_stop(&server);
}

static void epoll_stores_what_comes_in(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    assert_int_equal(run_with_input("seq 3000", "epoll", server.port, "cache"), 0);
    assert_string_equal(output, "3000 lines stored, 0 failed\n");
    assert_int_equal(run_with_input("printf '\\na\\n'", "epoll", server.port, "cache"), 1);
    assert_string_equal(output, "the key is empty\n1 lines stored, 1 failed\n");
    assert_int_equal(run_with_input("printf 'a\nb'", "epoll", server.port, "cache"), 0);
    assert_string_equal(output, "2 lines stored, 0 failed\n");
    assert_int_equal(run_with_input("head -c 5000 /dev/zero", "epoll", server.port, "cache"), 1);
    assert_non_null(strstr(output, "longer than 4095 bytes"));
    server_stop(&server);
}

static void collections_keep_the_latest_and_rank_the_most(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    assert_int_equal(run("event_loop", server.port, "cache"), 0); /* whoever tries one tries the next */
    assert_int_equal(run("collections", server.port, "cache"), 0);
    assert_string_equal(output, "latest: bob ann cem\n1. ann: 3\n2. bob: 2\n");
    assert_int_equal(run("collections", server.port, "unknown"), 1);
    assert_non_null(strstr(output, "ListPushFront: "));
    server_stop(&server);
}

static void topics_hears_what_it_publishes(void **state)
{
    (void)state;
    struct test_server server = server_start(SERVER_PLAIN);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(run("topics", server.port, "cache"), 0);
        assert_string_equal(output, "heard: hello\nheard: stop\n");
    }
    assert_int_equal(run("topics", server.port, "unknown"), 1);
    assert_non_null(strstr(output, "NOT_FOUND"));
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_set_sets_gets_and_deletes),
        cmocka_unit_test(event_loop_counts_every_visit),
        cmocka_unit_test(callbacks_brings_every_value_back),
        cmocka_unit_test(hosts_loops_make_their_calls),
        cmocka_unit_test(epoll_stores_what_comes_in),
        cmocka_unit_test(collections_keep_the_latest_and_rank_the_most),
        cmocka_unit_test(topics_hears_what_it_publishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
