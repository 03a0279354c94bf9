/* Clients of event loops: libmayfly driven by the asyncio or uvloop loop that is running.
 *
 *     loop ── descriptor is readable, or a timer is due, or calls were started ──> pump
 *     pump: [ step libmayfly, without the interpreter lock; resume the tasks whose replies have come ], again while that
 *           brings something
 *
 * A client may be used from several loops, one after another or in several threads at once: for each it has a driver, with
 * a libmayfly client of its own. After a fork the parent's drivers are left alone, for their sockets and their loop's
 * poller are shared with the parent. */
#include "core.h"

#include <time.h>

#define PUMP_ROUNDS 8 /* in a row, before the loop's other work has its turn */
#define NS_PER_MS   INT64_C(1000000)

static PyTypeObject *driver_type;
static PyObject *running_loop; /* asyncio's function that tells which loop this thread runs, or None */

struct loop_client {
    PyObject ob_base;
    struct settings settings;
    PyObject *drivers;      /* dict: loop to driver */
    struct driver *current; /* the one that was used last, borrowed */
    bool is_closed;
};

/* --- Loops --- */

/* What a loop says of itself; OTHERWISE where it cannot say. */
static bool loop_is(PyObject *loop, const char *what, bool otherwise)
{
    PyObject *said = PyObject_CallMethod(loop, what, NULL);
    bool is_so = said != NULL ? PyObject_IsTrue(said) > 0 : otherwise;
    if (said == NULL)
        PyErr_Clear();
    Py_XDECREF(said);
    return is_so;
}

static bool loop_is_closed(PyObject *loop)
{
    return loop_is(loop, "is_closed", true);
}

/* The loop that runs in this thread, borrowed as long as it does; NULL where none does. */
static PyObject *loop_running(void)
{
    PyObject *loop = PyObject_CallNoArgs(running_loop);
    if (loop == NULL) {
        PyErr_Clear();
        return NULL;
    }
    Py_DECREF(loop); /* whoever runs it holds it */
    return loop != Py_None ? loop : NULL;
}

/* --- Drivers --- */

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool is_ours(const struct driver *driver)
{
    return driver->client != NULL && driver->forks == fork_count;
}

/* Calls a method of the loop that takes CALLBACK, behind FIRST unless that is NULL. What the loop will call runs in a
 * context of the driver's own and not in that of whoever made a call first. */
static PyObject *ask_loop(struct driver *driver, const char *method, PyObject *first, PyObject *callback)
{
    bool is_inside = PyContext_Enter(driver->context) == 0;
    if (!is_inside) /* a signal's handler has come in between */
        PyErr_Clear();
    PyObject *answer = first != NULL ? PyObject_CallMethod(driver->loop, method, "OO", first, callback)
                                     : PyObject_CallMethod(driver->loop, method, "O", callback);
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    if (is_inside)
        (void)PyContext_Exit(driver->context);
    PyErr_Restore(type, exception, traceback);
    return answer;
}

static bool schedule(struct driver *driver)
{
    if (driver->is_scheduled || driver->client == NULL || driver->pump == NULL)
        return true;
    PyObject *handle = ask_loop(driver, "call_soon", NULL, driver->pump);
    driver->is_scheduled = handle != NULL;
    Py_XDECREF(handle);
    return driver->is_scheduled;
}

bool driver_stir(struct driver *driver)
{
    driver->has_unsent = true;
    return (driver->is_pumping && driver->is_inline) || schedule(driver);
}

void driver_stir_from_anywhere(struct driver *driver)
{
    driver->has_unsent = true;
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    if (loop_running() == driver->loop) {
        (void)driver_stir(driver);
    } else if (driver->client != NULL && driver->pump != NULL) {
        PyObject *handle = ask_loop(driver, "call_soon_threadsafe", NULL, driver->pump);
        Py_XDECREF(handle);
    }
    PyErr_Clear(); /* the loop is closed: the client will be too */
    PyErr_Restore(type, exception, traceback);
}

static void cancel_timer(struct driver *driver)
{
    if (driver->timer == NULL)
        return;
    PyObject *done = PyObject_CallMethod(driver->timer, "cancel", NULL);
    if (done == NULL)
        PyErr_Clear();
    Py_XDECREF(done);
    Py_CLEAR(driver->timer);
}

/* Sees to it that the loop calls pump when libmayfly has something to do. A timer that is early enough stays: when it
 * finds nothing due it is set anew. */
