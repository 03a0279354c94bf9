/* leaderboard.Leaderboard: sorted sets whose elements are ids, in a name space of their own. An id is the name of 4
 * bytes, highest first, so that equal scores are ordered by id. Calls are bounded: no more elements go in or
 * out of one than the settings say. */
#include "server/collections.h"

#include "base/clock.h"
#include "leaderboard.pb-c.h"
#include "proto/write.h"

#include <math.h>

#define ELEMENT_BYTES 16 /* what an element counts toward the size of a board */

static size_t call_limit(const struct server_request *request)
{
    return (size_t)request->worker->server->settings->max_leaderboard_call;
}

/* --- Reading and checking --- */

struct board_method {
    struct parts_layout layout;
    const char *entries_name; /* the repeated field, for people */
    enum store_command_kind kind;
    int32_t order; /* where the message says nothing */
};

/* Reads a message into PARTS and checks the name and the number of entries; false with the request failed. */
static bool board_read(struct server_request *request, struct bytes message,
                       const struct board_method *method, struct parts *parts)
{
    parts_init(parts);
    parts->order = method->order;
    parts->command.end = 0; /* ranges of ranks are never open */
    parts->command.kind = method->kind;
    parts->command.type = STORE_LEADERBOARD;
    enum parts_status status =
        parts_read(parts, message, &method->layout, call_limit(request), &request->arena);
    if (status != PARTS_TOO_MANY)
        return collection_check_read(request, status, "leaderboard", parts->command.key);
    server_fail_argument(request, method->entries_name, "has more entries than a call may have");
    return false;
}

/* Makes names of the ids that were read; false with the request failed. */
static bool name_ids(struct server_request *request, struct parts *parts)
{
    uint8_t *names = arena_alloc(&request->arena, parts->command.count * ELEMENTS_ID_BYTES);
    if (names == NULL) {
        server_fail_memory(request);
        return false;
    }
    for (size_t i = 0; i < parts->command.count; i++, names += ELEMENTS_ID_BYTES) {
        elements_id_write(names, (uint32_t)parts->elements[i].rank);
        parts->elements[i].name = bytes_make(names, ELEMENTS_ID_BYTES);
    }
    return true;
}

/* --- Answers --- */

/* A board that is not there has no elements. */
static void reply_elements(void *context, const struct store_reply *reply, enum elements_form form)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    size_t count = reply->status == STORE_OK ? reply->count : 0;
    uint8_t *to = server_reply_begin(request, elements_size(form, reply->elements, count));
    if (to == NULL)
        return;
    (void)elements_write(to, form, reply->elements, count);
    server_reply_end(request, true);
}

static void on_range(void *context, const struct store_reply *reply)
{
    reply_elements(context, reply, ELEMENTS_RANKED);
}

static void on_ranks(void *context, const struct store_reply *reply)
{
    reply_elements(context, reply, ELEMENTS_RANKED_FOUND);
}

/* --- The board as a whole --- */

void leaderboard_delete(struct server_request *request, struct bytes message)
{
    static const struct board_method delete = {.layout = {.fields = {[2] = PART_KEY}}, .kind = STORE_CLEAR};
    struct parts parts;
    if (board_read(request, message, &delete, &parts))
        collection_ask(request, &parts.command, collection_done);
}

void leaderboard_get_length(struct server_request *request, struct bytes message)
{
    static const struct board_method length = {.layout = {.fields = {[2] = PART_KEY}}, .kind = STORE_LENGTH};
    struct parts parts;
    if (board_read(request, message, &length, &parts))
        collection_ask(request, &parts.command, collection_done_number);
}

/* --- Elements in and out --- */

static bool check_entries(struct server_request *request, const struct board_method *method,
                          const struct store_command *command)
{
    if (command->count == 0) {
        server_fail_argument(request, method->entries_name, "is empty");
        return false;
    }
    for (size_t i = 0; i < command->count; i++)
        if (!isfinite(command->elements[i].score)) {
            server_fail_argument(request, "score", "is not a finite number");
            return false;
        }
    return true;
}

