/* The module mayfly._core. */
#include "core.h"

#include <pthread.h>

unsigned long fork_count;
struct hooks hooks;

static void count_fork(void)
{
    fork_count++;
}

static void set_hook(PyObject **hook, PyObject *value)
{
    PyObject *before = *hook;
    Py_INCREF(*hook = value);
    Py_XDECREF(before);
}

static PyObject *set_hooks(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"later", "orders", "aggregates", NULL};
    PyObject *later, *orders, *aggregates;
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "$OOO", names, &later, &orders, &aggregates))
        return NULL;
    set_hook(&hooks.later, later);
    set_hook(&hooks.orders, orders);
    set_hook(&hooks.aggregates, aggregates);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_hooks", (PyCFunction)(void (*)(void))set_hooks, METH_VARARGS | METH_KEYWORDS,
     "set_hooks(*, later, orders, aggregates): what the core knows of the Python side."},
    {NULL, NULL, 0, NULL},
};

static bool add_type(PyObject *module, PyTypeObject *(*create)(PyObject *module))
{
    PyTypeObject *type = create(module);
    return type != NULL && PyModule_AddType(module, type) == 0;
}

static bool fill(PyObject *module)
{
    invalid_class = PyErr_NewExceptionWithDoc(
        "mayfly._core.Invalid", "An argument is to blame; the sentence says how.", PyExc_ValueError, NULL);
    return invalid_class != NULL && PyModule_AddObjectRef(module, "Invalid", invalid_class) == 0 &&
           PyModule_AddStringConstant(module, "library_version", mayfly_version()) == 0 &&
           add_type(module, method_type_create) && add_type(module, blocking_type_create) &&
           add_type(module, driver_type_create) && add_type(module, loop_client_type_create) &&
           add_type(module, call_type_create) && add_type(module, blocking_subscription_type_create) &&
           add_type(module, loop_subscription_type_create);
}

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "mayfly._core",
                                        .m_doc = "libmayfly.", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && (!fill(module) || pthread_atfork(NULL, NULL, count_fork) != 0))
        Py_CLEAR(module);
    return module;
}
