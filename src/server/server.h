/* The cache server: the door of this room. A server is made from settings, runs on the calling thread and as
 * many others as the settings say, and stops at SIGTERM or SIGINT: it accepts no more, answers the calls it
 * has accepted, ends streams with a status, and returns within the drain limit. */
#ifndef MAYFLY_SERVER_SERVER_H
#define MAYFLY_SERVER_SERVER_H

#include "base/log.h"
#include "base/options.h"

struct server_settings {
    const char *config;
    const char *listen;
    bool trusted_network;
    const char *tls_certificate;
    const char *tls_key;
    const char *tls_client_ca;
    int64_t threads;
    const char *cache;
    int64_t memory_limit_bytes;
    int64_t max_connections;
    int64_t max_streams;
    int64_t max_caches;
    int64_t max_message_bytes;
    int64_t max_item_bytes;
    int64_t max_element_bytes;
    int64_t max_leaderboard_call;
    int64_t max_leaderboard_bytes;
    int64_t max_leaderboard_ttl_ns;
    int64_t max_batch;
    int64_t max_requests_per_s;
    int64_t max_bytes_per_s;
    int64_t max_header_bytes;
    int64_t max_buffered_bytes;
    int64_t max_ttl_ns;
    int64_t stall_timeout_ns;
    int64_t drain_timeout_ns;
    int64_t max_topic_message_bytes;
    int64_t topic_history;
    int64_t topic_history_bytes;
    int64_t topics_memory_bytes;
    int64_t max_topics;
    int64_t max_subscriptions;
    int64_t subscriber_buffer_bytes;
    int64_t subscribers_memory_bytes;
    int64_t topic_heartbeat_ns;
    const char *log_level;
    bool test_faults;
    const char *test_faults_listen;
    const char *api_keys;
};

/* The settings as a table, for parsing, help and documentation. */
extern const struct option server_options[];
extern const size_t server_options_count;

#define SERVER_ERROR_BYTES 256

/* Serves until told to stop. False, with a sentence in ERROR, when it could not begin. */
bool server_run(const struct server_settings *settings, const struct log *log,
                char error[SERVER_ERROR_BYTES]);

#endif
