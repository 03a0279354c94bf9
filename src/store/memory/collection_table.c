/* Dictionaries and sets: a tree in the order of names' hashes, where a uniform draw is a draw of ranks. */
#include <stdlib.h>

#include "store/memory/batch.h"
#include "store/memory/collection_kinds.h"
#include "store/memory/number.h"

#define INSERTED     UINT64_MAX /* batch_item.before: there was none; otherwise, the size it had */
#define DRAWS_NEAR   64
#define DRAWS_SPARSE 4 /* draw and look whether it was drawn, up to this fraction; then go through all */
#define NO_RANK      UINT32_MAX

static size_t record_size(const struct table *table, const struct store_element *element)
{
    if (!table->tree.sized_names)
        return element->name.size;
    return tree_size_of_size(element->name.size) + element->name.size + element->value.size;
}

static void write_record(const struct table *table, uint8_t *to, const struct store_element *element)
{
    if (table->tree.sized_names)
        to = tree_write_size(to, element->name.size);
    bytes_copy(to, element->name.data, element->name.size);
    if (table->tree.sized_names)
        bytes_copy(to + element->name.size, element->value.data, element->value.size);
}

static void read_record(const struct table *table, const struct tree_place *place,
                        struct store_element *element)
{
    struct bytes record = tree_record(place);
    *element = (struct store_element){
        .name = tree_name(&table->tree, record),
        .value = tree_payload(&table->tree, record),
        .found = true,
    };
}

static bool find(const struct table *table, struct bytes name, struct tree_place *place)
{
    return tree_find(&table->tree, hash64(name, table->seed), name, place);
}

/* The steps of putting an element: what is there is only made large enough before all is sure. */
static bool prepare(void *owner, const struct store_element *element, struct batch_item *item)
{
    struct table *table = owner;
    struct tree_place place;
    size_t size = record_size(table, element);
    if (tree_find(&table->tree, item->hash, element->name, &place)) {
        item->before = tree_record(&place).size - TREE_KEY_SIZE;
        return size <= item->before || tree_resize(&table->tree, &place, size) != NULL;
    }
    item->before = INSERTED;
    uint8_t *record = tree_insert(&table->tree, &place, item->hash, size);
    if (record != NULL)
        write_record(table, record, element);
    return record != NULL;
}

static void commit(void *owner, const struct store_element *element, const struct batch_item *item)
{
    struct table *table = owner;
    struct tree_place place;
    if (item->before == INSERTED || !table->tree.sized_names)
        return;
    tree_find(&table->tree, item->hash, element->name, &place);
    write_record(table, tree_resize(&table->tree, &place, record_size(table, element)), element);
}

static void undo(void *owner, const struct store_element *element, const struct batch_item *item)
{
    struct table *table = owner;
    struct tree_place place;
    tree_find(&table->tree, item->hash, element->name, &place);
    if (item->before == INSERTED)
        tree_remove(&table->tree, &place);
    else
        tree_resize(&table->tree, &place, item->before);
}

static enum store_status put(struct table *table, const struct store_element *elements, size_t count)
{
    static const struct batch_steps steps = {.prepare = prepare, .commit = commit, .undo = undo};
    return batch_put(&steps, table, table->seed, elements, count);
}

static enum store_status get(const struct table *table, const struct store_command *command,
                             struct collection_answer *answer, struct store_reply *reply)
{
    struct store_element *elements = collection_elements(answer, reply, command->count);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < command->count; i++) {
        struct tree_place place;
        if (find(table, command->elements[i].name, &place))
            read_record(table, &place, &elements[i]);
        else
            elements[i] = (struct store_element){.name = command->elements[i].name};
    }
    return STORE_OK;
}

static void remove_all(struct table *table, const struct store_element *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tree_place place;
        if (find(table, elements[i].name, &place))
            tree_remove(&table->tree, &place);
    }
}

static enum store_status fetch(const struct table *table, struct collection_answer *answer,
                               struct store_reply *reply)
{
    uint64_t count = table->tree.count;
    struct store_element *elements = collection_elements(answer, reply, count);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    if (count == 0)
        return STORE_OK;
    struct tree_place place;
    tree_select(&table->tree, 0, &place);
    do
        read_record(table, &place, elements++);
    while (tree_next(&place));
    return STORE_OK;
}

/* A number below LIMIT, all of them alike likely. The steps are those of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random_below(struct table *table, uint64_t limit)
{
    uint64_t bits = table->random += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    bits ^= bits >> 31;
    return (bits >> 32) * limit >> 32;
}

/* Goes through all and takes each with the likelihood that gives WANTED of them. */
static void draw_many(struct table *table, uint64_t wanted, struct store_element *elements)
{
    struct tree_place place;
    tree_select(&table->tree, 0, &place);
    for (uint64_t left = table->tree.count; wanted > 0; left--, tree_next(&place)) {
        if (random_below(table, left) >= wanted)
            continue;
        read_record(table, &place, elements++);
        wanted--;
    }
}

