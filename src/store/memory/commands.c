/* A collection is one item of the log, so a command is a call like any other: it finds the item, has the
 * collection do the command, and sees to what the collection does not know of: memory, TTL, and an end when
 * it is empty. Memory is paid for in advance, at the most that the command can take, and what it did not take comes
 * back afterwards: so no write ever passes the budget, at the price of asking for somewhat more than it needs. */
#include "store/memory/commands.h"

#include "store/memory/call.h"

/* What merging a sorted set may add: its elements take as much again in the union, but that pages may be half as
 * full there; and a set so small that it keeps no second order by names gets one. */
#define MERGE_FACTOR ((uint64_t)2)
#define MERGE_BYTES  ((uint64_t)32 << 10)

static enum store_type type_of(const struct store_command *command)
{
    bool of_lists = command->kind >= STORE_LIST_PUSH && command->kind <= STORE_LIST_REMOVE;
    return of_lists ? STORE_LIST : command->type;
}

static bool takes_ttl(enum store_command_kind kind)
{
    return collection_command_creates(kind) || kind == STORE_LIST_RETAIN;
}

/* Frees, all at once, a collection that never got a key: less work than it was to make. */
static void discard(struct collection *collection)
{
    while (!collection_free_piece(collection))
        continue;
}

/* Pays BYTES more for a collection that holds HELD_BYTES. One that could not stay, even alone, is not worth evicting
 * all others for. */
static bool pay(struct call *call, uint64_t held_bytes, uint64_t bytes)
{
    uint64_t budget_bytes = call->memory->region.budget_bytes;
    if (bytes == 0)
        return true;
    if (bytes > budget_bytes || held_bytes > budget_bytes - bytes)
        return false;
    return shard_pay(call->shard, &call->purse, bytes);
}

/* Of what was paid for a collection's growth, keeps what it grew by, below zero when it shrank. */
static void settle(struct call *call, uint64_t paid_bytes, int64_t grown_bytes)
{
    int64_t rest_bytes = (int64_t)paid_bytes - grown_bytes;
    if (rest_bytes >= 0)
        call->purse.credit_bytes += (uint64_t)rest_bytes;
    else /* It cannot be undone; the account stays right. */
        region_refund(&call->memory->region, (uint64_t)rest_bytes);
}

/* --- Commands on one collection --- */

static void create(struct call *call, const struct found *none, const struct store_command *command,
                   struct collection_answer *answer, struct store_reply *reply)
{
    enum store_type type = type_of(command);
    uint64_t paid_bytes = collection_growth_bytes(command);
    reply->status = STORE_NO_MEMORY;
    if (!pay(call, 0, paid_bytes))
        return;
    struct collection *collection = collection_create(type, call->memory->hash_seed);
    if (collection == NULL)
        goto failed;

    collection_apply(collection, command, answer, reply);
    if (reply->status == STORE_OK && collection->length > 0) {
        uint64_t bytes = collection->bytes;
        reply->status =
            call_put_collection(call, none, type, collection, call_expiry_ms(call, command->ttl_ms));
        if (reply->status == STORE_OK) {
            settle(call, paid_bytes, (int64_t)bytes);
            return;
        }
    }
    discard(collection);
failed:
    settle(call, paid_bytes, 0);
}

static void change(struct call *call, const struct found *found, const struct store_command *command,
                   struct collection_answer *answer, struct store_reply *reply)
{
    struct collection *collection = item_collection(&found->item);
    uint64_t before_bytes = collection->bytes;
    uint64_t paid_bytes = 0;
    if (collection_command_writes(command->kind))
        paid_bytes = collection_growth_bytes(command);
    item_touch(found->item.at);
    if (!pay(call, before_bytes, paid_bytes)) {
        reply->status = STORE_NO_MEMORY;
        return;
    }

    collection_apply(collection, command, answer, reply);
    int64_t grown_bytes = (int64_t)(collection->bytes - before_bytes);
    if (grown_bytes != 0)
        shard_weigh(call->shard, found->item.at, (uint64_t)grown_bytes);
    settle(call, paid_bytes, grown_bytes);

    if (collection->length == 0)
        shard_drop(call->shard, found);
    else if (reply->status == STORE_OK && command->refresh_ttl && takes_ttl(command->kind))
        shard_set_expiry(call->shard, found->item.at, call_expiry_ms(call, command->ttl_ms));
}

/* With the lock held, since a reply may point into the collection. Answers unless there is no memory: then it may be
 * tried again. */
static enum store_status run(struct call *call, const struct store_command *command, store_done done,
                             void *context)
{
    struct store_reply reply = {.status = STORE_OK};
    struct collection_answer answer;
    answer.far = NULL;
    answer.taken = NULL;
    answer.husk = NULL;

    struct found found = call_find(call);
    if (found.entry == NULL && collection_command_creates(command->kind))
        create(call, &found, command, &answer, &reply);
    else if (found.entry == NULL)
        reply.status = STORE_MISSING;
    else if (item_type(found.item.at) != type_of(command))
        reply.status = STORE_WRONG_TYPE;
    else if (command->kind == STORE_CLEAR)
        shard_drop(call->shard, &found);
    else
        change(call, &found, command, &answer, &reply);

    if (reply.status != STORE_NO_MEMORY)
        done(context, &reply);
    collection_answer_free(&answer);
    return reply.status;
}

