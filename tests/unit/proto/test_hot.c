/* The hand-written readers and writers against the code that protobuf-c generates from the same contract, and
 * against encodings that a conforming parser has to accept or to refuse although nobody writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/field.h"
#include "proto/hot_oracle.h"

#define ROUNDS        3000
#define BYTES_MAX     20000
#define HEX_BYTES_MAX 64

static uint64_t random_state;

/* xorshift64* */
static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1d;
}

/* Numbers of every length in bits alike, zero among them. */
static uint64_t random_number(void)
{
    unsigned bits = (unsigned)(random_next() % 65);
    return bits == 0 ? 0 : random_next() >> (64 - bits);
}

/* Mostly short; in STORE, which has room for BYTES_MAX. */
static struct bytes random_bytes(uint8_t *store)
{
    size_t size = random_number() % (random_next() % 8 == 0 ? BYTES_MAX : 200);
    for (size_t i = 0; i < size; i++)
        store[i] = (uint8_t)random_next();
    return bytes_make(store, size);
}

/* The same in a block of its own and no longer, so that the sanitizer sees a read past the end. */
static uint8_t *copy_of(struct bytes message)
{
    uint8_t *copy = malloc(message.size > 0 ? message.size : 1);
    assert_non_null(copy);
    bytes_copy(copy, message.data, message.size);
    return copy;
}

struct random_message {
    uint8_t key_store[BYTES_MAX];
    uint8_t body_store[BYTES_MAX];
    char text[100];
    uint8_t packed[3 * BYTES_MAX];
};

/* A message of that kind, written by the generated code into STORE. */
static struct bytes generated_message(enum hot_kind kind, struct random_message *store)
{
    struct bytes key = random_bytes(store->key_store);
    struct bytes body = random_bytes(store->body_store);
    snprintf(store->text, sizeof store->text, "%.*s", (int)(random_next() % 8), "remarks");

    CacheClient__GetRequest get_request;
    cache_client____get_request__init(&get_request);
    CacheClient__SetRequest set_request;
    cache_client____set_request__init(&set_request);
    CacheClient__GetResponse get_response;
    cache_client____get_response__init(&get_response);
    CacheClient__SetResponse set_response;
    cache_client____set_response__init(&set_response);
    get_request.cache_key = (ProtobufCBinaryData){key.size, store->key_store};
    set_request.cache_key = get_request.cache_key;
    set_request.cache_body = (ProtobufCBinaryData){body.size, store->body_store};
    set_request.ttl_milliseconds = random_number();
    get_response.cache_body = set_request.cache_body;
    get_response.message = store->text;
    set_response.message = store->text;
    get_response.result = (CacheClient__ECacheResult)(random_next() % 4);
    set_response.result = (CacheClient__ECacheResult)random_number(); /* any, as the enum is open */

    const ProtobufCMessage *messages[HOT_KINDS] = {
        [GET_REQUEST] = &get_request.base,
        [SET_REQUEST] = &set_request.base,
        [GET_RESPONSE] = &get_response.base,
        [SET_RESPONSE] = &set_response.base,
    };
    return bytes_make(store->packed, protobuf_c_message_pack(messages[kind], store->packed));
}

static void assert_read_alike(enum hot_kind kind, struct bytes message)
{
    uint8_t *copy = copy_of(message);
    struct hot_reading by_hand = hot_read_by_hand(kind, bytes_make(copy, message.size));
    struct hot_reading generated = hot_read_generated(kind, message);
    assert_true(hot_readings_agree(&by_hand, &generated));
    hot_reading_free(&generated);
    free(copy);
}

static void what_the_generated_code_writes_is_read_alike(void **state)
{
    (void)state;
    static struct random_message store;
    for (int round = 0; round < ROUNDS; round++) {
        for (enum hot_kind kind = 0; kind < HOT_KINDS; kind++)
            assert_read_alike(kind, generated_message(kind, &store));
    }
}

