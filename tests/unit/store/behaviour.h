/* The one suite that every implementation of store.h passes: promises by name, and random operations beside a
 * model. To plug an engine in, write a test_store_behaviour_<engine>.c whose main returns behaviour_run().
 *
 *   MAYFLY_TEST_SEED=N    only the random runs of this seed, as a failure prints it
 *   MAYFLY_TEST_SEEDS=N   so many seeds from the clock beside the fixed ones, rather than one */
#ifndef MAYFLY_TESTS_BEHAVIOUR_H
#define MAYFLY_TESTS_BEHAVIOUR_H

#include "store/store.h"

struct behaviour_engine {
    /* A new, empty store that keeps to this many bytes. */
    struct store *(*create)(uint64_t limit_bytes);
    uint64_t roomy_bytes; /* a limit that holds 64 MB of elements and loses none */
    uint64_t tight_bytes; /* a limit of some 16 MB, which the suite runs into; 0: the engine has no limits */
};

/* Returns how many tests failed. */
int behaviour_run(const struct behaviour_engine *engine);

#endif
