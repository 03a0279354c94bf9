/* A client (MAYFLY_DRIVEN_BY_CALLER) on a libuv loop. Attach it, and the loop drives it: calls may be started from
 * any of the loop's callbacks, and from outside before the loop runs; nobody calls mayfly_client_step.
 *
 *     mayfly_libuv adapter;
 *     mayfly_libuv_attach(uv_default_loop(), client, &adapter);
 *     mayfly_start(client, ...);
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 *
 * Before each wait of the loop, in a prepare callback, the adapter sends what was started and asks how long the loop may
 * wait. Prepare callbacks of the program's own that start calls are therefore to be started after attaching: libuv runs
 * the newest first. All of it runs on the loop's thread. Link with libuv, whose header wants -std=gnu17 or _GNU_SOURCE. */
#ifndef MAYFLY_ADAPTERS_LIBUV_H
#define MAYFLY_ADAPTERS_LIBUV_H

#include <mayfly/client.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mayfly_libuv mayfly_libuv;

/* What an attached client needs on its loop. It keeps the loop running until it is detached. */
struct mayfly_libuv {
    mayfly_client *client;
    uv_prepare_t before_wait;
    uv_poll_t input;
    uv_timer_t alarm;
    unsigned handles;                           /* that are not closed */
    void (*on_detached)(mayfly_libuv *adapter); /* NULL: nobody wants to know */
};

static inline void mayfly_libuv_on_input(uv_poll_t *input, int status, int events)
{
    (void)status;
    (void)events;
    (void)mayfly_client_step(((mayfly_libuv *)input->data)->client, false);
}

/* That the wait is over is all there is to it: what is due is done before the next one. */
static inline void mayfly_libuv_on_alarm(uv_timer_t *alarm)
{
    (void)alarm;
}

static inline void mayfly_libuv_before_wait(uv_prepare_t *before_wait)
{
    mayfly_libuv *adapter = (mayfly_libuv *)before_wait->data;
    int timeout_ms = mayfly_client_timeout_ms(adapter->client);
    if (timeout_ms == 0) /* and no wait behind it: callbacks may have run that somebody looks out for */
        (void)mayfly_client_step(adapter->client, false);
    if (uv_is_closing((uv_handle_t *)before_wait)) /* a callback has detached the client */
        return;
    if (timeout_ms < 0) {
        (void)uv_timer_stop(&adapter->alarm);
        return;
    }
    uv_update_time(before_wait->loop);
    (void)uv_timer_start(&adapter->alarm, mayfly_libuv_on_alarm, (uint64_t)timeout_ms, 0);
}

static inline void mayfly_libuv_on_closed(uv_handle_t *handle)
{
    mayfly_libuv *adapter = (mayfly_libuv *)handle->data;
    if (--adapter->handles == 0 && adapter->on_detached != NULL)
        adapter->on_detached(adapter);
}

/* Has LOOP drive CLIENT; *ADAPTER stays where it is until it is detached. 0, or libuv's error: UV_EINVAL for a client
 * that is not driven by its caller. */
static inline int mayfly_libuv_attach(uv_loop_t *loop, mayfly_client *client, mayfly_libuv *adapter)
{
    int descriptor = mayfly_client_descriptor(client);
    if (descriptor < 0)
        return UV_EINVAL;
    int error = uv_poll_init(loop, &adapter->input, descriptor);
    if (error != 0)
        return error;
    (void)uv_prepare_init(loop, &adapter->before_wait);
    (void)uv_timer_init(loop, &adapter->alarm);
    adapter->client = client;
    adapter->handles = 3;
    adapter->on_detached = NULL;
    adapter->input.data = adapter->before_wait.data = adapter->alarm.data = adapter;
    (void)uv_prepare_start(&adapter->before_wait, mayfly_libuv_before_wait);
    return uv_poll_start(&adapter->input, UV_READABLE, mayfly_libuv_on_input);
}

/* Has the loop leave the client alone, which may be closed as soon as this returns, but for its own callbacks. Its
 * calls make no progress until it is attached again, with another adapter: this one belongs to libuv until it has
 * run ON_DETACHED (which may be NULL), in a later turn of the loop. */
static inline void mayfly_libuv_detach(mayfly_libuv *adapter, void (*on_detached)(mayfly_libuv *adapter))
{
    adapter->on_detached = on_detached;
    uv_close((uv_handle_t *)&adapter->before_wait, mayfly_libuv_on_closed);
    uv_close((uv_handle_t *)&adapter->input, mayfly_libuv_on_closed);
    uv_close((uv_handle_t *)&adapter->alarm, mayfly_libuv_on_closed);
}

#ifdef __cplusplus
}
#endif

#endif
