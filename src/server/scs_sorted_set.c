/* cache_client.Scs, the methods on sorted sets. */
#include "server/collections.h"

#include "cacheclient.pb-c.h"
#include "proto/hot.h"
#include "proto/write.h"

#include <math.h>

static const char key_name[] = "set_name";

static bool check_bound(struct server_request *request, const char *name, const struct store_bound *bound)
{
    if (!isnan(bound->score))
        return true;
    server_fail_argument(request, name, "is not a number");
    return false;
}

/* --- Writing --- */

void scs_sorted_set_put(struct server_request *request, struct bytes message)
{
    static const struct collection_method put = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_SCORED, [3] = PART_TTL, [4] = PART_REFRESH_TTL}},
        .key_name = key_name,
        .entries_name = "elements",
        .score_name = "score",
        .kind = STORE_SORTED_PUT,
        .type = STORE_SORTED_SET,
        .takes_ttl = true,
        .done = collection_done,
    };
    collection_run(request, message, &put);
}

static void on_increment(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    uint8_t message[16];
    uint8_t *to = write_double_field(message, WRITE_FIXED64_TAG(1), reply->score);
    collection_reply(request, bytes_make(message, (size_t)(to - message)));
}

void scs_sorted_set_increment(struct server_request *request, struct bytes message)
{
    static const struct collection_method increment = {
        .layout = {.fields = {[1] = PART_KEY,
                              [2] = PART_ELEMENT,
                              [3] = PART_ELEMENT_SCORE,
                              [4] = PART_TTL,
                              [5] = PART_REFRESH_TTL},
                   .single = true},
        .key_name = key_name,
        .entries_name = "value",
        .score_name = "amount",
        .kind = STORE_SORTED_INCREMENT,
        .type = STORE_SORTED_SET,
        .takes_ttl = true,
        .done = on_increment,
    };
    collection_run(request, message, &increment);
}

enum { REMOVE_ALL = 2, REMOVE_SOME = 3 };

void scs_sorted_set_remove(struct server_request *request, struct bytes message)
{
    static const struct parts_layout some = {.fields = {[1] = PART_NAMES}};
    static const struct collection_method remove = {
        .layout = {.fields = {[1] = PART_KEY, [REMOVE_ALL] = PART_CHOICE, [REMOVE_SOME] = PART_CHOICE},
                   .inner = {[REMOVE_SOME] = &some}},
        .key_name = key_name,
        .entries_name = "values",
        .choice_name = "remove_elements",
        .kind = STORE_SORTED_REMOVE,
        .type = STORE_SORTED_SET,
    };
    struct parts parts;
    if (!collection_read(request, message, &remove, &parts))
        return;
    if (parts.choice[0] == REMOVE_ALL)
        parts.command.kind = STORE_CLEAR;
    collection_ask(request, &parts.command, collection_done);
}

static bool check_sources(struct server_request *request, const struct store_command *command)
{
    if (command->source_count > STORE_SOURCES_MOST) {
        server_fail_limit(request, "sources", "has more entries than a union may have", CAUSE_NONE);
        return false;
    }
    for (size_t i = 0; i < command->source_count; i++) {
        const struct store_source *source = &command->sources[i];
        if (!scs_check_name(request, "sources.set_name", source->key))
            return false;
        if (isnan(source->weight)) {
            server_fail_argument(request, "weight", "is not a number");
            return false;
        }
    }
    return true;
}

static bool take_aggregate(struct server_request *request, struct parts *parts)
{
    switch (parts->aggregate) {
    case CACHE_CLIENT____SORTED_SET_UNION_STORE_REQUEST__AGGREGATE_FUNCTION__SUM:
        parts->command.aggregate = STORE_SUM;
        return true;
    case CACHE_CLIENT____SORTED_SET_UNION_STORE_REQUEST__AGGREGATE_FUNCTION__MIN:
        parts->command.aggregate = STORE_MIN;
        return true;
    case CACHE_CLIENT____SORTED_SET_UNION_STORE_REQUEST__AGGREGATE_FUNCTION__MAX:
        parts->command.aggregate = STORE_MAX;
        return true;
    default:
        server_fail_argument(request, "aggregate", "is none that there is");
        return false;
    }
}

void scs_sorted_set_union_store(struct server_request *request, struct bytes message)
{
    static const struct collection_method unite = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_SOURCES, [3] = PART_AGGREGATE, [4] = PART_TTL}},
        .key_name = key_name,
        .entries_name = "sources",
        .kind = STORE_SORTED_UNION,
        .type = STORE_SORTED_SET,
        .takes_ttl = true,
    };
    struct parts parts;
    if (collection_read(request, message, &unite, &parts) && check_sources(request, &parts.command) &&
        take_aggregate(request, &parts))
        collection_ask(request, &parts.command, collection_done_number);
}

/* --- Reading --- */

static void on_get_score(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements(request, reply, ELEMENTS_SCORE_ANSWERS);
}

