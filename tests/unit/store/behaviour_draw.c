/* Everything comes from one number, so that a seed tells a whole run. Most of the tuning is in how often what is
 * rare happens: often enough to meet in every run, rarely enough that collections live to be looked at. */
#include "store/behaviour_draw.h"

#include <math.h>

#define PATTERN_BYTES ((size_t)512 << 10)
#define LARGE_MOST    ((size_t)200 << 10)

uint64_t draw_below(struct draw *draw, uint64_t limit)
{
    return next_random(&draw->random) % limit;
}

bool draw_one_in(struct draw *draw, uint64_t count)
{
    return draw_below(draw, count) == 0;
}

/* Keys of all lengths. */
static struct bytes make_key(unsigned number)
{
    size_t padding = (size_t)(number % 9) * 30;
    char *key = malloc(padding + 12);
    assert_non_null(key);
    memset(key, 'k', padding);
    snprintf(key + padding, 12, "%u", number);
    return bytes_of(key);
}

/* Four kinds of bytes make names that begin alike, and some that are equal. */
static void fill_pattern(uint8_t *pattern)
{
    static const uint8_t bytes[] = {0, 'a', 'b', 0xff};
    uint64_t random = 1;
    for (size_t i = 0; i < PATTERN_BYTES; i++)
        pattern[i] = bytes[next_random(&random) >> 40 & 3];
}

struct draw *draw_open(const struct draw_profile *profile, uint64_t seed)
{
    struct draw *draw = calloc(1, sizeof *draw);
    assert_non_null(draw);
    draw->profile = profile;
    draw->random = seed;
    draw->pattern = malloc(PATTERN_BYTES);
    draw->keys = calloc(profile->keys, sizeof *draw->keys);
    assert_non_null(draw->pattern);
    assert_non_null(draw->keys);
    fill_pattern(draw->pattern);
    for (unsigned i = 0; i < profile->keys; i++)
        draw->keys[i] = make_key(i);
    return draw;
}

void draw_close(struct draw *draw)
{
    for (unsigned i = 0; i < draw->profile->keys; i++)
        free((void *)(uintptr_t)draw->keys[i].data);
    free(draw->keys);
    free(draw->pattern);
    free(draw);
}

static struct bytes piece(const struct draw *draw, uint64_t number, size_t size)
{
    return bytes_make(draw->pattern + number * 2654435761u % (PATTERN_BYTES - LARGE_MOST), size);
}

static size_t large_size(struct draw *draw)
{
    return (size_t)draw_below(draw, draw_one_in(draw, 3) ? draw->profile->large_bytes : 2000);
}

static struct bytes number_text(struct draw *draw)
{
    static const char *const texts[] = {"0",
                                        "-1",
                                        "41",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "12x",
                                        "-",
                                        "1.5",
                                        " 1"};
    return bytes_of(texts[draw_below(draw, sizeof texts / sizeof *texts)]);
}

static struct bytes draw_value(struct draw *draw)
{
    if (draw_one_in(draw, draw->profile->one_in_large))
        return piece(draw, draw_below(draw, 1000), large_size(draw));
    if (draw_one_in(draw, 4))
        return number_text(draw);
    return piece(draw, draw_below(draw, 50), (size_t)draw_below(draw, draw_one_in(draw, 4) ? 60 : 6));
}

/* The name of this number: number 0 is empty, some are long. */
static struct bytes name_of(const struct draw *draw, uint64_t number)
{
    size_t size = number % 11;
    if (number % 83 == 71)
        size = 300;
    if (number % 1009 == 250)
        size = 70000;
    return piece(draw, number, size);
}

static double draw_score(struct draw *draw)
{
    static const double scores[] = {0.0, -0.0, 1, 1, 2, -1, 0.5, 0x1p-1074, 0x1p1000, INFINITY, -INFINITY};
    if (draw_one_in(draw, 2))
        return scores[draw_below(draw, sizeof scores / sizeof *scores)];
    return (double)draw_below(draw, 40) - 10;
}

