/* A call under way, as asyncio and uvloop await one. To who asks what it is it is a coroutine, which gather, wait_for and
 * create_task take; to the task that awaits it, it is a Future.
 *
 * When the replies of many calls have come, the tasks that wait for them are resumed one after another right where the
 * loop told us of the replies: a batch costs one turn of the loop, and no handle each. Only where that cannot be, since
 * another task is running (it cancels a call, or closes the client), the loop is asked to do it.
 *
 * A call that waits is kept alive by libmayfly, so the garbage collector has nothing to do with it. */
#include "core.h"

#include <stddef.h>

#define SMALL_BYTES 256

enum call_state { CALL_PENDING, CALL_DONE, CALL_CANCELLED };

struct call {
    PyObject ob_base;
    PyObject *loop;
    struct driver *driver; /* NULL: it had ended before it began */
    PyObject *owner;       /* the client, which must live while the call does */
    struct method *method; /* NULL: a future that libmayfly knows nothing of */
    PyObject *asked;
    PyObject *result;   /* when done, unless ... */
    PyObject *error;    /* ... this exception came instead */
    PyObject *callback; /* the first one, and its context */
    PyObject *context;
    PyObject *more; /* a list of pairs of further ones, or NULL */
    PyObject *cancel_message;
    struct call *next; /* of driver->completed */
    mayfly_handle handle;
    enum call_state state;
    bool is_blocking; /* asyncio's mark: a task is about to wait for it */
    bool is_raw;
    bool is_in_library;  /* which will tell of its end */
    mayfly_reply *reply; /* that has come: kept_reply, a copy to be freed, or NULL when memory is out */
    mayfly_reply kept_reply;
    char kept_bytes[SMALL_BYTES];
};

static PyTypeObject *call_type;
static PyObject *blocking_name;

/* --- What libmayfly tells: without the interpreter lock --- */

/* Keeps a reply that has little to it without asking for memory. */
static bool keep_small(struct call *call, const mayfly_reply *reply)
{
    size_t size = reply->value.size + reply->hash.size;
    if (reply->item_count > 0 || reply->trailer_count > 0 || reply->status != MAYFLY_OK || size > SMALL_BYTES)
        return false;
    call->kept_reply = *reply;
    call->kept_reply.message = "";
    if (reply->value.size > 0)
        memcpy(call->kept_bytes, reply->value.data, reply->value.size);
    if (reply->hash.size > 0)
        memcpy(call->kept_bytes + reply->value.size, reply->hash.data, reply->hash.size);
    call->kept_reply.value.data = call->kept_bytes;
    call->kept_reply.hash.data = call->kept_bytes + reply->value.size;
    call->reply = &call->kept_reply;
    return true;
}

static void on_reply(void *context, const mayfly_reply *reply)
{
    struct call *call = context;
    struct driver *driver = call->driver;
    call->is_in_library = false;
    if (call == driver->cancelling)
        return;
    if (call->state == CALL_PENDING && !keep_small(call, reply))
        call->reply = mayfly_reply_copy(reply);
    call->next = NULL;
    *driver->completed_end = call;
    driver->completed_end = &call->next;
}

/* --- Telling who waits --- */

static void report(PyObject *loop, const char *message)
{
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    PyObject *context = Py_BuildValue("{sssO}", "message", message, "exception", exception);
    PyObject *done =
        context != NULL ? PyObject_CallMethod(loop, "call_exception_handler", "(O)", context) : NULL;
    if (done == NULL)
        PyErr_WriteUnraisable(loop);
    Py_XDECREF(done);
    Py_XDECREF(context);
    Py_XDECREF(type);
    Py_XDECREF(exception);
    Py_XDECREF(traceback);
}

/* Calls back at once. False where what was raised is to stop the loop. */
static bool run_inline(struct call *call, PyObject *callback, PyObject *context)
{
    if (PyContext_Enter(context) != 0)
        return false;
    PyObject *done = PyObject_CallOneArg(callback, (PyObject *)call);
    bool is_done = done != NULL;
    Py_XDECREF(done);
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    (void)PyContext_Exit(context);
    PyErr_Restore(type, exception, traceback);
    if (is_done || !PyErr_ExceptionMatches(PyExc_Exception))
        return is_done;
    report(call->loop, "Exception in callback of a mayfly call");
    return true;
}

