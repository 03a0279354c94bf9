/* The settings of a client, from a dict: what libmayfly's configuration and credentials are made of. */
#include "core.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS_MAX 600000

/* --- Numbers of the configuration, all of 32 bits --- */

struct number {
    const char *name;
    size_t offset;
};

static const struct number numbers[] = {
    {"deadline_ms", offsetof(mayfly_configuration, deadline_ms)},
    {"retries", offsetof(mayfly_configuration, retries)},
    {"keepalive_interval_ms", offsetof(mayfly_configuration, keepalive_interval_ms)},
    {"keepalive_timeout_ms", offsetof(mayfly_configuration, keepalive_timeout_ms)},
    {"target_p999_us", offsetof(mayfly_configuration, target_p999_us)},
    {"max_in_flight", offsetof(mayfly_configuration, max_in_flight)},
    {"max_backlog", offsetof(mayfly_configuration, max_backlog)},
    {"min_channels", offsetof(mayfly_configuration, min_channels)},
    {"max_channels", offsetof(mayfly_configuration, max_channels)},
    {"max_request_bytes", offsetof(mayfly_configuration, max_request_bytes)},
    {"max_reply_bytes", offsetof(mayfly_configuration, max_reply_bytes)},
};

static bool read_u32(PyObject *given, const char *name, uint32_t *number)
{
    unsigned long value = PyLong_AsUnsignedLong(given);
    if (PyErr_Occurred())
        return false;
    if (value > UINT32_MAX) {
        PyErr_Format(PyExc_ValueError, "%s is more than 4,294,967,295", name);
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

static bool read_numbers(mayfly_configuration *configuration, PyObject *given)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        PyObject *value = PyDict_GetItemString(given, numbers[i].name);
        uint32_t number;
        if (value == NULL)
            continue;
        if (!read_u32(value, numbers[i].name, &number))
            return false;
        memcpy((char *)configuration + numbers[i].offset, &number, sizeof number);
    }
    PyObject *is_adaptive = PyDict_GetItemString(given, "is_adaptive");
    configuration->concurrency =
        is_adaptive != NULL && PyObject_IsTrue(is_adaptive) ? MAYFLY_ADAPTIVE : MAYFLY_FIXED;
    return true;
}

/* --- Texts of the credentials --- */

static bool read_text(const struct settings *settings, PyObject *given, const char *name, const char **text)
{
    PyObject *value = PyDict_GetItemString(given, name);
    if (value == NULL || value == Py_None)
        return true;
    Py_ssize_t size;
    *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (*text == NULL)
        return false;
    if (strlen(*text) != (size_t)size) {
        PyErr_Format(PyExc_ValueError, "%s contains a zero", name);
        return false;
    }
    return PyList_Append(settings->texts, value) == 0;
}

static bool read_credentials(struct settings *settings, PyObject *given)
{
    mayfly_credentials *credentials = &settings->credentials;
    PyObject *port = PyDict_GetItemString(given, "port");
    PyObject *uses_tls = PyDict_GetItemString(given, "uses_tls");
    PyObject *ca_pem = PyDict_GetItemString(given, "ca_pem");
    uint32_t number = 0;
    if (port != NULL && !read_u32(port, "port", &number))
        return false;
    if (number == 0 || number > UINT16_MAX) {
        PyErr_SetString(PyExc_ValueError, "a port is 1 to 65,535");
        return false;
    }
    credentials->port = (uint16_t)number;
    credentials->tls.is_on = uses_tls != NULL && PyObject_IsTrue(uses_tls) > 0;
    if (ca_pem != NULL && PyBytes_Check(ca_pem)) {
        Py_INCREF(ca_pem);
        settings->ca_pem = ca_pem;
    }
    return read_text(settings, given, "cache_host", &credentials->cache_host) &&
           read_text(settings, given, "control_host", &credentials->control_host) &&
           read_text(settings, given, "api_key", &credentials->api_key);
}

static bool read_default_ttl(struct settings *settings, PyObject *given)
{
    PyObject *ttl = PyDict_GetItemString(given, "default_ttl_ms");
    settings->default_ttl_ms = ttl != NULL ? PyLong_AsUnsignedLongLong(ttl) : 1;
    return !PyErr_Occurred();
}

