/* Every method, in blocking form, against a real server: what goes in comes out, and every outcome and error
 * is told as calls.h says. */
#include "with_server.h"

#define TTL_MS UINT64_C(60000)

static struct test_server server;
static mayfly_client *client;

static int set_up(void **state)
{
    (void)state;
    server = server_start((const char *const[]){"cache", "cache", "max-item", "1mb", NULL});
    client = client_open_to(server.port, MAYFLY_DRIVEN_BY_CALLS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mayfly_client_close(client);
    server_stop(&server);
    return 0;
}

static mayfly_bytes text(const char *from)
{
    return mayfly_text(from);
}

static const mayfly_bytes nothing = {NULL, 0};

static void put(const char *key, const char *value)
{
    assert_int_equal(outcome_of(client, mayfly_set("cache", text(key), text(value), TTL_MS)), MAYFLY_DONE);
}

static void assert_stored(const char *key, const char *value)
{
    mayfly_reply *reply = call(client, mayfly_get("cache", text(key)));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_bytes(reply->value, value);
    mayfly_reply_free(reply);
}

static void what_was_set_is_a_hit_and_the_rest_is_a_miss(void **state)
{
    (void)state;
    put("here", "value");
    assert_stored("here", "value");
    assert_int_equal(outcome_of(client, mayfly_get("cache", text("elsewhere"))), MAYFLY_MISS);
}

static void keys_and_values_may_hold_any_bytes(void **state)
{
    (void)state;
    const mayfly_bytes key = {"\0\xff\n", 3};
    const mayfly_bytes value = {"\0\0\x80", 3};
    assert_int_equal(outcome_of(client, mayfly_set("cache", key, value, TTL_MS)), MAYFLY_DONE);
    mayfly_reply *reply = call(client, mayfly_get("cache", key));
    assert_int_equal(reply->value.size, 3);
    assert_memory_equal(reply->value.data, value.data, 3);
    mayfly_reply_free(reply);
    put("empty", "");
    assert_stored("empty", "");
}

static void a_value_of_a_megabyte_comes_back_whole(void **state)
{
    (void)state;
    size_t size = 900000;
    uint8_t *large = test_malloc(size);
    for (size_t i = 0; i < size; i++)
        large[i] = (uint8_t)(i * 31 >> 3);
    const mayfly_bytes value = {large, size};
    assert_int_equal(outcome_of(client, mayfly_set("cache", text("large"), value, TTL_MS)), MAYFLY_DONE);
    mayfly_reply *reply = call(client, mayfly_get("cache", text("large")));
    assert_int_equal(reply->value.size, size);
    assert_memory_equal(reply->value.data, large, size);
    mayfly_reply_free(reply);
    test_free(large);
}

static void delete_is_done_whether_the_key_was_there_or_not(void **state)
{
    (void)state;
    put("gone", "value");
    assert_int_equal(outcome_of(client, mayfly_delete("cache", text("gone"))), MAYFLY_DONE);
    assert_int_equal(outcome_of(client, mayfly_delete("cache", text("gone"))), MAYFLY_DONE);
    assert_int_equal(outcome_of(client, mayfly_get("cache", text("gone"))), MAYFLY_MISS);
}

static void set_if_stores_only_where_its_condition_holds(void **state)
{
    (void)state;
    const struct {
        mayfly_condition condition;
        mayfly_outcome outcome;
        const char *operand;
        const char *key;
    } cases[] = {
        {MAYFLY_IF_PRESENT, MAYFLY_STORED, NULL, "there"},
        {MAYFLY_IF_PRESENT, MAYFLY_NOT_STORED, NULL, "not there"},
        {MAYFLY_IF_ABSENT, MAYFLY_NOT_STORED, NULL, "there"},
        {MAYFLY_IF_ABSENT, MAYFLY_STORED, NULL, "not there"},
        {MAYFLY_IF_EQUAL, MAYFLY_STORED, "old", "there"},
        {MAYFLY_IF_EQUAL, MAYFLY_NOT_STORED, "other", "there"},
        {MAYFLY_IF_NOT_EQUAL, MAYFLY_STORED, "other", "there"},
        {MAYFLY_IF_NOT_EQUAL, MAYFLY_NOT_STORED, "old", "there"},
        {MAYFLY_IF_NOT_EQUAL, MAYFLY_STORED, "old", "not there"},
        {MAYFLY_IF_PRESENT_AND_NOT_EQUAL, MAYFLY_STORED, "other", "there"},
        {MAYFLY_IF_PRESENT_AND_NOT_EQUAL, MAYFLY_NOT_STORED, "old", "not there"},
        {MAYFLY_IF_ABSENT_OR_EQUAL, MAYFLY_STORED, "old", "there"},
        {MAYFLY_IF_ABSENT_OR_EQUAL, MAYFLY_NOT_STORED, "other", "there"},
        {MAYFLY_IF_ABSENT_OR_EQUAL, MAYFLY_STORED, "other", "not there"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put("there", "old");
        assert_int_equal(outcome_of(client, mayfly_delete("cache", text("not there"))), MAYFLY_DONE);
        mayfly_bytes operand = cases[i].operand != NULL ? text(cases[i].operand) : nothing;
        assert_int_equal(outcome_of(client, mayfly_set_if("cache", text(cases[i].key), text("new"), TTL_MS,
                                                          cases[i].condition, operand)),
                         cases[i].outcome);
        if (cases[i].outcome == MAYFLY_STORED)
            assert_stored(cases[i].key, "new");
        else if (strcmp(cases[i].key, "there") == 0)
            assert_stored("there", "old");
    }
}

static void set_if_not_exists_keeps_the_value_that_is_there(void **state)
{
    (void)state;
    mayfly_request request = mayfly_set_if_not_exists("cache", text("once"), text("first"), TTL_MS);
    assert_int_equal(outcome_of(client, request), MAYFLY_STORED);
    request.value = text("second");
    assert_int_equal(outcome_of(client, request), MAYFLY_NOT_STORED);
    assert_stored("once", "first");
}

static void hashes_tell_one_value_from_another(void **state)
{
    (void)state;
    mayfly_reply *stored = call(
        client, mayfly_set_if_hash("cache", text("hashed"), text("one"), TTL_MS, MAYFLY_ALWAYS, nothing));
    assert_int_equal(stored->outcome, MAYFLY_STORED);
    assert_int_equal(stored->hash.size, 16);
    mayfly_reply *got = call(client, mayfly_get_with_hash("cache", text("hashed")));
    assert_int_equal(got->outcome, MAYFLY_HIT);
    assert_bytes(got->value, "one");
    assert_int_equal(got->hash.size, 16);
    assert_memory_equal(got->hash.data, stored->hash.data, 16);

    const struct {
        mayfly_condition condition;
        mayfly_outcome outcome;
    } cases[] = {
        {MAYFLY_IF_NOT_EQUAL, MAYFLY_NOT_STORED},
        {MAYFLY_IF_PRESENT_AND_NOT_EQUAL, MAYFLY_NOT_STORED},
        {MAYFLY_IF_ABSENT_OR_EQUAL, MAYFLY_STORED},
        {MAYFLY_IF_EQUAL, MAYFLY_STORED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(outcome_of(client, mayfly_set_if_hash("cache", text("hashed"), text("one"), TTL_MS,
                                                               cases[i].condition, got->hash)),
                         cases[i].outcome);
    put("hashed", "two");
    assert_int_equal(outcome_of(client, mayfly_set_if_hash("cache", text("hashed"), text("three"), TTL_MS,
                                                           MAYFLY_IF_EQUAL, got->hash)),
                     MAYFLY_NOT_STORED);
    assert_int_equal(outcome_of(client, mayfly_get_with_hash("cache", text("unknown"))), MAYFLY_MISS);
    mayfly_reply_free(stored);
    mayfly_reply_free(got);
}

static void increment_adds_to_what_is_there(void **state)
{
    (void)state;
    const int64_t amounts[] = {5, -7, INT64_MAX};
    const int64_t sums[] = {5, -2, INT64_MAX - 2};
    for (size_t i = 0; i < 3; i++) {
        mayfly_reply *reply = call(client, mayfly_increment("cache", text("counter"), amounts[i], TTL_MS));
        assert_int_equal(reply->status, MAYFLY_OK);
        assert_int_equal(reply->outcome, MAYFLY_DONE);
        assert_true(reply->number == sums[i]);
        mayfly_reply_free(reply);
    }
    assert_int_equal(status_of(client, mayfly_increment("cache", text("counter"), 3, TTL_MS)),
                     MAYFLY_FAILED_PRECONDITION);
    put("word", "seven");
    assert_int_equal(status_of(client, mayfly_increment("cache", text("word"), 1, TTL_MS)),
                     MAYFLY_FAILED_PRECONDITION);
}

static void a_batch_is_answered_in_its_order(void **state)
{
    (void)state;
    char names[300][8];
    mayfly_item items[300];
    for (size_t i = 0; i < 300; i++) {
        (void)snprintf(names[i], sizeof names[i], "b%zu", i);
        items[i] = (mayfly_item){.key = text(names[i]), .value = text(names[i]), .ttl_ms = TTL_MS};
    }
    assert_int_equal(outcome_of(client, mayfly_set_batch("cache", items, 150)), MAYFLY_DONE);

    mayfly_reply *got = call(client, mayfly_get_batch("cache", items, 300));
    mayfly_reply *exist = call(client, mayfly_keys_exist("cache", items, 300));
    assert_int_equal(got->status, MAYFLY_OK);
    assert_int_equal(got->item_count, 300);
    assert_int_equal(exist->item_count, 300);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(got->items[i].found, i < 150);
        assert_int_equal(exist->items[i].found, i < 150);
        assert_bytes(got->items[i].value, i < 150 ? names[i] : "");
    }
    mayfly_reply_free(got);
    mayfly_reply_free(exist);
}

static void an_empty_batch_is_answered_by_nothing(void **state)
{
    (void)state;
    mayfly_reply *got = call(client, mayfly_get_batch("cache", NULL, 0));
    assert_int_equal(got->item_count, 0);
    mayfly_reply_free(got);
}

static uint64_t ttl_of(const char *key)
{
    mayfly_reply *reply = call(client, mayfly_item_get_ttl("cache", text(key)));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    uint64_t ttl_ms = reply->ttl_ms;
    mayfly_reply_free(reply);
    return ttl_ms;
}

static void update_ttl_moves_only_the_way_its_mode_allows(void **state)
{
    (void)state;
    const struct {
        mayfly_ttl_mode mode;
        mayfly_outcome outcome;
        uint64_t ttl_ms;
    } cases[] = {
        {MAYFLY_TTL_INCREASE, MAYFLY_NOT_STORED, TTL_MS / 2},
        {MAYFLY_TTL_INCREASE, MAYFLY_STORED, 3 * TTL_MS},
        {MAYFLY_TTL_DECREASE, MAYFLY_NOT_STORED, 4 * TTL_MS},
        {MAYFLY_TTL_DECREASE, MAYFLY_STORED, 2 * TTL_MS},
        {MAYFLY_TTL_OVERWRITE, MAYFLY_STORED, 9 * TTL_MS},
    };
    put("timed", "value");
    uint64_t ttl_ms = TTL_MS;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            outcome_of(client, mayfly_update_ttl("cache", text("timed"), cases[i].mode, cases[i].ttl_ms)),
            cases[i].outcome);
        if (cases[i].outcome == MAYFLY_STORED)
            ttl_ms = cases[i].ttl_ms;
        assert_in_range(ttl_of("timed"), ttl_ms - TTL_MS / 3, ttl_ms);
    }
    assert_int_equal(outcome_of(client, mayfly_update_ttl("cache", text("none"), MAYFLY_TTL_OVERWRITE, 1000)),
                     MAYFLY_MISS);
    assert_int_equal(outcome_of(client, mayfly_item_get_ttl("cache", text("none"))), MAYFLY_MISS);
}

static void an_items_type_is_told(void **state)
{
    (void)state;
    put("typed", "value");
    mayfly_reply *reply = call(client, mayfly_item_get_type("cache", text("typed")));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->type, MAYFLY_SCALAR);
    mayfly_reply_free(reply);
    assert_int_equal(outcome_of(client, mayfly_item_get_type("cache", text("none"))), MAYFLY_MISS);
}

