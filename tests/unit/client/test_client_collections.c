/* Collections and leaderboards through the client, against a real server: every function does what its
 * comment says. */
#include "with_server.h"

#define TTL_MS  UINT64_C(60000)
#define TTL     mayfly_ttl_refreshed(TTL_MS)
#define CACHE   "cache"
#define NOTHING mayfly_text("nothing")

static struct test_server server;
static mayfly_client *client;

static int set_up(void **state)
{
    (void)state;
    server = server_start(SERVER_PLAIN);
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

static mayfly_bytes text(const char *bytes)
{
    return mayfly_text(bytes);
}

/* Makes a call that must end with OUTCOME and NUMBER. */
static void expect_number(mayfly_request request, mayfly_outcome outcome, int64_t number)
{
    mayfly_reply *reply = call(client, request);
    if (reply->status != MAYFLY_OK || reply->outcome != outcome || reply->number != number)
        fail_msg("%s: %s (%s), outcome %d, number %d", mayfly_method_name(request.method),
                 mayfly_status_name(reply->status), reply->message, reply->outcome, (int)reply->number);
    mayfly_reply_free(reply);
}

static void expect(mayfly_request request, mayfly_outcome outcome)
{
    expect_number(request, outcome, 0);
}

/* Makes a call that must find these values, as "a b c" in their order. */
static void expect_values(mayfly_request request, const char *values)
{
    mayfly_reply *reply = call(client, request);
    char found[256] = "";
    size_t size = 0;
    for (size_t i = 0; i < reply->item_count; i++)
        size += (size_t)snprintf(found + size, sizeof found - size, "%s%.*s", i > 0 ? " " : "",
                                 (int)reply->items[i].value.size, (const char *)reply->items[i].value.data);
    if (reply->status != MAYFLY_OK || reply->outcome != MAYFLY_HIT || strcmp(found, values) != 0)
        fail_msg("%s: %s (%s), \"%s\", not \"%s\"", mayfly_method_name(request.method),
                 mayfly_status_name(reply->status), reply->message, found, values);
    mayfly_reply_free(reply);
}

static const mayfly_item abc[] = {
    {.key = {"a", 1}, .value = {"1", 1}, .score = 1},
    {.key = {"b", 1}, .value = {"2", 1}, .score = 2},
    {.key = {"c", 1}, .value = {"3", 1}, .score = 3},
};

/* --- Dictionaries --- */

static void a_dictionary_gives_back_its_fields(void **state)
{
    (void)state;
    mayfly_bytes key = text("dictionary");
    expect(mayfly_dictionary_set(CACHE, key, abc, 3, TTL), MAYFLY_DONE);
    const mayfly_item asked[] = {{.key = {"c", 1}}, {.key = {"x", 1}}, {.key = {"a", 1}}};
    mayfly_reply *reply = call(client, mayfly_dictionary_get(CACHE, key, asked, 3));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->item_count, 3);
    assert_bytes(reply->items[0].value, "3");
    assert_false(reply->items[1].found);
    assert_bytes(reply->items[2].value, "1");
    mayfly_reply_free(reply);

    reply = call(client, mayfly_dictionary_fetch(CACHE, key));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->item_count, 3);
    bool seen[3] = {false};
    for (size_t i = 0; i < 3; i++) {
        size_t at = (size_t)(*(const char *)reply->items[i].key.data - 'a');
        assert_in_range(at, 0, 2);
        assert_bytes(reply->items[i].value, at == 0 ? "1" : at == 1 ? "2" : "3");
        seen[at] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    mayfly_reply_free(reply);
}

static void a_dictionary_counts_and_forgets(void **state)
{
    (void)state;
    mayfly_bytes key = text("counts");
    expect_number(mayfly_dictionary_increment(CACHE, key, text("n"), 5, TTL), MAYFLY_DONE, 5);
    expect_number(mayfly_dictionary_increment(CACHE, key, text("n"), -7, TTL), MAYFLY_DONE, -2);
    expect(mayfly_dictionary_set(CACHE, key, abc, 3, TTL), MAYFLY_DONE);
    expect_number(mayfly_dictionary_length(CACHE, key), MAYFLY_HIT, 4);
    expect(mayfly_dictionary_delete(CACHE, key, abc, 2), MAYFLY_DONE);
    expect_number(mayfly_dictionary_length(CACHE, key), MAYFLY_HIT, 2);
    expect(mayfly_dictionary_delete_all(CACHE, key), MAYFLY_DONE);
    expect(mayfly_dictionary_length(CACHE, key), MAYFLY_MISS);
    expect(mayfly_dictionary_fetch(CACHE, key), MAYFLY_MISS);
    mayfly_reply *reply = call(client, mayfly_dictionary_get(CACHE, key, abc, 3));
    assert_int_equal(reply->outcome, MAYFLY_MISS);
    assert_int_equal(reply->item_count, 3);
    assert_false(reply->items[0].found);
    mayfly_reply_free(reply);
}

