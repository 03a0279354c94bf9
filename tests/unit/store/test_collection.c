/* What collections promise, each command by itself. Random sequences of them beside a model are the behaviour suite's,
 * which goes through the store. */
#include <math.h>

#include "store/collection_calls.h"
#include "store/memory/command_kind.h"

/* Elements whose names are "0", "1", ... */
#define MANY 5000

struct many {
    char names[MANY][8];
    struct store_element elements[MANY];
};

static struct many *many_make(void)
{
    struct many *many = calloc(1, sizeof *many);
    assert_non_null(many);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(many->names[i], sizeof many->names[i], "%u", i);
        many->elements[i].name = bytes_of(many->names[i]);
        many->elements[i].value = many->elements[i].name;
        many->elements[i].score = i;
    }
    return many;
}

static uint64_t number_of(struct bytes name)
{
    char text[16] = "";
    assert_true(name.size < sizeof text);
    memcpy(text, name.data, name.size);
    return strtoull(text, NULL, 10);
}

static struct many *open_with_many(struct shelf *shelf, enum store_type type, enum store_command_kind put)
{
    struct many *many = many_make();
    shelf_open(shelf, type);
    struct store_command command = {
        .kind = put,
        .elements = many->elements,
        .count = MANY,
        .from_end = true,
    };
    assert_int_equal(apply(shelf, command), STORE_OK);
    assert_int_equal(shelf->collection->length, MANY);
    return many;
}

/* --- Dictionaries and sets --- */

static void a_field_keeps_the_value_put_last(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_DICTIONARY);
    struct store_element elements[] = {
        {.name = bytes_of("a"), .value = bytes_of("a long value that becomes short")},
        {.name = bytes_of("b"), .value = bytes_of("1")},
        {.name = bytes_of("a"), .value = bytes_of("2")},
        {.name = bytes_of(""), .value = bytes_of("")},
        {.name = bytes_of("b"), .value = bytes_of("three")},
    };
    struct store_command put = {.kind = STORE_TABLE_PUT, .elements = elements, .count = 5};
    assert_int_equal(apply(&shelf, put), STORE_OK);
    assert_int_equal(apply(&shelf, put), STORE_OK);
    assert_int_equal(shelf.collection->length, 3);

    struct store_element asked[] = {
        {.name = bytes_of("b")}, {.name = bytes_of("c")}, {.name = bytes_of("")},
        {.name = bytes_of("a")}, {.name = bytes_of("b")},
    };
    struct store_command get = {.kind = STORE_TABLE_GET, .elements = asked, .count = 5};
    assert_int_equal(apply(&shelf, get), STORE_OK);
    assert_answer(&shelf, WITH_VALUES, "b=three - = a=2 b=three");
    shelf_close(&shelf);
}

static void values_change_their_size_in_any_way(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 40, 100000, 300, 5, 700, 699, 0, 250, 1 << 20, 12};
    struct shelf shelf;
    shelf_open(&shelf, STORE_DICTIONARY);
    uint8_t *value = malloc(1 << 20);
    assert_non_null(value);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill(value, sizes[i], i);
        struct store_element element = {.name = bytes_of("field"), .value = bytes_make(value, sizes[i])};
        struct store_command put = {.kind = STORE_TABLE_PUT, .elements = &element, .count = 1};
        assert_int_equal(apply(&shelf, put), STORE_OK);
        struct store_command get = {.kind = STORE_TABLE_GET, .elements = &element, .count = 1};
        assert_int_equal(apply(&shelf, get), STORE_OK);
        assert_filled(shelf.reply.elements[0].value, sizes[i], i);
    }
    assert_true(shelf.collection->bytes < 1000);
    free(value);
    shelf_close(&shelf);
}

static void fetch_gives_every_element_once(void **state)
{
    (void)state;
    struct shelf shelf;
    struct many *many = open_with_many(&shelf, STORE_SET, STORE_TABLE_PUT);
    bool *seen = calloc(MANY, sizeof *seen);
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_TABLE_FETCH}), STORE_OK);
    assert_int_equal(shelf.reply.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        uint64_t number = number_of(shelf.reply.elements[i].name);
        assert_false(seen[number]);
        seen[number] = true;
    }
    free(seen);
    free(many);
    shelf_close(&shelf);
}

static void a_sample_has_none_twice(void **state)
{
    (void)state;
    static const uint64_t limits[] = {0, 1, 2, 100, MANY / 20 - 1, MANY / 20, MANY - 1, MANY, STORE_NO_LIMIT};
    struct shelf shelf;
    struct many *many = open_with_many(&shelf, STORE_SET, STORE_TABLE_PUT);
    bool *seen = malloc(MANY * sizeof *seen);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct store_command sample = {.kind = STORE_TABLE_SAMPLE, .limit = limits[i]};
        assert_int_equal(apply(&shelf, sample), STORE_OK);
        assert_int_equal(shelf.reply.count, limits[i] < MANY ? limits[i] : MANY);
        memset(seen, 0, MANY * sizeof *seen);
        for (size_t k = 0; k < shelf.reply.count; k++) {
            uint64_t number = number_of(shelf.reply.elements[k].name);
            assert_false(seen[number]);
            seen[number] = true;
        }
    }
    free(seen);
    free(many);
    shelf_close(&shelf);
}

