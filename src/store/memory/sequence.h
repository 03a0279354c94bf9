/* A list: pages in a ring, with their counts beside them. Either end grows and shrinks in constant time, and a place in
 * the middle is found by a run over counts, two bytes for a page's worth of values, rather than over the values.
 *
 *            first                                         first + used
 *   pages:   |   |   | o | o | o | o | o | o |   |   |        and on from the left when the end is reached
 *   counts:  |   |   | 7 |90 |91 |88 |90 |12 |   |   |
 *
 * Only sequence_push needs memory, and with none it changes nothing. */
#ifndef MAYFLY_STORE_MEMORY_SEQUENCE_H
#define MAYFLY_STORE_MEMORY_SEQUENCE_H

#include "store/memory/page.h"

struct sequence {
    struct page **pages; /* never empty ones; the counts follow in the same allocation */
    uint16_t *counts;
    uint32_t room;
    uint32_t first;
    uint32_t used;
    uint64_t count;  /* of values */
    uint64_t *bytes; /* the account in which its memory is counted */
};

/* A value's place: the number of its page, counted from the first, and its number there. It holds until the sequence
 * changes. */
struct sequence_place {
    uint32_t page;
    unsigned at;
};

/* Values from INDEX on. */
struct sequence_range {
    uint64_t index;
    uint64_t count;
};

/* INDEX is below the count. */
struct sequence_place sequence_locate(const struct sequence *sequence, uint64_t index);

struct bytes sequence_value(const struct sequence *sequence, struct sequence_place place);

/* Goes on to the next value; there must be one when its value is asked for. */
void sequence_next(const struct sequence *sequence, struct sequence_place *place);

/* Adds a value of SIZE bytes, for the caller to write, at the back or at the front. NULL without memory. */
uint8_t *sequence_push(struct sequence *sequence, bool back, size_t size);

/* Removes COUNT values, all there, from INDEX on. */
void sequence_cut(struct sequence *sequence, uint64_t index, uint64_t count);

/* Removes ranges, ascending and none touching another, of values that are all there. Pages that go as a whole are not
 * freed but moved to GONE, if there is one and as far as it has memory: their bytes are then the caller's to move
 * between the accounts, and nothing but sequence_free_piece may be done with GONE. */
void sequence_erase(struct sequence *sequence, const struct sequence_range *ranges, size_t count,
                    struct sequence *gone);

/* What the pages are counted at, and the ring. */
uint64_t sequence_page_bytes(const struct sequence *sequence);
uint64_t sequence_ring_bytes(const struct sequence *sequence);

/* The most by which values of SIZE bytes together, pushed at one end, can make the sequence grow, with their slots and
 * blocks outside of pages not among them; with the ring that is copied where it grows. */
uint64_t sequence_growth_most(const struct sequence *sequence, uint64_t size);

/* Removes all values equal to VALUE. */
void sequence_remove(struct sequence *sequence, struct bytes value);

/* Frees a part until BUDGET, in pages, is used up; true when all is gone. Nothing but this may be done once it has
 * begun. */
bool sequence_free_piece(struct sequence *sequence, unsigned *budget);

#endif
