/* Subscriptions to topics, read by a thread that waits or awaited in a loop. What comes is told to Python as a tuple
 * (kind, value, sequence, page, last_sequence, status, message), where kind is a mayfly_topic_event_kind and value is str
 * or bytes as it was published. */
#include "core.h"

#include <stdatomic.h>
#include <stdlib.h>

#define SLICE_MS       50 /* of waiting, between looks at signals and at whether the client is open */
#define FEED_BYTES_MAX ((size_t)4 * 1024 * 1024) /* one more item may lie above it */
#define EVENT_FORMAT   "(iOKKKiN)"
#define CLOSED_MESSAGE "the client was closed"
#define UNSUBSCRIBED   "the subscription was ended by unsubscribe"

static PyObject *event_build(const mayfly_topic_event *event)
{
    const char *data = event->value.size > 0 ? event->value.data : "";
    PyObject *value = event->is_text ? PyUnicode_DecodeUTF8(data, (Py_ssize_t)event->value.size, "replace")
                                     : PyBytes_FromStringAndSize(data, (Py_ssize_t)event->value.size);
    PyObject *built =
        value != NULL
            ? Py_BuildValue(EVENT_FORMAT, (int)event->kind, value, (unsigned long long)event->sequence,
                            (unsigned long long)event->page, (unsigned long long)event->last_sequence,
                            (int)event->status, text_build(event->message))
            : NULL;
    Py_XDECREF(value);
    return built;
}

static PyObject *ended_build(const char *message)
{
    const mayfly_topic_event ended = {
        .kind = MAYFLY_TOPIC_ENDED, .status = MAYFLY_CANCELLED, .message = message};
    return event_build(&ended);
}

static bool read_position(PyObject *given, const char *name, uint64_t *position)
{
    if (PyLong_Check(given))
        *position = PyLong_AsUnsignedLongLong(given);
    if (PyLong_Check(given) && !PyErr_Occurred())
        return true;
    PyErr_Clear();
    return invalid("%s must be an integer from 0 to 18446744073709551615", name);
}

bool topic_options_read(mayfly_topic_options *options, PyObject *arguments)
{
    const char *topic;
    Py_ssize_t size;
    PyObject *sequence, *page;
    *options = (mayfly_topic_options){.cache = NULL};
    if (!PyArg_ParseTuple(arguments, "ss#OO", &options->cache, &topic, &size, &sequence, &page))
        return false;
    options->topic = (mayfly_bytes){topic, (size_t)size};
    return read_position(sequence, "resume_at_topic_sequence_number", &options->resume_at_sequence) &&
           read_position(page, "resume_at_topic_sequence_page", &options->resume_at_page);
}

/* --- Read by threads --- */

struct blocking_subscription {
    PyObject ob_base;
    PyObject *owner;
    mayfly_client *client; /* whose it is: when the owner has another one, it is gone */
    mayfly_subscription *subscription;
    unsigned long forks;
    bool is_read;     /* a thread waits for its next event */
    bool is_unwanted; /* unsubscribe was called */
};

static PyTypeObject *blocking_subscription_type;

/* The client, entered, if it is still the one that subscribed; else NULL. */
static mayfly_client *enter(struct blocking_subscription *self)
{
    mayfly_error error;
    if (self->subscription == NULL || self->forks != fork_count)
        return NULL;
    mayfly_client *client = blocking_enter(self->owner, &error);
    if (client != NULL && client != self->client) {
        blocking_leave(self->owner);
        client = NULL;
    }
    return client;
}

static void end_blocking(struct blocking_subscription *self)
{
    if (enter(self) != NULL) {
        mayfly_unsubscribe(self->subscription);
        blocking_leave(self->owner);
    }
    self->subscription = NULL;
}

/* Waits for a slice of time. *EVENT is NULL where nothing came in it. */
static mayfly_status wait_slice(struct blocking_subscription *self, mayfly_topic_event **event)
{
    mayfly_status status = MAYFLY_CANCELLED;
    *event = NULL;
    if (enter(self) == NULL)
        return status;
    Py_BEGIN_ALLOW_THREADS;
    status = mayfly_subscription_next(self->subscription, SLICE_MS, event);
    Py_END_ALLOW_THREADS;
    blocking_leave(self->owner);
    return status;
}

