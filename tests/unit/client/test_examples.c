/* The examples do what they say, and their mistakes end in a sentence and a code. */
#include "with_server.h"

static char output[1 << 18];

/* Runs an example; returns its exit code and leaves what it printed in `output`. */
static int run(const char *name, uint16_t port, const char *cache)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "'%s/example_%s' 127.0.0.1 %u %s 2>&1", EXAMPLES_DIRECTORY, name,
                   port, cache);
    FILE *from = popen(command, "r");
    assert_non_null(from);
    size_t size = fread(output, 1, sizeof output - 1, from);
    output[size] = '\0';
    int code = pclose(from);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_set_sets_gets_and_deletes),
        cmocka_unit_test(event_loop_counts_every_visit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
