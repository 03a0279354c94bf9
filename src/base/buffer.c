#include "base/buffer.h"

#include <stdlib.h>

#define BUFFER_MIN_CAPACITY ((size_t)256)

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->size >= more && buffer->data != NULL)
        return true;
    if (more > SIZE_MAX / 2 - buffer->size)
        return false;

    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_MIN_CAPACITY;
    while (capacity < buffer->size + more)
        capacity *= 2;
    uint8_t *data = realloc(buffer->data, capacity);
    if (data == NULL)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void buffer_trim(struct buffer *buffer)
{
    size_t capacity = buffer->size > BUFFER_MIN_CAPACITY / 2 ? 2 * buffer->size : BUFFER_MIN_CAPACITY;
    uint8_t *data = capacity < buffer->capacity ? realloc(buffer->data, capacity) : NULL;
    if (data == NULL)
        return;
    buffer->data = data;
    buffer->capacity = capacity;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->capacity);
    buffer_free(buffer);
}
