/* What collection.c shares with the three kinds of collections. */
#ifndef MAYFLY_STORE_MEMORY_COLLECTION_KINDS_H
#define MAYFLY_STORE_MEMORY_COLLECTION_KINDS_H

#include "store/memory/collection.h"
#include "store/memory/sequence.h"
#include "store/memory/tree.h"

/* A dictionary or set, in the order of its names' hashes. A dictionary's names are sized, its values payload. */
struct table {
    struct collection collection;
    struct tree tree;
    uint64_t seed;
    uint64_t random; /* state of the generator that samples */
};

struct series {
    struct collection collection;
    struct sequence sequence;
};

/* A sorted set, in the order of scores. While it is small, names are looked for one by one; from then on a second tree
 * tells the score's key of each name's hash. */
struct sorted {
    struct collection collection;
    struct tree by_score; /* keys are scores, names are names */
    struct tree by_name;  /* keys are hashes, names are the other tree's keys */
    bool has_by_name;
    uint64_t seed;
};

/* Each does what collection_apply promises for the commands of its kind, but for the length. */
enum store_status table_apply(struct table *table, const struct store_command *command,
                              struct collection_answer *answer, struct store_reply *reply);
enum store_status series_apply(struct series *series, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply);
enum store_status sorted_apply(struct sorted *sorted, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply);

/* Room for the elements of a reply, which is pointed at them; NULL without memory. */
struct store_element *collection_elements(struct collection_answer *answer, struct store_reply *reply,
                                          uint64_t count);

/* The slice from START to END of LENGTH elements as one that is there: BEGIN up to, without, the returned. */
uint64_t collection_slice(int64_t start, int64_t end, uint64_t length, uint64_t *begin);

#endif
