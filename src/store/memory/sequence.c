/* Whatever goes, and be it in many places, goes in one walk: what stays moves together behind it, and in the end the gap
 * is closed from the nearer end. So the ring has no empty pages and a run over its counts needs no cases. */
#include "store/memory/sequence.h"

#include "store/memory/counted.h"

/* The ring doubles while it is small, and grows by a fraction when it is large. */
#define RING_LEAST       4u
#define RING_STEP        256u
#define RING_FRACTION    8u

/* A page's address and its count. */
#define RING_ENTRY_BYTES (sizeof(void *) + sizeof(uint16_t))

/* Counts are summed by blocks before they are looked at one by one. */
#define BLOCK            32u

/* A page ends when a record does not fit any more; it has at least so many bytes of records and slots then. */
#define PAGE_FULL        (PAGE_MOST - PAGE_RECORD_MOST - PAGE_SLOT_PLAIN - sizeof(struct page))

/* The most that a page has beside these: its head, a step, and what the allocator rounds up. */
#define PAGE_EXTRA       ((uint64_t)168)

static uint32_t ring_slot(const struct sequence *sequence, uint32_t page)
{
    uint64_t slot = (uint64_t)sequence->first + page;
    return (uint32_t)(slot < sequence->room ? slot : slot - sequence->room);
}

static struct page **page_of(const struct sequence *sequence, uint32_t page)
{
    return &sequence->pages[ring_slot(sequence, page)];
}

static void note_count(struct sequence *sequence, uint32_t page)
{
    uint32_t slot = ring_slot(sequence, page);
    sequence->counts[slot] = sequence->pages[slot] == NULL ? 0 : sequence->pages[slot]->count;
}

static void ring_move(struct sequence *sequence, uint32_t to, uint32_t from)
{
    uint32_t to_slot = ring_slot(sequence, to);
    uint32_t from_slot = ring_slot(sequence, from);
    sequence->pages[to_slot] = sequence->pages[from_slot];
    sequence->counts[to_slot] = sequence->counts[from_slot];
}

static uint32_t ring_step(uint32_t room)
{
    if (room < RING_STEP)
        return room < RING_LEAST ? RING_LEAST : room;
    return room / RING_FRACTION < RING_STEP ? RING_STEP : room / RING_FRACTION;
}

/* A full ring grows in place where the C library can do that; then only what stands from the first page to the edge
 * moves on to the new edge, and the counts. */
static bool ring_grow(struct sequence *sequence)
{
    uint32_t before = sequence->room;
    uint32_t first = sequence->first;
    uint32_t room = before + ring_step(before);
    struct page **pages = counted_resize(sequence->pages, room * RING_ENTRY_BYTES, sequence->bytes);
    if (pages == NULL)
        return false;
    uint16_t *counts = (uint16_t *)(void *)(pages + room);
    memmove(counts, pages + before, before * sizeof *counts);
    if (first > 0) {
        memmove(pages + first + (room - before), pages + first, (before - first) * sizeof(struct page *));
        memmove(counts + first + (room - before), counts + first, (before - first) * sizeof *counts);
        sequence->first += room - before;
    }
    sequence->pages = pages;
    sequence->counts = counts;
    sequence->room = room;
    return true;
}

static void ring_release(struct sequence *sequence)
{
    counted_give(sequence->pages, sequence->bytes);
    *sequence = (struct sequence){.bytes = sequence->bytes};
}

static uint32_t sum(const uint16_t *counts)
{
    uint32_t total = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        total += counts[i];
    return total;
}

/* Passes over COUNTS while they lie before INDEX and lowers it by them; returns how many. */
static uint32_t pass_forward(const uint16_t *counts, uint32_t size, uint64_t *index)
{
    uint32_t passed = 0;
    for (uint32_t total; size - passed >= BLOCK && *index >= (total = sum(counts + passed)); passed += BLOCK)
        *index -= total;
    while (passed < size && *index >= counts[passed])
        *index -= counts[passed++];
    return passed;
}

/* The same from the end, for an index that counts from there. */
static uint32_t pass_backward(const uint16_t *counts, uint32_t size, uint64_t *index)
{
    uint32_t left = size;
    for (uint32_t total; left >= BLOCK && *index >= (total = sum(counts + left - BLOCK)); left -= BLOCK)
        *index -= total;
    while (left > 0 && *index >= counts[left - 1])
        *index -= counts[--left];
    return size - left;
}

