/* What sorted sets and leaderboards promise. */
#include "store/behaviour_chapters.h"

#include <math.h>

static struct store_command on_sorted(enum store_command_kind kind)
{
    return command_on(kind, STORE_SORTED_SET, "z");
}

static enum store_status put(struct fixture *f, const char *key, const char *spelled)
{
    return give(f, command_on(STORE_SORTED_PUT, STORE_SORTED_SET, key), spelled);
}

/* The sorted set anew. */
static void have(struct fixture *f, const char *spelled)
{
    erase(f, bytes_of("z"));
    assert_int_equal(put(f, "z", spelled), STORE_OK);
}

static void equal_scores_are_ordered_by_name_as_unsigned_bytes(void **state)
{
    have(*state, "b:1 \xff:1 a:1 ab:1 B:1 z:0 c:2");
    assert_sorted_set(*state, "z", "z:0 B:1 a:1 ab:1 b:1 \xff:1 c:2");
}

static void a_put_moves_what_is_there_and_the_last_of_duplicates_wins(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:2 c:3");
    assert_int_equal(put(f, "z", "a:5 d:4 d:0 a:2.5"), STORE_OK);
    assert_sorted_set(f, "z", "d:0 b:2 a:2.5 c:3");
    assert_int_equal(put(f, "z", "a:2.5"), STORE_OK);
    assert_sorted_set(f, "z", "d:0 b:2 a:2.5 c:3");
}

static void scores_are_answered_in_the_order_asked_with_duplicates(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:-2.5");
    give(f, on_sorted(STORE_SORTED_SCORE), "b nobody a b");
    assert_answer(f, SPELL_POSITIONAL | SPELL_SCORES, "b:-2.5 - a:1 b:-2.5");
}

static void infinities_are_scores_and_zero_has_no_sign(void **state)
{
    struct fixture *f = *state;
    have(f, "up:inf b:-0.0 down:-inf a:0.0 c:-0.0 least:-1e308 most:1e308");
    assert_sorted_set(f, "z", "down:-inf least:-1e+308 a:0 b:0 c:0 most:1e+308 up:inf");
    struct store_command between = on_sorted(STORE_SORTED_BY_SCORE);
    between.min.score = -0.0;
    between.max.score = 0.0;
    command(f, between);
    assert_answer(f, SPELL_SCORES | SPELL_RANKS, "a:0#2 b:0#3 c:0#4");
    between.min = (struct store_bound){.score = 0.0};
    between.max = (struct store_bound){.score = -0.0};
    command(f, between);
    assert_answer(f, 0, "a b c");
    between.min.exclusive = true;
    command(f, between);
    assert_answer(f, 0, "");
    between.min = (struct store_bound){.score = -INFINITY, .exclusive = true};
    between.max = (struct store_bound){.score = INFINITY, .exclusive = true};
    command(f, between);
    assert_answer(f, 0, "least a b c most");
    between.min = (struct store_bound){.score = INFINITY};
    between.max = (struct store_bound){.score = INFINITY};
    command(f, between);
    assert_answer(f, SPELL_RANKS, "up#6");
}

static void check_ranks(struct fixture *f, bool descending, bool competition, const char *expected)
{
    struct store_command rank = on_sorted(STORE_SORTED_RANK);
    rank.descending = descending;
    rank.competition = competition;
    give(f, rank, "e d nobody c b a e");
    assert_answer(f, SPELL_POSITIONAL | SPELL_SCORES | SPELL_RANKS, expected);
}

static void ranks_follow_the_order_and_competition_ranks_are_shared(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:2 c:2 d:2 e:3");
    check_ranks(f, false, false, "e:3#4 d:2#3 - c:2#2 b:2#1 a:1#0 e:3#4");
    check_ranks(f, true, false, "e:3#0 d:2#1 - c:2#2 b:2#3 a:1#4 e:3#0");
    check_ranks(f, false, true, "e:3#4 d:2#1 - c:2#1 b:2#1 a:1#0 e:3#4");
    check_ranks(f, true, true, "e:3#0 d:2#1 - c:2#1 b:2#1 a:1#4 e:3#0");
}

