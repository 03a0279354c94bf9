/* A run of bytes that grows and that its holder owns. Growth doubles, so appending is linear over time;
 * a failed growth leaves the buffer as it was and says so. */
#ifndef MAYFLY_BASE_BUFFER_H
#define MAYFLY_BASE_BUFFER_H

#include "base/bytes.h"

struct buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/* Makes room for MORE bytes behind what is there, zero included; false when memory is out. */
bool buffer_reserve(struct buffer *buffer, size_t more);

/* Gives back all but twice what the buffer holds, where memory allows. */
void buffer_trim(struct buffer *buffer);

/* Frees what the buffer holds and leaves it empty. */
void buffer_free(struct buffer *buffer);

/* Likewise, and overwrites it first: it may hold a secret. What a buffer held before it grew is not reached. */
void buffer_wipe(struct buffer *buffer);

/* The place where the next bytes go; MORE of them may be written, then counted with buffer_commit.
 * NULL when memory is out. */
static inline uint8_t *buffer_extend(struct buffer *buffer, size_t more)
{
    bool fits = buffer->data != NULL && buffer->capacity - buffer->size >= more;
    if (!fits && !buffer_reserve(buffer, more))
        return NULL;
    return buffer->data + buffer->size;
}

static inline void buffer_commit(struct buffer *buffer, size_t more)
{
    buffer->size += more;
}

static inline bool buffer_append(struct buffer *buffer, struct bytes bytes)
{
    uint8_t *to = buffer_extend(buffer, bytes.size);
    if (to == NULL)
        return false;
    bytes_copy(to, bytes.data, bytes.size);
    buffer->size += bytes.size;
    return true;
}

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_make(buffer->data, buffer->size);
}

/* Forgets the contents; memory beyond KEEP bytes is given back. */
static inline void buffer_reset(struct buffer *buffer, size_t keep)
{
    if (buffer->capacity > keep)
        buffer_free(buffer);
    buffer->size = 0;
}

#endif
