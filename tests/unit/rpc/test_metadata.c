/* Metadata handles: copies that are shared, found in and compared. */
#include "rpc/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* --- What is wiped: this takes the place of the system's own --- */

static struct bytes wiped;

void explicit_bzero(void *memory, size_t size)
{
    wiped = bytes_make(memory, size);
    memset(memory, 0, size);
}

static void a_key_is_wiped_before_its_memory_goes(void **state)
{
    (void)state;
    struct metadata_pair pairs[] = {{bytes_of("cache"), bytes_of("c")},
                                    {bytes_of("authorization"), bytes_of("secret")}};
    struct metadata *metadata = metadata_create(pairs, 2);
    assert_non_null(metadata);
    struct bytes key = metadata_find(metadata, "authorization");
    metadata_release(metadata_hold(metadata));
    assert_true(bytes_equal(key, bytes_of("secret")));
    assert_int_equal(wiped.size, 0);
    metadata_release(metadata);
    assert_ptr_equal(wiped.data, key.data);
    assert_int_equal(wiped.size, strlen("secret"));
}

/* --- Handles --- */

static void a_handle_owns_copies(void **state)
{
    (void)state;
    char name[] = "cache";
    uint8_t value[] = {'b', 0, 0xff};
    struct metadata_pair pair = {bytes_make(name, 5), bytes_make(value, 3)};
    struct metadata *metadata = metadata_create(&pair, 1);
    assert_non_null(metadata);
    memset(name, 'x', 5);
    memset(value, 'x', 3);
    struct bytes found = metadata_find(metadata, "cache");
    assert_true(bytes_equal(found, bytes_make("b\0\xff", 3)));
    assert_null(metadata_find(metadata, "xxxxx").data);
    metadata_release(metadata);
}

static void the_first_value_of_a_name_is_found_and_an_empty_one_is_not_none(void **state)
{
    (void)state;
    struct metadata_pair pairs[] = {
        {bytes_of("a"), bytes_of("1")}, {bytes_of("b"), bytes_of("")}, {bytes_of("a"), bytes_of("2")}};
    struct metadata *metadata = metadata_create(pairs, 3);
    assert_non_null(metadata);
    assert_int_equal(metadata->count, 3);
    assert_true(bytes_equal(metadata_find(metadata, "a"), bytes_of("1")));
    assert_non_null(metadata_find(metadata, "b").data);
    assert_int_equal(metadata_find(metadata, "b").size, 0);
    assert_null(metadata_find(metadata, "c").data);
    assert_null(metadata_find(NULL, "a").data);
    metadata_release(metadata);
}

static void only_the_same_pairs_in_the_same_order_match(void **state)
{
    (void)state;
    struct metadata_pair pairs[] = {{bytes_of("a"), bytes_of("1")}, {bytes_of("b"), bytes_of("2")}};
    struct metadata_pair turned[] = {pairs[1], pairs[0]};
    struct metadata_pair other[] = {pairs[0], {bytes_of("b"), bytes_of("3")}};
    struct metadata_pair shifted[] = {{bytes_of("a"), bytes_of("1b")}, {bytes_of(""), bytes_of("2")}};
    struct metadata *metadata = metadata_create(pairs, 2);
    assert_non_null(metadata);
    assert_true(metadata_matches(metadata, pairs, 2));
    assert_false(metadata_matches(metadata, pairs, 1));
    assert_false(metadata_matches(metadata, turned, 2));
    assert_false(metadata_matches(metadata, other, 2));
    assert_false(metadata_matches(metadata, shifted, 2));
    metadata_release(metadata);
}

static void no_pairs_are_metadata_too(void **state)
{
    (void)state;
    struct metadata *metadata = metadata_create(NULL, 0);
    assert_non_null(metadata);
    assert_true(metadata_matches(metadata, NULL, 0));
    assert_null(metadata_find(metadata, "a").data);
    metadata_release(metadata);
    metadata_release(NULL);
}

static void count_up(void *attachment)
{
    ++*(int *)attachment;
}

static void the_attachment_goes_with_the_last_reference(void **state)
{
    (void)state;
    int freed = 0;
    struct metadata *metadata = metadata_create(NULL, 0);
    assert_non_null(metadata);
    metadata->attachment = &freed;
    metadata->attachment_free = count_up;
    assert_ptr_equal(metadata_hold(metadata), metadata);
    metadata_release(metadata);
    assert_int_equal(freed, 0);
    metadata_release(metadata);
    assert_int_equal(freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_wiped_before_its_memory_goes),
        cmocka_unit_test(a_handle_owns_copies),
        cmocka_unit_test(the_first_value_of_a_name_is_found_and_an_empty_one_is_not_none),
        cmocka_unit_test(only_the_same_pairs_in_the_same_order_match),
        cmocka_unit_test(no_pairs_are_metadata_too),
        cmocka_unit_test(the_attachment_goes_with_the_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