/* How many names there are to choose from. */
static uint64_t draw_names(struct draw *draw)
{
    if (draw_one_in(draw, 40))
        return 6000;
    return draw_one_in(draw, 5) ? 400 : 12;
}

static size_t draw_count(struct draw *draw)
{
    if (draw_one_in(draw, draw->profile->one_in_many))
        return (size_t)draw_below(draw, DRAW_ELEMENTS_MOST) + 1;
    return (size_t)draw_below(draw, draw_one_in(draw, 10) ? 60 : 5) + 1;
}

static void draw_elements(struct draw *draw, struct store_command *command, size_t count)
{
    uint64_t names = count > 200 ? 6000 : draw_names(draw);
    bool by_turns = draw_one_in(draw, 2);
    uint64_t first = draw_below(draw, names);
    for (size_t i = 0; i < count; i++) {
        struct store_element *element = &draw->elements[i];
        uint64_t number = by_turns ? first + i : draw_below(draw, names);
        *element = (struct store_element){.name = name_of(draw, number), .score = draw_score(draw)};
        if (command->type == STORE_LIST && draw_one_in(draw, draw->profile->one_in_large))
            element->name = draw_value(draw);
        if (command->type == STORE_DICTIONARY && command->kind == STORE_TABLE_PUT)
            element->value = draw_value(draw);
    }
    command->elements = draw->elements;
    command->count = count;
}

static int64_t draw_index(struct draw *draw)
{
    switch (draw_below(draw, 8)) {
    case 0:
        return 0;
    case 1:
        return STORE_END;
    case 2:
        return INT64_MIN;
    case 3:
        return (int64_t)draw_below(draw, 4000) - 2000;
    default:
        return (int64_t)draw_below(draw, 20) - 10;
    }
}

static struct store_bound draw_bound(struct draw *draw, double outermost)
{
    struct store_bound bound = {.score = outermost};
    if (!draw_one_in(draw, 4))
        bound = (struct store_bound){.score = draw_score(draw), .exclusive = draw_one_in(draw, 2)};
    return bound;
}

static void draw_ranges(struct draw *draw, struct store_command *command)
{
    command->ranges = draw->ranges;
    command->range_count = (size_t)draw_below(draw, DRAW_RANGES_MOST + 1);
    for (size_t i = 0; i < command->range_count; i++) {
        struct store_range *range = &draw->ranges[i];
        range->begin = (uint32_t)draw_below(draw, draw_one_in(draw, 4) ? 3000 : 12);
        range->count = (uint32_t)draw_below(draw, draw_one_in(draw, 8) ? 3000 : 5);
        if (draw_one_in(draw, 20))
            range->count = UINT32_MAX;
        if (draw_one_in(draw, 20))
            range->begin = UINT32_MAX - (uint32_t)draw_below(draw, 3);
    }
}

static uint64_t draw_limit(struct draw *draw)
{
    switch (draw_below(draw, 4)) {
    case 0:
        return STORE_NO_LIMIT;
    case 1:
        return draw_below(draw, 2000);
    default:
        return draw_below(draw, 6);
    }
}

static struct bytes draw_key(struct draw *draw, enum store_type type)
{
    unsigned keys = draw->profile->keys;
    unsigned types = draw->profile->types;
    uint64_t number = draw_below(draw, keys) / types * types + type;
    if (draw_one_in(draw, 12) || number >= keys)
        number = draw_below(draw, keys);
    return draw->keys[number];
}

