/* Memory that is freed all at once: what one request needs beside its bytes. Blocks are taken from a
 * chain of growing chunks; a reset keeps the first chunk, so the usual request allocates nothing. */
#ifndef MAYFLY_BASE_ARENA_H
#define MAYFLY_BASE_ARENA_H

#include "base/bytes.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used;                /* of the newest chunk */
};

/* SIZE bytes aligned for any type, or NULL when memory is out. Uninitialised. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of TEXT followed by a zero, or NULL when memory is out. */
char *arena_copy_text(struct arena *arena, struct bytes text);

/* A copy of DATA; data is NULL when memory is out. */
struct bytes arena_copy(struct arena *arena, struct bytes data);

/* Forgets all blocks and keeps one chunk for the next use. */
void arena_reset(struct arena *arena);

void arena_free(struct arena *arena);

#endif
