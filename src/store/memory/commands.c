/* A collection is one item of the log, so a command is a call like any other: it finds the item, has the
 * collection do the command, and sees to what the collection does not know of: memory, TTL, and an end when
 * it is empty. Memory is paid for in advance, at the most that the command can take, and what it did not take comes
 * back at once: so no write ever passes the budget, at the price of asking for somewhat more than it needs. */
#include "store/memory/commands.h"

#include "store/memory/call.h"
#include "store/memory/command_kind.h"
#include "store/memory/union.h"

#define LENGTH_MOST ((uint64_t)UINT32_MAX)

/* Whether a collection of this length could come to have more elements than can be counted. */
static bool too_long(uint64_t length, const struct store_command *command)
{
    return command_kind_of(command)->grows &&
           (command->count > LENGTH_MOST || length > LENGTH_MOST - command->count);
}

static void create(struct call *call, const struct found *none, const struct store_command *command,
                   struct collection_answer *answer, struct store_reply *reply)
{
    enum store_type type = command_type(command);
    reply->status = STORE_NO_MEMORY;
    if (too_long(0, command))
        return;
    uint64_t paid_bytes = collection_need_bytes(NULL, command);
    if (!call_pay(call, 0, paid_bytes))
        return;
    struct collection *collection = collection_create(type, call->memory->hash_seed);
    if (collection == NULL) {
        call_settle(call, paid_bytes, 0);
        return;
    }
    collection_apply(collection, command, answer, reply);
    call_settle(call, paid_bytes, (int64_t)collection->bytes);
    bool kept = false;
    if (reply->status == STORE_OK && collection->length > 0) {
        reply->status =
            call_put_collection(call, none, type, collection, call_expiry_ms(call, command->ttl_ms));
        kept = reply->status == STORE_OK;
    }
    if (!kept)
        call_discard(call, collection);
}

/* What went of a collection at once goes the way of those that are gone; the bytes that this keeps charged. */
static int64_t bury_husk(struct call *call, struct collection_answer *answer)
{
    if (answer->husk == NULL)
        return 0;
    int64_t bytes = (int64_t)answer->husk->bytes;
    shard_bury_collection(call->shard, answer->husk);
    answer->husk = NULL;
    return bytes;
}

static void change(struct call *call, const struct found *found, const struct store_command *command,
                   struct collection_answer *answer, struct store_reply *reply)
{
    struct collection *collection = item_collection(&found->item);
    uint64_t before_bytes = collection->bytes;
    reply->status = STORE_NO_MEMORY;
    if (too_long(collection->length, command))
        return;
    uint64_t paid_bytes = collection_need_bytes(collection, command);
    item_touch(found->item.at);
    if (!call_pay(call, before_bytes, paid_bytes)) {
        call->kept_bytes = before_bytes;
        return;
    }

    collection_apply(collection, command, answer, reply);
    int64_t grown_bytes = (int64_t)(collection->bytes - before_bytes);
    if (grown_bytes != 0)
        shard_weigh(call->shard, found->item.at, (uint64_t)grown_bytes);
    call_settle(call, paid_bytes, grown_bytes + bury_husk(call, answer));

    if (collection->length == 0)
        shard_drop(call->shard, found);
    else if (reply->status == STORE_OK && command->refresh_ttl && command_kind_of(command)->takes_ttl)
        shard_set_expiry(call->shard, found->item.at, call_expiry_ms(call, command->ttl_ms));
}

/* With the lock held, since a reply may point into the collection. Answers unless there is no memory: then it may be
 * tried again. */
static enum store_status run(struct call *call, const struct store_command *command, store_done done,
                             void *context)
{
    struct store_reply reply = {.status = STORE_OK};
    struct collection_answer answer;
    collection_answer_init(&answer);

    struct found found = call_find(call);
    if (found.entry == NULL && command_kind_of(command)->creates)
        create(call, &found, command, &answer, &reply);
    else if (found.entry == NULL)
        reply.status = STORE_MISSING;
    else if (item_type(found.item.at) != command_type(command))
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

void commands_run(struct store *store, const struct store_command *command, store_done done, void *context)
{
    if (command->kind == STORE_SORTED_UNION) {
        union_run(store, command, done, context);
        return;
    }
    bool board = command->type == STORE_LEADERBOARD;
    struct call call = call_make(store, command->cache, command->key, board, command->now_ms);
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
