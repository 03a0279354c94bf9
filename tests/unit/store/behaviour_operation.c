/* What of a reply is to be compared depends on the kind alone: a table says it, in place of a case for each. */
#include "store/behaviour_operation.h"

#define PRINTED_ELEMENTS 12
#define PRINTED_BYTES    24

/* What an OK carries beside the status. */
enum part {
    NUMBER = 1,
    SCORE = 2,     /* of the reply */
    ELEMENTS = 4,  /* names, in this order */
    ANY_ORDER = 8, /* names, in no order */
    SAMPLE = 16,   /* some of them */
    VALUES = 32,   /* and their values */
    SCORES = 64,
    RANKS = 128,
    POSITIONAL = 256, /* found or not; and names, values and the like where found */
};

struct traits {
    const char *name;
    unsigned parts;
    bool writes;
};

static const struct traits traits_of_commands[STORE_COMMAND_KINDS] = {
    [STORE_LENGTH] = {"LENGTH", NUMBER, false},
    [STORE_CLEAR] = {"CLEAR", 0, true},
    [STORE_TABLE_PUT] = {"TABLE_PUT", 0, true},
    [STORE_TABLE_GET] = {"TABLE_GET", POSITIONAL | VALUES, false},
    [STORE_TABLE_REMOVE] = {"TABLE_REMOVE", 0, true},
    [STORE_TABLE_FETCH] = {"TABLE_FETCH", ANY_ORDER | VALUES, false},
    [STORE_TABLE_SAMPLE] = {"TABLE_SAMPLE", SAMPLE | VALUES, false},
    [STORE_TABLE_POP] = {"TABLE_POP", SAMPLE | VALUES, true},
    [STORE_TABLE_KEEP_NEW] = {"TABLE_KEEP_NEW", 0, true},
    [STORE_TABLE_INCREMENT] = {"TABLE_INCREMENT", NUMBER, true},
    [STORE_LIST_PUSH] = {"LIST_PUSH", NUMBER, true},
    [STORE_LIST_POP] = {"LIST_POP", ELEMENTS | NUMBER, true},
    [STORE_LIST_FETCH] = {"LIST_FETCH", ELEMENTS, false},
    [STORE_LIST_RETAIN] = {"LIST_RETAIN", NUMBER, true},
    [STORE_LIST_ERASE] = {"LIST_ERASE", NUMBER, true},
    [STORE_LIST_REMOVE] = {"LIST_REMOVE", NUMBER, true},
    [STORE_SORTED_PUT] = {"SORTED_PUT", 0, true},
    [STORE_SORTED_SCORE] = {"SORTED_SCORE", POSITIONAL | SCORES, false},
    [STORE_SORTED_RANK] = {"SORTED_RANK", POSITIONAL | SCORES | RANKS, false},
    [STORE_SORTED_REMOVE] = {"SORTED_REMOVE", 0, true},
    [STORE_SORTED_INCREMENT] = {"SORTED_INCREMENT", SCORE, true},
    [STORE_SORTED_BY_INDEX] = {"SORTED_BY_INDEX", ELEMENTS | SCORES | RANKS, false},
    [STORE_SORTED_BY_SCORE] = {"SORTED_BY_SCORE", ELEMENTS | SCORES | RANKS, false},
    [STORE_SORTED_COUNT] = {"SORTED_COUNT", NUMBER, false},
    [STORE_SORTED_UNION] = {"SORTED_UNION", NUMBER, true},
};

static const struct traits traits_of_operations[] = {
    [OPERATION_GET] = {"get", 0, false},
    [OPERATION_SET] = {"set", 0, true},
    [OPERATION_DELETE] = {"delete", 0, true},
    [OPERATION_INCREMENT] = {"increment", NUMBER, true},
    [OPERATION_ITEM_TTL] = {"item_ttl", 0, false},
    [OPERATION_ITEM_TYPE] = {"item_type", 0, false},
    [OPERATION_UPDATE_TTL] = {"update_ttl", 0, true},
};

static const struct traits *traits_of(const struct operation *operation)
{
    if (operation->kind == OPERATION_COMMAND)
        return &traits_of_commands[operation->command.kind];
    return &traits_of_operations[operation->kind];
}

bool operation_writes(const struct operation *operation)
{
    return traits_of(operation)->writes;
}

