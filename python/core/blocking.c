/* Clients whose calls block the thread that makes them: libmayfly driven by calls, from any number of threads at once, the
 * interpreter lock released while they wait.
 *
 * libmayfly's client is opened by the first call, and anew in a child after a fork. The last thread that leaves a client
 * which was closed meanwhile closes libmayfly's. */
#include "core.h"

#include <setjmp.h>

struct blocking_client {
    PyObject ob_base;
    struct settings settings;
    mayfly_client *client; /* NULL: to be opened */
    unsigned long forks;   /* fork_count when it was */
    size_t users;          /* threads in it */
    bool is_closed;
};

static bool use_anew(struct blocking_client *self)
{
    if (self->client != NULL && self->forks == fork_count)
        return false;
    self->client = NULL; /* after a fork it is the parent's, whose threads are not here */
    self->users = 0;
    self->forks = fork_count;
    return true;
}

mayfly_client *blocking_enter(PyObject *client, mayfly_error *error)
{
    struct blocking_client *self = (struct blocking_client *)client;
    if (self->is_closed) {
        *error = client_closed;
        return NULL;
    }
    if (use_anew(self) &&
        settings_open(&self->settings, MAYFLY_DRIVEN_BY_CALLS, 0, &self->client, error) != MAYFLY_OK)
        return NULL;
    self->users++;
    return self->client;
}

static void close_unused(struct blocking_client *self)
{
    mayfly_client *client = self->client;
    if (self->users > 0 || client == NULL)
        return;
    self->client = NULL;
    if (self->forks != fork_count)
        return;
    Py_BEGIN_ALLOW_THREADS;
    mayfly_client_close(client);
    Py_END_ALLOW_THREADS;
}

void blocking_leave(PyObject *client)
{
    struct blocking_client *self = (struct blocking_client *)client;
    if (self->users > 0 && --self->users == 0 && self->is_closed)
        close_unused(self);
}

/* A call that waits, and where it goes on in a child that a signal's handler forked meanwhile. */
struct wait {
    PyThreadState *state;
    unsigned long forks;
    jmp_buf in_child;
};

/* Asked without the interpreter lock. A child never goes back into its parent's client, whose sockets and poller the two
 * share: it leaves it as it is, for good. */
static bool is_interrupted(void *context)
{
    struct wait *wait = context;
    PyEval_RestoreThread(wait->state);
    bool has_raised = PyErr_CheckSignals() != 0;
    if (wait->forks != fork_count)
        longjmp(wait->in_child, 1);
    wait->state = PyEval_SaveThread();
    return has_raised;
}

/* A reply, which is the caller's to free. NULL with an exception, which a signal's handler raised, or without one in a
 * child that a handler forked. */
static mayfly_reply *call_and_wait(mayfly_client *client, const mayfly_request *request)
{
    mayfly_reply *reply;
    struct wait wait = {.forks = fork_count};
    if (setjmp(wait.in_child) != 0)
        return NULL;
    wait.state = PyEval_SaveThread();
    (void)mayfly_call_interruptible(client, request, is_interrupted, &wait, &reply);
    PyEval_RestoreThread(wait.state);
    if (reply == NULL && !PyErr_Occurred())
        (void)PyErr_NoMemory();
    if (reply != NULL && PyErr_Occurred()) {
        mayfly_reply_free(reply);
        return NULL;
    }
    return reply;
}

/* Sends a draft; the response, or with IS_RAW the tuple around it. */
static PyObject *send(struct blocking_client *self, struct method *method, struct draft *draft, bool is_raw)
{
    mayfly_error error;
    mayfly_client *client = blocking_enter((PyObject *)self, &error);
    if (client == NULL) {
        const mayfly_reply refusal = {.status = error.status, .message = error.message};
        return is_raw ? method_respond_raw(method, &refusal, NULL)
                      : method_fail(method, error.status, error.message);
    }
    unsigned long forks = fork_count;
    mayfly_reply *reply = call_and_wait(client, &draft->request);
    if (forks != fork_count) /* the child makes the call itself */
        return PyErr_Occurred() ? NULL : send(self, method, draft, is_raw);
    blocking_leave((PyObject *)self);
    if (reply == NULL)
        return NULL;
    PyObject *response = is_raw ? method_respond_raw(method, reply, draft->asked)
                                : method_respond(method, reply, draft->asked);
    mayfly_reply_free(reply);
    return response;
}

static PyObject *blocking_call(PyObject *client, PyObject *const *arguments, Py_ssize_t count)
{
    struct blocking_client *self = (struct blocking_client *)client;
    if (count < 1 || !Py_IS_TYPE(arguments[0], method_type)) {
        PyErr_SetString(PyExc_TypeError, "call takes a Method and its arguments");
        return NULL;
    }
    struct method *method = (struct method *)arguments[0];
    struct draft draft;
    PyObject *response = draft_fill(&draft, method, self->settings.default_ttl_ms, arguments + 1, count - 1)
                             ? send(self, method, &draft, false)
                             : method_refuse(method);
    draft_free(&draft);
    return response;
}

