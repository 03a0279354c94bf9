#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define ARENA_CHUNK_BYTES ((size_t)4096)

struct arena_chunk {
    struct arena_chunk *next;
    size_t capacity;
    alignas(max_align_t) uint8_t data[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 4)
        return NULL;
    size = (size + align - 1) & ~(align - 1);

    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->capacity - arena->used < size) {
        size_t capacity = chunk != NULL ? chunk->capacity * 2 : ARENA_CHUNK_BYTES;
        if (capacity < size)
            capacity = size;
        chunk = malloc(sizeof *chunk + capacity);
        if (chunk == NULL)
            return NULL;
        chunk->next = arena->chunks;
        chunk->capacity = capacity;
        arena->chunks = chunk;
        arena->used = 0;
    }
    void *block = chunk->data + arena->used;
    arena->used += size;
    return block;
}

char *arena_copy_text(struct arena *arena, struct bytes text)
{
    char *copy = arena_alloc(arena, text.size + 1);
    if (copy == NULL)
        return NULL;
    bytes_copy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

struct bytes arena_copy(struct arena *arena, struct bytes data)
{
    uint8_t *copy = arena_alloc(arena, data.size);
    if (copy == NULL)
        return bytes_make(NULL, 0);
    bytes_copy(copy, data.data, data.size);
    return bytes_make(copy, data.size);
}

void arena_reset(struct arena *arena)
{
    /* The oldest chunk is the smallest: keeping it bounds what an idle arena holds. */
    while (arena->chunks != NULL && arena->chunks->next != NULL) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    if (arena->chunks != NULL && arena->chunks->capacity > ARENA_CHUNK_BYTES) {
        free(arena->chunks);
        arena->chunks = NULL;
    }
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    arena->used = 0;
}
