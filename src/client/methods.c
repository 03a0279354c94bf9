/* The methods: a row for each says where it goes, what is true of it, and who writes its request and reads
 * its reply. Which methods may be repeated is the protocol's own list. */
#include "client/methods.h"

#define SCS     "/cache_client.Scs/"
#define CONTROL "/control_client.ScsControl/"
#define BOARD   "/leaderboard.Leaderboard/"
#define TOPICS  "/cache_client.pubsub.Pubsub/"

const struct client_method client_methods[MAYFLY_METHODS] = {
    [MAYFLY_METHOD_GET] = {SCS "Get", NAMES_CACHE | REPEATABLE, encode_key, decode_get},
    [MAYFLY_METHOD_SET] = {SCS "Set", NAMES_CACHE | REPEATABLE, encode_set, decode_set},
    [MAYFLY_METHOD_GET_WITH_HASH] = {SCS "GetWithHash", NAMES_CACHE, encode_key, decode_get_with_hash},
    [MAYFLY_METHOD_GET_BATCH] = {SCS "GetBatch", NAMES_CACHE | REPEATABLE | STREAMS | ANSWERS_EACH,
                                 encode_get_batch, decode_get_batch},
    [MAYFLY_METHOD_SET_BATCH] = {SCS "SetBatch", NAMES_CACHE | REPEATABLE | STREAMS, encode_set_batch,
                                 decode_set},
    [MAYFLY_METHOD_SET_IF] = {SCS "SetIf", NAMES_CACHE, encode_set_if, decode_set_if},
    [MAYFLY_METHOD_SET_IF_HASH] = {SCS "SetIfHash", NAMES_CACHE, encode_set_if_hash, decode_set_if_hash},
    [MAYFLY_METHOD_SET_IF_NOT_EXISTS] = {SCS "SetIfNotExists", NAMES_CACHE, encode_set,
                                         decode_set_if_not_exists},
    [MAYFLY_METHOD_DELETE] = {SCS "Delete", NAMES_CACHE | REPEATABLE, encode_key, decode_done},
    [MAYFLY_METHOD_KEYS_EXIST] = {SCS "KeysExist", NAMES_CACHE | REPEATABLE | ANSWERS_EACH, encode_keys_exist,
                                  decode_keys_exist},
    [MAYFLY_METHOD_INCREMENT] = {SCS "Increment", NAMES_CACHE, encode_increment, decode_increment},
    [MAYFLY_METHOD_UPDATE_TTL] = {SCS "UpdateTtl", NAMES_CACHE, encode_update_ttl, decode_update_ttl},
    [MAYFLY_METHOD_ITEM_GET_TTL] = {SCS "ItemGetTtl", NAMES_CACHE | REPEATABLE, encode_key,
                                    decode_item_get_ttl},
    [MAYFLY_METHOD_ITEM_GET_TYPE] = {SCS "ItemGetType", NAMES_CACHE | REPEATABLE, encode_key,
                                     decode_item_get_type},
    [MAYFLY_METHOD_CREATE_CACHE] = {CONTROL "CreateCache", CONTROLS, encode_cache_name, decode_done},
    [MAYFLY_METHOD_DELETE_CACHE] = {CONTROL "DeleteCache", CONTROLS, encode_cache_name, decode_done},
    [MAYFLY_METHOD_LIST_CACHES] = {CONTROL "ListCaches", CONTROLS, encode_nothing, decode_list_caches},
    [MAYFLY_METHOD_FLUSH_CACHE] = {CONTROL "FlushCache", CONTROLS, encode_cache_name, decode_done},
    [MAYFLY_METHOD_PING] = {"/cache_client.Ping/Ping", 0, encode_nothing, decode_done},
    [MAYFLY_METHOD_DICTIONARY_GET] = {SCS "DictionaryGet", NAMES_CACHE | REPEATABLE | ANSWERS_EACH,
                                      encode_key_fields, decode_dictionary_get},
    [MAYFLY_METHOD_DICTIONARY_FETCH] = {SCS "DictionaryFetch", NAMES_CACHE | REPEATABLE, encode_key,
                                        decode_dictionary_fetch},
    [MAYFLY_METHOD_DICTIONARY_SET] = {SCS "DictionarySet", NAMES_CACHE | REPEATABLE, encode_dictionary_set,
                                      decode_done},
    [MAYFLY_METHOD_DICTIONARY_INCREMENT] = {SCS "DictionaryIncrement", NAMES_CACHE,
                                            encode_dictionary_increment, decode_number},
    [MAYFLY_METHOD_DICTIONARY_DELETE] = {SCS "DictionaryDelete", NAMES_CACHE | REPEATABLE,
                                         encode_dictionary_delete, decode_done},
    [MAYFLY_METHOD_DICTIONARY_LENGTH] = {SCS "DictionaryLength", NAMES_CACHE | REPEATABLE, encode_key,
                                         decode_found_number},
    [MAYFLY_METHOD_SET_FETCH] = {SCS "SetFetch", NAMES_CACHE | REPEATABLE, encode_key, decode_found_values},
    [MAYFLY_METHOD_SET_SAMPLE] = {SCS "SetSample", NAMES_CACHE | REPEATABLE, encode_set_sample,
                                  decode_found_values},
    [MAYFLY_METHOD_SET_UNION] = {SCS "SetUnion", NAMES_CACHE | REPEATABLE, encode_set_union, decode_done},
    [MAYFLY_METHOD_SET_DIFFERENCE] = {SCS "SetDifference", NAMES_CACHE | REPEATABLE, encode_set_difference,
                                      decode_found},
    [MAYFLY_METHOD_SET_CONTAINS] = {SCS "SetContains", NAMES_CACHE | REPEATABLE | ANSWERS_EACH,
                                    encode_key_values, decode_set_contains},
    [MAYFLY_METHOD_SET_LENGTH] = {SCS "SetLength", NAMES_CACHE | REPEATABLE, encode_key, decode_found_number},
    [MAYFLY_METHOD_SET_POP] = {SCS "SetPop", NAMES_CACHE, encode_set_sample, decode_found_values},
    [MAYFLY_METHOD_LIST_PUSH_FRONT] = {SCS "ListPushFront", NAMES_CACHE, encode_list_push, decode_number},
    [MAYFLY_METHOD_LIST_PUSH_BACK] = {SCS "ListPushBack", NAMES_CACHE, encode_list_push, decode_number},
    [MAYFLY_METHOD_LIST_POP_FRONT] = {SCS "ListPopFront", NAMES_CACHE, encode_key, decode_list_pop},
    [MAYFLY_METHOD_LIST_POP_BACK] = {SCS "ListPopBack", NAMES_CACHE, encode_key, decode_list_pop},
    [MAYFLY_METHOD_LIST_ERASE] = {SCS "ListErase", NAMES_CACHE, encode_list_erase, decode_found_number},
    [MAYFLY_METHOD_LIST_REMOVE] = {SCS "ListRemove", NAMES_CACHE | REPEATABLE, encode_list_remove,
                                   decode_found_number},
    [MAYFLY_METHOD_LIST_FETCH] = {SCS "ListFetch", NAMES_CACHE | REPEATABLE, encode_list_fetch,
                                  decode_found_values},
    [MAYFLY_METHOD_LIST_LENGTH] = {SCS "ListLength", NAMES_CACHE | REPEATABLE, encode_key,
                                   decode_found_number},
    [MAYFLY_METHOD_LIST_CONCATENATE_FRONT] = {SCS "ListConcatenateFront", NAMES_CACHE,
                                              encode_list_concatenate, decode_number},
    [MAYFLY_METHOD_LIST_CONCATENATE_BACK] = {SCS "ListConcatenateBack", NAMES_CACHE, encode_list_concatenate,
                                             decode_number},
    [MAYFLY_METHOD_LIST_RETAIN] = {SCS "ListRetain", NAMES_CACHE, encode_list_retain, decode_found_number},
    [MAYFLY_METHOD_SORTED_SET_PUT] = {SCS "SortedSetPut", NAMES_CACHE | REPEATABLE, encode_sorted_set_put,
                                      decode_done},
    [MAYFLY_METHOD_SORTED_SET_FETCH] = {SCS "SortedSetFetch", NAMES_CACHE | REPEATABLE,
                                        encode_sorted_set_fetch, decode_sorted_set_fetch},
    [MAYFLY_METHOD_SORTED_SET_GET_SCORE] = {SCS "SortedSetGetScore", NAMES_CACHE | REPEATABLE | ANSWERS_EACH,
                                            encode_key_values, decode_sorted_set_get_score},
    [MAYFLY_METHOD_SORTED_SET_REMOVE] = {SCS "SortedSetRemove", NAMES_CACHE | REPEATABLE,
                                         encode_sorted_set_remove, decode_done},
    [MAYFLY_METHOD_SORTED_SET_INCREMENT] = {SCS "SortedSetIncrement", NAMES_CACHE,
                                            encode_sorted_set_increment, decode_sorted_set_increment},
    [MAYFLY_METHOD_SORTED_SET_GET_RANK] = {SCS "SortedSetGetRank", NAMES_CACHE | REPEATABLE,
                                           encode_sorted_set_get_rank, decode_sorted_set_get_rank},
    [MAYFLY_METHOD_SORTED_SET_LENGTH] = {SCS "SortedSetLength", NAMES_CACHE | REPEATABLE, encode_key,
                                         decode_found_number},
    [MAYFLY_METHOD_SORTED_SET_LENGTH_BY_SCORE] = {SCS "SortedSetLengthByScore", NAMES_CACHE | REPEATABLE,
                                                  encode_sorted_set_length_by_score, decode_found_number},
    [MAYFLY_METHOD_SORTED_SET_UNION_STORE] = {SCS "SortedSetUnionStore", NAMES_CACHE,
                                              encode_sorted_set_union_store, decode_number},
    [MAYFLY_METHOD_LEADERBOARD_DELETE] = {BOARD "DeleteLeaderboard", NAMES_CACHE, encode_leaderboard,
                                          decode_done},
    [MAYFLY_METHOD_LEADERBOARD_UPSERT] = {BOARD "UpsertElements", NAMES_CACHE, encode_leaderboard_upsert,
                                          decode_done},
    [MAYFLY_METHOD_LEADERBOARD_REMOVE] = {BOARD "RemoveElements", NAMES_CACHE, encode_leaderboard_remove,
                                          decode_done},
    [MAYFLY_METHOD_LEADERBOARD_LENGTH] = {BOARD "GetLeaderboardLength", NAMES_CACHE, encode_leaderboard,
                                          decode_number},
    [MAYFLY_METHOD_LEADERBOARD_GET_BY_RANK] = {BOARD "GetByRank", NAMES_CACHE, encode_leaderboard_get_by_rank,
                                               decode_leaderboard_elements},
    [MAYFLY_METHOD_LEADERBOARD_GET_RANK] = {BOARD "GetRank", NAMES_CACHE, encode_leaderboard_get_rank,
                                            decode_leaderboard_elements},
    [MAYFLY_METHOD_LEADERBOARD_GET_BY_SCORE] = {BOARD "GetByScore", NAMES_CACHE,
                                                encode_leaderboard_get_by_score, decode_leaderboard_elements},
    [MAYFLY_METHOD_LEADERBOARD_GET_COMPETITION_RANK] = {BOARD "GetCompetitionRank", NAMES_CACHE,
                                                        encode_leaderboard_get_competition_rank,
                                                        decode_leaderboard_elements},
    [MAYFLY_METHOD_PUBLISH] = {TOPICS "Publish", 0, encode_publish, decode_done},
};

struct h2_methods *client_methods_create(void)
{
    struct h2_method paths[CLIENT_METHODS];
    for (size_t i = 0; i < MAYFLY_METHODS; i++)
        paths[i] = (struct h2_method){.path = client_methods[i].path,
                                      .server_streams = client_methods[i].traits & STREAMS};
    paths[CLIENT_METHOD_SUBSCRIBE] = (struct h2_method){.path = TOPICS "Subscribe", .server_streams = true};
    return h2_methods_create(paths, CLIENT_METHODS);
}

const char *mayfly_method_name(mayfly_method method)
{
    return (unsigned)method < MAYFLY_METHODS ? strrchr(client_methods[method].path, '/') + 1 : "";
}

size_t mayfly_request_bytes(const mayfly_request *request)
{
    if (mayfly_request_problem(request) != NULL)
        return 0;
    struct buffer message = {0};
    size_t size = client_methods[request->method].encode(request, &message) ? message.size : 0;
    buffer_free(&message);
    return size;
}