static void zeros_of_both_signs_share_a_competition_rank(void **state)
{
    struct fixture *f = *state;
    have(f, "a:-1 b:0.0 c:-0.0 d:1 e:1");
    check_ranks(f, false, true, "e:1#3 d:1#3 - c:0#1 b:0#1 a:-1#0 e:1#3");
    check_ranks(f, true, true, "e:1#0 d:1#0 - c:0#2 b:0#2 a:-1#4 e:1#0");
}

struct slice {
    int64_t start;
    int64_t end;
    const char *ascending;
    const char *descending;
};

/* Of the sorted set "a:1 b:2 c:2 d:3". */
static const struct slice slices[] = {
    {0, STORE_END, "a:1#0 b:2#1 c:2#2 d:3#3", "d:3#0 c:2#1 b:2#2 a:1#3"},
    {1, 3, "b:2#1 c:2#2", "c:2#1 b:2#2"},
    {-1, STORE_END, "d:3#3", "a:1#3"},
    {0, -3, "a:1#0", "d:3#0"},
    {-100, 1, "a:1#0", "d:3#0"},
    {INT64_MIN, INT64_MAX, "a:1#0 b:2#1 c:2#2 d:3#3", "d:3#0 c:2#1 b:2#2 a:1#3"},
    {3, 100, "d:3#3", "a:1#3"},
    {4, STORE_END, "", ""},
    {3, 1, "", ""},
    {-1, -2, "", ""},
    {0, INT64_MIN, "", ""},
};

static void slices_by_index_are_of_the_order_asked_for(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:2 c:2 d:3");
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        struct store_command fetch = on_sorted(STORE_SORTED_BY_INDEX);
        fetch.start = slices[i].start;
        fetch.end = slices[i].end;
        command(f, fetch);
        assert_answer(f, SPELL_SCORES | SPELL_RANKS, slices[i].ascending);
        fetch.descending = true;
        command(f, fetch);
        assert_answer(f, SPELL_SCORES | SPELL_RANKS, slices[i].descending);
    }
}

struct between {
    struct store_bound min;
    struct store_bound max;
    uint64_t offset;
    uint64_t limit;
    const char *ascending;
    const char *descending;
};

/* Of the sorted set "a:1 b:2 c:2 d:3 e:4". */
static const struct between betweens[] = {
    {{2, false}, {3, false}, 0, STORE_NO_LIMIT, "b#1 c#2 d#3", "d#1 c#2 b#3"},
    {{2, true}, {3, false}, 0, STORE_NO_LIMIT, "d#3", "d#1"},
    {{2, false}, {3, true}, 0, STORE_NO_LIMIT, "b#1 c#2", "c#2 b#3"},
    {{1, true}, {4, true}, 0, STORE_NO_LIMIT, "b#1 c#2 d#3", "d#1 c#2 b#3"},
    {{2, true}, {2, false}, 0, STORE_NO_LIMIT, "", ""},
    {{2, false}, {2, true}, 0, STORE_NO_LIMIT, "", ""},
    {{2, false}, {2, false}, 0, STORE_NO_LIMIT, "b#1 c#2", "c#2 b#3"},
    {{3, false}, {2, false}, 0, STORE_NO_LIMIT, "", ""},
    {{2.5, false}, {2.75, false}, 0, STORE_NO_LIMIT, "", ""},
    {{5, false}, {9, false}, 0, STORE_NO_LIMIT, "", ""},
    {{2, false}, {9, false}, 1, 2, "c#2 d#3", "d#1 c#2"},
    {{2, false}, {9, false}, 3, 2, "e#4", "b#3"},
    {{2, false}, {9, false}, 4, 2, "", ""},
    {{2, false}, {9, false}, UINT64_MAX, STORE_NO_LIMIT, "", ""},
    {{2, false}, {9, false}, 0, 0, "", ""},
};

static void bounds_may_exclude_and_offset_and_limit_are_of_what_lies_between(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:2 c:2 d:3 e:4");
    for (size_t i = 0; i < sizeof betweens / sizeof *betweens; i++) {
        struct store_command fetch = on_sorted(STORE_SORTED_BY_SCORE);
        fetch.min = betweens[i].min;
        fetch.max = betweens[i].max;
        fetch.offset = betweens[i].offset;
        fetch.limit = betweens[i].limit;
        command(f, fetch);
        assert_answer(f, SPELL_RANKS, betweens[i].ascending);
        fetch.descending = true;
        command(f, fetch);
        assert_answer(f, SPELL_RANKS, betweens[i].descending);
    }
}

