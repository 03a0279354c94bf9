/* The table of methods: what the engine matches paths against, and what each path leads to. The two arrays
 * have one row a method, in the same order, made from one list so that they cannot drift apart. */
#include "server/services.h"

#define SCS         "/cache_client.Scs/"
#define LEADERBOARD "/leaderboard.Leaderboard/"
#define PUBSUB      "/cache_client.pubsub.Pubsub/"
#define CONTROL     "/control_client.ScsControl/"
#define HEALTH      "/grpc.health.v1.Health/"
#define REFLECTION  "ServerReflection/ServerReflectionInfo"

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
    M(SCS "DictionaryGet", UNARY, .handle = scs_dictionary_get, .wants_cache = true)                         \
    M(SCS "DictionaryFetch", UNARY, .handle = scs_dictionary_fetch, .wants_cache = true)                     \
    M(SCS "DictionarySet", UNARY, .handle = scs_dictionary_set, .wants_cache = true)                         \
    M(SCS "DictionaryIncrement", UNARY, .handle = scs_dictionary_increment, .wants_cache = true)             \
    M(SCS "DictionaryDelete", UNARY, .handle = scs_dictionary_delete, .wants_cache = true)                   \
    M(SCS "DictionaryLength", UNARY, .handle = scs_dictionary_length, .wants_cache = true)                   \
    M(SCS "SetFetch", UNARY, .handle = scs_set_fetch, .wants_cache = true)                                   \
    M(SCS "SetSample", UNARY, .handle = scs_set_sample, .wants_cache = true)                                 \
    M(SCS "SetUnion", UNARY, .handle = scs_set_union, .wants_cache = true)                                   \
    M(SCS "SetDifference", UNARY, .handle = scs_set_difference, .wants_cache = true)                         \
    M(SCS "SetContains", UNARY, .handle = scs_set_contains, .wants_cache = true)                             \
    M(SCS "SetLength", UNARY, .handle = scs_set_length, .wants_cache = true)                                 \
    M(SCS "SetPop", UNARY, .handle = scs_set_pop, .wants_cache = true)                                       \
    M(SCS "ListPushFront", UNARY, .handle = scs_list_push_front, .wants_cache = true)                        \
    M(SCS "ListPushBack", UNARY, .handle = scs_list_push_back, .wants_cache = true)                          \
    M(SCS "ListPopFront", UNARY, .handle = scs_list_pop_front, .wants_cache = true)                          \
    M(SCS "ListPopBack", UNARY, .handle = scs_list_pop_back, .wants_cache = true)                            \
    M(SCS "ListErase", UNARY, .handle = scs_list_erase, .wants_cache = true)                                 \
    M(SCS "ListRemove", UNARY, .handle = scs_list_remove, .wants_cache = true)                               \
    M(SCS "ListFetch", UNARY, .handle = scs_list_fetch, .wants_cache = true)                                 \
    M(SCS "ListLength", UNARY, .handle = scs_list_length, .wants_cache = true)                               \
    M(SCS "ListConcatenateFront", UNARY, .handle = scs_list_concatenate_front, .wants_cache = true)          \
    M(SCS "ListConcatenateBack", UNARY, .handle = scs_list_concatenate_back, .wants_cache = true)            \
    M(SCS "ListRetain", UNARY, .handle = scs_list_retain, .wants_cache = true)                               \
    M(SCS "SortedSetPut", UNARY, .handle = scs_sorted_set_put, .wants_cache = true)                          \
    M(SCS "SortedSetFetch", UNARY, .handle = scs_sorted_set_fetch, .wants_cache = true)                      \
    M(SCS "SortedSetGetScore", UNARY, .handle = scs_sorted_set_get_score, .wants_cache = true)               \
    M(SCS "SortedSetRemove", UNARY, .handle = scs_sorted_set_remove, .wants_cache = true)                    \
    M(SCS "SortedSetIncrement", UNARY, .handle = scs_sorted_set_increment, .wants_cache = true)              \
    M(SCS "SortedSetGetRank", UNARY, .handle = scs_sorted_set_get_rank, .wants_cache = true)                 \
    M(SCS "SortedSetLength", UNARY, .handle = scs_sorted_set_length, .wants_cache = true)                    \
    M(SCS "SortedSetLengthByScore", UNARY, .handle = scs_sorted_set_length_by_score, .wants_cache = true)    \
    M(SCS "SortedSetUnionStore", UNARY, .handle = scs_sorted_set_union_store, .wants_cache = true)           \
    M(LEADERBOARD "DeleteLeaderboard", UNARY, .handle = leaderboard_delete, .wants_cache = true)             \
    M(LEADERBOARD "UpsertElements", UNARY, .handle = leaderboard_upsert_elements, .wants_cache = true)       \
    M(LEADERBOARD "RemoveElements", UNARY, .handle = leaderboard_remove_elements, .wants_cache = true)       \
    M(LEADERBOARD "GetLeaderboardLength", UNARY, .handle = leaderboard_get_length, .wants_cache = true)      \
    M(LEADERBOARD "GetByRank", UNARY, .handle = leaderboard_get_by_rank, .wants_cache = true)                \
    M(LEADERBOARD "GetRank", UNARY, .handle = leaderboard_get_rank, .wants_cache = true)                     \
    M(LEADERBOARD "GetByScore", UNARY, .handle = leaderboard_get_by_score, .wants_cache = true)              \
    M(LEADERBOARD "GetCompetitionRank", UNARY, .handle = leaderboard_get_competition_rank,                   \
      .wants_cache = true)                                                                                   \
    M(CONTROL "CreateCache", UNARY, .handle = control_create_cache)                                          \
    M(CONTROL "DeleteCache", UNARY, .handle = control_delete_cache)                                          \
    M(CONTROL "ListCaches", UNARY, .handle = control_list_caches)                                            \
    M(CONTROL "FlushCache", UNARY, .handle = control_flush_cache)                                            \
    M("/cache_client.Ping/Ping", UNARY, .handle = ping_ping)                                                 \
    M(PUBSUB "Publish", UNARY, .handle = pubsub_publish)                                                     \
    M(PUBSUB "Subscribe", SERVER_STREAMS, .handle = pubsub_subscribe, .drain = pubsub_drain)                 \
    M(HEALTH "Check", UNARY, .handle = health_check, .is_open = true)                                        \
    M(HEALTH "Watch", SERVER_STREAMS, .handle = health_watch, .drain = health_drain, .is_open = true)        \
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
