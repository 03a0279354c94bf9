/* The small words of the base: clock arithmetic, names of statuses, hashes. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void adding_to_never_is_never(void **state)
{
    (void)state;
    assert_true(clock_add(1, 2) == 3);
    assert_true(clock_add(5, CLOCK_NEVER) == CLOCK_NEVER);
    assert_true(clock_add(CLOCK_NEVER, 5) == CLOCK_NEVER);
    assert_true(clock_add(CLOCK_NEVER, CLOCK_NEVER) == CLOCK_NEVER);
    assert_true(clock_add(CLOCK_NEVER - 5, 6) == CLOCK_NEVER);
    assert_true(clock_add(CLOCK_NEVER - 5, 4) == CLOCK_NEVER - 1);
    assert_true(clock_add(0, 0) == 0);
}

static void the_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t last_ns = clock_now_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now_ns = clock_now_ns();
        assert_true(now_ns >= last_ns);
        last_ns = now_ns;
    }
}

static void statuses_have_the_names_and_numbers_of_grpc(void **state)
{
    (void)state;
    static const char *const names[] = {
        "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    };
    assert_int_equal(sizeof names / sizeof names[0], STATUS_COUNT);
    for (unsigned i = 0; i < STATUS_COUNT; i++)
        assert_string_equal(status_name((enum status)i), names[i]);
    assert_string_equal(status_name((enum status)STATUS_COUNT), "UNKNOWN");
    assert_int_equal(STATUS_UNAUTHENTICATED, 16);
}

static void a_hash_depends_on_every_byte_and_on_the_seed(void **state)
{
    (void)state;
    uint8_t data[100] = {0};
    uint64_t plain = hash64(bytes_make(data, sizeof data), 1);
    assert_true(hash64(bytes_make(data, sizeof data), 1) == plain);
    assert_true(hash64(bytes_make(data, sizeof data), 2) != plain);
    assert_true(hash64(bytes_make(data, sizeof data - 1), 1) != plain);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = 1;
        assert_true(hash64(bytes_make(data, sizeof data), 1) != plain);
        data[i] = 0;
    }
    assert_true(hash64(bytes_make(NULL, 0), 1) == hash64(bytes_of(""), 1));
}

static void a_digest_is_the_same_on_every_machine(void **state)
{
    (void)state;
    /* XXH3's published value for no input, in its canonical order. */
    static const uint8_t of_nothing[HASH_DIGEST_SIZE] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                                         0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
    uint8_t digest[HASH_DIGEST_SIZE];
    hash_digest(bytes_of(""), digest);
    assert_memory_equal(digest, of_nothing, sizeof digest);
    hash_digest(bytes_of("a"), digest);
    assert_memory_not_equal(digest, of_nothing, sizeof digest);
}

static void seeds_differ(void **state)
{
    (void)state;
    assert_true(hash_random_seed() != hash_random_seed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_to_never_is_never),
        cmocka_unit_test(the_clock_does_not_go_back),
        cmocka_unit_test(statuses_have_the_names_and_numbers_of_grpc),
        cmocka_unit_test(a_hash_depends_on_every_byte_and_on_the_seed),
        cmocka_unit_test(a_digest_is_the_same_on_every_machine),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