void scs_sorted_set_get_score(struct server_request *request, struct bytes message)
{
    static const struct collection_method get_score = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_NAMES}},
        .key_name = key_name,
        .entries_name = "values",
        .kind = STORE_SORTED_SCORE,
        .type = STORE_SORTED_SET,
        .done = on_get_score,
    };
    collection_run(request, message, &get_score);
}

/* Answers with `element_rank` also where the set is missing: clients look at nothing else. */
static void on_get_rank(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    const bool hit = reply->status == STORE_OK && reply->elements[0].found;
    const uint64_t result = hit ? HOT_RESULT_HIT : HOT_RESULT_MISS;
    const uint64_t rank = hit ? reply->elements[0].rank : 0;
    uint8_t message[16];
    uint8_t *to = write_entry_head(message, WRITE_BYTES_TAG(1),
                                   write_varint_field_size(result) + write_varint_field_size(rank));
    to = write_varint_field(to, WRITE_VARINT_TAG(1), result);
    to = write_varint_field(to, WRITE_VARINT_TAG(2), rank);
    collection_reply(request, bytes_make(message, (size_t)(to - message)));
}

void scs_sorted_set_get_rank(struct server_request *request, struct bytes message)
{
    static const struct collection_method get_rank = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_ELEMENT, [3] = PART_ORDER}, .single = true},
        .key_name = key_name,
        .entries_name = "value",
        .kind = STORE_SORTED_RANK,
        .type = STORE_SORTED_SET,
        .done = on_get_rank,
    };
    collection_run(request, message, &get_rank);
}

void scs_sorted_set_length(struct server_request *request, struct bytes message)
{
    static const struct collection_method length = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_LENGTH,
        .type = STORE_SORTED_SET,
        .done = collection_done_length,
    };
    collection_run(request, message, &length);
}

void scs_sorted_set_length_by_score(struct server_request *request, struct bytes message)
{
    static const struct collection_method count = {
        .layout = {.fields = {[1] = PART_KEY,
                              [2] = PART_MIN,
                              [3] = PART_MIN_EXCLUSIVE,
                              [4] = PART_MIN_OPEN,
                              [5] = PART_MAX,
                              [6] = PART_MAX_EXCLUSIVE,
                              [7] = PART_MAX_OPEN}},
        .key_name = key_name,
        .kind = STORE_SORTED_COUNT,
        .type = STORE_SORTED_SET,
    };
    struct parts parts;
    if (!collection_read(request, message, &count, &parts))
        return;
    const struct store_bound *min = &parts.command.min;
    const struct store_bound *max = &parts.command.max;
    if (check_bound(request, min->exclusive ? "exclusive_min" : "inclusive_min", min) &&
        check_bound(request, max->exclusive ? "exclusive_max" : "inclusive_max", max))
        collection_ask(request, &parts.command, collection_done_length);
}

/* --- Fetching --- */

static void on_fetch_scored(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements_in(request, reply, ELEMENTS_SCORED, WRITE_BYTES_TAG(1));
}

static void on_fetch_values(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements_in(request, reply, ELEMENTS_NAMES, WRITE_BYTES_TAG(2));
}

enum { RANGE_BY_INDEX = 4, RANGE_BY_SCORE = 5 };

void scs_sorted_set_fetch(struct server_request *request, struct bytes message)
{
    static const struct parts_layout by_index = {
        .fields = {[1] = PART_START_OPEN, [2] = PART_START, [3] = PART_END_OPEN, [4] = PART_END}};
    static const struct parts_layout by_score = {.fields = {[1] = PART_MIN_OPEN,
                                                            [2] = PART_MIN_BOUND,
                                                            [3] = PART_MAX_OPEN,
                                                            [4] = PART_MAX_BOUND,
                                                            [5] = PART_OFFSET,
                                                            [6] = PART_LIMIT_SIGNED}};
    static const struct collection_method fetch = {
        .layout = {.fields = {[1] = PART_KEY,
                              [2] = PART_ORDER,
                              [3] = PART_WITH_SCORES,
                              [RANGE_BY_INDEX] = PART_CHOICE,
                              [RANGE_BY_SCORE] = PART_CHOICE},
                   .inner = {[RANGE_BY_INDEX] = &by_index, [RANGE_BY_SCORE] = &by_score}},
        .key_name = key_name,
        .choice_name = "range",
        .kind = STORE_SORTED_BY_INDEX,
        .type = STORE_SORTED_SET,
    };
    struct parts parts;
    if (!collection_read(request, message, &fetch, &parts) ||
        !check_bound(request, "min_score", &parts.command.min) ||
        !check_bound(request, "max_score", &parts.command.max))
        return;
    if (parts.choice[0] == RANGE_BY_SCORE)
        parts.command.kind = STORE_SORTED_BY_SCORE;
    collection_ask(request, &parts.command, parts.with_scores ? on_fetch_scored : on_fetch_values);
}