static bool set_timer(struct driver *driver)
{
    int timeout_ms = mayfly_client_timeout_ms(driver->client);
    if (timeout_ms < 0)
        return true;
    if (timeout_ms == 0)
        return schedule(driver);
    int64_t due_ns = now_ns() + timeout_ms * NS_PER_MS;
    if (driver->timer != NULL && driver->timer_due_ns <= due_ns)
        return true;
    cancel_timer(driver);
    if (driver->client == NULL) /* to cancel runs Python: it was closed */
        return true;
    PyObject *delay = PyFloat_FromDouble((double)timeout_ms / 1000);
    driver->timer = delay != NULL ? ask_loop(driver, "call_later", delay, driver->ring) : NULL;
    Py_XDECREF(delay);
    driver->timer_due_ns = due_ns;
    return driver->timer != NULL;
}

/* Takes the descriptor and the timer from the loop. */
static void leave_loop(struct driver *driver)
{
    cancel_timer(driver);
    if (driver->descriptor >= 0 && !loop_is_closed(driver->loop)) {
        PyObject *done = PyObject_CallMethod(driver->loop, "remove_reader", "i", driver->descriptor);
        if (done == NULL)
            PyErr_Clear();
        Py_XDECREF(done);
    }
    driver->descriptor = -1;
}

/* In the loop's thread, or where its loop runs no more. */
static void close_here(struct driver *driver)
{
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    Py_INCREF(driver);
    if (!driver->is_stepping)
        leave_loop(driver); /* which runs Python, and so perhaps the loop in another thread */
    mayfly_client *client = driver->client;
    if (driver->is_stepping) {
        driver->is_close_wanted = true; /* the loop's thread is in libmayfly: it closes when it comes out */
    } else if (client != NULL) {
        driver->client = NULL;
        mayfly_client_close(client);
        (void)calls_deliver(driver, false);
        (void)subscriptions_deliver(driver);
        Py_CLEAR(driver->pump); /* which hold the driver */
        Py_CLEAR(driver->ring);
    }
    Py_DECREF(driver);
    PyErr_Restore(type, exception, traceback);
}

void driver_close(struct driver *driver)
{
    if (driver->client == NULL)
        return;
    if (driver->forks != fork_count) {
        driver->client = NULL; /* the parent's */
        driver->descriptor = -1;
        return;
    }
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    if (loop_running() == driver->loop || !loop_is(driver->loop, "is_running", false)) {
        close_here(driver);
    } else {
        PyObject *close = PyObject_GetAttrString((PyObject *)driver, "close");
        PyObject *handle =
            close != NULL ? PyObject_CallMethod(driver->loop, "call_soon_threadsafe", "O", close) : NULL;
        Py_XDECREF(close);
        Py_XDECREF(handle);
        if (handle == NULL) {
            PyErr_Clear();
            close_here(driver);
        }
    }
    PyErr_Restore(type, exception, traceback);
}

/* --- The pump --- */

static void step(struct driver *driver)
{
    mayfly_client *client = driver->client;
    driver->has_unsent = false;
    driver->is_stepping = true;
    PyThreadState *state = PyEval_SaveThread();
    (void)mayfly_client_step(client, false);
    PyEval_RestoreThread(state);
    driver->is_stepping = false;
    if (driver->is_close_wanted)
        close_here(driver);
}

static bool pump(struct driver *driver)
{
    bool is_well = true;
    for (int round = 0; is_well && round < PUMP_ROUNDS && is_ours(driver); round++) {
        step(driver);
        bool has_news = driver->completed != NULL || driver->stirred != NULL;
        is_well = calls_deliver(driver, driver->is_inline);
        bool is_read = subscriptions_deliver(driver); /* in turns of the loop's own, which it is to have */
        if (is_read || (!has_news && !driver->has_unsent))
            break;
    }
    if (!is_ours(driver))
        return is_well;
    bool is_over = !driver->has_unsent && driver->completed == NULL && driver->stirred == NULL;
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    bool is_set = (is_over || schedule(driver)) && set_timer(driver);
    if (is_set || type != NULL) {
        PyErr_Clear();
        PyErr_Restore(type, exception, traceback);
    }
    return is_well && is_set;
}

