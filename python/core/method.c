/* A method of the protocol as Python calls it: a row that says what its arguments are and what becomes of each outcome.
 * The rows are in mayfly/internal/_methods.py; this is what reads them. */
#include "core.h"

#include <stddef.h>

PyTypeObject *method_type;

/* --- Reading a row --- */

/* The fixed parts of a request that a row may set, all small numbers. */
struct preset {
    const char *name;
    void (*set)(mayfly_request *request, long value);
};

static void set_condition(mayfly_request *request, long value)
{
    request->condition = (mayfly_condition)value;
}

static void set_ttl_mode(mayfly_request *request, long value)
{
    request->ttl_mode = (mayfly_ttl_mode)value;
}

static void set_by_score(mayfly_request *request, long value)
{
    request->by_score = value != 0;
}

static void set_deadline_ms(mayfly_request *request, long value)
{
    request->deadline_ms = (uint32_t)value;
}

static const struct preset presets[] = {
    {"condition", set_condition},
    {"ttl_mode", set_ttl_mode},
    {"by_score", set_by_score},
    {"deadline_ms", set_deadline_ms},
};

static bool read_preset(mayfly_request *request, const char *name, PyObject *given)
{
    long value = PyLong_AsLong(given);
    if (value == -1 && PyErr_Occurred())
        return false;
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(presets[i].name, name) == 0) {
            presets[i].set(request, value);
            return true;
        }
    }
    PyErr_Format(PyExc_ValueError, "there is no preset %s", name);
    return false;
}

static bool read_presets(struct method *method, PyObject *given)
{
    PyObject *name;
    PyObject *value;
    Py_ssize_t at = 0;
    while (given != NULL && PyDict_Next(given, &at, &name, &value)) {
        const char *text = PyUnicode_AsUTF8(name);
        if (text == NULL || !read_preset(&method->preset, text, value))
            return false;
    }
    return true;
}

static bool read_rpc(struct method *method)
{
    const char *name = PyUnicode_AsUTF8(method->name);
    for (int i = 0; name != NULL && i < MAYFLY_METHODS; i++) {
        if (strcmp(mayfly_method_name((mayfly_method)i), name) == 0) {
            method->preset.method = (mayfly_method)i;
            return true;
        }
    }
    if (name != NULL)
        PyErr_Format(PyExc_ValueError, "libmayfly has no method %s", name);
    return false;
}

static bool read_arguments(struct method *method, PyObject *given)
{
    method->argument_count = (size_t)PyTuple_GET_SIZE(given);
    if (method->argument_count > METHOD_ARGUMENTS_MAX) {
        PyErr_SetString(PyExc_ValueError, "a method has too many arguments");
        return false;
    }
    for (size_t i = 0; i < method->argument_count; i++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(given, (Py_ssize_t)i));
        method->arguments[i] = name != NULL ? argument_find(name) : NULL;
        if (method->arguments[i] == NULL)
            return false;
    }
    return true;
}

static bool read_source(struct method *method, struct outcome *outcome, PyObject *given)
{
    const char *name = PyUnicode_AsUTF8(given);
    const struct source *source = name != NULL ? source_find(name) : NULL;
    if (source == NULL)
        return false;
    method->keeps_asked |= strcmp(source->name, "asked") == 0;
    outcome->sources[outcome->source_count++] = source;
    return true;
}

/* A class with data gets it by its fields' names, in their order, without a call of __init__. */
static bool read_fields(struct outcome *outcome)
{
    PyObject *fields = PyObject_GetAttrString(outcome->target, "__dataclass_fields__");
    if (fields == NULL)
        return false;
    outcome->attributes = PySequence_Tuple(fields);
    Py_DECREF(fields);
    if (outcome->attributes != NULL && (size_t)PyTuple_GET_SIZE(outcome->attributes) != outcome->source_count)
        PyErr_Format(PyExc_ValueError, "%R has %zd fields, not %zu", outcome->target,
                     PyTuple_GET_SIZE(outcome->attributes), outcome->source_count);
    return !PyErr_Occurred();
}

