/* Removing in the middle leaves holes in the ring that are closed at once, from the nearer end, so that the ring has no
 * empty pages and a run over its counts needs no cases. */
#include "store/memory/sequence.h"

#include "store/memory/counted.h"

/* The ring doubles while it is small, then grows by as much as this: what one push may cost is bounded. */
#define RING_LEAST       4u
#define RING_STEP        256u

/* A page's address and its count. */
#define RING_ENTRY_BYTES (sizeof(void *) + sizeof(uint16_t))

/* Counts are summed by blocks before they are looked at one by one. */
#define BLOCK            32u

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

static bool ring_grow(struct sequence *sequence)
{
    uint32_t more = sequence->room < RING_STEP ? sequence->room : RING_STEP;
    struct sequence grown = *sequence;
    grown.room += more < RING_LEAST ? RING_LEAST : more;
    grown.first = 0;
    grown.pages = counted_take(grown.room * RING_ENTRY_BYTES, sequence->bytes);
    if (grown.pages == NULL)
        return false;
    grown.counts = (uint16_t *)(void *)(grown.pages + grown.room);
    for (uint32_t page = 0; sequence->pages != NULL && page < sequence->used; page++) {
        uint32_t slot = ring_slot(sequence, page);
        grown.pages[page] = sequence->pages[slot];
        grown.counts[page] = sequence->counts[slot];
    }
    counted_give(sequence->pages, sequence->bytes);
    *sequence = grown;
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

/* Takes the pages that are NULL, all between FROM and TO, out of the ring, and merges small ones there. */
static void squeeze(struct sequence *sequence, uint32_t from, uint32_t to)
{
    uint32_t kept = from;
    for (uint32_t next = from; next < to; next++) {
        struct page *page = *page_of(sequence, next);
        if (page == NULL)
            continue;
        struct page **before = kept == from ? NULL : page_of(sequence, kept - 1);
        if (before != NULL && page_should_absorb(*before, page) && page_absorb(before, page, sequence->bytes))
            note_count(sequence, kept - 1);
        else
            ring_move(sequence, kept++, next);
    }

    uint32_t gap = to - kept;
    if (gap == 0)
        return;
    if (kept < sequence->used - to) {
        for (uint32_t page = kept; page-- > 0;)
            ring_move(sequence, page + gap, page);
        sequence->first = ring_slot(sequence, gap);
    } else {
        for (uint32_t page = to; page < sequence->used; page++)
            ring_move(sequence, page - gap, page);
    }
    sequence->used -= gap;
    if (sequence->used == 0)
        ring_release(sequence);
}

/* After values of a page have gone: frees it, or what it does not need. */
static void tend(struct sequence *sequence, uint32_t page)
{
    struct page **at = page_of(sequence, page);
    if ((*at)->count > 0) {
        page_trim(at, sequence->bytes);
    } else {
        page_free(*at, sequence->bytes);
        *at = NULL;
    }
    note_count(sequence, page);
}

void sequence_cut(struct sequence *sequence, uint64_t index, uint64_t count)
{
    if (count == 0)
        return;
    struct sequence_place place = sequence_locate(sequence, index);
    uint32_t begin = place.page == 0 ? 0 : place.page - 1;
    sequence->count -= count;
    while (count > 0) {
        struct page *page = *page_of(sequence, place.page);
        unsigned here = page->count - place.at;
        here = here < count ? here : (unsigned)count;
        page_cut(page, place.at, here, sequence->bytes);
        tend(sequence, place.page);
        count -= here;
        place = (struct sequence_place){.page = place.page + 1};
    }
    squeeze(sequence, begin, place.page < sequence->used ? place.page + 1 : sequence->used);
}

void sequence_remove(struct sequence *sequence, struct bytes value)
{
    uint64_t before = sequence->count;
    for (uint32_t at = 0; at < sequence->used; at++) {
        struct page *page = *page_of(sequence, at);
        unsigned count = page->count;
        for (unsigned i = count; i-- > 0;) {
            if (bytes_equal(page_at(page, i), value))
                page_cut(page, i, 1, sequence->bytes);
        }
        if (page->count == count)
            continue;
        sequence->count -= count - page->count;
        tend(sequence, at);
    }
    if (sequence->count < before)
        squeeze(sequence, 0, sequence->used);
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
