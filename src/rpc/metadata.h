/* The metadata of a call: an immutable list of names and values, shared by reference. Calls on one
 * connection repeat the same metadata for ever, so a handle is made once and what is learned from it
 * (the cache that it names) is attached to it once.
 *
 * Names are lower case. Values are as on the wire; those of names that end with "-bin" are base64. A
 * handle belongs to one thread at a time. */
#ifndef MAYFLY_RPC_METADATA_H
#define MAYFLY_RPC_METADATA_H

#include "base/bytes.h"

struct metadata_pair {
    struct bytes name;
    struct bytes value;
};

struct metadata {
    unsigned references;
    size_t count;
    const struct metadata_pair *pairs;
    /* For the owner of the connection; freed with the handle. */
    void *attachment;
    void (*attachment_free)(void *attachment);
    uint64_t mark; /* likewise a number, 0 at first */
};

/* A handle on copies of PAIRS with one reference, or NULL when memory is out. */
struct metadata *metadata_create(const struct metadata_pair *pairs, size_t count);

static inline struct metadata *metadata_hold(struct metadata *metadata)
{
    metadata->references++;
    return metadata;
}

/* Gives a reference back; NULL is allowed. */
void metadata_release(struct metadata *metadata);

/* The handles that take turns on a connection. */
#define METADATA_RING 8
struct metadata_ring {
    struct metadata *handles[METADATA_RING];
    size_t next;
};

/* A handle on exactly PAIRS, held for the caller: one of the ring, or a new one that takes the place of its oldest. NULL
 * when memory is out. */
struct metadata *metadata_ring_hold(struct metadata_ring *ring, const struct metadata_pair *pairs,
                                    size_t count);
void metadata_ring_free(struct metadata_ring *ring);

/* The first value of NAME; data is NULL where there is none. METADATA may be NULL. */
struct bytes metadata_find(const struct metadata *metadata, const char *name);

/* Whether the handle holds exactly PAIRS in this order. */
bool metadata_matches(const struct metadata *metadata, const struct metadata_pair *pairs, size_t count);

#endif