/* --- Sets --- */

static void a_set_grows_by_union_and_shrinks_by_difference(void **state)
{
    (void)state;
    mayfly_bytes key = text("set");
    expect(mayfly_set_union(CACHE, key, abc, 2, TTL), MAYFLY_DONE);
    expect(mayfly_set_union(CACHE, key, abc, 3, TTL), MAYFLY_DONE);
    expect_number(mayfly_set_length(CACHE, key), MAYFLY_HIT, 3);
    expect(mayfly_set_difference(CACHE, key, abc, 1), MAYFLY_HIT);
    mayfly_reply *reply = call(client, mayfly_set_contains(CACHE, key, abc, 3));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->item_count, 3);
    assert_false(reply->items[0].found);
    assert_true(reply->items[1].found && reply->items[2].found);
    mayfly_reply_free(reply);
    expect(mayfly_set_difference_from(CACHE, key, abc, 2), MAYFLY_HIT);
    expect_values(mayfly_set_fetch(CACHE, key), "1"); /* of 1 and 2, the one that was not stored */
    expect(mayfly_set_difference_all(CACHE, key), MAYFLY_HIT);
    expect(mayfly_set_fetch(CACHE, key), MAYFLY_MISS);
    expect(mayfly_set_difference_all(CACHE, key), MAYFLY_MISS);
}

static void a_set_is_sampled_and_popped(void **state)
{
    (void)state;
    mayfly_bytes key = text("sampled");
    expect(mayfly_set_union(CACHE, key, abc, 3, TTL), MAYFLY_DONE);
    mayfly_reply *reply = call(client, mayfly_set_sample(CACHE, key, 2));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->item_count, 2);
    mayfly_reply_free(reply);
    expect_number(mayfly_set_length(CACHE, key), MAYFLY_HIT, 3);
    reply = call(client, mayfly_set_pop(CACHE, key, 2));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_int_equal(reply->item_count, 2);
    mayfly_reply_free(reply);
    expect_number(mayfly_set_length(CACHE, key), MAYFLY_HIT, 1);
    expect(mayfly_set_pop(CACHE, NOTHING, 2), MAYFLY_MISS);
}

/* --- Lists --- */

static void a_list_grows_at_both_ends_and_is_cut_at_the_other(void **state)
{
    (void)state;
    mayfly_bytes key = text("list");
    expect_number(mayfly_list_push_back(CACHE, key, text("m"), TTL, 0), MAYFLY_DONE, 1);
    expect_number(mayfly_list_push_front(CACHE, key, text("l"), TTL, 0), MAYFLY_DONE, 2);
    expect_number(mayfly_list_concatenate_back(CACHE, key, abc, 3, TTL, 0), MAYFLY_DONE, 5);
    expect_values(mayfly_list_fetch(CACHE, key, MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED), "l m 1 2 3");
    expect_number(mayfly_list_concatenate_front(CACHE, key, abc, 3, TTL, 6), MAYFLY_DONE, 6);
    expect_values(mayfly_list_fetch(CACHE, key, MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED), "1 2 3 l m 1");
    expect_number(mayfly_list_push_back(CACHE, key, text("z"), TTL, 3), MAYFLY_DONE, 3);
    expect_values(mayfly_list_fetch(CACHE, key, MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED), "m 1 z");
    expect_number(mayfly_list_length(CACHE, key), MAYFLY_HIT, 3);
    expect(mayfly_list_length(CACHE, NOTHING), MAYFLY_MISS);
}