/* The generator is seeded, so these counts are the same at every run. */
static void every_element_is_as_likely_to_be_sampled(void **state)
{
    (void)state;
    static const uint64_t limits[] = {1, 3, 9, 15};
    struct shelf shelf;
    shelf_open(&shelf, STORE_SET);
    struct many *many = many_make();
    assert_int_equal(
        apply(&shelf,
              (struct store_command){.kind = STORE_TABLE_PUT, .elements = many->elements, .count = 20}),
        STORE_OK);
    for (size_t i = 0; i < 4; i++) {
        unsigned counts[20] = {0};
        for (unsigned round = 0; round < 20000; round++) {
            apply(&shelf, (struct store_command){.kind = STORE_TABLE_SAMPLE, .limit = limits[i]});
            for (size_t k = 0; k < shelf.reply.count; k++)
                counts[number_of(shelf.reply.elements[k].name)]++;
        }
        for (size_t k = 0; k < 20; k++)
            assert_in_range(counts[k], 1000 * limits[i] * 85 / 100, 1000 * limits[i] * 115 / 100);
    }
    free(many);
    shelf_close(&shelf);
}

/* Of sets made alike, one after the other and also where another stood, each draws for itself. */
static void sets_that_are_alike_are_not_sampled_alike(void **state)
{
    (void)state;
    static const enum store_command_kind draws[] = {STORE_TABLE_SAMPLE, STORE_TABLE_POP};
    struct many *many = many_make();
    for (size_t kind = 0; kind < 2; kind++) {
        unsigned counts[10] = {0};
        for (unsigned i = 0; i < 2000; i++) {
            struct shelf shelf;
            shelf_open(&shelf, STORE_SET);
            struct store_command put = {.kind = STORE_TABLE_PUT, .elements = many->elements, .count = 10};
            assert_int_equal(apply(&shelf, put), STORE_OK);
            assert_int_equal(apply(&shelf, (struct store_command){.kind = draws[kind], .limit = 1}),
                             STORE_OK);
            counts[number_of(shelf.reply.elements[0].name)]++;
            shelf_close(&shelf);
        }
        for (size_t i = 0; i < 10; i++)
            assert_in_range(counts[i], 100, 300);
    }
    free(many);
}

static void what_is_popped_is_no_longer_there(void **state)
{
    (void)state;
    struct shelf shelf;
    struct many *many = open_with_many(&shelf, STORE_SET, STORE_TABLE_PUT);
    bool *seen = calloc(MANY, sizeof *seen);
    for (uint64_t left = MANY, limit = 1; left > 0; limit *= 2) {
        uint64_t count = limit < left ? limit : left;
        assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_TABLE_POP, .limit = limit}),
                         STORE_OK);
        assert_int_equal(shelf.reply.count, count);
        left -= count;
        assert_int_equal(shelf.collection->length, left);
        for (size_t i = 0; i < count; i++) {
            uint64_t number = number_of(shelf.reply.elements[i].name);
            assert_false(seen[number]);
            seen[number] = true;
        }
    }
    free(seen);
    free(many);
    shelf_close(&shelf);
}

static void keep_new_stores_what_was_not_there(void **state)
{
    (void)state;
    struct shelf shelf;
    struct many *many = open_with_many(&shelf, STORE_SET, STORE_TABLE_PUT);
    struct store_element elements[] = {
        {.name = bytes_of("17")},
        {.name = bytes_of("new")},
        {.name = bytes_of("new")},
        {.name = bytes_of("4999")},
    };
    struct store_command keep = {.kind = STORE_TABLE_KEEP_NEW, .elements = elements, .count = 4};
    assert_int_equal(apply(&shelf, keep), STORE_OK);
    assert_int_equal(shelf.collection->length, 1);
    assert_true(shelf.collection->bytes < 1000);
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_TABLE_FETCH}), STORE_OK);
    assert_answer(&shelf, NAMES, "new");
    assert_int_equal(apply(&shelf, keep), STORE_OK);
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_TABLE_FETCH}), STORE_OK);
    assert_int_equal(shelf.collection->length, 2);
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_TABLE_KEEP_NEW}), STORE_OK);
    assert_int_equal(shelf.collection->length, 0);
    free(many);
    shelf_close(&shelf);
}

