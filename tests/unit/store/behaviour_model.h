/* The model: store.h done in the simplest way that can be right, sorted arrays and linear search, with no limit
 * and no hurry. It is a store like any other, so that one driver asks it and the engine the same things; beside
 * that, a test can take a key back to what it was, since only the test learns what an engine evicted. */
#ifndef MAYFLY_TESTS_BEHAVIOUR_MODEL_H
#define MAYFLY_TESTS_BEHAVIOUR_MODEL_H

#include "store/store.h"

/* What a key holds, as an item or as a leaderboard. */
struct model_item;

struct store *model_create(void);

/* A copy of what the key holds, or NULL where that is nothing; the caller frees it. */
struct model_item *model_save(struct store_cache *cache, struct bytes key, bool board);
void model_saved_free(struct model_item *saved);

/* Makes a copy of what was saved, which may be NULL, all that the key holds. */
void model_restore(struct store_cache *cache, struct bytes key, bool board, const struct model_item *saved);

/* Bytes of names and values under the key, and its elements. */
size_t model_bytes(struct store_cache *cache, struct bytes key, bool board);
size_t model_length(struct store_cache *cache, struct bytes key, bool board);

#endif