static void a_list_is_sliced_as_indices_say(void **state)
{
    (void)state;
    mayfly_bytes key = text("sliced");
    expect_number(mayfly_list_concatenate_back(CACHE, key, abc, 3, TTL, 0), MAYFLY_DONE, 3);
    expect_number(mayfly_list_concatenate_back(CACHE, key, abc, 3, TTL, 0), MAYFLY_DONE, 6);
    expect_values(mayfly_list_fetch(CACHE, key, 1, -1), "2 3 1 2");
    expect_values(mayfly_list_fetch(CACHE, key, -2, MAYFLY_UNBOUNDED), "2 3");
    expect_values(mayfly_list_fetch(CACHE, key, 4, 2), "");
    expect(mayfly_list_fetch(CACHE, NOTHING, 0, 1), MAYFLY_MISS);
    expect_number(mayfly_list_retain(CACHE, key, 1, 5, TTL), MAYFLY_HIT, 4);
    expect_values(mayfly_list_fetch(CACHE, key, 0, MAYFLY_UNBOUNDED), "2 3 1 2");
    expect_number(mayfly_list_remove(CACHE, key, text("2")), MAYFLY_HIT, 2);
    const mayfly_range first = {0, 1};
    expect_number(mayfly_list_erase(CACHE, key, &first, 1), MAYFLY_HIT, 1);
    expect_values(mayfly_list_fetch(CACHE, key, 0, MAYFLY_UNBOUNDED), "1");
    expect(mayfly_list_erase_all(CACHE, key), MAYFLY_HIT);
    expect(mayfly_list_erase_all(CACHE, key), MAYFLY_MISS);
}

static void a_list_is_popped_at_both_ends(void **state)
{
    (void)state;
    mayfly_bytes key = text("popped");
    expect_number(mayfly_list_concatenate_back(CACHE, key, abc, 3, TTL, 0), MAYFLY_DONE, 3);
    mayfly_reply *reply = call(client, mayfly_list_pop_front(CACHE, key));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_bytes(reply->value, "1");
    assert_int_equal(reply->number, 2);
    mayfly_reply_free(reply);
    reply = call(client, mayfly_list_pop_back(CACHE, key));
    assert_bytes(reply->value, "3");
    assert_int_equal(reply->number, 1);
    mayfly_reply_free(reply);
    expect(mayfly_list_pop_front(CACHE, NOTHING), MAYFLY_MISS);
    expect(mayfly_list_pop_back(CACHE, NOTHING), MAYFLY_MISS);
}

/* --- Sorted sets --- */

static void a_sorted_set_is_fetched_by_index_and_by_score(void **state)
{
    (void)state;
    mayfly_bytes key = text("sorted");
    const mayfly_bound open = mayfly_unbounded();
    expect(mayfly_sorted_set_put(CACHE, key, abc, 3, TTL), MAYFLY_DONE);
    expect_values(mayfly_sorted_set_fetch_by_index(CACHE, key, 0, MAYFLY_UNBOUNDED, MAYFLY_ASCENDING),
                  "1 2 3");
    expect_values(mayfly_sorted_set_fetch_by_index(CACHE, key, 0, 2, MAYFLY_DESCENDING), "3 2");
    expect_values(mayfly_sorted_set_fetch_by_score(CACHE, key, mayfly_exclusive(1), open, MAYFLY_ASCENDING, 0,
                                                   MAYFLY_ALL),
                  "2 3");
    expect_values(
        mayfly_sorted_set_fetch_by_score(CACHE, key, open, mayfly_inclusive(2), MAYFLY_DESCENDING, 1, 1),
        "1");
    mayfly_request request =
        mayfly_sorted_set_fetch_by_index(CACHE, key, MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED, MAYFLY_ASCENDING);
    mayfly_reply *reply = call(client, request);
    assert_true(reply->items[1].score == 2);
    mayfly_reply_free(reply);
    request.values_only = true;
    expect_values(request, "1 2 3");
    expect_number(mayfly_sorted_set_length(CACHE, key), MAYFLY_HIT, 3);
    expect_number(mayfly_sorted_set_length_by_score(CACHE, key, mayfly_inclusive(1), mayfly_exclusive(3)),
                  MAYFLY_HIT, 2);
    expect_number(mayfly_sorted_set_length_by_score(CACHE, key, open, open), MAYFLY_HIT, 3);
    expect(mayfly_sorted_set_length(CACHE, NOTHING), MAYFLY_MISS);
}

