/* What every engine needs and none should write again: the table of methods and the default limits. */
#include "rpc/h2.h"

#include "base/hash.h"

#include <limits.h>
#include <stdlib.h>

struct h2_methods {
    const struct h2_method *methods; /* own, behind the slots; the paths' texts are the caller's */
    size_t count;
    size_t mask;
    struct {
        struct bytes path;
        unsigned method;
    } slots[]; /* open addressing; an empty path is a free slot */
};

#ifdef MAYFLY_ON_NGHTTP2
const struct h2_engine *const h2_engine_default = &h2_engine_nghttp2;
#else
const struct h2_engine *const h2_engine_default = &h2_engine_mayfly;
#endif

const struct h2_limits h2_default_limits = {
    .max_streams = 100,
    .message_bytes = 5243000,
    .header_bytes = 16384,
    .buffered_bytes = (size_t)64 << 20,
    .stream_window_bytes = 1 << 20,
    .connection_window_bytes = 16 << 20,
    .resets_burst = 20000,
    .resets_per_second = 20000,
    .pings_burst = 1000,
    .pings_per_second = 100,
};

struct h2_methods *h2_methods_create(const struct h2_method *methods, size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    size_t slots_bytes = slots * sizeof((struct h2_methods *)NULL)->slots[0];
    struct h2_methods *table = calloc(1, sizeof *table + slots_bytes + count * sizeof *methods);
    if (table == NULL)
        return NULL;
    struct h2_method *own = (struct h2_method *)(void *)((char *)table->slots + slots_bytes);
    bytes_copy(own, methods, count * sizeof *methods);
    table->methods = own;
    table->count = count;
    table->mask = slots - 1;
    for (size_t i = 0; i < count; i++) {
        struct bytes path = bytes_of(methods[i].path);
        size_t at = hash64(path, 0) & table->mask;
        while (table->slots[at].path.size > 0)
            at = (at + 1) & table->mask;
        table->slots[at].path = path;
        table->slots[at].method = (unsigned)i;
    }
    return table;
}

void h2_methods_destroy(struct h2_methods *methods)
{
    free(methods);
}

unsigned h2_methods_find(const struct h2_methods *methods, struct bytes path)
{
    for (size_t at = hash64(path, 0) & methods->mask; methods->slots[at].path.size > 0;
         at = (at + 1) & methods->mask)
        if (bytes_equal(methods->slots[at].path, path))
            return methods->slots[at].method;
    return UINT_MAX;
}

const struct h2_method *h2_methods_at(const struct h2_methods *methods, unsigned method)
{
    return &methods->methods[method];
}
