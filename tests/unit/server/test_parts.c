/* Requests on collections as the server reads them, written by the generated code or, where that would not write
 * them, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cacheclient.pb-c.h"
#include "leaderboard.pb-c.h"
#include "server/parts.h"

#include <math.h>

#define ENTRIES_MOST 1000

struct fixture {
    struct arena arena;
    struct parts parts;
    uint8_t *message;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    *state = fixture;
    return fixture == NULL;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    arena_free(&fixture->arena);
    free(fixture->message);
    free(fixture);
    return 0;
}

/* The bytes in a block of their own, so that a sanitizer sees a read past the end. */
static enum parts_status read_bytes(struct fixture *fixture, struct bytes message,
                                    const struct parts_layout *layout)
{
    uint8_t *copy = malloc(message.size > 0 ? message.size : 1);
    assert_non_null(copy);
    bytes_copy(copy, message.data, message.size);
    free(fixture->message);
    fixture->message = copy;
    parts_init(&fixture->parts);
    return parts_read(&fixture->parts, bytes_make(copy, message.size), layout, ENTRIES_MOST, &fixture->arena);
}

static const struct store_command *read_packed(struct fixture *fixture, const ProtobufCMessage *message,
                                               const struct parts_layout *layout)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);
    assert_non_null(packed);
    (void)protobuf_c_message_pack(message, packed);
    assert_int_equal(read_bytes(fixture, bytes_make(packed, size), layout), PARTS_READ);
    free(packed);
    return &fixture->parts.command;
}

static ProtobufCBinaryData data_of(const char *text)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)text, .len = strlen(text)};
}

static void assert_text(struct bytes bytes, const char *text)
{
    assert_true(bytes_equal(bytes, bytes_of(text)));
}

static const struct parts_layout pairs_layout = {
    .fields = {[1] = PART_KEY, [2] = PART_PAIRS, [3] = PART_TTL, [4] = PART_REFRESH_TTL}};

static void a_write_of_many_elements_is_read_in_order(void **state)
{
    enum { COUNT = 100 };
    CacheClient__DictionaryFieldValuePair pairs[COUNT];
    CacheClient__DictionaryFieldValuePair *items[COUNT];
    char fields[COUNT][16];
    for (int i = 0; i < COUNT; i++) {
        pairs[i] = (CacheClient__DictionaryFieldValuePair)CACHE_CLIENT____DICTIONARY_FIELD_VALUE_PAIR__INIT;
        (void)snprintf(fields[i], sizeof fields[i], "f%d", i);
        pairs[i].field = data_of(fields[i]);
        pairs[i].value = data_of("v");
        items[i] = &pairs[i];
    }
    CacheClient__DictionarySetRequest request = CACHE_CLIENT____DICTIONARY_SET_REQUEST__INIT;
    request.dictionary_name = data_of("name");
    request.n_items = COUNT;
    request.items = items;
    request.ttl_milliseconds = UINT64_MAX;
    request.refresh_ttl = true;
    const struct store_command *command = read_packed(*state, &request.base, &pairs_layout);
    assert_text(command->key, "name");
    assert_true(command->ttl_ms == UINT64_MAX);
    assert_true(command->refresh_ttl);
    assert_int_equal(command->count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_text(command->elements[i].name, fields[i]);
        assert_text(command->elements[i].value, "v");
    }
}

static void an_empty_message_says_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_bytes(fixture, bytes_make(NULL, 0), &pairs_layout), PARTS_READ);
    const struct store_command *command = &fixture->parts.command;
    assert_int_equal(command->key.size, 0);
    assert_int_equal(command->count, 0);
    assert_int_equal(command->start, 0);
    assert_true(command->end == STORE_END);
    assert_true(command->min.score == -INFINITY && command->max.score == INFINITY);
    assert_false(fixture->parts.min_set || fixture->parts.max_set);
}

static const struct parts_layout push_layout = {
    .fields = {[1] = PART_KEY, [2] = PART_ELEMENT, [3] = PART_ELEMENT_SCORE}, .single = true};

