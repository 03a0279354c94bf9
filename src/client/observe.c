/* A client seen from outside: its observer is told the steps of its calls, and its histograms their latencies. The
 * call's own path has one branch for both (client->is_watched); all else is here.
 *
 * A method's histograms are made when its first call ends, so that a client which uses two methods pays for
 * two. Whoever drives the client writes them, other threads read them meanwhile. */
#include "client/client.h"

#include "base/clock.h"
#include "base/histogram.h"

#include <stdlib.h>

#define LATENCY_KINDS (MAYFLY_LATENCY_WAITING + 1)

struct method_latency {
    struct shared_histogram kinds[LATENCY_KINDS];
};

struct client_latency {
    struct method_latency *_Atomic methods[MAYFLY_METHODS];
};

bool client_watch_init(struct mayfly_client *client)
{
    const mayfly_configuration *configuration = &client->configuration;
    client->is_watched = configuration->observer != NULL || configuration->measures_latency;
    if (configuration->measures_latency)
        client->latency = calloc(1, sizeof *client->latency);
    return client->latency != NULL || !configuration->measures_latency;
}

void client_watch_free(struct mayfly_client *client)
{
    for (size_t i = 0; client->latency != NULL && i < MAYFLY_METHODS; i++)
        free(client->latency->methods[i]);
    free(client->latency);
}

void client_watch_step(const struct client_call *call, mayfly_step step, int64_t now_ns, size_t size)
{
    const mayfly_configuration *configuration = &call->client->configuration;
    if (configuration->observer == NULL)
        return;
    const mayfly_observation observation = {
        .step = step,
        .method = (int)call->method,
        .call = atomic_load_explicit(&call->id, memory_order_relaxed),
        .now_ns = now_ns,
        .attempt = call->reply.attempts,
        .bytes = size,
        .reply = step == MAYFLY_STEP_DONE ? &call->reply : NULL,
    };
    configuration->observer(configuration->observer_context, &observation);
}

/* The histograms of a method; NULL when memory is out, and then the call goes unmeasured. */
static struct method_latency *latency_of(struct client_latency *latency, mayfly_method method)
{
    struct method_latency *of = atomic_load_explicit(&latency->methods[method], memory_order_relaxed);
    if (of == NULL) {
        of = calloc(1, sizeof *of);
        atomic_store_explicit(&latency->methods[method], of, memory_order_release);
    }
    return of;
}

void client_watch_done(const struct client_call *call, int64_t now_ns)
{
    struct client_latency *latency = call->client->latency;
    struct method_latency *of = latency != NULL ? latency_of(latency, call->method) : NULL;
    if (of != NULL) {
        shared_histogram_record(&of->kinds[MAYFLY_LATENCY_WAITING], call->reply.waiting_ns);
        if (call->reply.attempts > 0)
            shared_histogram_record(&of->kinds[MAYFLY_LATENCY_WIRE], call->reply.wire_ns);
    }
    client_watch_step(call, MAYFLY_STEP_DONE, now_ns, 0);
}

mayfly_status mayfly_client_latency(const mayfly_client *client, int method, mayfly_latency_kind kind,
                                    mayfly_latency *latency)
{
    if (latency == NULL)
        return MAYFLY_INVALID_ARGUMENT;
    *latency = (mayfly_latency){0};
    if (client == NULL || method < 0 || method >= MAYFLY_METHODS || (unsigned)kind >= LATENCY_KINDS)
        return MAYFLY_INVALID_ARGUMENT;
    if (client_use_problem(client) != NULL || client->latency == NULL)
        return MAYFLY_FAILED_PRECONDITION;
    const struct method_latency *of =
        atomic_load_explicit(&client->latency->methods[method], memory_order_acquire);
    if (of == NULL)
        return MAYFLY_OK;
    struct histogram histogram;
    shared_histogram_read(&of->kinds[kind], &histogram);
    *latency = (mayfly_latency){
        .count = histogram.count,
        .mean_ns = (uint64_t)histogram_mean(&histogram),
        .max_ns = histogram.max,
        .p50_ns = histogram_quantile(&histogram, 0.5),
        .p90_ns = histogram_quantile(&histogram, 0.9),
        .p99_ns = histogram_quantile(&histogram, 0.99),
        .p999_ns = histogram_quantile(&histogram, 0.999),
    };
    return MAYFLY_OK;
}
