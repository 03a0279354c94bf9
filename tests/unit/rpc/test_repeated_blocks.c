/* Header blocks that repeat themselves: what was seen is found by exactly its bytes at exactly its generation, what was
 * prepared by exactly its kind and handle, and holds on metadata are given back. And streams in their table. */
#include "rpc/prepared_blocks.h"
#include "rpc/random.h"
#include "rpc/seen_blocks.h"
#include "rpc/stream_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct metadata *handle(void)
{
    struct metadata_pair pair = {bytes_of("cache"), bytes_of("blue")};
    struct metadata *metadata = metadata_create(&pair, 1);
    assert_non_null(metadata);
    return metadata;
}

static struct request_header header_of(unsigned method, struct metadata *metadata)
{
    struct request_header header = request_header_make();
    header.method = method;
    header.metadata = metadata;
    return header;
}

/* --- Seen --- */

static void a_block_is_found_by_all_its_bytes_and_its_generation(void **state)
{
    (void)state;
    struct seen_blocks seen = {0};
    struct metadata *metadata = handle();
    struct request_header header = header_of(7, metadata);
    uint8_t block[SEEN_BYTES_MAX];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(0x80 + i);
    for (size_t size = 1; size <= sizeof block; size++) {
        seen_keep_request(&seen, bytes_make(block, size), 5, &header);
        const struct seen_block *found = seen_find(&seen, bytes_make(block, size), 5);
        assert_non_null(found);
        assert_int_equal(found->meaning.request.method, 7);
        assert_null(seen_find(&seen, bytes_make(block, size), 4));
        assert_null(seen_find(&seen, bytes_make(block, size), 6));
        for (size_t bit = 0; bit < 8 * size; bit++) {
            block[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_null(seen_find(&seen, bytes_make(block, size), 5));
            block[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    seen_free(&seen, true);
    metadata_release(metadata);
}

/* Two blocks with the same place: the hash is not all of the key. */
static void blocks_that_share_a_place_are_told_apart(void **state)
{
    (void)state;
    struct seen_blocks seen = {0};
    struct metadata *metadata = handle();
    uint32_t first = 1;
    uint32_t second = 2;
    while (seen_place(bytes_make(&first, 4)) != seen_place(bytes_make(&second, 4)))
        second++;
    struct request_header header = header_of(1, metadata);
    seen_keep_request(&seen, bytes_make(&first, 4), 0, &header);
    assert_null(seen_find(&seen, bytes_make(&second, 4), 0));
    header.method = 2;
    seen_keep_request(&seen, bytes_make(&second, 4), 0, &header);
    assert_null(seen_find(&seen, bytes_make(&first, 4), 0));
    assert_int_equal(seen_find(&seen, bytes_make(&second, 4), 0)->meaning.request.method, 2);
    seen_free(&seen, true);
    metadata_release(metadata);
}

static void longer_blocks_are_not_kept(void **state)
{
    (void)state;
    struct seen_blocks seen = {0};
    static const uint8_t block[SEEN_BYTES_MAX + 1];
    struct reply_summary summary = {.http_status = 200};
    seen_keep_reply(&seen, bytes_make(block, sizeof block), 0, &summary);
    seen_keep_reply(&seen, bytes_make(block, 0), 0, &summary);
    assert_null(seen.blocks);
    assert_null(seen_find(&seen, bytes_make(block, sizeof block), 0));
    seen_free(&seen, false);
}

static void a_place_that_is_taken_over_gives_its_metadata_back(void **state)
{
    (void)state;
    struct seen_blocks seen = {0};
    struct metadata *metadata = handle();
    struct request_header header = header_of(1, metadata);
    for (uint64_t i = 0; i < 1000; i++)
        seen_keep_request(&seen, bytes_make(&i, sizeof i), i, &header);
    assert_true(metadata->references <= 1 + SEEN_BLOCKS);
    seen_free(&seen, true);
    assert_int_equal(metadata->references, 1);
    metadata_release(metadata);
}

/* --- Prepared --- */

static void a_prepared_block_is_found_by_kind_handle_and_generation(void **state)
{
    (void)state;
    struct prepared_blocks prepared = {0};
    struct metadata *blue = handle();
    struct metadata *other = handle(); /* the same text, another handle */
    assert_null(prepared_find(&prepared, 1, blue, 0).data);
    prepared_keep(&prepared, 1, blue, 9, bytes_of("block"));
    assert_true(bytes_equal(prepared_find(&prepared, 1, blue, 9), bytes_of("block")));
    assert_null(prepared_find(&prepared, 1, blue, 10).data);
    assert_null(prepared_find(&prepared, 2, blue, 9).data);
    assert_null(prepared_find(&prepared, 1, other, 9).data);
    assert_null(prepared_find(&prepared, 1, NULL, 9).data);
    assert_int_equal(blue->references, 2);
    for (unsigned kind = 0; kind < 1000; kind++) {
        prepared_keep(&prepared, kind, other, 9, bytes_make(&kind, sizeof kind));
        assert_memory_equal(prepared_find(&prepared, kind, other, 9).data, &kind, sizeof kind);
    }
    prepared_free(&prepared);
    assert_int_equal(blue->references, 1);
    assert_int_equal(other->references, 1);
    metadata_release(blue);
    metadata_release(other);
}

/* --- Streams --- */

#define STREAMS 2000

static struct engine_call *call_at(uint32_t id)
{
    static char calls[2 * STREAMS];
    return (struct engine_call *)(void *)&calls[id];
}

static void streams_are_found_while_they_are_there_and_not_after(void **state)
{
    (void)state;
    struct stream_table table = {0};
    static bool there[STREAMS];
    uint64_t state_of_random = RANDOM_SEED;
    for (int round = 0; round < 100000; round++) {
        uint64_t random = random_next(&state_of_random);
        uint32_t n = (uint32_t)(random >> 20) % STREAMS;
        uint32_t id = 2 * n + 1;
        bool goes = there[n] || table.count > 300;
        if (there[n])
            stream_remove(&table, id);
        else if (!goes)
            assert_true(stream_add(&table, id, call_at(id / 2)));
        there[n] = !goes;
        uint32_t other = (uint32_t)(random >> 40) % STREAMS;
        assert_ptr_equal(stream_find(&table, 2 * other + 1), there[other] ? call_at(other) : NULL);
    }
    size_t count = 0;
    for (uint32_t n = 0; n < STREAMS; n++) {
        assert_ptr_equal(stream_find(&table, 2 * n + 1), there[n] ? call_at(n) : NULL);
        count += there[n];
    }
    assert_int_equal(count, table.count);
    for (uint32_t n = 0; n < STREAMS; n++)
        if (there[n])
            stream_remove(&table, 2 * n + 1);
    stream_table_trim(&table);
    assert_null(table.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_found_by_all_its_bytes_and_its_generation),
        cmocka_unit_test(blocks_that_share_a_place_are_told_apart),
        cmocka_unit_test(longer_blocks_are_not_kept),
        cmocka_unit_test(a_place_that_is_taken_over_gives_its_metadata_back),
        cmocka_unit_test(a_prepared_block_is_found_by_kind_handle_and_generation),
        cmocka_unit_test(streams_are_found_while_they_are_there_and_not_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