/* A cut between two fields leaves a message, any other does not: the generated code says which it is. */
static void every_prefix_is_accepted_or_refused_alike(void **state)
{
    (void)state;
    static struct random_message store;
    for (int round = 0; round < 100; round++) {
        for (enum hot_kind kind = 0; kind < HOT_KINDS; kind++) {
            struct bytes message = generated_message(kind, &store);
            for (size_t size = 0; size < message.size; size += size < 500 ? 1 : 97)
                assert_read_alike(kind, bytes_make(message.data, size));
        }
    }
}

static void fields_are_read_in_any_order_and_the_last_counts(void **state)
{
    (void)state;
    static struct random_message store;
    uint8_t joined[6 * BYTES_MAX];
    for (int round = 0; round < ROUNDS; round++) {
        for (enum hot_kind kind = 0; kind < HOT_KINDS; kind++) {
            struct bytes first = generated_message(kind, &store);
            memcpy(joined, first.data, first.size);
            struct bytes second = generated_message(kind, &store);
            memcpy(joined + first.size, second.data, second.size);
            assert_read_alike(kind, bytes_make(joined, first.size + second.size));
        }
    }
}

/* What was written must be of the size that was foretold, and byte for byte what the generated code writes.
 */
static void assert_written_like(const ProtobufCMessage *message, const uint8_t *written,
                                const uint8_t *stopped, size_t foretold)
{
    static uint8_t packed[3 * BYTES_MAX];
    size_t size = protobuf_c_message_pack(message, packed);
    assert_int_equal(foretold, size);
    assert_ptr_equal(stopped, written + size);
    assert_memory_equal(written, packed, size);
}

static void requests_are_written_as_the_generated_code_writes_them(void **state)
{
    (void)state;
    static struct random_message store;
    for (int round = 0; round < ROUNDS; round++) {
        struct hot_set_request request = {
            .key = random_bytes(store.key_store),
            .body = random_bytes(store.body_store),
            .ttl_ms = random_number(),
        };
        CacheClient__SetRequest set;
        cache_client____set_request__init(&set);
        set.cache_key = (ProtobufCBinaryData){request.key.size, store.key_store};
        set.cache_body = (ProtobufCBinaryData){request.body.size, store.body_store};
        set.ttl_milliseconds = request.ttl_ms;
        size_t size = hot_size_set_request(&request);
        uint8_t *written = malloc(size + 1);
        assert_written_like(&set.base, written, hot_write_set_request(written, &request), size);
        free(written);

        CacheClient__GetRequest get;
        cache_client____get_request__init(&get);
        get.cache_key = set.cache_key;
        size = hot_size_get_request(request.key);
        written = malloc(size + 1);
        assert_written_like(&get.base, written, hot_write_get_request(written, request.key), size);
        free(written);
    }
}

static void responses_are_written_as_the_generated_code_writes_them(void **state)
{
    (void)state;
    static struct random_message store;
    for (int round = 0; round < ROUNDS; round++) {
        enum hot_result result = (enum hot_result)(random_next() % 4);
        struct bytes body = random_bytes(store.body_store);

        CacheClient__GetResponse get;
        cache_client____get_response__init(&get);
        get.result = (CacheClient__ECacheResult)result;
        get.cache_body = (ProtobufCBinaryData){body.size, store.body_store};
        size_t size = hot_size_get_response(result, body.size);
        uint8_t *written = malloc(size + 1);
        uint8_t *at = hot_write_get_response_head(written, result, body.size);
        assert_true(at - written <= HOT_GET_RESPONSE_HEAD_BYTES_MAX);
        bytes_copy(at, body.data, body.size);
        assert_written_like(&get.base, written, at + body.size, size);
        free(written);

        uint8_t small[HOT_SET_RESPONSE_BYTES_MAX];
        CacheClient__SetResponse set;
        cache_client____set_response__init(&set);
        set.result = (CacheClient__ECacheResult)result;
        assert_written_like(&set.base, small, hot_write_set_response(small, result),
                            hot_size_set_response(result));
    }
}

