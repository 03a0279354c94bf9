/* Collections with memory running out: every allocation of a command fails in turn, and each time nothing may have
 * changed. The allocators below stand in front of the C library's and also tell how much is really held, which must be
 * what a collection says. */
#include <malloc.h>
#include <math.h>

#include "store/collection_calls.h"
#include "store/memory/collection_kinds.h"

static struct memory {
    bool counting; /* not before main: a sanitizer is not ready to be asked for sizes */
    bool armed;
    bool for_good;    /* not once: from the first failure on */
    size_t countdown; /* allocations that still succeed */
    bool failed;
    uint64_t held_bytes; /* taken and not given back */
} memory;

/* The thread sanitizer cannot do with other allocators before it has started; there is one thread here, so that
 * nothing is lost where these tests are passed over. */
#ifdef __SANITIZE_THREAD__
static const bool allocators_are_ours = false;
#else
static const bool allocators_are_ours = true;

static bool memory_is_out(void)
{
    if (!memory.armed)
        return false;
    if (memory.countdown > 0) {
        memory.countdown--;
        return false;
    }
    bool fails = !memory.failed || memory.for_good;
    memory.failed = true;
    return fails;
}

static uint64_t block_bytes(void *block)
{
    return block == NULL || !memory.counting ? 0 : malloc_usable_size(block) + 8;
}

/* The allocators behind ours: a sanitizer's where there is one, else the C library's. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *block, size_t size) __attribute__((weak));
void __interceptor_free(void *block) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

/* Seen by the libraries, whatever the build hides by default. */
#pragma GCC visibility push(default)

void *malloc(size_t size)
{
    if (memory_is_out())
        return NULL;
    void *block = __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
    memory.held_bytes += block_bytes(block);
    return block;
}

void *calloc(size_t count, size_t size)
{
    if (memory_is_out())
        return NULL;
    void *block =
        __interceptor_calloc != NULL ? __interceptor_calloc(count, size) : __libc_calloc(count, size);
    memory.held_bytes += block_bytes(block);
    return block;
}

void *realloc(void *block, size_t size)
{
    if (memory_is_out())
        return NULL;
    uint64_t before = block_bytes(block);
    void *moved =
        __interceptor_realloc != NULL ? __interceptor_realloc(block, size) : __libc_realloc(block, size);
    if (moved != NULL)
        memory.held_bytes += block_bytes(moved) - before;
    return moved;
}

void free(void *block)
{
    memory.held_bytes -= block_bytes(block);
    if (__interceptor_free != NULL)
        __interceptor_free(block);
    else
        __libc_free(block);
}

#pragma GCC visibility pop
#endif

#define BATCH_MOST 24
#define NAME_ROOM  2048

/* All that a collection holds, as one hash. */
static void take_digest(struct shelf *shelf, uint8_t digest[HASH_DIGEST_SIZE])
{
    struct store_command fetch = {
        .kind = shelf->type == STORE_LIST ? STORE_LIST_FETCH : STORE_TABLE_FETCH,
        .end = STORE_END,
        .min = {.score = -INFINITY},
        .max = {.score = INFINITY},
        .limit = STORE_NO_LIMIT,
    };
    if (shelf->type == STORE_SORTED_SET)
        fetch.kind = STORE_SORTED_BY_SCORE;
    struct store_reply before = shelf->reply;
    assert_int_equal(apply(shelf, fetch), STORE_OK);
    assert_int_equal(shelf->reply.count, shelf->collection->length);
    uint64_t hash = shelf->reply.count;
    for (size_t i = 0; i < shelf->reply.count; i++) {
        const struct store_element *element = &shelf->reply.elements[i];
        hash = hash64(element->name, hash);
        hash = hash64(element->value, hash);
        hash = hash64(bytes_make(&element->score, sizeof element->score), hash);
    }
    hash_digest(bytes_make(&hash, sizeof hash), digest);
    collection_answer_free(&shelf->answer);
    shelf->reply = before;
}

/* Every name that is found by itself is found in the order as well, and the other way round. */
static void assert_names_agree(struct shelf *shelf)
{
    if (shelf->type != STORE_SORTED_SET || shelf->collection->length == 0)
        return;
    struct store_command all = {.kind = STORE_SORTED_BY_INDEX, .end = STORE_END};
    assert_int_equal(apply(shelf, all), STORE_OK);
    size_t count = shelf->reply.count;
    struct store_element *elements = malloc(count * sizeof *elements);
    memcpy(elements, shelf->reply.elements, count * sizeof *elements);
    assert_int_equal(
        apply(shelf, (struct store_command){.kind = STORE_SORTED_RANK, .elements = elements, .count = count}),
        STORE_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(shelf->reply.elements[i].found);
        assert_int_equal(shelf->reply.elements[i].rank, i);
    }
    collection_answer_free(&shelf->answer);
    free(elements);
}

