#include "rpc/prepared_blocks.h"

#include <stdlib.h>

void prepared_keep(struct prepared_blocks *prepared, unsigned kind, struct metadata *metadata,
                   uint64_t generation, struct bytes block)
{
    if (prepared->blocks == NULL)
        prepared->blocks = calloc(PREPARED_BLOCKS, sizeof *prepared->blocks);
    if (prepared->blocks == NULL)
        return;
    struct prepared_block *place = &prepared->blocks[prepared_place(kind, metadata)];
    place->bytes.size = 0;
    if (!buffer_append(&place->bytes, block))
        return;
    struct metadata *before = place->metadata;
    place->generation = generation;
    place->kind = kind;
    place->metadata = metadata != NULL ? metadata_hold(metadata) : NULL;
    metadata_release(before);
}

void prepared_free(struct prepared_blocks *prepared)
{
    for (size_t i = 0; prepared->blocks != NULL && i < PREPARED_BLOCKS; i++) {
        metadata_release(prepared->blocks[i].metadata);
        buffer_wipe(&prepared->blocks[i].bytes);
    }
    free(prepared->blocks);
    prepared->blocks = NULL;
}
