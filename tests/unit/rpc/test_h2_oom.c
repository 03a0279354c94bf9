/* The engine with memory running out: every allocation of a conversation fails in turn, once alone and once with
 * all that follow. Nothing may crash or leak, and every call must come to an end. The allocators are ours
 * through the linker's --wrap (tests/CMakeLists.txt does so for every test_*_oom.c). */
#include "rpc/h2_pair.h"

/* The linker's names. */
void *__real_malloc(size_t size);                /* NOLINT(bugprone-reserved-identifier) */
void *__real_calloc(size_t count, size_t size);  /* NOLINT(bugprone-reserved-identifier) */
void *__real_realloc(void *block, size_t size);  /* NOLINT(bugprone-reserved-identifier) */
void *__wrap_malloc(size_t size);                /* NOLINT(bugprone-reserved-identifier) */
void *__wrap_calloc(size_t count, size_t size);  /* NOLINT(bugprone-reserved-identifier) */
void *__wrap_realloc(void *block, size_t size);  /* NOLINT(bugprone-reserved-identifier) */
