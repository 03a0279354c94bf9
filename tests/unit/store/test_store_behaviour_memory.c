/* The behaviour suite on the engine in memory. */
#include "store/behaviour.h"
#include "store/memory.h"

static struct store *create(uint64_t limit_bytes)
{
    struct store_memory_options options = {.limit_bytes = limit_bytes, .hash_seed = 7};
    return store_memory_create(&options);
}

int main(void)
{
    static const struct behaviour_engine engine = {
        .create = create,
        .roomy_bytes = (uint64_t)256 << 20,
        .tight_bytes = STORE_MEMORY_LIMIT_MIN_BYTES,
    };
    return behaviour_run(&engine);
}
