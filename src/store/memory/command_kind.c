/* One row a kind, so that a new kind of command is described in one place. */
#include "store/memory/command_kind.h"

static const struct command_kind kinds[STORE_COMMAND_KINDS] = {
    [STORE_LENGTH] = {0},
    [STORE_CLEAR] = {.writes = true},

    [STORE_TABLE_PUT] = {.writes = true, .grows = true, .creates = true, .takes_ttl = true},
    [STORE_TABLE_GET] = {0},
    [STORE_TABLE_REMOVE] = {.writes = true},
    [STORE_TABLE_FETCH] = {0},
    [STORE_TABLE_SAMPLE] = {0},
    [STORE_TABLE_POP] = {.writes = true},
    [STORE_TABLE_KEEP_NEW] = {.writes = true, .grows = true},
    [STORE_TABLE_INCREMENT] = {.writes = true, .grows = true, .creates = true, .takes_ttl = true},

    [STORE_LIST_PUSH] = {.writes = true, .grows = true, .creates = true, .takes_ttl = true, .of_lists = true},
    [STORE_LIST_POP] = {.writes = true, .of_lists = true},
    [STORE_LIST_FETCH] = {.of_lists = true},
    [STORE_LIST_RETAIN] = {.writes = true, .takes_ttl = true, .of_lists = true},
    [STORE_LIST_ERASE] = {.writes = true, .of_lists = true},
    [STORE_LIST_REMOVE] = {.writes = true, .of_lists = true},

    [STORE_SORTED_PUT] = {.writes = true, .grows = true, .creates = true, .takes_ttl = true},
    [STORE_SORTED_SCORE] = {0},
    [STORE_SORTED_RANK] = {0},
    [STORE_SORTED_REMOVE] = {.writes = true},
    [STORE_SORTED_INCREMENT] = {.writes = true, .grows = true, .creates = true, .takes_ttl = true},
    [STORE_SORTED_BY_INDEX] = {0},
    [STORE_SORTED_BY_SCORE] = {0},
    [STORE_SORTED_COUNT] = {0},
    [STORE_SORTED_UNION] = {.writes = true, .creates = true, .takes_ttl = true},
};

const struct command_kind *command_kind_of(const struct store_command *command)
{
    return &kinds[command->kind];
}
