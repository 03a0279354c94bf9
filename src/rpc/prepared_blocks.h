/* Header blocks that were sent and will be sent again. A block is known by what it says: a kind (the engine's number
 * for its fixed fields, such as a method) and the caller's metadata, by its handle, which is held, so that no other can
 * come to lie in its place. It is void when the encoder's table has changed since. */
#ifndef MAYFLY_RPC_PREPARED_BLOCKS_H
#define MAYFLY_RPC_PREPARED_BLOCKS_H

#include "base/buffer.h"
#include "base/hash.h"
#include "rpc/metadata.h"

#define PREPARED_BLOCKS_LOG2 6
#define PREPARED_BLOCKS      (1 << PREPARED_BLOCKS_LOG2)

struct prepared_block {
    uint64_t generation;
    unsigned kind;
    struct metadata *metadata; /* NULL: none */
    struct buffer bytes;       /* empty: a free place */
};

struct prepared_blocks {
    struct prepared_block *blocks; /* NULL until the first is kept */
};

static inline size_t prepared_place(unsigned kind, const struct metadata *metadata)
{
    uint64_t key = (uint64_t)(uintptr_t)metadata >> 4 ^ (uint64_t)kind << 40;
    return (size_t)(key * HASH_FACTOR >> (64 - PREPARED_BLOCKS_LOG2));
}

/* The block; its data is NULL where it is not prepared. */
static inline struct bytes prepared_find(const struct prepared_blocks *prepared, unsigned kind,
                                         const struct metadata *metadata, uint64_t generation)
{
    if (prepared->blocks == NULL)
        return bytes_make(NULL, 0);
    const struct prepared_block *found = &prepared->blocks[prepared_place(kind, metadata)];
    if (found->bytes.size == 0 || found->generation != generation || found->kind != kind ||
        found->metadata != metadata)
        return bytes_make(NULL, 0);
    return buffer_bytes(&found->bytes);
}

/* Keeps a block, in the place of what was there. Where memory is out nothing is kept. */
void prepared_keep(struct prepared_blocks *prepared, unsigned kind, struct metadata *metadata,
                   uint64_t generation, struct bytes block);

void prepared_free(struct prepared_blocks *prepared);

#endif
