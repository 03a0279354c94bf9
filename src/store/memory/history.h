/* The keys that were evicted of late: S3-FIFO's ghost queue. Thirty-two bits of a hash are enough to know a
 * key again, so one takes four bytes. A bucket is a cache line of sixteen marks, the newest first; a new one
 * pushes the oldest out, which makes of the whole an approximate queue without ages or order between buckets.
 * Its size goes with the keymap's: as many marks as that has entries. */
#ifndef MAYFLY_STORE_MEMORY_HISTORY_H
#define MAYFLY_STORE_MEMORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history {
    uint32_t *marks;
    uint64_t buckets;
    uint64_t reserved_bytes;
    bool any; /* a mark was ever made; before that no page of it is touched */
};

bool history_open(struct history *history, uint64_t keymap_buckets, uint64_t most_keymap_buckets);
void history_close(struct history *history);

/* Memory that goes with a keymap of so many buckets. */
uint64_t history_bytes(uint64_t keymap_buckets);

/* Changes the size, which forgets most of what it knew. False without memory, changing nothing. */
bool history_resize(struct history *history, uint64_t keymap_buckets);

void history_add(struct history *history, uint64_t hash);
bool history_has(const struct history *history, uint64_t hash);

#endif
