/* Who drives a client, and how the wishes of other threads reach the one that does.
 *
 * A client driven by its caller knows one thread and takes no lock. Otherwise calls are prepared on the
 * thread that wants them, put on a list, and begun by the thread that drives: the client's own, or one of
 * those that wait in a blocking call. A blocking caller that finds nobody driving drives itself, so that a
 * lone caller's call is never handed between threads. */
#include "base/clock.h"
#include "client/client.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#define RESTED_NS ((int64_t)100 * CLOCK_NS_PER_MS)
#define LOOK_NS   ((int64_t)50 * CLOCK_NS_PER_MS)

struct cancel {
    struct list link;
    mayfly_handle handle;
};

/* --- On the driving thread --- */

static void cancel_now(const struct mayfly_client *client, mayfly_handle handle)
{
    struct client_call *call = handle.call;
    if (call != NULL && call->client == client && call->id == handle.id && handle.id != 0)
        client_call_end(call, MAYFLY_CANCELLED, "the call was cancelled");
}

/* Gives a call from another thread what only this one may give it. */
static void begin_prepared(struct client_call *call)
{
    call->metadata = client_metadata(call->client, call->cache, call->extras, call->extra_count);
    if (call->metadata == NULL || !client_call_begin(call))
        client_call_end(call, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
}

/* Takes the first subscription of a list that other threads add to; NULL when there is none. */
static mayfly_subscription *take_wish(struct mayfly_client *client, struct list *wishes)
{
    (void)pthread_mutex_lock(&client->lock);
    mayfly_subscription *subscription = NULL;
    if (!list_empty(wishes))
        subscription = list_entry(list_pop_front(wishes), struct mayfly_subscription, wish);
    (void)pthread_mutex_unlock(&client->lock);
    return subscription;
}

static void run_topic_work(struct mayfly_client *client)
{
    mayfly_subscription *subscription;
    while ((subscription = take_wish(client, &client->subscribes)) != NULL)
        client_topic_begin(subscription);
    while ((subscription = take_wish(client, &client->unsubscribes)) != NULL)
        client_topic_release(subscription);
}

static void run_work(struct net_task *task)
{
    struct mayfly_client *client = list_entry(task, struct mayfly_client, work);
    struct list prepared;
    struct list cancels;
    list_init(&prepared);
    list_init(&cancels);
    (void)pthread_mutex_lock(&client->lock);
    list_move(&client->prepared, &prepared);
    list_move(&client->cancels, &cancels);
    client->work_posted = false;
    (void)pthread_mutex_unlock(&client->lock);

    while (!list_empty(&prepared))
        begin_prepared(list_entry(list_pop_front(&prepared), struct client_call, link));
    while (!list_empty(&cancels)) {
        struct cancel *cancel = list_entry(list_pop_front(&cancels), struct cancel, link);
        cancel_now(client, cancel->handle);
        free(cancel);
    }
    run_topic_work(client);
}

void client_drive_post(struct mayfly_client *client)
{
    if (client->work_posted)
        return;
    client->work_posted = true;
    net_loop_post(&client->loop, &client->work);
}

/* With the lock held: has the driving thread end a call. Where memory is out the call's deadline does. */
static void ask_to_cancel(struct mayfly_client *client, mayfly_handle handle)
{
    struct cancel *cancel = malloc(sizeof *cancel);
    if (cancel == NULL)
        return;
    cancel->handle = handle;
    list_push_back(&client->cancels, &cancel->link);
    client_drive_post(client);
}

/* --- Admission --- */

static void leave(struct route *route)
{
    atomic_fetch_sub_explicit(&route->admitted, 1, memory_order_relaxed);
}

static bool admit(struct route *route)
{
    uint64_t limit = (uint64_t)client_route_limit(route) + route->client->configuration.max_backlog;
    if (atomic_fetch_add_explicit(&route->admitted, 1, memory_order_relaxed) < limit)
        return true;
    leave(route);
    return false;
}

/* A call that may begin, or NULL with the reason. */
static struct client_call *admit_call(struct mayfly_client *client, const mayfly_request *request,
                                      mayfly_callback callback, void *context, mayfly_status *status,
                                      const char **message)
{
    *status = MAYFLY_INVALID_ARGUMENT;
    *message = client_request_problem(request);
    if (*message != NULL)
        return NULL;
    *status = MAYFLY_CANCELLED;
    *message = "the client is being closed";
    if (client->closing)
        return NULL;
    *status = MAYFLY_RESOURCE_EXHAUSTED;
    *message = "too many calls are waiting; see max_in_flight and max_backlog";
    struct route *route = client_route_of(client, request->method);
    if (!admit(route))
        return NULL;
    struct client_call *call = client_call_prepare(client, request, callback, context);
    if (call == NULL) {
        leave(route);
        *message = "memory is out";
        return NULL;
    }
    *status = MAYFLY_OK;
    return call;
}

/* --- Calls with callbacks --- */

bool client_inside_callback(const struct mayfly_client *client)
{
    if (client->closing)
        return true;
    if (client->drive == MAYFLY_DRIVEN_BY_CALLER)
        return client->loop.turning;
    return client->drive == MAYFLY_DRIVEN_BY_THREAD && pthread_equal(pthread_self(), client->thread);
}

static mayfly_handle handle_of(struct client_call *call)
{
    return (mayfly_handle){.call = call, .id = atomic_load_explicit(&call->id, memory_order_relaxed)};
}

/* Gives a call to whoever drives. */
static void hand_over(struct mayfly_client *client, struct client_call *call)
{
    (void)pthread_mutex_lock(&client->lock);
    list_push_back(&client->prepared, &call->link);
    client_drive_post(client);
    (void)pthread_mutex_unlock(&client->lock);
}

mayfly_status mayfly_start(mayfly_client *client, const mayfly_request *request, mayfly_callback callback,
                           void *context, mayfly_handle *handle)
{
    if (client == NULL || request == NULL || callback == NULL || client->drive == MAYFLY_DRIVEN_BY_CALLS)
        return MAYFLY_INVALID_ARGUMENT;
    if (client_use_problem(client) != NULL)
        return MAYFLY_FAILED_PRECONDITION;
    mayfly_status status;
    const char *message;
    struct client_call *call = admit_call(client, request, callback, context, &status, &message);
    if (call == NULL)
        return status;
    if (handle != NULL)
        *handle = handle_of(call);
    if (client->drive != MAYFLY_DRIVEN_BY_CALLER) {
        hand_over(client, call);
    } else if (!client_call_begin(call)) {
        struct route *route = call->route;
        call->reply.status = MAYFLY_RESOURCE_EXHAUSTED;
        if (client->is_watched)
            client_watch_done(call, clock_now_ns());
        client_call_discard(call);
        leave(route);
        return MAYFLY_RESOURCE_EXHAUSTED;
    }
    return MAYFLY_OK;
}

void mayfly_cancel(mayfly_client *client, mayfly_handle handle)
{
    if (client == NULL || client_use_problem(client) != NULL)
        return;
    if (client->drive == MAYFLY_DRIVEN_BY_CALLER) {
        bool was_turning = client->loop.turning;
        client->loop.turning = true; /* what runs now is a callback too */
        cancel_now(client, handle);
        client->loop.turning = was_turning;
        return;
    }
    (void)pthread_mutex_lock(&client->lock);
    ask_to_cancel(client, handle);
    (void)pthread_mutex_unlock(&client->lock);
}

mayfly_status mayfly_client_step(mayfly_client *client, bool wait)
{
    if (client == NULL || client->drive != MAYFLY_DRIVEN_BY_CALLER || client_inside_callback(client))
        return MAYFLY_INVALID_ARGUMENT;
    if (client_use_problem(client) != NULL)
        return MAYFLY_FAILED_PRECONDITION;
    net_loop_step(&client->loop, wait);
    return MAYFLY_OK;
}

/* --- Blocking calls --- */

void client_waiter_finish(struct waiter *waiter)
{
    waiter->done = true;
    (void)pthread_cond_signal(&waiter->wake);
}

static void on_blocking_done(void *context, const mayfly_reply *reply)
{
    struct waiter *waiter = context;
    struct mayfly_client *client = waiter->client;
    waiter->reply = mayfly_reply_copy(reply);
    if (client->drive == MAYFLY_DRIVEN_BY_CALLER) {
        waiter->done = true;
        return;
    }
    (void)pthread_mutex_lock(&client->lock);
    client_waiter_finish(waiter);
    (void)pthread_mutex_unlock(&client->lock);
}

/* The time of a waiter that drives is up. */
static void on_waiter_due(struct timer *timer)
{
    struct waiter *waiter = list_entry(timer, struct waiter, timer);
    (void)pthread_mutex_lock(&waiter->client->lock);
    waiter->done = true;
    (void)pthread_mutex_unlock(&waiter->client->lock);
}

/* Where memory is out to look up, the call's deadline ends it. */
static void look_later(struct waiter *waiter)
{
    if (waiter->interrupt != NULL && !waiter->is_interrupted)
        (void)net_loop_arm(&waiter->client->loop, &waiter->look, clock_add(clock_now_ns(), LOOK_NS));
}

/* A waiter that drives is to look up from it. */
static void on_look(struct timer *timer)
{
    list_entry(timer, struct waiter, look)->is_look_due = true;
}

void client_waiter_init(struct waiter *waiter, struct mayfly_client *client, int64_t due_ns)
{
    *waiter = (struct waiter){.client = client, .due_ns = due_ns};
    list_init(&waiter->link);
    timer_init(&waiter->timer, on_waiter_due);
    timer_init(&waiter->look, on_look);
    pthread_condattr_t by_our_clock;
    (void)pthread_condattr_init(&by_our_clock);
    (void)pthread_condattr_setclock(&by_our_clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&waiter->wake, &by_our_clock);
    (void)pthread_condattr_destroy(&by_our_clock);
}

void client_waiter_free(struct waiter *waiter)
{
    (void)pthread_cond_destroy(&waiter->wake);
}

/* With the lock held: turns the loop until the waiter is done, or is to look up. */
static void drive_for(struct waiter *waiter)
{
    struct net_loop *loop = &waiter->client->loop;
    (void)pthread_mutex_unlock(&waiter->client->lock);
    bool is_timed = waiter->due_ns == CLOCK_NEVER || net_loop_arm(loop, &waiter->timer, waiter->due_ns);
    look_later(waiter);
    (void)pthread_mutex_lock(&waiter->client->lock);
    waiter->done |= !is_timed; /* memory is out: better early than never */
    while (!waiter->done && !waiter->is_look_due) {
        (void)pthread_mutex_unlock(&waiter->client->lock);
        net_loop_step(loop, true);
        (void)pthread_mutex_lock(&waiter->client->lock);
    }
    if (waiter->due_ns != CLOCK_NEVER)
        net_loop_disarm(loop, &waiter->timer);
    net_loop_disarm(loop, &waiter->look);
}

/* With the lock held: sleeps while another thread drives, until the waiter is done, or is to look up or to drive. */
static void sleep_among(struct waiter *waiter)
{
    struct mayfly_client *client = waiter->client;
    bool may_look = waiter->interrupt != NULL && !waiter->is_interrupted;
    int64_t until_ns = may_look ? clock_add(clock_now_ns(), LOOK_NS) : waiter->due_ns;
    const struct timespec until = {.tv_sec = until_ns / CLOCK_NS_PER_S, .tv_nsec = until_ns % CLOCK_NS_PER_S};
    list_push_back(&client->waiters, &waiter->link);
    while (!waiter->is_driver && !waiter->done && !waiter->is_look_due) {
        if (until_ns == CLOCK_NEVER) {
            (void)pthread_cond_wait(&waiter->wake, &client->lock);
        } else if (pthread_cond_timedwait(&waiter->wake, &client->lock, &until) == ETIMEDOUT) {
            waiter->is_look_due = may_look;
            waiter->done |= !may_look;
        }
    }
    list_remove(&waiter->link);
}

/* With the lock held: has one of those that sleep drive, if there is one. */
static void hand_over_driving(struct waiter *waiter)
{
    struct mayfly_client *client = waiter->client;
    waiter->is_driver = client->driven = false;
    for (struct list *at = client->waiters.next; at != &client->waiters; at = at->next) {
        struct waiter *next = list_entry(at, struct waiter, link);
        if (next->done)
            continue;
        next->is_driver = client->driven = true;
        (void)pthread_cond_signal(&next->wake);
        return;
    }
}

/* Without the lock: asks the waiter's program, which may take its time and make calls of its own, since this thread
 * neither drives nor is counted on to. */
static void look_up(struct waiter *waiter)
{
    waiter->is_look_due = false;
    if (!waiter->is_interrupted && waiter->interrupt != NULL)
        waiter->is_interrupted = waiter->interrupt(waiter->interrupt_context);
    if (waiter->is_interrupted)
        mayfly_cancel(waiter->client, waiter->handle);
}

/* Until the waiter is done, one of the threads that wait drives and the others sleep. */
void client_wait(struct waiter *waiter)
{
    struct mayfly_client *client = waiter->client;
    while (!waiter->done) {
        if (!client->driven)
            waiter->is_driver = client->driven = true;
        if (waiter->is_driver)
            drive_for(waiter);
        else
            sleep_among(waiter);
        if (!waiter->done && waiter->is_look_due) {
            if (waiter->is_driver)
                hand_over_driving(waiter);
            (void)pthread_mutex_unlock(&client->lock);
            look_up(waiter);
            (void)pthread_mutex_lock(&client->lock);
        }
    }
    if (waiter->is_driver)
        hand_over_driving(waiter);
}

/* A client that nobody drove for a while hears first what has come meanwhile, such as that a connection is gone, before
 * a call goes out on it. */
static void catch_up(struct mayfly_client *client)
{
    if (clock_now_ns() - client->loop.now_ns > RESTED_NS)
        net_loop_step(&client->loop, false);
}

static void wait_among_threads(struct mayfly_client *client, struct client_call *call, struct waiter *waiter)
{
    (void)pthread_mutex_lock(&client->lock);
    if (!client->driven) {
        waiter->is_driver = client->driven = true;
        (void)pthread_mutex_unlock(&client->lock);
        catch_up(client);
        begin_prepared(call);
        (void)pthread_mutex_lock(&client->lock);
    } else {
        list_push_back(&client->prepared, &call->link);
        client_drive_post(client);
    }
    client_wait(waiter);
    (void)pthread_mutex_unlock(&client->lock);
}

static mayfly_status refuse(mayfly_status status, const char *message, mayfly_reply **reply)
{
    const mayfly_reply refusal = {.status = status, .message = message};
    *reply = mayfly_reply_copy(&refusal);
    return status;
}

/* Runs a call that was admitted to its end. */
static void wait_for(struct mayfly_client *client, struct client_call *call, struct waiter *waiter)
{
    if (client->drive != MAYFLY_DRIVEN_BY_CALLER) {
        wait_among_threads(client, call, waiter);
        return;
    }
    catch_up(client);
    if (!client_call_begin(call))
        client_call_end(call, MAYFLY_RESOURCE_EXHAUSTED, "memory is out");
    (void)pthread_mutex_lock(&client->lock);
    client_wait(waiter);
    (void)pthread_mutex_unlock(&client->lock);
}

mayfly_status mayfly_call(mayfly_client *client, const mayfly_request *request, mayfly_reply **reply)
{
    return mayfly_call_interruptible(client, request, NULL, NULL, reply);
}

mayfly_status mayfly_call_interruptible(mayfly_client *client, const mayfly_request *request,
                                        mayfly_interrupt interrupt, void *context, mayfly_reply **reply)
{
    if (reply == NULL)
        return MAYFLY_INVALID_ARGUMENT;
    *reply = NULL;
    if (client == NULL || request == NULL)
        return refuse(MAYFLY_INVALID_ARGUMENT, "a client and a request are needed", reply);
    if (client_inside_callback(client))
        return refuse(MAYFLY_INVALID_ARGUMENT, "a callback must not make a blocking call", reply);
    const char *problem = client_use_problem(client);
    if (problem != NULL)
        return refuse(MAYFLY_FAILED_PRECONDITION, problem, reply);
    struct waiter waiter;
    mayfly_status status;
    const char *message;
    struct client_call *call = admit_call(client, request, on_blocking_done, &waiter, &status, &message);
    if (call == NULL)
        return refuse(status, message, reply);
    client_waiter_init(&waiter, client, CLOCK_NEVER);
    waiter.interrupt = interrupt;
    waiter.interrupt_context = context;
    waiter.handle = handle_of(call);
    wait_for(client, call, &waiter);
    client_waiter_free(&waiter);
    *reply = waiter.reply;
    return waiter.reply != NULL ? waiter.reply->status : MAYFLY_RESOURCE_EXHAUSTED;
}

/* --- The client's own thread --- */

static void *run_thread(void *context)
{
    struct mayfly_client *client = context;
    net_loop_run(&client->loop);
    return NULL;
}

bool client_drive_start(struct mayfly_client *client)
{
    client->work.run = run_work;
    if (client->drive != MAYFLY_DRIVEN_BY_THREAD)
        return true;
    client->driven = true;
    /* The host's signals are handled on the host's threads. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&client->thread, NULL, run_thread, client);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

static void run_stop(struct net_task *task)
{
    net_loop_stop(&list_entry(task, struct mayfly_client, stop)->loop);
}

void client_drive_stop(struct mayfly_client *client)
{
    if (client->drive != MAYFLY_DRIVEN_BY_THREAD)
        return;
    client->stop.run = run_stop;
    net_loop_post(&client->loop, &client->stop);
    (void)pthread_join(client->thread, NULL);
}

void client_drive_finish(struct mayfly_client *client)
{
    if (client->work.run != NULL)
        run_work(&client->work);
}
