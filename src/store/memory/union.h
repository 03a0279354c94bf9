/* STORE_SORTED_UNION, the one command on many keys. */
#ifndef MAYFLY_STORE_MEMORY_UNION_H
#define MAYFLY_STORE_MEMORY_UNION_H

#include "store/store.h"

void union_run(struct store *store, const struct store_command *command, store_done done, void *context);

#endif
