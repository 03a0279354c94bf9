/* How a command that puts many elements comes to do all or nothing: of each name the last element counts; every element
 * is first prepared, which may want memory and so may fail, and when all are, committed, which may not. */
#ifndef MAYFLY_STORE_MEMORY_BATCH_H
#define MAYFLY_STORE_MEMORY_BATCH_H

#include "store/store.h"

struct batch_item {
    uint64_t hash;   /* of the name */
    uint64_t before; /* what prepare writes down for commit and undo */
    bool superseded; /* a later element has the same name */
};

struct batch_steps {
    bool (*prepare)(void *owner, const struct store_element *element, struct batch_item *item);
    void (*commit)(void *owner, const struct store_element *element, const struct batch_item *item);

    /* Takes back what prepare did, when everything done after it has been taken back. */
    void (*undo)(void *owner, const struct store_element *element, const struct batch_item *item);
};

/* OK, or NO_MEMORY with nothing changed. */
enum store_status batch_put(const struct batch_steps *steps, void *owner, uint64_t seed,
                            const struct store_element *elements, size_t count);

#endif
