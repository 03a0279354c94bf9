/* Growing, dividing and closing holes are one motion here: records are poured from one page into another. */
#include "store/memory/page.h"

#include <limits.h>

#include "store/memory/counted.h"

/* A page that has one record too many, before it is divided. */
#define ROOM_MOST         (PAGE_MOST + 512u)

/* Pages grow in small steps: with many pages, what stands ready in each of them is what a collection wastes. */
#define STEP_SMALL        64u
#define STEP_LARGE        128u
#define STEPS_SMALL_UNTIL 512u
#define ALLOCATOR_WORD    8u
#define ALLOCATOR_STEP    16u

/* Blocks of this size are as long in the freeing as a page. */
#define FAR_UNIT_BYTES    ((size_t)64 << 10)

static size_t round_up(size_t size, size_t step)
{
    return (size + ALLOCATOR_WORD + step - 1) / step * step - ALLOCATOR_WORD;
}

/* The allocation to make for so many bytes when more will come. */
static size_t roomy(size_t size)
{
    return round_up(size, size + ALLOCATOR_WORD <= STEPS_SMALL_UNTIL ? STEP_SMALL : STEP_LARGE);
}

/* And when not. */
static size_t tight(size_t size)
{
    return round_up(size, ALLOCATOR_STEP);
}

static size_t slot_held(struct page_slot slot)
{
    return slot.size == PAGE_FAR ? sizeof(struct page_far) : slot.size;
}

static uint8_t *slot_at(struct page *page, unsigned at)
{
    return page->slots + at * (size_t)page->slot_size;
}

static void set_slot(struct page *page, unsigned at, struct page_slot slot)
{
    memcpy(slot_at(page, at), &slot, sizeof slot);
}

static uint8_t *slot_data(struct page *page, struct page_slot slot)
{
    return (uint8_t *)page + page->room - slot.depth;
}

static struct page_far far_read(struct page *page, unsigned at)
{
    struct page_far far;
    memcpy(&far, slot_data(page, page_slot(page, at)), sizeof far);
    return far;
}

static void far_write(struct page *page, unsigned at, struct page_far far)
{
    memcpy(slot_data(page, page_slot(page, at)), &far, sizeof far);
}

uint8_t *page_edit(struct page *page, unsigned at)
{
    struct page_slot slot = page_slot(page, at);
    return slot.size == PAGE_FAR ? far_read(page, at).data : slot_data(page, slot);
}

uint64_t page_outside_most(size_t size)
{
    return size <= PAGE_RECORD_MOST ? 0 : counted_most(size);
}

static size_t gap(const struct page *page)
{
    return page->room - sizeof *page - (size_t)page->count * page->slot_size - page->used;
}

static void make_empty(struct page *page, size_t room, size_t slot_size)
{
    *page = (struct page){.room = (uint16_t)room, .slot_size = (uint16_t)slot_size};
}

/* The lowest place, SIZE bytes long; there is a gap for it. */
static struct page_slot lay(struct page *page, size_t size)
{
    page->used = (uint16_t)(page->used + size);
    return (struct page_slot){.depth = page->used, .size = (uint16_t)size};
}

/* Appends FROM's records from number AT on. */
static void pour(struct page *to, const struct page *from, unsigned at)
{
    memcpy(slot_at(to, to->count), from->slots + at * (size_t)from->slot_size,
           (from->count - at) * (size_t)from->slot_size);
    for (; at < from->count; at++) {
        struct page_slot slot = page_slot(from, at);
        const uint8_t *data = (const uint8_t *)from + from->room - slot.depth;
        struct page_slot fresh = lay(to, slot_held(slot));
        bytes_copy(slot_data(to, fresh), data, slot_held(slot));
        fresh.size = slot.size;
        set_slot(to, to->count++, fresh);
        to->far = (uint16_t)(to->far + (slot.size == PAGE_FAR));
    }
}

static struct page *create(size_t room, size_t slot_size, uint64_t *bytes)
{
    struct page *page = counted_take(room, bytes);
    if (page != NULL)
        make_empty(page, room, slot_size);
    return page;
}

static bool move(struct page **page, size_t room, uint64_t *bytes)
{
    struct page *fresh = create(room, (*page)->slot_size, bytes);
    if (fresh == NULL)
        return false;
    pour(fresh, *page, 0);
    counted_give(*page, bytes);
    *page = fresh;
    return true;
}

static void close_holes(struct page *page)
{
    _Alignas(struct page_far) uint8_t copy[ROOM_MOST];
    memcpy(copy, page, page->room);
    make_empty(page, page->room, page->slot_size);
    pour(page, (const struct page *)(const void *)copy, 0);
}