/* Has the loop call back. Where it was closed nobody is there to be told. */
static void run_soon(struct call *call, PyObject *callback, PyObject *context)
{
    static PyObject *keyword;
    PyObject *type, *exception, *traceback; /* of a callback before */
    PyErr_Fetch(&type, &exception, &traceback);
    if (keyword == NULL)
        keyword = Py_BuildValue("(s)", "context");
    PyObject *const arguments[] = {callback, (PyObject *)call, context};
    PyObject *call_soon = PyObject_GetAttrString(call->loop, "call_soon");
    PyObject *handle =
        keyword != NULL && call_soon != NULL ? PyObject_Vectorcall(call_soon, arguments, 2, keyword) : NULL;
    Py_XDECREF(call_soon);
    if (handle == NULL)
        PyErr_Clear();
    Py_XDECREF(handle);
    PyErr_Restore(type, exception, traceback);
}

static bool run_one(struct call *call, PyObject *callback, PyObject *context, bool is_inline)
{
    if (is_inline)
        return run_inline(call, callback, context);
    run_soon(call, callback, context);
    return true;
}

/* Calls all callbacks back, once. False where what one raised is to stop the loop; the others are left to it. */
static bool tell(struct call *call, bool is_inline)
{
    PyObject *callback = call->callback;
    PyObject *context = call->context;
    PyObject *more = call->more;
    call->callback = call->context = call->more = NULL;
    bool is_well = callback == NULL || run_one(call, callback, context, is_inline);
    for (Py_ssize_t i = 0; more != NULL && i < PyList_GET_SIZE(more); i++) {
        PyObject *pair = PyList_GET_ITEM(more, i);
        is_well &= run_one(call, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1), is_inline && is_well);
    }
    Py_XDECREF(callback);
    Py_XDECREF(context);
    Py_XDECREF(more);
    return is_well;
}

/* --- Ending --- */

static void drop_reply(struct call *call)
{
    if (call->reply != &call->kept_reply)
        mayfly_reply_free(call->reply);
    call->reply = NULL;
}

