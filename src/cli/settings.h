/* Options of client commands: one table, of which a verb takes what it names. */
#ifndef MAYFLY_CLI_SETTINGS_H
#define MAYFLY_CLI_SETTINGS_H

#include "cli/cli.h"

#include <mayfly/mayfly.h>

enum settings_taken {
    TAKES_TTL = 1 << 0,
    TAKES_COLLECTION_TTL = 1 << 1,
    TAKES_TRUNCATE = 1 << 2,
    TAKES_SLICE = 1 << 3,
    TAKES_RANKS = 1 << 4,
    TAKES_SCORES = 1 << 5,
    TAKES_BOARD_SCORES = 1 << 6,
    TAKES_PAGE = 1 << 7,
    TAKES_BOARD_PAGE = 1 << 8,
    TAKES_COUNT = 1 << 9,
    TAKES_DESCENDING = 1 << 10,
    TAKES_WITH_SCORES = 1 << 11,
    TAKES_AGGREGATE = 1 << 12,
    TAKES_HASH = 1 << 13,
    TAKES_CONDITIONS = 1 << 14,
    TAKES_BYTES = 1 << 15,
    TAKES_SUBSCRIPTION = 1 << 16,
    TAKES_KEY = 1 << 17,
};

/* Texts are NULL where nothing was given. */
struct settings {
    const char *endpoint;
    int64_t timeout_ns;
    bool tls;
    const char *ca;
    const char *certificate;
    const char *key;
    bool insecure;
    bool json;
    int64_t ttl_ns;
    bool no_refresh_ttl;
    int64_t truncate;
    const char *start;
    const char *end;
    const char *min;
    const char *min_exclusive;
    const char *max;
    const char *max_exclusive;
    const char *offset;
    const char *count;
    bool descending;
    bool with_scores;
    const char *aggregate;
    bool hash;
    bool if_absent;
    bool if_present;
    const char *if_equal;
    const char *if_not_equal;
    const char *if_present_and_not_equal;
    const char *if_absent_or_equal;
    bool bytes;
    int64_t resume;
    int64_t page;
    const char *credentials_file;
    bool v2;
    const char *name;
    const char *api_keys;
};

#define SETTINGS_MAX 48

/* Every client command's own options, and those that a verb TAKES; returns how many of TABLE were filled. */
size_t settings_common(struct option table[SETTINGS_MAX]);
size_t settings_of(unsigned taken, struct option table[SETTINGS_MAX]);

/* What the settings say of a request of a verb that TAKES them. CLI_OK, or a code with everything said. */
int settings_apply(const struct settings *settings, unsigned taken, mayfly_request *request);

/* What the options about TLS mean together; any of them turns it on. */
mayfly_tls settings_tls(bool tls, bool insecure, const char *ca, const char *certificate, const char *key);

/* Reads a whole number between MIN and MAX, and a number that is one; NAME is what the sentence calls it. */
bool settings_read_whole(const char *name, const char *text, int64_t min, int64_t max, int64_t *value);
bool settings_read_number(const char *name, const char *text, double *value);

#endif