/* Notes RANK as drawn; false when it was already. */
static bool note_rank(uint32_t *drawn, size_t slots, uint32_t rank)
{
    size_t slot = rank * (size_t)0x9e3779b1u & (slots - 1);
    for (; drawn[slot] != NO_RANK; slot = (slot + 1) & (slots - 1)) {
        if (drawn[slot] == rank)
            return false;
    }
    drawn[slot] = rank;
    return true;
}

static bool draw_few(struct table *table, uint64_t wanted, struct store_element *elements)
{
    uint32_t near[DRAWS_NEAR];
    size_t slots = DRAWS_NEAR;
    while (slots < 2 * wanted)
        slots *= 2;
    uint32_t *drawn = slots > DRAWS_NEAR ? malloc(slots * sizeof *drawn) : near;
    if (drawn == NULL)
        return false;
    memset(drawn, 0xff, slots * sizeof *drawn);
    for (uint64_t i = 0; i < wanted; i++) {
        uint32_t rank;
        do
            rank = (uint32_t)random_below(table, table->tree.count);
        while (!note_rank(drawn, slots, rank));
        struct tree_place place;
        tree_select(&table->tree, rank, &place);
        read_record(table, &place, &elements[i]);
    }
    if (drawn != near)
        free(drawn);
    return true;
}

static enum store_status sample(struct table *table, uint64_t limit, struct collection_answer *answer,
                                struct store_reply *reply)
{
    uint64_t count = table->tree.count;
    uint64_t wanted = limit < count ? limit : count;
    struct store_element *elements = collection_elements(answer, reply, wanted);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    if (wanted > 0 && wanted >= count / DRAWS_SPARSE)
        draw_many(table, wanted, elements);
    else if (!draw_few(table, wanted, elements))
        return STORE_NO_MEMORY;
    return STORE_OK;
}

static uint8_t *take_out(uint8_t *to, struct bytes *bytes)
{
    bytes_copy(to, bytes->data, bytes->size);
    bytes->data = to;
    return to + bytes->size;
}

static enum store_status pop(struct table *table, uint64_t limit, struct collection_answer *answer,
                             struct store_reply *reply)
{
    enum store_status status = sample(table, limit, answer, reply);
    if (status != STORE_OK)
        return status;
    struct store_element *elements = answer->far != NULL ? answer->far : answer->near;
    size_t size = 1;
    for (size_t i = 0; i < reply->count; i++)
        size += elements[i].name.size + elements[i].value.size;
    uint8_t *to = answer->taken = malloc(size);
    if (to == NULL)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < reply->count; i++) {
        to = take_out(to, &elements[i].name);
        to = take_out(to, &elements[i].value);
    }
    remove_all(table, elements, reply->count);
    return STORE_OK;
}

/* Builds what is to stay beside what is there. */
static enum store_status keep_new(struct table *table, const struct store_element *elements, size_t count)
{
    struct table fresh = *table;
    fresh.tree = (struct tree){.sized_names = table->tree.sized_names, .bytes = table->tree.bytes};
    for (size_t i = 0; i < count; i++) {
        struct tree_place place;
        uint64_t hash = hash64(elements[i].name, table->seed);
        if (tree_find(&table->tree, hash, elements[i].name, &place) ||
            tree_find(&fresh.tree, hash, elements[i].name, &place))
            continue;
        uint8_t *record = tree_insert(&fresh.tree, &place, hash, record_size(&fresh, &elements[i]));
        if (record == NULL) {
            tree_free(&fresh.tree);
            return STORE_NO_MEMORY;
        }
        write_record(&fresh, record, &elements[i]);
    }
    tree_free(&table->tree);
    table->tree = fresh.tree;
    return STORE_OK;
}

static enum store_status increment(struct table *table, const struct store_command *command,
                                   struct store_reply *reply)
{
    struct store_element element = {.name = command->elements[0].name};
    struct tree_place place;
    int64_t before = 0;
    if (find(table, element.name, &place) &&
        !number_parse(tree_payload(&table->tree, tree_record(&place)), &before))
        return STORE_NOT_INTEGER;
    if (__builtin_add_overflow(before, command->amount, &reply->number))
        return STORE_OVERFLOW;
    uint8_t text[NUMBER_TEXT_MOST];
    element.value = number_format(reply->number, text);
    return put(table, &element, 1);
}

enum store_status table_apply(struct table *table, const struct store_command *command,
                              struct collection_answer *answer, struct store_reply *reply)
{
    switch (command->kind) {
    case STORE_TABLE_PUT:
        return put(table, command->elements, command->count);
    case STORE_TABLE_GET:
        return get(table, command, answer, reply);
    case STORE_TABLE_REMOVE:
        remove_all(table, command->elements, command->count);
        return STORE_OK;
    case STORE_TABLE_FETCH:
        return fetch(table, answer, reply);
    case STORE_TABLE_SAMPLE:
        return sample(table, command->limit, answer, reply);
    case STORE_TABLE_POP:
        return pop(table, command->limit, answer, reply);
    case STORE_TABLE_KEEP_NEW:
        return keep_new(table, command->elements, command->count);
    case STORE_TABLE_INCREMENT:
        return increment(table, command, reply);
    default:
        return STORE_WRONG_TYPE;
    }
}