static void a_count_is_of_all_between_the_bounds(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:2 c:2 d:3 e:4");
    for (size_t i = 0; i < sizeof betweens / sizeof *betweens; i++) {
        struct store_command between = on_sorted(STORE_SORTED_BY_SCORE);
        between.min = betweens[i].min;
        between.max = betweens[i].max;
        assert_int_equal(command(f, between), STORE_OK);
        size_t expected = f->answer.count;
        between.kind = STORE_SORTED_COUNT;
        assert_int_equal(command(f, between), STORE_OK);
        assert_int_equal(f->answer.number, expected);
    }
}

static void an_increment_adds_and_answers_the_score_there_now(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(give(f, on_sorted(STORE_SORTED_INCREMENT), "a:1.5"), STORE_OK);
    assert_true(f->answer.score == 1.5);
    put(f, "z", "b:2");
    assert_int_equal(give(f, on_sorted(STORE_SORTED_INCREMENT), "a:1"), STORE_OK);
    assert_true(f->answer.score == 2.5);
    assert_sorted_set(f, "z", "b:2 a:2.5");
    assert_int_equal(give(f, on_sorted(STORE_SORTED_INCREMENT), "a:-inf"), STORE_OK);
    assert_true(f->answer.score == -INFINITY);
    assert_sorted_set(f, "z", "a:-inf b:2");
}

static void infinity_less_infinity_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct store_command add = on_sorted(STORE_SORTED_INCREMENT);
    add.refresh_ttl = true;
    add.ttl_ms = 5;
    have(f, "a:inf b:-inf");
    assert_int_equal(give(f, add, "a:-inf"), STORE_NOT_NUMBER);
    assert_int_equal(give(f, add, "b:inf"), STORE_NOT_NUMBER);
    assert_ttl(f, "z", MINUTE_MS);
    assert_sorted_set(f, "z", "b:-inf a:inf");
    assert_int_equal(give(f, add, "a:inf"), STORE_OK);
    assert_ttl(f, "z", 5);
}

static void removing_leaves_the_others_in_order(void **state)
{
    struct fixture *f = *state;
    have(f, "a:1 b:2 c:3 d:4");
    assert_int_equal(give(f, on_sorted(STORE_SORTED_REMOVE), "c nobody a c"), STORE_OK);
    assert_sorted_set(f, "z", "b:2 d:4");
}

/* Unions: sources are spelled by key, with the weight behind a colon. */
static enum store_status unite(struct fixture *f, const char *key, enum store_aggregate aggregate,
                               uint64_t ttl_ms, const struct store_source *sources, size_t count)
{
    struct store_command order = command_on(STORE_SORTED_UNION, STORE_SORTED_SET, key);
    order.aggregate = aggregate;
    order.ttl_ms = ttl_ms;
    order.sources = sources;
    order.source_count = count;
    return command(f, order);
}

#define KEY(letter)                                                                                          \
    {                                                                                                        \
        .data = (const uint8_t *)(letter), .size = 1                                                         \
    }

static void a_union_weighs_and_aggregates(void **state)
{
    static const struct store_source sources[] = {{KEY("x"), 1}, {KEY("y"), 2}, {KEY("n"), 3}};
    struct fixture *f = *state;
    put(f, "x", "a:1 b:5 c:-3");
    put(f, "y", "b:2 c:-1 d:7");
    assert_int_equal(unite(f, "u", STORE_SUM, 77, sources, 3), STORE_OK);
    assert_int_equal(f->answer.number, 4);
    assert_sorted_set(f, "u", "c:-5 a:1 b:9 d:14");
    assert_ttl(f, "u", 77);
    assert_int_equal(unite(f, "u", STORE_MIN, 78, sources, 3), STORE_OK);
    assert_sorted_set(f, "u", "c:-3 a:1 b:4 d:14");
    assert_int_equal(unite(f, "u", STORE_MAX, 79, sources, 3), STORE_OK);
    assert_sorted_set(f, "u", "c:-2 a:1 b:5 d:14");
    assert_ttl(f, "u", 79);
    assert_sorted_set(f, "x", "c:-3 a:1 b:5");
    assert_sorted_set(f, "y", "c:-1 b:2 d:7");
}

