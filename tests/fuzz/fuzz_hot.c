/* The hand-written readers of the hot messages against the generated code: both must accept or refuse the
 * same bytes and read the same from them. The first byte of an input chooses the message, the rest is the
 * message. */
#include <stdlib.h>

#include "proto/hot_oracle.h"

/* Where protobuf-c 1.4 departs from the specification, the two may differ, and only the memory they touch is
 * of interest. It is stricter than asked in that it refuses groups, a known number with a type that is not
 * the declared one, and lengths of more than five bytes. It is laxer in that it accepts tags with bits beyond
 * the 32nd, and the field number zero if its tag is longer than one byte.
 *
 * So this walks over the message, on its own and no further than the first such place or the first error. */

static bool take_varint(struct bytes *rest, size_t limit_bytes, uint64_t *out, size_t *taken)
{
    *out = 0;
    for (size_t i = 0; i < limit_bytes && i < rest->size; i++) {
        *out |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
        if (rest->data[i] < 0x80) {
            *taken = i + 1;
            *rest = bytes_make(rest->data + i + 1, rest->size - i - 1);
            return true;
        }
    }
    return false;
}

static bool is_declared_otherwise(enum hot_kind kind, uint64_t number, uint64_t type)
{
    static const uint64_t types[HOT_KINDS][3] = {
        [GET_REQUEST] = {2},
        [SET_REQUEST] = {2, 2, 0},
        [GET_RESPONSE] = {0, 2, 2},
        [SET_RESPONSE] = {0, 2},
    };
    static const uint64_t highest[HOT_KINDS] = {
        [GET_REQUEST] = 1,
        [SET_REQUEST] = 3,
        [GET_RESPONSE] = 3,
        [SET_RESPONSE] = 2,
    };
    return number <= highest[kind] && types[kind][number - 1] != type;
}

static bool protobuf_c_may_differ(enum hot_kind kind, struct bytes rest)
{
    while (rest.size > 0) {
        uint64_t tag;
        uint64_t value = 0;
        size_t taken;
        if (!take_varint(&rest, 5, &tag, &taken))
            return false;
        uint64_t number = tag >> 3;
        uint64_t type = tag & 7;
        if (tag > UINT32_MAX || (number == 0 && taken > 1))
            return true;
        if (number == 0 || type > 5)
            return false;
        if (type == 3 || type == 4 || is_declared_otherwise(kind, number, type))
            return true;
        if (type == 0 || type == 2) {
            if (!take_varint(&rest, 10, &value, &taken))
                return false;
            if (type == 2 && taken > 5)
                return true;
        }
        uint64_t skipped = type == 1 ? 8 : type == 5 ? 4 : type == 2 ? value : 0;
        if (skipped > rest.size)
            return false;
        rest = bytes_make(rest.data + skipped, rest.size - skipped);
    }
    return false;
}

static void insist(bool holds)
{
    if (!holds)
        abort();
}

static void insist_within(struct bytes part, struct bytes whole)
{
    if (part.size > 0)
        insist(part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

/* What was read, written again, must read the same. */
static void insist_on_round_trip(const struct hot_reading *reading)
{
    struct hot_set_request request = {.key = reading->key, .body = reading->body, .ttl_ms = reading->ttl_ms};
    size_t size = hot_size_set_request(&request);
    uint8_t *written = malloc(size + 1);
    insist(written != NULL && hot_write_set_request(written, &request) == written + size);
    struct hot_reading again = hot_read_by_hand(SET_REQUEST, bytes_make(written, size));
    insist(hot_readings_agree(&again, reading));
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum hot_kind kind = data[0] % HOT_KINDS;
    struct bytes message = bytes_make(data + 1, size - 1);

    struct hot_reading by_hand = hot_read_by_hand(kind, message);
    struct hot_reading generated = hot_read_generated(kind, message);
    if (!protobuf_c_may_differ(kind, message))
        insist(hot_readings_agree(&by_hand, &generated));
    hot_reading_free(&generated);

    if (by_hand.accepted) {
        insist_within(by_hand.key, message);
        insist_within(by_hand.body, message);
        insist_within(by_hand.message, message);
        if (kind == SET_REQUEST)
            insist_on_round_trip(&by_hand);
    }
    return 0;
}