static PyObject *blocking_subscription_next(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    struct blocking_subscription *self = (struct blocking_subscription *)object;
    if (self->is_read && self->forks == fork_count) { /* a parent's threads are not here */
        PyErr_SetString(PyExc_RuntimeError, "another thread is reading this subscription");
        return NULL;
    }
    self->is_read = true;
    mayfly_topic_event *event = NULL;
    mayfly_status status = MAYFLY_DEADLINE_EXCEEDED;
    while (status == MAYFLY_DEADLINE_EXCEEDED && !self->is_unwanted && PyErr_CheckSignals() == 0)
        status = wait_slice(self, &event);
    self->is_read = false;
    if (self->is_unwanted)
        end_blocking(self);
    if (event != NULL) {
        PyObject *built = event_build(event);
        mayfly_topic_event_free(event);
        return built;
    }
    if (PyErr_Occurred())
        return NULL;
    return ended_build(self->is_unwanted ? UNSUBSCRIBED : CLOSED_MESSAGE);
}

static PyObject *blocking_subscription_unsubscribe(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    struct blocking_subscription *self = (struct blocking_subscription *)object;
    self->is_unwanted = true;
    if (!self->is_read || self->forks != fork_count) /* else the thread that reads does it */
        end_blocking(self);
    Py_RETURN_NONE;
}

PyObject *blocking_subscribe(PyObject *owner, mayfly_client *client, const mayfly_topic_options *options)
{
    struct blocking_subscription *self =
        PyObject_New(struct blocking_subscription, blocking_subscription_type);
    if (self == NULL)
        return NULL;
    Py_INCREF(self->owner = owner);
    self->client = client;
    self->subscription = NULL;
    self->forks = fork_count;
    self->is_read = self->is_unwanted = false;
    mayfly_error error;
    if (mayfly_subscribe(client, options, NULL, NULL, &self->subscription, &error) == MAYFLY_OK)
        return (PyObject *)self;
    Py_DECREF(self);
    return problem_build(&error);
}

