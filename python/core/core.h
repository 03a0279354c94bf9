/* The inside of mayfly._core: libmayfly under Python.
 *
 *     the clients ── call(method, arguments) ──> method.c: arguments ──> request ──> libmayfly
 *                                                                                       │
 *     response <── method.c: reply ──> response <── blocking.c, or loop.c and call.c <──┘
 *
 * A Method says in a row what a call takes and what its reply becomes; the tables of them are in Python. Clients drive
 * libmayfly in one of two ways: blocking.c from the thread that calls, loop.c from an asyncio event loop.
 *
 * The interpreter lock protects all that is here. What libmayfly calls without it (on_reply in call.c, on_event in
 * subscription.c) says so, and touches no Python object's reference count. */
#ifndef MAYFLY_PYTHON_CORE_H
#define MAYFLY_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <mayfly/mayfly.h>

#define METHOD_ARGUMENTS_MAX 10
#define METHOD_SOURCES_MAX   4
#define DRAFT_ITEMS          8
#define DRAFT_HELD           16
#define METADATA_MAX         32 /* entries, as many as libmayfly takes */

/* --- Methods: method.c; what they take: arguments.c; what they give: results.c --- */

struct draft;

/* A kind of argument: how it becomes a part of the request. CONVERT gives false with an exception set; one of the
 * class Invalid says that the argument is to blame. */
struct argument {
    const char *name;
    bool (*convert)(struct draft *draft, PyObject *given, const char *label);
    const char *label; /* for the sentence of an error */
};

/* A part of a reply: how it becomes an object. ASKED is what draft.asked was, or NULL. */
struct source {
    const char *name;
    PyObject *(*build)(const mayfly_reply *reply, PyObject *asked);
};

/* What is made of one outcome of a reply. */
struct outcome {
    PyObject *target;     /* a class or a function; NULL: the method has no such outcome */
    PyObject *shared;     /* the one instance of a class without data, else NULL */
    PyObject *attributes; /* of a class with data: a tuple of names, one a source; else NULL */
    size_t source_count;
    const struct source *sources[METHOD_SOURCES_MAX];
};

#define OUTCOMES (MAYFLY_NOT_STORED + 1)

struct method {
    PyObject ob_base;
    PyObject *name;
    PyObject *response; /* the class that holds the responses */
    PyObject *fail; /* called with this method, a status, a message and metadata: the response of a failure */
    PyObject *refuse; /* called with this method and an exception: the same for arguments that are none */
    mayfly_request preset;
    size_t argument_count;
    const struct argument *arguments[METHOD_ARGUMENTS_MAX];
    bool keeps_asked; /* a source wants it */
    struct outcome outcomes[OUTCOMES];
};

extern PyTypeObject *method_type;
PyTypeObject *method_type_create(PyObject *module);

const struct argument *argument_find(const char *name);
const struct source *source_find(const char *name);

/* A request in the making, and what keeps the bytes alive that it points at. */
struct draft {
    mayfly_request request;
    uint64_t default_ttl_ms;
    mayfly_item *items; /* some_items, or memory of its own */
    mayfly_item some_items[DRAFT_ITEMS];
    bool keeps_asked;
    PyObject *asked; /* a list of bytes: the keys, fields or values that were asked for */
    size_t held_count;
    PyObject *held[DRAFT_HELD];
    mayfly_metadata metadata[METADATA_MAX];
};

/* Makes a request of arguments. False with an exception set; draft_free is due in any case. */
bool draft_fill(struct draft *draft, const struct method *method, uint64_t default_ttl_ms,
                PyObject *const *arguments, Py_ssize_t count);
/* Adds metadata to the request: a sequence of pairs of str. Likewise. */
bool draft_add_metadata(struct draft *draft, PyObject *pairs);
void draft_free(struct draft *draft);

/* The response that a reply becomes; NULL with an exception set. */
PyObject *method_respond(struct method *method, const mayfly_reply *reply, PyObject *asked);
/* The response of a call that could not be made, for a status and a sentence. */
PyObject *method_fail(struct method *method, mayfly_status status, const char *message);
/* The response for the exception that is set, if it is one that becomes a response; else NULL, and it stays set. */
PyObject *method_refuse(struct method *method);
/* The same as a tuple (response, status, metadata, bytes received), for who looks at replies closely. */
PyObject *method_respond_raw(struct method *method, const mayfly_reply *reply, PyObject *asked);
/* Metadata of a reply as a list of pairs of str. */
PyObject *metadata_build(const mayfly_reply *reply);

/* Raises Invalid with a sentence; gives false. */
bool invalid(const char *format, ...);
extern PyObject *invalid_class;

/* --- Settings of a client: settings.c --- */

struct settings {
    mayfly_configuration configuration;
    mayfly_credentials credentials;
    uint64_t default_ttl_ms;
    PyObject *texts;  /* what the credentials point at */
    PyObject *ca_pem; /* bytes, or NULL: the system's roots */
};