struct sequence_place sequence_locate(const struct sequence *sequence, uint64_t index)
{
    uint32_t to_edge = sequence->room - sequence->first;
    uint32_t size = sequence->used < to_edge ? sequence->used : to_edge;
    uint32_t wrapped = sequence->used - size;
    const uint16_t *counts = sequence->counts + sequence->first;
    if (index <= sequence->count / 2) {
        uint32_t page = pass_forward(counts, size, &index);
        if (page == size)
            page += pass_forward(sequence->counts, wrapped, &index);
        return (struct sequence_place){.page = page, .at = (unsigned)index};
    }

    uint64_t behind = sequence->count - 1 - index;
    uint32_t after = pass_backward(sequence->counts, wrapped, &behind);
    if (after == wrapped)
        after += pass_backward(counts, size, &behind);
    uint32_t page = sequence->used - 1 - after;
    unsigned last = sequence->counts[ring_slot(sequence, page)] - 1u;
    return (struct sequence_place){.page = page, .at = last - (unsigned)behind};
}

struct bytes sequence_value(const struct sequence *sequence, struct sequence_place place)
{
    return page_at(*page_of(sequence, place.page), place.at);
}

void sequence_next(const struct sequence *sequence, struct sequence_place *place)
{
    if (++place->at < sequence->counts[ring_slot(sequence, place->page)])
        return;
    place->page++;
    place->at = 0;
}

/* A new page with room for one value at an end. */
static uint8_t *push_page(struct sequence *sequence, bool back, size_t size)
{
    if (sequence->used == sequence->room && !ring_grow(sequence))
        return NULL;
    struct page *page = page_create(PAGE_SLOT_PLAIN, size, sequence->bytes);
    if (page == NULL)
        return NULL;
    uint8_t *value = page_insert(&page, 0, size, sequence->bytes);
    if (value == NULL) {
        page_free(page, sequence->bytes);
        return NULL;
    }
    if (!back)
        sequence->first = (sequence->first == 0 ? sequence->room : sequence->first) - 1;
    uint32_t at = back ? sequence->used : 0;
    sequence->used++;
    *page_of(sequence, at) = page;
    note_count(sequence, at);
    return value;
}

uint8_t *sequence_push(struct sequence *sequence, bool back, size_t size)
{
    uint32_t end = back ? sequence->used - 1 : 0;
    struct page **page = sequence->used == 0 ? NULL : page_of(sequence, end);
    uint8_t *value;
    if (page == NULL || !page_takes(*page, size)) {
        value = push_page(sequence, back, size);
    } else {
        value = page_insert(page, back ? (*page)->count : 0, size, sequence->bytes);
        note_count(sequence, end);
    }
    sequence->count += value != NULL;
    return value;
}

/* Goes through the pages and moves those that stay together, behind what stays before them. */
struct walk {
    struct sequence *sequence;
    uint32_t next;  /* the page to come */
    uint32_t kept;  /* pages that stay of those before it */
    uint64_t index; /* of the first value of the page to come, as it was */
    bool changed;   /* the pages before it have: it may now be worth merging */
};

static uint32_t walk_here(const struct walk *walk)
{
    return walk->sequence->counts[ring_slot(walk->sequence, walk->next)];
}

/* The page to come, that had COUNT values, stays. */
static void walk_keep(struct walk *walk, uint32_t count, bool changed)
{
    struct sequence *sequence = walk->sequence;
    bool merges = (changed || walk->changed) && walk->kept > 0;
    uint32_t page = walk->next++;
    walk->index += count;
    walk->changed = changed;
    if (merges) {
        struct page **before = page_of(sequence, walk->kept - 1);
        struct page *here = *page_of(sequence, page);
        if (page_should_absorb(*before, here) && page_absorb(before, here, sequence->bytes)) {
            note_count(sequence, walk->kept - 1);
            walk->changed = true;
            return;
        }
    }
    if (walk->kept != page)
        ring_move(sequence, walk->kept, page);
    walk->kept++;
}

/* The page to come loses REMOVED of its COUNT values, not all; they are gone already. */
static void walk_shrink(struct walk *walk, uint32_t count, uint32_t removed)
{
    struct sequence *sequence = walk->sequence;
    page_trim(page_of(sequence, walk->next), sequence->bytes);
    note_count(sequence, walk->next);
    sequence->count -= removed;
    walk_keep(walk, count, true);
}

static bool take_page(struct sequence *gone, struct page *page)
{
    if (gone->used == gone->room && !ring_grow(gone))
        return false;
    *page_of(gone, gone->used++) = page;
    return true;
}

/* The page to come goes, with its COUNT values. */
static void walk_drop(struct walk *walk, uint32_t count, struct sequence *gone)
{
    struct sequence *sequence = walk->sequence;
    struct page *page = *page_of(sequence, walk->next++);
    walk->index += count;
    walk->changed = true;
    sequence->count -= count;
    if (gone == NULL || !take_page(gone, page))
        page_free(page, sequence->bytes);
}

