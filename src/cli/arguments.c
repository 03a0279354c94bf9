#include "cli/arguments.h"

#include <stdlib.h>

#define INPUT_BYTES_MAX ((size_t)16 << 20)
#define DEFAULT_AMOUNT  "1"

const char *arguments_word(enum argument argument)
{
    static const char *const words[] = {
        [ARGUMENT_CACHE] = "CACHE",
        [ARGUMENT_KEY] = "KEY",
        [ARGUMENT_DICTIONARY] = "DICTIONARY",
        [ARGUMENT_SET] = "SET",
        [ARGUMENT_LIST] = "LIST",
        [ARGUMENT_SORTED_SET] = "SORTED-SET",
        [ARGUMENT_LEADERBOARD] = "LEADERBOARD",
        [ARGUMENT_TOPIC] = "TOPIC",
        [ARGUMENT_FIELD] = "FIELD",
        [ARGUMENT_VALUE] = "VALUE",
        [ARGUMENT_SCORE] = "SCORE",
        [ARGUMENT_ID] = "ID",
        [ARGUMENT_SOURCE] = "SOURCE",
        [ARGUMENT_WEIGHT] = "WEIGHT",
        [ARGUMENT_RANGE] = "INDEX[:COUNT]",
        [ARGUMENT_TIME] = "TIME",
        [ARGUMENT_AMOUNT] = "AMOUNT",
        [ARGUMENT_SCORE_AMOUNT] = "AMOUNT",
    };
    return words[argument];
}

/* All of standard input, which there is once. */
static int read_input(struct target *target, mayfly_bytes *value)
{
    if (target->input != NULL)
        return cli_fail(CLI_USAGE, "one value can come from standard input, not several");
    target->input = malloc(INPUT_BYTES_MAX);
    if (target->input == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    *value = (mayfly_bytes){target->input, fread(target->input, 1, INPUT_BYTES_MAX, stdin)};
    if (ferror(stdin))
        return cli_fail(CLI_LOCAL, "standard input cannot be read");
    if (value->size == INPUT_BYTES_MAX)
        return cli_fail(CLI_LOCAL, "standard input is larger than an item may be");
    return CLI_OK;
}

static int read_value(struct target *target, const char *text, mayfly_bytes *value)
{
    if (strcmp(text, "-") == 0)
        return read_input(target, value);
    *value = mayfly_text(text);
    return CLI_OK;
}

static int read_id(const char *text, uint32_t *id)
{
    int64_t number;
    if (!settings_read_whole("ID", text, 0, UINT32_MAX, &number))
        return CLI_USAGE;
    *id = (uint32_t)number;
    return CLI_OK;
}

static int read_range(const char *text, mayfly_range *range)
{
    char begin[24]; /* more digits than an index has */
    int64_t index;
    int64_t count = 1;
    size_t size = strcspn(text, ":");
    if (size >= sizeof begin)
        return cli_fail(CLI_USAGE, "INDEX is a whole number of 0 to 4294967295, not \"%s\"", text);
    (void)snprintf(begin, sizeof begin, "%.*s", (int)size, text);
    if (!settings_read_whole("INDEX", begin, 0, UINT32_MAX, &index) ||
        (text[size] == ':' && !settings_read_whole("COUNT", text + size + 1, 0, UINT32_MAX, &count)))
        return CLI_USAGE;
    *range = (mayfly_range){(uint32_t)index, (uint32_t)count};
    return CLI_OK;
}

static int read_time(const char *text, uint64_t *ttl_ms)
{
    int64_t ttl_ns;
    if (!options_parse_value(OPTION_DURATION, text, &ttl_ns) || ttl_ns < 1000000)
        return cli_fail(CLI_USAGE, "TIME is a time such as 10m, 1ms or more, not \"%s\"", text);
    *ttl_ms = (uint64_t)(ttl_ns / 1000000);
    return CLI_OK;
}

/* A part of an element that may come again. */
static int read_element(struct target *target, enum argument argument, const char *text, size_t at)
{
    mayfly_item *item = &target->items[at];
    switch (argument) {
    case ARGUMENT_VALUE:
        return read_value(target, text, &item->value);
    case ARGUMENT_SCORE:
    case ARGUMENT_WEIGHT:
        return settings_read_number(arguments_word(argument), text, &item->score) ? CLI_OK : CLI_USAGE;
    case ARGUMENT_ID:
        return read_id(text, &item->id);
    case ARGUMENT_RANGE:
        return read_range(text, &target->ranges[at]);
    default:
        item->key = mayfly_text(text);
        return CLI_OK;
    }
}

static int read_single(struct target *target, enum argument argument, const char *text)
{
    mayfly_request *request = &target->request;
    switch (argument) {
    case ARGUMENT_CACHE:
        request->cache = text;
        return CLI_OK;
    case ARGUMENT_FIELD:
        request->field = mayfly_text(text);
        return CLI_OK;
    case ARGUMENT_VALUE:
        return read_value(target, text, &request->value);
    case ARGUMENT_TIME:
        return read_time(text, &request->ttl_ms);
    case ARGUMENT_AMOUNT:
        return settings_read_whole("AMOUNT", text, INT64_MIN, INT64_MAX, &request->amount) ? CLI_OK
                                                                                           : CLI_USAGE;
    case ARGUMENT_SCORE_AMOUNT:
        return settings_read_number("AMOUNT", text, &request->score) ? CLI_OK : CLI_USAGE;
    default:
        request->key = mayfly_text(text);
        return CLI_OK;
    }
}

static int fail_usage(const struct target *target)
{
    char usage[VERB_USAGE_BYTES];
    verb_usage(target->command, target->verb, usage);
    bool only = verb_is_only(target->verb);
    return cli_fail(CLI_USAGE, "usage: %s [options]; `mayfly %s%s%s --help` tells more", usage,
                    target->command->name, only ? "" : " ", target->verb->name);
}

static int read_elements(struct target *target, int at)
{
    const struct verb *verb = target->verb;
    int group = verb->repeated;
    size_t count = (size_t)((target->argument_count - at) / group);
    target->items = calloc(count, sizeof *target->items);
    target->ranges = calloc(count, sizeof *target->ranges);
    if (target->items == NULL || target->ranges == NULL)
        return cli_fail(CLI_LOCAL, "memory is out");
    int code = CLI_OK;
    for (int i = at; code == CLI_OK && i < target->argument_count; i++)
        code = read_element(target, verb->takes[at + (i - at) % group], target->arguments[i],
                            (size_t)((i - at) / group));
    target->request.items = target->items;
    target->request.item_count = count;
    target->request.ranges = target->ranges;
    target->request.range_count = count;
    return code;
}

int arguments_read(struct target *target)
{
    const struct verb *verb = target->verb;
    int given = target->argument_count;
    int takes = 0;
    while (takes < VERB_ARGUMENTS_MAX && verb->takes[takes] != ARGUMENT_END)
        takes++;
    int least = verb->optional ? takes - 1 : takes;
    if (given < least || (verb->repeated == 0 ? given > takes : (given - takes) % verb->repeated != 0))
        return fail_usage(target);

    int code = CLI_OK;
    int single = takes - verb->repeated;
    for (int i = 0; code == CLI_OK && i < single; i++)
        code = read_single(target, verb->takes[i], i < given ? target->arguments[i] : DEFAULT_AMOUNT);
    return code == CLI_OK && verb->repeated > 0 ? read_elements(target, single) : code;
}
