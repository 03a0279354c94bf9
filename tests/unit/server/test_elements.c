/* Elements as they are written into replies, read back by the generated parsers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cacheclient.pb-c.h"
#include "leaderboard.pb-c.h"
#include "server/elements.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* What elements_write() writes, which must be as much as elements_size() says; the caller frees it. */
static struct bytes written(enum elements_form form, const struct store_element *elements, size_t count)
{
    size_t size = elements_size(form, elements, count);
    uint8_t *data = malloc(size + 1);
    assert_non_null(data);
    assert_ptr_equal(elements_write(data, form, elements, count), data + size);
    return bytes_make(data, size);
}

static ProtobufCMessage *parsed(const ProtobufCMessageDescriptor *descriptor, enum elements_form form,
                                const struct store_element *elements, size_t count)
{
    struct bytes message = written(form, elements, count);
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(descriptor, NULL, message.size, message.data);
    assert_non_null(unpacked);
    free((void *)(uintptr_t)message.data);
    return unpacked;
}

static void assert_same(ProtobufCBinaryData data, struct bytes expected)
{
    assert_int_equal(data.len, expected.size);
    assert_true(bytes_equal(bytes_make(data.data, data.len), expected));
}

static struct bytes long_text(void)
{
    static uint8_t text[100000];
    memset(text, 'x', sizeof text);
    return bytes_make(text, sizeof text);
}

static void names_are_written_empty_ones_included(void **state)
{
    (void)state;
    const struct store_element elements[] = {
        {.name = bytes_of("a")}, {.name = bytes_make(NULL, 0)}, {.name = long_text()}};
    CacheClient__SetFetchResponse__Found *found = (CacheClient__SetFetchResponse__Found *)parsed(
        &cache_client____set_fetch_response____found__descriptor, ELEMENTS_NAMES, elements, COUNT(elements));
    assert_int_equal(found->n_elements, COUNT(elements));
    for (size_t i = 0; i < COUNT(elements); i++)
        assert_same(found->elements[i], elements[i].name);
    protobuf_c_message_free_unpacked(&found->base, NULL);
}

static void pairs_are_written(void **state)
{
    (void)state;
    const struct store_element elements[] = {{.name = bytes_of("field"), .value = bytes_of("value")},
                                             {.name = bytes_make(NULL, 0), .value = long_text()},
                                             {.name = bytes_of("empty"), .value = bytes_make(NULL, 0)},
                                             {.name = bytes_make(NULL, 0), .value = bytes_make(NULL, 0)}};
    CacheClient__DictionaryFetchResponse__Found *found =
        (CacheClient__DictionaryFetchResponse__Found *)parsed(
            &cache_client____dictionary_fetch_response____found__descriptor, ELEMENTS_PAIRS, elements,
            COUNT(elements));
    assert_int_equal(found->n_items, COUNT(elements));
    for (size_t i = 0; i < COUNT(elements); i++) {
        assert_same(found->items[i]->field, elements[i].name);
        assert_same(found->items[i]->value, elements[i].value);
    }
    protobuf_c_message_free_unpacked(&found->base, NULL);
}

static void scores_are_written_to_the_last_bit(void **state)
{
    (void)state;
    const double scores[] = {0.0, -0.0, 1.5, -1e300, 5e-324, INFINITY, -INFINITY};
    struct store_element elements[COUNT(scores)] = {{.score = 0}};
    for (size_t i = 0; i < COUNT(scores); i++)
        elements[i] = (struct store_element){.name = bytes_of("n"), .score = scores[i]};
    CacheClient__SortedSetFetchResponse__Found__ValuesWithScores *found =
        (CacheClient__SortedSetFetchResponse__Found__ValuesWithScores *)parsed(
            &cache_client____sorted_set_fetch_response____found____values_with_scores__descriptor,
            ELEMENTS_SCORED, elements, COUNT(elements));
    assert_int_equal(found->n_elements, COUNT(elements));
    for (size_t i = 0; i < COUNT(elements); i++) {
        assert_same(found->elements[i]->value, elements[i].name);
        assert_memory_equal(&found->elements[i]->score, &scores[i], sizeof scores[i]);
    }
    protobuf_c_message_free_unpacked(&found->base, NULL);
}

