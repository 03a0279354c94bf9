/* Collections with memory running out: every allocation of a command fails in turn, and each time nothing may have
 * changed. The allocators below stand in front of the C library's and also tell how much is really held, which must be
 * what a collection says. */
#include <malloc.h>
#include <math.h>

#include "store/collection_calls.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dictionary_without_memory_stays_as_it_was),
        cmocka_unit_test(a_set_without_memory_stays_as_it_was),
        cmocka_unit_test(a_list_without_memory_stays_as_it_was),
        cmocka_unit_test(a_sorted_set_without_memory_stays_as_it_was),
    };
    memory.counting = true;
    return allocators_are_ours ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