static void a_field_counts_in_decimal_and_refuses_what_is_no_number(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_DICTIONARY);
    struct store_command increment = {.kind = STORE_TABLE_INCREMENT, .amount = INT64_MAX};
    assert_int_equal(apply_one(&shelf, increment, "n", "", 0), STORE_OK);
    assert_int_equal(shelf.reply.number, INT64_MAX);
    increment.amount = 1;
    assert_int_equal(apply_one(&shelf, increment, "n", "", 0), STORE_OVERFLOW);
    increment.amount = -INT64_MAX;
    assert_int_equal(apply_one(&shelf, increment, "n", "", 0), STORE_OK);
    assert_int_equal(shelf.reply.number, 0);
    assert_int_equal(apply_one(&shelf, (struct store_command){.kind = STORE_TABLE_PUT}, "text", "1x", 0),
                     STORE_OK);
    assert_int_equal(apply_one(&shelf, increment, "text", "", 0), STORE_NOT_INTEGER);
    assert_int_equal(apply_one(&shelf, (struct store_command){.kind = STORE_TABLE_GET}, "text", "", 0),
                     STORE_OK);
    assert_answer(&shelf, WITH_VALUES, "text=1x");
    assert_int_equal(apply_one(&shelf, (struct store_command){.kind = STORE_TABLE_GET}, "n", "", 0),
                     STORE_OK);
    assert_answer(&shelf, WITH_VALUES, "n=0");
    shelf_close(&shelf);
}

/* --- Lists --- */

static void push_letters(struct shelf *shelf, const char *letters, bool from_end, uint64_t limit)
{
    struct store_element elements[32];
    size_t count = strlen(letters);
    for (size_t i = 0; i < count; i++)
        elements[i] = (struct store_element){.name = bytes_make(letters + i, 1)};
    struct store_command push = {
        .kind = STORE_LIST_PUSH,
        .elements = elements,
        .count = count,
        .from_end = from_end,
        .limit = limit,
    };
    assert_int_equal(apply(shelf, push), STORE_OK);
    assert_int_equal(shelf->reply.number, shelf->collection->length);
}

static void assert_list(struct shelf *shelf, const char *expected)
{
    assert_int_equal(apply(shelf, (struct store_command){.kind = STORE_LIST_FETCH, .end = STORE_END}),
                     STORE_OK);
    assert_answer(shelf, NAMES, expected);
}

static void pushed_values_keep_their_order_and_a_limit_drops_those_at_the_other_end(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_LIST);
    push_letters(&shelf, "cde", true, 0);
    push_letters(&shelf, "ab", false, 0);
    assert_list(&shelf, "a b c d e");
    push_letters(&shelf, "fg", true, 5);
    assert_list(&shelf, "c d e f g");
    push_letters(&shelf, "xy", false, 4);
    assert_list(&shelf, "x y c d");
    push_letters(&shelf, "12345", true, 3);
    assert_list(&shelf, "3 4 5");
    push_letters(&shelf, "12345", false, 3);
    assert_list(&shelf, "1 2 3");
    push_letters(&shelf, "", false, 2);
    assert_list(&shelf, "1 2");
    shelf_close(&shelf);
}

static void either_end_pops_until_nothing_is_left(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_LIST);
    push_letters(&shelf, "abc", true, 0);
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_LIST_POP}), STORE_OK);
    assert_answer(&shelf, NAMES, "a");
    assert_int_equal(shelf.reply.number, 2);
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_LIST_POP, .from_end = true}),
                     STORE_OK);
    assert_answer(&shelf, NAMES, "c");
    assert_int_equal(apply(&shelf, (struct store_command){.kind = STORE_LIST_POP, .from_end = true}),
                     STORE_OK);
    assert_answer(&shelf, NAMES, "b");
    assert_int_equal(shelf.collection->length, 0);
    shelf_close(&shelf);
}

static void slices_count_from_either_end_and_are_clamped(void **state)
{
    (void)state;
    static const struct {
        int64_t start;
        int64_t end;
        const char *expected;
    } slices[] = {
        {0, STORE_END, "a b c d e"},
        {1, 3, "b c"},
        {-2, STORE_END, "d e"},
        {0, -1, "a b c d"},
        {-100, 2, "a b"},
        {3, 100, "d e"},
        {3, 3, ""},
        {4, 1, ""},
        {100, 200, ""},
        {INT64_MIN, -4, "a"},
        {-3, -1, "c d"},
    };
    struct shelf shelf;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        shelf_open(&shelf, STORE_LIST);
        push_letters(&shelf, "abcde", true, 0);
        struct store_command command = {
            .kind = STORE_LIST_FETCH,
            .start = slices[i].start,
            .end = slices[i].end,
        };
        assert_int_equal(apply(&shelf, command), STORE_OK);
        assert_answer(&shelf, NAMES, slices[i].expected);
        command.kind = STORE_LIST_RETAIN;
        assert_int_equal(apply(&shelf, command), STORE_OK);
        assert_int_equal(shelf.reply.number, shelf.collection->length);
        assert_list(&shelf, slices[i].expected);
        shelf_close(&shelf);
    }
}

