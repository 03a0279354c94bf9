/* A quota that nobody holds and that has filled up again is as good as none, so the table forgets such ones
 * whenever it has doubled: it stays as small as the caches in use, and a client that comes back at once finds the
 * bucket that it emptied. */
#include "server/quota.h"

#include "base/clock.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

#define PLACES       1024
#define SWEEP_MIN    64
#define GRACE_MAX_NS ((int64_t)10 * CLOCK_NS_PER_MS)
#define DEBT_MAX_NS  ((int64_t)2 * CLOCK_NS_PER_S)

/* --- One bucket --- */

/* How far AMOUNT moves the bucket's moment: rounded up, so that a rate is never exceeded. */
static int64_t step_ns(int64_t per_s, int64_t amount)
{
    return (amount * CLOCK_NS_PER_S + per_s - 1) / per_s;
}

static int64_t later(int64_t a_ns, int64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

bool quota_take(struct quota_bucket *bucket, int64_t per_s, int64_t amount, int64_t now_ns)
{
    if (per_s == 0)
        return true;
    /* Each step is rounded up by less than a nanosecond, which without some grace would keep the last of a second's
     * worth out where the rate does not divide a second. */
    int64_t grace_ns = per_s < GRACE_MAX_NS ? per_s : GRACE_MAX_NS;
    int64_t empty_at_ns = now_ns + CLOCK_NS_PER_S + grace_ns;
    int64_t full_at_ns = atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed);
    int64_t next_ns;
    do {
        next_ns = clock_add(later(full_at_ns, now_ns), step_ns(per_s, amount));
        if (next_ns > empty_at_ns)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&bucket->full_at_ns, &full_at_ns, next_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* A clock that is behind another's does not lessen a debt. */
void quota_take_anyway(struct quota_bucket *bucket, int64_t per_s, int64_t amount, int64_t now_ns)
{
    if (per_s == 0)
        return;
    int64_t most_ns = now_ns + CLOCK_NS_PER_S + DEBT_MAX_NS;
    int64_t full_at_ns = atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed);
    int64_t next_ns;
    do {
        next_ns = clock_add(later(full_at_ns, now_ns), step_ns(per_s, amount));
        if (next_ns > most_ns)
            next_ns = later(full_at_ns, most_ns);
    } while (!atomic_compare_exchange_weak_explicit(&bucket->full_at_ns, &full_at_ns, next_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
}

/* Undoes a take. */
static void give_back(struct quota_bucket *bucket, int64_t per_s, int64_t amount)
{
    if (per_s > 0)
        (void)atomic_fetch_sub_explicit(&bucket->full_at_ns, step_ns(per_s, amount), memory_order_relaxed);
}

/* --- The buckets of a cache --- */

enum quota_verdict quota_admit(struct quota *quota, size_t size, int64_t now_ns)
{
    if (!quota_take(&quota->requests, quota->limits.requests_per_s, 1, now_ns))
        return QUOTA_TOO_MANY_REQUESTS;
    if (quota_take(&quota->bytes, quota->limits.bytes_per_s, (int64_t)size, now_ns))
        return QUOTA_ADMITTED;
    give_back(&quota->requests, quota->limits.requests_per_s, 1);
    return QUOTA_TOO_MANY_BYTES;
}

void quota_count_reply(struct quota *quota, size_t size, int64_t now_ns)
{
    quota_take_anyway(&quota->bytes, quota->limits.bytes_per_s, (int64_t)size, now_ns);
}

/* --- The table --- */

struct quotas {
    pthread_mutex_t lock;
    struct quota_limits limits;
    uint64_t hash_seed;
    size_t count;
    size_t sweep_at;
    struct quota *places[PLACES];
};

struct quotas *quotas_create(const struct quota_limits *limits)
{
    struct quotas *quotas = calloc(1, sizeof *quotas);
    if (quotas == NULL)
        return NULL;
    (void)pthread_mutex_init(&quotas->lock, NULL);
    quotas->limits = *limits;
    quotas->hash_seed = hash_random_seed();
    quotas->sweep_at = SWEEP_MIN;
    return quotas;
}

void quotas_destroy(struct quotas *quotas)
{
    if (quotas == NULL)
        return;
    for (size_t i = 0; i < PLACES; i++) {
        while (quotas->places[i] != NULL) {
            struct quota *quota = quotas->places[i];
            quotas->places[i] = quota->next;
            free(quota);
        }
    }
    (void)pthread_mutex_destroy(&quotas->lock);
    free(quotas);
}

static bool is_full(const struct quota_bucket *bucket, int64_t now_ns)
{
    return atomic_load_explicit(&bucket->full_at_ns, memory_order_relaxed) <= now_ns;
}

/* Forgets what is as good as new, once the table has grown. */
static void sweep(struct quotas *quotas, int64_t now_ns)
{
    if (quotas->count < quotas->sweep_at)
        return;
    for (size_t i = 0; i < PLACES; i++) {
        struct quota **at = &quotas->places[i];
        while (*at != NULL) {
            struct quota *quota = *at;
            if (quota->references > 0 || !is_full(&quota->requests, now_ns) ||
                !is_full(&quota->bytes, now_ns)) {
                at = &quota->next;
                continue;
            }
            *at = quota->next;
            free(quota);
            quotas->count--;
        }
    }
    quotas->sweep_at = 2 * quotas->count > SWEEP_MIN ? 2 * quotas->count : SWEEP_MIN;
}

/* The quota of NAME at or behind *PLACE, made where there is none. */
static struct quota *find_or_make(struct quotas *quotas, struct quota **place, struct bytes name)
{
    for (struct quota *quota = *place; quota != NULL; quota = quota->next)
        if (bytes_equal(bytes_make(quota->name, quota->name_size), name))
            return quota;
    struct quota *quota = calloc(1, sizeof *quota + name.size);
    if (quota == NULL)
        return NULL;
    quota->limits = quotas->limits;
    quota->name_size = name.size;
    bytes_copy(quota->name, name.data, name.size);
    quota->next = *place;
    *place = quota;
    quotas->count++;
    return quota;
}

struct quota *quotas_hold(struct quotas *quotas, struct bytes name, int64_t now_ns)
{
    (void)pthread_mutex_lock(&quotas->lock);
    sweep(quotas, now_ns);
    struct quota **place = &quotas->places[hash64(name, quotas->hash_seed) % PLACES];
    struct quota *quota = find_or_make(quotas, place, name);
    if (quota != NULL)
        quota->references++;
    (void)pthread_mutex_unlock(&quotas->lock);
    return quota;
}

void quotas_release(struct quotas *quotas, struct quota *quota)
{
    if (quota == NULL)
        return;
    (void)pthread_mutex_lock(&quotas->lock);
    quota->references--;
    (void)pthread_mutex_unlock(&quotas->lock);
}

size_t quotas_count(struct quotas *quotas)
{
    (void)pthread_mutex_lock(&quotas->lock);
    size_t count = quotas->count;
    (void)pthread_mutex_unlock(&quotas->lock);
    return count;
}