static void a_union_may_be_of_itself_and_of_one_source_twice(void **state)
{
    static const struct store_source sources[] = {{KEY("x"), 1}, {KEY("x"), 10}, {KEY("y"), 1}};
    struct fixture *f = *state;
    put(f, "x", "a:1 b:2");
    put(f, "y", "b:100 c:3");
    assert_int_equal(unite(f, "x", STORE_SUM, 70, sources, 3), STORE_OK);
    assert_int_equal(f->answer.number, 3);
    assert_sorted_set(f, "x", "c:3 a:11 b:122");
    assert_ttl(f, "x", 70);
}

static void a_source_named_again_counts_with_all_its_weights(void **state)
{
    static const struct store_source mixed[] = {{KEY("x"), 1}, {KEY("y"), -1}, {KEY("x"), -3}, {KEY("x"), 2}};
    static const struct store_source infinite[] = {{KEY("x"), 1}, {KEY("y"), 1}, {KEY("x"), 1}};
    static const struct store_source opposite[] = {{KEY("x"), INFINITY}, {KEY("x"), -INFINITY}};
    struct fixture *f = *state;
    put(f, "x", "a:10 b:-10 c:0");
    put(f, "y", "a:4");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, mixed, 4), STORE_OK);
    assert_sorted_set(f, "u", "a:-4 b:0 c:0");
    assert_int_equal(unite(f, "u", STORE_MIN, 70, mixed, 4), STORE_OK);
    assert_sorted_set(f, "u", "a:-30 b:-20 c:0");
    assert_int_equal(unite(f, "u", STORE_MAX, 70, mixed, 4), STORE_OK);
    assert_sorted_set(f, "u", "c:0 a:20 b:30");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, opposite, 2), STORE_OK);
    assert_sorted_set(f, "u", "a:0 b:0 c:0");

    /* It is read once: not infinite again after the other has made it zero. */
    put(f, "x", "a:inf");
    put(f, "y", "a:-inf");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, infinite, 3), STORE_OK);
    assert_sorted_set(f, "u", "b:-20 a:0 c:0");
}

static void what_is_no_number_in_a_union_is_zero(void **state)
{
    static const struct store_source zero_weight[] = {{KEY("x"), 0}};
    static const struct store_source opposite[] = {{KEY("x"), 1}, {KEY("y"), -1}};
    struct fixture *f = *state;
    put(f, "x", "a:inf b:-inf c:1");
    put(f, "y", "a:inf b:-inf");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, zero_weight, 1), STORE_OK);
    assert_sorted_set(f, "u", "a:0 b:0 c:0");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, opposite, 2), STORE_OK);
    assert_sorted_set(f, "u", "a:0 b:0 c:1");
    assert_int_equal(unite(f, "u", STORE_MAX, 70, opposite, 2), STORE_OK);
    assert_sorted_set(f, "u", "c:1 a:inf b:inf");
}

static void a_union_of_nothing_removes_the_key(void **state)
{
    static const struct store_source nobody[] = {{KEY("n"), 1}, {KEY("m"), 1}};
    struct fixture *f = *state;
    put(f, "u", "a:1");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, nobody, 2), STORE_OK);
    assert_int_equal(f->answer.number, 0);
    assert_missing(f, "u");
    put(f, "u", "a:1");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, NULL, 0), STORE_OK);
    assert_missing(f, "u");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, NULL, 0), STORE_OK);
    assert_int_equal(f->answer.number, 0);
}

static void a_union_of_another_type_changes_nothing(void **state)
{
    static const struct store_source sources[] = {{KEY("x"), 1}, {KEY("s"), 1}};
    struct fixture *f = *state;
    put(f, "x", "a:1");
    put(f, "u", "b:2");
    give(f, command_on(STORE_TABLE_PUT, STORE_SET, "s"), "a");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, sources, 2), STORE_WRONG_TYPE);
    assert_sorted_set(f, "u", "b:2");
    assert_ttl(f, "u", MINUTE_MS);
    assert_int_equal(unite(f, "s", STORE_SUM, 70, sources, 1), STORE_WRONG_TYPE);
    assert_set(f, "s", "a");
    assert_int_equal(unite(f, "s", STORE_SUM, 70, NULL, 0), STORE_WRONG_TYPE);
    assert_set(f, "s", "a");
}

/* Leaderboards. */