static void a_sorted_set_tells_scores_and_ranks(void **state)
{
    (void)state;
    mayfly_bytes key = text("ranked");
    expect(mayfly_sorted_set_put(CACHE, key, abc, 3, TTL), MAYFLY_DONE);
    const mayfly_item asked[] = {{.value = {"3", 1}}, {.value = {"x", 1}}};
    mayfly_reply *reply = call(client, mayfly_sorted_set_get_score(CACHE, key, asked, 2));
    assert_int_equal(reply->outcome, MAYFLY_HIT);
    assert_true(reply->items[0].found && reply->items[0].score == 3);
    assert_false(reply->items[1].found);
    mayfly_reply_free(reply);
    expect_number(mayfly_sorted_set_get_rank(CACHE, key, text("3"), MAYFLY_ASCENDING), MAYFLY_HIT, 2);
    expect_number(mayfly_sorted_set_get_rank(CACHE, key, text("1"), MAYFLY_DESCENDING), MAYFLY_HIT, 2);
    expect(mayfly_sorted_set_get_rank(CACHE, key, text("x"), MAYFLY_ASCENDING), MAYFLY_MISS);
    expect(mayfly_sorted_set_get_rank(CACHE, NOTHING, text("x"), MAYFLY_ASCENDING), MAYFLY_MISS);
    reply = call(client, mayfly_sorted_set_increment(CACHE, key, text("1"), 9.5, TTL));
    assert_int_equal(reply->outcome, MAYFLY_DONE);
    assert_true(reply->score == 10.5);
    mayfly_reply_free(reply);
    expect(mayfly_sorted_set_remove(CACHE, key, abc, 1), MAYFLY_DONE);
    expect_number(mayfly_sorted_set_length(CACHE, key), MAYFLY_HIT, 2);
    expect(mayfly_sorted_set_remove_all(CACHE, key), MAYFLY_DONE);
    expect(mayfly_sorted_set_length(CACHE, key), MAYFLY_MISS);
}

static void sorted_sets_are_united(void **state)
{
    (void)state;
    expect(mayfly_sorted_set_put(CACHE, text("a"), abc, 2, TTL), MAYFLY_DONE);
    expect(mayfly_sorted_set_put(CACHE, text("b"), abc, 3, TTL), MAYFLY_DONE);
    const mayfly_item sources[] = {{.key = {"a", 1}, .score = -10}, {.key = {"b", 1}, .score = 1}};
    expect_number(mayfly_sorted_set_union_store(CACHE, text("union"), sources, 2, MAYFLY_SUM, TTL_MS),
                  MAYFLY_DONE, 3);
    expect_values(mayfly_sorted_set_fetch_by_index(CACHE, text("union"), MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED,
                                                   MAYFLY_ASCENDING),
                  "2 1 3");
}

/* --- Leaderboards --- */

static void expect_ranked(mayfly_request request, uint32_t id, uint64_t rank, double score)
{
    mayfly_reply *reply = call(client, request);
    if (reply->status != MAYFLY_OK)
        fail_msg("%s: %s", mayfly_method_name(request.method), reply->message);
    assert_true(reply->item_count > 0);
    assert_int_equal(reply->items[0].id, id);
    assert_int_equal(reply->items[0].rank, rank);
    assert_true(reply->items[0].score == score);
    mayfly_reply_free(reply);
}

static void a_leaderboard_ranks_its_elements(void **state)
{
    (void)state;
    mayfly_bytes board = text("board");
    const mayfly_item players[] = {{.id = 1, .score = 10}, {.id = 2, .score = 30}, {.id = 3, .score = 30}};
    const mayfly_bound open = mayfly_unbounded();
    expect(mayfly_leaderboard_upsert(CACHE, board, players, 3), MAYFLY_DONE);
    expect_number(mayfly_leaderboard_length(CACHE, board), MAYFLY_DONE, 3);
    expect_ranked(mayfly_leaderboard_get_by_rank(CACHE, board, 2, 3, MAYFLY_DESCENDING), 1, 2, 10);
    expect_ranked(mayfly_leaderboard_get_by_score(CACHE, board, mayfly_inclusive(10), mayfly_exclusive(30),
                                                  MAYFLY_ASCENDING, 0, 10),
                  1, 0, 10);
    expect_ranked(mayfly_leaderboard_get_by_score(CACHE, board, open, open, MAYFLY_DESCENDING, 2, 1), 1, 2,
                  10);
    expect_ranked(mayfly_leaderboard_get_rank(CACHE, board, players, 1, MAYFLY_ASCENDING), 1, 0, 10);
    expect_ranked(mayfly_leaderboard_get_competition_rank(CACHE, board, players + 2, 1, MAYFLY_DESCENDING), 3,
                  0, 30);
    expect(mayfly_leaderboard_remove(CACHE, board, players, 1), MAYFLY_DONE);
    expect_number(mayfly_leaderboard_length(CACHE, board), MAYFLY_DONE, 2);
    expect(mayfly_leaderboard_delete(CACHE, board), MAYFLY_DONE);
    expect_number(mayfly_leaderboard_length(CACHE, board), MAYFLY_DONE, 0);
}

