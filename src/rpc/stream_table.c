#include "rpc/stream_table.h"

#include <stdlib.h>

#define SLOTS_MIN   ((size_t)16)
#define SHIFT_FIRST 28 /* for so many */

static void put(struct stream_table *table, struct stream_slot slot)
{
    size_t at = stream_place(table, slot.id);
    while (table->slots[at].id != 0)
        at = (at + 1) & table->mask;
    table->slots[at] = slot;
}

static bool grow(struct stream_table *table)
{
    size_t before = table->slots != NULL ? table->mask + 1 : 0;
    size_t slots = before > 0 ? 2 * before : SLOTS_MIN;
    struct stream_table grown = {
        .mask = slots - 1, .shift = before > 0 ? table->shift - 1 : SHIFT_FIRST, .count = table->count};
    grown.slots = calloc(slots, sizeof *grown.slots);
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < before; i++)
        if (table->slots[i].id != 0)
            put(&grown, table->slots[i]);
    free(table->slots);
    *table = grown;
    return true;
}

bool stream_add(struct stream_table *table, uint32_t id, struct engine_call *call)
{
    bool is_full = table->slots == NULL || 4 * (table->count + 1) > table->mask + 1;
    if (is_full && !grow(table))
        return false;
    put(table, (struct stream_slot){id, call});
    table->count++;
    return true;
}

void stream_remove(struct stream_table *table, uint32_t id)
{
    size_t hole = stream_place(table, id);
    while (table->slots[hole].id != id)
        hole = (hole + 1) & table->mask;
    /* Those behind that may not be beyond a free place move up. */
    for (size_t at = (hole + 1) & table->mask; table->slots[at].id != 0; at = (at + 1) & table->mask) {
        size_t wanted = stream_place(table, table->slots[at].id);
        if (((at - wanted) & table->mask) >= ((at - hole) & table->mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct stream_slot){0};
    table->count--;
}

void stream_table_trim(struct stream_table *table)
{
    if (table->count > 0)
        return;
    free(table->slots);
    *table = (struct stream_table){0};
}
