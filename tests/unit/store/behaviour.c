/* Puts the chapters together for one engine, and gives them the words in which promises are written. */
#include "store/behaviour.h"

#include <math.h>

#include "store/behaviour_chapters.h"

#define SPELLED_MOST  32
#define TEXT_MOST     1024
#define PROMISES_MOST 128

struct fixture *behaviour_open(const struct behaviour_engine *engine, uint64_t limit_bytes)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->store = engine->create(limit_bytes);
    assert_non_null(f->store);
    f->now_ms = 1000;
    assert_int_equal(create(f, "cache"), STORE_OK);
    f->cache = store_cache_take(f->store, bytes_of("cache"));
    assert_non_null(f->cache);
    return f;
}

void behaviour_close(struct fixture *f)
{
    store_cache_release(f->store, f->cache);
    store_destroy(f->store);
    answer_free(&f->answer);
    free(f);
}

struct store_command command_on(enum store_command_kind kind, enum store_type type, const char *key)
{
    return (struct store_command){
        .kind = kind,
        .type = type,
        .key = bytes_of(key),
        .ttl_ms = MINUTE_MS,
        .limit = STORE_NO_LIMIT,
        .end = STORE_END,
        .min = {.score = -INFINITY},
        .max = {.score = INFINITY},
    };
}

/* One word: a name, and what follows it. */
static struct store_element read_element(const char *word, size_t size)
{
    struct store_element element = {.name = bytes_make(word, size)};
    size_t at = 0;
    while (at < size && word[at] != '=' && word[at] != ':')
        at++;
    if (at == size)
        return element;
    element.name.size = at;
    if (word[at] == ':')
        element.score = strtod(word + at + 1, NULL);
    else
        element.value = bytes_make(word + at + 1, size - at - 1);
    return element;
}

enum store_status give(struct fixture *f, struct store_command order, const char *spelled)
{
    struct store_element elements[SPELLED_MOST];
    order.elements = elements;
    while (*spelled != 0) {
        size_t size = strcspn(spelled, " ");
        assert_true(order.count < SPELLED_MOST);
        elements[order.count++] = read_element(spelled, size);
        spelled += size + (spelled[size] == ' ');
    }
    return command(f, order);
}

static void append_bytes(char *text, struct bytes bytes)
{
    size_t size = strlen(text);
    assert_true(size + bytes.size < TEXT_MOST);
    bytes_copy((uint8_t *)text + size, bytes.data, bytes.size);
    text[size + bytes.size] = 0;
}

static void append_element(char *text, const struct store_element *element, unsigned spelling)
{
    char number[64];
    if (*text != 0)
        append_bytes(text, bytes_of(" "));
    if ((spelling & SPELL_POSITIONAL) != 0 && !element->found) {
        append_bytes(text, bytes_of("-"));
        return;
    }
    append_bytes(text, element->name);
    if ((spelling & SPELL_VALUES) != 0) {
        append_bytes(text, bytes_of("="));
        append_bytes(text, element->value);
    }
    /* Zero has no sign here. */
    snprintf(number, sizeof number, ":%g", element->score == 0 ? 0.0 : element->score);
    append_bytes(text, bytes_of((spelling & SPELL_SCORES) != 0 ? number : ""));
    snprintf(number, sizeof number, "#%llu", (unsigned long long)element->rank);
    append_bytes(text, bytes_of((spelling & SPELL_RANKS) != 0 ? number : ""));
}

static int by_name(const void *a, const void *b)
{
    struct bytes left = ((const struct store_element *)a)->name;
    struct bytes right = ((const struct store_element *)b)->name;
    size_t size = left.size < right.size ? left.size : right.size;
    int order = size == 0 ? 0 : memcmp(left.data, right.data, size);
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

void assert_answer(struct fixture *f, unsigned spelling, const char *expected)
{
    char text[TEXT_MOST] = "";
    assert_int_equal(f->answer.status, STORE_OK);
    if ((spelling & SPELL_BY_NAME) != 0 && f->answer.count > 1)
        qsort(f->answer.elements, f->answer.count, sizeof *f->answer.elements, by_name);
    for (size_t i = 0; i < f->answer.count; i++)
        append_element(text, &f->answer.elements[i], spelling);
    assert_string_equal(text, expected);
}

static void assert_contents(struct fixture *f, enum store_command_kind kind, enum store_type type,
                            const char *key, unsigned spelling, const char *expected)
{
    command(f, command_on(kind, type, key));
    assert_answer(f, spelling, expected);
    assert_int_equal(command(f, command_on(STORE_LENGTH, type, key)), STORE_OK);
    size_t words = 1;
    for (const char *at = expected; *at != 0; at++)
        words += *at == ' ';
    assert_int_equal(f->answer.number, words);
}

void assert_dictionary(struct fixture *f, const char *key, const char *spelled)
{
    assert_contents(f, STORE_TABLE_FETCH, STORE_DICTIONARY, key, SPELL_VALUES | SPELL_BY_NAME, spelled);
}

void assert_set(struct fixture *f, const char *key, const char *spelled)
{
    assert_contents(f, STORE_TABLE_FETCH, STORE_SET, key, SPELL_BY_NAME, spelled);
}

void assert_list(struct fixture *f, const char *key, const char *spelled)
{
    assert_contents(f, STORE_LIST_FETCH, STORE_LIST, key, 0, spelled);
}

void assert_sorted_set(struct fixture *f, const char *key, const char *spelled)
{
    assert_contents(f, STORE_SORTED_BY_INDEX, STORE_SORTED_SET, key, SPELL_SCORES, spelled);
}

void assert_leaderboard(struct fixture *f, const char *key, const char *spelled)
{
    assert_contents(f, STORE_SORTED_BY_INDEX, STORE_LEADERBOARD, key, SPELL_SCORES, spelled);
}

void assert_missing(struct fixture *f, const char *key)
{
    assert_int_equal(item_type_of(f, bytes_of(key)), STORE_MISSING);
}

void assert_ttl(struct fixture *f, const char *key, uint64_t ttl_ms)
{
    assert_int_equal(item_ttl_of(f, bytes_of(key)), STORE_OK);
    assert_int_equal(f->answer.ttl_ms, ttl_ms);
}

static int open_roomy(void **state)
{
    const struct behaviour_engine *engine = *state;
    *state = behaviour_open(engine, engine->roomy_bytes);
    return 0;
}

static int close_roomy(void **state)
{
    behaviour_close(*state);
    return 0;
}

int behaviour_run(const struct behaviour_engine *engine)
{
    static const struct behaviour_chapter *const chapters[] = {
        &behaviour_items,
        &behaviour_tables,
        &behaviour_lists,
        &behaviour_sorted_sets,
        &behaviour_room,
        &behaviour_random,
        NULL,
    };
    struct CMUnitTest all[PROMISES_MOST] = {0};
    size_t count = 0;
    for (size_t i = 0; chapters[i] != NULL; i++) {
        for (size_t j = 0; j < chapters[i]->count; j++, count++) {
            assert_true(count < PROMISES_MOST);
            all[count] = chapters[i]->promises[j];
            all[count].initial_state = (void *)(uintptr_t)engine;
            all[count].setup_func = chapters[i]->on_engine ? NULL : open_roomy;
            all[count].teardown_func = chapters[i]->on_engine ? NULL : close_roomy;
        }
    }
    return _cmocka_run_group_tests("behaviour", all, count, NULL, NULL);
}