static const enum store_command_kind kinds[][5] = {
    [STORE_DICTIONARY] = {STORE_TABLE_PUT, STORE_TABLE_PUT, STORE_TABLE_REMOVE, STORE_TABLE_POP,
                          STORE_TABLE_INCREMENT},
    [STORE_SET] = {STORE_TABLE_PUT, STORE_TABLE_PUT, STORE_TABLE_REMOVE, STORE_TABLE_POP,
                   STORE_TABLE_KEEP_NEW},
    [STORE_LIST] = {STORE_LIST_PUSH, STORE_LIST_PUSH, STORE_LIST_POP, STORE_LIST_ERASE, STORE_LIST_REMOVE},
    [STORE_SORTED_SET] = {STORE_SORTED_PUT, STORE_SORTED_PUT, STORE_SORTED_PUT, STORE_SORTED_REMOVE,
                          STORE_SORTED_INCREMENT},
};

struct drawn {
    struct store_command command;
    struct store_element elements[BATCH_MOST];
    struct store_range ranges[100];
    uint8_t bytes[BATCH_MOST][2 * NAME_ROOM];
};

static void draw_command(struct draws *draws, enum store_type type, struct drawn *drawn)
{
    drawn->command = (struct store_command){
        .kind = kinds[type][draw(draws, 5)],
        .elements = drawn->elements,
        .count = 1 + draw(draws, BATCH_MOST),
        .from_end = draw(draws, 2),
        .limit = draw(draws, 8),
        .amount = 5,
        .ranges = drawn->ranges,
        .range_count = draw(draws, 3) > 0 ? 1 : 100,
    };
    if (drawn->command.kind == STORE_LIST_PUSH)
        drawn->command.limit = draw(draws, 10) == 0 ? 150 : 0;
    if (drawn->command.kind == STORE_TABLE_KEEP_NEW && draw(draws, 8) > 0)
        drawn->command.kind = STORE_TABLE_PUT;
    for (size_t i = 0; i < 100; i++)
        drawn->ranges[i] = (struct store_range){.begin = (uint32_t)draw(draws, 1000), .count = 1};
    for (size_t i = 0; i < drawn->command.count; i++) {
        uint64_t number = draw(draws, 400);
        int size = snprintf((char *)drawn->bytes[i], NAME_ROOM, "%llu", (unsigned long long)number);
        if (number % 20 == 3)
            size += 30 + (int)number * 2;
        memset(drawn->bytes[i] + NAME_ROOM, '7', NAME_ROOM);
        drawn->elements[i] = (struct store_element){
            .name = bytes_make(drawn->bytes[i], (size_t)size),
            .value = bytes_make(drawn->bytes[i] + NAME_ROOM, draw_size(draws) % NAME_ROOM),
            .score = (double)draw(draws, 40),
        };
    }
}

/* Gives the command one allocation more at each try, until it has what it needs. Returns the tries that failed. */
static unsigned apply_with_failures(struct shelf *shelf, const struct store_command *command, bool for_good)
{
    uint8_t before[HASH_DIGEST_SIZE];
    uint8_t after[HASH_DIGEST_SIZE];
    take_digest(shelf, before);
    for (unsigned tries = 0;; tries++) {
        memory.armed = true;
        memory.for_good = for_good;
        memory.failed = false;
        memory.countdown = tries;
        enum store_status status = apply(shelf, *command);
        memory.armed = false;
        if (status != STORE_NO_MEMORY)
            return tries;
        take_digest(shelf, after);
        assert_memory_equal(before, after, sizeof before);
        assert_names_agree(shelf);
    }
}

static void run_out_of_memory(enum store_type type)
{
    struct draws draws = draws_begin("memory runs out");
    struct drawn *drawn = calloc(1, sizeof *drawn);
    unsigned failures = 0;
    uint64_t held_before = memory.held_bytes;
    struct shelf shelf;
    shelf_open(&shelf, type);
    for (unsigned round = 0; round < 400; round++) {
        draw_command(&draws, type, drawn);
        failures += apply_with_failures(&shelf, &drawn->command, draw(&draws, 2));
        assert_names_agree(&shelf);
        collection_answer_free(&shelf.answer);
        assert_int_equal(memory.held_bytes - held_before, shelf.collection->bytes);
    }
    assert_true(failures > 100);
    shelf_close(&shelf);
    assert_int_equal(memory.held_bytes, held_before);
    free(drawn);
}

