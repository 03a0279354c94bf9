/* The table of methods: what the engine matches paths against, and what each path leads to. The two arrays
 * have one row a method, in the same order, made from one list so that they cannot drift apart. */
#include "server/services.h"

#define SCS        "/cache_client.Scs/"
#define CONTROL    "/control_client.ScsControl/"
#define PUBSUB     "/cache_client.pubsub.Pubsub/"
#define HEALTH     "/grpc.health.v1.Health/"
#define REFLECTION "ServerReflection/ServerReflectionInfo"

/* path, the call's shape, the row of its handlers */
#define METHODS(M)                                                                                           \
    M(SCS "Get", UNARY, .handle = scs_get, .wants_cache = true)                                              \
    M(SCS "Set", UNARY, .handle = scs_set, .wants_cache = true)                                              \
    M(SCS "GetWithHash", UNARY, .handle = scs_get_with_hash, .wants_cache = true)                            \
    M(SCS "GetBatch", SERVER_STREAMS, .handle = scs_get_batch, .wants_cache = true)                          \
    M(SCS "SetBatch", SERVER_STREAMS, .handle = scs_set_batch, .wants_cache = true)                          \
    M(SCS "SetIf", UNARY, .handle = scs_set_if, .wants_cache = true)                                         \
    M(SCS "SetIfHash", UNARY, .handle = scs_set_if_hash, .wants_cache = true)                                \
    M(SCS "SetIfNotExists", UNARY, .handle = scs_set_if_not_exists, .wants_cache = true)                     \
    M(SCS "Delete", UNARY, .handle = scs_delete, .wants_cache = true)                                        \
    M(SCS "KeysExist", UNARY, .handle = scs_keys_exist, .wants_cache = true)                                 \
    M(SCS "Increment", UNARY, .handle = scs_increment, .wants_cache = true)                                  \
    M(SCS "UpdateTtl", UNARY, .handle = scs_update_ttl, .wants_cache = true)                                 \
    M(SCS "ItemGetTtl", UNARY, .handle = scs_item_get_ttl, .wants_cache = true)                              \
    M(SCS "ItemGetType", UNARY, .handle = scs_item_get_type, .wants_cache = true)                            \
    M(CONTROL "CreateCache", UNARY, .handle = control_create_cache)                                          \
    M(CONTROL "DeleteCache", UNARY, .handle = control_delete_cache)                                          \
    M(CONTROL "ListCaches", UNARY, .handle = control_list_caches)                                            \
    M(CONTROL "FlushCache", UNARY, .handle = control_flush_cache)                                            \
    M("/cache_client.Ping/Ping", UNARY, .handle = ping_ping)                                                 \
    M(PUBSUB "Publish", UNARY, .handle = pubsub_publish)                                                     \
    M(PUBSUB "Subscribe", SERVER_STREAMS, .handle = pubsub_subscribe, .drain = pubsub_drain)                 \
    M(HEALTH "Check", UNARY, .handle = health_check)                                                         \
    M(HEALTH "Watch", SERVER_STREAMS, .handle = health_watch, .drain = health_drain)                         \
    M("/grpc.reflection.v1." REFLECTION, BOTH_STREAM, .handle = reflection_message,                          \
      .half_closed = reflection_half_closed, .drain = reflection_drain)                                      \
    M("/grpc.reflection.v1alpha." REFLECTION, BOTH_STREAM, .handle = reflection_message,                     \
      .half_closed = reflection_half_closed, .drain = reflection_drain)

#define UNARY                        .client_streams = false, .server_streams = false
#define SERVER_STREAMS               .server_streams = true
#define BOTH_STREAM                  .client_streams = true, .server_streams = true

#define AS_PATH(path_, shape, ...)   {.path = path_, shape},
#define AS_METHOD(path_, shape, ...) {__VA_ARGS__},

const struct h2_method server_paths[] = {METHODS(AS_PATH)};
const struct server_method server_methods[] = {METHODS(AS_METHOD)};
const size_t server_methods_count = sizeof server_paths / sizeof server_paths[0];
