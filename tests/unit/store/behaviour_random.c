/* Random operations, done to the engine and to the model: while there is room they must answer alike and hold
 * alike. Where there is too little, the engine may have dropped any item as a whole, and may refuse a write and
 * leave things as they are; the model then learns from the engine which of these it was, and anything else is a
 * failure. */
#include "store/behaviour_chapters.h"
#include "store/behaviour_draw.h"
#include "store/behaviour_model.h"

#include <errno.h>
#include <time.h>

#define SLOTS        3
#define KEYS_AT_ONCE (1 + DRAW_SOURCES_MOST)
#define DAY_MS       ((int64_t)86400000)
#define UPKEEP_MOST  10000000
#define LENGTH_MOST  15000
#define FIXED_SEEDS  (SANITIZED ? 1 : 3)

struct run_profile {
    const char *name;
    struct draw_profile draw;
    unsigned steps;
    unsigned steps_a_look;  /* at everything */
    unsigned one_in_caches; /* how rare what happens to caches is */
    size_t item_bytes_most; /* larger ones are deleted */
    bool tight;
};

/* A cache of either store; the handles stay when the cache is deleted, until they are taken anew. */
struct slot {
    char name[2];
    struct store_cache *engine;
    struct store_cache *model;
    bool lost; /* the cache is deleted: operations answer no more than that */
};

struct run {
    const struct run_profile *profile;
    struct draw *draw;
    uint64_t seed;
    unsigned step;
    int64_t now_ms;
    struct store *engine;
    struct store *model;
    struct slot slots[SLOTS];
    struct answer got;
    struct answer expected;
    struct operation look; /* the latest look at what the engine holds, */
    struct answer seen;    /* and what it answered */
    uint64_t peak_bytes;
    uint64_t forgotten; /* items that the engine dropped */
    uint64_t refused;   /* writes for want of memory */
    uint64_t agreed;    /* that found something */
};

/* Where an operation leaves a trace. */
struct place {
    struct bytes key;
    bool board;
    struct model_item *saved;
};

static void report(const struct run *r)
{
    print_message("\nprofile \"%s\", step %u, time %lld; to repeat: MAYFLY_TEST_SEED=%llu %s\n",
                  r->profile->name, r->step, (long long)r->now_ms, (unsigned long long)r->seed,
                  program_invocation_name);
}

static void disagree(const struct run *r, const struct operation *operation, const struct answer *got)
{
    report(r);
    operation_print(operation);
    print_message("expected ");
    answer_print(&r->expected);
    print_message("     got ");
    answer_print(got);
    fail_msg("the engine and the model disagree");
}

static void ask_engine(struct run *r, const struct slot *slot, const struct operation *operation,
                       struct answer *got)
{
    operation_perform(operation, r->engine, slot->engine, r->now_ms, got);
}

static void ask_model(struct run *r, const struct slot *slot, const struct operation *operation)
{
    operation_perform(operation, r->model, slot->model, r->now_ms, &r->expected);
}

/* Does to the model what the engine has answered, and tells whether it answers so, too. What was popped at
 * random is taken out by name. */
static bool model_agrees(struct run *r, const struct slot *slot, const struct operation *operation,
                         struct answer *got)
{
    struct operation own = *operation;
    bool command = own.kind == OPERATION_COMMAND;
    if (command && (own.command.kind == STORE_TABLE_SAMPLE || own.command.kind == STORE_TABLE_POP))
        own.command.kind = STORE_TABLE_FETCH;
    ask_model(r, slot, &own);
    if (!operation_agrees(operation, &r->expected, got))
        return false;
    if (command && operation->command.kind == STORE_TABLE_POP && got->status == STORE_OK) {
        own.command.kind = STORE_TABLE_REMOVE;
        own.command.elements = got->elements;
        own.command.count = got->count;
        ask_model(r, slot, &own);
    }
    return true;
}

/* The operation that answers with all that a key of this type holds. */
static struct operation operation_to_fetch(struct bytes key, enum store_type type)
{
    static const enum store_command_kind kinds[] = {
        [STORE_DICTIONARY] = STORE_TABLE_FETCH,
        [STORE_SET] = STORE_TABLE_FETCH,
        [STORE_LIST] = STORE_LIST_FETCH,
        [STORE_SORTED_SET] = STORE_SORTED_BY_INDEX,
        [STORE_LEADERBOARD] = STORE_SORTED_BY_INDEX,
    };
    struct operation fetch = {.kind = OPERATION_GET, .command = {.type = type, .key = key}};
    if (type != STORE_SCALAR) {
        fetch.kind = OPERATION_COMMAND;
        fetch.command.kind = kinds[type];
        fetch.command.end = STORE_END;
    }
    return fetch;
}

