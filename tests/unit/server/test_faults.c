/* Faults on order: what the metadata of a call says, and how often. */
#include "server/faults.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define PAIRS_MAX 12

static const char get_path[] = "/cache_client.Scs/Get";

/* Metadata of names and values in turn, closed by NULL. */
static struct metadata *metadata_of(const char *const *words)
{
    struct metadata_pair pairs[PAIRS_MAX];
    size_t count = 0;
    for (; words[2 * count] != NULL; count++)
        pairs[count] = (struct metadata_pair){bytes_of(words[2 * count]), bytes_of(words[2 * count + 1])};
    return metadata_create(pairs, count);
}

static bool try_read(struct faults *faults, const char *path, const char *const *words,
                     struct faults_order *order, char error[FAULTS_ERROR_BYTES])
{
    struct metadata *metadata = metadata_of(words);
    bool is_read = faults_read(faults, metadata, path, order, error);
    metadata_release(metadata);
    return is_read;
}

static struct faults_order read_order(struct faults *faults, const char *path, const char *const *words)
{
    struct faults_order order;
    char error[FAULTS_ERROR_BYTES];
    if (!try_read(faults, path, words, &order, error))
        fail_msg("%s", error);
    return order;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void methods_have_the_names_that_the_sdks_tests_use(void **state)
{
    (void)state;
    static const char *const named[][2] = {
        {"/cache_client.Scs/Get", "get"},
        {"/cache_client.Scs/GetBatch", "get-batch"},
        {"/cache_client.Scs/ItemGetTtl", "item-get-ttl"},
        {"/cache_client.Scs/ListConcatenateFront", "list-concatenate-front"},
        {"/cache_client.Scs/SortedSetLengthByScore", "sorted-set-length-by-score"},
        {"/cache_client.pubsub.Pubsub/Publish", "topic-publish"},
        {"/cache_client.pubsub.Pubsub/Subscribe", "topic-subscribe"},
    };
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        char name[FAULTS_NAME_BYTES];
        faults_method_name(named[i][0], name);
        assert_string_equal(name, named[i][1]);
    }
}

static void a_fault_is_for_the_methods_it_names(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    const char *const *words = WORDS("return-error", "unavailable", "error-rpcs", "set get-batch",
                                     "delay-rpcs", "get", "delay-ms", "20");
    struct faults_order order = read_order(faults, get_path, words);
    assert_false(order.fails);
    assert_int_equal(order.delay_ns, 20 * CLOCK_NS_PER_MS);
    order = read_order(faults, "/cache_client.Scs/Set", words);
    assert_true(order.fails);
    assert_int_equal(order.status, STATUS_UNAVAILABLE);
    assert_int_equal(order.delay_ns, 0);
    assert_true(read_order(faults, "/cache_client.Scs/GetBatch", words).fails);
    assert_false(read_order(faults, "/cache_client.Scs/SetIf", words).fails);
    faults_destroy(faults);
}

static void old_methods_go_by_the_names_of_their_successors(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    const char *const *words = WORDS("return-error", "internal", "error-rpcs", "set-if list-remove");
    assert_true(read_order(faults, "/cache_client.Scs/SetIf", words).fails);
    assert_true(read_order(faults, "/cache_client.Scs/SetIfNotExists", words).fails);
    assert_true(read_order(faults, "/cache_client.Scs/ListErase", words).fails);
    assert_false(read_order(faults, "/cache_client.Scs/SetIfHash", words).fails);
    faults_destroy(faults);
}

static void every_status_but_ok_can_be_ordered(void **state)
{
    (void)state;
    static const char *const names[STATUS_COUNT] = {
        [STATUS_OK] = "ok",
        [STATUS_CANCELLED] = "cancelled",
        [STATUS_UNKNOWN] = "unknown",
        [STATUS_INVALID_ARGUMENT] = "invalid-argument",
        [STATUS_DEADLINE_EXCEEDED] = "deadline-exceeded",
        [STATUS_NOT_FOUND] = "not-found",
        [STATUS_ALREADY_EXISTS] = "already-exists",
        [STATUS_PERMISSION_DENIED] = "permission-denied",
        [STATUS_RESOURCE_EXHAUSTED] = "resource-exhausted",
        [STATUS_FAILED_PRECONDITION] = "failed-precondition",
        [STATUS_ABORTED] = "aborted",
        [STATUS_OUT_OF_RANGE] = "out-of-range",
        [STATUS_UNIMPLEMENTED] = "unimplemented",
        [STATUS_INTERNAL] = "internal",
        [STATUS_UNAVAILABLE] = "unavailable",
        [STATUS_DATA_LOSS] = "data-loss",
        [STATUS_UNAUTHENTICATED] = "unauthenticated",
    };
    struct faults *faults = faults_create();
    for (int i = 0; i < STATUS_COUNT; i++) {
        struct faults_order order;
        char error[FAULTS_ERROR_BYTES];
        bool is_read =
            try_read(faults, get_path, WORDS("return-error", names[i], "error-rpcs", "get"), &order, error);
        assert_int_equal(is_read, i != STATUS_OK);
        if (is_read)
            assert_int_equal(order.status, i);
    }
    faults_destroy(faults);
}