static void draw_sources(struct draw *draw, struct store_command *command)
{
    static const double weights[] = {1, 1, 1, 0, -1, 0.5, 2, INFINITY, -INFINITY};
    command->sources = draw->sources;
    command->source_count = (size_t)draw_below(draw, DRAW_SOURCES_MOST + 1);
    command->aggregate = (enum store_aggregate)draw_below(draw, 3);
    for (size_t i = 0; i < command->source_count; i++) {
        draw->sources[i].key = draw_key(draw, STORE_SORTED_SET);
        draw->sources[i].weight = weights[draw_below(draw, sizeof weights / sizeof *weights)];
    }
    if (command->source_count > 0 && draw_one_in(draw, 4))
        draw->sources[0].key = command->key;
}

/* The kinds for each type of collection; what stands twice comes more often. */
static enum store_command_kind draw_kind(struct draw *draw, enum store_type type)
{
    static const enum store_command_kind tables[] = {
        STORE_TABLE_PUT,   STORE_TABLE_PUT,    STORE_TABLE_PUT,    STORE_TABLE_GET,
        STORE_TABLE_GET,   STORE_TABLE_REMOVE, STORE_TABLE_REMOVE, STORE_TABLE_FETCH,
        STORE_TABLE_FETCH, STORE_TABLE_SAMPLE, STORE_TABLE_POP,    STORE_LENGTH,
    };
    static const enum store_command_kind lists[] = {
        STORE_LIST_PUSH,  STORE_LIST_PUSH,   STORE_LIST_PUSH,  STORE_LIST_PUSH,   STORE_LIST_POP,
        STORE_LIST_POP,   STORE_LIST_FETCH,  STORE_LIST_FETCH, STORE_LIST_RETAIN, STORE_LIST_ERASE,
        STORE_LIST_ERASE, STORE_LIST_REMOVE, STORE_LENGTH,
    };
    static const enum store_command_kind sorted[] = {
        STORE_SORTED_PUT,       STORE_SORTED_PUT,       STORE_SORTED_PUT,      STORE_SORTED_PUT,
        STORE_SORTED_SCORE,     STORE_SORTED_RANK,      STORE_SORTED_RANK,     STORE_SORTED_REMOVE,
        STORE_SORTED_INCREMENT, STORE_SORTED_INCREMENT, STORE_SORTED_BY_INDEX, STORE_SORTED_BY_SCORE,
        STORE_SORTED_BY_SCORE,  STORE_SORTED_COUNT,     STORE_LENGTH,
    };
    if (draw_one_in(draw, 80))
        return STORE_CLEAR;
    if (type == STORE_SORTED_SET && draw_one_in(draw, 8))
        return STORE_SORTED_UNION;
    if (type == STORE_DICTIONARY && draw_one_in(draw, 6))
        return STORE_TABLE_INCREMENT;
    if (type == STORE_SET && draw_one_in(draw, 40))
        return STORE_TABLE_KEEP_NEW;
    if (type == STORE_DICTIONARY || type == STORE_SET)
        return tables[draw_below(draw, sizeof tables / sizeof *tables)];
    if (type == STORE_LIST)
        return lists[draw_below(draw, sizeof lists / sizeof *lists)];
    return sorted[draw_below(draw, sizeof sorted / sizeof *sorted)];
}

/* What would empty a collection or cut it short does so rarely: they are to grow as well. */
static void let_live(struct draw *draw, struct store_command *command)
{
    if (draw_one_in(draw, 8))
        return;
    if (command->kind == STORE_LIST_PUSH)
        command->limit = 0;
    if (command->kind == STORE_TABLE_POP)
        command->limit = draw_below(draw, 4);
    if (command->kind == STORE_LIST_RETAIN) {
        command->start = (int64_t)draw_below(draw, 3);
        command->end = draw_one_in(draw, 2) ? STORE_END : -1;
    }
}

