/* Names are compared through a table of hashes made for the one command. */
#include "store/memory/batch.h"

#include <stdlib.h>

#define NEAR_MOST ((size_t)16)

struct batch {
    const struct store_element *elements;
    size_t count;
    struct batch_item *items;
    uint32_t *slots; /* an open-addressed table of elements' numbers, from 1; zero: none */
    size_t slot_count;
};

static void supersede(struct batch *batch, size_t at)
{
    struct batch_item *item = &batch->items[at];
    size_t slot = item->hash & (batch->slot_count - 1);
    for (; batch->slots[slot] != 0; slot = (slot + 1) & (batch->slot_count - 1)) {
        size_t later = batch->slots[slot] - 1;
        item->superseded = batch->items[later].hash == item->hash &&
                           bytes_equal(batch->elements[later].name, batch->elements[at].name);
        if (item->superseded)
            return;
    }
    batch->slots[slot] = (uint32_t)(at + 1);
}

static void look_at(struct batch *batch, uint64_t seed)
{
    for (size_t i = batch->count; i-- > 0;) {
        batch->items[i] = (struct batch_item){.hash = hash64(batch->elements[i].name, seed)};
        if (batch->count > 1)
            supersede(batch, i);
    }
}

static enum store_status run(const struct batch_steps *steps, void *owner, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].superseded || steps->prepare(owner, &batch->elements[i], &batch->items[i]))
            continue;
        while (i-- > 0) {
            if (!batch->items[i].superseded)
                steps->undo(owner, &batch->elements[i], &batch->items[i]);
        }
        return STORE_NO_MEMORY;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->items[i].superseded)
            steps->commit(owner, &batch->elements[i], &batch->items[i]);
    }
    return STORE_OK;
}

enum store_status batch_put(const struct batch_steps *steps, void *owner, uint64_t seed,
                            const struct store_element *elements, size_t count)
{
    struct batch_item near[NEAR_MOST];
    uint32_t near_slots[2 * NEAR_MOST] = {0};
    struct batch batch = {
        .elements = elements,
        .count = count,
        .items = near,
        .slots = near_slots,
        .slot_count = 2 * NEAR_MOST,
    };
    if (count > NEAR_MOST) {
        while (batch.slot_count < 2 * count)
            batch.slot_count *= 2;
        batch.items = malloc(count * sizeof *batch.items);
        batch.slots = calloc(batch.slot_count, sizeof *batch.slots);
    }

    enum store_status status = STORE_NO_MEMORY;
    if (batch.items != NULL && batch.slots != NULL) {
        look_at(&batch, seed);
        status = run(steps, owner, &batch);
    }
    if (count > NEAR_MOST) {
        free(batch.items);
        free(batch.slots);
    }
    return status;
}