static void a_single_element_is_there_even_when_it_is_empty(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_bytes(fixture, bytes_of("\x0a\x01k"), &push_layout), PARTS_READ);
    assert_int_equal(fixture->parts.command.count, 1);
    assert_int_equal(fixture->parts.command.elements[0].name.size, 0);
    assert_false(fixture->parts.element_set);

    /* The last of equal fields counts. */
    assert_int_equal(read_bytes(fixture, bytes_of("\x0a\x01k\x12\x01x\x12\x02yz"), &push_layout), PARTS_READ);
    assert_int_equal(fixture->parts.command.count, 1);
    assert_text(fixture->parts.command.elements[0].name, "yz");
    assert_true(fixture->parts.element_set);
}

static const struct parts_layout slice_layout = {
    .fields = {[1] = PART_KEY, [2] = PART_START_OPEN, [3] = PART_START, [4] = PART_END_OPEN, [5] = PART_END}};

static void slices_have_negative_and_open_ends(void **state)
{
    CacheClient__ListFetchRequest request = CACHE_CLIENT____LIST_FETCH_REQUEST__INIT;
    Common__Unbounded open = COMMON____UNBOUNDED__INIT;
    request.start_index_case = CACHE_CLIENT____LIST_FETCH_REQUEST__START_INDEX_INCLUSIVE_START;
    request.inclusive_start = INT32_MIN;
    request.end_index_case = CACHE_CLIENT____LIST_FETCH_REQUEST__END_INDEX_EXCLUSIVE_END;
    request.exclusive_end = -1;
    const struct store_command *command = read_packed(*state, &request.base, &slice_layout);
    assert_int_equal(command->start, INT32_MIN);
    assert_int_equal(command->end, -1);

    request.end_index_case = CACHE_CLIENT____LIST_FETCH_REQUEST__END_INDEX_UNBOUNDED_END;
    request.unbounded_end = &open;
    command = read_packed(*state, &request.base, &slice_layout);
    assert_true(command->end == STORE_END);
}

static void the_last_member_of_a_flat_oneof_counts(void **state)
{
    struct fixture *fixture = *state;
    /* inclusive_start = 3, then unbounded_start; exclusive_end = 2 */
    assert_int_equal(read_bytes(fixture, bytes_make("\x18\x06\x12\x00\x28\x04", 6), &slice_layout),
                     PARTS_READ);
    assert_int_equal(fixture->parts.command.start, 0);
    assert_int_equal(fixture->parts.command.end, 2);
}

static const struct parts_layout names_layout = {.fields = {[1] = PART_NAMES}};
static const struct parts_layout subtrahend_layout = {.fields = {[1] = PART_CHOICE, [2] = PART_CHOICE},
                                                      .inner = {[1] = &names_layout}};
static const struct parts_layout difference_layout = {
    .fields = {[1] = PART_KEY, [2] = PART_CHOICE, [3] = PART_CHOICE},
    .inner = {[2] = &names_layout, [3] = &subtrahend_layout}};

static void a_choice_that_occurs_twice_is_merged_and_another_takes_its_place(void **state)
{
    struct fixture *fixture = *state;
    /* minuend {"a"}, minuend {"b"} */
    assert_int_equal(read_bytes(fixture,
                                bytes_of("\x12\x03\x0a\x01"
                                         "a"
                                         "\x12\x03\x0a\x01"
                                         "b"),
                                &difference_layout),
                     PARTS_READ);
    assert_int_equal(fixture->parts.choice[0], 2);
    assert_int_equal(fixture->parts.command.count, 2);

    /* the same, then subtrahend { set {"c"} } */
    assert_int_equal(read_bytes(fixture,
                                bytes_of("\x12\x03\x0a\x01"
                                         "a"
                                         "\x12\x03\x0a\x01"
                                         "b"
                                         "\x1a\x05\x0a\x03\x0a\x01"
                                         "c"),
                                &difference_layout),
                     PARTS_READ);
    assert_int_equal(fixture->parts.choice[0], 3);
    assert_int_equal(fixture->parts.choice[1], 1);
    assert_int_equal(fixture->parts.command.count, 1);
    assert_text(fixture->parts.command.elements[0].name, "c");

    /* subtrahend { set {"c"} }, subtrahend { identity } */
    assert_int_equal(read_bytes(fixture,
                                bytes_make("\x1a\x05\x0a\x03\x0a\x01"
                                           "c"
                                           "\x1a\x02\x12\x00",
                                           11),
                                &difference_layout),
                     PARTS_READ);
    assert_int_equal(fixture->parts.choice[1], 2);
    assert_int_equal(fixture->parts.command.count, 0);

    /* A subtrahend that says nothing is a choice all the same. */
    assert_int_equal(read_bytes(fixture, bytes_make("\x1a\x00", 2), &difference_layout), PARTS_READ);
    assert_int_equal(fixture->parts.choice[0], 3);
    assert_int_equal(fixture->parts.choice[1], 0);
}