enum held { ALIKE, DROPPED, OTHERWISE };

enum explanation { EXPLAINED, ANSWER_DIFFERS, TRACE_DIFFERS };

static bool looks_alike(struct run *r, const struct slot *slot, const struct operation *look)
{
    ask_engine(r, slot, look, &r->seen);
    return model_agrees(r, slot, look, &r->seen);
}

/* What the engine holds in this place, beside what the model does: type, TTL and everything in it. LOOK becomes
 * the operation that told. */
static enum held look_at(struct run *r, const struct slot *slot, const struct place *place,
                         struct operation *look)
{
    *look = (struct operation){.kind = OPERATION_ITEM_TYPE, .command = {.key = place->key}};
    if (place->board) {
        look->kind = OPERATION_COMMAND;
        look->command.type = STORE_LEADERBOARD;
        look->command.kind = STORE_LENGTH;
    }
    if (!looks_alike(r, slot, look))
        return r->seen.status == STORE_MISSING ? DROPPED : OTHERWISE;
    if (r->seen.status != STORE_OK)
        return ALIKE;
    enum store_type type = place->board ? STORE_LEADERBOARD : r->seen.type;
    look->kind = OPERATION_ITEM_TTL;
    if (!place->board && !looks_alike(r, slot, look))
        return OTHERWISE;
    *look = operation_to_fetch(place->key, type);
    return looks_alike(r, slot, look) ? ALIKE : OTHERWISE;
}

static void forget(struct run *r, const struct slot *slot, const struct place *place)
{
    model_restore(slot->model, place->key, place->board, NULL);
    r->forgotten++;
}

/* The same for each place, where what the engine dropped is forgotten. */
static bool settle(struct run *r, const struct slot *slot, const struct place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum held held = look_at(r, slot, &places[i], &r->look);
        if (held == OTHERWISE)
            return false;
        if (held == DROPPED)
            forget(r, slot, &places[i]);
    }
    return true;
}

static size_t places_of(const struct slot *slot, const struct operation *operation,
                        struct place places[KEYS_AT_ONCE])
{
    const struct store_command *command = &operation->command;
    size_t count = 1;
    places[0] = (struct place){.key = command->key, .board = operation_is_on_board(operation)};
    for (size_t i = 0; i < command->source_count; i++) {
        bool again = false;
        for (size_t j = 0; j < count; j++)
            again |= bytes_equal(places[j].key, command->sources[i].key);
        if (!again)
            places[count++] = (struct place){.key = command->sources[i].key};
    }
    for (size_t i = 0; i < count; i++)
        places[i].saved = model_save(slot->model, places[i].key, places[i].board);
    return count;
}

/* Whether the engine's answer, and what it holds after a write, is right had it dropped those items beforehand
 * whose bits are set. */
static enum explanation explains(struct run *r, const struct slot *slot, const struct operation *operation,
                                 const struct place *places, size_t count, unsigned dropped)
{
    bool refused = r->got.status == STORE_NO_MEMORY && operation_writes(operation);
    for (size_t i = 0; i < count; i++) {
        bool gone = (dropped >> i & 1) != 0;
        model_restore(slot->model, places[i].key, places[i].board, gone ? NULL : places[i].saved);
    }
    if (!refused && !model_agrees(r, slot, operation, &r->got))
        return ANSWER_DIFFERS;
    if (!operation_writes(operation) || settle(r, slot, places, count))
        return EXPLAINED;
    return TRACE_DIFFERS;
}

