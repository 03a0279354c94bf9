#include "base/hash.h"

#include <sys/random.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash64(struct bytes data, uint64_t seed)
{
    return XXH3_64bits_withSeed(data.data, data.size, seed);
}

void hash_digest(struct bytes data, uint8_t digest[HASH_DIGEST_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data.data, data.size));
    memcpy(digest, canonical.digest, HASH_DIGEST_SIZE);
}

uint64_t hash_random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec;
    }
    return seed;
}
