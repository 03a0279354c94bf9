/* Operations as values: done to any store, compared by what was answered, told to a person. */
#ifndef MAYFLY_TESTS_BEHAVIOUR_OPERATION_H
#define MAYFLY_TESTS_BEHAVIOUR_OPERATION_H

#include "store/behaviour_calls.h"

enum operation_kind {
    OPERATION_GET,
    OPERATION_SET,
    OPERATION_DELETE,
    OPERATION_INCREMENT,
    OPERATION_ITEM_TTL,
    OPERATION_ITEM_TYPE,
    OPERATION_UPDATE_TTL,
    OPERATION_COMMAND,
};

struct operation {
    enum operation_kind kind;
    struct store_command command; /* of every kind: key, ttl_ms, amount; cache and now_ms are filled in */
    struct bytes value;
    struct store_condition condition;
    enum store_ttl_mode mode;
};

void operation_perform(const struct operation *operation, struct store *store, struct store_cache *cache,
                       int64_t now_ms, struct answer *answer);

bool operation_writes(const struct operation *operation);
bool operation_is_on_board(const struct operation *operation);

/* Whether what a store answered is what had to be answered. Of a sample, or of what was popped, the expected
 * answer is the whole that it was taken from. Elements may be put in another order. */
bool operation_agrees(const struct operation *operation, struct answer *expected, struct answer *got);

void operation_print(const struct operation *operation);
void answer_print(const struct answer *answer);

#endif