static void erased_ranges_are_of_the_list_as_it_was(void **state)
{
    (void)state;
    struct store_range ranges[] = {{5, 1}, {0, 2}, {1, 2}, {8, 100}, {4, 0}, {3000, UINT32_MAX}, {0, 3}};
    struct shelf shelf;
    shelf_open(&shelf, STORE_LIST);
    push_letters(&shelf, "abcdefghij", true, 0);
    struct store_command erase = {.kind = STORE_LIST_ERASE, .ranges = ranges, .range_count = 7};
    assert_int_equal(apply(&shelf, erase), STORE_OK);
    assert_int_equal(shelf.reply.number, 4);
    assert_list(&shelf, "d e g h");
    struct store_range all[] = {{1, UINT32_MAX}, {0, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
    erase.ranges = all;
    erase.range_count = 3;
    assert_int_equal(apply(&shelf, erase), STORE_OK);
    assert_int_equal(shelf.collection->length, 0);
    shelf_close(&shelf);
}

static void all_values_equal_to_the_one_given_go(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_LIST);
    push_letters(&shelf, "abacada", true, 0);
    assert_int_equal(apply_one(&shelf, (struct store_command){.kind = STORE_LIST_REMOVE}, "a", "", 0),
                     STORE_OK);
    assert_int_equal(shelf.reply.number, 3);
    assert_list(&shelf, "b c d");
    assert_int_equal(apply_one(&shelf, (struct store_command){.kind = STORE_LIST_REMOVE}, "x", "", 0),
                     STORE_OK);
    assert_list(&shelf, "b c d");
    shelf_close(&shelf);
}

/* --- Sorted sets --- */

static void put_score(struct shelf *shelf, const char *name, double score)
{
    assert_int_equal(apply_one(shelf, (struct store_command){.kind = STORE_SORTED_PUT}, name, "", score),
                     STORE_OK);
}

static const struct store_bound lowest = {.score = -INFINITY};
static const struct store_bound highest = {.score = INFINITY};

static void assert_sorted(struct shelf *shelf, const char *expected)
{
    struct store_command all = {
        .kind = STORE_SORTED_BY_SCORE,
        .min = lowest,
        .max = highest,
        .limit = STORE_NO_LIMIT,
    };
    assert_int_equal(apply(shelf, all), STORE_OK);
    assert_answer(shelf, WITH_SCORES, expected);
}

static void elements_stand_by_score_and_then_by_name(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_SORTED_SET);
    put_score(&shelf, "b", 1);
    put_score(&shelf, "top", INFINITY);
    put_score(&shelf, "a", 1);
    put_score(&shelf, "ab", 1);
    put_score(&shelf, "low", -1e-300);
    put_score(&shelf, "zero", -0.0);
    put_score(&shelf, "", 0);
    put_score(&shelf, "end", -INFINITY);
    assert_sorted(&shelf, "end=-inf low=-1e-300 =0 zero=0 a=1 ab=1 b=1 top=inf");
    put_score(&shelf, "top", -2);
    put_score(&shelf, "zero", 0.5);
    assert_sorted(&shelf, "end=-inf top=-2 low=-1e-300 =0 zero=0.5 a=1 ab=1 b=1");
    struct store_element elements[] = {
        {.name = bytes_of("a"), .score = 7},
        {.name = bytes_of("c"), .score = 1},
        {.name = bytes_of("a"), .score = 2},
    };
    struct store_command put = {.kind = STORE_SORTED_PUT, .elements = elements, .count = 3};
    assert_int_equal(apply(&shelf, put), STORE_OK);
    struct store_element gone[] = {{.name = bytes_of("end")},
                                   {.name = bytes_of("x")},
                                   {.name = bytes_of("low")},
                                   {.name = bytes_of("")},
                                   {.name = bytes_of("end")}};
    struct store_command remove = {.kind = STORE_SORTED_REMOVE, .elements = gone, .count = 5};
    assert_int_equal(apply(&shelf, remove), STORE_OK);
    assert_sorted(&shelf, "top=-2 zero=0.5 ab=1 b=1 c=1 a=2");
    shelf_close(&shelf);
}

static void open_with_ties(struct shelf *shelf)
{
    shelf_open(shelf, STORE_SORTED_SET);
    put_score(shelf, "a", 1);
    put_score(shelf, "b", 2);
    put_score(shelf, "c", 2);
    put_score(shelf, "d", 2);
    put_score(shelf, "e", 3);
}

static void ranks_count_from_the_end_asked_for_and_equal_scores_may_share_them(void **state)
{
    (void)state;
    static const char *expected[2][2] = {{"c@2 - e@4 b@1", "c@1 - e@4 b@1"},
                                         {"c@2 - e@0 b@3", "c@1 - e@0 b@1"}};
    struct shelf shelf;
    open_with_ties(&shelf);
    struct store_element asked[] = {
        {.name = bytes_of("c")}, {.name = bytes_of("x")}, {.name = bytes_of("e")}, {.name = bytes_of("b")}};
    for (int descending = 0; descending < 2; descending++) {
        for (int competition = 0; competition < 2; competition++) {
            struct store_command rank = {
                .kind = STORE_SORTED_RANK,
                .elements = asked,
                .count = 4,
                .descending = descending,
                .competition = competition,
            };
            assert_int_equal(apply(&shelf, rank), STORE_OK);
            assert_answer(&shelf, WITH_RANKS, expected[descending][competition]);
            assert_true(shelf.reply.elements[0].score == 2);
        }
    }
    struct store_command score = {.kind = STORE_SORTED_SCORE, .elements = asked, .count = 4};
    assert_int_equal(apply(&shelf, score), STORE_OK);
    assert_answer(&shelf, WITH_SCORES, "c=2 - e=3 b=2");
    shelf_close(&shelf);
}

