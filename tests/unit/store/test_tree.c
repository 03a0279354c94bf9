/* What the tree promises, beside a sorted array that does the same slowly. */
#include "store/memory/tree.h"

#include "store/structures.h"

#define ROUNDS       30000
#define RECORDS_MOST 20000
#define NAME_MOST    11000

struct entry {
    uint64_t key;
    uint32_t name; /* a name's bytes follow from its number */
    uint32_t payload_size;
};

struct model {
    struct tree tree;
    uint64_t bytes;
    struct draws draws;
    uint64_t keys; /* that are drawn from; few make many ties */
    uint32_t names;
    size_t count;
    struct entry entries[RECORDS_MOST];
};

/* Names differ in length; some are large. */
static struct bytes name_of(uint32_t number, uint8_t buffer[NAME_MOST])
{
    int size = snprintf((char *)buffer, NAME_MOST, "%u", number * 2654435761u % 1000003u);
    if (number % 97 == 5) {
        memset(buffer + size, 'x', 700);
        size += 700;
    } else if (number % 13 == 4) {
        memset(buffer + size, 'y', 240);
        size += 240;
    }
    return bytes_make(buffer, (size_t)size);
}

static int compare_entries(const struct entry *a, const struct entry *b)
{
    static uint8_t left[NAME_MOST];
    static uint8_t right[NAME_MOST];
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    struct bytes x = name_of(a->name, left);
    struct bytes y = name_of(b->name, right);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static bool model_find(const struct model *model, const struct entry *entry, size_t *at)
{
    size_t high = model->count;
    *at = 0;
    while (*at < high) {
        size_t middle = (*at + high) / 2;
        int order = compare_entries(entry, &model->entries[middle]);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            *at = middle + 1;
    }
    return false;
}

static size_t model_seek(const struct model *model, uint64_t key)
{
    size_t at = 0;
    while (at < model->count && model->entries[at].key < key)
        at++;
    return at;
}

static void assert_record(const struct model *model, const struct tree_place *place,
                          const struct entry *entry)
{
    uint8_t name[NAME_MOST];
    assert_int_equal(tree_key(place), entry->key);
    assert_true(bytes_equal(tree_name(&model->tree, tree_record(place)), name_of(entry->name, name)));
    if (model->tree.sized_names)
        assert_filled(tree_payload(&model->tree, tree_record(place)), entry->payload_size, entry->name);
}

/* Looks at what no call shows: counts and first keys of all nodes. Returns the number of records below. */
static uint64_t check_node(union tree_node node, unsigned height, uint64_t *first_key, unsigned *pages,
                           unsigned *inners)
{
    if (height == 0) {
        assert_true(node.page->count > 0);
        assert_true(page_live(node.page) <= PAGE_MOST);
        *first_key = page_key(node.page, 0);
        ++*pages;
        return node.page->count;
    }
    uint64_t total = 0;
    ++*inners;
    assert_in_range(node.inner->count, 1, TREE_FANOUT);
    assert_true(node.inner->count <= node.inner->room);
    for (unsigned i = 0; i < node.inner->count; i++) {
        uint64_t key;
        uint64_t count = check_node(node.inner->branches[i].child, height - 1, &key, pages, inners);
        assert_int_equal(node.inner->branches[i].count, count);
        assert_int_equal(node.inner->branches[i].key, key);
        total += count;
    }
    *first_key = node.inner->branches[0].key;
    return total;
}

static unsigned check_tree(const struct model *model)
{
    unsigned pages = 0;
    unsigned inners = 0;
    uint64_t first_key;
    assert_int_equal(model->tree.count, model->count);
    if (model->count == 0) {
        assert_null(model->tree.root.page);
        assert_int_equal(model->bytes, 0);
        assert_int_equal(model->tree.pages + model->tree.inners, 0);
        return 0;
    }
    assert_int_equal(check_node(model->tree.root, model->tree.height, &first_key, &pages, &inners),
                     model->count);
    assert_int_equal(model->tree.pages, pages);
    assert_int_equal(model->tree.inners, inners);
    if (model->tree.height > 0)
        assert_true(model->tree.root.inner->count > 1);

    struct tree_place place;
    tree_select(&model->tree, 0, &place);
    for (size_t i = 0; i < model->count; i++) {
        assert_record(model, &place, &model->entries[i]);
        assert_int_equal(tree_next(&place), i + 1 < model->count);
    }
    tree_select(&model->tree, model->count - 1, &place);
    for (size_t i = model->count; i-- > 0;) {
        assert_record(model, &place, &model->entries[i]);
        assert_int_equal(tree_prev(&place), i > 0);
    }
    return pages;
}

static size_t record_size(const struct model *model, struct bytes name, const struct entry *entry)
{
    if (!model->tree.sized_names)
        return name.size;
    return tree_size_of_size(name.size) + name.size + entry->payload_size;
}

static void write_record(const struct model *model, uint8_t *to, struct bytes name, const struct entry *entry)
{
    if (model->tree.sized_names)
        to = tree_write_size(to, name.size);
    bytes_copy(to, name.data, name.size);
    if (model->tree.sized_names)
        fill(to + name.size, entry->payload_size, entry->name);
}

static void put(struct model *model, struct entry entry)
{
    uint8_t buffer[NAME_MOST];
    struct bytes name = name_of(entry.name, buffer);
    struct tree_place place;
    size_t at;
    size_t size = record_size(model, name, &entry);
    bool there = model_find(model, &entry, &at);
    assert_int_equal(tree_find(&model->tree, entry.key, name, &place), there);
    if (!there && model->count == RECORDS_MOST)
        return;
    uint8_t *record =
        there ? tree_resize(&model->tree, &place, size) : tree_insert(&model->tree, &place, entry.key, size);
    assert_non_null(record);
    write_record(model, record, name, &entry);
    if (!there) {
        memmove(&model->entries[at + 1], &model->entries[at], (model->count - at) * sizeof entry);
        model->count++;
    }
    model->entries[at] = entry;
}

static void remove_at(struct model *model, size_t at)
{
    struct tree_place place;
    tree_select(&model->tree, at, &place);
    assert_record(model, &place, &model->entries[at]);
    tree_remove(&model->tree, &place);
    model->count--;
    memmove(&model->entries[at], &model->entries[at + 1], (model->count - at) * sizeof model->entries[0]);
}

static struct entry draw_entry(struct model *model)
{
    return (struct entry){
        .key = draw(&model->draws, model->keys) * 3,
        .name = (uint32_t)draw(&model->draws, model->names),
        .payload_size = (uint32_t)draw_size(&model->draws),
    };
}

static void look(struct model *model)
{
    uint8_t name[NAME_MOST];
    struct tree_place place;
    struct entry entry = draw_entry(model);
    size_t at;
    bool there = model_find(model, &entry, &at);
    assert_int_equal(tree_find(&model->tree, entry.key, name_of(entry.name, name), &place), there);
    if (there)
        assert_int_equal(tree_rank(&place), at);

    uint64_t key = draw(&model->draws, model->keys * 3 + 2);
    at = model_seek(model, key);
    tree_seek(&model->tree, key, &place);
    if (model->count == 0)
        return;
    assert_int_equal(tree_rank(&place), at);
    assert_int_equal(tree_at_end(&place), at == model->count);
}

static struct model *model_open(bool sized_names, uint64_t keys, uint32_t names, const char *what)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->draws = draws_begin(what);
    model->keys = keys;
    model->names = names;
    model->tree = (struct tree){.sized_names = sized_names, .bytes = &model->bytes};
    return model;
}

