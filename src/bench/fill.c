/* Before a load the caches are made where they are missing, and all that is to be read is set; afterwards what was made
 * is removed. One client does so, many requests at once, whatever the load itself is allowed. */
#include "bench/load.h"

#include "base/clock.h"

#include <inttypes.h>
#include <unistd.h>

#define SLOTS              256
#define CONNECT_TIMEOUT_MS 5000
#define DEADLINE_MS        15000

struct filler;

struct filler_slot {
    struct filler *filler;
    struct workload_request request;
};

/* Filling at work. */
struct filler {
    const struct plan *plan;
    mayfly_client *client;
    uint64_t random;
    uint64_t count;
    uint64_t next;
    size_t busy;
    mayfly_status status; /* of the first that failed */
    char message[BENCH_ERROR_BYTES / 2];
};

static void fill_next(struct filler_slot *slot);

static void on_filled(void *context, const mayfly_reply *reply)
{
    struct filler_slot *slot = context;
    struct filler *filler = slot->filler;
    filler->busy--;
    if (reply->status != MAYFLY_OK && filler->status == MAYFLY_OK) {
        filler->status = reply->status;
        (void)snprintf(filler->message, sizeof filler->message, "%s", reply->message);
    }
    fill_next(slot);
}

static void fill_next(struct filler_slot *slot)
{
    struct filler *filler = slot->filler;
    if (filler->next == filler->count || filler->status != MAYFLY_OK || bench_signal() != 0)
        return;
    plan_fill(filler->plan, filler->next++, &filler->random, &slot->request);
    if (mayfly_start(filler->client, &slot->request.request, on_filled, slot, NULL) == MAYFLY_OK)
        filler->busy++;
}

/* Says once a second how far it is. */
static void say(const struct filler *filler, int64_t *said_ns)
{
    int64_t now_ns = clock_now_ns();
    if (filler->plan->settings->is_quiet || now_ns - *said_ns < CLOCK_NS_PER_S)
        return;
    *said_ns = now_ns;
    bool terminal = isatty(STDERR_FILENO) != 0;
    (void)fprintf(stderr, "%ssetting keys: %" PRIu64 " of %" PRIu64 "%s", terminal ? "\r" : "", filler->next,
                  filler->count, terminal ? "   " : "\n");
    if (terminal && filler->next == filler->count)
        (void)fprintf(stderr, "\r%60s\r", "");
}

static mayfly_status set_keys(struct filling *filling, char error[BENCH_ERROR_BYTES])
{
    static const uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
    struct filler filler = {.plan = filling->plan,
                            .client = filling->client,
                            .random = seed,
                            .count = plan_fill_count(filling->plan)};
    struct filler_slot slots[SLOTS];
    int64_t said_ns = clock_now_ns();
    memset(slots, 0, sizeof slots);
    for (size_t i = 0; i < SLOTS; i++) {
        slots[i].filler = &filler;
        fill_next(&slots[i]);
    }
    while (filler.busy > 0) {
        (void)mayfly_client_step(filler.client, true);
        say(&filler, &said_ns);
    }
    if (bench_signal() != 0) {
        (void)snprintf(error, BENCH_ERROR_BYTES, "interrupted before there was anything to measure");
        return MAYFLY_CANCELLED;
    }
    if (filler.status != MAYFLY_OK)
        (void)snprintf(error, BENCH_ERROR_BYTES, "the keys could not be set: %s: %s",
                       mayfly_status_name(filler.status), filler.message);
    return filler.status;
}

static mayfly_status create_cache(struct filling *filling, const char *cache, char error[BENCH_ERROR_BYTES])
{
    mayfly_request request = mayfly_create_cache(cache);
    mayfly_reply *reply;
    mayfly_status status = mayfly_call(filling->client, &request, &reply);
    if (status != MAYFLY_OK && status != MAYFLY_ALREADY_EXISTS)
        (void)snprintf(error, BENCH_ERROR_BYTES, "the cache \"%s\" could not be made: %s: %s", cache,
                       mayfly_status_name(status), reply != NULL ? reply->message : "memory is out");
    mayfly_reply_free(reply);
    return status;
}

static mayfly_status create_caches(struct filling *filling, char error[BENCH_ERROR_BYTES])
{
    const struct plan *plan = filling->plan;
    for (size_t i = 0; i < plan->cache_count; i++) {
        mayfly_status status = create_cache(filling, plan->caches[i], error);
        filling->created[i] = status == MAYFLY_OK;
        if (status != MAYFLY_OK && status != MAYFLY_ALREADY_EXISTS)
            return status;
        if (status == MAYFLY_OK && plan->settings->filled) {
            (void)snprintf(error, BENCH_ERROR_BYTES,
                           "there is no cache \"%s\", so it cannot be filled already: leave --filled out",
                           plan->caches[i]);
            return MAYFLY_NOT_FOUND;
        }
    }
    return MAYFLY_OK;
}

mayfly_status fill(struct filling *filling, const mayfly_credentials *credentials,
                   char error[BENCH_ERROR_BYTES])
{
    mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    mayfly_error problem;
    configuration.deadline_ms = DEADLINE_MS;
    configuration.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    configuration.max_in_flight = SLOTS;
    mayfly_status status =
        mayfly_client_open(&configuration, credentials, MAYFLY_DRIVEN_BY_CALLER, &filling->client, &problem);
    if (status != MAYFLY_OK) {
        (void)snprintf(error, BENCH_ERROR_BYTES, "%s", problem.message);
        return status;
    }
    status = create_caches(filling, error);
    return status == MAYFLY_OK ? set_keys(filling, error) : status;
}

void fill_undo(struct filling *filling)
{
    for (size_t i = 0; i < filling->plan->cache_count; i++) {
        if (!filling->created[i])
            continue;
        mayfly_request request = mayfly_delete_cache(filling->plan->caches[i]);
        mayfly_reply *reply;
        (void)mayfly_call(filling->client, &request, &reply);
        mayfly_reply_free(reply);
    }
    mayfly_client_close(filling->client);
}
