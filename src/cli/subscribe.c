/* One poll waits for all that can happen: something from the server, a signal, and the reader of standard output going
 * away. Output is written by ourselves and not through stdio, so that a reader that is slow can hold up the next
 * message but not the signal that ends us; what the server drops meanwhile, it tells. */
#include "cli/subscribe.h"

#include "cli/json.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct listener {
    const struct settings *settings;
    uint64_t left; /* items to print */
    int signals;   /* readable when we are told to stop */
    bool done;
    int code;
};

static void finish(struct listener *listener, int code)
{
    listener->done = true;
    listener->code = code;
}

/* All of TEXT to standard output, unless a signal or the loss of the reader comes first. A pipe that is ready takes
 * PIPE_BUF bytes without waiting. */
static void deliver(struct listener *listener, const char *text, size_t size)
{
    while (size > 0 && !listener->done) {
        struct pollfd waits[] = {{.fd = listener->signals, .events = POLLIN},
                                 {.fd = STDOUT_FILENO, .events = POLLOUT}};
        if (poll(waits, 2, -1) < 0)
            continue;
        if (waits[0].revents != 0) {
            finish(listener, CLI_OK);
            return;
        }
        ssize_t written = write(STDOUT_FILENO, text, size < PIPE_BUF ? size : PIPE_BUF);
        if (written >= 0) {
            text += written;
            size -= (size_t)written;
        } else if (errno == EPIPE) {
            finish(listener, CLI_OK);
        } else if (errno != EINTR && errno != EAGAIN) {
            finish(listener, cli_fail(CLI_LOCAL, "standard output cannot be written"));
        }
    }
}

static void json_natural_member(struct json *json, const char *name, uint64_t number)
{
    json_name(json, name);
    json_natural(json, number);
}

static void json_item(struct json *json, const mayfly_topic_event *event)
{
    json_name(json, "value");
    json_bytes(json, event->value);
    json_name(json, "text");
    json_truth(json, event->is_text);
    json_natural_member(json, "sequence", event->sequence);
    json_natural_member(json, "page", event->page);
    if (event->publisher.size > 0) {
        json_name(json, "publisher");
        json_bytes(json, event->publisher);
    }
}

static void write_json(FILE *to, const mayfly_topic_event *event)
{
    static const char *const names[] = {[MAYFLY_TOPIC_SUBSCRIBED] = "subscribed",
                                        [MAYFLY_TOPIC_ITEM] = "item",
                                        [MAYFLY_TOPIC_DISCONTINUITY] = "discontinuity",
                                        [MAYFLY_TOPIC_RECONNECTING] = "reconnecting",
                                        [MAYFLY_TOPIC_ENDED] = "ended"};
    struct json json = json_to(to);
    json_open(&json, '{');
    json_name(&json, "event");
    json_text(&json, names[event->kind]);
    if (event->kind == MAYFLY_TOPIC_ITEM) {
        json_item(&json, event);
    } else if (event->kind == MAYFLY_TOPIC_DISCONTINUITY) {
        json_natural_member(&json, "last_sequence", event->last_sequence);
        json_natural_member(&json, "sequence", event->sequence);
        json_natural_member(&json, "page", event->page);
    } else if (event->kind == MAYFLY_TOPIC_RECONNECTING || event->kind == MAYFLY_TOPIC_ENDED) {
        json_name(&json, "status");
        json_text(&json, mayfly_status_name(event->status));
        json_name(&json, "message");
        json_text(&json, event->message);
    }
    json_close(&json, '}');
    json_newline(&json);
}