static const struct parts_layout by_score_layout = {.fields = {[1] = PART_MIN_OPEN,
                                                               [2] = PART_MIN_BOUND,
                                                               [3] = PART_MAX_OPEN,
                                                               [4] = PART_MAX_BOUND,
                                                               [5] = PART_OFFSET,
                                                               [6] = PART_LIMIT_SIGNED}};
static const struct parts_layout fetch_layout = {
    .fields =
        {[1] = PART_KEY, [2] = PART_ORDER, [3] = PART_WITH_SCORES, [4] = PART_CHOICE, [5] = PART_CHOICE},
    .inner = {[5] = &by_score_layout}};

static void bounds_offset_and_count_are_read(void **state)
{
    struct fixture *fixture = *state;
    CacheClient__SortedSetFetchRequest request = CACHE_CLIENT____SORTED_SET_FETCH_REQUEST__INIT;
    CacheClient__SortedSetFetchRequest__ByScore by_score =
        CACHE_CLIENT____SORTED_SET_FETCH_REQUEST____BY_SCORE__INIT;
    CacheClient__SortedSetFetchRequest__ByScore__Score min =
        CACHE_CLIENT____SORTED_SET_FETCH_REQUEST____BY_SCORE____SCORE__INIT;
    min.score = -2.5;
    min.exclusive = true;
    by_score.min_case = CACHE_CLIENT____SORTED_SET_FETCH_REQUEST____BY_SCORE__MIN_MIN_SCORE;
    by_score.min_score = &min;
    by_score.offset = 7;
    by_score.count = -1;
    request.range_case = CACHE_CLIENT____SORTED_SET_FETCH_REQUEST__RANGE_BY_SCORE;
    request.by_score = &by_score;
    request.order = CACHE_CLIENT____SORTED_SET_FETCH_REQUEST__ORDER__DESCENDING;
    request.with_scores = true;
    const struct store_command *command = read_packed(fixture, &request.base, &fetch_layout);
    assert_int_equal(fixture->parts.choice[0], 5);
    assert_int_equal(fixture->parts.order, 1);
    assert_true(fixture->parts.with_scores);
    assert_true(command->min.score == -2.5 && command->min.exclusive && fixture->parts.min_set);
    assert_true(command->max.score == INFINITY && !fixture->parts.max_set);
    assert_int_equal(command->offset, 7);
    assert_true(command->limit == STORE_NO_LIMIT);

    by_score.count = 12;
    assert_int_equal(read_packed(fixture, &request.base, &fetch_layout)->limit, 12);
    by_score.count = 0;
    assert_int_equal(read_packed(fixture, &request.base, &fetch_layout)->limit, 0);
}

static void a_bound_without_fields_is_zero(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_bytes(fixture, bytes_make("\x2a\x02\x12\x00", 4), &fetch_layout), PARTS_READ);
    assert_true(fixture->parts.min_set);
    assert_true(fixture->parts.command.min.score == 0);
}

static const struct parts_layout ids_layout = {.fields = {[2] = PART_KEY, [3] = PART_IDS}};

