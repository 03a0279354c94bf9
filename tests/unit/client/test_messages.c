/* What every method writes and reads, held against the generated code: a request must unpack to the
 * message that the contract names, field by field, and a reply that the generated code packs must read as
 * it was meant. */
#include "cacheclient.pb-c.h"
#include "cachepubsub.pb-c.h"
#include "client/methods.h"
#include "leaderboard.pb-c.h"
#include "with_server.h"

#include <math.h>

/* --- A message as text: name=value for every field, {} around what is nested --- */

struct text {
    char data[1024];
    size_t size;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text->data + text->size, sizeof text->data - text->size, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && text->size + (size_t)size < sizeof text->data);
    text->size += (size_t)size;
}

static void show_message(struct text *text, const ProtobufCMessage *message);

/* What lies at AT: one value of a field. */
static void show_value(struct text *text, const ProtobufCFieldDescriptor *field, const uint8_t *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES: {
        ProtobufCBinaryData bytes;
        memcpy(&bytes, at, sizeof bytes);
        add(text, "%.*s", (int)bytes.len, bytes.len > 0 ? (const char *)bytes.data : "");
        break;
    }
    case PROTOBUF_C_TYPE_STRING: {
        const char *string;
        memcpy(&string, at, sizeof string);
        add(text, "%s", string);
        break;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *message;
        memcpy(&message, at, sizeof message);
        add(text, "{");
        show_message(text, message);
        add(text, "}");
        break;
    }
    case PROTOBUF_C_TYPE_DOUBLE: {
        double number;
        memcpy(&number, at, sizeof number);
        add(text, "%g", number);
        break;
    }
    case PROTOBUF_C_TYPE_FLOAT: {
        float number;
        memcpy(&number, at, sizeof number);
        add(text, "%g", (double)number);
        break;
    }
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64: {
        int64_t number;
        memcpy(&number, at, sizeof number);
        add(text, "%lld", (long long)number);
        break;
    }
    default: {
        int32_t number;
        memcpy(&number, at, sizeof number);
        add(text, "%d", (int)number);
        break;
    }
    }
}

static size_t value_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_STRING:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
        return 8;
    default:
        return 4;
    }
}

static void show_repeated(struct text *text, const ProtobufCFieldDescriptor *field, const uint8_t *base)
{
    size_t count;
    const uint8_t *values;
    memcpy(&count, base + field->quantifier_offset, sizeof count);
    memcpy(&values, base + field->offset, sizeof values);
    for (size_t i = 0; i < count; i++) {
        add(text, " %s=", field->name);
        show_value(text, field, values + i * value_size(field->type));
    }
}

static void show_message(struct text *text, const ProtobufCMessage *message)
{
    const uint8_t *base = (const uint8_t *)message;
    if (message->n_unknown_fields > 0)
        add(text, " UNKNOWN FIELD %u", message->unknown_fields[0].tag);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        uint32_t chosen = field->id;
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            memcpy(&chosen, base + field->quantifier_offset, sizeof chosen);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            show_repeated(text, field, base);
        } else if (chosen == field->id) {
            add(text, " %s=", field->name);
            show_value(text, field, base + field->offset);
        }
    }
}

/* --- Requests --- */

struct case_of_request {
    mayfly_request request;
    const ProtobufCMessageDescriptor *message;
    const char *text;
};

static const mayfly_item items[] = {
    {.key = {"f1", 2}, .value = {"v1", 2}, .score = 1.5, .id = 7},
    {.key = {"f2", 2}, .value = {"v2", 2}, .score = -2, .id = 300},
};

static void assert_writes(const struct case_of_request *is)
{
    const char *name = mayfly_method_name(is->request.method);
    const char *problem = client_request_problem(&is->request);
    if (problem != NULL)
        fail_msg("%s: %s", name, problem);
    struct buffer written = {.data = NULL};
    assert_true(client_methods[is->request.method].encode(&is->request, &written));
    ProtobufCMessage *message = protobuf_c_message_unpack(is->message, NULL, written.size, written.data);
    if (message == NULL)
        fail_msg("%s: it does not unpack", name);
    struct text text = {.size = 0};
    show_message(&text, message);
    if (strcmp(text.data, is->text) != 0)
        fail_msg("%s:\n  written  %s\n  expected %s", name, text.data, is->text);
    protobuf_c_message_free_unpacked(message, NULL);
    buffer_free(&written);
}

#define KEY mayfly_text("k")
#define TWO items, 2