static void write_plain(FILE *to, const mayfly_topic_event *event)
{
    if (event->kind == MAYFLY_TOPIC_ITEM) {
        if (event->value.size > 0)
            (void)fwrite(event->value.data, 1, event->value.size, to);
        (void)fputc('\n', to);
    } else if (event->kind == MAYFLY_TOPIC_SUBSCRIBED) {
        (void)fprintf(stderr, "mayfly: subscribed\n");
    } else if (event->kind == MAYFLY_TOPIC_RECONNECTING) {
        (void)fprintf(stderr, "mayfly: reconnecting, %s: %s\n", mayfly_status_name(event->status),
                      event->message);
    } else if (event->kind == MAYFLY_TOPIC_DISCONTINUITY) {
        (void)fprintf(stderr, "mayfly: items are missing before number %" PRIu64 " of page %" PRIu64 "\n",
                      event->sequence, event->page);
    }
}

/* An event as a line, made whole before any of it is written. */
static void print_event(struct listener *listener, const mayfly_topic_event *event)
{
    char *line = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&line, &size);
    if (to == NULL) {
        finish(listener, cli_fail(CLI_LOCAL, "memory is out"));
        return;
    }
    (listener->settings->json ? write_json : write_plain)(to, event);
    bool whole = ferror(to) == 0;
    if (fclose(to) == 0 && whole)
        deliver(listener, line, size);
    else
        finish(listener, cli_fail(CLI_LOCAL, "memory is out"));
    free(line);
}

static void on_event(void *context, const mayfly_topic_event *event)
{
    struct listener *listener = context;
    if (listener->done || event->kind == MAYFLY_TOPIC_HEARTBEAT)
        return;
    print_event(listener, event);
    if (listener->done)
        return;
    if (event->kind == MAYFLY_TOPIC_ITEM && --listener->left == 0)
        finish(listener, CLI_OK);
    else if (event->kind == MAYFLY_TOPIC_ENDED)
        finish(listener, cli_fail(target_exit_code(event->status), "%s: %s",
                                  mayfly_status_name(event->status), event->message));
}

/* Waits for the server, a signal or the end of the reader, and does what is to be done then. */
static void listen_once(struct listener *listener, mayfly_client *client)
{
    struct pollfd waits[] = {{.fd = mayfly_client_descriptor(client), .events = POLLIN},
                             {.fd = listener->signals, .events = POLLIN},
                             {.fd = STDOUT_FILENO}};
    if (poll(waits, 3, mayfly_client_timeout_ms(client)) < 0)
        return;
    if (waits[1].revents != 0 || waits[2].revents != 0)
        finish(listener, CLI_OK);
    else
        (void)mayfly_client_step(client, false);
}

/* SIGINT and SIGTERM become something to read; that the reader is gone is told by write. -1 where that cannot be. */
static int take_signals(void)
{
    sigset_t stops;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGINT);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &stops, NULL);
    return signalfd(-1, &stops, SFD_CLOEXEC);
}

static int listen_until_told(struct listener *listener, const struct target *target)
{
    const struct settings *settings = &target->settings;
    const mayfly_topic_options options = {.cache = target->request.cache,
                                          .topic = target->request.key,
                                          .resume_at_sequence = (uint64_t)settings->resume,
                                          .resume_at_page = (uint64_t)settings->page};
    mayfly_subscription *subscription;
    mayfly_error error;
    mayfly_status status =
        mayfly_subscribe(target->client, &options, on_event, listener, &subscription, &error);
    if (status != MAYFLY_OK) /* nothing was sent yet */
        return cli_fail(status == MAYFLY_INVALID_ARGUMENT ? CLI_USAGE : target_exit_code(status), "%s: %s",
                        mayfly_status_name(status), error.message);
    while (!listener->done)
        listen_once(listener, target->client);
    mayfly_unsubscribe(subscription);
    return listener->code;
}

int subscribe_run(struct target *target)
{
    struct listener listener = {.settings = &target->settings, .left = target->request.limit};
    int code = listener.left > 0 ? target_connect(target) : CLI_OK;
    if (code != CLI_OK || listener.left == 0)
        return code;
    listener.signals = take_signals();
    if (listener.signals < 0)
        return cli_fail(CLI_LOCAL, "signals cannot be waited for: %s", strerror(errno));
    code = listen_until_told(&listener, target);
    (void)close(listener.signals);
    return code;
}