/* Reads a dict of settings; false with ValueError or TypeError. settings_free is due in any case. */
bool settings_read(struct settings *settings, PyObject *given);
void settings_free(struct settings *settings);
/* Opens a client. Waits CONNECT_TIMEOUT_MS for its connections, without the interpreter lock, or not at all. */
mayfly_status settings_open(const struct settings *settings, mayfly_drive drive, uint32_t connect_timeout_ms,
                            mayfly_client **client, mayfly_error *error);
/* How long to wait for a connection, ten minutes at most, of a number of milliseconds. False with an exception. */
bool connect_timeout_read(PyObject *given, uint32_t *timeout_ms);
/* What a closed client answers with. */
extern const mayfly_error client_closed;
/* What libmayfly or a server says: text, though it may have been cut within a character. */
PyObject *text_build(const char *text);
/* (status, message) of an error. */
PyObject *problem_build(const mayfly_error *error);
/* A client's counters as a dict, for a client or NULL. */
PyObject *counts_build(const mayfly_client *client);

/* Counts the forks that this process came from: what was opened at another count is another process's. */
extern unsigned long fork_count;

/* --- Clients --- */

PyTypeObject *blocking_type_create(PyObject *module);
PyTypeObject *loop_client_type_create(PyObject *module);
PyTypeObject *driver_type_create(PyObject *module);
PyTypeObject *call_type_create(PyObject *module);
PyTypeObject *blocking_subscription_type_create(PyObject *module);
PyTypeObject *loop_subscription_type_create(PyObject *module);

/* What C knows of the Python side: set once, by set_hooks. */
struct hooks {
    PyObject
        *later; /* called with a client, a method's name and a tuple: a coroutine that makes the call once a
                             loop runs */
    PyObject *orders;     /* the enumerations of orders: a tuple of classes */
    PyObject *aggregates; /* the enumeration of aggregates */
};
extern struct hooks hooks;

/* A client of an event loop, open: loop.c. There is one for each loop that a LoopClient is used from. */
struct driver {
    PyObject ob_base;
    PyObject *loop;
    mayfly_client *client;  /* NULL once closed */
    unsigned long forks;    /* fork_count when it was opened */
    struct call *completed; /* calls whose reply has come, first come first */
    struct call **completed_end;
    struct feed *stirred;    /* subscriptions that have events to look at */
    struct feed *left;       /* subscriptions that nobody wants any more */
    struct call *cancelling; /* the call that mayfly_cancel is ending */
    PyObject *pump;          /* this driver's methods, for the loop */
    PyObject *ring;
    PyObject *context; /* that the loop calls them in */
    PyObject *timer;   /* a handle, or NULL */
    int64_t timer_due_ns;
    int descriptor;
    bool is_inline;    /* tasks are resumed from within pump */
    bool is_scheduled; /* the loop will call pump soon */
    bool is_pumping;   /* pump is on the stack, and will send what is started now */
    bool is_stepping;  /* libmayfly is at work without the interpreter lock */
    bool has_unsent;
    bool is_close_wanted;
};

/* Has what was started sent, soon. False with an exception set. */
bool driver_stir(struct driver *driver);
/* The same from any thread; nothing is raised. */
void driver_stir_from_anywhere(struct driver *driver);
/* Closes it, from any thread that has the interpreter lock. */
void driver_close(struct driver *driver);

/* --- Calls under way, which are awaited: call.c --- */

/* A call that is under way; with DRAFT NULL, one that has ended with RESULT, which it takes. NULL with an exception. */
PyObject *call_start(struct driver *driver, PyObject *owner, struct method *method, struct draft *draft,
                     bool is_raw);
PyObject *call_ended(PyObject *loop, PyObject *result);
/* A future that libmayfly knows nothing of; its result is None. */
struct call *call_future(struct driver *driver);
void call_finish(struct call *future);
bool call_is_pending(const struct call *call);
/* Makes responses of the replies that have come and tells who waits: at once where IS_INLINE, else when the loop gets
 * to it. False with an exception that is no error of the one who waits: the rest is still there. */
bool calls_deliver(struct driver *driver, bool is_inline);

/* --- Subscriptions: subscription.c --- */

/* Reads a tuple of cache, topic, and the sequence number and page to go on at. False with an exception. */
bool topic_options_read(mayfly_topic_options *options, PyObject *arguments);
PyObject *blocking_subscribe(PyObject *owner, mayfly_client *client, const mayfly_topic_options *options);
PyObject *loop_subscribe(PyObject *owner, struct driver *driver, const mayfly_topic_options *options);
/* Hands the events that have come to who waits for them. Whether there are some to take. */
bool subscriptions_deliver(struct driver *driver);

/* blocking.c: libmayfly is in use by this thread until blocking_leave; NULL with an error filled. */
mayfly_client *blocking_enter(PyObject *client, mayfly_error *error);
void blocking_leave(PyObject *client);

#endif