/* Sees to a gap of SIZE. */
static bool make_gap(struct page **page, size_t size, uint64_t *bytes)
{
    if (gap(*page) >= size)
        return true;
    if (page_live(*page) + size > (*page)->room)
        return move(page, roomy(page_live(*page) + size), bytes);
    close_holes(*page);
    return true;
}

struct page *page_create(size_t slot_size, size_t size, uint64_t *bytes)
{
    return create(roomy(sizeof(struct page) + slot_size + page_held(size)), slot_size, bytes);
}

bool page_takes(const struct page *page, size_t size)
{
    return page_live(page) + page->slot_size + page_held(size) <= PAGE_MOST;
}

uint8_t *page_insert(struct page **page, unsigned at, size_t size, uint64_t *bytes)
{
    struct page_far far = {.size = size};
    bool outside = size > PAGE_RECORD_MOST;
    if (outside && (far.data = counted_take(size, bytes)) == NULL)
        return NULL;
    if (!make_gap(page, (*page)->slot_size + page_held(size), bytes)) {
        counted_give(far.data, bytes);
        return NULL;
    }

    struct page *to = *page;
    struct page_slot slot = lay(to, page_held(size));
    memmove(slot_at(to, at + 1), slot_at(to, at), (to->count - at) * (size_t)to->slot_size);
    to->count++;
    if (!outside) {
        set_slot(to, at, slot);
        return slot_data(to, slot);
    }
    set_slot(to, at, (struct page_slot){.depth = slot.depth, .size = PAGE_FAR});
    to->far++;
    far_write(to, at, far);
    return far.data;
}

/* A block that becomes much smaller moves, since the allocator would keep what it was given. */
static uint8_t *resize_block(struct page_far far, size_t size, uint64_t *bytes)
{
    if (size > far.size / 2)
        return counted_resize(far.data, size, bytes);
    uint8_t *moved = counted_take(size, bytes);
    if (moved == NULL)
        return NULL;
    bytes_copy(moved, far.data, size);
    counted_give(far.data, bytes);
    return moved;
}

static uint8_t *resize_far(struct page *page, unsigned at, size_t size, uint64_t *bytes)
{
    struct page_far far = far_read(page, at);
    uint8_t *moved = resize_block(far, size, bytes);
    if (moved == NULL && size > far.size)
        return NULL;
    if (moved != NULL)
        far.data = moved;
    far.size = size;
    far_write(page, at, far);
    return far.data;
}

/* Of a record within the page that stays there. One that grows is held apart, and its place a hole, while records
 * move. */
static uint8_t *resize_near(struct page **page, unsigned at, size_t size, uint64_t *bytes)
{
    struct page_slot slot = page_slot(*page, at);
    if (size <= slot.size) {
        (*page)->holes = (uint16_t)((*page)->holes + slot.size - size);
        slot.size = (uint16_t)size;
        set_slot(*page, at, slot);
        return slot_data(*page, slot);
    }

    uint8_t copy[PAGE_RECORD_MOST];
    memcpy(copy, slot_data(*page, slot), slot.size);
    (*page)->holes = (uint16_t)((*page)->holes + slot.size);
    set_slot(*page, at, (struct page_slot){.depth = slot.depth});
    if (!make_gap(page, size, bytes)) {
        (*page)->holes = (uint16_t)((*page)->holes - slot.size);
        set_slot(*page, at, slot);
        return NULL;
    }
    struct page_slot fresh = lay(*page, size);
    set_slot(*page, at, fresh);
    uint8_t *data = slot_data(*page, fresh);
    memcpy(data, copy, slot.size);
    return data;
}

static uint8_t *move_outside(struct page **page, unsigned at, size_t size, uint64_t *bytes)
{
    struct bytes before = page_at(*page, at);
    struct page_far far = {.data = counted_take(size, bytes), .size = size};
    if (far.data == NULL)
        return NULL;
    bytes_copy(far.data, before.data, before.size);
    if (resize_near(page, at, sizeof far, bytes) == NULL) {
        counted_give(far.data, bytes);
        return NULL;
    }
    struct page_slot slot = page_slot(*page, at);
    set_slot(*page, at, (struct page_slot){.depth = slot.depth, .size = PAGE_FAR});
    (*page)->far++;
    far_write(*page, at, far);
    return far.data;
}

/* Brings a record from outside into the page, if it has or gets room. What stood for it has the room of a small record,
 * so that a page that was full with such a one takes it back whatever happens. */
