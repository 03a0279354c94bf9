/* Slots are handed out lowest first, so that the pages ever made usable stay few and close together. A free
 * slot is a clear bit and nothing else: a list through the slots themselves would keep a page of each
 * resident. */
#include "store/memory/region.h"

#include <stdlib.h>
#include <string.h>

#include "store/memory/pages.h"
#include "store/store.h"

/* Slots become usable so many bytes at a time, to ask the kernel seldom. */
#define COMMIT_STEP_BYTES  ((uint64_t)4 << 20)

/* Holds an item of STORE_ITEM_LIMIT_BYTES with its headers. */
#define LARGEST_SLOT_BYTES ((uint64_t)16 << 20)

bool region_open(struct region *region, uint64_t limit_bytes, uint64_t segment_bytes, uint64_t reserve_bytes)
{
    *region = (struct region){
        .limit_bytes = limit_bytes,
        .budget_bytes = limit_bytes - reserve_bytes,
        .segment_bytes = segment_bytes,
        /* What lies in a slot fills more than half of it. */
        .stride_bytes = (2 * limit_bytes / LARGEST_SLOT_BYTES + 2) * LARGEST_SLOT_BYTES,
    };
    pthread_mutex_init(&region->lock, NULL);

    for (uint64_t bytes = segment_bytes / 2; bytes <= LARGEST_SLOT_BYTES; bytes *= 2) {
        struct region_class *class = &region->classes[region->class_count++];
        class->slot_bytes = bytes;
        class->slots = region->stride_bytes / bytes;
        class->taken = calloc(class->slots / 64 + 1, sizeof *class->taken);
        if (class->taken == NULL)
            goto failed;
    }
    /* The first slot stays unused: location zero means nothing. */
    region->classes[0].taken[0] = 1;

    if (region->stride_bytes * region->class_count >> REGION_LOCATION_BITS != 0)
        goto failed;
    region->base = pages_reserve(region->stride_bytes * region->class_count);
    if (region->base != NULL)
        return true;
failed:
    region_close(region);
    return false;
}

void region_close(struct region *region)
{
    pages_release(region->base, region->stride_bytes * region->class_count);
    for (unsigned i = 0; i < region->class_count; i++)
        free(region->classes[i].taken);
    pthread_mutex_destroy(&region->lock);
}

bool region_charge(struct region *region, uint64_t bytes, uint64_t ceiling_bytes)
{
    uint64_t used = atomic_load_explicit(&region->used_bytes, memory_order_relaxed);
    do {
        if (bytes > ceiling_bytes || used > ceiling_bytes - bytes)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&region->used_bytes, &used, used + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void region_refund(struct region *region, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&region->used_bytes, bytes, memory_order_relaxed);
}

/* The lowest free slot, or class->slots. */
static uint64_t find_free(struct region_class *class)
{
    for (uint64_t word = class->first_free / 64; word <= class->slots / 64; word++) {
        if (class->taken[word] != UINT64_MAX)
            return word * 64 + (uint64_t)__builtin_ctzll(~class->taken[word]);
    }
    return class->slots;
}

static bool make_usable(struct region_class *class, uint8_t *start, uint64_t slots)
{
    if (slots <= class->slots_usable)
        return true;
    uint64_t wanted = slots + COMMIT_STEP_BYTES / class->slot_bytes;
    wanted = wanted < class->slots ? wanted : class->slots;
    if (!pages_commit(start + class->slots_usable * class->slot_bytes,
                      (wanted - class->slots_usable) * class->slot_bytes))
        return false;
    class->slots_usable = wanted;
    return true;
}

static void *take_warm(struct region *region)
{
    void *slot = NULL;
    pthread_mutex_lock(&region->lock);
    if (region->warm_count > 0)
        slot = region->warm[--region->warm_count];
    pthread_mutex_unlock(&region->lock);
    return slot;
}

static bool keep_warm(struct region *region, void *slot)
{
    pthread_mutex_lock(&region->lock);
    bool kept = region->warm_count < REGION_WARM_MOST;
    if (kept)
        region->warm[region->warm_count++] = slot;
    pthread_mutex_unlock(&region->lock);
    return kept;
}

void *region_take(struct region *region, uint64_t size)
{
    void *warm = size == region->segment_bytes ? take_warm(region) : NULL;
    if (warm != NULL)
        return warm;

    unsigned number = 0;
    while (number < region->class_count && region->classes[number].slot_bytes < size)
        number++;
    if (number == region->class_count)
        return NULL;
    struct region_class *class = &region->classes[number];
    uint8_t *start = region->base + number * region->stride_bytes;
    uint8_t *slot = NULL;

    pthread_mutex_lock(&region->lock);
    uint64_t free_slot = find_free(class);
    if (free_slot < class->slots && make_usable(class, start, free_slot + 1)) {
        class->taken[free_slot / 64] |= (uint64_t)1 << free_slot % 64;
        class->first_free = free_slot + 1;
        slot = start + free_slot * class->slot_bytes;
    }
    pthread_mutex_unlock(&region->lock);
    return slot;
}

void region_give(struct region *region, void *slot, uint64_t size)
{
    if (size == region->segment_bytes && keep_warm(region, slot))
        return;

    uint64_t location = region_location(region, slot);
    uint64_t number = location / region->stride_bytes;
    struct region_class *class = &region->classes[number];
    uint64_t freed = (location - number * region->stride_bytes) / class->slot_bytes;

    /* Before anybody else can take the slot. */
    pages_clear(slot, pages_round(size));
    pthread_mutex_lock(&region->lock);
    class->taken[freed / 64] &= ~((uint64_t)1 << freed % 64);
    if (freed < class->first_free)
        class->first_free = freed;
    pthread_mutex_unlock(&region->lock);
}