static void model_close(struct model *model)
{
    tree_free(&model->tree);
    assert_int_equal(model->bytes, 0);
    free(model);
}

/* Grows and shrinks by turns, so that every size is passed in both directions. */
static void run_at_random(bool sized_names, uint64_t keys, uint32_t names, const char *what)
{
    struct model *model = model_open(sized_names, keys, names, what);
    uint64_t inserts = 50;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % 3000 == 0)
            inserts = inserts > 50 ? 15 : 85;
        if (draw(&model->draws, 100) < inserts)
            put(model, draw_entry(model));
        else if (model->count > 0)
            remove_at(model, draw(&model->draws, model->count));
        look(model);
        if (round % 997 == 0)
            check_tree(model);
    }
    while (model->count > 0) {
        remove_at(model, draw(&model->draws, model->count));
        if (model->count % 500 == 0)
            check_tree(model);
    }
    model_close(model);
}

static void it_does_as_a_sorted_array_does(void **state)
{
    (void)state;
    run_at_random(false, 1 << 20, 1 << 20, "tree");
}

static void names_decide_where_keys_tie(void **state)
{
    (void)state;
    run_at_random(false, 3, 1 << 20, "tree of ties");
}

static void records_have_payloads_that_change_size(void **state)
{
    (void)state;
    run_at_random(true, 40, 400, "tree of sized names");
}