static void keep_error(struct call *call)
{
    PyObject *type, *traceback;
    PyErr_Fetch(&type, &call->error, &traceback);
    PyErr_NormalizeException(&type, &call->error, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
}

static PyObject *respond(struct call *call)
{
    if (call->reply == NULL)
        return PyErr_NoMemory();
    return call->is_raw ? method_respond_raw(call->method, call->reply, call->asked)
                        : method_respond(call->method, call->reply, call->asked);
}

bool calls_deliver(struct driver *driver, bool is_inline)
{
    bool is_well = true;
    while (is_well && driver->completed != NULL) {
        struct call *call = driver->completed;
        driver->completed = call->next;
        if (driver->completed == NULL)
            driver->completed_end = &driver->completed;
        PyObject *result = call->state == CALL_PENDING ? respond(call) : NULL;
        if (call->state == CALL_PENDING) {
            call->result = result;
            if (result == NULL)
                keep_error(call);
            call->state = CALL_DONE;
            is_well = tell(call, is_inline);
        } else { /* cancelled, perhaps by who was told of its failure */
            Py_XDECREF(result);
            PyErr_Clear();
        }
        drop_reply(call);
        Py_CLEAR(call->owner);
        Py_DECREF(call); /* libmayfly's */
    }
    return is_well;
}

bool call_is_pending(const struct call *call)
{
    return call->state == CALL_PENDING;
}

void call_finish(struct call *future)
{
    if (future->state != CALL_PENDING)
        return;
    Py_INCREF(future->result = Py_None);
    future->state = CALL_DONE;
    (void)tell(future, false);
}

/* --- Starting --- */

static struct call *call_alloc(PyObject *loop, struct driver *driver)
{
    struct call *call = PyObject_New(struct call, call_type);
    if (call == NULL)
        return NULL;
    memset((char *)call + sizeof(PyObject), 0, offsetof(struct call, kept_reply) - sizeof(PyObject));
    Py_INCREF(call->loop = loop);
    Py_XINCREF(driver);
    call->driver = driver;
    return call;
}

struct call *call_future(struct driver *driver)
{
    return call_alloc(driver->loop, driver);
}

PyObject *call_ended(PyObject *loop, PyObject *result)
{
    struct call *call = result != NULL ? call_alloc(loop, NULL) : NULL;
    if (call == NULL) {
        Py_XDECREF(result);
        return NULL;
    }
    call->state = CALL_DONE;
    call->result = result;
    return (PyObject *)call;
}

static const char *refusal_of(const mayfly_request *request, mayfly_status status)
{
    switch (status) {
    case MAYFLY_INVALID_ARGUMENT:
        return mayfly_request_problem(request);
    case MAYFLY_RESOURCE_EXHAUSTED:
        return "too many requests are waiting, or memory is out; see max_waiting_requests";
    case MAYFLY_CANCELLED:
        return "the client is being closed";
    default:
        return "this client was closed";
    }
}

/* A call that libmayfly does not take has ended at once. */
static PyObject *call_refused(struct call *call, const mayfly_request *request, mayfly_status status)
{
    const char *why = refusal_of(request, status);
    const mayfly_reply refusal = {.status = status,
                                  .message = why != NULL ? why : "the request makes no sense"};
    call->result = call->is_raw ? method_respond_raw(call->method, &refusal, NULL)
                                : method_respond(call->method, &refusal, NULL);
    call->state = CALL_DONE;
    if (call->result == NULL)
        Py_CLEAR(call);
    return (PyObject *)call;
}

PyObject *call_start(struct driver *driver, PyObject *owner, struct method *method, struct draft *draft,
                     bool is_raw)
{
    struct call *call = call_alloc(driver->loop, driver);
    if (call == NULL)
        return NULL;
    Py_INCREF(call->method = method);
    call->is_raw = is_raw;
    mayfly_status status = driver->client != NULL
                               ? mayfly_start(driver->client, &draft->request, on_reply, call, &call->handle)
                               : MAYFLY_FAILED_PRECONDITION;
    if (status != MAYFLY_OK)
        return call_refused(call, &draft->request, status);
    call->asked = draft->asked;
    draft->asked = NULL;
    Py_INCREF(owner);
    call->owner = owner;
    call->is_in_library = true;
    Py_INCREF(call); /* libmayfly's */
    if (!driver_stir(driver))
        Py_CLEAR(call);
    return (PyObject *)call;
}

/* --- A future, as asyncio knows it --- */

static PyObject *raise_asyncio(const char *name, PyObject *message)
{
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    PyObject *class = asyncio != NULL ? PyObject_GetAttrString(asyncio, name) : NULL;
    PyObject *exception = NULL;
    if (class != NULL)
        exception = message != NULL ? PyObject_CallOneArg(class, message) : PyObject_CallNoArgs(class);
    if (exception != NULL)
        PyErr_SetObject(class, exception);
    Py_XDECREF(exception);
    Py_XDECREF(class);
    Py_XDECREF(asyncio);
    return NULL;
}

static PyObject *call_result(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    struct call *call = (struct call *)self;
    if (call->state == CALL_PENDING) {
        PyObject *message = PyUnicode_FromString("Result is not set.");
        (void)raise_asyncio("InvalidStateError", message);
        Py_XDECREF(message);
        return NULL;
    }
    if (call->state == CALL_CANCELLED)
        return raise_asyncio("CancelledError", call->cancel_message);
    if (call->error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(call->error), call->error);
        return NULL;
    }
    Py_INCREF(call->result);
    return call->result;
}

static PyObject *call_exception(PyObject *self, PyObject *nothing)
{
    struct call *call = (struct call *)self;
    if (call->state != CALL_DONE) /* the same errors as result */
        return call_result(self, nothing);
    PyObject *error = call->error != NULL ? call->error : Py_None;
    Py_INCREF(error);
    return error;
}

static PyObject *call_done(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    return PyBool_FromLong(((struct call *)self)->state != CALL_PENDING);
}

static PyObject *call_cancelled(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    return PyBool_FromLong(((struct call *)self)->state == CALL_CANCELLED);
}

/* Ends the call for libmayfly; its reply, should it have come already, is dropped when its turn comes. */
static void cancel_in_library(struct call *call)
{
    struct driver *driver = call->driver;
    if (!call->is_in_library || driver->client == NULL || driver->forks != fork_count || driver->is_stepping)
        return;
    driver->cancelling = call;
    mayfly_cancel(driver->client, call->handle);
    driver->cancelling = NULL;
    Py_CLEAR(call->owner);
    Py_DECREF(call);                   /* libmayfly's */
    driver_stir_from_anywhere(driver); /* the server is to hear of it */
}

/* Ends a call that is pending; MESSAGE may be NULL. */
static void cancel(struct call *call, PyObject *message)
{
    call->state = CALL_CANCELLED;
    Py_XINCREF(message);
    call->cancel_message = message;
    Py_INCREF(call);
    cancel_in_library(call);
    (void)tell(call, false);
    Py_DECREF(call);
}

static PyObject *call_cancel(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"msg", NULL};
    PyObject *message = NULL;
    struct call *call = (struct call *)self;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O", names, &message))
        return NULL;
    if (call->state != CALL_PENDING)
        Py_RETURN_FALSE;
    cancel(call, message);
    Py_RETURN_TRUE;
}