static void do_in_tightness(struct run *r, const struct slot *slot, const struct operation *operation)
{
    struct place places[KEYS_AT_ONCE];
    size_t count = places_of(slot, operation, places);
    uint64_t forgotten = r->forgotten;
    enum explanation explanation = ANSWER_DIFFERS;
    ask_engine(r, slot, operation, &r->got);
    r->refused += r->got.status == STORE_NO_MEMORY;
    for (unsigned dropped = 0; explanation != EXPLAINED && dropped < 1u << count; dropped++) {
        r->forgotten = forgotten + (unsigned)__builtin_popcount(dropped);
        explanation = explains(r, slot, operation, places, count, dropped);
    }
    if (explanation != EXPLAINED) {
        explanation = explains(r, slot, operation, places, count, 0);
        if (explanation == TRACE_DIFFERS) {
            print_message("\nafterwards, ");
            operation_print(operation);
            disagree(r, &r->look, &r->seen);
        }
        disagree(r, operation, &r->got);
    }
    for (size_t i = 0; i < count; i++)
        model_saved_free(places[i].saved);
}

static void do_operation(struct run *r, struct slot *slot, const struct operation *operation)
{
    if (r->profile->tight) {
        do_in_tightness(r, slot, operation);
    } else {
        ask_engine(r, slot, operation, &r->got);
        if (!model_agrees(r, slot, operation, &r->got))
            disagree(r, operation, &r->got);
    }
    slot->lost = r->got.status == STORE_NO_CACHE;
    r->agreed += r->got.status == STORE_OK;
}

/* Everything that both hold. */
static void look_at_everything(struct run *r)
{
    for (size_t i = 0; i < SLOTS; i++) {
        for (unsigned j = 0; j < 2 * r->profile->draw.keys; j++) {
            struct place place = {.key = r->draw->keys[j / 2], .board = j % 2 != 0};
            enum held held = look_at(r, &r->slots[i], &place, &r->look);
            if (held == OTHERWISE || (held == DROPPED && !r->profile->tight))
                disagree(r, &r->look, &r->seen);
            if (held == DROPPED)
                forget(r, &r->slots[i], &place);
        }
    }
}

static void check_stats(struct run *r)
{
    struct store_stats stats;
    store_stats(r->engine, &stats);
    if (stats.bytes_used > r->peak_bytes)
        r->peak_bytes = stats.bytes_used;
    if (stats.bytes_used <= stats.bytes_limit && (r->profile->tight || stats.evictions == 0))
        return;
    report(r);
    print_message("%llu bytes of %llu, %llu evictions\n", (unsigned long long)stats.bytes_used,
                  (unsigned long long)stats.bytes_limit, (unsigned long long)stats.evictions);
    fail_msg("the limit does not hold, or something was evicted while there was room");
}

static void maintain_all(struct run *r)
{
    unsigned pieces = 0;
    while (store_maintain(r->engine, r->now_ms)) {
        if (++pieces == UPKEEP_MOST) {
            report(r);
            fail_msg("maintenance never ends");
        }
    }
}

/* Caches. */

static void release_slot(struct run *r, struct slot *slot)
{
    store_cache_release(r->engine, slot->engine);
    store_cache_release(r->model, slot->model);
}

static void take_slot(struct run *r, struct slot *slot)
{
    slot->engine = store_cache_take(r->engine, bytes_of(slot->name));
    slot->model = store_cache_take(r->model, bytes_of(slot->name));
    assert_non_null(slot->engine);
    assert_non_null(slot->model);
}

typedef void (*cache_operation)(struct store *store, struct bytes name, store_done done, void *context);

static enum store_status do_to_cache(struct run *r, cache_operation operation, const char *name)
{
    operation(r->engine, bytes_of(name), note_answer, &r->got);
    if (r->got.status == STORE_NO_MEMORY && r->profile->tight)
        return STORE_NO_MEMORY;
    operation(r->model, bytes_of(name), note_answer, &r->expected);
    if (r->got.status != r->expected.status) {
        report(r);
        fail_msg("cache \"%s\": status %d, but expected %d", name, r->got.status, r->expected.status);
    }
    return r->got.status;
}

static void join_name(void *context, struct bytes name)
{
    char *joined = context;
    strncat(joined, (const char *)name.data, name.size);
}

static void check_names(struct run *r)
{
    char got[SLOTS + 1] = "";
    char expected[SLOTS + 1] = "";
    store_cache_each(r->engine, join_name, got);
    store_cache_each(r->model, join_name, expected);
    if (strcmp(got, expected) != 0)
        report(r);
    assert_string_equal(got, expected);
}

