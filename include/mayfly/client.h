/* A client: opened once, used for any number of calls, closed once.
 *
 * Who drives it, that is, on whose thread its sockets are read and its callbacks run, is chosen when it
 * opens:
 *
 * - MAYFLY_DRIVEN_BY_CALLER: nobody but you. The client belongs to the thread that opened it. Start calls,
 *   then have your event loop watch mayfly_client_descriptor for reading, wait no longer than
 *   mayfly_client_timeout_ms, and call mayfly_client_step after either. Blocking calls work too, and run
 *   callbacks of other calls meanwhile.
 * - MAYFLY_DRIVEN_BY_CALLS: the blocking calls themselves. Any number of threads may call at once; one of
 *   them drives for all and hands over when it leaves. Calls with callbacks are refused.
 * - MAYFLY_DRIVEN_BY_THREAD: a thread of the client's own, on which all callbacks run and no signals are
 *   handled. Calls of both kinds from any thread but, for the blocking ones, that one.
 *
 * A client keeps its connections by itself. Another one opens when the calls that may be on the wire need it, and
 * closes when they did not for a while (see channel_idle_ms). One that is lost, or that the server asks to leave,
 * is replaced: at once where it was of use, else less and less often, but no later than reconnect_max_ms after
 * the last try. All addresses of a host are tried in turn, and its name is resolved again when they have
 * failed. Calls wait for a try to connect that is under way or to come; when one fails and no other is under
 * way they fail with UNAVAILABLE. None waits beyond its deadline.
 *
 * A connection that dies silently is found out by keepalive or by the first call whose deadline passes on it: if
 * nothing has come since that call was sent, the next calls go to other connections, new ones if need be,
 * until it has answered.
 *
 * Where this library itself says DEADLINE_EXCEEDED or UNAVAILABLE, the message tells whether the server may have
 * executed the call. What it certainly did not see is sent again by itself, whatever the method (see `retries`).
 *
 * Where the credentials name a control host, calls that create, delete, list and flush caches go there: by one
 * connection that opens when it is needed, closes when it is not, and has no keepalive, at most 100 at once.
 * Neither host holds up the calls to the other. Subscriptions have connections of their own.
 *
 * After a fork, the parent's clients stay the parent's. A child that uses one is told FAILED_PRECONDITION
 * (mayfly_call, mayfly_start, mayfly_client_step, mayfly_subscribe), and mayfly_cancel and mayfly_client_close do
 * nothing there; it opens its own. The same holds for a client that was closed: it is known as one for as long
 * as the process lives.
 */
#ifndef MAYFLY_CLIENT_H
#define MAYFLY_CLIENT_H

#include <mayfly/configuration.h>
#include <mayfly/credentials.h>
#include <mayfly/observe.h>
#include <mayfly/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mayfly_client mayfly_client;

typedef enum mayfly_drive {
    MAYFLY_DRIVEN_BY_CALLER,
    MAYFLY_DRIVEN_BY_CALLS,
    MAYFLY_DRIVEN_BY_THREAD,
} mayfly_drive;

/* Opens a client and, unless connect_timeout_ms is 0, waits until all its channels are connected; when the
 * time is up, one is enough. On failure *client is NULL and *error (which may be NULL) says why:
 * INVALID_ARGUMENT for a setting, UNAVAILABLE when no server answered in time or, at once, when the server's
 * certificate is not trusted, RESOURCE_EXHAUSTED when memory or descriptors are out. */
MAYFLY_API mayfly_status mayfly_client_open(const mayfly_configuration *configuration,
                                            const mayfly_credentials *credentials, mayfly_drive drive,
                                            mayfly_client **client, mayfly_error *error);

/* Ends every call (CANCELLED, through its callback) and every subscription, and gives back all that the client has but
 * for a few kilobytes of address space, with no memory behind them, by which it is known as closed from then on. Not
 * while another thread uses the client. Does nothing for NULL, for a client that was closed, from one of its
 * callbacks, and in a child of a fork. */
MAYFLY_API void mayfly_client_close(mayfly_client *client);

/* MAYFLY_DRIVEN_BY_CALLER: a descriptor that is readable when mayfly_client_step has something to do. The
 * same for the client's whole life. -1 for a client that is driven otherwise or was closed, and in a child of a
 * fork. Adapters for libuv, epoll, poll and GLib are in mayfly/adapters/. */
MAYFLY_API int mayfly_client_descriptor(const mayfly_client *client);

/* MAYFLY_DRIVEN_BY_CALLER: how long to wait for the descriptor before the next step: milliseconds, 0 for not
 * at all, -1 for as long as it takes. Ask again before every wait: starting a call makes it 0, so that the next
 * step sends it. -1 where there is no descriptor. */
MAYFLY_API int mayfly_client_timeout_ms(const mayfly_client *client);

/* MAYFLY_DRIVEN_BY_CALLER: does what can be done now; with WAIT, waits until there is something. Callbacks
 * run from here. INVALID_ARGUMENT for NULL, for a client that is driven otherwise, and from a callback;
 * FAILED_PRECONDITION for a client that was closed, and in a child that was forked after it opened. */
MAYFLY_API mayfly_status mayfly_client_step(mayfly_client *client, bool wait);

/* Any thread; the figures are a moment old. All zero for NULL and for a client that was closed. */
MAYFLY_API mayfly_client_counts mayfly_client_count(const mayfly_client *client);

/* The latencies of a method (a mayfly_method) since the client opened, of all its calls however they ended. Any
 * thread. INVALID_ARGUMENT where there is no such method or kind or something is NULL; FAILED_PRECONDITION for a
 * client that was not opened with measures_latency or was closed, and in a child of a fork. */
MAYFLY_API mayfly_status mayfly_client_latency(const mayfly_client *client, int method,
                                               mayfly_latency_kind kind, mayfly_latency *latency);

#ifdef __cplusplus
}
#endif

#endif
