/* A counted B+ tree of byte records: found by key and name or by rank, in time that hardly grows with their number.
 * Leaves are pages; a tree of few records is one page and nothing else, which makes it the compact form as well.
 *
 *   record: | name ...             |      or, where names are sized,
 *           | size, name | payload |      size: seven bits a byte, least first
 *
 *   inner:  | key, child, count | key, child, count | ...      of the child's first record; of all below it
 *
 * Order is by key as a number, then by name as unsigned bytes; or where all is found by tree_seek, by key alone. A descent reads integers that lie together and looks
 * into leaves only where keys tie. A page that overflows at the far end of the tree stays full and the next begins
 * empty, so that what comes in order packs densely; elsewhere it halves.
 *
 * Only tree_insert and a tree_resize that enlarges need memory, and with none they change nothing. */
#ifndef MAYFLY_STORE_MEMORY_TREE_H
#define MAYFLY_STORE_MEMORY_TREE_H

#include "store/memory/page.h"

#define TREE_FANOUT      64
#define TREE_LEVELS_MOST 12 /* of inner nodes */

struct tree_inner;

union tree_node {
    struct page *page;
    struct tree_inner *inner;
};

struct tree_branch {
    uint64_t key;
    union tree_node child;
    uint32_t count;
};

struct tree_inner {
    uint16_t count;
    uint16_t room; /* in branches */
    struct tree_branch branches[];
};

struct tree {
    union tree_node root; /* a page while height is zero, NULL when there is no record */
    uint32_t count;
    uint32_t pages;
    uint32_t inners;
    uint8_t height;
    bool sized_names;
    uint64_t *bytes; /* the account in which its memory is counted */
};

/* A record's place, or that which one would have. It holds until the tree changes; what it was made with may be
 * anything. */
struct tree_place {
    struct page *page;
    unsigned at;
    unsigned height;
    struct {
        struct tree_inner *inner;
        unsigned at;
    } steps[TREE_LEVELS_MOST]; /* the first is the node above the page */
};

/* The record at a place where there is one, and its key. */
static inline struct bytes tree_record(const struct tree_place *place)
{
    return page_at(place->page, place->at);
}

static inline uint64_t tree_key(const struct tree_place *place)
{
    return page_key(place->page, place->at);
}

static inline bool tree_at_end(const struct tree_place *place)
{
    return place->page == NULL || place->at == place->page->count;
}

/* The parts of a record. */
struct bytes tree_name(const struct tree *tree, struct bytes record);
struct bytes tree_payload(const struct tree *tree, struct bytes record);

/* How many bytes the size of a name takes before it, and writing them; returns where they end. */
size_t tree_size_of_size(size_t size);
uint8_t *tree_write_size(uint8_t *to, size_t size);

/* PLACE is that of the record, or false and where it belongs. */
bool tree_find(const struct tree *tree, uint64_t key, struct bytes name, struct tree_place *place);

/* The first record whose key is KEY or more; may be at the end. */
void tree_seek(const struct tree *tree, uint64_t key, struct tree_place *place);

/* The record of this rank, which is below the tree's count. */
void tree_select(const struct tree *tree, uint64_t rank, struct tree_place *place);

/* How many records lie before. */
uint64_t tree_rank(const struct tree_place *place);

/* The neighbouring record; false when there is none. */
bool tree_next(struct tree_place *place);
bool tree_prev(struct tree_place *place);

/* The most by which COUNT insertions, or resizings, of SIZE bytes together can make the tree grow, blocks outside of
 * pages not among them. */
uint64_t tree_growth_most(const struct tree *tree, uint64_t count, uint64_t size);

/* Adds a record where tree_find or tree_seek said. Returns its SIZE bytes, for the caller to write; the
 * place does not hold any more. NULL without memory. */
uint8_t *tree_insert(struct tree *tree, struct tree_place *place, uint64_t key, size_t size);

/* Gives a record another size and keeps as many of its bytes as fit; likewise. */
uint8_t *tree_resize(struct tree *tree, struct tree_place *place, size_t size);

/* The record's bytes, to be written in place; what orders it must stay. */
uint8_t *tree_edit(struct tree_place *place);

void tree_remove(struct tree *tree, struct tree_place *place);

/* Frees a part of the tree until BUDGET, in pages, is used up; true when all is gone. Nothing but this may be done once
 * it has begun. */
bool tree_free_piece(struct tree *tree, unsigned *budget);
void tree_free(struct tree *tree);

#endif
