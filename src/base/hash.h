/* Hashing of keys. XXH3 is fast on short keys; the seed is drawn at start so that nobody outside can
 * choose keys that collide. The library's header is compiled into hash.c alone. */
#ifndef MAYFLY_BASE_HASH_H
#define MAYFLY_BASE_HASH_H

#include "base/bytes.h"

#define HASH_DIGEST_SIZE 16

/* 2^64 over the golden ratio: what is multiplied by it has its upper bits spread well. */
#define HASH_FACTOR      UINT64_C(0x9e3779b97f4a7c15)

/* 64 bits for tables. */
uint64_t hash64(struct bytes data, uint64_t seed);

/* 128 bits, unseeded and big-endian, the same on every machine: a value's hash as clients see it. */
void hash_digest(struct bytes data, uint8_t digest[HASH_DIGEST_SIZE]);

/* A seed that differs from one process to the next. */
uint64_t hash_random_seed(void);

#endif