/* An upsert asks up to three times: how long the board is; if that is near the limit, which of its elements are on it
 * already; and to put them. Calls that cross each other may pass the limit by what they bring. */
struct upsert {
    struct parts parts;
    uint64_t length;
    bool stepping;
    bool answered; /* the store answered before the operation returned */
};

static void upsert_step(struct server_request *request);

static uint64_t board_limit(const struct server_request *request)
{
    return (uint64_t)request->worker->server->settings->max_leaderboard_bytes / ELEMENT_BYTES;
}

static uint64_t count_new(const struct store_reply *reply)
{
    uint64_t count = 0;
    for (size_t i = 0; i < reply->count; i++)
        count += !reply->elements[i].found;
    return count;
}

/* What to ask next, by what was asked last and what came of it; false when the board would grow too large. */
static bool upsert_advance(const struct server_request *request, struct upsert *upsert,
                           const struct store_reply *reply)
{
    struct store_command *command = &upsert->parts.command;
    if (command->kind == STORE_LENGTH) {
        upsert->length = reply->status == STORE_OK ? (uint64_t)reply->number : 0;
        const bool surely_fits = upsert->length + command->count <= board_limit(request);
        command->kind = surely_fits ? STORE_SORTED_PUT : STORE_SORTED_SCORE;
        return true;
    }
    command->kind = STORE_SORTED_PUT;
    uint64_t added = reply->status == STORE_OK ? count_new(reply) : command->count;
    return upsert->length + added <= board_limit(request);
}

static void on_upsert(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    struct upsert *upsert = request->state;
    if (upsert->parts.command.kind == STORE_SORTED_PUT) {
        collection_reply(request, bytes_make(NULL, 0));
    } else if (upsert_advance(request, upsert, reply)) {
        upsert->answered = true;
        upsert_step(request);
    } else {
        server_fail_limit(request, "elements", "would make the leaderboard larger than this server allows",
                          CAUSE_ITEM_SIZE);
    }
}

/* Never asks the store from within its completion: what comes back at once is gone on with here. */
static void upsert_step(struct server_request *request)
{
    struct upsert *upsert = request->state;
    if (upsert->stepping)
        return;
    upsert->stepping = true;
    do {
        upsert->answered = false;
        collection_ask(request, &upsert->parts.command, on_upsert);
    } while (upsert->answered);
    upsert->stepping = false;
}

void leaderboard_upsert_elements(struct server_request *request, struct bytes message)
{
    static const struct board_method method = {
        .layout = {.fields = {[2] = PART_KEY, [3] = PART_ID_SCORED}},
        .entries_name = "elements",
        .kind = STORE_LENGTH,
    };
    struct upsert *upsert = arena_alloc(&request->arena, sizeof *upsert);
    if (upsert == NULL) {
        server_fail_memory(request);
        return;
    }
    memset(upsert, 0, sizeof *upsert);
    struct store_command *command = &upsert->parts.command;
    if (!board_read(request, message, &method, &upsert->parts) || !check_entries(request, &method, command) ||
        !name_ids(request, &upsert->parts))
        return;
    command->ttl_ms = (uint64_t)(request->worker->server->settings->max_leaderboard_ttl_ns / CLOCK_NS_PER_MS);
    command->refresh_ttl = true;
    command->key = arena_copy(&request->arena, command->key); /* outlives the message */
    if (command->key.data == NULL) {
        server_fail_memory(request);
        return;
    }
    request->state = upsert;
    upsert_step(request);
}

void leaderboard_remove_elements(struct server_request *request, struct bytes message)
{
    static const struct board_method remove = {
        .layout = {.fields = {[2] = PART_KEY, [3] = PART_IDS}},
        .entries_name = "ids",
        .kind = STORE_SORTED_REMOVE,
    };
    struct parts parts;
    if (board_read(request, message, &remove, &parts) && check_entries(request, &remove, &parts.command) &&
        name_ids(request, &parts))
        collection_ask(request, &parts.command, collection_done);
}

