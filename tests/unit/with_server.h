/* A real server in a process of its own, for tests of what talks to it. It listens on a port of the system's
 * choice, which is read from its log, and ends with the test. */
#ifndef MAYFLY_TESTS_WITH_SERVER_H
#define MAYFLY_TESTS_WITH_SERVER_H

#include "server/server.h"

#include <mayfly/mayfly.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct test_server {
    pid_t pid;
    uint16_t port;
    int log_fd;
};

/* In the child: serves until told to stop. OPTIONS are names and values in turn, closed by NULL. */
static inline _Noreturn void server_child(int log_fd, rlim_t descriptors, const char *const *options)
{
    struct server_settings settings;
    struct option_set set;
    char error[SERVER_ERROR_BYTES] = "";
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (descriptors > 0) {
        const struct rlimit limit = {descriptors, descriptors};
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    bool is_set = options_init(&set, server_options, server_options_count, &settings) &&
                  options_set(&set, "listen", "127.0.0.1:0") && options_set(&set, "memory-limit", "64mib");
    for (size_t i = 0; is_set && options[i] != NULL; i += 2)
        is_set = options_set(&set, options[i], options[i + 1]);
    const struct log log = {.fd = log_fd, .level = LOG_INFO, .format = LOG_AS_JSON};
    bool is_ok = is_set && server_run(&settings, &log, error);
    if (!is_ok)
        (void)fprintf(stderr, "the server did not run: %s %s\n", set.error, error);
    options_free(&set);
    _exit(is_ok ? 0 : 1);
}

/* Reads the server's log until it tells the port. */
static inline uint16_t server_read_port(int log_fd)
{
    char text[4096];
    size_t size = 0;
    const char *port = NULL;
    while (port == NULL) {
        ssize_t more = read(log_fd, text + size, sizeof text - 1 - size);
        assert_true(more > 0);
        size += (size_t)more;
        text[size] = '\0';
        const char *listening = strstr(text, "\"event\":\"listening\"");
        if (listening != NULL && strchr(listening, '}') != NULL)
            port = strstr(listening, "\"port\":");
    }
    return (uint16_t)strtoul(port + strlen("\"port\":"), NULL, 10);
}

static inline struct test_server server_start_limited(rlim_t descriptors, const char *const *options)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct test_server server = {.log_fd = ends[0]};
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        (void)close(ends[0]);
        server_child(ends[1], descriptors, options);
    }
    (void)close(ends[1]);
    server.port = server_read_port(server.log_fd);
    return server;
}

#define SERVER_PLAIN ((const char *const[]){"cache", "cache", NULL})

static inline struct test_server server_start(const char *const *options)
{
    return server_start_limited(0, options);
}

/* Ends the server as an operator would; it must end well. */
static inline void server_stop(struct test_server *server)
{
    int status = -1;
    assert_int_equal(kill(server->pid, SIGTERM), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    (void)close(server->log_fd);
    assert_int_equal(status, 0);
}

static inline void server_kill(struct test_server *server)
{
    assert_int_equal(kill(server->pid, SIGKILL), 0);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    (void)close(server->log_fd);
}

/* --- Clients --- */

static inline mayfly_client *client_open_with(const mayfly_configuration *configuration, uint16_t port,
                                              mayfly_drive drive)
{
    const mayfly_credentials credentials = mayfly_credentials_local("127.0.0.1", port);
    mayfly_client *client;
    mayfly_error error;
    mayfly_status status = mayfly_client_open(configuration, &credentials, drive, &client, &error);
    if (status != MAYFLY_OK)
        fail_msg("%s", error.message);
    return client;
}

static inline mayfly_client *client_open_to(uint16_t port, mayfly_drive drive)
{
    const mayfly_configuration configuration = mayfly_configuration_laptop_v1();
    return client_open_with(&configuration, port, drive);
}

static inline mayfly_reply *call(mayfly_client *client, mayfly_request request)
{
    mayfly_reply *reply;
    mayfly_status status = mayfly_call(client, &request, &reply);
    assert_non_null(reply);
    assert_int_equal(reply->status, status);
    return reply;
}

/* Makes a call that must succeed, and gives its outcome. */
static inline mayfly_outcome outcome_of(mayfly_client *client, mayfly_request request)
{
    mayfly_reply *reply = call(client, request);
    if (reply->status != MAYFLY_OK)
        fail_msg("%s: %s", mayfly_status_name(reply->status), reply->message);
    mayfly_outcome outcome = reply->outcome;
    mayfly_reply_free(reply);
    return outcome;
}

/* Makes a call, and gives its status; where it is not OK, a sentence must say why. */
static inline mayfly_status status_of(mayfly_client *client, mayfly_request request)
{
    mayfly_reply *reply = call(client, request);
    mayfly_status status = reply->status;
    if (status != MAYFLY_OK)
        assert_true(strlen(reply->message) > 0);
    mayfly_reply_free(reply);
    return status;
}

static inline void assert_bytes(mayfly_bytes bytes, const char *expected)
{
    assert_int_equal(bytes.size, strlen(expected));
    if (bytes.size > 0)
        assert_memory_equal(bytes.data, expected, bytes.size);
}

#endif
