/* Memory from the C library, counted as what it really takes: the block as it was rounded up, and the
 * allocator's own word before it. Whoever holds blocks says in which account they are counted. */
#ifndef MAYFLY_STORE_MEMORY_COUNTED_H
#define MAYFLY_STORE_MEMORY_COUNTED_H

#include <stddef.h>
#include <stdint.h>

/* The most at which a block of SIZE is counted: allocators round up by a quarter at most, small blocks to words. */
static inline uint64_t counted_most(uint64_t size)
{
    return size + size / 4 + 40;
}

/* NULL, with nothing changed, where there is no memory. */
void *counted_take(size_t size, uint64_t *bytes);
void *counted_resize(void *block, size_t size, uint64_t *bytes);

/* BLOCK may be NULL. */
void counted_give(void *block, uint64_t *bytes);
uint64_t counted_bytes(void *block);

#endif
