/* The kernel's pages. The engine reserves address space once and then only moves the line between what is
 * backed by memory and what is not, so that nothing is ever allocated elsewhere, fragments or leaves the
 * process with tens of thousands of mappings. What is cleared is given back to the kernel at once. */
#ifndef MAYFLY_STORE_MEMORY_PAGES_H
#define MAYFLY_STORE_MEMORY_PAGES_H

#include <stdbool.h>
#include <stddef.h>

size_t pages_size(void);

/* SIZE rounded up to whole pages. */
size_t pages_round(size_t size);

/* Address space without memory behind it, or NULL. */
void *pages_reserve(size_t size);
void pages_release(void *at, size_t size);

/* Makes reserved pages usable; they read as zero and cost memory once written. False when the kernel's limits
 * do not allow it. */
bool pages_commit(void *at, size_t size);

/* Gives the memory of usable pages back; they stay usable and read as zero again. */
void pages_clear(void *at, size_t size);

/* Gives the memory back and makes the pages unusable. */
void pages_decommit(void *at, size_t size);

#endif
