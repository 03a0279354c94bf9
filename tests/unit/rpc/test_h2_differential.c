/* Our engine beside the one on nghttp2, on inputs drawn at random: what the fuzzer does for hours (fuzz_engines), for
 * some seconds with every build and sanitizer. A failure prints the input, which goes to the fuzzer's corpus. */
#include "rpc/differential.h"
#include "rpc/random.h"

#include <setjmp.h>

#include <cmocka.h>

#define INPUT_BYTES_MAX 400

static uint64_t random_state = RANDOM_SEED;

static uint64_t random_number(uint64_t below)
{
    return (random_next(&random_state) >> 11) % below;
}

static void print_input(struct bytes input)
{
    for (size_t i = 0; i < input.size; i++)
        print_message("%02x", input.data[i]);
    print_message("\n");
}

static void both_engines_make_the_same_of_random_scripts(void **state)
{
    (void)state;
    for (int round = 0; round < 5000; round++) {
        uint8_t input[INPUT_BYTES_MAX];
        size_t size = 2 + random_number(INPUT_BYTES_MAX - 2);
        for (size_t i = 0; i < size; i++)
            input[i] = (uint8_t)random_number(256);
        input[0] &= 0xfb; /* a script: frames of random bytes do not get far */
        if (!engines_agree(bytes_make(input, size))) {
            print_input(bytes_make(input, size));
            fail();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_engines_make_the_same_of_random_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