static bool is_listed(const char *name)
{
    mayfly_reply *reply = call(client, mayfly_list_caches());
    assert_int_equal(reply->status, MAYFLY_OK);
    bool found = false;
    for (size_t i = 0; i < reply->item_count; i++)
        found |= reply->items[i].key.size == strlen(name) &&
                 memcmp(reply->items[i].key.data, name, strlen(name)) == 0;
    mayfly_reply_free(reply);
    return found;
}

static void caches_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(outcome_of(client, mayfly_create_cache("second")), MAYFLY_DONE);
    assert_int_equal(status_of(client, mayfly_create_cache("second")), MAYFLY_ALREADY_EXISTS);
    assert_true(is_listed("second"));
    assert_true(is_listed("cache"));
    assert_int_equal(outcome_of(client, mayfly_set("second", text("key"), text("v"), TTL_MS)), MAYFLY_DONE);
    assert_int_equal(outcome_of(client, mayfly_flush_cache("second")), MAYFLY_DONE);
    assert_int_equal(outcome_of(client, mayfly_get("second", text("key"))), MAYFLY_MISS);
    assert_int_equal(outcome_of(client, mayfly_delete_cache("second")), MAYFLY_DONE);
    assert_false(is_listed("second"));
    assert_int_equal(status_of(client, mayfly_delete_cache("second")), MAYFLY_NOT_FOUND);
    assert_int_equal(status_of(client, mayfly_flush_cache("second")), MAYFLY_NOT_FOUND);
    assert_int_equal(status_of(client, mayfly_get("second", text("key"))), MAYFLY_NOT_FOUND);
}

