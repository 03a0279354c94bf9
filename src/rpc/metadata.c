#include "rpc/metadata.h"

#include <stdlib.h>

struct metadata *metadata_create(const struct metadata_pair *pairs, size_t count)
{
    size_t text_bytes = 0;
    for (size_t i = 0; i < count; i++)
        text_bytes += pairs[i].name.size + pairs[i].value.size;

    struct metadata *metadata = malloc(sizeof *metadata + count * sizeof *pairs + text_bytes);
    if (metadata == NULL)
        return NULL;
    struct metadata_pair *own = (struct metadata_pair *)(metadata + 1);
    uint8_t *text = (uint8_t *)(own + count);
    for (size_t i = 0; i < count; i++) {
        bytes_copy(text, pairs[i].name.data, pairs[i].name.size);
        own[i].name = bytes_make(text, pairs[i].name.size);
        text += pairs[i].name.size;
        bytes_copy(text, pairs[i].value.data, pairs[i].value.size);
        own[i].value = bytes_make(text, pairs[i].value.size);
        text += pairs[i].value.size;
    }
    *metadata = (struct metadata){.references = 1, .count = count, .pairs = own};
    return metadata;
}

/* An API key does not stay behind in memory that is free. */
static void wipe_key(const struct metadata *metadata)
{
    struct bytes key = metadata_find(metadata, "authorization");
    if (key.size > 0)
        explicit_bzero((void *)(uintptr_t)key.data, key.size);
}

void metadata_release(struct metadata *metadata)
{
    if (metadata == NULL || --metadata->references > 0)
        return;
    if (metadata->attachment_free != NULL)
        metadata->attachment_free(metadata->attachment);
    wipe_key(metadata);
    free(metadata);
}

struct bytes metadata_find(const struct metadata *metadata, const char *name)
{
    struct bytes wanted = bytes_of(name);
    for (size_t i = 0; metadata != NULL && i < metadata->count; i++)
        if (bytes_equal(metadata->pairs[i].name, wanted))
            return metadata->pairs[i].value;
    return bytes_make(NULL, 0);
}

bool metadata_matches(const struct metadata *metadata, const struct metadata_pair *pairs, size_t count)
{
    if (metadata->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!bytes_equal(metadata->pairs[i].name, pairs[i].name) ||
            !bytes_equal(metadata->pairs[i].value, pairs[i].value))
            return false;
    return true;
}

struct metadata *metadata_ring_hold(struct metadata_ring *ring, const struct metadata_pair *pairs,
                                    size_t count)
{
    for (size_t i = 0; i < METADATA_RING; i++)
        if (ring->handles[i] != NULL && metadata_matches(ring->handles[i], pairs, count))
            return metadata_hold(ring->handles[i]);
    struct metadata *metadata = metadata_create(pairs, count);
    if (metadata == NULL)
        return NULL;
    size_t oldest = ring->next++ % METADATA_RING;
    metadata_release(ring->handles[oldest]);
    ring->handles[oldest] = metadata_hold(metadata);
    return metadata;
}

void metadata_ring_free(struct metadata_ring *ring)
{
    for (size_t i = 0; i < METADATA_RING; i++)
        metadata_release(ring->handles[i]);
    *ring = (struct metadata_ring){.next = 0};
}