static struct store_command on_board(enum store_command_kind kind)
{
    return command_on(kind, STORE_LEADERBOARD, "z");
}

static void a_leaderboard_and_an_item_may_have_equal_keys(void **state)
{
    struct fixture *f = *state;
    give(f, on_board(STORE_SORTED_PUT), "a:1 b:2");
    assert_missing(f, "z");
    assert_int_equal(get(f, bytes_of("z")), STORE_MISSING);
    assert_int_equal(erase(f, bytes_of("z")), STORE_MISSING);
    assert_int_equal(update_ttl(f, bytes_of("z"), STORE_TTL_OVERWRITE, 5), STORE_MISSING);
    put(f, "z", "x:9");
    assert_leaderboard(f, "z", "a:1 b:2");
    assert_sorted_set(f, "z", "x:9");
    set(f, bytes_of("z"), bytes_of("value"));
    assert_leaderboard(f, "z", "a:1 b:2");
    assert_int_equal(command(f, on_board(STORE_CLEAR)), STORE_OK);
    assert_value(f, bytes_of("z"), bytes_of("value"));
    assert_int_equal(command(f, on_board(STORE_LENGTH)), STORE_MISSING);
}

static void a_leaderboard_is_no_source_of_a_union(void **state)
{
    static const struct store_source source = {KEY("z"), 1};
    struct fixture *f = *state;
    give(f, on_board(STORE_SORTED_PUT), "a:1");
    assert_int_equal(unite(f, "u", STORE_SUM, 70, &source, 1), STORE_OK);
    assert_int_equal(f->answer.number, 0);
}

static void a_leaderboard_answers_as_a_sorted_set_does(void **state)
{
    struct fixture *f = *state;
    give(f, on_board(STORE_SORTED_PUT), "a:1 b:2 c:2 d:3");
    struct store_command rank = on_board(STORE_SORTED_RANK);
    rank.descending = true;
    rank.competition = true;
    give(f, rank, "b nobody c a");
    assert_answer(f, SPELL_POSITIONAL | SPELL_SCORES | SPELL_RANKS, "b:2#1 - c:2#1 a:1#3");
    give(f, on_board(STORE_SORTED_REMOVE), "a b");
    assert_leaderboard(f, "z", "c:2 d:3");
    give(f, on_board(STORE_SORTED_REMOVE), "c d");
    assert_int_equal(command(f, on_board(STORE_LENGTH)), STORE_MISSING);
}

static const struct CMUnitTest promises[] = {
    cmocka_unit_test(equal_scores_are_ordered_by_name_as_unsigned_bytes),
    cmocka_unit_test(a_put_moves_what_is_there_and_the_last_of_duplicates_wins),
    cmocka_unit_test(scores_are_answered_in_the_order_asked_with_duplicates),
    cmocka_unit_test(infinities_are_scores_and_zero_has_no_sign),
    cmocka_unit_test(ranks_follow_the_order_and_competition_ranks_are_shared),
    cmocka_unit_test(zeros_of_both_signs_share_a_competition_rank),
    cmocka_unit_test(slices_by_index_are_of_the_order_asked_for),
    cmocka_unit_test(bounds_may_exclude_and_offset_and_limit_are_of_what_lies_between),
    cmocka_unit_test(a_count_is_of_all_between_the_bounds),
    cmocka_unit_test(an_increment_adds_and_answers_the_score_there_now),
    cmocka_unit_test(infinity_less_infinity_is_refused_and_changes_nothing),
    cmocka_unit_test(removing_leaves_the_others_in_order),
    cmocka_unit_test(a_union_weighs_and_aggregates),
    cmocka_unit_test(a_union_may_be_of_itself_and_of_one_source_twice),
    cmocka_unit_test(a_source_named_again_counts_with_all_its_weights),
    cmocka_unit_test(what_is_no_number_in_a_union_is_zero),
    cmocka_unit_test(a_union_of_nothing_removes_the_key),
    cmocka_unit_test(a_union_of_another_type_changes_nothing),
    cmocka_unit_test(a_leaderboard_and_an_item_may_have_equal_keys),
    cmocka_unit_test(a_leaderboard_is_no_source_of_a_union),
    cmocka_unit_test(a_leaderboard_answers_as_a_sorted_set_does),
};

const struct behaviour_chapter behaviour_sorted_sets = {promises, sizeof promises / sizeof *promises, false};
