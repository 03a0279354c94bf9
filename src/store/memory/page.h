/* A page: an ordered sequence of byte records in one allocation that grows with them, so that a collection of a
 * few elements takes one small block and one of millions no pointer for each. The price is that an insertion
 * moves the slots after it, at most a page's worth.
 *
 *   0      12                                          room - used                         room
 *   | head | slot 0 | slot 1 | ... | slot n-1 |  gap   | record, hole, record, ... record  |
 *
 *   slot: | depth: 16 | size: 16 | key: 64 |      the record begins DEPTH bytes before the end; a page may be without keys
 *
 * Records stand in no order, slots in that of the sequence. Depths count from the end so that a page grows
 * without touching them. What a removed record leaves is a hole until room is wanted; then records move together.
 * A record over PAGE_RECORD_MOST lies in a block of its own: its slot's size is PAGE_FAR, and what stands in the
 * page is the block's address and size.
 *
 * Pages are known by a pointer that changes as they grow. Memory is counted in *BYTES. */
#ifndef MAYFLY_STORE_MEMORY_PAGE_H
#define MAYFLY_STORE_MEMORY_PAGE_H

#include "base/bytes.h"

#define PAGE_MOST        2040u /* bytes: with the allocator's word, half a page of the machine */
#define PAGE_RECORD_MOST 256u
#define PAGE_FAR         0xffffu

/* Below, a page is worth merging with a neighbour, if both together have no more than the latter. */
#define PAGE_SMALL       ((size_t)PAGE_MOST / 4)
#define PAGE_MERGED      ((size_t)PAGE_MOST / 4 * 3)

/* Without and with a key. */
#define PAGE_SLOT_PLAIN  4u
#define PAGE_SLOT_KEYED  12u

struct page_slot {
    uint16_t depth;
    uint16_t size;
};

struct page {
    uint16_t room; /* of the whole allocation, in bytes */
    uint16_t count;
    uint16_t used;  /* from the lowest record to the end */
    uint16_t holes; /* bytes among these that belong to no record */
    uint16_t far;   /* records in blocks of their own */
    uint16_t slot_size;
    uint8_t slots[];
};

/* A record outside; it stands in the page at any address, so it is copied to be read. */
struct page_far {
    uint8_t *data;
    size_t size;
};

static inline struct page_slot page_slot(const struct page *page, unsigned at)
{
    struct page_slot slot;
    memcpy(&slot, page->slots + at * (size_t)page->slot_size, sizeof slot);
    return slot;
}

/* Record number AT. */
static inline struct bytes page_at(const struct page *page, unsigned at)
{
    struct page_slot slot = page_slot(page, at);
    const uint8_t *data = (const uint8_t *)page + page->room - slot.depth;
    if (slot.size != PAGE_FAR)
        return bytes_make(data, slot.size);
    struct page_far far;
    memcpy(&far, data, sizeof far);
    return bytes_make(far.data, far.size);
}

/* Its key, in a page with keys. */
static inline uint64_t page_key(const struct page *page, unsigned at)
{
    uint64_t key;
    memcpy(&key, page->slots + at * (size_t)PAGE_SLOT_KEYED + sizeof(struct page_slot), sizeof key);
    return key;
}

static inline void page_set_key(struct page *page, unsigned at, uint64_t key)
{
    memcpy(page->slots + at * (size_t)PAGE_SLOT_KEYED + sizeof(struct page_slot), &key, sizeof key);
}

/* The same, to be written. */
uint8_t *page_edit(struct page *page, unsigned at);

/* Bytes that a record of SIZE takes within a page, and the most that its block outside does. */
static inline size_t page_held(size_t size)
{
    return size <= PAGE_RECORD_MOST ? size : sizeof(struct page_far);
}
uint64_t page_outside_most(size_t size);

/* Bytes of a page without gap and holes; blocks outside do not count. */
static inline size_t page_live(const struct page *page)
{
    return sizeof *page + (size_t)page->count * page->slot_size + page->used - page->holes;
}

/* An empty page in which a record of SIZE will have room; NULL without memory. */
struct page *page_create(size_t slot_size, size_t size, uint64_t *bytes);

/* Whether one more record of SIZE leaves the page within PAGE_MOST. */
bool page_takes(const struct page *page, size_t size);

/* Makes a record of SIZE bytes, for the caller to write as well as its key, the one with number AT. The page may come to pass PAGE_MOST
 * by this one record; it is then to be divided. NULL, with nothing changed, where there is no memory. */
uint8_t *page_insert(struct page **page, unsigned at, size_t size, uint64_t *bytes);

/* Gives a record another size and keeps its bytes, as many as fit. Making it smaller never fails, and takes back what
 * making it larger did to the page; otherwise as page_insert. */
uint8_t *page_resize(struct page **page, unsigned at, size_t size, uint64_t *bytes);

/* Removes COUNT records from number AT on. */
void page_cut(struct page *page, unsigned at, unsigned count, uint64_t *bytes);

/* Moves the records from number AT on into a page of their own; NULL, with nothing changed, without memory. */
struct page *page_split(struct page *page, unsigned at, uint64_t *bytes);

/* The number at which to split for halves of like size. */
unsigned page_middle(const struct page *page);

/* Appends OTHER's records and frees it; false, with nothing changed, without memory. */
bool page_absorb(struct page **page, struct page *other, uint64_t *bytes);

/* Whether two neighbours are better one. */
bool page_should_absorb(const struct page *page, const struct page *other);

/* Gives memory back when it is for the most part unused (trim), or all that is unused (fit), if that can be done. */
void page_trim(struct page **page, uint64_t *bytes);
void page_fit(struct page **page, uint64_t *bytes);

/* What the page and its records' blocks are counted at. */
uint64_t page_bytes(struct page *page);

/* Frees the page, or a part of it, until BUDGET, in pages, is used up; true when it is gone. */
bool page_free_piece(struct page *page, unsigned *budget, uint64_t *bytes);
void page_free(struct page *page, uint64_t *bytes);

#endif
