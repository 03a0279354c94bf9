/* What a page promises: records stay in their order with their bytes, whatever happens to the others, and all memory is
 * accounted for. */
#include "store/memory/page.h"

#include "store/structures.h"

#define ROUNDS       20000
#define RECORDS_MOST 600

/* A page beside what should be in it. */
struct model {
    struct page *page;
    uint64_t bytes;
    size_t slot_size;
    unsigned count;
    struct {
        size_t size;
        uint64_t number;
    } records[RECORDS_MOST];
};

static void assert_page(const struct model *model)
{
    assert_int_equal(model->page->count, model->count);
    size_t live = sizeof *model->page + model->count * model->slot_size;
    for (unsigned i = 0; i < model->count; i++) {
        size_t size = model->records[i].size;
        assert_filled(page_at(model->page, i), size, model->records[i].number);
        if (model->slot_size == PAGE_SLOT_KEYED)
            assert_int_equal(page_key(model->page, i), model->records[i].number);
        live += page_slot(model->page, i).size == PAGE_FAR ? sizeof(struct page_far) : size;
    }
    assert_int_equal(page_live(model->page), live);
    assert_true(live <= model->page->room);
}

static void insert(struct model *model, unsigned at, size_t size, uint64_t number)
{
    if (!page_takes(model->page, size))
        return;
    uint8_t *record = page_insert(&model->page, at, size, &model->bytes);
    assert_non_null(record);
    fill(record, size, number);
    if (model->slot_size == PAGE_SLOT_KEYED)
        page_set_key(model->page, at, number);
    memmove(&model->records[at + 1], &model->records[at], (model->count - at) * sizeof model->records[0]);
    model->count++;
    model->records[at].size = size;
    model->records[at].number = number;
}

static void resize(struct model *model, unsigned at, size_t size)
{
    size_t before = model->records[at].size;
    if (size > before && !page_takes(model->page, size))
        return;
    uint8_t *record = page_resize(&model->page, at, size, &model->bytes);
    assert_non_null(record);
    assert_filled(bytes_make(record, size < before ? size : before), size < before ? size : before,
                  model->records[at].number);
    fill(record, size, model->records[at].number);
    model->records[at].size = size;
}

static void cut(struct model *model, unsigned at, unsigned count)
{
    page_cut(model->page, at, count, &model->bytes);
    memmove(&model->records[at], &model->records[at + count],
            (model->count - at - count) * sizeof model->records[0]);
    model->count -= count;
}

/* Divides the page, looks at both parts and makes them one again. */
static void split_and_absorb(struct model *model, unsigned at)
{
    struct page *other = page_split(model->page, at, &model->bytes);
    assert_non_null(other);
    assert_int_equal(model->page->count, at);
    assert_int_equal(other->count, model->count - at);
    page_fit(&model->page, &model->bytes);
    assert_true(page_absorb(&model->page, other, &model->bytes));
}

static void run_at_random(size_t slot_size, const char *what)
{
    struct draws draws = draws_begin(what);
    struct model model = {.slot_size = slot_size};
    model.page = page_create(slot_size, 0, &model.bytes);
    assert_non_null(model.page);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        unsigned at = (unsigned)draw(&draws, model.count + 1u);
        uint64_t kind = draw(&draws, 100);
        if (kind < 55) {
            insert(&model, at, draw_size(&draws), round);
        } else if (at < model.count && kind < 75) {
            resize(&model, at, draw_size(&draws));
        } else if (at < model.count && kind < 95) {
            cut(&model, at, 1);
        } else if (kind == 95) {
            cut(&model, at, (unsigned)draw(&draws, model.count - at + 1u));
        } else if (kind == 96) {
            split_and_absorb(&model, at);
        } else if (kind == 97) {
            page_trim(&model.page, &model.bytes);
        }
        assert_page(&model);
    }
    page_free(model.page, &model.bytes);
    assert_int_equal(model.bytes, 0);
}

static void records_keep_order_and_bytes(void **state)
{
    (void)state;
    run_at_random(PAGE_SLOT_PLAIN, "page");
}

static void records_keep_their_keys(void **state)
{
    (void)state;
    run_at_random(PAGE_SLOT_KEYED, "page with keys");
}

static void a_page_of_small_records_holds_little_else(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    struct page *page = page_create(PAGE_SLOT_PLAIN, 16, &bytes);
    while (page_takes(page, 16))
        assert_non_null(page_insert(&page, page->count, 16, &bytes));
    assert_true(page->count >= 100);
    assert_true(bytes <= page->count * 20u + 64);
    page_free(page, &bytes);
}

static void a_record_made_large_and_small_again_takes_what_it_took(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 3, 15, 16, 17, 200, 256};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct model model = {.slot_size = PAGE_SLOT_PLAIN};
        model.page = page_create(PAGE_SLOT_PLAIN, 0, &model.bytes);
        assert_non_null(model.page);
        for (unsigned k = 0; k < 6; k++)
            insert(&model, k, sizes[i], k);
        assert_int_equal(model.count, 6);
        size_t live = page_live(model.page);
        uint64_t bytes = model.bytes;
        for (unsigned k = 0; k < 6; k++) {
            resize(&model, k, 5000);
            assert_page(&model);
        }
        for (unsigned k = 0; k < 6; k++)
            resize(&model, k, sizes[i]);
        assert_page(&model);
        assert_int_equal(model.page->far, 0);
        assert_int_equal(page_live(model.page), live);
        assert_true(model.bytes <= bytes + 6 * sizeof(struct page_far) + 128);
        page_free(model.page, &model.bytes);
        assert_int_equal(model.bytes, 0);
    }
}

static void a_page_is_freed_piece_by_piece(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    struct page *page = page_create(PAGE_SLOT_PLAIN, 1000, &bytes);
    for (unsigned i = 0; i < 20; i++)
        assert_non_null(page_insert(&page, i, 1000, &bytes));
    unsigned pieces = 1;
    for (unsigned budget = 4; !page_free_piece(page, &budget, &bytes); budget = 4) {
        assert_int_equal(budget, 0);
        pieces++;
    }
    assert_int_equal(pieces, 6);
    assert_int_equal(bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_keep_order_and_bytes),
        cmocka_unit_test(records_keep_their_keys),
        cmocka_unit_test(a_page_of_small_records_holds_little_else),
        cmocka_unit_test(a_record_made_large_and_small_again_takes_what_it_took),
        cmocka_unit_test(a_page_is_freed_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