static void draw_command(struct draw *draw, struct store_command *command)
{
    command->kind = draw_kind(draw, command->type);
    command->refresh_ttl = draw_one_in(draw, 2);
    command->from_end = draw_one_in(draw, 2);
    command->descending = draw_one_in(draw, 2);
    command->competition = draw_one_in(draw, 2);
    command->limit = draw_limit(draw);
    command->offset = draw_one_in(draw, 2) ? 0 : draw_below(draw, draw_one_in(draw, 4) ? 1000 : 5);
    command->start = draw_index(draw);
    command->end = draw_index(draw);
    command->min = draw_bound(draw, -INFINITY);
    command->max = draw_bound(draw, INFINITY);
    let_live(draw, command);
    switch (command->kind) {
    case STORE_TABLE_PUT:
    case STORE_TABLE_GET:
    case STORE_TABLE_REMOVE:
    case STORE_TABLE_KEEP_NEW:
    case STORE_LIST_PUSH:
    case STORE_SORTED_PUT:
    case STORE_SORTED_SCORE:
    case STORE_SORTED_RANK:
    case STORE_SORTED_REMOVE:
        draw_elements(draw, command, draw_count(draw));
        break;
    case STORE_TABLE_INCREMENT:
    case STORE_LIST_REMOVE:
    case STORE_SORTED_INCREMENT:
        draw_elements(draw, command, 1);
        break;
    case STORE_LIST_ERASE:
        draw_ranges(draw, command);
        break;
    case STORE_SORTED_UNION:
        draw_sources(draw, command);
        break;
    default:
        break;
    }
}

static void draw_condition(struct draw *draw, struct store_condition *condition)
{
    condition->kind = (enum store_condition_kind)draw_below(draw, STORE_IF_ABSENT_OR_NOT_HASH_EQUAL + 1);
    condition->operand = draw_value(draw);
    if (condition->kind >= STORE_IF_HASH_EQUAL && !draw_one_in(draw, 8)) {
        hash_digest(condition->operand, draw->digest);
        condition->operand = bytes_make(draw->digest, sizeof draw->digest);
    }
}

static enum operation_kind draw_operation_kind(struct draw *draw, bool scalar)
{
    if (!scalar && !draw_one_in(draw, 6))
        return OPERATION_COMMAND;
    switch (draw_below(draw, scalar ? 12 : 60)) {
    case 0:
        return OPERATION_DELETE;
    case 1:
    case 2:
    case 3:
        return OPERATION_SET;
    case 4:
    case 5:
        return OPERATION_INCREMENT;
    case 6:
    case 7:
    case 8:
        return OPERATION_GET;
    case 9:
        return OPERATION_ITEM_TTL;
    case 10:
        return OPERATION_ITEM_TYPE;
    default:
        return scalar || draw_one_in(draw, 2) ? OPERATION_UPDATE_TTL : OPERATION_ITEM_TTL;
    }
}

static int64_t draw_amount(struct draw *draw)
{
    switch (draw_below(draw, 12)) {
    case 0:
        return INT64_MAX;
    case 1:
        return INT64_MIN;
    default:
        return (int64_t)draw_below(draw, 20) - 10;
    }
}

struct operation draw_operation(struct draw *draw)
{
    enum store_type type = (enum store_type)draw_below(draw, draw->profile->types);
    struct operation operation = {.kind = draw_operation_kind(draw, type == STORE_SCALAR)};
    operation.command.type = type;
    operation.command.key = draw_key(draw, type);
    operation.command.ttl_ms = 1 + draw_below(draw, (uint64_t)1 << (4 + draw_below(draw, 16)));
    operation.command.ttl_ms *= draw->profile->ttl_scale;
    if (type == STORE_LEADERBOARD && draw->profile->ageless_boards)
        operation.command.ttl_ms = UINT32_MAX;
    operation.command.amount = draw_amount(draw);
    operation.mode = (enum store_ttl_mode)draw_below(draw, 3);
    if (operation.kind == OPERATION_SET) {
        operation.value = draw_value(draw);
        if (draw_one_in(draw, 3))
            draw_condition(draw, &operation.condition);
    }
    if (operation.kind == OPERATION_COMMAND)
        draw_command(draw, &operation.command);
    return operation;
}