static uint8_t *move_inside(struct page **page, unsigned at, size_t size, uint64_t *bytes)
{
    struct page_slot slot = page_slot(*page, at);
    struct page_far far = far_read(*page, at);
    if (page_live(*page) - sizeof far + size > PAGE_MOST)
        return NULL;
    set_slot(*page, at, (struct page_slot){.depth = slot.depth, .size = sizeof far});
    (*page)->far--;
    uint8_t *data = resize_near(page, at, size, bytes);
    if (data == NULL) {
        set_slot(*page, at, slot);
        (*page)->far++;
        return NULL;
    }
    bytes_copy(data, far.data, size < far.size ? size : far.size);
    counted_give(far.data, bytes);
    return data;
}

uint8_t *page_resize(struct page **page, unsigned at, size_t size, uint64_t *bytes)
{
    if (page_slot(*page, at).size == PAGE_FAR) {
        uint8_t *data = size <= PAGE_RECORD_MOST ? move_inside(page, at, size, bytes) : NULL;
        return data != NULL ? data : resize_far(*page, at, size, bytes);
    }
    if (size > PAGE_RECORD_MOST)
        return move_outside(page, at, size, bytes);
    return resize_near(page, at, size, bytes);
}

/* Forgets the records from AT up to END, whose blocks are somebody else's now. */
static void drop(struct page *page, unsigned at, unsigned end)
{
    if (at == 0 && end == page->count) {
        make_empty(page, page->room, page->slot_size);
        return;
    }
    for (unsigned i = at; i < end; i++) {
        struct page_slot slot = page_slot(page, i);
        if (slot.depth == page->used)
            page->used = (uint16_t)(page->used - slot_held(slot));
        else
            page->holes = (uint16_t)(page->holes + slot_held(slot));
        page->far = (uint16_t)(page->far - (slot.size == PAGE_FAR));
    }
    memmove(slot_at(page, at), slot_at(page, end), (page->count - end) * (size_t)page->slot_size);
    page->count = (uint16_t)(page->count - (end - at));
}

void page_cut(struct page *page, unsigned at, unsigned count, uint64_t *bytes)
{
    for (unsigned i = at; page->far > 0 && i < at + count; i++) {
        if (page_slot(page, i).size == PAGE_FAR)
            counted_give(far_read(page, i).data, bytes);
    }
    drop(page, at, at + count);
}

struct page *page_split(struct page *page, unsigned at, uint64_t *bytes)
{
    size_t size = sizeof *page;
    for (unsigned i = at; i < page->count; i++)
        size += page->slot_size + slot_held(page_slot(page, i));
    struct page *other = create(tight(size), page->slot_size, bytes);
    if (other == NULL)
        return NULL;
    pour(other, page, at);
    drop(page, at, page->count);
    return other;
}

unsigned page_middle(const struct page *page)
{
    size_t half = (page_live(page) - sizeof *page) / 2;
    size_t size = 0;
    unsigned at = 0;
    while (at < page->count && size < half)
        size += page->slot_size + slot_held(page_slot(page, at++));
    return at;
}

bool page_absorb(struct page **page, struct page *other, uint64_t *bytes)
{
    size_t more = page_live(other) - sizeof *other;
    if (gap(*page) < more && !move(page, tight(page_live(*page) + more), bytes))
        return false;
    pour(*page, other, 0);
    counted_give(other, bytes);
    return true;
}

bool page_should_absorb(const struct page *page, const struct page *other)
{
    size_t a = page_live(page);
    size_t b = page_live(other);
    return (a < PAGE_SMALL || b < PAGE_SMALL) && a + b <= PAGE_MERGED;
}

void page_fit(struct page **page, uint64_t *bytes)
{
    size_t room = tight(page_live(*page));
    if (room < (*page)->room)
        move(page, room, bytes);
}

void page_trim(struct page **page, uint64_t *bytes)
{
    if (page_live(*page) < (*page)->room / 2u)
        page_fit(page, bytes);
}

uint64_t page_bytes(struct page *page)
{
    uint64_t bytes = counted_bytes(page);
    for (unsigned i = 0; page->far > 0 && i < page->count; i++) {
        if (page_slot(page, i).size == PAGE_FAR)
            bytes += counted_bytes(far_read(page, i).data);
    }
    return bytes;
}

bool page_free_piece(struct page *page, unsigned *budget, uint64_t *bytes)
{
    while (page->far > 0 && *budget > 0) {
        size_t units = page_at(page, page->count - 1u).size / FAR_UNIT_BYTES + 1;
        bool far = page_slot(page, page->count - 1u).size == PAGE_FAR;
        page_cut(page, page->count - 1u, 1, bytes);
        if (far)
            *budget -= units < *budget ? (unsigned)units : *budget;
    }
    if (*budget == 0)
        return false;
    --*budget;
    counted_give(page, bytes);
    return true;
}

void page_free(struct page *page, uint64_t *bytes)
{
    unsigned budget = UINT_MAX;
    if (page != NULL)
        page_free_piece(page, &budget, bytes);
}
