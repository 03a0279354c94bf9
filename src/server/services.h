/* The handlers of every service, one file each; the table in methods.c binds them to their paths. */
#ifndef MAYFLY_SERVER_SERVICES_H
#define MAYFLY_SERVER_SERVICES_H

#include "server/request.h"

/* scs.c: cache_client.Scs, one item a call */
void scs_get(struct server_request *request, struct bytes message);
void scs_get_with_hash(struct server_request *request, struct bytes message);
void scs_set(struct server_request *request, struct bytes message);
void scs_set_if(struct server_request *request, struct bytes message);
void scs_set_if_hash(struct server_request *request, struct bytes message);
void scs_set_if_not_exists(struct server_request *request, struct bytes message);
void scs_delete(struct server_request *request, struct bytes message);
void scs_increment(struct server_request *request, struct bytes message);
void scs_update_ttl(struct server_request *request, struct bytes message);
void scs_item_get_ttl(struct server_request *request, struct bytes message);
void scs_item_get_type(struct server_request *request, struct bytes message);

/* scs_batch.c: cache_client.Scs, many items a call */
void scs_get_batch(struct server_request *request, struct bytes message);
void scs_set_batch(struct server_request *request, struct bytes message);
void scs_keys_exist(struct server_request *request, struct bytes message);

/* scs_dictionary.c: cache_client.Scs, dictionaries */
void scs_dictionary_get(struct server_request *request, struct bytes message);
void scs_dictionary_fetch(struct server_request *request, struct bytes message);
void scs_dictionary_set(struct server_request *request, struct bytes message);
void scs_dictionary_increment(struct server_request *request, struct bytes message);
void scs_dictionary_delete(struct server_request *request, struct bytes message);
void scs_dictionary_length(struct server_request *request, struct bytes message);

/* scs_set.c: cache_client.Scs, sets */
void scs_set_fetch(struct server_request *request, struct bytes message);
void scs_set_sample(struct server_request *request, struct bytes message);
void scs_set_union(struct server_request *request, struct bytes message);
void scs_set_difference(struct server_request *request, struct bytes message);
void scs_set_contains(struct server_request *request, struct bytes message);
void scs_set_length(struct server_request *request, struct bytes message);
void scs_set_pop(struct server_request *request, struct bytes message);

/* scs_list.c: cache_client.Scs, lists */
void scs_list_push_front(struct server_request *request, struct bytes message);
void scs_list_push_back(struct server_request *request, struct bytes message);
void scs_list_pop_front(struct server_request *request, struct bytes message);
void scs_list_pop_back(struct server_request *request, struct bytes message);
void scs_list_erase(struct server_request *request, struct bytes message);
void scs_list_remove(struct server_request *request, struct bytes message);
void scs_list_fetch(struct server_request *request, struct bytes message);
void scs_list_length(struct server_request *request, struct bytes message);
void scs_list_concatenate_front(struct server_request *request, struct bytes message);
void scs_list_concatenate_back(struct server_request *request, struct bytes message);
void scs_list_retain(struct server_request *request, struct bytes message);

/* scs_sorted_set.c: cache_client.Scs, sorted sets */
void scs_sorted_set_put(struct server_request *request, struct bytes message);
void scs_sorted_set_fetch(struct server_request *request, struct bytes message);
void scs_sorted_set_get_score(struct server_request *request, struct bytes message);
void scs_sorted_set_remove(struct server_request *request, struct bytes message);
void scs_sorted_set_increment(struct server_request *request, struct bytes message);
void scs_sorted_set_get_rank(struct server_request *request, struct bytes message);
void scs_sorted_set_length(struct server_request *request, struct bytes message);
void scs_sorted_set_length_by_score(struct server_request *request, struct bytes message);
void scs_sorted_set_union_store(struct server_request *request, struct bytes message);

/* leaderboard.c: leaderboard.Leaderboard */
void leaderboard_delete(struct server_request *request, struct bytes message);
void leaderboard_upsert_elements(struct server_request *request, struct bytes message);
void leaderboard_remove_elements(struct server_request *request, struct bytes message);
void leaderboard_get_length(struct server_request *request, struct bytes message);
void leaderboard_get_by_rank(struct server_request *request, struct bytes message);
void leaderboard_get_rank(struct server_request *request, struct bytes message);
void leaderboard_get_by_score(struct server_request *request, struct bytes message);
void leaderboard_get_competition_rank(struct server_request *request, struct bytes message);

/* What the services of items ask of every request; false with the request failed. */
bool scs_check_key(struct server_request *request, struct bytes key);
bool scs_check_name(struct server_request *request, const char *field, struct bytes name);
bool scs_check_item(struct server_request *request, struct bytes key, struct bytes value);
bool scs_check_ttl(struct server_request *request, uint64_t ttl_ms);

/* The replies of Get and Set, which batches stream; false with the request failed. */
bool scs_reply_get(struct server_request *request, const struct store_reply *reply, bool last);
bool scs_reply_set(struct server_request *request, bool last);

/* control.c: control_client.ScsControl */
#define CONTROL_CACHE_NAME_RULE                                                                              \
    "a cache's name is 1 to 255 bytes of UTF-8 without control characters, and has no space at its ends"
bool control_is_cache_name(struct bytes name);
bool control_has_cache(const struct server *server, struct bytes name);
void control_create_cache(struct server_request *request, struct bytes message);
void control_delete_cache(struct server_request *request, struct bytes message);
void control_list_caches(struct server_request *request, struct bytes message);
void control_flush_cache(struct server_request *request, struct bytes message);

/* ping.c: cache_client.Ping */
void ping_ping(struct server_request *request, struct bytes message);

/* pubsub.c: cache_client.pubsub.Pubsub */
void pubsub_publish(struct server_request *request, struct bytes message);
void pubsub_subscribe(struct server_request *request, struct bytes message);
void pubsub_drain(struct server_request *request);

/* health.c: grpc.health.v1.Health */
void health_check(struct server_request *request, struct bytes message);
void health_watch(struct server_request *request, struct bytes message);
void health_drain(struct server_request *request);

/* reflection.c: grpc.reflection.v1 and v1alpha, which are the same on the wire */
void reflection_message(struct server_request *request, struct bytes message);
void reflection_half_closed(struct server_request *request);
void reflection_drain(struct server_request *request);

#endif
