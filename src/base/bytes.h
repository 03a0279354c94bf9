/* A run of bytes that somebody else owns: the one way in which the rooms hand data to each other.
 * It is a value (two words), it may be empty, and it is never assumed to end with a zero. */
#ifndef MAYFLY_BASE_BYTES_H
#define MAYFLY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct bytes bytes_make(const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

/* The bytes of a C string, without its closing zero. */
static inline struct bytes bytes_of(const char *text)
{
    return bytes_make(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Below zero, zero or above, as A comes before B, is equal or comes after: as unsigned bytes, a prefix first. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool bytes_start_with(struct bytes text, struct bytes prefix)
{
    return text.size >= prefix.size && (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

/* memcpy that may be given no bytes from nowhere, which the C library's may not. */
static inline void bytes_copy(void *to, const void *from, size_t size)
{
    if (size > 0)
        memcpy(to, from, size);
}

#endif
