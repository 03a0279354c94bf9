/* The rounding is the allocator's secret; malloc_usable_size tells it. */
#include "store/memory/counted.h"

#include <malloc.h>
#include <stdlib.h>

#define ALLOCATOR_BYTES 8

uint64_t counted_bytes(void *block)
{
    return block == NULL ? 0 : malloc_usable_size(block) + ALLOCATOR_BYTES;
}

void *counted_take(size_t size, uint64_t *bytes)
{
    void *block = malloc(size);
    *bytes += counted_bytes(block);
    return block;
}

void *counted_resize(void *block, size_t size, uint64_t *bytes)
{
    uint64_t before = counted_bytes(block);
    void *moved = realloc(block, size);
    if (moved != NULL)
        *bytes += counted_bytes(moved) - before;
    return moved;
}

void counted_give(void *block, uint64_t *bytes)
{
    *bytes -= counted_bytes(block);
    free(block);
}