static bool add_callback(struct call *call, PyObject *callback, PyObject *context)
{
    if (call->callback == NULL && call->more == NULL) {
        Py_INCREF(call->callback = callback);
        Py_INCREF(call->context = context);
        return true;
    }
    if (call->more == NULL && (call->more = PyList_New(0)) == NULL)
        return false;
    PyObject *pair = PyTuple_Pack(2, callback, context);
    bool is_added = pair != NULL && PyList_Append(call->more, pair) == 0;
    Py_XDECREF(pair);
    return is_added;
}

static PyObject *call_add_done_callback(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
                                        PyObject *keywords)
{
    struct call *call = (struct call *)self;
    Py_ssize_t named = keywords != NULL ? PyTuple_GET_SIZE(keywords) : 0;
    if (count != 1 || named > 1 ||
        (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), "context") != 0)) {
        PyErr_SetString(PyExc_TypeError, "add_done_callback takes a function and, by name, its context");
        return NULL;
    }
    PyObject *context = named == 1 && arguments[1] != Py_None ? arguments[1] : NULL;
    if (context != NULL)
        Py_INCREF(context);
    else if ((context = PyContext_CopyCurrent()) == NULL)
        return NULL;
    bool is_added = true;
    if (call->state != CALL_PENDING)
        run_soon(call, arguments[0], context);
    else
        is_added = add_callback(call, arguments[0], context);
    Py_DECREF(context);
    if (!is_added)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *call_remove_done_callback(PyObject *self, PyObject *callback)
{
    struct call *call = (struct call *)self;
    Py_ssize_t removed = 0;
    PyObject *first = call->callback;
    Py_XINCREF(first); /* to compare runs Python, which may end the call or take callbacks from it */
    int is_same = first != NULL ? PyObject_RichCompareBool(first, callback, Py_EQ) : 0;
    Py_XDECREF(first);
    if (is_same < 0)
        return NULL;
    if (is_same > 0 && call->callback == first) {
        Py_CLEAR(call->callback);
        Py_CLEAR(call->context);
        removed++;
    }
    PyObject *more = call->more;
    Py_XINCREF(more);
    for (Py_ssize_t i = more != NULL ? PyList_GET_SIZE(more) - 1 : -1; i >= 0 && is_same >= 0; i--) {
        if (i >= PyList_GET_SIZE(more))
            continue;
        PyObject *pair = PyList_GET_ITEM(more, i);
        Py_INCREF(pair);
        is_same = PyObject_RichCompareBool(PyTuple_GET_ITEM(pair, 0), callback, Py_EQ);
        if (is_same > 0 && i < PyList_GET_SIZE(more) && PyList_GET_ITEM(more, i) == pair) {
            is_same = PySequence_DelItem(more, i) == 0 ? 1 : -1;
            removed += is_same > 0;
        }
        Py_DECREF(pair);
    }
    Py_XDECREF(more);
    return is_same >= 0 ? PyLong_FromSsize_t(removed) : NULL;
}

static PyObject *call_get_loop(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    PyObject *loop = ((struct call *)self)->loop;
    Py_INCREF(loop);
    return loop;
}

/* A task looks for asyncio's mark of a Future on the call; asyncio's isfuture, for which a call is none, on its class. So
 * it is an attribute of calls alone. */
static PyObject *call_getattr(PyObject *self, PyObject *name)
{
    if (name == blocking_name)
        return PyBool_FromLong(((struct call *)self)->is_blocking);
    return PyObject_GenericGetAttr(self, name);
}

static int call_setattr(PyObject *self, PyObject *name, PyObject *value)
{
    if (name != blocking_name || value == NULL)
        return PyObject_GenericSetAttr(self, name, value);
    int is_true = PyObject_IsTrue(value);
    ((struct call *)self)->is_blocking = is_true > 0;
    return is_true >= 0 ? 0 : -1;
}

/* --- Awaiting --- */

static PyObject *call_await(PyObject *self)
{
    Py_INCREF(self);
    return self;
}

static PySendResult call_send(PyObject *self, PyObject *value, PyObject **result)
{
    (void)value;
    struct call *call = (struct call *)self;
    if (call->state == CALL_PENDING) {
        call->is_blocking = true;
        Py_INCREF(self);
        *result = self;
        return PYGEN_NEXT;
    }
    *result = call_result(self, NULL);
    return *result != NULL ? PYGEN_RETURN : PYGEN_ERROR;
}

