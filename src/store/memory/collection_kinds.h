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

/* What collection_need_bytes says of a collection that is there, if only as one without elements. */
uint64_t table_growth_most(const struct table *table, const struct store_command *command);
uint64_t series_growth_most(const struct series *series, const struct store_command *command);
uint64_t sorted_growth_most(const struct sorted *sorted, const struct store_command *command);

/* More pages than this are not freed at once but put into answer's husk, an empty collection at first. */
#define COLLECTION_HUSK_PAGES 256u

/* Books COUNT elements of a reply, later what each of them has; false when the reply passes its limit. */
bool collection_book(struct collection_answer *answer, uint64_t count);
bool collection_book_element(struct collection_answer *answer, const struct store_element *element);

/* Room for the elements of a reply, which is pointed at them; NULL without memory. */
struct store_element *collection_elements(struct collection_answer *answer, struct store_reply *reply,
                                          uint64_t count);

/* The slice from START to END of LENGTH elements as one that is there: BEGIN up to, without, the returned. */
uint64_t collection_slice(int64_t start, int64_t end, uint64_t length, uint64_t *begin);

#endif