static void the_head_of_the_largest_body_fits_its_limit(void **state)
{
    (void)state;
    uint8_t head[HOT_GET_RESPONSE_HEAD_BYTES_MAX];
    uint8_t *end = hot_write_get_response_head(head, HOT_RESULT_HIT, SIZE_MAX);
    assert_int_equal(end - head, HOT_GET_RESPONSE_HEAD_BYTES_MAX);
}

static void no_bytes_at_all_are_a_message_with_nothing_in_it(void **state)
{
    (void)state;
    for (enum hot_kind kind = 0; kind < HOT_KINDS; kind++) {
        struct hot_reading reading = hot_read_by_hand(kind, bytes_make(NULL, 0));
        assert_true(reading.accepted);
        assert_int_equal(reading.key.size, 0);
        assert_int_equal(reading.body.size, 0);
        assert_int_equal(reading.message.size, 0);
        assert_int_equal(reading.ttl_ms, 0);
        assert_int_equal(reading.result, 0);
    }
}

/* The bytes that a text of hexadecimal digits and spaces stands for, in STORE. */
static struct bytes from_hex(const char *text, uint8_t store[HEX_BYTES_MAX])
{
    size_t size = 0;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        unsigned byte;
        assert_int_equal(sscanf(text, "%2x", &byte), 1);
        assert_true(size < HEX_BYTES_MAX);
        store[size++] = (uint8_t)byte;
        text += 2;
    }
    return bytes_make(store, size);
}

struct odd_encoding {
    const char *name;
    const char *hex;
};

/* A _SetRequest of key "k" (6b), body "b" (62) and 7 ms, said differently each time. */
static const struct odd_encoding odd_set_requests[] = {
    {"in the order that clients use", "0a016b 120162 1807"},
    {"in the opposite order", "1807 120162 0a016b"},
    {"each field twice", "0a026e6f 1801 12026e6f 120162 1807 0a016b"},
    {"an unknown varint before", "209601 0a016b 120162 1807"},
    {"an unknown fixed64 between", "0a016b 210102030405060708 120162 1807"},
    {"unknown bytes between", "0a016b 120162 220378797a 1807"},
    {"an unknown fixed32 after", "0a016b 120162 1807 2501020304"},
    {"an unknown group that holds fields of our numbers", "0a016b 120162 23 0a026e6f 1809 24 1807"},
    {"a group in a group", "23 2b 0801 2c 24 0a016b 120162 1807"},
    {"a group of a number that we know", "0b 0801 0c 0a016b 120162 1807"},
    {"our numbers with other types", "0a016b 120162 1807 0805 1501020304 1a0178"},
    {"the highest field number", "f8ffffff0f01 0a016b 120162 1807"},
    {"lengths longer than they need be", "0a81006b 128180808000 62 1807"},
    {"a number longer than it need be", "0a016b 120162 1887808080808080808000"},
    {"a number with bits beyond 64", "0a016b 120162 1887808080808080808002"},
    {"tags longer than they need be", "8a80808000016b 92000162 98800007"},
    {"a length of ten bytes", "0a818080808080808080006b 120162 1807"},
};

static void a_message_may_be_encoded_in_many_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof odd_set_requests / sizeof odd_set_requests[0]; i++) {
        const struct odd_encoding *odd = &odd_set_requests[i];
        uint8_t store[HEX_BYTES_MAX];
        struct bytes message = from_hex(odd->hex, store);
        uint8_t *copy = copy_of(message);
        struct hot_set_request request;
        bool alike = hot_read_set_request(bytes_make(copy, message.size), &request) &&
                     bytes_equal(request.key, bytes_of("k")) && bytes_equal(request.body, bytes_of("b")) &&
                     request.ttl_ms == 7;
        free(copy);
        if (!alike)
            fail_msg("not read as it should be: %s", odd->name);
    }
}

