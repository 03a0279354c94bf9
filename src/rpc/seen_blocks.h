/* What header blocks meant that a connection has decoded. A block that changes nothing in the decoder's table means the
 * same until the table changes, so a peer that repeats itself, as those of gRPC do, is understood by comparing a dozen
 * bytes.
 *
 * What is kept of a block is only found by exactly its bytes, at exactly the state of the table (its generation) in which
 * they were decoded. */
#ifndef MAYFLY_RPC_SEEN_BLOCKS_H
#define MAYFLY_RPC_SEEN_BLOCKS_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/status.h"
#include "rpc/request_header.h"

#define SEEN_BLOCKS_LOG2 6
#define SEEN_BLOCKS      (1 << SEEN_BLOCKS_LOG2)
#define SEEN_BYTES_MAX   64 /* longer blocks are no repetitions */

/* Of a reply: what it says when it says nothing but that. */
struct reply_summary {
    size_t bytes;    /* of its fields, as RFC 9113 section 6.5.2 counts them */
    int http_status; /* 0: trailers */
    bool is_grpc;
    bool has_status;
    enum status status;
};

struct seen_block {
    uint64_t generation;
    size_t size; /* 0: a free place */
    uint8_t bytes[SEEN_BYTES_MAX];
    union {
        struct request_header request; /* server; with its own hold on the metadata */
        struct reply_summary reply;    /* client */
    } meaning;
};

struct seen_blocks {
    struct seen_block *blocks; /* NULL until the first is kept */
};

static inline uint64_t seen_word(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, at, size);
    return word;
}

/* The one place where a block of these bytes may be. */
static inline size_t seen_place(struct bytes block)
{
    uint64_t hash = block.size;
    size_t at = 0;
    for (; at + 8 <= block.size; at += 8)
        hash = (hash ^ seen_word(block.data + at, 8)) * HASH_FACTOR;
    hash = (hash ^ seen_word(block.data + at, block.size - at)) * HASH_FACTOR;
    return (size_t)(hash >> (64 - SEEN_BLOCKS_LOG2));
}

/* The block as it was seen at this generation, or NULL. */
static inline const struct seen_block *seen_find(const struct seen_blocks *seen, struct bytes block,
                                                 uint64_t generation)
{
    if (seen->blocks == NULL || block.size > SEEN_BYTES_MAX || block.size == 0)
        return NULL;
    const struct seen_block *found = &seen->blocks[seen_place(block)];
    if (found->size != block.size || found->generation != generation ||
        memcmp(found->bytes, block.data, block.size) != 0)
        return NULL;
    return found;
}

/* Keeps what a block means, in the place of what was there. Where memory is out nothing is kept. */
void seen_keep_request(struct seen_blocks *seen, struct bytes block, uint64_t generation,
                       const struct request_header *header);
void seen_keep_reply(struct seen_blocks *seen, struct bytes block, uint64_t generation,
                     const struct reply_summary *summary);

/* Forgets all, with the holds on metadata where IS_SERVER. */
void seen_free(struct seen_blocks *seen, bool is_server);

#endif
