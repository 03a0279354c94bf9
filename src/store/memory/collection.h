/* A collection by itself: a dictionary, set, list or sorted set that knows nothing of keys, caches, locks or
 * limits. The engine keeps an item whose value points at it, holds the shard's lock around every function here,
 * and sees that memory is there before it asks for a change. */
#ifndef MAYFLY_STORE_MEMORY_COLLECTION_H
#define MAYFLY_STORE_MEMORY_COLLECTION_H

#include "base/list.h"
#include "store/store.h"

/* What a collection of any type begins with; the rest is collection.c's. */
struct collection {
    struct list link;     /* the engine's: of its shard's collections, or of those to be freed */
    uint64_t bytes;       /* memory held, this structure and the allocator's overhead included */
    uint64_t length;      /* elements */
    enum store_type type; /* STORE_LEADERBOARD is kept as a sorted set */
};

/* What a reply points at: elements on the stack while they are few, and bytes that a command took out. And what went
 * of a collection at once that would take long to free. */
#define COLLECTION_ELEMENTS_NEAR 32
struct collection_answer {
    struct store_element near[COLLECTION_ELEMENTS_NEAR];
    struct store_element *far; /* allocated when they do not fit */
    uint8_t *taken;            /* allocated for what is no longer in the collection */

    /* Or NULL: to be freed piece by piece, with bytes that the collection no longer counts. Whoever takes it leaves NULL
     * here; else collection_answer_free frees all of it. */
    struct collection *husk;

    uint64_t room_bytes; /* collection_apply's: what the reply may still hold */
};

/* Nothing to free; the elements may be anything. */
static inline void collection_answer_init(struct collection_answer *answer)
{
    answer->far = NULL;
    answer->taken = NULL;
    answer->husk = NULL;
}

/* A new, empty collection, or NULL. SEED hashes its names. */
struct collection *collection_create(enum store_type type, uint64_t seed);

/* Frees a bounded piece of it, about 50 us; true when all of it is gone. Nothing else may be asked of a collection
 * once this has begun. */
bool collection_free_piece(struct collection *collection);

/* The most by which a command can make a collection's `bytes` grow, or a new one where COLLECTION is NULL; hardly more
 * than it takes, unless the collection is large and the command small beside it. */
uint64_t collection_need_bytes(const struct collection *collection, const struct store_command *command);

/* Does the command, which is of the collection's type and neither STORE_CLEAR nor STORE_SORTED_UNION, and fills
 * STATUS and what belongs to it in REPLY. What a reply points at lives until the collection's next change, and
 * until collection_answer_free. NO_MEMORY, where the C library has none, leaves the collection as it was. Length 0
 * afterwards means that it is to go. */
void collection_apply(struct collection *collection, const struct store_command *command,
                      struct collection_answer *answer, struct store_reply *reply);

/* ANSWER was used by collection_apply. */
void collection_answer_free(struct collection_answer *answer);

#endif