static void more_caches_than_are_remembered_do_not_get_mixed_up(void **state)
{
    (void)state;
    char names[40][16];
    for (size_t i = 0; i < 40; i++) {
        (void)snprintf(names[i], sizeof names[i], "many-%zu", i);
        assert_int_equal(outcome_of(client, mayfly_create_cache(names[i])), MAYFLY_DONE);
        assert_int_equal(outcome_of(client, mayfly_set(names[i], text("key"), text(names[i]), TTL_MS)),
                         MAYFLY_DONE);
    }
    for (size_t i = 0; i < 40; i++) {
        mayfly_reply *reply = call(client, mayfly_get(names[i], text("key")));
        assert_bytes(reply->value, names[i]);
        mayfly_reply_free(reply);
        assert_int_equal(outcome_of(client, mayfly_delete_cache(names[i])), MAYFLY_DONE);
    }
}

static void a_ping_is_answered(void **state)
{
    (void)state;
    assert_int_equal(outcome_of(client, mayfly_ping()), MAYFLY_DONE);
}

static void a_reply_tells_its_attempts_and_times(void **state)
{
    (void)state;
    mayfly_reply *reply = call(client, mayfly_ping());
    assert_int_equal(reply->attempts, 1);
    assert_true(reply->wire_ns > 0);
    assert_string_equal(reply->message, "");
    mayfly_reply_free(reply);
}

