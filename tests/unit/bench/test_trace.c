/* Traces: what is read from a file, and what is refused, with the line. */
#include "base/clock.h"
#include "bench/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/test_trace.XXXXXX";

static bool read_text(const char *text, struct trace *trace, char error[TRACE_ERROR_BYTES])
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
    return trace_read(path, trace, error);
}

static void a_line_is_a_request(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_BYTES];
    assert_true(read_text("timestamp,operation,key,size\n"
                          "1700000000.5,set,user:1,100\n"
                          "1700000000.5,get,a,b,0\r\n"
                          "\n"
                          "1700000001.25,delete,user:1,\n"
                          "1700000002,set,last,7",
                          &trace, error));
    assert_int_equal(trace.count, 4);
    assert_int_equal(trace.value_bytes_max, 100);
    assert_int_equal(trace.rows[0].at_ns, 0);
    assert_int_equal(trace.rows[0].operation, TRACE_SET);
    assert_int_equal(trace.rows[0].value_bytes, 100);
    assert_memory_equal(trace.rows[1].key, "a,b", 3);
    assert_int_equal(trace.rows[1].key_bytes, 3);
    assert_int_equal(trace.rows[1].operation, TRACE_GET);
    assert_int_equal(trace.rows[2].at_ns, 750 * CLOCK_NS_PER_MS);
    assert_int_equal(trace.rows[2].operation, TRACE_DELETE);
    assert_int_equal(trace.rows[3].value_bytes, 7);
    trace_free(&trace);
    assert_int_equal(trace.count, 0);
}

static void what_cannot_be_read_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *told;
    } bad[] = {
        {"", "no request"},
        {"timestamp,operation,key,size\n", "no request"},
        {"0,get,k,0\n1,get\n", "line 2"},
        {"0,get,k,0\n1,fetch,k,0\n", "fetch"},
        {"0,get,k,0\n-1,get,k,0\n", "line 2"},
        {"5,get,k,0\n4.9,get,k,0\n", "before"},
        {"0,get,,0\n", "key"},
        {"0,set,k,-1\n", "size"},
        {"0,set,k,5000001\n", "size"},
        {"0,set,k,ten\n", "size"},
        {"0 ,get,k,0\n", "seconds"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct trace trace;
        char error[TRACE_ERROR_BYTES] = "";
        if (read_text(bad[i].text, &trace, error))
            fail_msg("taken: %s", bad[i].text);
        if (strstr(error, bad[i].told) == NULL)
            fail_msg("%s: %s", bad[i].text, error);
        assert_null(trace.rows);
    }
}

static void a_file_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_BYTES];
    assert_false(trace_read("/nowhere/trace.csv", &trace, error));
    assert_non_null(strstr(error, "No such file"));
}

static int make_file(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_request),
        cmocka_unit_test(what_cannot_be_read_is_told_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