/* --- All of them --- */

static void a_key_of_another_type_is_a_failed_precondition(void **state)
{
    (void)state;
    expect(mayfly_set(CACHE, text("scalar"), text("value"), TTL_MS), MAYFLY_DONE);
    assert_int_equal(status_of(client, mayfly_dictionary_fetch(CACHE, text("scalar"))),
                     MAYFLY_FAILED_PRECONDITION);
    assert_int_equal(status_of(client, mayfly_list_push_back(CACHE, text("scalar"), text("v"), TTL, 0)),
                     MAYFLY_FAILED_PRECONDITION);
    assert_int_equal(status_of(client, mayfly_set_fetch("unknown", text("k"))), MAYFLY_NOT_FOUND);
}

static void a_ttl_is_refreshed_or_kept(void **state)
{
    (void)state;
    mayfly_bytes key = text("lasting");
    expect(mayfly_set_union(CACHE, key, abc, 1, mayfly_ttl_kept(TTL_MS)), MAYFLY_DONE);
    expect(mayfly_set_union(CACHE, key, abc, 2, mayfly_ttl_kept(2 * TTL_MS)), MAYFLY_DONE);
    mayfly_reply *reply = call(client, mayfly_item_get_ttl(CACHE, key));
    assert_in_range(reply->ttl_ms, 1, TTL_MS);
    mayfly_reply_free(reply);
    expect(mayfly_set_union(CACHE, key, abc, 3, mayfly_ttl_refreshed(2 * TTL_MS)), MAYFLY_DONE);
    reply = call(client, mayfly_item_get_ttl(CACHE, key));
    assert_in_range(reply->ttl_ms, TTL_MS + 1, 2 * TTL_MS);
    mayfly_reply_free(reply);
}

static void large_collections_travel_whole(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    mayfly_item *items = calloc(COUNT, sizeof *items);
    char(*names)[16] = calloc(COUNT, sizeof *names);
    assert_true(items != NULL && names != NULL);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "%d", i);
        items[i] = (mayfly_item){.key = text(names[i]), .value = text(names[i]), .score = i};
    }
    expect_number(mayfly_list_concatenate_back(CACHE, text("long"), items, COUNT, TTL, 0), MAYFLY_DONE,
                  COUNT);
    mayfly_reply *reply =
        call(client, mayfly_list_fetch(CACHE, text("long"), MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED));
    assert_int_equal(reply->item_count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_bytes(reply->items[i].value, names[i]);
    mayfly_reply_free(reply);
    expect(mayfly_dictionary_set(CACHE, text("wide"), items, COUNT, TTL), MAYFLY_DONE);
    reply = call(client, mayfly_dictionary_get(CACHE, text("wide"), items, COUNT));
    assert_int_equal(reply->item_count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_bytes(reply->items[i].value, names[i]);
    mayfly_reply_free(reply);
    free(names);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dictionary_gives_back_its_fields),
        cmocka_unit_test(a_dictionary_counts_and_forgets),
        cmocka_unit_test(a_set_grows_by_union_and_shrinks_by_difference),
        cmocka_unit_test(a_set_is_sampled_and_popped),
        cmocka_unit_test(a_list_grows_at_both_ends_and_is_cut_at_the_other),
        cmocka_unit_test(a_list_is_sliced_as_indices_say),
        cmocka_unit_test(a_list_is_popped_at_both_ends),
        cmocka_unit_test(a_sorted_set_is_fetched_by_index_and_by_score),
        cmocka_unit_test(a_sorted_set_tells_scores_and_ranks),
        cmocka_unit_test(sorted_sets_are_united),
        cmocka_unit_test(a_leaderboard_ranks_its_elements),
        cmocka_unit_test(a_key_of_another_type_is_a_failed_precondition),
        cmocka_unit_test(a_ttl_is_refreshed_or_kept),
        cmocka_unit_test(large_collections_travel_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
