/* Items with one value: `mayfly get`, `set`, `delete`, `increment`, `exists`, `type`, `ttl` and `batch`. The middle
 * four work on items of every type. */
#include "cli/print.h"
#include "cli/verb.h"

#include <stdlib.h>

static int get_with_hash(struct target *target)
{
    if (target->settings.hash)
        target->request.method = MAYFLY_METHOD_GET_WITH_HASH;
    return CLI_OK;
}

/* The bytes that TEXT writes as hexadecimal digits. */
static int read_hash(struct target *target, mayfly_bytes text)
{
    target->operand = malloc(text.size + 1);
    if (target->operand == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    const char *digits = text.data;
    for (size_t i = 0; i < text.size; i++) {
        static const char hexadecimal[] = "0123456789abcdef";
        const char *digit = strchr(hexadecimal, digits[i]);
        if (digit == NULL || text.size % 2 != 0)
            return cli_fail(CLI_USAGE, "a hash is pairs of hexadecimal digits 0-9 and a-f, not \"%s\"",
                            digits);
        uint8_t half = (uint8_t)(digit - hexadecimal);
        target->operand[i / 2] = (uint8_t)(i % 2 == 0 ? half << 4 : target->operand[i / 2] | half);
    }
    target->request.operand = (mayfly_bytes){target->operand, text.size / 2};
    return CLI_OK;
}

static int set_on_condition(struct target *target)
{
    mayfly_request *request = &target->request;
    bool any = request->condition == MAYFLY_ALWAYS;
    if (!target->settings.hash) {
        request->method = any ? MAYFLY_METHOD_SET : MAYFLY_METHOD_SET_IF;
        return CLI_OK;
    }
    if (request->condition == MAYFLY_IF_ABSENT || request->condition == MAYFLY_IF_PRESENT)
        return cli_fail(CLI_USAGE, "--hash goes with a condition that compares, or with none");
    request->method = MAYFLY_METHOD_SET_IF_HASH;
    return any ? CLI_OK : read_hash(target, request->operand);
}

static int ttl_increase(struct target *target)
{
    target->request.ttl_mode = MAYFLY_TTL_INCREASE;
    return CLI_OK;
}

static int ttl_decrease(struct target *target)
{
    target->request.ttl_mode = MAYFLY_TTL_DECREASE;
    return CLI_OK;
}

static int ttl_of_each(struct target *target)
{
    for (size_t i = 0; i < target->request.item_count; i++)
        target->items[i].ttl_ms = target->request.ttl_ms;
    return CLI_OK;
}

const struct verb get_verbs[] = {
    {"",
     "print a key's value, as it is",
     MAYFLY_METHOD_GET,
     {ARGUMENT_CACHE, ARGUMENT_KEY},
     .options = TAKES_HASH,
     .adjust = get_with_hash,
     .print = print_value},
    {.name = NULL},
};

const struct verb set_verbs[] = {
    {"",
     "store a value; - reads it from standard input (for sets of values see `mayfly sets`)",
     MAYFLY_METHOD_SET,
     {ARGUMENT_CACHE, ARGUMENT_KEY, ARGUMENT_VALUE},
     .options = TAKES_TTL | TAKES_CONDITIONS,
     .adjust = set_on_condition,
     .print = print_stored},
    {.name = NULL},
};

const struct verb delete_verbs[] = {
    {"",
     "remove a key; one that is not there is fine",
     MAYFLY_METHOD_DELETE,
     {ARGUMENT_CACHE, ARGUMENT_KEY},
     .print = print_done},
    {.name = NULL},
};

const struct verb increment_verbs[] = {
    {"",
     "add to an integer, 1 unless told otherwise, and print it",
     MAYFLY_METHOD_INCREMENT,
     {ARGUMENT_CACHE, ARGUMENT_KEY, ARGUMENT_AMOUNT},
     .optional = true,
     .options = TAKES_TTL,
     .print = print_number},
    {.name = NULL},
};

const struct verb exists_verbs[] = {
    {"",
     "print whether keys are there; the exit code is 0 when all are",
     MAYFLY_METHOD_KEYS_EXIST,
     {ARGUMENT_CACHE, ARGUMENT_KEY},
     .repeated = 1,
     .print = print_whether_found},
    {.name = NULL},
};

const struct verb type_verbs[] = {
    {"",
     "print what kind of item a key holds",
     MAYFLY_METHOD_ITEM_GET_TYPE,
     {ARGUMENT_CACHE, ARGUMENT_KEY},
     .print = print_type},
    {.name = NULL},
};

const struct verb ttl_verbs[] = {
    {"get",
     "print the seconds that an item has left",
     MAYFLY_METHOD_ITEM_GET_TTL,
     {ARGUMENT_CACHE, ARGUMENT_KEY},
     .print = print_ttl},
    {"set",
     "let it live so long from now",
     MAYFLY_METHOD_UPDATE_TTL,
     {ARGUMENT_CACHE, ARGUMENT_KEY, ARGUMENT_TIME},
     .print = print_stored},
    {"increase",
     "likewise, but only to a longer time",
     MAYFLY_METHOD_UPDATE_TTL,
     {ARGUMENT_CACHE, ARGUMENT_KEY, ARGUMENT_TIME},
     .adjust = ttl_increase,
     .print = print_stored},
    {"decrease",
     "likewise, but only to a shorter time",
     MAYFLY_METHOD_UPDATE_TTL,
     {ARGUMENT_CACHE, ARGUMENT_KEY, ARGUMENT_TIME},
     .adjust = ttl_decrease,
     .print = print_stored},
    {.name = NULL},
};

const struct verb batch_verbs[] = {
    {"get",
     "print the keys that are there, with their values",
     MAYFLY_METHOD_GET_BATCH,
     {ARGUMENT_CACHE, ARGUMENT_KEY},
     .repeated = 1,
     .print = print_found_values},
    {"set",
     "store values, one by one",
     MAYFLY_METHOD_SET_BATCH,
     {ARGUMENT_CACHE, ARGUMENT_KEY, ARGUMENT_VALUE},
     .repeated = 2,
     .options = TAKES_TTL,
     .adjust = ttl_of_each,
     .print = print_done},
    {.name = NULL},
};
