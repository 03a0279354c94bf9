/* What the sequence promises, beside an array. */
#include "store/memory/sequence.h"

#include "store/structures.h"

#define ROUNDS      30000
#define VALUES_MOST 30000

struct model {
    struct sequence sequence;
    uint64_t bytes;
    struct draws draws;
    size_t count;
    struct {
        uint32_t size;
        uint32_t number;
    } values[VALUES_MOST];
};

static struct model *model_open(const char *what)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->draws = draws_begin(what);
    model->sequence.bytes = &model->bytes;
    return model;
}

static void model_close(struct model *model)
{
    unsigned budget = UINT32_MAX;
    assert_true(sequence_free_piece(&model->sequence, &budget));
    assert_int_equal(model->bytes, 0);
    free(model);
}

static void push(struct model *model, bool back, size_t size, uint32_t number)
{
    uint8_t *value = sequence_push(&model->sequence, back, size);
    assert_non_null(value);
    fill(value, size, number);
    size_t at = back ? model->count : 0;
    memmove(&model->values[at + 1], &model->values[at], (model->count - at) * sizeof model->values[0]);
    model->values[at].size = (uint32_t)size;
    model->values[at].number = number;
    model->count++;
}

static void cut(struct model *model, size_t at, size_t count)
{
    sequence_cut(&model->sequence, at, count);
    memmove(&model->values[at], &model->values[at + count],
            (model->count - at - count) * sizeof model->values[0]);
    model->count -= count;
}

static void assert_value(const struct model *model, struct sequence_place place, size_t at)
{
    assert_filled(sequence_value(&model->sequence, place), model->values[at].size, model->values[at].number);
}

static void check_sequence(const struct model *model)
{
    const struct sequence *sequence = &model->sequence;
    assert_int_equal(sequence->count, model->count);
    if (model->count == 0) {
        assert_int_equal(model->bytes, 0);
        return;
    }
    for (uint32_t i = 0; i < sequence->used; i++) {
        uint32_t slot = (sequence->first + i) % sequence->room;
        assert_true(sequence->pages[slot]->count > 0);
        assert_int_equal(sequence->pages[slot]->count, sequence->counts[slot]);
    }
    struct sequence_place place = {0};
    for (size_t at = 0; at < model->count; at++, sequence_next(sequence, &place)) {
        struct sequence_place located = sequence_locate(sequence, at);
        assert_int_equal(located.page, place.page);
        assert_int_equal(located.at, place.at);
        assert_value(model, place, at);
    }
}

static void remove_equal(struct model *model)
{
    size_t at = draw(&model->draws, model->count);
    uint8_t value[11000];
    uint32_t size = model->values[at].size;
    fill(value, size, model->values[at].number);
    sequence_remove(&model->sequence, bytes_make(value, size));
    size_t kept = 0;
    for (size_t i = 0; i < model->count; i++) {
        uint8_t other[11000];
        fill(other, model->values[i].size, model->values[i].number);
        if (!bytes_equal(bytes_make(value, size), bytes_make(other, model->values[i].size)))
            model->values[kept++] = model->values[i];
    }
    model->count = kept;
}

static void it_does_as_an_array_does(void **state)
{
    (void)state;
    struct model *model = model_open("sequence");
    uint64_t pushes = 50;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (round % 2500 == 0)
            pushes = pushes > 50 ? 20 : 92;
        uint64_t kind = draw(&model->draws, 100);
        if (kind < pushes && model->count < VALUES_MOST)
            push(model, draw(&model->draws, 3) > 0, draw_size(&model->draws), round);
        else if (model->count == 0)
            continue;
        else if (kind % 4 == 0)
            cut(model, 0, 1);
        else if (kind % 4 == 1)
            cut(model, model->count - 1, 1);
        else if (kind % 4 == 2)
            cut(model, draw(&model->draws, model->count), 1);
        else if (draw(&model->draws, 30) == 0)
            remove_equal(model);
        else if (draw(&model->draws, 30) == 0) {
            size_t at = draw(&model->draws, model->count);
            cut(model, at, draw(&model->draws, model->count - at + 1) / 2);
        }
        if (model->count > 0) {
            size_t at = draw(&model->draws, model->count);
            assert_value(model, sequence_locate(&model->sequence, at), at);
        }
        if (round % 499 == 0)
            check_sequence(model);
    }
    check_sequence(model);
    while (model->count > 0)
        cut(model, draw(&model->draws, model->count), 1);
    check_sequence(model);
    model_close(model);
}

