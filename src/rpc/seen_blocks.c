#include "rpc/seen_blocks.h"

#include <stdlib.h>

/* The place for a block, with its key written, or NULL. */
static struct seen_block *claim(struct seen_blocks *seen, struct bytes block, uint64_t generation,
                                bool is_server)
{
    if (block.size == 0 || block.size > SEEN_BYTES_MAX)
        return NULL;
    if (seen->blocks == NULL)
        seen->blocks = calloc(SEEN_BLOCKS, sizeof *seen->blocks);
    if (seen->blocks == NULL)
        return NULL;
    struct seen_block *place = &seen->blocks[seen_place(block)];
    if (is_server && place->size > 0)
        metadata_release(place->meaning.request.metadata);
    place->generation = generation;
    place->size = block.size;
    memcpy(place->bytes, block.data, block.size);
    return place;
}

void seen_keep_request(struct seen_blocks *seen, struct bytes block, uint64_t generation,
                       const struct request_header *header)
{
    struct seen_block *place = claim(seen, block, generation, true);
    if (place == NULL)
        return;
    place->meaning.request = *header;
    (void)metadata_hold(header->metadata);
}

void seen_keep_reply(struct seen_blocks *seen, struct bytes block, uint64_t generation,
                     const struct reply_summary *summary)
{
    struct seen_block *place = claim(seen, block, generation, false);
    if (place != NULL)
        place->meaning.reply = *summary;
}

void seen_free(struct seen_blocks *seen, bool is_server)
{
    for (size_t i = 0; is_server && seen->blocks != NULL && i < SEEN_BLOCKS; i++)
        if (seen->blocks[i].size > 0)
            metadata_release(seen->blocks[i].meaning.request.metadata);
    free(seen->blocks);
    seen->blocks = NULL;
}