static void messages_are_measured_without_their_headers(void **state)
{
    (void)state;
    const mayfly_request get = mayfly_get("cache", text("seven77"));
    const mayfly_request set = mayfly_set("cache", text("seven77"), text("five5"), TTL_MS);
    const mayfly_request senseless = mayfly_get("", text("seven77"));
    assert_int_equal(mayfly_request_bytes(&get), 2 + 7);
    assert_int_equal(mayfly_request_bytes(&set), 2 + 7 + 2 + 5 + 4); /* and a TTL of three bytes */
    assert_int_equal(mayfly_request_bytes(&senseless), 0);
    assert_int_equal(mayfly_request_bytes(NULL), 0);
    put("seven77", "five5");
    mayfly_reply *reply = call(client, get);
    assert_int_equal(reply->received_bytes, 2 + 2 + 5); /* the result, and the value */
    mayfly_reply_free(reply);
}

static void a_copy_of_a_reply_stands_on_its_own(void **state)
{
    (void)state;
    put("copied", "value");
    mayfly_reply *reply = call(client, mayfly_get("cache", text("copied")));
    mayfly_reply *copy = mayfly_reply_copy(reply);
    mayfly_reply_free(reply);
    assert_non_null(copy);
    assert_int_equal(copy->outcome, MAYFLY_HIT);
    assert_bytes(copy->value, "value");
    mayfly_reply_free(copy);
}