static void counts_are_kept_for_each_request_id_and_apart_for_errors_and_delays(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    const char *const *one =
        WORDS("request-id", "one", "return-error", "unavailable", "error-rpcs", "get set", "error-count", "2",
              "delay-rpcs", "get", "delay-ms", "5", "delay-count", "1");
    const char *const *two =
        WORDS("request-id", "two", "return-error", "unavailable", "error-rpcs", "get", "error-count", "1");
    struct faults_order order = read_order(faults, get_path, one);
    assert_true(order.fails);
    assert_true(order.delay_ns > 0);
    order = read_order(faults, "/cache_client.Scs/Set", one);
    assert_true(order.fails);
    order = read_order(faults, get_path, one);
    assert_false(order.fails);
    assert_int_equal(order.delay_ns, 0);
    assert_true(read_order(faults, get_path, two).fails);
    assert_false(read_order(faults, get_path, two).fails);
    faults_destroy(faults);
}

static void without_a_count_a_fault_is_for_every_call(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    for (int i = 0; i < 100; i++)
        assert_true(
            read_order(faults, get_path, WORDS("return-error", "unavailable", "error-rpcs", "get")).fails);
    faults_destroy(faults);
}

static void the_oldest_request_id_is_forgotten_first(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    char id[32];
    const char *const words[] = {
        "request-id", id, "return-error", "internal", "error-rpcs", "get", "error-count", "1", NULL};
    for (int i = 0; i < 1025; i++) {
        (void)snprintf(id, sizeof id, "id-%d", i);
        assert_true(read_order(faults, get_path, words).fails);
    }
    (void)snprintf(id, sizeof id, "id-1");
    assert_false(read_order(faults, get_path, words).fails); /* remembered */
    (void)snprintf(id, sizeof id, "id-0");
    assert_true(read_order(faults, get_path, words).fails); /* forgotten */
    faults_destroy(faults);
}

static void the_end_of_a_stream_can_be_ordered(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    struct faults_order order = read_order(faults, "/cache_client.pubsub.Pubsub/Subscribe",
                                           WORDS("stream-error-rpcs", "topic-subscribe", "stream-error",
                                                 "not-found", "stream-error-message-limit", "3"));
    assert_true(order.ends_stream);
    assert_int_equal(order.stream_status, STATUS_NOT_FOUND);
    assert_int_equal(order.stream_messages, 3);
    assert_false(order.fails);
    faults_destroy(faults);
}

static void a_malformed_value_is_named(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    static const char *const bad[][2] = {
        {"return-error", "broken"},
        {"return-error", ""},
        {"return-error", "UNAVAILABLE"},
        {"error-rpcs", "Get"},
        {"error-rpcs", "get,set"},
        {"error-count", "-1"},
        {"error-count", "two"},
        {"error-count", ""},
        {"error-count", "1000000001"},
        {"error-count", "99999999999999999999"},
        {"delay-rpcs", "get;"},
        {"delay-ms", "1.5"},
        {"delay-ms", "86400001"},
        {"delay-count", " 1"},
        {"stream-error-rpcs", "*"},
        {"stream-error", "ok"},
        {"stream-error-message-limit", "0x3"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct faults_order order;
        char error[FAULTS_ERROR_BYTES] = "";
        assert_false(
            try_read(faults, get_path, WORDS("request-id", "id", bad[i][0], bad[i][1]), &order, error));
        assert_non_null(strstr(error, bad[i][0]));
    }
    faults_destroy(faults);
}

static void a_count_needs_a_request_id(void **state)
{
    (void)state;
    struct faults *faults = faults_create();
    struct faults_order order;
    char error[FAULTS_ERROR_BYTES] = "";
    assert_false(try_read(faults, get_path, WORDS("error-count", "1"), &order, error));
    assert_non_null(strstr(error, "request-id"));
    faults_destroy(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_have_the_names_that_the_sdks_tests_use),
        cmocka_unit_test(a_fault_is_for_the_methods_it_names),
        cmocka_unit_test(old_methods_go_by_the_names_of_their_successors),
        cmocka_unit_test(every_status_but_ok_can_be_ordered),
        cmocka_unit_test(counts_are_kept_for_each_request_id_and_apart_for_errors_and_delays),
        cmocka_unit_test(without_a_count_a_fault_is_for_every_call),
        cmocka_unit_test(the_oldest_request_id_is_forgotten_first),
        cmocka_unit_test(the_end_of_a_stream_can_be_ordered),
        cmocka_unit_test(a_malformed_value_is_named),
        cmocka_unit_test(a_count_needs_a_request_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