static void requests_are_what_the_contract_says(void **state)
{
    (void)state;
    const mayfly_ttl new = mayfly_ttl_refreshed(9);
    const mayfly_ttl old = mayfly_ttl_kept(9);
    const mayfly_range ranges[] = {{0, 1}, {300, 2}};
    mayfly_request values_only =
        mayfly_sorted_set_fetch_by_index("c", KEY, MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED, MAYFLY_ASCENDING);
    values_only.values_only = true;
    const struct case_of_request cases[] = {
        {mayfly_dictionary_get("c", KEY, TWO), &cache_client____dictionary_get_request__descriptor,
         " dictionary_name=k fields=f1 fields=f2"},
        {mayfly_dictionary_fetch("c", KEY), &cache_client____dictionary_fetch_request__descriptor,
         " dictionary_name=k"},
        {mayfly_dictionary_set("c", KEY, TWO, new), &cache_client____dictionary_set_request__descriptor,
         " dictionary_name=k items={ field=f1 value=v1} items={ field=f2 value=v2} ttl_milliseconds=9"
         " refresh_ttl=1"},
        {mayfly_dictionary_increment("c", KEY, mayfly_text("f"), -3, old),
         &cache_client____dictionary_increment_request__descriptor,
         " dictionary_name=k field=f amount=-3 ttl_milliseconds=9 refresh_ttl=0"},
        {mayfly_dictionary_delete("c", KEY, TWO), &cache_client____dictionary_delete_request__descriptor,
         " dictionary_name=k some={ fields=f1 fields=f2}"},
        {mayfly_dictionary_delete_all("c", KEY), &cache_client____dictionary_delete_request__descriptor,
         " dictionary_name=k all={}"},
        {mayfly_dictionary_length("c", KEY), &cache_client____dictionary_length_request__descriptor,
         " dictionary_name=k"},

        {mayfly_set_fetch("c", KEY), &cache_client____set_fetch_request__descriptor, " set_name=k"},
        {mayfly_set_sample("c", KEY, 5), &cache_client____set_sample_request__descriptor,
         " set_name=k limit=5"},
        {mayfly_set_union("c", KEY, TWO, new), &cache_client____set_union_request__descriptor,
         " set_name=k elements=v1 elements=v2 ttl_milliseconds=9 refresh_ttl=1"},
        {mayfly_set_difference("c", KEY, TWO), &cache_client____set_difference_request__descriptor,
         " set_name=k subtrahend={ set={ elements=v1 elements=v2}}"},
        {mayfly_set_difference_all("c", KEY), &cache_client____set_difference_request__descriptor,
         " set_name=k subtrahend={ identity={}}"},
        {mayfly_set_difference_from("c", KEY, TWO), &cache_client____set_difference_request__descriptor,
         " set_name=k minuend={ elements=v1 elements=v2}"},
        {mayfly_set_contains("c", KEY, TWO), &cache_client____set_contains_request__descriptor,
         " set_name=k elements=v1 elements=v2"},
        {mayfly_set_length("c", KEY), &cache_client____set_length_request__descriptor, " set_name=k"},
        {mayfly_set_pop("c", KEY, 5), &cache_client____set_pop_request__descriptor, " set_name=k count=5"},

        {mayfly_list_push_front("c", KEY, mayfly_text("v"), new, 10),
         &cache_client____list_push_front_request__descriptor,
         " list_name=k value=v ttl_milliseconds=9 refresh_ttl=1 truncate_back_to_size=10"},
        {mayfly_list_push_back("c", KEY, mayfly_text("v"), old, 0),
         &cache_client____list_push_back_request__descriptor,
         " list_name=k value=v ttl_milliseconds=9 refresh_ttl=0 truncate_front_to_size=0"},
        {mayfly_list_concatenate_front("c", KEY, TWO, new, 10),
         &cache_client____list_concatenate_front_request__descriptor,
         " list_name=k values=v1 values=v2 ttl_milliseconds=9 refresh_ttl=1 truncate_back_to_size=10"},
        {mayfly_list_concatenate_back("c", KEY, TWO, new, 10),
         &cache_client____list_concatenate_back_request__descriptor,
         " list_name=k values=v1 values=v2 ttl_milliseconds=9 refresh_ttl=1 truncate_front_to_size=10"},
        {mayfly_list_pop_front("c", KEY), &cache_client____list_pop_front_request__descriptor,
         " list_name=k"},
        {mayfly_list_pop_back("c", KEY), &cache_client____list_pop_back_request__descriptor, " list_name=k"},
        {mayfly_list_erase("c", KEY, ranges, 2), &cache_client____list_erase_request__descriptor,
         " list_name=k some={ ranges={ begin_index=0 count=1} ranges={ begin_index=300 count=2}}"},
        {mayfly_list_erase_all("c", KEY), &cache_client____list_erase_request__descriptor,
         " list_name=k all={}"},
        {mayfly_list_remove("c", KEY, mayfly_text("v")), &cache_client____list_remove_request__descriptor,
         " list_name=k all_elements_with_value=v"},
        {mayfly_list_fetch("c", KEY, -2, MAYFLY_UNBOUNDED), &cache_client____list_fetch_request__descriptor,
         " list_name=k inclusive_start=-2 unbounded_end={}"},
        {mayfly_list_fetch("c", KEY, MAYFLY_UNBOUNDED, 0), &cache_client____list_fetch_request__descriptor,
         " list_name=k unbounded_start={} exclusive_end=0"},
        {mayfly_list_retain("c", KEY, 1, -1, old), &cache_client____list_retain_request__descriptor,
         " list_name=k inclusive_start=1 exclusive_end=-1 ttl_milliseconds=9 refresh_ttl=0"},
        {mayfly_list_length("c", KEY), &cache_client____list_length_request__descriptor, " list_name=k"},

        {mayfly_sorted_set_put("c", KEY, TWO, new), &cache_client____sorted_set_put_request__descriptor,
         " set_name=k elements={ value=v1 score=1.5} elements={ value=v2 score=-2} ttl_milliseconds=9"
         " refresh_ttl=1"},
        {mayfly_sorted_set_fetch_by_index("c", KEY, 1, -1, MAYFLY_DESCENDING),
         &cache_client____sorted_set_fetch_request__descriptor,
         " set_name=k order=1 with_scores=1 by_index={ inclusive_start_index=1 exclusive_end_index=-1}"},
        {values_only, &cache_client____sorted_set_fetch_request__descriptor,
         " set_name=k order=0 with_scores=0 by_index={ unbounded_start={} unbounded_end={}}"},
        {mayfly_sorted_set_fetch_by_score("c", KEY, mayfly_inclusive(1.5), mayfly_exclusive(INFINITY),
                                          MAYFLY_ASCENDING, 3, 10),
         &cache_client____sorted_set_fetch_request__descriptor,
         " set_name=k order=0 with_scores=1 by_score={ min_score={ score=1.5 exclusive=0}"
         " max_score={ score=inf exclusive=1} offset=3 count=10}"},
        {mayfly_sorted_set_fetch_by_score("c", KEY, mayfly_unbounded(), mayfly_unbounded(), MAYFLY_ASCENDING,
                                          0, MAYFLY_ALL),
         &cache_client____sorted_set_fetch_request__descriptor,
         " set_name=k order=0 with_scores=1 by_score={ unbounded_min={} unbounded_max={} offset=0 count=-1}"},
        {mayfly_sorted_set_get_score("c", KEY, TWO),
         &cache_client____sorted_set_get_score_request__descriptor, " set_name=k values=v1 values=v2"},
        {mayfly_sorted_set_remove("c", KEY, TWO), &cache_client____sorted_set_remove_request__descriptor,
         " set_name=k some={ values=v1 values=v2}"},
        {mayfly_sorted_set_remove_all("c", KEY), &cache_client____sorted_set_remove_request__descriptor,
         " set_name=k all={}"},
        {mayfly_sorted_set_increment("c", KEY, mayfly_text("v"), -0.5, new),
         &cache_client____sorted_set_increment_request__descriptor,
         " set_name=k value=v amount=-0.5 ttl_milliseconds=9 refresh_ttl=1"},
        {mayfly_sorted_set_get_rank("c", KEY, mayfly_text("v"), MAYFLY_DESCENDING),
         &cache_client____sorted_set_get_rank_request__descriptor, " set_name=k value=v order=1"},
        {mayfly_sorted_set_length("c", KEY), &cache_client____sorted_set_length_request__descriptor,
         " set_name=k"},
        {mayfly_sorted_set_length_by_score("c", KEY, mayfly_inclusive(1), mayfly_exclusive(2)),
         &cache_client____sorted_set_length_by_score_request__descriptor,
         " set_name=k inclusive_min=1 exclusive_max=2"},
        {mayfly_sorted_set_length_by_score("c", KEY, mayfly_exclusive(1), mayfly_inclusive(2)),
         &cache_client____sorted_set_length_by_score_request__descriptor,
         " set_name=k exclusive_min=1 inclusive_max=2"},
        {mayfly_sorted_set_length_by_score("c", KEY, mayfly_unbounded(), mayfly_unbounded()),
         &cache_client____sorted_set_length_by_score_request__descriptor,
         " set_name=k unbounded_min={} unbounded_max={}"},
        {mayfly_sorted_set_union_store("c", KEY, TWO, MAYFLY_MAXIMUM, 9),
         &cache_client____sorted_set_union_store_request__descriptor,
         " set_name=k sources={ set_name=f1 weight=1.5} sources={ set_name=f2 weight=-2} aggregate=2"
         " ttl_milliseconds=9"},

        {mayfly_leaderboard_delete("c", KEY), &leaderboard____delete_leaderboard_request__descriptor,
         " leaderboard=k"},
        {mayfly_leaderboard_upsert("c", KEY, TWO), &leaderboard____upsert_elements_request__descriptor,
         " leaderboard=k elements={ id=7 score=1.5} elements={ id=300 score=-2}"},
        {mayfly_leaderboard_remove("c", KEY, TWO), &leaderboard____remove_elements_request__descriptor,
         " leaderboard=k ids=7 ids=300"},
        {mayfly_leaderboard_length("c", KEY), &leaderboard____get_leaderboard_length_request__descriptor,
         " leaderboard=k"},
        {mayfly_leaderboard_get_by_rank("c", KEY, 10, 20, MAYFLY_DESCENDING),
         &leaderboard____get_by_rank_request__descriptor,
         " leaderboard=k rank_range={ start_inclusive=10 end_exclusive=20} order=1"},
        {mayfly_leaderboard_get_by_score("c", KEY, mayfly_inclusive(1), mayfly_exclusive(2), MAYFLY_ASCENDING,
                                         3, 100),
         &leaderboard____get_by_score_request__descriptor,
         " leaderboard=k score_range={ min_inclusive=1 max_exclusive=2} offset=3 limit_elements=100 order=0"},
        {mayfly_leaderboard_get_by_score("c", KEY, mayfly_unbounded(), mayfly_unbounded(), MAYFLY_DESCENDING,
                                         0, 1),
         &leaderboard____get_by_score_request__descriptor,
         " leaderboard=k score_range={ unbounded_min={} unbounded_max={}} offset=0 limit_elements=1 order=1"},
        {mayfly_leaderboard_get_rank("c", KEY, TWO, MAYFLY_DESCENDING),
         &leaderboard____get_rank_request__descriptor, " leaderboard=k ids=7 ids=300 order=1"},
        {mayfly_leaderboard_get_competition_rank("c", KEY, TWO, MAYFLY_ASCENDING),
         &leaderboard____get_competition_rank_request__descriptor, " leaderboard=k ids=7 ids=300 order=0"},

        {mayfly_publish_text("c", KEY, mayfly_text("v")),
         &cache_client__pubsub____publish_request__descriptor, " cache_name=c topic=k value={ text=v}"},
        {mayfly_publish_binary("c", KEY, mayfly_text("v")),
         &cache_client__pubsub____publish_request__descriptor, " cache_name=c topic=k value={ binary=v}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_writes(&cases[i]);
}

/* A nested message of 128 bytes and more has a length of two bytes, and so on. */
static void nested_messages_of_every_size_are_written_well(void **state)
{
    (void)state;
    static uint8_t large[70000];
    const size_t sizes[] = {0, 1, 123, 124, 125, 126, 127, 128, 16000, 16377, 16378, 16384, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const mayfly_item item = {.key = {"f", 1}, .value = {large, sizes[i]}};
        const mayfly_request request = mayfly_dictionary_set("c", KEY, &item, 1, mayfly_ttl_kept(1));
        struct buffer written = {.data = NULL};
        assert_true(client_methods[request.method].encode(&request, &written));
        CacheClient__DictionarySetRequest *read =
            cache_client____dictionary_set_request__unpack(NULL, written.size, written.data);
        assert_non_null(read);
        assert_int_equal(read->n_items, 1);
        assert_int_equal(read->items[0]->value.len, sizes[i]);
        assert_int_equal(read->ttl_milliseconds, 1);
        cache_client____dictionary_set_request__free_unpacked(read, NULL);
        buffer_free(&written);
    }
}

/* --- Replies --- */

/* Reads what the generated code packs of MESSAGE as METHOD's reply to a request for ASKED items. */
static void read_reply(struct client_call *call, mayfly_method method, size_t asked,
                       const ProtobufCMessage *message, uint8_t *packed)
{
    *call = (struct client_call){.method = method, .reply.message = "", .batch.asked = asked};
    size_t size = protobuf_c_message_pack(message, packed);
    assert_true(client_methods[method].decode(call, bytes_make(packed, size)));
}

static ProtobufCBinaryData binary(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
}

static void parts_of_a_dictionary_are_read(void **state)
{
    (void)state;
    uint8_t packed[256];
    struct client_call call;
    CacheClient__DictionaryGetResponse__DictionaryGetResponsePart parts[2];
    CacheClient__DictionaryGetResponse__DictionaryGetResponsePart *part_pointers[] = {&parts[0], &parts[1]};
    for (size_t i = 0; i < 2; i++)
        cache_client____dictionary_get_response____dictionary_get_response_part__init(&parts[i]);
    parts[0].result = CACHE_CLIENT__ECACHE_RESULT__Miss;
    parts[1].result = CACHE_CLIENT__ECACHE_RESULT__Hit;
    parts[1].cache_body = binary("value");
    CacheClient__DictionaryGetResponse__Found found = CACHE_CLIENT____DICTIONARY_GET_RESPONSE____FOUND__INIT;
    found.n_items = 2;
    found.items = part_pointers;
    CacheClient__DictionaryGetResponse response = CACHE_CLIENT____DICTIONARY_GET_RESPONSE__INIT;
    response.dictionary_case = CACHE_CLIENT____DICTIONARY_GET_RESPONSE__DICTIONARY_FOUND;
    response.found = &found;
    read_reply(&call, MAYFLY_METHOD_DICTIONARY_GET, 2, &response.base, packed);
    assert_int_equal(call.reply.outcome, MAYFLY_HIT);
    assert_int_equal(call.reply.item_count, 2);
    assert_false(call.reply.items[0].found);
    assert_true(call.reply.items[1].found);
    assert_bytes(call.reply.items[1].value, "value");
    arena_free(&call.arena);

    CacheClient__DictionaryGetResponse__Missing missing =
        CACHE_CLIENT____DICTIONARY_GET_RESPONSE____MISSING__INIT;
    response.dictionary_case = CACHE_CLIENT____DICTIONARY_GET_RESPONSE__DICTIONARY_MISSING;
    response.missing = &missing;
    read_reply(&call, MAYFLY_METHOD_DICTIONARY_GET, 2, &response.base, packed);
    assert_int_equal(call.reply.outcome, MAYFLY_MISS);
    assert_int_equal(call.reply.item_count, 2);
    assert_false(call.reply.items[0].found);
    arena_free(&call.arena);
}

static void packed_answers_of_a_set_are_read(void **state)
{
    (void)state;
    uint8_t packed[256];
    struct client_call call;
    protobuf_c_boolean contains[] = {1, 0, 1};
    CacheClient__SetContainsResponse__Found found = CACHE_CLIENT____SET_CONTAINS_RESPONSE____FOUND__INIT;
    found.n_contains = 3;
    found.contains = contains;
    CacheClient__SetContainsResponse response = CACHE_CLIENT____SET_CONTAINS_RESPONSE__INIT;
    response.set_case = CACHE_CLIENT____SET_CONTAINS_RESPONSE__SET_FOUND;
    response.found = &found;
    read_reply(&call, MAYFLY_METHOD_SET_CONTAINS, 3, &response.base, packed);
    assert_int_equal(call.reply.outcome, MAYFLY_HIT);
    assert_int_equal(call.reply.item_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(call.reply.items[i].found, contains[i]);
    arena_free(&call.arena);
}

static void scores_and_values_of_a_sorted_set_are_read(void **state)
{
    (void)state;
    uint8_t packed[256];
    struct client_call call;
    CacheClient__SortedSetElement element = CACHE_CLIENT____SORTED_SET_ELEMENT__INIT;
    CacheClient__SortedSetElement *elements[] = {&element};
    element.value = binary("value");
    element.score = -0.25;
    CacheClient__SortedSetFetchResponse__Found__ValuesWithScores with_scores =
        CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE____FOUND____VALUES_WITH_SCORES__INIT;
    with_scores.n_elements = 1;
    with_scores.elements = elements;
    CacheClient__SortedSetFetchResponse__Found found =
        CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE____FOUND__INIT;
    found.elements_case = CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE____FOUND__ELEMENTS_VALUES_WITH_SCORES;
    found.values_with_scores = &with_scores;
    CacheClient__SortedSetFetchResponse response = CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE__INIT;
    response.sorted_set_case = CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE__SORTED_SET_FOUND;
    response.found = &found;
    read_reply(&call, MAYFLY_METHOD_SORTED_SET_FETCH, 0, &response.base, packed);
    assert_int_equal(call.reply.item_count, 1);
    assert_bytes(call.reply.items[0].value, "value");
    assert_true(call.reply.items[0].score == -0.25);
    arena_free(&call.arena);

    ProtobufCBinaryData value = binary("alone");
    CacheClient__SortedSetFetchResponse__Found__Values values =
        CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE____FOUND____VALUES__INIT;
    values.n_values = 1;
    values.values = &value;
    found.elements_case = CACHE_CLIENT____SORTED_SET_FETCH_RESPONSE____FOUND__ELEMENTS_VALUES;
    found.values = &values;
    read_reply(&call, MAYFLY_METHOD_SORTED_SET_FETCH, 0, &response.base, packed);
    assert_int_equal(call.reply.item_count, 1);
    assert_bytes(call.reply.items[0].value, "alone");
    arena_free(&call.arena);
}

static void a_rank_is_missing_with_its_set_or_alone(void **state)
{
    (void)state;
    uint8_t packed[256];
    struct client_call call;
    CacheClient__SortedSetGetRankResponse__RankResponsePart part =
        CACHE_CLIENT____SORTED_SET_GET_RANK_RESPONSE____RANK_RESPONSE_PART__INIT;
    CacheClient__SortedSetGetRankResponse response = CACHE_CLIENT____SORTED_SET_GET_RANK_RESPONSE__INIT;
    response.rank_case = CACHE_CLIENT____SORTED_SET_GET_RANK_RESPONSE__RANK_ELEMENT_RANK;
    response.element_rank = &part;
    part.result = CACHE_CLIENT__ECACHE_RESULT__Hit;
    part.rank = 12;
    read_reply(&call, MAYFLY_METHOD_SORTED_SET_GET_RANK, 0, &response.base, packed);
    assert_int_equal(call.reply.outcome, MAYFLY_HIT);
    assert_int_equal(call.reply.number, 12);
    part.result = CACHE_CLIENT__ECACHE_RESULT__Miss;
    read_reply(&call, MAYFLY_METHOD_SORTED_SET_GET_RANK, 0, &response.base, packed);
    assert_int_equal(call.reply.outcome, MAYFLY_MISS);
    CacheClient__SortedSetGetRankResponse__SortedSetMissing missing =
        CACHE_CLIENT____SORTED_SET_GET_RANK_RESPONSE____SORTED_SET_MISSING__INIT;
    response.rank_case = CACHE_CLIENT____SORTED_SET_GET_RANK_RESPONSE__RANK_MISSING;
    response.missing = &missing;
    read_reply(&call, MAYFLY_METHOD_SORTED_SET_GET_RANK, 0, &response.base, packed);
    assert_int_equal(call.reply.outcome, MAYFLY_MISS);
}

static void ranked_elements_of_a_leaderboard_are_read(void **state)
{
    (void)state;
    uint8_t packed[256];
    struct client_call call;
    Leaderboard__RankedElement element = LEADERBOARD____RANKED_ELEMENT__INIT;
    Leaderboard__RankedElement *elements[] = {&element, &element};
    element.id = UINT32_MAX;
    element.rank = 5;
    element.score = 1e300;
    Leaderboard__GetByRankResponse response = LEADERBOARD____GET_BY_RANK_RESPONSE__INIT;
    response.n_elements = 2;
    response.elements = elements;
    read_reply(&call, MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK, 0, &response.base, packed);
    assert_int_equal(call.reply.item_count, 2);
    assert_int_equal(call.reply.items[1].id, UINT32_MAX);
    assert_int_equal(call.reply.items[1].rank, 5);
    assert_true(call.reply.items[1].score == 1e300);
    arena_free(&call.arena);
}

/* --- Replies that no honest server sends --- */

#define NAN_BYTES "\x00\x00\x00\x00\x00\x00\xf8\x7f"
#define LITERAL(text)                                                                                        \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

/* Whether BYTES make sense as METHOD's reply to a request for one item. */
static bool reads(struct client_call *call, mayfly_method method, mayfly_bytes message)
{
    *call = (struct client_call){.method = method, .reply.message = "", .batch.asked = 1};
    return client_methods[method].decode(call, plain(message));
}

static void a_reply_that_breaks_its_promise_is_refused(void **state)
{
    (void)state;
    static const struct {
        mayfly_method method;
        mayfly_bytes message;
    } replies[] = {
        /* Two items where one was asked for. */
        {MAYFLY_METHOD_KEYS_EXIST, LITERAL("\x0a\x02\x01\x01")},
        {MAYFLY_METHOD_SET_CONTAINS, LITERAL("\x0a\x04\x0a\x02\x01\x01")},
        {MAYFLY_METHOD_DICTIONARY_GET, LITERAL("\x0a\x08\x0a\x02\x08\x02\x0a\x02\x08\x02")},
        {MAYFLY_METHOD_SORTED_SET_GET_SCORE, LITERAL("\x0a\x08\x0a\x02\x08\x02\x0a\x02\x08\x02")},
        /* A type that there is not. */
        {MAYFLY_METHOD_ITEM_GET_TYPE, LITERAL("\x0a\x02\x08\x05")},
        {MAYFLY_METHOD_ITEM_GET_TYPE, LITERAL("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        /* Scores that are not numbers. */
        {MAYFLY_METHOD_SORTED_SET_GET_SCORE, LITERAL("\x0a\x0d\x0a\x0b\x08\x02\x11" NAN_BYTES)},
        {MAYFLY_METHOD_SORTED_SET_INCREMENT, LITERAL("\x09" NAN_BYTES)},
        {MAYFLY_METHOD_SORTED_SET_FETCH, LITERAL("\x0a\x10\x0a\x0e\x0a\x0c\x0a\x01v\x11" NAN_BYTES)},
        {MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK, LITERAL("\x0a\x0b\x08\x07\x21" NAN_BYTES)},
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct client_call call;
        if (reads(&call, replies[i].method, replies[i].message))
            fail_msg("reply %zu, of %s, was taken", i, mayfly_method_name(replies[i].method));
        arena_free(&call.arena);
    }
}

static void of_several_members_of_a_oneof_the_last_one_counts(void **state)
{
    (void)state;
    const mayfly_bytes found_then_missing = LITERAL("\x0a\x03\x0a\x01v\x12\x00");
    const mayfly_bytes missing_then_found = LITERAL("\x12\x00\x0a\x03\x0a\x01v");
    struct client_call call;
    assert_true(reads(&call, MAYFLY_METHOD_SET_FETCH, found_then_missing));
    assert_int_equal(call.reply.outcome, MAYFLY_MISS);
    assert_int_equal(call.reply.item_count, 0);
    assert_int_equal(call.batch.count, 0);
    arena_free(&call.arena);
    assert_true(reads(&call, MAYFLY_METHOD_SET_FETCH, missing_then_found));
    assert_int_equal(call.reply.outcome, MAYFLY_HIT);
    assert_int_equal(call.reply.item_count, 1);
    arena_free(&call.arena);
    const mayfly_bytes there_then_missing = LITERAL("\x0a\x04\x0a\x02\x08\x02\x12\x00");
    assert_true(reads(&call, MAYFLY_METHOD_DICTIONARY_GET, there_then_missing));
    assert_int_equal(call.reply.outcome, MAYFLY_MISS);
    assert_int_equal(call.reply.item_count, 1);
    assert_false(call.reply.items[0].found);
    arena_free(&call.arena);
}

/* --- Requests that are not sent --- */

static void requests_that_make_no_sense_are_told_by_the_field(void **state)
{
    (void)state;
    const mayfly_ttl ttl = mayfly_ttl_kept(1);
    const mayfly_ttl none = mayfly_ttl_kept(0);
    const mayfly_bytes empty = {NULL, 0};
    const mayfly_item nameless = {.value = {"v", 1}};
    const mayfly_item unscored = {.key = {"k", 1}, .value = {"v", 1}, .score = NAN};
    const mayfly_item endless = {.id = 1, .score = INFINITY};
    mayfly_request disordered = mayfly_sorted_set_get_rank("c", KEY, KEY, MAYFLY_ASCENDING);
    disordered.order = (mayfly_order)2;
    const struct {
        mayfly_request request;
        const char *word;
    } cases[] = {
        {mayfly_dictionary_fetch("", KEY), "cache"},
        {mayfly_dictionary_fetch("c", empty), "key"},
        {mayfly_dictionary_set("c", KEY, items, 2, none), "ttl_ms"},
        {mayfly_dictionary_set("c", KEY, &nameless, 1, ttl), "key of an item"},
        {mayfly_dictionary_get("c", KEY, NULL, 1), "item_count"},
        {mayfly_dictionary_increment("c", KEY, empty, 1, ttl), "field"},
        {mayfly_set_pop("c", KEY, UINT64_C(1) << 32), "limit"},
        {mayfly_list_push_back("c", KEY, KEY, ttl, UINT64_C(1) << 32), "limit"},
        {mayfly_list_erase("c", KEY, NULL, 1), "range_count"},
        {mayfly_list_fetch("c", KEY, INT64_C(1) << 31, 0), "start"},
        {mayfly_list_retain("c", KEY, 0, -(INT64_C(1) << 32), ttl), "end"},
        {mayfly_list_retain("c", KEY, 0, 1, none), "ttl_ms"},
        {mayfly_sorted_set_put("c", KEY, &unscored, 1, ttl), "score"},
        {mayfly_sorted_set_increment("c", KEY, KEY, NAN, ttl), "score"},
        {mayfly_sorted_set_increment("c", KEY, KEY, INFINITY, ttl), "score"},
        {mayfly_sorted_set_fetch_by_score("c", KEY, mayfly_inclusive(NAN), mayfly_unbounded(),
                                          MAYFLY_ASCENDING, 0, 1),
         "min"},
        {mayfly_sorted_set_fetch_by_score("c", KEY, mayfly_unbounded(), mayfly_unbounded(), MAYFLY_ASCENDING,
                                          0, UINT64_C(1) << 31),
         "limit"},
        {mayfly_sorted_set_length_by_score("c", KEY, mayfly_unbounded(), mayfly_exclusive(NAN)), "max"},
        {mayfly_sorted_set_union_store("c", KEY, &unscored, 1, MAYFLY_SUM, 1), "score"},
        {mayfly_sorted_set_union_store("c", KEY, items, 2, (mayfly_aggregate)3, 1), "aggregate"},
        {disordered, "order"},
        {mayfly_leaderboard_length("c", mayfly_text("\xc0\x80")), "UTF-8"},
        {mayfly_leaderboard_upsert("c", KEY, NULL, 0), "items"},
        {mayfly_leaderboard_upsert("c", KEY, &endless, 1), "score"},
        {mayfly_leaderboard_get_by_rank("c", KEY, 5, 5, MAYFLY_ASCENDING), "range"},
        {mayfly_leaderboard_get_by_rank("c", KEY, MAYFLY_UNBOUNDED, 5, MAYFLY_ASCENDING), "start"},
        {mayfly_leaderboard_get_by_score("c", KEY, mayfly_exclusive(1), mayfly_unbounded(), MAYFLY_ASCENDING,
                                         0, 1),
         "min"},
        {mayfly_leaderboard_get_by_score("c", KEY, mayfly_unbounded(), mayfly_inclusive(1), MAYFLY_ASCENDING,
                                         0, 1),
         "max"},
        {mayfly_leaderboard_get_by_score("c", KEY, mayfly_unbounded(), mayfly_unbounded(), MAYFLY_ASCENDING,
                                         0, 0),
         "limit"},
        {mayfly_publish_text("c", KEY, mayfly_text("\xed\xa0\x80")), "UTF-8"},
        {mayfly_publish_binary("c", empty, KEY), "key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *problem = client_request_problem(&cases[i].request);
        if (problem == NULL || strstr(problem, cases[i].word) == NULL)
            fail_msg("case %zu (%s): %s", i, mayfly_method_name(cases[i].request.method),
                     problem != NULL ? problem : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_what_the_contract_says),
        cmocka_unit_test(nested_messages_of_every_size_are_written_well),
        cmocka_unit_test(parts_of_a_dictionary_are_read),
        cmocka_unit_test(packed_answers_of_a_set_are_read),
        cmocka_unit_test(scores_and_values_of_a_sorted_set_are_read),
        cmocka_unit_test(a_rank_is_missing_with_its_set_or_alone),
        cmocka_unit_test(ranked_elements_of_a_leaderboard_are_read),
        cmocka_unit_test(a_reply_that_breaks_its_promise_is_refused),
        cmocka_unit_test(of_several_members_of_a_oneof_the_last_one_counts),
        cmocka_unit_test(requests_that_make_no_sense_are_told_by_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