static void turn_caches(struct run *r, struct slot *slot)
{
    switch (draw_below(r->draw, 4)) {
    case 0:
        do_to_cache(r, store_cache_flush, slot->name);
        break;
    case 1:
        do_to_cache(r, store_cache_delete, slot->name);
        break;
    case 2:
        do_to_cache(r, store_cache_create, slot->name);
        break;
    default:
        if (do_to_cache(r, store_cache_create, slot->name) == STORE_NO_MEMORY)
            break;
        release_slot(r, slot);
        take_slot(r, slot);
    }
    check_names(r);
}

/* Runs. */

static bool grew_too_large(const struct run *r, const struct slot *slot, const struct operation *operation)
{
    bool board = operation_is_on_board(operation);
    return model_bytes(slot->model, operation->command.key, board) > r->profile->item_bytes_most ||
           model_length(slot->model, operation->command.key, board) > LENGTH_MOST;
}

static void pass_time(struct run *r)
{
    if (draw_one_in(r->draw, 8))
        r->now_ms += (int64_t)draw_below(r->draw, 4);
    if (draw_one_in(r->draw, 200))
        r->now_ms += (int64_t)draw_below(r->draw, 4096);
    if (draw_one_in(r->draw, 20))
        store_maintain(r->engine, r->now_ms);
    if (draw_one_in(r->draw, 1000))
        maintain_all(r);
}

static void step(struct run *r)
{
    struct slot *slot = &r->slots[draw_below(r->draw, SLOTS)];
    pass_time(r);
    if (draw_one_in(r->draw, slot->lost ? 20 : r->profile->one_in_caches))
        turn_caches(r, slot);
    struct operation operation = draw_operation(r->draw);
    if (grew_too_large(r, slot, &operation)) {
        bool board = operation_is_on_board(&operation);
        operation.kind = board ? OPERATION_COMMAND : OPERATION_DELETE;
        operation.command.kind = STORE_CLEAR;
        operation.command.source_count = 0;
    }
    do_operation(r, slot, &operation);
    check_stats(r);
    if (r->step % r->profile->steps_a_look == r->profile->steps_a_look - 1)
        look_at_everything(r);
}

static void begin_run(struct run *r, const struct behaviour_engine *engine)
{
    r->engine = engine->create(r->profile->tight ? engine->tight_bytes : engine->roomy_bytes);
    r->model = model_create();
    assert_non_null(r->engine);
    r->draw = draw_open(&r->profile->draw, r->seed);
    r->now_ms = 1000;
    for (size_t i = 0; i < SLOTS; i++) {
        r->slots[i].name[0] = (char)('a' + i);
        assert_int_equal(do_to_cache(r, store_cache_create, r->slots[i].name), STORE_OK);
        take_slot(r, &r->slots[i]);
    }
}

/* When all is gone, so is its memory. */
static void end_run(struct run *r)
{
    struct store_stats stats;
    for (size_t i = 0; i < SLOTS; i++) {
        release_slot(r, &r->slots[i]);
        do_to_cache(r, store_cache_delete, r->slots[i].name);
    }
    r->now_ms += DAY_MS;
    maintain_all(r);
    store_stats(r->engine, &stats);
    if (stats.items != 0 || stats.caches != 0 || stats.bytes_used > r->peak_bytes / 2) {
        report(r);
        fail_msg("%llu items, %llu caches and %llu bytes are left of %llu bytes",
                 (unsigned long long)stats.items, (unsigned long long)stats.caches,
                 (unsigned long long)stats.bytes_used, (unsigned long long)r->peak_bytes);
    }
    store_destroy(r->engine);
    store_destroy(r->model);
    draw_close(r->draw);
    answer_free(&r->got);
    answer_free(&r->expected);
    answer_free(&r->seen);
}

/* Returns how many items were dropped. */
static uint64_t run(const struct behaviour_engine *engine, const struct run_profile *profile, uint64_t seed)
{
    struct run r = {.profile = profile, .seed = seed};
    unsigned steps = SANITIZED && !profile->tight ? profile->steps / 4 : profile->steps;
    begin_run(&r, engine);
    for (r.step = 0; r.step < steps; r.step++)
        step(&r);
    look_at_everything(&r);
    /* An engine that forgets or refuses everything would agree with any model. */
    assert_true(r.agreed > steps / 8);
    assert_true(r.forgotten < r.agreed / 2);
    assert_true(r.refused < r.agreed / 10);
    end_run(&r);
    return r.forgotten;
}