static const struct odd_encoding malformed[] = {
    {"field number zero", "02016b"},
    {"field number zero in two bytes", "8200016b"},
    {"field number zero within a group", "23 0001 24"},
    {"wire type 6", "2601"},
    {"wire type 7", "0f01"},
    {"a tag of six bytes", "8a8080808000016b"},
    {"a tag beyond 32 bits", "f8ffffff1f01"},
    {"a tag that does not end", "8a"},
    {"no length", "0a"},
    {"a length that does not end", "0a80"},
    {"a length of eleven bytes", "0a81808080808080808080006b"},
    {"a length beyond the end", "0a026b"},
    {"a length of all 64 bits", "0affffffffffffffffff016b"},
    {"unknown bytes beyond the end", "220578797a"},
    {"a varint that does not end", "20ffff"},
    {"a varint of eleven bytes", "20ffffffffffffffffffff01"},
    {"a fixed64 of seven bytes", "2101020304050607"},
    {"a fixed32 of three bytes", "25010203"},
    {"a group that does not end", "23 0801"},
    {"a group that ends as another", "23 0801 2c"},
    {"an end without a group", "24"},
    {"groups that end in the wrong order", "23 2b 24 2c"},
};

static void what_is_no_message_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const before[] = {"", "0a016b", "220178", "0a016b 120162 1807"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        for (size_t j = 0; j < sizeof before / sizeof before[0]; j++) {
            char hex[2 * HEX_BYTES_MAX];
            uint8_t store[HEX_BYTES_MAX];
            snprintf(hex, sizeof hex, "%s %s", before[j], malformed[i].hex);
            struct bytes message = from_hex(hex, store);
            uint8_t *copy = copy_of(message);
            for (enum hot_kind kind = 0; kind < HOT_KINDS; kind++) {
                if (hot_read_by_hand(kind, bytes_make(copy, message.size)).accepted)
                    fail_msg("accepted: %s, after \"%s\"", malformed[i].name, before[j]);
            }
            free(copy);
        }
    }
}

/* A message of so many groups, each in the one before. */
static bool groups_are_accepted(size_t depth)
{
    uint8_t message[2 * (FIELD_GROUP_DEPTH_MAX + 1)];
    memset(message, 0x23, depth);
    memset(message + depth, 0x24, depth);
    struct hot_get_request request;
    return hot_read_get_request(bytes_make(message, 2 * depth), &request);
}

static void groups_are_passed_over_to_a_limited_depth(void **state)
{
    (void)state;
    assert_true(groups_are_accepted(1));
    assert_true(groups_are_accepted(FIELD_GROUP_DEPTH_MAX));
    assert_false(groups_are_accepted(FIELD_GROUP_DEPTH_MAX + 1));
}

static void a_result_nobody_knows_yet_is_handed_on(void **state)
{
    (void)state;
    uint8_t store[HEX_BYTES_MAX];
    struct hot_set_response response;
    assert_true(hot_read_set_response(from_hex("08e807", store), &response));
    assert_int_equal(response.result, 1000);
    assert_true(hot_read_set_response(from_hex("08ffffffffffffffffff01", store), &response));
    assert_int_equal(response.result, -1);
}

int main(void)
{
    const char *seed = getenv("MAYFLY_TEST_SEED");
    random_state = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)clock_now_ns();
    random_state |= 1; /* the generator stays at zero once it is there */
    printf("seed: MAYFLY_TEST_SEED=%llu\n", (unsigned long long)random_state);

    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_generated_code_writes_is_read_alike),
        cmocka_unit_test(every_prefix_is_accepted_or_refused_alike),
        cmocka_unit_test(fields_are_read_in_any_order_and_the_last_counts),
        cmocka_unit_test(requests_are_written_as_the_generated_code_writes_them),
        cmocka_unit_test(responses_are_written_as_the_generated_code_writes_them),
        cmocka_unit_test(the_head_of_the_largest_body_fits_its_limit),
        cmocka_unit_test(no_bytes_at_all_are_a_message_with_nothing_in_it),
        cmocka_unit_test(a_message_may_be_encoded_in_many_ways),
        cmocka_unit_test(what_is_no_message_is_refused_wherever_it_stands),
        cmocka_unit_test(groups_are_passed_over_to_a_limited_depth),
        cmocka_unit_test(a_result_nobody_knows_yet_is_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