/* A class without data, or a tuple of a class or function and the parts of the reply that it gets. */
static bool read_outcome(struct method *method, struct outcome *outcome, PyObject *given)
{
    if (given == NULL || given == Py_None)
        return true;
    bool has_sources = PyTuple_Check(given);
    Py_ssize_t count = has_sources ? PyTuple_GET_SIZE(given) : 1;
    if (count < 1 || count > METHOD_SOURCES_MAX + 1) {
        PyErr_SetString(PyExc_ValueError, "an outcome has one target and up to four parts of the reply");
        return false;
    }
    outcome->target = has_sources ? PyTuple_GET_ITEM(given, 0) : given;
    Py_INCREF(outcome->target);
    for (Py_ssize_t i = 1; i < count; i++)
        if (!read_source(method, outcome, PyTuple_GET_ITEM(given, i)))
            return false;
    if (outcome->source_count == 0)
        return (outcome->shared = PyObject_CallNoArgs(outcome->target)) != NULL;
    return !PyType_Check(outcome->target) || read_fields(outcome);
}

static PyObject *method_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"name", "arguments", "response", "fail",   "refuse",     "preset",
                            "done", "hit",       "miss",     "stored", "not_stored", NULL};
    PyObject *name, *kinds, *response, *fail, *refuse, *preset = NULL;
    PyObject *outcomes[OUTCOMES] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "UO!OOO|$O!OOOOO", names, &name, &PyTuple_Type,
                                     &kinds, &response, &fail, &refuse, &PyDict_Type, &preset,
                                     &outcomes[MAYFLY_DONE], &outcomes[MAYFLY_HIT], &outcomes[MAYFLY_MISS],
                                     &outcomes[MAYFLY_STORED], &outcomes[MAYFLY_NOT_STORED]))
        return NULL;
    struct method *method = (struct method *)PyType_GenericAlloc(type, 0);
    if (method == NULL)
        return NULL;
    Py_INCREF(method->name = name);
    Py_INCREF(method->response = response);
    Py_INCREF(method->fail = fail);
    Py_INCREF(method->refuse = refuse);
    method->preset = mayfly_request_of(MAYFLY_METHOD_GET, NULL);
    bool is_read = read_rpc(method) && read_arguments(method, kinds) && read_presets(method, preset);
    for (int i = 0; is_read && i < OUTCOMES; i++)
        is_read = read_outcome(method, &method->outcomes[i], outcomes[i]);
    if (!is_read)
        Py_CLEAR(method);
    return (PyObject *)method;
}

static void method_dealloc(PyObject *self)
{
    struct method *method = (struct method *)self;
    PyTypeObject *type = Py_TYPE(self);
    for (int i = 0; i < OUTCOMES; i++) {
        Py_XDECREF(method->outcomes[i].target);
        Py_XDECREF(method->outcomes[i].shared);
        Py_XDECREF(method->outcomes[i].attributes);
    }
    Py_XDECREF(method->name);
    Py_XDECREF(method->response);
    Py_XDECREF(method->fail);
    Py_XDECREF(method->refuse);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* --- What becomes of replies --- */

static PyObject *outcome_fill(const struct outcome *outcome, PyObject *const *parts)
{
    PyObject *response = PyType_GenericAlloc((PyTypeObject *)outcome->target, 0);
    for (size_t i = 0; response != NULL && i < outcome->source_count; i++)
        if (PyObject_SetAttr(response, PyTuple_GET_ITEM(outcome->attributes, (Py_ssize_t)i), parts[i]) != 0)
            Py_CLEAR(response);
    return response;
}

static PyObject *outcome_build(const struct outcome *outcome, const mayfly_reply *reply, PyObject *asked)
{
    PyObject *parts[METHOD_SOURCES_MAX];
    PyObject *response = NULL;
    size_t count = 0;
    if (outcome->shared != NULL) {
        Py_INCREF(outcome->shared);
        return outcome->shared;
    }
    while (count < outcome->source_count) {
        parts[count] = outcome->sources[count]->build(reply, asked);
        if (parts[count] == NULL)
            goto done;
        count++;
    }
    response = outcome->attributes != NULL ? outcome_fill(outcome, parts)
                                           : PyObject_Vectorcall(outcome->target, parts, count, NULL);
done:
    while (count > 0)
        Py_DECREF(parts[--count]);
    return response;
}

/* The response of a failure; METADATA is taken. */
static PyObject *respond_failure(struct method *method, mayfly_status status, const char *message,
                                 PyObject *metadata)
{
    if (metadata == NULL)
        return NULL;
    PyObject *text = text_build(message);
    PyObject *response =
        text != NULL ? PyObject_CallFunction(method->fail, "OiOO", method, (int)status, text, metadata)
                     : NULL;
    Py_XDECREF(text);
    Py_DECREF(metadata);
    return response;
}

PyObject *method_fail(struct method *method, mayfly_status status, const char *message)
{
    return respond_failure(method, status, message, PyList_New(0));
}

PyObject *method_respond(struct method *method, const mayfly_reply *reply, PyObject *asked)
{
    if (reply->status != MAYFLY_OK)
        return respond_failure(method, reply->status, reply->message, metadata_build(reply));
    const struct outcome *outcome = &method->outcomes[reply->outcome];
    if (outcome->target == NULL)
        return method_fail(method, MAYFLY_INTERNAL, "the reply is not what the method promises");
    return outcome_build(outcome, reply, asked);
}

PyObject *method_respond_raw(struct method *method, const mayfly_reply *reply, PyObject *asked)
{
    PyObject *response = method_respond(method, reply, asked);
    PyObject *metadata = response != NULL ? metadata_build(reply) : NULL;
    PyObject *raw = metadata != NULL ? Py_BuildValue("(OiOn)", response, (int)reply->status, metadata,
                                                     (Py_ssize_t)reply->received_bytes)
                                     : NULL;
    Py_XDECREF(response);
    Py_XDECREF(metadata);
    return raw;
}

PyObject *method_refuse(struct method *method)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return NULL;
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    if (traceback != NULL)
        (void)PyException_SetTraceback(exception, traceback);
    PyObject *response = PyObject_CallFunctionObjArgs(method->refuse, method, exception, NULL);
    Py_XDECREF(type);
    Py_XDECREF(exception);
    Py_XDECREF(traceback);
    return response;
}

