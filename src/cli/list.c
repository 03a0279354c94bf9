/* `mayfly list`: values in the order in which they were put. */
#include "cli/print.h"
#include "cli/verb.h"

/* One value is pushed; several go as one concatenation, so that all of them are there at once or none. */
static int push(struct target *target, mayfly_method concatenate)
{
    mayfly_request *request = &target->request;
    if (request->item_count > 1)
        request->method = concatenate;
    else
        request->value = target->items[0].value;
    return CLI_OK;
}

/* The last value pushed becomes the first. */
static int push_front(struct target *target)
{
    size_t count = target->request.item_count;
    for (size_t i = 0; i < count / 2; i++) {
        mayfly_item item = target->items[i];
        target->items[i] = target->items[count - 1 - i];
        target->items[count - 1 - i] = item;
    }
    return push(target, MAYFLY_METHOD_LIST_CONCATENATE_FRONT);
}

static int push_back(struct target *target)
{
    return push(target, MAYFLY_METHOD_LIST_CONCATENATE_BACK);
}

const struct verb list_verbs[] = {
    {"push-front",
     "put values before the first, one after the other, so that the last comes first; print the length",
     MAYFLY_METHOD_LIST_PUSH_FRONT,
     {ARGUMENT_CACHE, ARGUMENT_LIST, ARGUMENT_VALUE},
     .repeated = 1,
     .options = TAKES_COLLECTION_TTL | TAKES_TRUNCATE,
     .adjust = push_front,
     .print = print_number},
    {"push-back",
     "put values behind the last, one after the other, and print the length",
     MAYFLY_METHOD_LIST_PUSH_BACK,
     {ARGUMENT_CACHE, ARGUMENT_LIST, ARGUMENT_VALUE},
     .repeated = 1,
     .options = TAKES_COLLECTION_TTL | TAKES_TRUNCATE,
     .adjust = push_back,
     .print = print_number},
    {"concatenate-front",
     "put values, in this order, before the first and print the length",
     MAYFLY_METHOD_LIST_CONCATENATE_FRONT,
     {ARGUMENT_CACHE, ARGUMENT_LIST, ARGUMENT_VALUE},
     .repeated = 1,
     .options = TAKES_COLLECTION_TTL | TAKES_TRUNCATE,
     .print = print_number},
    {"concatenate-back",
     "put values, in this order, behind the last and print the length",
     MAYFLY_METHOD_LIST_CONCATENATE_BACK,
     {ARGUMENT_CACHE, ARGUMENT_LIST, ARGUMENT_VALUE},
     .repeated = 1,
     .options = TAKES_COLLECTION_TTL | TAKES_TRUNCATE,
     .print = print_number},
    {"pop-front",
     "remove the first value and print it",
     MAYFLY_METHOD_LIST_POP_FRONT,
     {ARGUMENT_CACHE, ARGUMENT_LIST},
     .print = print_value},
    {"pop-back",
     "remove the last value and print it",
     MAYFLY_METHOD_LIST_POP_BACK,
     {ARGUMENT_CACHE, ARGUMENT_LIST},
     .print = print_value},
    {"fetch",
     "print the values, or a slice of them",
     MAYFLY_METHOD_LIST_FETCH,
     {ARGUMENT_CACHE, ARGUMENT_LIST},
     .options = TAKES_SLICE,
     .print = print_values},
    {"retain",
     "keep a slice, remove all else, and print the length",
     MAYFLY_METHOD_LIST_RETAIN,
     {ARGUMENT_CACHE, ARGUMENT_LIST},
     .options = TAKES_SLICE | TAKES_COLLECTION_TTL,
     .print = print_number},
    {"remove",
     "remove every value that is this one and print the length",
     MAYFLY_METHOD_LIST_REMOVE,
     {ARGUMENT_CACHE, ARGUMENT_LIST, ARGUMENT_VALUE},
     .print = print_number},
    {"erase",
     "remove values by their indices, COUNT from each on, and print the length",
     MAYFLY_METHOD_LIST_ERASE,
     {ARGUMENT_CACHE, ARGUMENT_LIST, ARGUMENT_RANGE},
     .repeated = 1,
     .print = print_number},
    {"length",
     "print how many values there are",
     MAYFLY_METHOD_LIST_LENGTH,
     {ARGUMENT_CACHE, ARGUMENT_LIST},
     .print = print_number},
    {"delete",
     "remove the list",
     MAYFLY_METHOD_LIST_ERASE,
     {ARGUMENT_CACHE, ARGUMENT_LIST},
     .all = true,
     .print = print_done},
    {.name = NULL},
};
