/* The address space in which all segments of a store lie, and the account of the memory that the store holds.
 * Space is cut into slots, a class for each power of two, and each class has room for the whole limit, so
 * that space never fragments; memory stands behind the slots in use alone. The price is address space, about
 * twenty times the limit, which costs nothing.
 *
 *   base                stride              2 strides
 *   +--+--+--+--+-- ... +-----+-----+-- ... +-----------+-- ...
 *   | half a segment    | a segment         | two segments        up to the largest item
 *   +--+--+--+--+-- ... +-----+-----+-- ... +-----------+-- ...
 *
 * An item is known by its distance from the base, its location: 44 bits, never zero. */
#ifndef MAYFLY_STORE_MEMORY_REGION_H
#define MAYFLY_STORE_MEMORY_REGION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGION_LOCATION_BITS 44
#define REGION_CLASSES_MOST  12
#define REGION_WARM_MOST     4

struct region_class {
    uint64_t *taken;       /* a bit a slot */
    uint64_t slots;        /* that the class has */
    uint64_t slots_usable; /* the first so many have been made usable */
    uint64_t first_free;   /* no slot below is free */
    uint64_t slot_bytes;
};

struct region {
    uint8_t *base;
    uint64_t segment_bytes;
    uint64_t stride_bytes;
    unsigned class_count;

    /* The account. Operations may charge up to the budget; what lies between it and the limit is what
     * reclaiming moves items through, a segment a shard. */
    uint64_t limit_bytes;
    uint64_t budget_bytes;
    _Atomic uint64_t used_bytes;

    /* The clock of eviction: bytes that came as segments and went as collections. */
    _Atomic uint64_t turned_bytes;

    pthread_mutex_t lock; /* the innermost lock; guards what follows */
    struct region_class classes[REGION_CLASSES_MOST];

    /* Free segments whose memory was not given back yet: under eviction one is wanted again at once, and the
     * kernel takes longer to hand out its pages than the store to fill them. */
    void *warm[REGION_WARM_MOST];
    unsigned warm_count;
};

bool region_open(struct region *region, uint64_t limit_bytes, uint64_t segment_bytes, uint64_t reserve_bytes);
void region_close(struct region *region);

/* Adds BYTES to the account unless that would pass CEILING_BYTES, the budget or the limit. */
bool region_charge(struct region *region, uint64_t bytes, uint64_t ceiling_bytes);
void region_refund(struct region *region, uint64_t bytes);

/* Turns the clock of eviction and tells it. */
static inline uint64_t region_turn(struct region *region, uint64_t bytes)
{
    return atomic_fetch_add_explicit(&region->turned_bytes, bytes, memory_order_relaxed) + bytes;
}

/* A slot that holds SIZE bytes, or NULL. The caller has charged for the pages. */
void *region_take(struct region *region, uint64_t size);
void region_give(struct region *region, void *slot, uint64_t size);

static inline uint64_t region_location(const struct region *region, const void *at)
{
    return (uint64_t)((const uint8_t *)at - region->base);
}

static inline void *region_at(const struct region *region, uint64_t location)
{
    return region->base + location;
}

/* The slot in which LOCATION lies. */
static inline void *region_slot(const struct region *region, uint64_t location)
{
    uint64_t number = location / region->stride_bytes;
    uint64_t within = location - number * region->stride_bytes;
    return region->base + location - (within & (region->classes[number].slot_bytes - 1));
}

#endif
