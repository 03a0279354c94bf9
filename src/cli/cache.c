/* `mayfly cache`: create, delete, list and empty caches. */
#include "cli/print.h"
#include "cli/verb.h"

const struct verb cache_verbs[] = {
    {"create", "make a cache", MAYFLY_METHOD_CREATE_CACHE, {ARGUMENT_CACHE}, .print = print_done},
    {"delete",
     "remove a cache and all that it holds",
     MAYFLY_METHOD_DELETE_CACHE,
     {ARGUMENT_CACHE},
     .print = print_done},
    {"flush",
     "remove all that a cache holds",
     MAYFLY_METHOD_FLUSH_CACHE,
     {ARGUMENT_CACHE},
     .print = print_done},
    {"list",
     "print the names of all caches",
     MAYFLY_METHOD_LIST_CACHES,
     {ARGUMENT_END},
     .print = print_names},
    {.name = NULL},
};

const struct verb ping_verbs[] = {
    {"",
     "ask whether a server answers, and how fast",
     MAYFLY_METHOD_PING,
     {ARGUMENT_END},
     .print = print_ping},
    {.name = NULL},
};
