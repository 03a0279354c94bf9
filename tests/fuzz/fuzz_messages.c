/* The decoders of every message that a peer can send, as server and client use them: generated code with an
 * arena for its allocator. The first byte of an input chooses the message. Whatever is accepted must pack
 * into just the bytes that it says it needs. (Not more: protobuf-c keeps unknown fields with the number 0,
 * which it refuses when it sees them written in the usual way.) */
#include <stdlib.h>

#include "base/arena.h"
#include "cacheclient.pb-c.h"
#include "controlclient.pb-c.h"
#include "health.pb-c.h"
#include "reflection.pb-c.h"

static const ProtobufCMessageDescriptor *const messages[] = {
    &cache_client____get_with_hash_request__descriptor,
    &cache_client____get_batch_request__descriptor,
    &cache_client____set_batch_request__descriptor,
    &cache_client____set_if_request__descriptor,
    &cache_client____set_if_hash_request__descriptor,
    &cache_client____set_if_not_exists_request__descriptor,
    &cache_client____delete_request__descriptor,
    &cache_client____keys_exist_request__descriptor,
    &cache_client____increment_request__descriptor,
    &cache_client____update_ttl_request__descriptor,
    &cache_client____item_get_ttl_request__descriptor,
    &cache_client____item_get_type_request__descriptor,
    &control_client____list_caches_request__descriptor,
    &grpc__health__v1__health_check_request__descriptor,
    &grpc__reflection__v1__server_reflection_request__descriptor,
    &cache_client____get_with_hash_response__descriptor,
    &cache_client____set_if_response__descriptor,
    &cache_client____set_if_hash_response__descriptor,
    &cache_client____set_if_not_exists_response__descriptor,
    &cache_client____keys_exist_response__descriptor,
    &cache_client____increment_response__descriptor,
    &cache_client____update_ttl_response__descriptor,
    &cache_client____item_get_ttl_response__descriptor,
    &cache_client____item_get_type_response__descriptor,
    &control_client____list_caches_response__descriptor,
};

static void *unpack_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void unpack_free(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *descriptor = messages[data[0] % (sizeof messages / sizeof messages[0])];
    struct arena arena = {0};
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, &arena};
    const ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, size - 1, data + 1);
    if (message != NULL) {
        size_t packed_size = protobuf_c_message_get_packed_size(message);
        uint8_t *packed = arena_alloc(&arena, packed_size);
        if (packed == NULL || protobuf_c_message_pack(message, packed) != packed_size)
            abort();
    }
    arena_free(&arena);
    return 0;
}