static void answers_are_positional_and_tell_hit_from_miss(void **state)
{
    (void)state;
    const struct store_element elements[] = {
        {.name = bytes_of("there"), .value = bytes_of("v"), .score = 2, .found = true},
        {.name = bytes_of("not there"), .value = bytes_of("stale"), .score = 3},
        {.name = bytes_of("zero"), .value = bytes_make(NULL, 0), .found = true}};

    CacheClient__DictionaryGetResponse__Found *values = (CacheClient__DictionaryGetResponse__Found *)parsed(
        &cache_client____dictionary_get_response____found__descriptor, ELEMENTS_VALUE_ANSWERS, elements,
        COUNT(elements));
    assert_int_equal(values->n_items, COUNT(elements));
    assert_int_equal(values->items[0]->result, CACHE_CLIENT__ECACHE_RESULT__Hit);
    assert_same(values->items[0]->cache_body, bytes_of("v"));
    assert_int_equal(values->items[1]->result, CACHE_CLIENT__ECACHE_RESULT__Miss);
    assert_int_equal(values->items[1]->cache_body.len, 0);
    assert_int_equal(values->items[2]->result, CACHE_CLIENT__ECACHE_RESULT__Hit);
    protobuf_c_message_free_unpacked(&values->base, NULL);

    CacheClient__SortedSetGetScoreResponse__SortedSetFound *scores =
        (CacheClient__SortedSetGetScoreResponse__SortedSetFound *)parsed(
            &cache_client____sorted_set_get_score_response____sorted_set_found__descriptor,
            ELEMENTS_SCORE_ANSWERS, elements, COUNT(elements));
    assert_int_equal(scores->n_elements, COUNT(elements));
    assert_int_equal(scores->elements[0]->result, CACHE_CLIENT__ECACHE_RESULT__Hit);
    assert_true(scores->elements[0]->score == 2);
    assert_int_equal(scores->elements[1]->result, CACHE_CLIENT__ECACHE_RESULT__Miss);
    assert_true(scores->elements[1]->score == 0);
    assert_int_equal(scores->elements[2]->result, CACHE_CLIENT__ECACHE_RESULT__Hit);
    protobuf_c_message_free_unpacked(&scores->base, NULL);

    CacheClient__SetContainsResponse__Found *contained = (CacheClient__SetContainsResponse__Found *)parsed(
        &cache_client____set_contains_response____found__descriptor, ELEMENTS_CONTAINED, elements,
        COUNT(elements));
    assert_int_equal(contained->n_contains, COUNT(elements));
    for (size_t i = 0; i < COUNT(elements); i++)
        assert_int_equal(contained->contains[i], elements[i].found);
    protobuf_c_message_free_unpacked(&contained->base, NULL);
}

static void ranks_are_written_of_all_or_of_those_that_are_there(void **state)
{
    (void)state;
    uint8_t ids[2][ELEMENTS_ID_BYTES];
    elements_id_write(ids[0], 0);
    elements_id_write(ids[1], UINT32_MAX);
    const struct store_element elements[] = {
        {.name = bytes_make(ids[0], ELEMENTS_ID_BYTES), .score = 1, .rank = 7},
        {.name = bytes_make(ids[1], ELEMENTS_ID_BYTES), .score = -2, .rank = 300, .found = true}};

    Leaderboard__GetRankResponse *all = (Leaderboard__GetRankResponse *)parsed(
        &leaderboard____get_rank_response__descriptor, ELEMENTS_RANKED, elements, COUNT(elements));
    assert_int_equal(all->n_elements, 2);
    assert_int_equal(all->elements[0]->id, 0);
    assert_int_equal(all->elements[0]->rank, 7);
    assert_int_equal(all->elements[1]->id, UINT32_MAX);
    assert_true(all->elements[1]->score == -2);
    protobuf_c_message_free_unpacked(&all->base, NULL);

    Leaderboard__GetRankResponse *there = (Leaderboard__GetRankResponse *)parsed(
        &leaderboard____get_rank_response__descriptor, ELEMENTS_RANKED_FOUND, elements, COUNT(elements));
    assert_int_equal(there->n_elements, 1);
    assert_int_equal(there->elements[0]->rank, 300);
    protobuf_c_message_free_unpacked(&there->base, NULL);
}

static void no_elements_take_no_room(void **state)
{
    (void)state;
    for (int form = ELEMENTS_NAMES; form <= ELEMENTS_RANKED_FOUND; form++)
        assert_int_equal(elements_size((enum elements_form)form, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_written_empty_ones_included),
        cmocka_unit_test(pairs_are_written),
        cmocka_unit_test(scores_are_written_to_the_last_bit),
        cmocka_unit_test(answers_are_positional_and_tell_hit_from_miss),
        cmocka_unit_test(ranks_are_written_of_all_or_of_those_that_are_there),
        cmocka_unit_test(no_elements_take_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
