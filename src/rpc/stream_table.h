/* The open streams of a connection by their number. Numbers go up by two, so that a number's place is its own among
 * the last ones: no two of a connection's usual streams collide. Those that do, for a long one among many short, go
 * to the next free place. */
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
    struct stream_slot *slots; /* a power of two of them, at least twice as many as streams */
    size_t mask;
    size_t count;
};

static inline size_t stream_place(const struct stream_table *table, uint32_t id)
{
    return (id >> 1) & table->mask;
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