static void ranges_by_index_and_by_score_run_in_the_order_asked_for(void **state)
{
    (void)state;
    struct shelf shelf;
    open_with_ties(&shelf);
    struct store_command index = {.kind = STORE_SORTED_BY_INDEX, .start = 1, .end = -1};
    assert_int_equal(apply(&shelf, index), STORE_OK);
    assert_answer(&shelf, WITH_RANKS, "b@1 c@2 d@3");
    index.descending = true;
    index.end = 3;
    assert_int_equal(apply(&shelf, index), STORE_OK);
    assert_answer(&shelf, WITH_RANKS, "d@1 c@2");

    struct store_command score = {
        .kind = STORE_SORTED_BY_SCORE,
        .min = {.score = 1, .exclusive = true},
        .max = {.score = 3},
        .limit = STORE_NO_LIMIT,
    };
    assert_int_equal(apply(&shelf, score), STORE_OK);
    assert_answer(&shelf, WITH_RANKS, "b@1 c@2 d@3 e@4");
    score.descending = true;
    score.offset = 1;
    score.limit = 2;
    assert_int_equal(apply(&shelf, score), STORE_OK);
    assert_answer(&shelf, WITH_RANKS, "d@1 c@2");
    score.max.score = 2;
    score.max.exclusive = true;
    assert_int_equal(apply(&shelf, score), STORE_OK);
    assert_answer(&shelf, WITH_RANKS, "");
    score.min = (struct store_bound){.score = 3};
    score.max = (struct store_bound){.score = 1};
    assert_int_equal(apply(&shelf, score), STORE_OK);
    assert_answer(&shelf, WITH_RANKS, "");
    struct store_command count = {
        .kind = STORE_SORTED_COUNT,
        .min = {.score = 2},
        .max = {.score = 3, .exclusive = true},
    };
    assert_int_equal(apply(&shelf, count), STORE_OK);
    assert_int_equal(shelf.reply.number, 3);
    shelf_close(&shelf);
}

/* XXH3 multiplies by the first eight bytes of a name of 32, mixed with this and the seed. Where that is zero, the next
 * eight do not matter. */
#define XXH3_FIRST_WORD 0xbe4ba423396cfeb8u

static struct bytes colliding_name(uint8_t name[32], uint64_t number)
{
    const uint64_t words[4] = {XXH3_FIRST_WORD + SEED, number};
    memcpy(name, words, sizeof words);
    return bytes_make(name, sizeof words);
}

static void names_of_equal_hash_keep_their_scores_apart(void **state)
{
    (void)state;
    enum { NAMES_ALIKE = 200 };
    struct draws draws = draws_begin("equal hashes");
    struct shelf shelf;
    struct many *many = open_with_many(&shelf, STORE_SORTED_SET, STORE_SORTED_PUT);
    uint8_t names[NAMES_ALIKE][32];
    double scores[NAMES_ALIKE];
    struct store_element elements[NAMES_ALIKE];
    for (unsigned i = 0; i < NAMES_ALIKE; i++) {
        scores[i] = NAN;
        elements[i].name = colliding_name(names[i], i);
        assert_int_equal(hash64(elements[i].name, SEED), hash64(elements[0].name, SEED));
    }
    for (unsigned round = 0; round < 2000; round++) {
        struct store_element batch[10];
        struct store_command command = {
            .kind = draw(&draws, 4) > 0 ? STORE_SORTED_PUT : STORE_SORTED_REMOVE,
            .elements = batch,
            .count = 1 + draw(&draws, 10),
        };
        for (size_t i = 0; i < command.count; i++) {
            uint64_t name = draw(&draws, NAMES_ALIKE);
            batch[i] = (struct store_element){.name = elements[name].name, .score = (double)draw(&draws, 6)};
            scores[name] = command.kind == STORE_SORTED_PUT ? batch[i].score : NAN;
        }
        assert_int_equal(apply(&shelf, command), STORE_OK);
        struct store_command ask = {.kind = STORE_SORTED_SCORE, .elements = elements, .count = NAMES_ALIKE};
        assert_int_equal(apply(&shelf, ask), STORE_OK);
        for (unsigned i = 0; i < NAMES_ALIKE; i++) {
            assert_int_equal(shelf.reply.elements[i].found, !isnan(scores[i]));
            assert_true(isnan(scores[i]) || shelf.reply.elements[i].score == scores[i]);
        }
    }
    struct store_command remove = {
        .kind = STORE_SORTED_REMOVE,
        .elements = elements,
        .count = NAMES_ALIKE,
    };
    assert_int_equal(apply(&shelf, remove), STORE_OK);
    assert_int_equal(shelf.collection->length, MANY);
    free(many);
    shelf_close(&shelf);
}

