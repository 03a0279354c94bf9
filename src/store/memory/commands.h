/* The operations on collections. */
#ifndef MAYFLY_STORE_MEMORY_COMMANDS_H
#define MAYFLY_STORE_MEMORY_COMMANDS_H

#include "store/store.h"

void commands_run(struct store *store, const struct store_command *command, store_done done, void *context);

#endif
