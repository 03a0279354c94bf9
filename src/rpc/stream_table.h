/* The open streams of a connection by their number, in a table with open addressing. Numbers go up by two and are spread
 * by the golden ratio, which keeps those that follow each other apart: with a quarter of the places taken at most, few
 * collide, and one is removed without a look at many. */
#ifndef MAYFLY_RPC_STREAM_TABLE_H
#define MAYFLY_RPC_STREAM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_call;

struct stream_slot {
    uint32_t id; /* 0: free */
    struct engine_call *call;
};

struct stream_table {
    struct stream_slot *slots; /* a power of two of them */
    size_t mask;
    unsigned shift; /* 32 less the power */
    size_t count;
};

static inline size_t stream_place(const struct stream_table *table, uint32_t id)
{
    return (size_t)((id >> 1) * UINT32_C(0x9e3779b9) >> table->shift);
}

/* The stream's call, or NULL. */
static inline struct engine_call *stream_find(const struct stream_table *table, uint32_t id)
{
    if (table->count == 0)
        return NULL;
    for (size_t at = stream_place(table, id); table->slots[at].id != 0; at = (at + 1) & table->mask)
        if (table->slots[at].id == id)
            return table->slots[at].call;
    return NULL;
}

/* Adds a stream that is not there; false when memory is out. */
bool stream_add(struct stream_table *table, uint32_t id, struct engine_call *call);

void stream_remove(struct stream_table *table, uint32_t id);

/* Gives memory back where there are no streams. */
void stream_table_trim(struct stream_table *table);

#endif
