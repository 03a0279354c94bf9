/* Names and values that come one by one, copied and kept in their order. */
#ifndef MAYFLY_RPC_FIELD_LIST_H
#define MAYFLY_RPC_FIELD_LIST_H

#include "base/buffer.h"
#include "rpc/metadata.h"

struct field_list {
    struct buffer pairs; /* struct metadata_pair, whose bytes lie in `text` one after the other */
    struct buffer text;
};

/* False when memory is out. */
bool field_list_add(struct field_list *list, struct bytes name, struct bytes value);

static inline size_t field_list_count(const struct field_list *list)
{
    return list->pairs.size / sizeof(struct metadata_pair);
}

/* All of them, until the next is added; NULL where there are none. */
const struct metadata_pair *field_list_pairs(struct field_list *list);

/* Forgets all and holds on to no more than KEEP bytes of each buffer. */
void field_list_reset(struct field_list *list, size_t keep);
void field_list_free(struct field_list *list);

/* Frees it and leaves nothing of it in memory. */
void field_list_wipe(struct field_list *list);

#endif
