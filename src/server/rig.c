#include "server/rig.h"

#include "base/clock.h"

#include <stdlib.h>

#define WAITING_MAX ((size_t)100000) /* calls that a simulation holds back, their messages copied */

struct server_rig *rig_create(void)
{
    struct server_rig *rig = calloc(1, sizeof *rig);
    if (rig == NULL)
        return NULL;
    rig->faults = faults_create();
    rig->simulation = simulation_create(WAITING_MAX);
    if (rig->faults != NULL && rig->simulation != NULL)
        return rig;
    rig_destroy(rig);
    return NULL;
}

void rig_destroy(struct server_rig *rig)
{
    if (rig == NULL)
        return;
    faults_destroy(rig->faults);
    simulation_destroy(rig->simulation);
    free(rig);
}

/* --- A request's plan, in its arena --- */

struct rig_plan {
    struct timer timer;
    struct server_request *request;
    void (*due)(struct rig_plan *plan); /* what the timer stands for; NULL when it is idle */
    bool is_held;
    bool is_copied;
    struct bytes message;
    struct faults_order order;
    bool is_inside; /* the simulation */
    struct simulation_ticket ticket;
};

static struct server_rig *rig_of(const struct server_request *request)
{
    return request->worker->server->rig;
}

static void on_due(struct timer *timer)
{
    struct rig_plan *plan = list_entry(timer, struct rig_plan, timer);
    struct server_request *request = plan->request;
    struct net_connection *net = request->connection->net;
    if (!request->finished) /* its deadline may have answered meanwhile */
        plan->due(plan);
    net_connection_flush_later(net);
}

static struct rig_plan *plan_create(struct server_request *request, struct bytes message,
                                    const struct faults_order *order)
{
    struct rig_plan *plan = arena_alloc(&request->arena, sizeof *plan);
    if (plan == NULL) {
        server_fail_memory(request);
        return NULL;
    }
    *plan = (struct rig_plan){.request = request, .message = message, .order = *order};
    timer_init(&plan->timer, on_due);
    request->plan = plan;
    return plan;
}

/* Has DUE called at DUE_NS, or fails the request. The bytes of a message live only as long as the input that brought
 * them, so they are copied. */
static void plan_hold(struct rig_plan *plan, int64_t due_ns, void (*due)(struct rig_plan *plan))
{
    struct server_request *request = plan->request;
    if (!plan->is_copied && plan->message.size > 0)
        plan->message = arena_copy(&request->arena, plan->message);
    plan->is_copied = true;
    plan->is_held = true;
    plan->due = due;
    if (plan->message.data == NULL && plan->message.size > 0)
        server_fail_memory(request);
    else if (!net_loop_arm(&request->worker->loop, &plan->timer, due_ns))
        server_fail_memory(request);
}

static void plan_leave(struct rig_plan *plan)
{
    if (plan->is_inside)
        simulation_leave(rig_of(plan->request)->simulation, &plan->ticket);
    plan->is_inside = false;
}

/* --- What happens to a request, in this order: delay, error, simulated service, the real one --- */

static void plan_serve(struct rig_plan *plan)
{
    plan_leave(plan);
    plan->is_held = false;
    plan->request->is_watched |= plan->order.ends_stream;
    server_request_serve(plan->request, plan->message);
}

/* The methods that work on a cache's data, which say so by wanting a cache or name it in their message. */
static bool is_simulated(const struct server_request *request)
{
    return request->method->wants_cache ||
           strcmp(server_paths[request->call->method].path, "/cache_client.pubsub.Pubsub/Publish") == 0;
}

static void plan_simulate(struct rig_plan *plan)
{
    struct server_request *request = plan->request;
    enum simulation_answer answer = SIMULATION_IS_OFF;
    if (is_simulated(request))
        answer = simulation_arrive(rig_of(request)->simulation, clock_now_ns(), &plan->ticket);
    switch (answer) {
    case SIMULATION_IS_OFF:
        plan_serve(plan);
        break;
    case SIMULATION_ADMITTED:
        plan->is_inside = true;
        plan_hold(plan, plan->ticket.due_ns, plan_serve);
        break;
    case SIMULATION_IS_FULL:
        server_fail(request, STATUS_RESOURCE_EXHAUSTED, "too many calls wait for a simulated worker");
        break;
    }
}

static void plan_begin(struct rig_plan *plan)
{
    const struct faults_order *order = &plan->order;
    if (order->fails)
        server_fail(plan->request, order->status, RIG_WHY);
    else if (order->ends_stream && order->stream_messages == 0)
        server_fail(plan->request, order->stream_status, RIG_WHY);
    else
        plan_simulate(plan);
}

void rig_handle(struct server_request *request, struct bytes message)
{
    const struct h2_method *method = &server_paths[request->call->method];
    char error[FAULTS_ERROR_BYTES];
    struct faults_order order;
    if (method->client_streams) { /* reflection: nothing to test, and more than one message */
        server_request_serve(request, message);
        return;
    }
    if (!faults_read(rig_of(request)->faults, request->call->metadata, method->path, &order, error)) {
        server_fail(request, STATUS_INVALID_ARGUMENT, error);
        return;
    }
    order.ends_stream = order.ends_stream && method->server_streams;
    struct rig_plan *plan = plan_create(request, message, &order);
    if (plan == NULL)
        return;
    if (order.delay_ns > 0)
        plan_hold(plan, clock_add(request->worker->loop.now_ns, order.delay_ns), plan_begin);
    else
        plan_begin(plan);
}

/* --- Streams that end on order --- */

static void plan_end_stream(struct rig_plan *plan)
{
    server_fail(plan->request, plan->order.stream_status, RIG_WHY);
}

/* The end comes by the timer, so that a handler that has just sent a message need not expect its request to be gone. */
bool rig_allows_message(struct server_request *request)
{
    struct rig_plan *plan = request->plan;
    if (plan == NULL || !plan->order.ends_stream)
        return true;
    if (plan->order.stream_messages == 0) {
        plan_end_stream(plan);
        return false;
    }
    if (--plan->order.stream_messages == 0) {
        plan->due = plan_end_stream;
        (void)net_loop_arm(&request->worker->loop, &plan->timer, request->worker->loop.now_ns);
    }
    return true;
}

bool rig_ends_stream(const struct server_request *request, enum status *status)
{
    const struct rig_plan *plan = request->plan;
    if (plan == NULL || !plan->order.ends_stream || plan->order.stream_messages > 0)
        return false;
    *status = plan->order.stream_status;
    return true;
}

bool rig_holds(const struct server_request *request)
{
    return request->plan != NULL && request->plan->is_held;
}

void rig_closed(struct server_request *request)
{
    struct rig_plan *plan = request->plan;
    plan_leave(plan);
    net_loop_disarm(&request->worker->loop, &plan->timer);
    request->plan = NULL;
}
