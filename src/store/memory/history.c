/* A history may be wrong in both directions, rarely: the cost is an item that waits in the wrong queue. That
 * is what allows marks in place of keys, and a change of size that moves nothing. */
#include "store/memory/history.h"

#include <string.h>

#include "store/memory/keymap.h"
#include "store/memory/pages.h"

#define BUCKET_MARKS 16

/* A bucket here for every two of the keymap's. */
static uint64_t buckets_for(uint64_t keymap_buckets)
{
    return keymap_buckets / 2;
}

uint64_t history_bytes(uint64_t keymap_buckets)
{
    return pages_round(buckets_for(keymap_buckets) * BUCKET_MARKS * sizeof(uint32_t));
}

bool history_open(struct history *history, uint64_t keymap_buckets, uint64_t most_keymap_buckets)
{
    *history = (struct history){
        .buckets = buckets_for(keymap_buckets),
        .reserved_bytes = history_bytes(most_keymap_buckets),
    };
    history->marks = pages_reserve(history->reserved_bytes);
    if (history->marks == NULL)
        return false;
    if (pages_commit(history->marks, history_bytes(keymap_buckets)))
        return true;
    history_close(history);
    return false;
}

void history_close(struct history *history)
{
    pages_release(history->marks, history->reserved_bytes);
    history->marks = NULL;
}

bool history_resize(struct history *history, uint64_t keymap_buckets)
{
    uint64_t now = history_bytes(history->buckets * 2);
    uint64_t then = history_bytes(keymap_buckets);
    if (then > now && !pages_commit((uint8_t *)history->marks + now, then - now))
        return false;
    if (then < now)
        pages_decommit((uint8_t *)history->marks + then, now - then);
    history->buckets = buckets_for(keymap_buckets);
    return true;
}

static uint32_t *bucket_of(const struct history *history, uint64_t hash)
{
    return history->marks + keymap_scale(hash, history->buckets) * BUCKET_MARKS;
}

/* The bucket came from the upper bits of the hash; the lower are the mark, and zero is none. */
static uint32_t mark_of(uint64_t hash)
{
    return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

void history_add(struct history *history, uint64_t hash)
{
    uint32_t *bucket = bucket_of(history, hash);
    memmove(bucket + 1, bucket, (BUCKET_MARKS - 1) * sizeof *bucket);
    bucket[0] = mark_of(hash);
    history->any = true;
}

bool history_has(const struct history *history, uint64_t hash)
{
    if (!history->any)
        return false;
    const uint32_t *bucket = bucket_of(history, hash);
    uint32_t mark = mark_of(hash);
    bool found = false;
    for (unsigned i = 0; i < BUCKET_MARKS; i++)
        found |= bucket[i] == mark;
    return found;
}