bool settings_read(struct settings *settings, PyObject *given)
{
    *settings = (struct settings){.configuration = mayfly_configuration_laptop()};
    settings->texts = PyList_New(0);
    if (settings->texts == NULL || !read_numbers(&settings->configuration, given) ||
        !read_credentials(settings, given) || !read_default_ttl(settings, given))
        return false;
    settings->configuration.name = "python";
    settings->configuration.connect_timeout_ms = 0;
    const char *problem = mayfly_configuration_problem(&settings->configuration);
    if (problem != NULL)
        PyErr_SetString(PyExc_ValueError, problem);
    return problem == NULL;
}

void settings_free(struct settings *settings)
{
    Py_CLEAR(settings->texts);
    Py_CLEAR(settings->ca_pem);
}

/* --- Opening --- */

/* A file in memory that holds a certificate; -1 with errno. */
static int write_certificate(PyObject *pem)
{
    int descriptor = memfd_create("mayfly-ca", MFD_CLOEXEC);
    const char *bytes = PyBytes_AS_STRING(pem);
    size_t left = (size_t)PyBytes_GET_SIZE(pem);
    while (descriptor >= 0 && left > 0) {
        ssize_t written = write(descriptor, bytes, left);
        if (written < 0) {
            (void)close(descriptor);
            return -1;
        }
        bytes += written;
        left -= (size_t)written;
    }
    return descriptor;
}

static mayfly_status open_trusting(const struct settings *settings, const mayfly_configuration *configuration,
                                   mayfly_drive drive, mayfly_client **client, mayfly_error *error)
{
    mayfly_credentials credentials = settings->credentials;
    char path[64];
    int descriptor = write_certificate(settings->ca_pem);
    if (descriptor < 0) {
        error->status = MAYFLY_RESOURCE_EXHAUSTED;
        (void)snprintf(error->message, sizeof error->message, "the root certificates cannot be kept: %s",
                       strerror(errno));
        return error->status;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    credentials.tls.ca_file = path;
    mayfly_status status = mayfly_client_open(configuration, &credentials, drive, client, error);
    (void)close(descriptor);
    if (status ==
        MAYFLY_INVALID_ARGUMENT) /* a certificate that is none: as with one that is not trusted, ... */
        error->status = status = MAYFLY_UNAVAILABLE; /* ... there is no way to the server */
    return status;
}

mayfly_status settings_open(const struct settings *settings, mayfly_drive drive, uint32_t connect_timeout_ms,
                            mayfly_client **client, mayfly_error *error)
{
    mayfly_configuration configuration = settings->configuration;
    PyThreadState *state = connect_timeout_ms > 0 ? PyEval_SaveThread() : NULL;
    configuration.connect_timeout_ms = connect_timeout_ms;
    *error = (mayfly_error){.status = MAYFLY_OK};
    mayfly_status status =
        settings->ca_pem != NULL
            ? open_trusting(settings, &configuration, drive, client, error)
            : mayfly_client_open(&configuration, &settings->credentials, drive, client, error);
    if (state != NULL)
        PyEval_RestoreThread(state);
    return status;
}

bool connect_timeout_read(PyObject *given, uint32_t *timeout_ms)
{
    unsigned long ms = PyLong_AsUnsignedLong(given);
    *timeout_ms = ms < CONNECT_TIMEOUT_MS_MAX ? (uint32_t)ms : CONNECT_TIMEOUT_MS_MAX;
    return !PyErr_Occurred();
}

/* --- Seen from outside --- */

const mayfly_error client_closed = {.status = MAYFLY_FAILED_PRECONDITION,
                                    .message = "this client was closed"};

PyObject *text_build(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

PyObject *problem_build(const mayfly_error *error)
{
    return Py_BuildValue("(iN)", (int)error->status, text_build(error->message));
}

PyObject *counts_build(const mayfly_client *client)
{
    mayfly_client_counts counts = mayfly_client_count(client);
    return Py_BuildValue(
        "{sIsIsIsIsOsKsKsKsKsKsK}", "in_flight", counts.in_flight, "limit", counts.limit, "waiting",
        counts.backlog, "connections", counts.connections, "is_target_unmet",
        counts.is_target_unmet ? Py_True : Py_False, "calls", (unsigned long long)counts.calls, "failures",
        (unsigned long long)counts.failures, "retries", (unsigned long long)counts.retries, "refused_retries",
        (unsigned long long)counts.refused_retries, "connects", (unsigned long long)counts.connects,
        "disconnects", (unsigned long long)counts.disconnects);
}
