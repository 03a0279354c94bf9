/* Dictionaries and sets: a tree in the order of names' hashes, where a uniform draw is a draw of ranks. */
#include <stdlib.h>

#include "store/memory/batch.h"
#include "store/memory/collection_kinds.h"
#include "store/memory/counted.h"
#include "store/memory/number.h"

#define INSERTED     UINT64_MAX /* batch_item.before: there was none; otherwise, the size it had */
#define DRAWS_NEAR   64
#define DRAWS_SPARSE 20 /* draw and look whether it was drawn, up to this fraction; then go through all */
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
        item->before = tree_record(&place).size;
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
    if (!collection_book(answer, command->count))
        return STORE_TOO_LARGE;
    struct store_element *elements = collection_elements(answer, reply, command->count);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < command->count; i++) {
        struct tree_place place;
        if (find(table, command->elements[i].name, &place))
            read_record(table, &place, &elements[i]);
        else
            elements[i] = (struct store_element){.name = command->elements[i].name};
        if (!collection_book_element(answer, &elements[i]))
            return STORE_TOO_LARGE;
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

/* Whether all elements have room in the reply. What takes less memory than that needs no look at each. */
static bool book_all(const struct table *table, struct collection_answer *answer)
{
    if (!collection_book(answer, table->tree.count))
        return false;
    if (table->tree.count == 0 || table->collection.bytes <= answer->room_bytes)
        return true;
    struct store_element element;
    struct tree_place place;
    tree_select(&table->tree, 0, &place);
    do {
        read_record(table, &place, &element);
        if (!collection_book_element(answer, &element))
            return false;
    } while (tree_next(&place));
    return true;
}

static enum store_status fetch(const struct table *table, struct collection_answer *answer,
                               struct store_reply *reply)
{
    uint64_t count = table->tree.count;
    if (!book_all(table, answer))
        return STORE_TOO_LARGE;
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
static enum store_status draw_many(struct table *table, uint64_t wanted, struct collection_answer *answer,
                                   struct store_element *elements)
{
    struct tree_place place;
    tree_select(&table->tree, 0, &place);
    for (uint64_t left = table->tree.count; wanted > 0; left--, tree_next(&place)) {
        if (random_below(table, left) >= wanted)
            continue;
        read_record(table, &place, elements);
        if (!collection_book_element(answer, elements++))
            return STORE_TOO_LARGE;
        wanted--;
    }
    return STORE_OK;
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

static enum store_status draw_few(struct table *table, uint64_t wanted, struct collection_answer *answer,
                                  struct store_element *elements)
{
    uint32_t near[DRAWS_NEAR];
    size_t slots = DRAWS_NEAR;
    while (slots < 2 * wanted)
        slots *= 2;
    uint32_t *drawn = slots > DRAWS_NEAR ? malloc(slots * sizeof *drawn) : near;
    if (drawn == NULL)
        return STORE_NO_MEMORY;
    memset(drawn, 0xff, slots * sizeof *drawn);
    enum store_status status = STORE_OK;
    for (uint64_t i = 0; i < wanted && status == STORE_OK; i++) {
        uint32_t rank;
        do
            rank = (uint32_t)random_below(table, table->tree.count);
        while (!note_rank(drawn, slots, rank));
        struct tree_place place;
        tree_select(&table->tree, rank, &place);
        read_record(table, &place, &elements[i]);
        if (!collection_book_element(answer, &elements[i]))
            status = STORE_TOO_LARGE;
    }
    if (drawn != near)
        free(drawn);
    return status;
}

static enum store_status sample(struct table *table, uint64_t limit, struct collection_answer *answer,
                                struct store_reply *reply)
{
    uint64_t count = table->tree.count;
    uint64_t wanted = limit < count ? limit : count;
    if (!collection_book(answer, wanted))
        return STORE_TOO_LARGE;
    struct store_element *elements = collection_elements(answer, reply, wanted);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    return wanted > 0 && wanted >= count / DRAWS_SPARSE ? draw_many(table, wanted, answer, elements)
                                                        : draw_few(table, wanted, answer, elements);
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

/* Frees the tree, or where that would take long, puts it into a husk. */
static void give_up_tree(struct table *table, struct collection_answer *answer)
{
    struct collection *collection = &table->collection;
    if (table->tree.pages > COLLECTION_HUSK_PAGES)
        answer->husk = collection_create(collection->type, table->seed);
    if (answer->husk == NULL) {
        tree_free(&table->tree);
        return;
    }
    struct table *husk = (struct table *)(void *)answer->husk;
    uint64_t bytes = collection->bytes - counted_bytes(table);
    husk->tree = table->tree;
    husk->tree.bytes = &husk->collection.bytes;
    husk->collection.bytes += bytes;
    collection->bytes -= bytes;
}

/* Builds what is to stay beside what is there. */
static enum store_status keep_new(struct table *table, const struct store_element *elements, size_t count,
                                  struct collection_answer *answer)
{
    uint64_t bytes = 0;
    struct tree fresh = {.sized_names = table->tree.sized_names, .bytes = &bytes};
    for (size_t i = 0; i < count; i++) {
        struct tree_place place;
        uint64_t hash = hash64(elements[i].name, table->seed);
        if (tree_find(&table->tree, hash, elements[i].name, &place) ||
            tree_find(&fresh, hash, elements[i].name, &place))
            continue;
        uint8_t *record = tree_insert(&fresh, &place, hash, record_size(table, &elements[i]));
        if (record == NULL) {
            tree_free(&fresh);
            return STORE_NO_MEMORY;
        }
        write_record(table, record, &elements[i]);
    }
    give_up_tree(table, answer);
    table->tree = fresh;
    table->tree.bytes = &table->collection.bytes;
    table->collection.bytes += bytes;
    return STORE_OK;
}

uint64_t table_growth_most(const struct table *table, const struct store_command *command)
{
    struct tree fresh = {.sized_names = table->tree.sized_names};
    const struct tree *tree = &table->tree;
    uint64_t bytes = 0;
    uint64_t held = 0;
    if (command->kind == STORE_TABLE_KEEP_NEW) {
        tree = &fresh;
        bytes = counted_most(sizeof *table); /* what takes the old elements */
    }
    for (size_t i = 0; i < command->count; i++) {
        struct store_element element = command->elements[i];
        if (command->kind == STORE_TABLE_INCREMENT)
            element.value.size = NUMBER_TEXT_MOST;
        size_t size = record_size(table, &element);
        held += page_held(size);
        bytes += page_outside_most(size);
    }
    return bytes + tree_growth_most(tree, command->count, held);
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
        return keep_new(table, command->elements, command->count, answer);
    case STORE_TABLE_INCREMENT:
        return increment(table, command, reply);
    default:
        return STORE_WRONG_TYPE;
    }
}