static void blocking_subscription_dealloc(PyObject *object)
{
    struct blocking_subscription *self = (struct blocking_subscription *)object;
    PyTypeObject *type = Py_TYPE(object);
    end_blocking(self);
    Py_DECREF(self->owner);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef blocking_subscription_methods[] = {
    {"next", blocking_subscription_next, METH_NOARGS,
     "next() -> event: waits for it. The last one tells of the end."},
    {"unsubscribe", blocking_subscription_unsubscribe, METH_NOARGS, "unsubscribe(): from any thread."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot blocking_subscription_slots[] = {
    {Py_tp_doc, "A subscription that a thread reads."},
    {Py_tp_dealloc, blocking_subscription_dealloc},
    {Py_tp_methods, blocking_subscription_methods},
    {0, NULL},
};

static PyType_Spec blocking_subscription_spec = {
    "mayfly._core.BlockingSubscription", sizeof(struct blocking_subscription), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, blocking_subscription_slots};

PyTypeObject *blocking_subscription_type_create(PyObject *module)
{
    return blocking_subscription_type =
               (PyTypeObject *)PyType_FromModuleAndSpec(module, &blocking_subscription_spec, NULL);
}

/* --- Awaited in loops --- */

/* A copy of an event, with what it points at behind it. */
struct kept_event {
    struct kept_event *next;
    mayfly_topic_event event;
};

struct loop_subscription;

/* What libmayfly tells a subscription. It outlives the Python object where that goes while libmayfly is at work, on another
 * thread and without the interpreter lock: then only is_left and next_left may be touched. */
struct feed {
    struct driver *driver;
    mayfly_subscription *subscription;
    struct loop_subscription *reader; /* the Python object, while it is there */
    struct kept_event *first;
    struct kept_event **end;
    size_t bytes;           /* of what is kept */
    uint64_t last_sequence; /* what was kept or told to be missing last */
    bool has_gap;           /* something behind it was dropped ... */
    uint64_t gap_sequence;  /* ... up to, but not, this item */
    uint64_t gap_page;
    bool is_stirred;
    struct feed *next_stirred; /* of the driver's */
    atomic_bool is_left;       /* nobody wants it any more */
    struct feed *next_left;    /* of the driver's */
};

struct loop_subscription {
    PyObject ob_base;
    PyObject *owner;
    struct driver *driver;
    struct feed *feed;
    struct call *waiting; /* for the next event; NULL: nobody does */
    bool is_over;         /* the end was told, or unsubscribe was called */
};

static PyTypeObject *loop_subscription_type;

/* Without the interpreter lock, as what follows up to on_event. False when memory is out. */
static bool feed_keep(struct feed *feed, const mayfly_topic_event *event)
{
    size_t message = strlen(event->message) + 1;
    struct kept_event *kept = malloc(sizeof *kept + event->value.size + message);
    if (kept == NULL)
        return false;
    char *bytes = (char *)(kept + 1);
    kept->next = NULL;
    kept->event = *event;
    kept->event.publisher = (mayfly_bytes){NULL, 0};
    if (event->value.size > 0)
        memcpy(bytes, event->value.data, event->value.size);
    memcpy(bytes + event->value.size, event->message, message);
    kept->event.value.data = bytes;
    kept->event.message = bytes + event->value.size;
    *feed->end = kept;
    feed->end = &kept->next;
    feed->bytes += sizeof *kept + event->value.size;
    return true;
}

/* Tells that items up to SEQUENCE were dropped. */
static void feed_tell_gap(struct feed *feed, uint64_t sequence, uint64_t page)
{
    const mayfly_topic_event gap = {.kind = MAYFLY_TOPIC_DISCONTINUITY,
                                    .sequence = sequence,
                                    .page = page,
                                    .last_sequence = feed->last_sequence,
                                    .message = ""};
    feed->has_gap = !feed_keep(feed, &gap);
    if (!feed->has_gap)
        feed->last_sequence = sequence - 1;
}

/* Keeps an item or a discontinuity; what was dropped before it is told first. */
static void feed_numbered(struct feed *feed, const mayfly_topic_event *event)
{
    bool is_item = event->kind == MAYFLY_TOPIC_ITEM;
    bool has_room = feed->bytes < FEED_BYTES_MAX;
    bool is_told = false;
    if (feed->has_gap && has_room) {
        feed_tell_gap(feed, event->sequence, event->page);
        is_told = !is_item && !feed->has_gap;
    }
    if (is_told || (has_room && !feed->has_gap && feed_keep(feed, event))) {
        feed->last_sequence = is_item ? event->sequence : event->sequence - 1;
        return;
    }
    feed->has_gap = true;
    feed->gap_sequence = is_item ? event->sequence + 1 : event->sequence;
    feed->gap_page = event->page;
}

static void on_event(void *context, const mayfly_topic_event *event)
{
    struct feed *feed = context;
    if (atomic_load(&feed->is_left) || event->kind == MAYFLY_TOPIC_HEARTBEAT)
        return;
    if (event->kind == MAYFLY_TOPIC_ENDED && feed->has_gap)
        feed_tell_gap(feed, feed->gap_sequence, feed->gap_page);
    if (event->kind == MAYFLY_TOPIC_ITEM || event->kind == MAYFLY_TOPIC_DISCONTINUITY)
        feed_numbered(feed, event);
    else
        (void)feed_keep(feed, event);
    if (!feed->is_stirred) {
        feed->is_stirred = true;
        feed->next_stirred = feed->driver->stirred;
        feed->driver->stirred = feed;
    }
}

static void feed_free(struct feed *feed)
{
    while (feed->first != NULL) {
        struct kept_event *kept = feed->first;
        feed->first = kept->next;
        free(kept);
    }
    free(feed);
}

/* Ends what nobody wants any more. Not while libmayfly is at work. */
static void feed_end(struct feed *feed)
{
    struct driver *driver = feed->driver;
    if (driver->client != NULL && driver->forks == fork_count && feed->subscription != NULL) {
        mayfly_unsubscribe(feed->subscription);
        driver_stir_from_anywhere(driver); /* the server is to hear of it */
    }
    feed_free(feed);
}

/* Whether there is something to take; who has read all that was kept is told what was dropped behind it. */
static bool feed_has_news(struct feed *feed)
{
    if (feed->first == NULL && feed->has_gap)
        feed_tell_gap(feed, feed->gap_sequence, feed->gap_page);
    return feed->first != NULL;
}

/* The first event that is kept, as a tuple; NULL with an exception. */
static PyObject *feed_take(struct feed *feed)
{
    struct kept_event *kept = feed->first;
    feed->first = kept->next;
    if (feed->first == NULL)
        feed->end = &feed->first;
    feed->bytes -= sizeof *kept + kept->event.value.size;
    PyObject *built = event_build(&kept->event);
    free(kept);
    return built;
}

static PyObject *take(struct loop_subscription *self)
{
    self->is_over |= self->feed->first->event.kind == MAYFLY_TOPIC_ENDED;
    return feed_take(self->feed);
}

/* Tells who waits that there is something to take. */
static void wake(struct loop_subscription *self)
{
    struct call *waiting = self->waiting;
    self->waiting = NULL;
    if (waiting != NULL)
        call_finish(waiting);
    Py_XDECREF(waiting);
}

bool subscriptions_deliver(struct driver *driver)
{
    bool is_read = false;
    while (driver->stirred != NULL) {
        struct feed *feed = driver->stirred;
        driver->stirred = feed->next_stirred;
        feed->is_stirred = false;
        if (feed->reader != NULL && feed->first != NULL) {
            is_read = true;
            wake(feed->reader);
        }
    }
    while (driver->left != NULL) {
        struct feed *feed = driver->left;
        driver->left = feed->next_left;
        feed_end(feed);
    }
    return is_read;
}

static bool is_gone(const struct loop_subscription *self)
{
    return self->driver->client == NULL || self->driver->forks != fork_count;
}

static PyObject *loop_subscription_take(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    struct loop_subscription *self = (struct loop_subscription *)object;
    if (self->is_over)
        return ended_build(UNSUBSCRIBED);
    if (feed_has_news(self->feed))
        return take(self);
    if (is_gone(self))
        return ended_build(CLOSED_MESSAGE);
    Py_RETURN_NONE;
}

/* One task at a time. */
static PyObject *loop_subscription_wait(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    struct loop_subscription *self = (struct loop_subscription *)object;
    if (self->is_over || feed_has_news(self->feed) || is_gone(self)) {
        Py_INCREF(Py_None);
        return call_ended(self->driver->loop, Py_None);
    }
    if (self->waiting != NULL && call_is_pending(self->waiting)) {
        PyErr_SetString(PyExc_RuntimeError, "another task is reading this subscription");
        return NULL;
    }
    Py_XDECREF(self->waiting); /* that was cancelled */
    self->waiting = call_future(self->driver);
    Py_XINCREF(self->waiting);
    return (PyObject *)self->waiting;
}

static PyObject *loop_subscription_unsubscribe(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    struct loop_subscription *self = (struct loop_subscription *)object;
    struct driver *driver = self->driver;
    if (self->is_over)
        Py_RETURN_NONE;
    self->is_over = true;
    if (self->feed->subscription != NULL && !is_gone(self) && !driver->is_stepping) {
        mayfly_unsubscribe(self->feed->subscription);
        self->feed->subscription = NULL;
        driver_stir_from_anywhere(driver);
    }
    wake(self);
    Py_RETURN_NONE;
}

PyObject *loop_subscribe(PyObject *owner, struct driver *driver, const mayfly_topic_options *options)
{
    struct loop_subscription *self = PyObject_New(struct loop_subscription, loop_subscription_type);
    if (self == NULL)
        return NULL;
    Py_INCREF(self->owner = owner);
    Py_INCREF(self->driver = driver);
    self->waiting = NULL;
    self->is_over = false;
    self->feed = calloc(1, sizeof *self->feed);
    if (self->feed == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    self->feed->driver = driver;
    self->feed->reader = self;
    self->feed->end = &self->feed->first;
    if (options->resume_at_sequence > 0)
        self->feed->last_sequence = options->resume_at_sequence - 1;
    mayfly_error error;
    if (mayfly_subscribe(driver->client, options, on_event, self->feed, &self->feed->subscription, &error) !=
        MAYFLY_OK) {
        Py_DECREF(self);
        return problem_build(&error);
    }
    if (!driver_stir(driver))
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* Where libmayfly is at work on another thread, or the feed is still to be looked at, it ends after that. */
static void leave_feed(struct feed *feed)
{
    struct driver *driver = feed->driver;
    feed->reader = NULL;
    atomic_store(&feed->is_left, true);
    if (!driver->is_stepping && !feed->is_stirred) {
        feed_end(feed);
        return;
    }
    feed->next_left = driver->left;
    driver->left = feed;
}

static void loop_subscription_dealloc(PyObject *object)
{
    struct loop_subscription *self = (struct loop_subscription *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject *error_type, *error, *traceback;
    PyErr_Fetch(&error_type, &error, &traceback);
    if (self->feed != NULL)
        leave_feed(self->feed);
    PyErr_Restore(error_type, error, traceback);
    Py_XDECREF(self->waiting);
    Py_DECREF(self->driver);
    Py_DECREF(self->owner);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMethodDef loop_subscription_methods[] = {
    {"take", loop_subscription_take, METH_NOARGS,
     "take() -> event, or None where there is none yet. The last one tells of the end."},
    {"wait", loop_subscription_wait, METH_NOARGS, "wait() -> awaitable: until there is something to take."},
    {"unsubscribe", loop_subscription_unsubscribe, METH_NOARGS, "unsubscribe(): in the loop's thread."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot loop_subscription_slots[] = {
    {Py_tp_doc, "A subscription whose events are awaited."},
    {Py_tp_dealloc, loop_subscription_dealloc},
    {Py_tp_methods, loop_subscription_methods},
    {0, NULL},
};

static PyType_Spec loop_subscription_spec = {
    "mayfly._core.LoopSubscription", sizeof(struct loop_subscription), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, loop_subscription_slots};

PyTypeObject *loop_subscription_type_create(PyObject *module)
{
    return loop_subscription_type =
               (PyTypeObject *)PyType_FromModuleAndSpec(module, &loop_subscription_spec, NULL);
}