/* --- The type --- */

static PyObject *method_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<Method %U>", ((struct method *)self)->name);
}

static PyObject *get_name(PyObject *self, void *closure)
{
    (void)closure;
    PyObject *name = ((struct method *)self)->name;
    Py_INCREF(name);
    return name;
}

static PyObject *get_response(PyObject *self, void *closure)
{
    (void)closure;
    PyObject *response = ((struct method *)self)->response;
    Py_INCREF(response);
    return response;
}

static PyObject *get_arguments(PyObject *self, void *closure)
{
    (void)closure;
    const struct method *method = (struct method *)self;
    PyObject *names = PyTuple_New((Py_ssize_t)method->argument_count);
    for (size_t i = 0; names != NULL && i < method->argument_count; i++) {
        PyObject *name = PyUnicode_FromString(method->arguments[i]->name);
        if (name == NULL)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
    }
    return names;
}

static PyObject *get_deadline_ms(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(((struct method *)self)->preset.deadline_ms);
}

/* Bytes of a call's request on the wire, without headers. */
static PyObject *method_request_bytes(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    struct draft draft;
    uint64_t default_ttl_ms = count > 0 ? PyLong_AsUnsignedLongLong(arguments[0]) : 0;
    if (PyErr_Occurred())
        return NULL;
    bool is_filled =
        draft_fill(&draft, (struct method *)self, default_ttl_ms, arguments + 1, count > 0 ? count - 1 : 0);
    size_t size = is_filled ? mayfly_request_bytes(&draft.request) : 0;
    draft_free(&draft);
    return is_filled ? PyLong_FromSize_t(size) : NULL;
}

static PyMethodDef method_methods[] = {
    {"request_bytes", (PyCFunction)(void (*)(void))method_request_bytes, METH_FASTCALL,
     "request_bytes(default_ttl_ms, *arguments) -> int: bytes of the request's message."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef method_attributes[] = {
    {"name", get_name, NULL, "The method's name in the protocol.", NULL},
    {"response", get_response, NULL, "The class that holds its responses.", NULL},
    {"arguments", get_arguments, NULL, "The kinds of its arguments.", NULL},
    {"deadline_ms", get_deadline_ms, NULL, "The deadline of its calls; 0: the client's.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot method_slots[] = {
    {Py_tp_doc, "What a call takes and what its reply becomes."},
    {Py_tp_new, method_new},
    {Py_tp_dealloc, method_dealloc},
    {Py_tp_repr, method_repr},
    {Py_tp_methods, method_methods},
    {Py_tp_getset, method_attributes},
    {0, NULL},
};

static PyType_Spec method_spec = {"mayfly._core.Method", sizeof(struct method), 0, Py_TPFLAGS_DEFAULT,
                                  method_slots};

PyTypeObject *method_type_create(PyObject *module)
{
    return method_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &method_spec, NULL);
}