/* --- Ranks of ids --- */

void leaderboard_get_rank(struct server_request *request, struct bytes message)
{
    static const struct board_method get_rank = {
        .layout = {.fields = {[2] = PART_KEY, [3] = PART_IDS, [4] = PART_ORDER}},
        .entries_name = "ids",
        .kind = STORE_SORTED_RANK,
    };
    struct parts parts;
    if (board_read(request, message, &get_rank, &parts) && collection_take_order(request, &parts) &&
        name_ids(request, &parts))
        collection_ask(request, &parts.command, on_ranks);
}

void leaderboard_get_competition_rank(struct server_request *request, struct bytes message)
{
    static const struct board_method get_competition_rank = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_IDS, [3] = PART_ORDER}},
        .entries_name = "ids",
        .kind = STORE_SORTED_RANK,
        .order = LEADERBOARD____ORDER__DESCENDING,
    };
    struct parts parts;
    if (!board_read(request, message, &get_competition_rank, &parts) ||
        !collection_take_order(request, &parts) || !name_ids(request, &parts))
        return;
    parts.command.competition = true;
    collection_ask(request, &parts.command, on_ranks);
}

/* --- Ranges --- */

void leaderboard_get_by_rank(struct server_request *request, struct bytes message)
{
    static const struct parts_layout range = {.fields = {[1] = PART_START_RANK, [2] = PART_END_RANK}};
    static const struct board_method get_by_rank = {
        .layout = {.fields = {[2] = PART_KEY, [3] = PART_MESSAGE, [4] = PART_ORDER}, .inner = {[3] = &range}},
        .kind = STORE_SORTED_BY_INDEX,
    };
    struct parts parts;
    if (!board_read(request, message, &get_by_rank, &parts) || !collection_take_order(request, &parts))
        return;
    const struct store_command *command = &parts.command;
    if (command->start >= command->end)
        server_fail_argument(request, "rank_range", "is empty");
    else if ((uint64_t)(command->end - command->start) > call_limit(request))
        server_fail_argument(request, "rank_range", "is wider than a call may be");
    else
        collection_ask(request, command, on_range);
}

static bool check_score_range(struct server_request *request, const struct parts *parts)
{
    const struct store_command *command = &parts->command;
    if (parts->min_set && !isfinite(command->min.score))
        server_fail_argument(request, "score_range.min_inclusive", "is not a finite number");
    else if (parts->max_set && !isfinite(command->max.score))
        server_fail_argument(request, "score_range.max_exclusive", "is not a finite number");
    else if (command->min.score >= command->max.score) /* an end that is open is infinite */
        server_fail_argument(request, "score_range", "is empty");
    else
        return true;
    return false;
}

static bool check_limit(struct server_request *request, const struct store_command *command)
{
    if (command->limit > 0 && command->limit <= call_limit(request))
        return true;
    server_fail_argument(request, "limit_elements",
                         command->limit == 0 ? "is zero" : "is more than a call may return");
    return false;
}

void leaderboard_get_by_score(struct server_request *request, struct bytes message)
{
    static const struct parts_layout range = {
        .fields = {[1] = PART_MIN_OPEN, [3] = PART_MAX_OPEN, [5] = PART_MIN, [6] = PART_MAX_EXCLUSIVE}};
    static const struct board_method get_by_score = {
        .layout = {.fields = {[2] = PART_KEY,
                              [3] = PART_MESSAGE,
                              [4] = PART_OFFSET,
                              [5] = PART_LIMIT_32,
                              [6] = PART_ORDER},
                   .inner = {[3] = &range}},
        .kind = STORE_SORTED_BY_SCORE,
    };
    struct parts parts;
    if (board_read(request, message, &get_by_score, &parts) && collection_take_order(request, &parts) &&
        check_score_range(request, &parts) && check_limit(request, &parts.command))
        collection_ask(request, &parts.command, on_range);
}