static void an_increment_that_makes_no_number_is_refused(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_SORTED_SET);
    struct store_command increment = {.kind = STORE_SORTED_INCREMENT};
    assert_int_equal(apply_one(&shelf, increment, "a", "", INFINITY), STORE_OK);
    assert_int_equal(apply_one(&shelf, increment, "a", "", -INFINITY), STORE_NOT_NUMBER);
    assert_int_equal(apply_one(&shelf, increment, "b", "", 1.5), STORE_OK);
    assert_int_equal(apply_one(&shelf, increment, "b", "", -4), STORE_OK);
    assert_true(shelf.reply.score == -2.5);
    assert_sorted(&shelf, "b=-2.5 a=inf");
    shelf_close(&shelf);
}

/* --- The size of replies --- */

/* Bytes of a reply as its limit counts them. */
static uint64_t reply_bytes(const struct store_reply *reply)
{
    uint64_t bytes = reply->count * STORE_ELEMENT_BYTES;
    for (size_t i = 0; i < reply->count; i++)
        bytes += reply->elements[i].name.size + reply->elements[i].value.size;
    return bytes;
}

static void a_reply_is_refused_just_when_it_passes_its_limit(void **state)
{
    (void)state;
    struct store_element asked[] = {
        {.name = bytes_of("17")}, {.name = bytes_of("x")}, {.name = bytes_of("4")}};
    const struct {
        enum store_type type;
        enum store_command_kind put;
        struct store_command command;
    } cases[] = {
        {STORE_DICTIONARY, STORE_TABLE_PUT, {.kind = STORE_TABLE_FETCH}},
        {STORE_DICTIONARY, STORE_TABLE_PUT, {.kind = STORE_TABLE_GET, .elements = asked, .count = 3}},
        {STORE_SET, STORE_TABLE_PUT, {.kind = STORE_TABLE_FETCH}},
        {STORE_SET, STORE_TABLE_PUT, {.kind = STORE_TABLE_SAMPLE, .limit = STORE_NO_LIMIT}},
        {STORE_SET, STORE_TABLE_PUT, {.kind = STORE_TABLE_POP, .limit = STORE_NO_LIMIT}},
        {STORE_LIST, STORE_LIST_PUSH, {.kind = STORE_LIST_FETCH, .start = 10, .end = -10}},
        {STORE_LIST, STORE_LIST_PUSH, {.kind = STORE_LIST_POP}},
        {STORE_SORTED_SET, STORE_SORTED_PUT, {.kind = STORE_SORTED_BY_INDEX, .start = 7, .end = STORE_END}},
        {STORE_SORTED_SET,
         STORE_SORTED_PUT,
         {.kind = STORE_SORTED_BY_SCORE,
          .min.score = -INFINITY,
          .max.score = 4000,
          .descending = true,
          .limit = STORE_NO_LIMIT}},
        {STORE_SORTED_SET, STORE_SORTED_PUT, {.kind = STORE_SORTED_SCORE, .elements = asked, .count = 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shelf shelf;
        struct many *many = open_with_many(&shelf, cases[i].type, cases[i].put);
        struct store_command command = cases[i].command;
        struct store_command look = command;
        if (command.kind == STORE_TABLE_POP)
            look.kind = STORE_TABLE_FETCH;
        assert_int_equal(apply(&shelf, look), STORE_OK);
        uint64_t bytes = command.kind == STORE_LIST_POP ? 1 + STORE_ELEMENT_BYTES : reply_bytes(&shelf.reply);
        uint64_t length = shelf.collection->length;
        for (command.reply_limit_bytes = 1; command.reply_limit_bytes < bytes;
             command.reply_limit_bytes += 1 + bytes / 10) {
            assert_int_equal(apply(&shelf, command), STORE_TOO_LARGE);
            assert_int_equal(shelf.reply.count, 0);
        }
        command.reply_limit_bytes = bytes - 1;
        assert_int_equal(apply(&shelf, command), STORE_TOO_LARGE);
        assert_int_equal(shelf.collection->length, length);
        command.reply_limit_bytes = bytes;
        assert_int_equal(apply(&shelf, command), STORE_OK);
        assert_int_equal(reply_bytes(&shelf.reply), bytes);
        free(many);
        shelf_close(&shelf);
    }
}

/* --- Memory --- */

struct load {
    enum store_type type;
    enum store_command_kind put;
    enum store_command_kind remove;
};

static const struct load loads[] = {
    {STORE_SET, STORE_TABLE_PUT, STORE_TABLE_REMOVE},
    {STORE_DICTIONARY, STORE_TABLE_PUT, STORE_TABLE_REMOVE},
    {STORE_SORTED_SET, STORE_SORTED_PUT, STORE_SORTED_REMOVE},
    {STORE_LEADERBOARD, STORE_SORTED_PUT, STORE_SORTED_REMOVE},
    {STORE_LIST, STORE_LIST_PUSH, STORE_LIST_REMOVE},
};

#define BATCH_MOST 64

static struct store_element draw_element(struct draws *draws, uint8_t *buffer, uint64_t names, bool in_order)
{
    uint64_t number = in_order ? draws->state++ : draw(draws, names);
    size_t value_size = in_order ? 8 : draw_size(draws);
    int size = snprintf((char *)buffer, 64, "%llu", (unsigned long long)number);
    if (number % 50 == 1)
        size += 40 + (int)(number % 300);
    memset(buffer + 64 + size, (int)number, value_size);
    return (struct store_element){
        .name = bytes_make(buffer, (size_t)size),
        .value = bytes_make(buffer + 64 + size, value_size),
        .score = in_order ? (double)number : (double)draw(draws, 1000),
    };
}

static void grow_at_random(const struct load *load, bool in_order_first)
{
    struct draws draws = draws_begin("growth");
    struct store_element elements[BATCH_MOST];
    uint8_t *buffer = calloc(BATCH_MOST, 16384);
    assert_non_null(buffer);
    struct shelf shelf;
    shelf_open(&shelf, load->type);
    uint64_t before = 0;
    for (unsigned round = 0; round < 3000; round++) {
        bool in_order = in_order_first && round < 1500;
        struct store_command command = {
            .kind = round == 0 || in_order || draw(&draws, 3) > 0 ? load->put : load->remove,
            .elements = elements,
            .count = 1 + draw(&draws, BATCH_MOST),
            .from_end = draw(&draws, 2),
        };
        uint64_t payload = 0;
        for (size_t i = 0; i < command.count; i++) {
            elements[i] = draw_element(&draws, buffer + i * 16384, 100000, in_order);
            if (load->type == STORE_LIST)
                elements[i].value = bytes_make("", 0);
            payload += elements[i].name.size + elements[i].value.size + sizeof elements[i].score;
        }
        uint64_t need = collection_need_bytes(shelf.collection, &command);
        assert_int_equal(apply(&shelf, command), STORE_OK);
        if (shelf.collection->bytes > before)
            assert_true(shelf.collection->bytes - before <= need);
        /* A list's ring, a few bytes for each of its pages, may have to move. */
        assert_true(need <= 3 * payload + command.count * 2000 + 8192 + before / 32);
        before = shelf.collection->bytes;
    }
    free(buffer);
    shelf_close(&shelf);
}

static void a_command_adds_no_more_memory_than_was_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        grow_at_random(&loads[i], false);
        grow_at_random(&loads[i], true);
    }
}