static PyObject *driver_pump(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    struct driver *driver = (struct driver *)self;
    bool was_pumping = driver->is_pumping;
    driver->is_scheduled = false;
    driver->is_pumping = true;
    /* nest_asyncio has loops run within tasks, and so within pump, which no loop calls a second time. */
    if (!was_pumping)
        driver->is_inline = !PyObject_HasAttrString(driver->loop, "_nest_patched");
    Py_INCREF(self);
    bool is_well = driver->is_stepping || pump(driver);
    driver->is_pumping = was_pumping;
    Py_DECREF(self);
    if (!is_well)
        return NULL;
    Py_RETURN_NONE;
}

/* The timer has rung, perhaps a little early by our clock. */
static PyObject *driver_ring(PyObject *self, PyObject *nothing)
{
    Py_CLEAR(((struct driver *)self)->timer);
    return driver_pump(self, nothing);
}

static PyObject *driver_close_method(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    struct driver *driver = (struct driver *)self;
    if (is_ours(driver))
        close_here(driver);
    Py_RETURN_NONE;
}

/* --- Making drivers --- */

static bool join_loop(struct driver *driver)
{
    PyObject *descriptor = PyLong_FromLong(driver->descriptor);
    PyObject *done = descriptor != NULL ? ask_loop(driver, "add_reader", descriptor, driver->pump) : NULL;
    Py_XDECREF(descriptor);
    Py_XDECREF(done);
    return done != NULL && schedule(driver);
}

/* Takes an open client to a loop; NULL with an exception, and the client is closed. */
static struct driver *driver_create(PyObject *loop, mayfly_client *client)
{
    struct driver *driver = (struct driver *)PyType_GenericAlloc(driver_type, 0);
    if (driver == NULL) {
        mayfly_client_close(client);
        return NULL;
    }
    Py_INCREF(driver->loop = loop);
    driver->client = client;
    driver->forks = fork_count;
    driver->completed_end = &driver->completed;
    driver->descriptor = mayfly_client_descriptor(client);
    driver->context = PyContext_New();
    driver->pump = PyObject_GetAttrString((PyObject *)driver, "pump");
    driver->ring = PyObject_GetAttrString((PyObject *)driver, "ring");
    if (driver->context == NULL || driver->pump == NULL || driver->ring == NULL || !join_loop(driver)) {
        close_here(driver);
        Py_CLEAR(driver);
    }
    return driver;
}

static int driver_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct driver *driver = (struct driver *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(driver->loop);
    Py_VISIT(driver->pump);
    Py_VISIT(driver->ring);
    Py_VISIT(driver->context);
    Py_VISIT(driver->timer);
    return 0;
}

static int driver_clear(PyObject *self)
{
    struct driver *driver = (struct driver *)self;
    Py_CLEAR(driver->pump);
    Py_CLEAR(driver->ring);
    Py_CLEAR(driver->timer);
    return 0;
}

