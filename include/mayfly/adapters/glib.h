/* A client (MAYFLY_DRIVEN_BY_CALLER) on a GLib main context. Attach it, and the context drives it: calls may be started
 * from anything that runs there, and from outside before the main loop runs; nobody calls mayfly_client_step.
 *
 *     GSource *source = mayfly_glib_attach(NULL, client);
 *     mayfly_start(client, ...);
 *     g_main_loop_run(loop);
 *     mayfly_glib_detach(source);
 *
 * Before each wait of the context the adapter asks the client how long it may last; a call that was started since
 * makes that nothing, and is sent. A main loop that one of the client's own callbacks runs makes no progress with its
 * calls. All of it runs on the context's thread. Link with glib-2.0. */
#ifndef MAYFLY_ADAPTERS_GLIB_H
#define MAYFLY_ADAPTERS_GLIB_H

#include <glib.h>
#include <mayfly/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mayfly_glib {
    GSource source;
    mayfly_client *client;
    gpointer input; /* GLib's word for the descriptor */
} mayfly_glib;

static inline gboolean mayfly_glib_prepare(GSource *source, gint *timeout_ms)
{
    *timeout_ms = mayfly_client_timeout_ms(((mayfly_glib *)source)->client);
    return *timeout_ms == 0;
}

static inline gboolean mayfly_glib_check(GSource *source)
{
    mayfly_glib *adapter = (mayfly_glib *)source;
    return g_source_query_unix_fd(source, adapter->input) != 0 ||
           mayfly_client_timeout_ms(adapter->client) == 0;
}

static inline gboolean mayfly_glib_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    (void)callback;
    (void)data;
    (void)mayfly_client_step(((mayfly_glib *)source)->client, FALSE);
    return G_SOURCE_CONTINUE;
}

/* Has CONTEXT (NULL: the default one) drive CLIENT. NULL for a client that is not driven by its caller. The source's
 * priority and name are the caller's to set. */
static inline GSource *mayfly_glib_attach(GMainContext *context, mayfly_client *client)
{
    static GSourceFuncs functions = {
        mayfly_glib_prepare, mayfly_glib_check, mayfly_glib_dispatch, NULL, NULL, NULL};
    int descriptor = mayfly_client_descriptor(client);
    if (descriptor < 0)
        return NULL;
    GSource *source = g_source_new(&functions, sizeof(mayfly_glib));
    mayfly_glib *adapter = (mayfly_glib *)source;
    adapter->client = client;
    adapter->input = g_source_add_unix_fd(source, descriptor, G_IO_IN);
    (void)g_source_attach(source, context);
    return source;
}

/* Has the context leave the client alone, which may be closed as soon as this returns, but for its own callbacks. Its
 * calls make no progress until it is attached again. */
static inline void mayfly_glib_detach(GSource *source)
{
    g_source_destroy(source);
    g_source_unref(source);
}

#ifdef __cplusplus
}
#endif

#endif