/* For who iterates by hand: the result is the value of a StopIteration. */
static PyObject *call_send_method(PyObject *self, PyObject *value)
{
    PyObject *result;
    PySendResult how = call_send(self, value, &result);
    if (how == PYGEN_NEXT)
        return result;
    if (how == PYGEN_RETURN) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        if (stop != NULL)
            PyErr_SetObject(PyExc_StopIteration, stop);
        Py_XDECREF(stop);
        Py_DECREF(result);
    }
    return NULL;
}

static PyObject *call_next(PyObject *self)
{
    return call_send_method(self, Py_None);
}

/* Whoever threw or closed will not wait for the call, and nobody else does yet. */
static void give_up(struct call *call)
{
    if (call->state == CALL_PENDING && call->callback == NULL && call->more == NULL)
        cancel(call, NULL);
}

static PyObject *call_throw(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    give_up((struct call *)self);
    PyObject *type = count > 0 ? arguments[0] : NULL;
    PyObject *value = count > 1 && arguments[1] != Py_None ? arguments[1] : NULL;
    if (type != NULL && PyExceptionInstance_Check(type))
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    else if (type != NULL && PyExceptionClass_Check(type) && value != NULL)
        PyErr_SetObject(type, value);
    else if (type != NULL && PyExceptionClass_Check(type))
        PyErr_SetNone(type);
    else
        PyErr_SetString(PyExc_TypeError,
                        "exceptions must be classes or instances deriving from BaseException");
    return NULL;
}

static PyObject *call_close(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    give_up((struct call *)self);
    Py_RETURN_NONE;
}

/* --- The type --- */

static PyObject *call_repr(PyObject *self)
{
    static const char *const states[] = {"pending", "finished", "cancelled"};
    const struct call *call = (struct call *)self;
    if (call->method == NULL)
        return PyUnicode_FromFormat("<Call %s>", states[call->state]);
    return PyUnicode_FromFormat("<Call %U %s>", call->method->name, states[call->state]);
}

static void call_dealloc(PyObject *self)
{
    struct call *call = (struct call *)self;
    PyTypeObject *type = Py_TYPE(self);
    drop_reply(call);
    Py_XDECREF(call->loop);
    Py_XDECREF(call->driver);
    Py_XDECREF(call->owner);
    Py_XDECREF(call->method);
    Py_XDECREF(call->asked);
    Py_XDECREF(call->result);
    Py_XDECREF(call->error);
    Py_XDECREF(call->callback);
    Py_XDECREF(call->context);
    Py_XDECREF(call->more);
    Py_XDECREF(call->cancel_message);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef call_methods[] = {
    {"result", call_result, METH_NOARGS, "result() -> response."},
    {"exception", call_exception, METH_NOARGS, "exception() -> None: failures are responses."},
    {"done", call_done, METH_NOARGS, "done() -> bool."},
    {"cancelled", call_cancelled, METH_NOARGS, "cancelled() -> bool."},
    {"cancel", (PyCFunction)(void (*)(void))call_cancel, METH_VARARGS | METH_KEYWORDS,
     "cancel(msg=None) -> bool: ends the call; what was sent may have been done."},
    {"add_done_callback", (PyCFunction)(void (*)(void))call_add_done_callback, METH_FASTCALL | METH_KEYWORDS,
     "add_done_callback(function, *, context=None)."},
    {"remove_done_callback", call_remove_done_callback, METH_O, "remove_done_callback(function) -> int."},
    {"get_loop", call_get_loop, METH_NOARGS, "get_loop() -> the event loop of the call."},
    {"send", call_send_method, METH_O, "send(value): as a coroutine's."},
    {"throw", (PyCFunction)(void (*)(void))call_throw, METH_FASTCALL, "throw(exception): as a coroutine's."},
    {"close", call_close, METH_NOARGS, "close(): as a coroutine's."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "A call under way: await it for its response."},
    {Py_tp_dealloc, call_dealloc},
    {Py_tp_repr, call_repr},
    {Py_tp_getattro, call_getattr},
    {Py_tp_setattro, call_setattr},
    {Py_tp_iter, call_await},
    {Py_tp_iternext, call_next},
    {Py_am_await, call_await},
    {Py_am_send, call_send},
    {Py_tp_methods, call_methods},
    {0, NULL},
};

static PyType_Spec call_spec = {"mayfly._core.Call", sizeof(struct call), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, call_slots};

PyTypeObject *call_type_create(PyObject *module)
{
    blocking_name = PyUnicode_InternFromString("_asyncio_future_blocking");
    if (blocking_name == NULL)
        return NULL;
    return call_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &call_spec, NULL);
}
