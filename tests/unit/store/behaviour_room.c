/* What a limit promises: it holds, what cannot fit is refused whole, and the room of what is gone is given again.
 * Each test opens a store of its own, at the engine's tight limit. */
#include "store/behaviour_chapters.h"

#define PIECE_BYTES ((size_t)1 << 20)
#define PIECES_MOST 256
#define UPKEEP_MOST 10000000

static uint8_t piece[PIECE_BYTES];

static struct fixture *open_tight(const struct behaviour_engine *engine)
{
    if (engine->tight_bytes == 0)
        skip();
    return behaviour_open(engine, engine->tight_bytes);
}

static void assert_within_limit(struct fixture *f)
{
    assert_true(stats_of(f).bytes_used <= stats_of(f).bytes_limit);
}

/* The command that adds elements to a collection of this type; those of lists at the back. */
static struct store_command adding_to(enum store_type type, const char *key)
{
    static const enum store_command_kind kinds[] = {
        [STORE_DICTIONARY] = STORE_TABLE_PUT,   [STORE_SET] = STORE_TABLE_PUT,
        [STORE_LIST] = STORE_LIST_PUSH,         [STORE_SORTED_SET] = STORE_SORTED_PUT,
        [STORE_LEADERBOARD] = STORE_SORTED_PUT,
    };
    struct store_command add = command_on(kinds[type], type, key);
    add.from_end = true;
    return add;
}

/* Elements of a megabyte each, and of different names, that together are more than BYTES. */
static enum store_status add_more_than(struct fixture *f, enum store_type type, const char *key,
                                       uint64_t bytes)
{
    struct store_element elements[PIECES_MOST];
    struct store_command add = adding_to(type, key);
    add.elements = elements;
    add.refresh_ttl = true;
    for (; add.count * (PIECE_BYTES - PIECES_MOST) <= bytes; add.count++) {
        assert_true(add.count < PIECES_MOST);
        elements[add.count] = (struct store_element){
            .name = bytes_make(piece, PIECE_BYTES - add.count),
            .score = (double)add.count,
        };
    }
    return command(f, add);
}

static void a_write_larger_than_the_limit_is_refused_and_changes_nothing(void **state)
{
    for (int i = STORE_DICTIONARY; i <= STORE_LEADERBOARD; i++) {
        enum store_type type = (enum store_type)i;
        struct fixture *f = open_tight(*state);
        uint64_t limit_bytes = stats_of(f).bytes_limit;
        assert_int_equal(add_more_than(f, type, "new", limit_bytes), STORE_NO_MEMORY);
        assert_int_equal(command(f, command_on(STORE_LENGTH, type, "new")), STORE_MISSING);
        assert_int_equal(give(f, adding_to(type, "old"), "a b"), STORE_OK);
        assert_int_equal(add_more_than(f, type, "old", limit_bytes), STORE_NO_MEMORY);
        if (command(f, command_on(STORE_LENGTH, type, "old")) == STORE_OK)
            assert_int_equal(f->answer.number, 2);
        else
            assert_int_equal(f->answer.status, STORE_MISSING);
        assert_within_limit(f);
        behaviour_close(f);
    }
}

static void collections_beyond_the_limit_make_room_for_each_other(void **state)
{
    struct fixture *f = open_tight(*state);
    uint64_t limit_bytes = stats_of(f).bytes_limit;
    char key[32];
    for (uint64_t i = 0; i < 3 * limit_bytes / PIECE_BYTES; i++) {
        snprintf(key, sizeof key, "collection %llu", (unsigned long long)i);
        enum store_type type = (enum store_type)(STORE_DICTIONARY + i % 5);
        assert_int_equal(add_more_than(f, type, key, PIECE_BYTES / 2), STORE_OK);
        assert_within_limit(f);
    }
    assert_true(stats_of(f).evictions > 0);
    assert_true(stats_of(f).bytes_used > limit_bytes / 3);
    behaviour_close(f);
}

static void maintain_all(struct fixture *f)
{
    for (unsigned pieces = 0; store_maintain(f->store, f->now_ms); pieces++)
        assert_true(pieces < UPKEEP_MOST);
}

enum ending { DELETED, CLEARED, REPLACED, EXPIRED, FLUSHED, ENDINGS };

static void end_collection(struct fixture *f, enum store_type type, enum ending ending)
{
    switch (ending) {
    case DELETED:
        if (type != STORE_LEADERBOARD) {
            assert_int_equal(erase(f, bytes_of("key")), STORE_OK);
            break;
        }
        assert_int_equal(command(f, command_on(STORE_CLEAR, type, "key")), STORE_OK);
        break;
    case CLEARED:
        assert_int_equal(command(f, command_on(STORE_CLEAR, type, "key")), STORE_OK);
        break;
    case REPLACED:
        if (type == STORE_LEADERBOARD)
            command(f, command_on(STORE_CLEAR, type, "key"));
        assert_int_equal(set(f, bytes_of("key"), bytes_of("value")), STORE_OK);
        break;
    case EXPIRED:
        f->now_ms += (int64_t)MINUTE_MS;
        break;
    default:
        assert_int_equal(flush(f, "cache"), STORE_OK);
    }
}

/* Many times what fits, one after the other, and however each ends. */
static void the_room_of_what_is_gone_is_given_again(void **state)
{
    struct fixture *f = open_tight(*state);
    uint64_t half_bytes = stats_of(f).bytes_limit / 2;
    uint64_t empty_bytes = stats_of(f).bytes_used;
    for (unsigned i = 0; i < 5 * ENDINGS; i++) {
        enum store_type type = (enum store_type)(STORE_DICTIONARY + i % 5);
        assert_int_equal(add_more_than(f, type, "key", half_bytes), STORE_OK);
        end_collection(f, type, (enum ending)(i / 5));
        assert_within_limit(f);
        maintain_all(f);
        assert_true(stats_of(f).bytes_used < empty_bytes + half_bytes / 5);
        erase(f, bytes_of("key"));
    }
    assert_int_equal(stats_of(f).evictions, 0);
    behaviour_close(f);
}

static const struct CMUnitTest promises[] = {
    cmocka_unit_test(a_write_larger_than_the_limit_is_refused_and_changes_nothing),
    cmocka_unit_test(collections_beyond_the_limit_make_room_for_each_other),
    cmocka_unit_test(the_room_of_what_is_gone_is_given_again),
};

const struct behaviour_chapter behaviour_room = {promises, sizeof promises / sizeof *promises, true};
