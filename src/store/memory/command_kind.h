/* What the engine must know of a command before it is done, by its kind. */
#ifndef MAYFLY_STORE_MEMORY_COMMAND_KIND_H
#define MAYFLY_STORE_MEMORY_COMMAND_KIND_H

#include "store/store.h"

struct command_kind {
    bool writes;    /* it could change a collection */
    bool grows;     /* it could make one longer, by as many elements as it has */
    bool creates;   /* it makes one where there is none */
    bool takes_ttl; /* that of the command, when refresh_ttl says so */
    bool of_lists;  /* whatever type it names */
};

const struct command_kind *command_kind_of(const struct store_command *command);

static inline enum store_type command_type(const struct store_command *command)
{
    return command_kind_of(command)->of_lists ? STORE_LIST : command->type;
}

#endif
