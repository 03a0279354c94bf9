/* The reader of requests on collections beside the code that protobuf-c generates: whatever both accept they must
 * have read alike. (Each refuses a little that the other takes, in fields that nobody knows; and protobuf-c reads a
 * bool under any type, so these are not compared.) The first byte of an input chooses the message. */
#include <stdlib.h>

#include "base/arena.h"
#include "cacheclient.pb-c.h"
#include "server/parts.h"

#define ENTRIES_MOST 64

static const struct parts_layout dictionary_set = {
    .fields = {[1] = PART_KEY, [2] = PART_PAIRS, [3] = PART_TTL, [4] = PART_REFRESH_TTL}};
static const struct parts_layout sorted_set_put = {
    .fields = {[1] = PART_KEY, [2] = PART_SCORED, [3] = PART_TTL, [4] = PART_REFRESH_TTL}};
static const struct parts_layout list_retain = {.fields = {[1] = PART_KEY,
                                                           [2] = PART_START_OPEN,
                                                           [3] = PART_START,
                                                           [4] = PART_END_OPEN,
                                                           [5] = PART_END,
                                                           [6] = PART_TTL,
                                                           [7] = PART_REFRESH_TTL}};
static const struct parts_layout names = {.fields = {[1] = PART_NAMES}};
static const struct parts_layout subtrahend = {.fields = {[1] = PART_CHOICE, [2] = PART_CHOICE},
                                               .inner = {[1] = &names}};
static const struct parts_layout set_difference = {
    .fields = {[1] = PART_KEY, [2] = PART_CHOICE, [3] = PART_CHOICE},
    .inner = {[2] = &names, [3] = &subtrahend}};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same(struct bytes a, ProtobufCBinaryData b)
{
    return bytes_equal(a, bytes_make(b.data, b.len));
}

static void compare_dictionary_set(const struct parts *parts, const ProtobufCMessage *message)
{
    const CacheClient__DictionarySetRequest *set = (const CacheClient__DictionarySetRequest *)message;
    const struct store_command *command = &parts->command;
    must(same(command->key, set->dictionary_name) && command->ttl_ms == set->ttl_milliseconds);
    must(command->count == set->n_items);
    for (size_t i = 0; i < command->count; i++) {
        must(same(command->elements[i].name, set->items[i]->field));
        must(same(command->elements[i].value, set->items[i]->value));
    }
}

static void compare_sorted_set_put(const struct parts *parts, const ProtobufCMessage *message)
{
    const CacheClient__SortedSetPutRequest *put = (const CacheClient__SortedSetPutRequest *)message;
    const struct store_command *command = &parts->command;
    must(same(command->key, put->set_name) && command->count == put->n_elements);
    for (size_t i = 0; i < command->count; i++) {
        must(same(command->elements[i].name, put->elements[i]->value));
        must(memcmp(&command->elements[i].score, &put->elements[i]->score, sizeof(double)) == 0);
    }
}

static void compare_list_retain(const struct parts *parts, const ProtobufCMessage *message)
{
    const CacheClient__ListRetainRequest *retain = (const CacheClient__ListRetainRequest *)message;
    const struct store_command *command = &parts->command;
    const bool bounded =
        retain->end_index_case == CACHE_CLIENT____LIST_RETAIN_REQUEST__END_INDEX_EXCLUSIVE_END;
    must(same(command->key, retain->list_name) && command->ttl_ms == retain->ttl_milliseconds);
    must(command->end == (bounded ? retain->exclusive_end : STORE_END));
}

static void compare_set_difference(const struct parts *parts, const ProtobufCMessage *message)
{
    const CacheClient__SetDifferenceRequest *difference = (const CacheClient__SetDifferenceRequest *)message;
    must(same(parts->command.key, difference->set_name));
    must(parts->choice[0] == (uint8_t)difference->difference_case);
}

static const struct {
    const struct parts_layout *layout;
    const ProtobufCMessageDescriptor *descriptor;
    void (*compare)(const struct parts *parts, const ProtobufCMessage *message);
} messages[] = {
    {&dictionary_set, &cache_client____dictionary_set_request__descriptor, compare_dictionary_set},
    {&sorted_set_put, &cache_client____sorted_set_put_request__descriptor, compare_sorted_set_put},
    {&list_retain, &cache_client____list_retain_request__descriptor, compare_list_retain},
    {&set_difference, &cache_client____set_difference_request__descriptor, compare_set_difference},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const size_t chosen = data[0] % (sizeof messages / sizeof messages[0]);
    struct arena arena = {0};
    struct parts parts;
    parts_init(&parts);
    enum parts_status status =
        parts_read(&parts, bytes_make(data + 1, size - 1), messages[chosen].layout, ENTRIES_MOST, &arena);
    must(parts.command.count <= ENTRIES_MOST);
    ProtobufCMessage *message =
        protobuf_c_message_unpack(messages[chosen].descriptor, NULL, size - 1, data + 1);
    if (status == PARTS_READ && message != NULL)
        messages[chosen].compare(&parts, message);
    protobuf_c_message_free_unpacked(message, NULL);
    arena_free(&arena);
    return 0;
}
