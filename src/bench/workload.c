/* One row a workload. Items are many keys of one value; every other workload is one collection, under its
 * own name as its key, with as many elements as there are keys, so that its structure is what is measured. */
#include "bench/workload.h"

#include <string.h>

#define NAME_PREFIX_BYTES ((size_t)4)
#define SLICE             10 /* elements that a read of a sorted set takes */

/* "key:" and twelve digits, without a closing zero. */
static mayfly_bytes make_name(struct workload_request *to, uint64_t number)
{
    memcpy(to->name, "key:", NAME_PREFIX_BYTES);
    for (size_t digit = WORKLOAD_NAME_BYTES; digit-- > NAME_PREFIX_BYTES; number /= 10)
        to->name[digit] = (char)('0' + number % 10);
    return (mayfly_bytes){to->name, WORKLOAD_NAME_BYTES};
}

static void item_write(struct workload_request *to, const struct workload_item *item, mayfly_bytes value)
{
    to->request = mayfly_set(item->cache, make_name(to, item->number), value, WORKLOAD_TTL_MS);
}

static void item_read(struct workload_request *to, const struct workload_item *item)
{
    to->request = mayfly_get(item->cache, make_name(to, item->number));
}

static void dictionary_write(struct workload_request *to, const struct workload_item *item,
                             mayfly_bytes value)
{
    to->item = (mayfly_item){.key = make_name(to, item->number), .value = value};
    to->request = mayfly_dictionary_set(item->cache, mayfly_text("dictionary"), &to->item, 1,
                                        mayfly_ttl_kept(WORKLOAD_TTL_MS));
}

static void dictionary_read(struct workload_request *to, const struct workload_item *item)
{
    to->item = (mayfly_item){.key = make_name(to, item->number)};
    to->request = mayfly_dictionary_get(item->cache, mayfly_text("dictionary"), &to->item, 1);
}

static void list_write(struct workload_request *to, const struct workload_item *item, mayfly_bytes value)
{
    to->request =
        mayfly_list_push_front(item->cache, mayfly_text("list"), value, mayfly_ttl_kept(WORKLOAD_TTL_MS), 0);
}

/* Reading a list takes its front away: with half of the requests reads it stays as long as it is. */
static void list_read(struct workload_request *to, const struct workload_item *item)
{
    to->request = mayfly_list_pop_front(item->cache, mayfly_text("list"));
}

static void set_write(struct workload_request *to, const struct workload_item *item, mayfly_bytes value)
{
    (void)value;
    to->item = (mayfly_item){.value = make_name(to, item->number)};
    to->request =
        mayfly_set_union(item->cache, mayfly_text("set"), &to->item, 1, mayfly_ttl_kept(WORKLOAD_TTL_MS));
}

static void set_read(struct workload_request *to, const struct workload_item *item)
{
    to->item = (mayfly_item){.value = make_name(to, item->number)};
    to->request = mayfly_set_contains(item->cache, mayfly_text("set"), &to->item, 1);
}

/* Scores scatter, so that elements move when they are written anew. */
static void sorted_set_write(struct workload_request *to, const struct workload_item *item,
                             mayfly_bytes value)
{
    uint64_t scattered = (item->number + to->made++) * UINT64_C(0x9e3779b97f4a7c15);
    (void)value;
    to->item = (mayfly_item){.value = make_name(to, item->number), .score = (double)(scattered % item->keys)};
    to->request = mayfly_sorted_set_put(item->cache, mayfly_text("sorted-set"), &to->item, 1,
                                        mayfly_ttl_kept(WORKLOAD_TTL_MS));
}

static void sorted_set_read(struct workload_request *to, const struct workload_item *item)
{
    int64_t middle = (int64_t)(item->keys / 2);
    to->request = mayfly_sorted_set_fetch_by_index(item->cache, mayfly_text("sorted-set"), middle,
                                                   middle + SLICE, MAYFLY_ASCENDING);
    to->request.values_only = true;
}

const struct workload workloads[] = {
    {"items", item_write, item_read},
    {"dictionary", dictionary_write, dictionary_read},
    {"list", list_write, list_read},
    {"set", set_write, set_read},
    {"sorted-set", sorted_set_write, sorted_set_read},
    {NULL, NULL, NULL},
};