/* --- The union of sorted sets --- */

/* Whether the key holds a sorted set, or nothing. */
static enum store_status check_target(struct call *call)
{
    enum store_status status = STORE_NO_CACHE;
    if (call_enter(call)) {
        struct found found = call_find(call);
        bool other = found.entry != NULL && item_type(found.item.at) != STORE_SORTED_SET;
        status = other ? STORE_WRONG_TYPE : STORE_OK;
        call_leave(call);
    }
    return status;
}

/* A sorted set without elements, paid for, or NULL. */
static struct collection *begin_union(struct call *call)
{
    uint64_t most_bytes =
        collection_growth_bytes(&(struct store_command){.kind = STORE_SORTED_PUT, .type = STORE_SORTED_SET});
    while (!shard_pay(call->shard, &call->purse, most_bytes)) {
        if (!call_again(call))
            return NULL;
    }
    struct collection *collection = collection_create(STORE_SORTED_SET, call->memory->hash_seed);
    settle(call, most_bytes, collection != NULL ? (int64_t)collection->bytes : 0);
    return collection;
}

/* Adds the sorted set of the call's key, if there is one, to INTO, whose bytes have been paid for. */
static enum store_status merge(struct call *call, const struct store_source *source,
                               enum store_aggregate aggregate, struct collection *into)
{
    struct found found = call_find(call);
    if (found.entry == NULL)
        return STORE_OK;
    if (item_type(found.item.at) != STORE_SORTED_SET)
        return STORE_WRONG_TYPE;
    const struct collection *from = item_collection(&found.item);
    uint64_t before_bytes = into->bytes;
    uint64_t paid_bytes = MERGE_FACTOR * from->bytes + MERGE_BYTES;
    item_touch(found.item.at);
    if (!pay(call, before_bytes, paid_bytes))
        return STORE_NO_MEMORY;
    enum store_status status = collection_merge(into, from, source->weight, aggregate);
    settle(call, paid_bytes, (int64_t)(into->bytes - before_bytes));
    return status;
}

static enum store_status merge_all(struct call *call, const struct store_command *command,
                                   struct collection *into)
{
    enum store_status status = STORE_OK;
    for (size_t i = 0; i < command->source_count && status == STORE_OK; i++) {
        const struct store_source *source = &command->sources[i];
        call_turn(call, source->key);
        do {
            if (!call_enter(call))
                return STORE_NO_CACHE;
            status = merge(call, source, command->aggregate, into);
            call_leave(call);
        } while (status == STORE_NO_MEMORY && call_again(call));
    }
    return status;
}

/* Makes the union what the key holds; an empty one is nothing. *KEPT tells that it got the key. */
static enum store_status keep(struct call *call, struct collection *whole, uint64_t ttl_ms, bool *kept)
{
    struct found found = call_find(call);
    if (found.entry != NULL && item_type(found.item.at) != STORE_SORTED_SET)
        return STORE_WRONG_TYPE;
    if (whole->length == 0) {
        if (found.entry != NULL)
            shard_drop(call->shard, &found);
        return STORE_OK;
    }
    enum store_status status =
        call_put_collection(call, &found, STORE_SORTED_SET, whole, call_expiry_ms(call, ttl_ms));
    *kept = status == STORE_OK;
    return status;
}

static enum store_status put_union(struct call *call, const struct store_command *command,
                                   struct collection *whole, bool *kept)
{
    enum store_status status;
    call_turn(call, command->key);
    do {
        if (!call_enter(call))
            return STORE_NO_CACHE;
        status = keep(call, whole, command->ttl_ms, kept);
        call_leave(call);
    } while (status == STORE_NO_MEMORY && call_again(call));
    return status;
}

/* Reads one source after another into a collection that nobody else sees, and then gives it the key. No two shards
 * are ever locked at once. */
static void run_union(struct store *store, const struct store_command *command, store_done done,
                      void *context)
{
    struct call call = call_make(store, command->cache, command->key, command->now_ms);
    struct store_reply reply = {.status = check_target(&call)};
    struct collection *whole = NULL;
    bool kept = false;
    if (reply.status == STORE_OK) {
        whole = begin_union(&call);
        reply.status = whole != NULL ? merge_all(&call, command, whole) : STORE_NO_MEMORY;
    }
    if (reply.status == STORE_OK) {
        reply.number = (int64_t)whole->length;
        reply.status = put_union(&call, command, whole, &kept);
    }
    if (whole != NULL && !kept) {
        call.purse.credit_bytes += whole->bytes;
        discard(whole);
    }
    call_end(&call);
    done(context, &reply);
}

void commands_run(struct store *store, const struct store_command *command, store_done done, void *context)
{
    if (command->kind == STORE_SORTED_UNION) {
        run_union(store, command, done, context);
        return;
    }
    bool board = command->type == STORE_LEADERBOARD;
    struct call call = board ? call_make_board(store, command->cache, command->key, command->now_ms)
                             : call_make(store, command->cache, command->key, command->now_ms);
    enum store_status status;
    bool answered = false;
    do {
        status = STORE_NO_CACHE;
        if (!call_enter(&call))
            break;
        status = run(&call, command, done, context);
        answered = status != STORE_NO_MEMORY;
        call_leave(&call);
    } while (!answered && call_again(&call));
    call_end(&call);
    if (!answered)
        call_answer(done, context, status);
}