static void a_dictionary_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    run_out_of_memory(STORE_DICTIONARY);
}

static void a_set_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    run_out_of_memory(STORE_SET);
}

static void a_list_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    run_out_of_memory(STORE_LIST);
}

static void a_sorted_set_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    run_out_of_memory(STORE_SORTED_SET);
}

/* --- A page that is full to the last byte --- */

static struct store_element tiny_field(uint8_t name[2], unsigned number)
{
    name[0] = (uint8_t)number;
    name[1] = (uint8_t)(number >> 8);
    return (struct store_element){.name = bytes_make(name, 2)};
}

static enum store_status put_tiny(struct shelf *shelf, unsigned number, struct bytes value)
{
    uint8_t name[2];
    struct store_element element = tiny_field(name, number);
    element.value = value;
    return apply(shelf, (struct store_command){.kind = STORE_TABLE_PUT, .elements = &element, .count = 1});
}

static enum store_status put_tiny_with(struct shelf *shelf, size_t allocations, unsigned number,
                                       struct bytes value)
{
    memory.for_good = true;
    memory.failed = false;
    memory.countdown = allocations;
    memory.armed = true;
    enum store_status status = put_tiny(shelf, number, value);
    memory.armed = false;
    return status;
}

/* A field becomes large, for which the page would have to divide; that fails, and nothing may be left of it. */
static void a_full_page_of_tiny_fields_stays_full_and_no_more(void **state)
{
    (void)state;
    static const uint8_t large[300];
    uint8_t before[HASH_DIGEST_SIZE];
    uint8_t after[HASH_DIGEST_SIZE];
    struct shelf shelf;
    shelf_open(&shelf, STORE_DICTIONARY);
    const struct table *table = (const struct table *)(const void *)shelf.collection;
    unsigned count = 1;
    assert_int_equal(put_tiny(&shelf, 0, bytes_make("", 0)), STORE_OK);
    while (page_takes(table->tree.root.page, 3))
        assert_int_equal(put_tiny(&shelf, count++, bytes_make("", 0)), STORE_OK);
    assert_int_equal(table->tree.pages, 1);
    take_digest(&shelf, before);
    for (unsigned i = 0; i < count; i++) {
        for (size_t allocations = 0; allocations < 3; allocations++) {
            assert_int_equal(put_tiny_with(&shelf, allocations, i, bytes_make(large, sizeof large)),
                             STORE_NO_MEMORY);
            assert_true(page_live(table->tree.root.page) <= PAGE_MOST);
            assert_int_equal(put_tiny_with(&shelf, 0, count - 1 - i, bytes_make("", 0)), STORE_OK);
        }
    }
    take_digest(&shelf, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(put_tiny(&shelf, 0, bytes_make(large, sizeof large)), STORE_OK);
    assert_int_equal(table->tree.pages, 2);
    shelf_close(&shelf);
}

/* --- Husks --- */

#define VALUES 200000

static void push_many(struct shelf *shelf)
{
    static const uint8_t value[300];
    struct store_element elements[1000];
    for (size_t i = 0; i < 1000; i++)
        elements[i] = (struct store_element){.name = bytes_make(value, i % 500 == 1 ? 300 : 16)};
    struct store_command push = {
        .kind = STORE_LIST_PUSH,
        .elements = elements,
        .count = 1000,
        .from_end = true,
    };
    while (shelf->collection->length < VALUES)
        assert_int_equal(apply(shelf, push), STORE_OK);
}

/* Large parts of a list go, few of it or most; each byte is counted in the list or in the husk. */
static void what_goes_at_once_is_left_in_a_husk_with_its_bytes(void **state)
{
    (void)state;
    struct store_range most = {.begin = 1000, .count = VALUES - 2000};
    struct store_range some = {.begin = VALUES / 3, .count = VALUES / 3};
    struct store_range all = {.count = UINT32_MAX};
    struct store_element element = {.name = bytes_of("x")};
    const struct store_command commands[] = {
        {.kind = STORE_LIST_RETAIN, .start = 5, .end = -5},
        {.kind = STORE_LIST_RETAIN, .start = VALUES / 2, .end = STORE_END},
        {.kind = STORE_LIST_RETAIN, .start = 1000, .end = 1010},
        {.kind = STORE_LIST_RETAIN, .start = 5, .end = 5},
        {.kind = STORE_LIST_ERASE, .ranges = &most, .range_count = 1},
        {.kind = STORE_LIST_ERASE, .ranges = &some, .range_count = 1},
        {.kind = STORE_LIST_ERASE, .ranges = &all, .range_count = 1},
        {.kind = STORE_LIST_PUSH, .elements = &element, .count = 1, .limit = 2, .from_end = true},
        {.kind = STORE_LIST_PUSH, .elements = &element, .count = 1, .limit = 2},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        uint64_t held_before = memory.held_bytes;
        struct shelf shelf;
        shelf_open(&shelf, STORE_LIST);
        push_many(&shelf);
        assert_int_equal(apply(&shelf, commands[i]), STORE_OK);
        assert_int_equal(shelf.reply.number, shelf.collection->length);
        uint64_t husk_bytes = shelf.answer.husk == NULL ? 0 : shelf.answer.husk->bytes;
        assert_int_equal(shelf.answer.husk != NULL, i > 0);
        assert_int_equal(memory.held_bytes - held_before, shelf.collection->bytes + husk_bytes);
        collection_answer_free(&shelf.answer);
        assert_null(shelf.answer.husk);
        assert_int_equal(memory.held_bytes - held_before, shelf.collection->bytes);
        shelf_close(&shelf);
        assert_int_equal(memory.held_bytes, held_before);
    }
}

static void a_set_that_keeps_only_what_is_new_leaves_the_old_in_a_husk(void **state)
{
    (void)state;
    uint64_t held_before = memory.held_bytes;
    struct shelf shelf;
    shelf_open(&shelf, STORE_SET);
    for (uint64_t i = 0; i < 60000; i++) {
        struct store_element element = {.name = bytes_make(&i, sizeof i)};
        apply(&shelf, (struct store_command){.kind = STORE_TABLE_PUT, .elements = &element, .count = 1});
    }
    struct store_element elements[] = {{.name = bytes_of("new")}, {.name = bytes_make("\1\0\0\0\0\0\0", 8)}};
    struct store_command keep = {.kind = STORE_TABLE_KEEP_NEW, .elements = elements, .count = 2};
    uint64_t before = shelf.collection->bytes;
    uint64_t need = collection_need_bytes(shelf.collection, &keep);
    assert_int_equal(apply(&shelf, keep), STORE_OK);
    assert_int_equal(shelf.collection->length, 1);
    assert_non_null(shelf.answer.husk);
    assert_true(shelf.answer.husk->bytes + shelf.collection->bytes <= before + need);
    assert_int_equal(memory.held_bytes - held_before, shelf.answer.husk->bytes + shelf.collection->bytes);
    unsigned pieces = 1;
    while (!collection_free_piece(shelf.answer.husk))
        pieces++;
    shelf.answer.husk = NULL;
    assert_true(pieces > 1);
    assert_int_equal(memory.held_bytes - held_before, shelf.collection->bytes);
    shelf_close(&shelf);
    assert_int_equal(memory.held_bytes, held_before);
}

/* --- Replies that are too large --- */

static void a_reply_of_too_many_elements_is_refused_before_any_memory_is_asked_for(void **state)
{
    (void)state;
    struct shelf shelf;
    shelf_open(&shelf, STORE_LIST);
    push_many(&shelf);
    collection_answer_free(&shelf.answer);
    memory.failed = false;
    memory.countdown = 0;
    memory.armed = true;
    static const uint64_t limits[] = {1, (uint64_t)VALUES * STORE_ELEMENT_BYTES, (uint64_t)VALUES * 16};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct store_command fetch = {
            .kind = STORE_LIST_FETCH,
            .end = STORE_END,
            .reply_limit_bytes = limits[i],
        };
        assert_int_equal(apply(&shelf, fetch), STORE_TOO_LARGE);
        assert_int_equal(shelf.reply.count, 0);
    }
    assert_false(memory.failed);
    memory.armed = false;
    shelf_close(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dictionary_without_memory_stays_as_it_was),
        cmocka_unit_test(a_set_without_memory_stays_as_it_was),
        cmocka_unit_test(a_list_without_memory_stays_as_it_was),
        cmocka_unit_test(a_sorted_set_without_memory_stays_as_it_was),
        cmocka_unit_test(a_full_page_of_tiny_fields_stays_full_and_no_more),
        cmocka_unit_test(what_goes_at_once_is_left_in_a_husk_with_its_bytes),
        cmocka_unit_test(a_set_that_keeps_only_what_is_new_leaves_the_old_in_a_husk),
        cmocka_unit_test(a_reply_of_too_many_elements_is_refused_before_any_memory_is_asked_for),
    };
    memory.counting = true;
    return allocators_are_ours ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