static PyObject *blocking_call_raw(PyObject *client, PyObject *arguments)
{
    struct blocking_client *self = (struct blocking_client *)client;
    PyObject *given, *values, *metadata;
    unsigned int deadline_ms;
    if (!PyArg_ParseTuple(arguments, "O!O!OI", method_type, &given, &PyTuple_Type, &values, &metadata,
                          &deadline_ms))
        return NULL;
    struct method *method = (struct method *)given;
    struct draft draft;
    PyObject *raw = NULL;
    if (draft_fill(&draft, method, self->settings.default_ttl_ms, PySequence_Fast_ITEMS(values),
                   PyTuple_GET_SIZE(values)) &&
        draft_add_metadata(&draft, metadata)) {
        draft.request.deadline_ms = deadline_ms;
        raw = send(self, method, &draft, true);
    }
    draft_free(&draft);
    return raw;
}

static PyObject *blocking_connect(PyObject *client, PyObject *timeout)
{
    struct blocking_client *self = (struct blocking_client *)client;
    uint32_t timeout_ms;
    if (!connect_timeout_read(timeout, &timeout_ms))
        return NULL;
    mayfly_error error;
    mayfly_client *opened = NULL;
    (void)settings_open(&self->settings, MAYFLY_DRIVEN_BY_CALLS, timeout_ms, &opened, &error);
    if (opened == NULL)
        return text_build(error.message);
    if (self->is_closed || !use_anew(self))
        mayfly_client_close(opened);
    else
        self->client = opened;
    Py_RETURN_NONE;
}

static PyObject *blocking_subscribe_method(PyObject *client, PyObject *arguments)
{
    mayfly_topic_options options;
    if (!topic_options_read(&options, arguments))
        return NULL;
    mayfly_error error;
    mayfly_client *open = blocking_enter(client, &error);
    if (open == NULL)
        return problem_build(&error);
    PyObject *subscription = blocking_subscribe(client, open, &options);
    blocking_leave(client);
    return subscription;
}

static PyObject *blocking_counts(PyObject *client, PyObject *nothing)
{
    (void)nothing;
    const struct blocking_client *self = (struct blocking_client *)client;
    return counts_build(self->forks == fork_count ? self->client : NULL);
}

static PyObject *blocking_close(PyObject *client, PyObject *nothing)
{
    (void)nothing;
    struct blocking_client *self = (struct blocking_client *)client;
    self->is_closed = true;
    close_unused(self);
    Py_RETURN_NONE;
}

static PyObject *blocking_is_open(PyObject *client, void *closure)
{
    (void)closure;
    const struct blocking_client *self = (struct blocking_client *)client;
    return PyBool_FromLong(self->client != NULL && self->forks == fork_count && !self->is_closed);
}

static PyObject *blocking_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"settings", NULL};
    PyObject *given;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!", names, &PyDict_Type, &given))
        return NULL;
    struct blocking_client *self = (struct blocking_client *)PyType_GenericAlloc(type, 0);
    if (self != NULL && !settings_read(&self->settings, given))
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void blocking_dealloc(PyObject *client)
{
    struct blocking_client *self = (struct blocking_client *)client;
    PyTypeObject *type = Py_TYPE(client);
    close_unused(self);
    settings_free(&self->settings);
    PyObject_Free(client);
    Py_DECREF(type);
}

static PyMethodDef blocking_methods[] = {
    {"call", (PyCFunction)(void (*)(void))blocking_call, METH_FASTCALL,
     "call(method, *arguments) -> response: makes a call and waits for its reply."},
    {"call_raw", blocking_call_raw, METH_VARARGS,
     "call_raw(method, arguments, metadata, deadline_ms) -> (response, status, metadata, bytes received)."},
    {"connect", blocking_connect, METH_O,
     "connect(timeout_ms) -> None, or a sentence that says why there is no connection."},
    {"subscribe", blocking_subscribe_method, METH_VARARGS,
     "subscribe(cache, topic, sequence, page) -> subscription, or (status, message)."},
    {"counts", blocking_counts, METH_NOARGS, "counts() -> dict: what the client is doing and has done."},
    {"close", blocking_close, METH_NOARGS,
     "close(): no call begins any more; those under way end first, and their connections after them."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef blocking_attributes[] = {
    {"is_open", blocking_is_open, NULL, "Whether there is something to close.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot blocking_slots[] = {
    {Py_tp_doc, "A client whose calls block. Any number of threads may use it at once."},
    {Py_tp_new, blocking_new},
    {Py_tp_dealloc, blocking_dealloc},
    {Py_tp_methods, blocking_methods},
    {Py_tp_getset, blocking_attributes},
    {0, NULL},
};

static PyType_Spec blocking_spec = {"mayfly._core.BlockingClient", sizeof(struct blocking_client), 0,
                                    Py_TPFLAGS_DEFAULT, blocking_slots};

PyTypeObject *blocking_type_create(PyObject *module)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, &blocking_spec, NULL);
}
