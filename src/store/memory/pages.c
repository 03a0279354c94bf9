/* Transparent huge pages are declined: they would keep whole two-megabyte blocks resident for the sake of one
 * live page among them, and the promise that memory stays within the limit is worth more than a few misses of
 * the translation cache. */
#include "store/memory/pages.h"

#include <sys/mman.h>
#include <unistd.h>

size_t pages_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t pages_round(size_t size)
{
    size_t page = pages_size();
    return (size + page - 1) / page * page;
}

void *pages_reserve(size_t size)
{
    void *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    madvise(at, size, MADV_NOHUGEPAGE);
    return at;
}

void pages_release(void *at, size_t size)
{
    if (at != NULL)
        munmap(at, size);
}

bool pages_commit(void *at, size_t size)
{
    return size == 0 || mprotect(at, size, PROT_READ | PROT_WRITE) == 0;
}

void pages_clear(void *at, size_t size)
{
    madvise(at, size, MADV_DONTNEED);
}

void pages_decommit(void *at, size_t size)
{
    if (size == 0)
        return;
    madvise(at, size, MADV_DONTNEED);
    mprotect(at, size, PROT_NONE);
}