/* Closes the gap between the pages that stay, from the nearer end. */
static void walk_end(struct walk *walk)
{
    struct sequence *sequence = walk->sequence;
    if (walk->changed && walk->next < sequence->used)
        walk_keep(walk, walk_here(walk), false);
    uint32_t gap = walk->next - walk->kept;
    if (gap == 0)
        return;
    if (walk->kept < sequence->used - walk->next) {
        for (uint32_t page = walk->kept; page-- > 0;)
            ring_move(sequence, page + gap, page);
        sequence->first = ring_slot(sequence, gap);
    } else {
        for (uint32_t page = walk->next; page < sequence->used; page++)
            ring_move(sequence, page - gap, page);
    }
    sequence->used -= gap;
    if (sequence->used == 0)
        ring_release(sequence);
}

static uint64_t end_of(struct sequence_range range)
{
    return range.index + range.count;
}

/* Removes from the page to come what the ranges have of it; they begin in it or before it. Returns the range that goes
 * on behind it, or the next. */
static const struct sequence_range *erase_here(struct walk *walk, const struct sequence_range *range,
                                               const struct sequence_range *last, struct sequence *gone)
{
    struct sequence *sequence = walk->sequence;
    uint32_t count = walk_here(walk);
    uint64_t end = walk->index + count;
    if (range->index <= walk->index && end_of(*range) >= end) {
        range += end_of(*range) == end;
        walk_drop(walk, count, gone);
        return range;
    }
    uint32_t removed = 0;
    for (; range < last && range->index < end; range++) {
        uint64_t begin = range->index > walk->index ? range->index : walk->index;
        uint64_t stop = end_of(*range) < end ? end_of(*range) : end;
        page_cut(*page_of(sequence, walk->next), (unsigned)(begin - walk->index) - removed,
                 (unsigned)(stop - begin), sequence->bytes);
        removed += (uint32_t)(stop - begin);
        if (end_of(*range) > end)
            break;
    }
    walk_shrink(walk, count, removed);
    return range;
}

void sequence_erase(struct sequence *sequence, const struct sequence_range *ranges, size_t count,
                    struct sequence *gone)
{
    if (count == 0)
        return;
    struct sequence_place place = sequence_locate(sequence, ranges[0].index);
    struct walk walk = {
        .sequence = sequence,
        .next = place.page,
        .kept = place.page,
        .index = ranges[0].index - place.at,
    };
    const struct sequence_range *last = ranges + count;
    for (const struct sequence_range *range = ranges; range < last;) {
        uint32_t here = walk_here(&walk);
        if (range->index >= walk.index + here)
            walk_keep(&walk, here, false);
        else
            range = erase_here(&walk, range, last, gone);
    }
    walk_end(&walk);
}

void sequence_cut(struct sequence *sequence, uint64_t index, uint64_t count)
{
    struct sequence_range range = {.index = index, .count = count};
    sequence_erase(sequence, &range, count > 0, NULL);
}

void sequence_remove(struct sequence *sequence, struct bytes value)
{
    struct walk walk = {.sequence = sequence};
    while (walk.next < sequence->used) {
        struct page *page = *page_of(sequence, walk.next);
        uint32_t count = page->count;
        for (unsigned i = count; i-- > 0;) {
            if (bytes_equal(page_at(page, i), value))
                page_cut(page, i, 1, sequence->bytes);
        }
        if (page->count == count)
            walk_keep(&walk, count, false);
        else if (page->count > 0)
            walk_shrink(&walk, count, count - page->count);
        else
            walk_drop(&walk, count, NULL);
    }
    walk_end(&walk);
}

uint64_t sequence_page_bytes(const struct sequence *sequence)
{
    uint64_t bytes = 0;
    for (uint32_t page = 0; page < sequence->used; page++)
        bytes += page_bytes(*page_of(sequence, page));
    return bytes;
}

uint64_t sequence_ring_bytes(const struct sequence *sequence)
{
    return counted_bytes(sequence->pages);
}

uint64_t sequence_growth_most(const struct sequence *sequence, uint64_t size)
{
    uint64_t pages = size / PAGE_FULL + 1;
    uint64_t used = sequence->used + pages;
    uint64_t ring = 0;
    if (used > sequence->room)
        ring = counted_most((used + ring_step((uint32_t)used)) * RING_ENTRY_BYTES);
    return size + (pages + 1) * PAGE_EXTRA + ring;
}

bool sequence_free_piece(struct sequence *sequence, unsigned *budget)
{
    while (sequence->used > 0) {
        if (!page_free_piece(*page_of(sequence, sequence->used - 1), budget, sequence->bytes))
            return false;
        sequence->used--;
    }
    ring_release(sequence);
    return true;
}