/* The seeds that the environment asks for. */
static void run_seeds(const struct behaviour_engine *engine, const struct run_profile *profile)
{
    const char *only = getenv("MAYFLY_TEST_SEED");
    const char *more = getenv("MAYFLY_TEST_SEEDS");
    if (only != NULL) {
        run(engine, profile, strtoull(only, NULL, 10));
        return;
    }
    uint64_t dropped = 0;
    for (uint64_t seed = 1; seed <= FIXED_SEEDS; seed++)
        dropped += run(engine, profile, seed);
    uint64_t clock = (uint64_t)time(NULL) * 1000;
    for (uint64_t i = 0; i < (more != NULL ? strtoull(more, NULL, 10) : 1); i++)
        dropped += run(engine, profile, clock + i);
    assert_true(!profile->tight || dropped > 0);
}

static void every_type_answers_and_holds_what_the_model_does(void **state)
{
    static const struct run_profile profile = {
        .name = "every type",
        .draw = {.keys = 18,
                 .types = 6,
                 .one_in_large = 60,
                 .large_bytes = 200000,
                 .one_in_many = 250,
                 .ttl_scale = 1},
        .steps = 30000,
        .steps_a_look = 2000,
        .one_in_caches = 1000,
        .item_bytes_most = 1500000,
    };
    run_seeds(*state, &profile);
}

static void large_collections_answer_and_hold_what_the_model_does(void **state)
{
    static const struct run_profile profile = {
        .name = "large collections",
        .draw = {.keys = 6,
                 .types = 6,
                 .one_in_large = 500,
                 .large_bytes = 100000,
                 .one_in_many = 12,
                 .ttl_scale = 1000},
        .steps = 5000,
        .steps_a_look = 500,
        .one_in_caches = 3000,
        .item_bytes_most = 5000000,
    };
    run_seeds(*state, &profile);
}

static void many_scalars_are_held_as_the_model_holds_them(void **state)
{
    static const struct run_profile profile = {
        .name = "many scalars",
        .draw = {.keys = 3000,
                 .types = 1,
                 .one_in_large = 20,
                 .large_bytes = 40000,
                 .one_in_many = 1,
                 .ttl_scale = 1},
        .steps = 200000,
        .steps_a_look = 100000,
        .one_in_caches = 5000,
        .item_bytes_most = 1000000,
    };
    run_seeds(*state, &profile);
}

static void without_room_items_are_whole_or_gone_and_refused_writes_change_nothing(void **state)
{
    static const struct run_profile profile = {
        .name = "every type without room",
        .draw = {.keys = 500,
                 .types = 6,
                 .one_in_large = 2,
                 .large_bytes = 200000,
                 .one_in_many = 200,
                 .ttl_scale = 1000,
                 .ageless_boards = true},
        .steps = 15000,
        .steps_a_look = 5000,
        .one_in_caches = 10000,
        .item_bytes_most = 1500000,
        .tight = true,
    };
    const struct behaviour_engine *engine = *state;
    if (engine->tight_bytes == 0)
        skip();
    run_seeds(engine, &profile);
}

static void without_room_scalars_are_whole_or_gone(void **state)
{
    static const struct run_profile profile = {
        .name = "many scalars without room",
        .draw = {.keys = 3000,
                 .types = 1,
                 .one_in_large = 3,
                 .large_bytes = 100000,
                 .one_in_many = 1,
                 .ttl_scale = 1000},
        .steps = 60000,
        .steps_a_look = 60000,
        .one_in_caches = 50000,
        .item_bytes_most = 1000000,
        .tight = true,
    };
    const struct behaviour_engine *engine = *state;
    if (engine->tight_bytes == 0)
        skip();
    run_seeds(engine, &profile);
}

static const struct CMUnitTest promises[] = {
    cmocka_unit_test(every_type_answers_and_holds_what_the_model_does),
    cmocka_unit_test(large_collections_answer_and_hold_what_the_model_does),
    cmocka_unit_test(many_scalars_are_held_as_the_model_holds_them),
    cmocka_unit_test(without_room_items_are_whole_or_gone_and_refused_writes_change_nothing),
    cmocka_unit_test(without_room_scalars_are_whole_or_gone),
};

const struct behaviour_chapter behaviour_random = {promises, sizeof promises / sizeof *promises, true};