bool operation_is_on_board(const struct operation *operation)
{
    return operation->kind == OPERATION_COMMAND && operation->command.type == STORE_LEADERBOARD;
}

void operation_perform(const struct operation *operation, struct store *store, struct store_cache *cache,
                       int64_t now_ms, struct answer *answer)
{
    struct store_command command = operation->command;
    answer->calls = 0;
    switch (operation->kind) {
    case OPERATION_GET:
        store_get(store, cache, command.key, now_ms, note_answer, answer);
        break;
    case OPERATION_SET:
        store_set(store, cache, command.key, operation->value, command.ttl_ms, &operation->condition, now_ms,
                  note_answer, answer);
        break;
    case OPERATION_DELETE:
        store_delete(store, cache, command.key, now_ms, note_answer, answer);
        break;
    case OPERATION_INCREMENT:
        store_increment(store, cache, command.key, command.amount, command.ttl_ms, now_ms, note_answer,
                        answer);
        break;
    case OPERATION_ITEM_TTL:
        store_item_ttl(store, cache, command.key, now_ms, note_answer, answer);
        break;
    case OPERATION_ITEM_TYPE:
        store_item_type(store, cache, command.key, now_ms, note_answer, answer);
        break;
    case OPERATION_UPDATE_TTL:
        store_update_ttl(store, cache, command.key, operation->mode, command.ttl_ms, now_ms, note_answer,
                         answer);
        break;
    case OPERATION_COMMAND:
        command.cache = cache;
        command.now_ms = now_ms;
        store_command(store, &command, note_answer, answer);
        break;
    }
    assert_int_equal(answer->calls, 1);
}

static int by_name(const void *a, const void *b)
{
    struct bytes left = ((const struct store_element *)a)->name;
    struct bytes right = ((const struct store_element *)b)->name;
    if (left.size != right.size)
        return left.size < right.size ? -1 : 1;
    return left.size == 0 ? 0 : memcmp(left.data, right.data, left.size);
}

static void put_in_order(struct answer *answer)
{
    if (answer->count > 1)
        qsort(answer->elements, answer->count, sizeof *answer->elements, by_name);
}

static bool same_element(const struct store_element *a, const struct store_element *b, unsigned parts)
{
    if ((parts & POSITIONAL) != 0 && (!a->found || !b->found))
        return a->found == b->found;
    if ((parts & POSITIONAL) == 0 && !bytes_equal(a->name, b->name))
        return false;
    return ((parts & VALUES) == 0 || bytes_equal(a->value, b->value)) &&
           ((parts & SCORES) == 0 || a->score == b->score) && ((parts & RANKS) == 0 || a->rank == b->rank);
}

static bool same_elements(const struct answer *expected, const struct answer *got, unsigned parts)
{
    if (expected->count != got->count)
        return false;
    for (size_t i = 0; i < got->count; i++) {
        if (!same_element(&expected->elements[i], &got->elements[i], parts))
            return false;
    }
    return true;
}

/* Both by name. */
static bool is_sample(const struct answer *whole, const struct answer *got, uint64_t limit, unsigned parts)
{
    size_t at = 0;
    if (got->count != (limit < whole->count ? limit : whole->count))
        return false;
    for (size_t i = 0; i < got->count; i++, at++) {
        while (at < whole->count && by_name(&whole->elements[at], &got->elements[i]) < 0)
            at++;
        if (at == whole->count || !same_element(&whole->elements[at], &got->elements[i], parts))
            return false;
    }
    return true;
}

bool operation_agrees(const struct operation *operation, struct answer *expected, struct answer *got)
{
    unsigned parts = traits_of(operation)->parts;
    if (expected->status != got->status)
        return false;
    if (got->status != STORE_OK)
        return true;
    if ((operation->kind == OPERATION_ITEM_TYPE && expected->type != got->type) ||
        (operation->kind == OPERATION_ITEM_TTL && expected->ttl_ms != got->ttl_ms) ||
        (operation->kind == OPERATION_GET &&
         !bytes_equal(bytes_make(expected->value, expected->size), bytes_make(got->value, got->size))) ||
        ((parts & NUMBER) != 0 && expected->number != got->number) ||
        ((parts & SCORE) != 0 && expected->score != got->score))
        return false;
    if ((parts & (ANY_ORDER | SAMPLE)) != 0) {
        put_in_order(expected);
        put_in_order(got);
    }
    if ((parts & SAMPLE) != 0)
        return is_sample(expected, got, operation->command.limit, parts);
    return (parts & (ANY_ORDER | ELEMENTS | POSITIONAL)) == 0 || same_elements(expected, got, parts);
}