/* Names of 16 bytes in an order that is hard on pages: all at one end, then all over, and equal scores between. */
enum filling { ASCENDING, DESCENDING, SCATTERED, EQUAL, FILLINGS };

struct batch {
    uint64_t next;
    struct store_element *elements;
    uint64_t (*names)[2];
};

static void draw_batch(struct draws *draws, struct batch *batch, size_t count, enum filling filling)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = batch->next++;
        batch->names[i][0] = filling == SCATTERED ? draw(draws, UINT32_MAX) : number;
        batch->names[i][1] = filling == DESCENDING ? ~number : number;
        double score = filling == EQUAL ? 7 : filling == DESCENDING ? -(double)number : (double)number;
        batch->elements[i] = (struct store_element){
            .name = bytes_make(batch->names[i], sizeof batch->names[i]),
            .score = filling == SCATTERED ? (double)draw(draws, (uint64_t)1 << 30) : score,
        };
    }
}

/* Returns the bytes by which the collection grew, which must not be more than was said. */
static uint64_t add_batch(struct shelf *shelf, const struct load *load, const struct batch *batch,
                          size_t count, uint64_t *need)
{
    struct store_command put = {
        .kind = load->put,
        .type = load->type,
        .elements = batch->elements,
        .count = count,
        .from_end = batch->next % 2,
    };
    uint64_t before = shelf->collection->bytes;
    *need = collection_need_bytes(shelf->collection, &put);
    assert_int_equal(apply(shelf, put), STORE_OK);
    int64_t grown = (int64_t)(shelf->collection->bytes - before);
    assert_true(grown <= (int64_t)*need);
    return grown < 0 ? 0 : (uint64_t)grown;
}

#define LARGE_BATCH 100000

static void open_batch(struct batch *batch)
{
    batch->next = 1;
    batch->elements = calloc(LARGE_BATCH, sizeof *batch->elements);
    batch->names = calloc(LARGE_BATCH, sizeof *batch->names);
    assert_non_null(batch->elements);
    assert_non_null(batch->names);
}

static void close_batch(struct batch *batch)
{
    free(batch->elements);
    free(batch->names);
}