/* Draws ranges, ascending and apart. */
static size_t draw_ranges(struct model *model, struct sequence_range *ranges, size_t most)
{
    size_t count = 0;
    uint64_t longest = draw(&model->draws, 3) == 0 ? 2000 : 3;
    uint64_t next = draw(&model->draws, 200);
    while (count < most && next < model->count) {
        uint64_t left = model->count - next;
        uint64_t size = 1 + draw(&model->draws, longest);
        ranges[count++] = (struct sequence_range){.index = next, .count = size < left ? size : left};
        next += size + 1 + draw(&model->draws, 400);
    }
    return count;
}

static void erase_at_random(struct model *model, struct sequence *gone)
{
    struct sequence_range ranges[50];
    size_t count = draw_ranges(model, ranges, 1 + draw(&model->draws, 50));
    uint64_t moved_before = gone == NULL ? 0 : sequence_page_bytes(gone);
    sequence_erase(&model->sequence, ranges, count, gone);
    for (size_t i = count; i-- > 0;) {
        memmove(&model->values[ranges[i].index], &model->values[ranges[i].index + ranges[i].count],
                (model->count - ranges[i].index - ranges[i].count) * sizeof model->values[0]);
        model->count -= ranges[i].count;
    }
    if (gone == NULL)
        return;
    uint64_t moved = sequence_page_bytes(gone) - moved_before;
    assert_true(moved <= model->bytes);
    model->bytes -= moved;
    *gone->bytes += moved;
}

static void ranges_go_in_one_walk(void **state)
{
    (void)state;
    struct model *model = model_open("ranges");
    for (unsigned round = 0; round < 60; round++) {
        uint64_t gone_bytes = 0;
        struct sequence gone = {.bytes = &gone_bytes};
        while (model->count < VALUES_MOST * 9 / 10)
            push(model, draw(&model->draws, 2), draw_size(&model->draws), (uint32_t)model->count);
        for (unsigned i = 0; i < 5 && model->count > 0; i++)
            erase_at_random(model, round % 2 == 0 ? &gone : NULL);
        check_sequence(model);
        unsigned budget = UINT32_MAX;
        assert_true(sequence_free_piece(&gone, &budget));
        assert_int_equal(gone_bytes, 0);
    }
    struct sequence_range all = {.count = model->count};
    sequence_erase(&model->sequence, &all, 1, NULL);
    assert_null(model->sequence.pages);
    model->count = 0;
    model_close(model);
}

static void a_long_ring_grows_with_its_values_where_they_are(void **state)
{
    (void)state;
    for (uint64_t fronts = 0; fronts <= 2; fronts++) {
        struct model *model = model_open("long ring");
        uint64_t before = 0;
        for (uint32_t i = 0; i < 25000; i++) {
            uint64_t most = sequence_growth_most(&model->sequence, PAGE_SLOT_PLAIN + 250);
            push(model, draw(&model->draws, 2) >= fronts, 250, i);
            assert_true(model->bytes <= before || model->bytes - before <= most);
            before = model->bytes;
        }
        assert_true(model->sequence.used > 3000);
        assert_true(model->sequence.room - model->sequence.used <= model->sequence.used / 8 + 256);
        check_sequence(model);
        model_close(model);
    }
}

static void a_queue_may_go_round_for_ever(void **state)
{
    (void)state;
    for (int back = 0; back < 2; back++) {
        struct model *model = model_open("queue");
        uint64_t most = 0;
        for (uint32_t i = 0; i < 500; i++)
            push(model, back, 40, i);
        for (uint32_t i = 0; i < 20000; i++) {
            push(model, back, 40, i);
            cut(model, back ? 0 : model->count - 1, 1);
            most = model->bytes > most ? model->bytes : most;
        }
        check_sequence(model);
        assert_true(most < 501 * 44 * 3 / 2);
        model_close(model);
    }
}

static void a_long_list_of_small_values_holds_little_else(void **state)
{
    (void)state;
    struct model *model = model_open("long list");
    for (uint32_t i = 0; i < 20000; i++)
        push(model, true, 16, i);
    assert_true(model->bytes < 20000 * 20 * 104 / 100 + 8192);
    model_close(model);
}

static void pieces_of_freeing_are_bounded(void **state)
{
    (void)state;
    struct model *model = model_open("list that is freed");
    for (uint32_t i = 0; i < 20000; i++)
        push(model, true, 16, i);
    uint32_t pages = model->sequence.used;
    unsigned pieces = 1;
    for (unsigned budget = 10; !sequence_free_piece(&model->sequence, &budget); budget = 10)
        pieces++;
    assert_in_range(pieces, pages / 10, pages / 10 + 1);
    assert_int_equal(model->bytes, 0);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_does_as_an_array_does),
        cmocka_unit_test(ranges_go_in_one_walk),
        cmocka_unit_test(a_long_ring_grows_with_its_values_where_they_are),
        cmocka_unit_test(a_queue_may_go_round_for_ever),
        cmocka_unit_test(a_long_list_of_small_values_holds_little_else),
        cmocka_unit_test(pieces_of_freeing_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