/* Words for a person. */

static void print_bytes(struct bytes bytes)
{
    print_message("\"");
    for (size_t i = 0; i < bytes.size && i < PRINTED_BYTES; i++) {
        uint8_t byte = bytes.data[i];
        print_message(byte >= ' ' && byte < 127 ? "%c" : "\\x%02x", byte);
    }
    print_message("\"");
    if (bytes.size > PRINTED_BYTES)
        print_message("..(%zu)", bytes.size);
}

static void print_elements(const struct store_element *elements, size_t count, bool positional)
{
    print_message(" %zu elements [", count);
    for (size_t i = 0; i < count && i < PRINTED_ELEMENTS; i++) {
        print_message("%s", i > 0 ? ", " : "");
        print_bytes(elements[i].name);
        if (elements[i].value.size > 0) {
            print_message("=");
            print_bytes(elements[i].value);
        }
        print_message(":%g", elements[i].score);
        if (positional)
            print_message(" rank %llu%s", (unsigned long long)elements[i].rank,
                          elements[i].found ? " found" : "");
    }
    print_message("%s]", count > PRINTED_ELEMENTS ? ", .." : "");
}

static void print_bound(const char *name, struct store_bound bound)
{
    print_message(" %s %s%g", name, bound.exclusive ? "beyond " : "", bound.score);
}

static void print_command(const struct store_command *command)
{
    print_message(" type %d elements_limit %lld offset %lld start %lld end %lld%s%s%s%s", (int)command->type,
                  (long long)command->limit, (long long)command->offset, (long long)command->start,
                  (long long)command->end, command->from_end ? " from_end" : "",
                  command->descending ? " descending" : "", command->competition ? " competition" : "",
                  command->refresh_ttl ? " refresh_ttl" : "");
    print_bound("min", command->min);
    print_bound("max", command->max);
    for (size_t i = 0; i < command->range_count; i++)
        print_message(" range %u+%u", command->ranges[i].begin, command->ranges[i].count);
    for (size_t i = 0; i < command->source_count; i++) {
        print_message(" source ");
        print_bytes(command->sources[i].key);
        print_message("*%g", command->sources[i].weight);
    }
    if (command->source_count > 0)
        print_message(" aggregate %d", (int)command->aggregate);
    print_elements(command->elements, command->count, false);
}

void operation_print(const struct operation *operation)
{
    const struct store_command *command = &operation->command;
    print_message("%s ", traits_of(operation)->name);
    print_bytes(command->key);
    print_message(" ttl_ms %llu amount %lld", (unsigned long long)command->ttl_ms,
                  (long long)command->amount);
    if (operation->kind == OPERATION_SET) {
        print_message(" condition %d operand ", (int)operation->condition.kind);
        print_bytes(operation->condition.operand);
        print_message(" value ");
        print_bytes(operation->value);
    }
    if (operation->kind == OPERATION_UPDATE_TTL)
        print_message(" mode %d", (int)operation->mode);
    if (operation->kind == OPERATION_COMMAND)
        print_command(command);
    print_message("\n");
}

void answer_print(const struct answer *answer)
{
    static const char *const statuses[] = {
        [STORE_OK] = "OK",
        [STORE_MISSING] = "MISSING",
        [STORE_REFUSED] = "REFUSED",
        [STORE_WRONG_TYPE] = "WRONG_TYPE",
        [STORE_NOT_INTEGER] = "NOT_INTEGER",
        [STORE_OVERFLOW] = "OVERFLOW",
        [STORE_NOT_NUMBER] = "NOT_NUMBER",
        [STORE_NO_CACHE] = "NO_CACHE",
        [STORE_EXISTS] = "EXISTS",
        [STORE_NO_MEMORY] = "NO_MEMORY",
        [STORE_TOO_LARGE] = "TOO_LARGE",
    };
    print_message("%s number %lld score %g ttl_ms %llu type %d value ", statuses[answer->status],
                  (long long)answer->number, answer->score, (unsigned long long)answer->ttl_ms,
                  (int)answer->type);
    print_bytes(bytes_make(answer->value, answer->size));
    print_elements(answer->elements, answer->count, true);
    print_message("\n");
}