static void ids_are_read_packed_or_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    Leaderboard__RemoveElementsRequest request;
    leaderboard____remove_elements_request__init(&request);
    uint32_t ids[] = {0, 127, 128, UINT32_MAX};
    char board[] = "board";
    request.leaderboard = board;
    request.ids = ids;
    request.n_ids = 4;
    const struct store_command *command = read_packed(fixture, &request.base, &ids_layout);
    assert_text(command->key, "board");
    assert_int_equal(command->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(command->elements[i].rank, ids[i]);

    assert_int_equal(read_bytes(fixture, bytes_make("\x18\x05\x1a\x02\x06\x07\x18\x08", 8), &ids_layout),
                     PARTS_READ);
    assert_int_equal(fixture->parts.command.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(fixture->parts.command.elements[i].rank, 5 + i);
}

static const struct parts_layout sources_layout = {.fields = {[1] = PART_KEY, [2] = PART_SOURCES}};

static void sources_have_weights(void **state)
{
    CacheClient__SortedSetUnionStoreRequest request = CACHE_CLIENT____SORTED_SET_UNION_STORE_REQUEST__INIT;
    CacheClient__SortedSetUnionStoreRequest__Source source =
        CACHE_CLIENT____SORTED_SET_UNION_STORE_REQUEST____SOURCE__INIT;
    CacheClient__SortedSetUnionStoreRequest__Source *sources[] = {&source, &source};
    source.set_name = data_of("from");
    source.weight = -0.5F;
    request.n_sources = 2;
    request.sources = sources;
    const struct store_command *command = read_packed(*state, &request.base, &sources_layout);
    assert_int_equal(command->source_count, 2);
    assert_text(command->sources[1].key, "from");
    assert_true(command->sources[1].weight == -0.5);
}

static const struct parts_layout ranges_layout = {.fields = {[1] = PART_RANGES}};

static void a_small_message_cannot_name_more_entries_than_allowed(void **state)
{
    struct fixture *fixture = *state;
    uint8_t message[2 * (ENTRIES_MOST + 1)];
    for (size_t i = 0; i < sizeof message; i += 2) {
        message[i] = 0x0a; /* field 1, of no bytes */
        message[i + 1] = 0;
    }
    const struct parts_layout *const layouts[] = {&names_layout, &ranges_layout};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(read_bytes(fixture, bytes_make(message, sizeof message), layouts[i]),
                         PARTS_TOO_MANY);
        assert_int_equal(read_bytes(fixture, bytes_make(message, sizeof message - 2), layouts[i]),
                         PARTS_READ);
    }
    uint8_t packed[3 + ENTRIES_MOST + 1] = {0x1a, 0xe9, 0x07}; /* 1001 ids, all zero */
    assert_int_equal(read_bytes(fixture, bytes_make(packed, sizeof packed), &ids_layout), PARTS_TOO_MANY);
}

static void fields_of_another_type_or_number_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    /* field 1 as a number, field 3 as bytes, field 9, field 2000, then a name */
    const char message[] = "\x08\x05\x1a\x01z\x48\x01\xc0\x7d\x01\x0a\x01k";
    assert_int_equal(read_bytes(fixture, bytes_make(message, sizeof message - 1), &pairs_layout), PARTS_READ);
    assert_text(fixture->parts.command.key, "k");
    assert_int_equal(fixture->parts.command.ttl_ms, 0);
}

static void what_is_no_message_is_refused_at_every_depth(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_bytes(fixture, bytes_of("\x0a\x05k"), &pairs_layout), PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x12\x02\x0a\x05"), &pairs_layout), PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x12\x01\x0a"), &slice_layout), PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x1a\x03\x0a\x01\x0a"), &difference_layout),
                     PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x1a\x01\x80"), &ids_layout), PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x12\x01\x80"), &sources_layout), PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x0a\x01\x80"), &ranges_layout), PARTS_MALFORMED);
    assert_int_equal(read_bytes(fixture, bytes_of("\x2a\x03\x12\x01\x80"), &fetch_layout), PARTS_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_of_many_elements_is_read_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_message_says_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_single_element_is_there_even_when_it_is_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slices_have_negative_and_open_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_member_of_a_flat_oneof_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_choice_that_occurs_twice_is_merged_and_another_takes_its_place,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_offset_and_count_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bound_without_fields_is_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_are_read_packed_or_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sources_have_weights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_small_message_cannot_name_more_entries_than_allowed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(fields_of_another_type_or_number_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_message_is_refused_at_every_depth, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