static void an_item_that_is_too_large_is_refused_and_the_trailer_says_so(void **state)
{
    (void)state;
    size_t size = 1200000;
    void *large = test_calloc(1, size);
    mayfly_reply *reply =
        call(client, mayfly_set("cache", text("large"), (mayfly_bytes){large, size}, TTL_MS));
    assert_int_equal(reply->status, MAYFLY_RESOURCE_EXHAUSTED);
    assert_true(strlen(reply->message) > 0);
    bool told = false;
    for (size_t i = 0; i < reply->trailer_count; i++)
        if (reply->trailers[i].name.size == 3 && memcmp(reply->trailers[i].name.data, "err", 3) == 0) {
            assert_bytes(reply->trailers[i].value, "item_size_limit_exceeded");
            told = true;
        }
    assert_true(told);
    mayfly_reply_free(reply);
    test_free(large);
}

static void a_ttl_of_zero_is_the_servers_to_refuse(void **state)
{
    (void)state;
    assert_int_equal(status_of(client, mayfly_set("cache", text("key"), text("v"), 0)),
                     MAYFLY_INVALID_ARGUMENT);
    assert_int_equal(status_of(client, mayfly_increment("cache", text("key"), 1, 0)),
                     MAYFLY_INVALID_ARGUMENT);
}

/* More metadata than the server accepts is refused by it, so it was sent; less is not. */
static void request_metadata_reaches_the_server(void **state)
{
    (void)state;
    static char long_value[20000];
    memset(long_value, 'x', sizeof long_value);
    mayfly_metadata metadata[] = {{text("x-trace"), {long_value, sizeof long_value}}};
    mayfly_request request = mayfly_ping();
    request.metadata = metadata;
    request.metadata_count = 1;
    assert_int_equal(status_of(client, request), MAYFLY_RESOURCE_EXHAUSTED);
    metadata[0].value.size = 10;
    assert_int_equal(status_of(client, request), MAYFLY_OK);
}