static void what_comes_in_order_packs_densely(void **state)
{
    (void)state;
    for (int descending = 0; descending < 2; descending++) {
        struct model *model = model_open(false, 1, 1, "tree in order");
        for (uint32_t i = 0; i < RECORDS_MOST; i++) {
            struct tree_place place;
            uint64_t key = descending ? RECORDS_MOST - i : i;
            assert_false(tree_find(&model->tree, key, bytes_make("", 0), &place));
            fill(tree_insert(&model->tree, &place, key, 16), 16, key);
        }
        assert_true(model->bytes < RECORDS_MOST * (16 + PAGE_SLOT_KEYED) * 105 / 100);
        model_close(model);
    }
}

/* Without names, a record is no part of the order and may be written anew where it stands. */
static void records_of_equal_keys_stand_side_by_side(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    struct tree tree = {.bytes = &bytes};
    bool seen[3000] = {false};
    for (uint16_t i = 0; i < 3000; i++) {
        struct tree_place place;
        tree_seek(&tree, i % 3, &place);
        uint8_t *record = tree_insert(&tree, &place, i % 3, sizeof i);
        assert_non_null(record);
        memcpy(record, &i, sizeof i);
    }
    for (uint16_t key = 0; key < 3; key++) {
        struct tree_place place;
        tree_seek(&tree, key, &place);
        assert_int_equal(tree_rank(&place), key * 1000);
        for (unsigned i = 0; i < 1000; i++, tree_next(&place)) {
            uint16_t number;
            memcpy(&number, tree_record(&place).data, sizeof number);
            assert_int_equal(tree_key(&place), number % 3);
            assert_false(seen[number]);
            seen[number] = true;
            memset(tree_edit(&place), 0xff - key, sizeof number);
        }
    }
    while (tree.count > 0) {
        struct tree_place place;
        tree_seek(&tree, 1, &place);
        if (tree_at_end(&place))
            tree_seek(&tree, 0, &place);
        assert_int_equal(tree_record(&place).data[0], 0xff - tree_key(&place));
        tree_remove(&tree, &place);
    }
    assert_int_equal(bytes, 0);
}

static void a_tree_that_lost_most_of_its_records_holds_little_memory(void **state)
{
    (void)state;
    struct model *model = model_open(false, 1 << 20, 1 << 20, "tree that shrinks");
    while (model->count < RECORDS_MOST)
        put(model, draw_entry(model));
    uint64_t full = model->bytes;
    while (model->count > RECORDS_MOST / 20)
        remove_at(model, draw(&model->draws, model->count));
    check_tree(model);
    assert_true(model->bytes < full / 10);
    model_close(model);
}

static void pieces_of_freeing_are_bounded(void **state)
{
    (void)state;
    struct model *model = model_open(false, 1 << 20, 1 << 20, "tree that is freed");
    while (model->count < RECORDS_MOST)
        put(model, draw_entry(model));
    unsigned pages = check_tree(model);
    unsigned pieces = 1;
    for (unsigned budget = 10; !tree_free_piece(&model->tree, &budget); budget = 10)
        pieces++;
    assert_true(pieces >= pages / 10);
    assert_int_equal(model->bytes, 0);
    model->count = 0;
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_does_as_a_sorted_array_does),
        cmocka_unit_test(names_decide_where_keys_tie),
        cmocka_unit_test(records_have_payloads_that_change_size),
        cmocka_unit_test(what_comes_in_order_packs_densely),
        cmocka_unit_test(records_of_equal_keys_stand_side_by_side),
        cmocka_unit_test(a_tree_that_lost_most_of_its_records_holds_little_memory),
        cmocka_unit_test(pieces_of_freeing_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