static void a_command_needs_no_more_than_is_said_whatever_was_there(void **state)
{
    (void)state;
    static const size_t counts[] = {20000, 1, 3, 100, 5000, 1, 1000, 30000, 2, 10000};
    struct draws draws = draws_begin("need");
    struct batch batch;
    open_batch(&batch);
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        for (enum filling first = 0; first < FILLINGS; first++) {
            struct shelf shelf;
            shelf_open(&shelf, loads[i].type);
            for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
                uint64_t need;
                draw_batch(&draws, &batch, counts[k], k == 0 ? first : (enum filling)draw(&draws, FILLINGS));
                add_batch(&shelf, &loads[i], &batch, counts[k], &need);
            }
            for (unsigned k = 0; k < 500; k++) {
                uint64_t need;
                draw_batch(&draws, &batch, 1 + k % 7, SCATTERED);
                add_batch(&shelf, &loads[i], &batch, 1 + k % 7, &need);
            }
            shelf_close(&shelf);
        }
    }
    close_batch(&batch);
}

static void many_elements_need_about_what_they_take(void **state)
{
    (void)state;
    struct draws draws = draws_begin("need of many");
    struct batch batch;
    open_batch(&batch);
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        for (enum filling filling = 0; filling < FILLINGS; filling++) {
            struct store_command put = {.kind = loads[i].put, .type = loads[i].type};
            uint64_t whole = collection_need_bytes(NULL, &put);
            struct shelf shelf;
            shelf_open(&shelf, loads[i].type);
            assert_true(shelf.collection->bytes <= whole);
            for (unsigned k = 0; k < 3; k++) {
                uint64_t need;
                draw_batch(&draws, &batch, LARGE_BATCH, filling);
                uint64_t grown = add_batch(&shelf, &loads[i], &batch, LARGE_BATCH, &need);
                assert_true(need <= grown * (3 + k) / 2 + 8192);
            }
            shelf_close(&shelf);
        }
    }
    close_batch(&batch);
}

static void only_commands_that_add_want_memory(void **state)
{
    (void)state;
    struct store_element element = {.name = bytes_of("x")};
    for (enum store_command_kind kind = STORE_LENGTH; kind < STORE_COMMAND_KINDS; kind++) {
        struct store_command command = {.kind = kind, .elements = &element, .count = 1};
        bool adds = command_kind_of(&command)->grows;
        command.type = kind < STORE_SORTED_PUT ? STORE_SET : STORE_SORTED_SET;
        assert_int_equal(collection_need_bytes(NULL, &command) > 0, adds);
        assert_true(command_kind_of(&command)->writes || !adds);
    }
}

static void a_big_collection_is_freed_in_many_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        struct shelf shelf;
        struct many *many = open_with_many(&shelf, loads[i].type, loads[i].put);
        uint8_t *large = calloc(1, 3000);
        for (unsigned k = 0; k < 400; k++) {
            large[0] = (uint8_t)k;
            large[1] = (uint8_t)(k >> 8);
            struct store_element element = {.name = bytes_make(large, 3000)};
            struct store_command put = {.kind = loads[i].put, .elements = &element, .count = 1};
            assert_int_equal(apply(&shelf, put), STORE_OK);
        }
        free(large);
        free(many);
        collection_answer_free(&shelf.answer);
        unsigned pieces = 1;
        while (!collection_free_piece(shelf.collection))
            pieces++;
        assert_true(pieces >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_keeps_the_value_put_last),
        cmocka_unit_test(values_change_their_size_in_any_way),
        cmocka_unit_test(fetch_gives_every_element_once),
        cmocka_unit_test(a_sample_has_none_twice),
        cmocka_unit_test(every_element_is_as_likely_to_be_sampled),
        cmocka_unit_test(sets_that_are_alike_are_not_sampled_alike),
        cmocka_unit_test(what_is_popped_is_no_longer_there),
        cmocka_unit_test(keep_new_stores_what_was_not_there),
        cmocka_unit_test(a_field_counts_in_decimal_and_refuses_what_is_no_number),
        cmocka_unit_test(pushed_values_keep_their_order_and_a_limit_drops_those_at_the_other_end),
        cmocka_unit_test(either_end_pops_until_nothing_is_left),
        cmocka_unit_test(slices_count_from_either_end_and_are_clamped),
        cmocka_unit_test(erased_ranges_are_of_the_list_as_it_was),
        cmocka_unit_test(all_values_equal_to_the_one_given_go),
        cmocka_unit_test(elements_stand_by_score_and_then_by_name),
        cmocka_unit_test(ranks_count_from_the_end_asked_for_and_equal_scores_may_share_them),
        cmocka_unit_test(ranges_by_index_and_by_score_run_in_the_order_asked_for),
        cmocka_unit_test(names_of_equal_hash_keep_their_scores_apart),
        cmocka_unit_test(an_increment_that_makes_no_number_is_refused),
        cmocka_unit_test(a_reply_is_refused_just_when_it_passes_its_limit),
        cmocka_unit_test(a_command_adds_no_more_memory_than_was_said),
        cmocka_unit_test(a_command_needs_no_more_than_is_said_whatever_was_there),
        cmocka_unit_test(many_elements_need_about_what_they_take),
        cmocka_unit_test(only_commands_that_add_want_memory),
        cmocka_unit_test(a_big_collection_is_freed_in_many_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