static void requests_that_cannot_be_sent_are_refused_with_a_sentence(void **state)
{
    (void)state;
    const mayfly_item bare = {.key = {NULL, 0}};
    mayfly_request wrong[] = {
        {.method = MAYFLY_METHODS},
        mayfly_get(NULL, text("key")),
        mayfly_get("", text("key")),
        mayfly_get("line\nbreak", text("key")),
        mayfly_get(" padded", text("key")),
        mayfly_get("cache", nothing),
        mayfly_get("cache", (mayfly_bytes){NULL, 5}),
        mayfly_set("cache", text("key"), (mayfly_bytes){NULL, 5}, TTL_MS),
        mayfly_set_if("cache", text("key"), text("v"), TTL_MS, MAYFLY_ALWAYS, nothing),
        mayfly_set_if("cache", text("key"), text("v"), TTL_MS, (mayfly_condition)99, nothing),
        mayfly_set_if_hash("cache", text("key"), text("v"), TTL_MS, MAYFLY_IF_PRESENT, nothing),
        mayfly_update_ttl("cache", text("key"), (mayfly_ttl_mode)9, TTL_MS),
        mayfly_get_batch("cache", &bare, 1),
        mayfly_get_batch("cache", NULL, 1),
        mayfly_create_cache(NULL),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(status_of(client, wrong[i]), MAYFLY_INVALID_ARGUMENT);
}

static void metadata_that_cannot_be_sent_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static char long_value[40000];
    memset(long_value, 'x', sizeof long_value);
    const mayfly_metadata wrong[] = {
        {text(""), text("value")},          {text(":path"), text("value")}, {text("Upper"), text("value")},
        {text("grpc-timeout"), text("1S")}, {text("te"), text("gzip")},     {text("x"), text("a\nb")},
        {text("x"), text(" padded")},       {text("cache"), text("other")}, {text("x"), {long_value, 40000}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mayfly_request request = mayfly_ping();
        request.metadata = &wrong[i];
        request.metadata_count = 1;
        assert_int_equal(status_of(client, request), MAYFLY_INVALID_ARGUMENT);
    }
    mayfly_metadata many[33];
    for (size_t i = 0; i < 33; i++)
        many[i] = (mayfly_metadata){text("x"), text("y")};
    mayfly_request request = mayfly_ping();
    request.metadata = many;
    request.metadata_count = 33;
    assert_int_equal(status_of(client, request), MAYFLY_INVALID_ARGUMENT);
    request.metadata_count = 32;
    assert_int_equal(status_of(client, request), MAYFLY_OK);
}

static void a_reply_larger_than_the_limit_is_refused(void **state)
{
    (void)state;
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    configuration.max_reply_bytes = 2000;
    mayfly_client *small = client_open_with(&configuration, server.port, MAYFLY_DRIVEN_BY_CALLS);
    static char value[3000];
    memset(value, 'v', sizeof value);
    const mayfly_bytes bytes = {value, sizeof value};
    assert_int_equal(outcome_of(small, mayfly_set("cache", text("wide"), bytes, TTL_MS)), MAYFLY_DONE);
    assert_int_equal(status_of(small, mayfly_get("cache", text("wide"))), MAYFLY_RESOURCE_EXHAUSTED);
    assert_int_equal(outcome_of(small, mayfly_get("cache", text("nothing here"))), MAYFLY_MISS);
    mayfly_client_close(small);
}

static void every_method_and_status_has_a_name(void **state)
{
    (void)state;
    for (int method = 0; method < MAYFLY_METHODS; method++)
        assert_true(strlen(mayfly_method_name((mayfly_method)method)) > 0);
    assert_string_equal(mayfly_method_name(MAYFLY_METHODS), "");
    assert_string_equal(mayfly_status_name(MAYFLY_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(mayfly_status_name((mayfly_status)99), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_set_is_a_hit_and_the_rest_is_a_miss),
        cmocka_unit_test(keys_and_values_may_hold_any_bytes),
        cmocka_unit_test(a_value_of_a_megabyte_comes_back_whole),
        cmocka_unit_test(delete_is_done_whether_the_key_was_there_or_not),
        cmocka_unit_test(set_if_stores_only_where_its_condition_holds),
        cmocka_unit_test(set_if_not_exists_keeps_the_value_that_is_there),
        cmocka_unit_test(hashes_tell_one_value_from_another),
        cmocka_unit_test(increment_adds_to_what_is_there),
        cmocka_unit_test(a_batch_is_answered_in_its_order),
        cmocka_unit_test(an_empty_batch_is_answered_by_nothing),
        cmocka_unit_test(update_ttl_moves_only_the_way_its_mode_allows),
        cmocka_unit_test(an_items_type_is_told),
        cmocka_unit_test(caches_come_and_go),
        cmocka_unit_test(more_caches_than_are_remembered_do_not_get_mixed_up),
        cmocka_unit_test(a_ping_is_answered),
        cmocka_unit_test(a_reply_tells_its_attempts_and_times),
        cmocka_unit_test(messages_are_measured_without_their_headers),
        cmocka_unit_test(a_copy_of_a_reply_stands_on_its_own),
        cmocka_unit_test(an_item_that_is_too_large_is_refused_and_the_trailer_says_so),
        cmocka_unit_test(a_ttl_of_zero_is_the_servers_to_refuse),
        cmocka_unit_test(request_metadata_reaches_the_server),
        cmocka_unit_test(requests_that_cannot_be_sent_are_refused_with_a_sentence),
        cmocka_unit_test(metadata_that_cannot_be_sent_is_refused_with_a_sentence),
        cmocka_unit_test(a_reply_larger_than_the_limit_is_refused),
        cmocka_unit_test(every_method_and_status_has_a_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