static void driver_dealloc(PyObject *self)
{
    struct driver *driver = (struct driver *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (is_ours(driver)) { /* no call is under way: it would hold the driver */
        mayfly_client *client = driver->client;
        driver->client = NULL;
        mayfly_client_close(client);
    }
    Py_XDECREF(driver->pump);
    Py_XDECREF(driver->ring);
    Py_XDECREF(driver->context);
    Py_XDECREF(driver->timer);
    Py_XDECREF(driver->loop);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMethodDef driver_methods[] = {
    {"pump", driver_pump, METH_NOARGS, "pump(): does what can be done now; for the loop."},
    {"ring", driver_ring, METH_NOARGS, "ring(): the same, for the loop's timer."},
    {"close", driver_close_method, METH_NOARGS, "close(): in the loop's thread."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot driver_slots[] = {
    {Py_tp_doc, "libmayfly in an event loop."},
    {Py_tp_traverse, driver_traverse},
    {Py_tp_clear, driver_clear},
    {Py_tp_dealloc, driver_dealloc},
    {Py_tp_methods, driver_methods},
    {0, NULL},
};

static PyType_Spec driver_spec = {"mayfly._core.Driver", sizeof(struct driver), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  driver_slots};

PyTypeObject *driver_type_create(PyObject *module)
{
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    running_loop = asyncio != NULL ? PyObject_GetAttrString(asyncio, "_get_running_loop") : NULL;
    Py_XDECREF(asyncio);
    if (running_loop == NULL)
        return NULL;
    return driver_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &driver_spec, NULL);
}

/* --- The driver of the loop that is running --- */

/* What runs here may be Python, and other threads, so each driver is met by one alone. */
static void forget_if_old(struct loop_client *self, PyObject *loop)
{
    struct driver *driver = (struct driver *)PyDict_GetItem(self->drivers, loop);
    if (driver == NULL)
        return;
    Py_INCREF(driver);
    if ((!is_ours(driver) || loop_is_closed(loop)) &&
        (struct driver *)PyDict_GetItem(self->drivers, loop) == driver) {
        if (self->current == driver)
            self->current = NULL;
        if (PyDict_DelItem(self->drivers, loop) != 0)
            PyErr_Clear();
        driver_close(driver);
    }
    Py_DECREF(driver);
}

/* Closes the drivers of loops that are closed, and forgets those of a parent. */
static bool forget_old(struct loop_client *self)
{
    PyObject *loops = PyDict_Keys(self->drivers);
    for (Py_ssize_t i = 0; loops != NULL && i < PyList_GET_SIZE(loops); i++)
        forget_if_old(self, PyList_GET_ITEM(loops, i));
    Py_XDECREF(loops);
    return loops != NULL;
}

static void close_all(struct loop_client *self)
{
    PyObject *drivers = PyDict_Values(self->drivers);
    PyDict_Clear(self->drivers);
    self->current = NULL;
    for (Py_ssize_t i = 0; drivers != NULL && i < PyList_GET_SIZE(drivers); i++)
        driver_close((struct driver *)PyList_GET_ITEM(drivers, i));
    Py_XDECREF(drivers);
}

static struct driver *keep_driver(struct loop_client *self, PyObject *loop, mayfly_client *client)
{
    struct driver *driver = driver_create(loop, client);
    if (driver == NULL)
        return NULL;
    bool is_kept = PyDict_SetItem(self->drivers, loop, (PyObject *)driver) == 0;
    if (is_kept)
        self->current = driver;
    if (self->is_closed) /* meanwhile, by another thread */
        close_all(self);
    else if (!is_kept)
        driver_close(driver);
    Py_DECREF(driver); /* the dict holds it */
    return is_kept && !self->is_closed ? driver : NULL;
}

/* The driver of LOOP, borrowed, opened where there is none. NULL with *ERROR filled, or with an exception and its status
 * OK. */
static struct driver *driver_for(struct loop_client *self, PyObject *loop, mayfly_error *error)
{
    struct driver *driver = self->current;
    error->status = MAYFLY_OK;
    if (driver != NULL && driver->loop == loop && is_ours(driver))
        return driver;
    driver = (struct driver *)PyDict_GetItemWithError(self->drivers, loop);
    if (driver != NULL && is_ours(driver))
        return self->current = driver;
    if (PyErr_Occurred() || !forget_old(self))
        return NULL;
    if (self->is_closed) {
        *error = client_closed;
        return NULL;
    }
    mayfly_client *client;
    if (settings_open(&self->settings, MAYFLY_DRIVEN_BY_CALLER, 0, &client, error) != MAYFLY_OK)
        return NULL;
    error->status = MAYFLY_OK;
    driver = keep_driver(self, loop, client);
    if (driver == NULL && !PyErr_Occurred())
        *error = client_closed;
    return driver;
}

/* --- Calls --- */

static PyObject *later(PyObject *client, const char *name, PyObject *arguments)
{
    if (hooks.later == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no running event loop");
        return NULL;
    }
    return PyObject_CallFunction(hooks.later, "OsO", client, name, arguments);
}

static PyObject *start(struct loop_client *self, PyObject *loop, struct method *method, struct draft *draft,
                       bool is_raw)
{
    mayfly_error error;
    struct driver *driver = driver_for(self, loop, &error);
    if (driver != NULL)
        return call_start(driver, (PyObject *)self, method, draft, is_raw);
    if (error.status == MAYFLY_OK)
        return NULL;
    const mayfly_reply refusal = {.status = error.status, .message = error.message};
    return call_ended(loop, is_raw ? method_respond_raw(method, &refusal, NULL)
                                   : method_respond(method, &refusal, NULL));
}

static PyObject *loop_call(PyObject *client, PyObject *const *arguments, Py_ssize_t count)
{
    struct loop_client *self = (struct loop_client *)client;
    if (count < 1 || !Py_IS_TYPE(arguments[0], method_type)) {
        PyErr_SetString(PyExc_TypeError, "call takes a Method and its arguments");
        return NULL;
    }
    PyObject *loop = loop_running();
    if (loop == NULL) {
        PyObject *all = PyTuple_New(count);
        for (Py_ssize_t i = 0; all != NULL && i < count; i++) {
            Py_INCREF(arguments[i]);
            PyTuple_SET_ITEM(all, i, arguments[i]);
        }
        PyObject *coroutine = all != NULL ? later(client, "call", all) : NULL;
        Py_XDECREF(all);
        return coroutine;
    }
    struct method *method = (struct method *)arguments[0];
    struct draft draft;
    PyObject *call = draft_fill(&draft, method, self->settings.default_ttl_ms, arguments + 1, count - 1)
                         ? start(self, loop, method, &draft, false)
                         : call_ended(loop, method_refuse(method));
    draft_free(&draft);
    return call;
}

static PyObject *loop_call_raw(PyObject *client, PyObject *arguments)
{
    struct loop_client *self = (struct loop_client *)client;
    PyObject *given, *values, *metadata;
    unsigned int deadline_ms;
    if (!PyArg_ParseTuple(arguments, "O!O!OI", method_type, &given, &PyTuple_Type, &values, &metadata,
                          &deadline_ms))
        return NULL;
    PyObject *loop = loop_running();
    if (loop == NULL)
        return later(client, "call_raw", arguments);
    struct method *method = (struct method *)given;
    struct draft draft;
    PyObject *call = NULL;
    if (draft_fill(&draft, method, self->settings.default_ttl_ms, PySequence_Fast_ITEMS(values),
                   PyTuple_GET_SIZE(values)) &&
        draft_add_metadata(&draft, metadata)) {
        draft.request.deadline_ms = deadline_ms;
        call = start(self, loop, method, &draft, true);
    }
    draft_free(&draft);
    return call;
}

static PyObject *loop_subscribe_method(PyObject *client, PyObject *arguments)
{
    struct loop_client *self = (struct loop_client *)client;
    mayfly_topic_options options;
    if (!topic_options_read(&options, arguments))
        return NULL;
    PyObject *loop = loop_running();
    mayfly_error error = {.status = MAYFLY_OK};
    struct driver *driver = loop != NULL ? driver_for(self, loop, &error) : NULL;
    if (driver != NULL)
        return loop_subscribe(client, driver, &options);
    if (error.status != MAYFLY_OK)
        return problem_build(&error);
    if (loop == NULL)
        PyErr_SetString(PyExc_RuntimeError, "no running event loop");
    return NULL;
}

/* --- Opening and closing --- */

/* A connection that was made on another thread, for take_connection. */
#define CONNECTION "mayfly.connection"

struct connection {
    mayfly_client *client;
    unsigned long forks;
};

static void connection_free(PyObject *capsule)
{
    struct connection *connection = PyCapsule_GetPointer(capsule, CONNECTION);
    if (connection->client != NULL && connection->forks == fork_count)
        mayfly_client_close(connection->client);
    PyMem_Free(connection);
}

static PyObject *loop_connect(PyObject *client, PyObject *timeout)
{
    struct loop_client *self = (struct loop_client *)client;
    uint32_t timeout_ms;
    if (!connect_timeout_read(timeout, &timeout_ms))
        return NULL;
    struct connection *connection = PyMem_Calloc(1, sizeof *connection);
    if (connection == NULL)
        return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(connection, CONNECTION, connection_free);
    if (capsule == NULL) {
        PyMem_Free(connection);
        return NULL;
    }
    mayfly_error error;
    connection->forks = fork_count;
    if (settings_open(&self->settings, MAYFLY_DRIVEN_BY_CALLER, timeout_ms, &connection->client, &error) ==
        MAYFLY_OK)
        return capsule;
    Py_DECREF(capsule);
    return text_build(error.message);
}

static PyObject *loop_take_connection(PyObject *client, PyObject *capsule)
{
    struct loop_client *self = (struct loop_client *)client;
    struct connection *connection = PyCapsule_GetPointer(capsule, CONNECTION);
    PyObject *loop = loop_running();
    if (connection == NULL)
        return NULL;
    if (loop == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no running event loop");
        return NULL;
    }
    if (connection->client == NULL || self->is_closed)
        Py_RETURN_NONE;
    int is_there = forget_old(self) ? PyDict_Contains(self->drivers, loop) : -1;
    if (is_there < 0)
        return NULL;
    if (is_there == 0) {
        mayfly_client *open = connection->client;
        connection->client = NULL;
        if (keep_driver(self, loop, open) == NULL && PyErr_Occurred())
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *loop_close(PyObject *client, PyObject *nothing)
{
    (void)nothing;
    struct loop_client *self = (struct loop_client *)client;
    self->is_closed = true;
    close_all(self);
    Py_RETURN_NONE;
}

static PyObject *loop_tidy(PyObject *client, PyObject *nothing)
{
    (void)nothing;
    if (!forget_old((struct loop_client *)client))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *loop_counts(PyObject *client, PyObject *nothing)
{
    (void)nothing;
    struct loop_client *self = (struct loop_client *)client;
    PyObject *loop = loop_running();
    struct driver *driver = loop != NULL ? (struct driver *)PyDict_GetItem(self->drivers, loop) : NULL;
    return counts_build(driver != NULL && is_ours(driver) ? driver->client : NULL);
}

static PyObject *loop_is_open(PyObject *client, void *closure)
{
    (void)closure;
    PyObject *driver;
    Py_ssize_t at = 0;
    while (PyDict_Next(((struct loop_client *)client)->drivers, &at, NULL, &driver))
        if (is_ours((struct driver *)driver))
            Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}

static PyObject *loop_client_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"settings", NULL};
    PyObject *given;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!", names, &PyDict_Type, &given))
        return NULL;
    struct loop_client *self = (struct loop_client *)PyType_GenericAlloc(type, 0);
    if (self != NULL && (!settings_read(&self->settings, given) || (self->drivers = PyDict_New()) == NULL))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int loop_client_traverse(PyObject *client, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(client));
    Py_VISIT(((struct loop_client *)client)->drivers);
    return 0;
}

static int loop_client_clear(PyObject *client)
{
    struct loop_client *self = (struct loop_client *)client;
    if (self->drivers != NULL)
        close_all(self);
    return 0;
}

static void loop_client_dealloc(PyObject *client)
{
    struct loop_client *self = (struct loop_client *)client;
    PyTypeObject *type = Py_TYPE(client);
    PyObject_GC_UnTrack(client);
    if (self->drivers != NULL)
        close_all(self);
    Py_XDECREF(self->drivers);
    settings_free(&self->settings);
    PyObject_GC_Del(client);
    Py_DECREF(type);
}

static PyMethodDef loop_client_methods[] = {
    {"call", (PyCFunction)(void (*)(void))loop_call, METH_FASTCALL,
     "call(method, *arguments) -> awaitable: starts a call at once; its result is the response."},
    {"call_raw", loop_call_raw, METH_VARARGS,
     "call_raw(method, arguments, metadata, deadline_ms) -> awaitable of (response, status, metadata, bytes "
     "received)."},
    {"subscribe", loop_subscribe_method, METH_VARARGS,
     "subscribe(cache, topic, sequence, page) -> subscription, or (status, message)."},
    {"connect", loop_connect, METH_O,
     "connect(timeout_ms) -> a connection for take_connection, or a sentence that says why there is none. "
     "Any thread."},
    {"take_connection", loop_take_connection, METH_O,
     "take_connection(connection): uses it in the running loop."},
    {"counts", loop_counts, METH_NOARGS,
     "counts() -> dict: what the client is doing in this loop and has done."},
    {"tidy", loop_tidy, METH_NOARGS,
     "tidy(): ends the calls of loops that are closed; nobody can wait for them."},
    {"close", loop_close, METH_NOARGS, "close(): ends all calls, in every loop."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef loop_client_attributes[] = {
    {"is_open", loop_is_open, NULL, "Whether there is something to close.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot loop_client_slots[] = {
    {Py_tp_doc, "A client for event loops, driven by the one that is running."},
    {Py_tp_new, loop_client_new},
    {Py_tp_traverse, loop_client_traverse},
    {Py_tp_clear, loop_client_clear},
    {Py_tp_dealloc, loop_client_dealloc},
    {Py_tp_methods, loop_client_methods},
    {Py_tp_getset, loop_client_attributes},
    {0, NULL},
};

static PyType_Spec loop_client_spec = {"mayfly._core.LoopClient", sizeof(struct loop_client), 0,
                                       Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, loop_client_slots};

PyTypeObject *loop_client_type_create(PyObject *module)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &loop_client_spec, NULL);
}
