/* A client in a loop of the program's own around epoll: lines that come in on standard input are stored one by one as
 * they come, while earlier ones are still on their way, and the program ends when the last is stored.
 *
 *     mayfly serve --cache example &
 *     seq 1000 | epoll 127.0.0.1 8080 example */
#include <errno.h>
#include <mayfly/adapters/epoll.h>
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EVENTS     8
#define LINE_BYTES 4096
#define TTL_MS     60000

struct program {
    mayfly_client *client;
    const char *cache;
    int epoll_fd;
    char line[LINE_BYTES]; /* what of a line has come */
    size_t size;
    bool has_ended; /* the input */
    int under_way;
    int stored;
    int failed;
};

static void on_stored(void *context, const mayfly_reply *reply)
{
    struct program *program = context;
    program->under_way--;
    if (reply->status == MAYFLY_OK) {
        program->stored++;
    } else {
        program->failed++;
        (void)fprintf(stderr, "%s: %s\n", mayfly_status_name(reply->status), reply->message);
    }
}

static void store(struct program *program, const char *line, size_t size)
{
    const mayfly_bytes bytes = {line, size};
    const mayfly_request set = mayfly_set(program->cache, bytes, bytes, TTL_MS);
    if (mayfly_start(program->client, &set, on_stored, program, NULL) == MAYFLY_OK) {
        program->under_way++;
    } else {
        program->failed++;
        (void)fprintf(stderr, "%s\n",
                      mayfly_request_problem(&set) != NULL ? mayfly_request_problem(&set)
                                                           : "the client takes no more calls");
    }
}

/* Takes the lines that are complete; the rest waits for its end. */
static void take_lines(struct program *program)
{
    char *line = program->line;
    char *end;
    while ((end = memchr(line, '\n', program->size)) != NULL) {
        size_t size = (size_t)(end - line);
        store(program, line, size);
        program->size -= size + 1;
        line = end + 1;
    }
    memmove(program->line, line, program->size);
}

static void read_input(struct program *program)
{
    ssize_t size = read(STDIN_FILENO, program->line + program->size, LINE_BYTES - program->size);
    if (size < 0 && errno == EINTR)
        return;
    if (size > 0) {
        program->size += (size_t)size;
        take_lines(program);
        if (program->size < LINE_BYTES)
            return;
        program->failed++;
        (void)fprintf(stderr, "a line is longer than %d bytes; the rest is not read\n", LINE_BYTES - 1);
    } else if (program->size > 0) {
        store(program, program->line, program->size); /* the last one, without its newline */
    }
    program->has_ended = true;
    (void)epoll_ctl(program->epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

/* One turn of the loop; false when it cannot go on. */
static bool turn(struct program *program)
{
    struct epoll_event events[EVENTS];
    int timeout_ms = mayfly_epoll_before_wait(program->client, -1);
    int count = epoll_wait(program->epoll_fd, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == program->client)
            mayfly_epoll_ready(program->client);
        else
            read_input(program);
    }
    return count >= 0 || errno == EINTR;
}

static bool run(struct program *program)
{
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = program};
    program->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(program->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0 ||
        mayfly_epoll_attach(program->client, program->epoll_fd, program->client) != 0) {
        perror("epoll"); /* it takes pipes and terminals, but no files */
        return false;
    }
    while ((!program->has_ended || program->under_way > 0) && turn(program)) {}
    (void)mayfly_epoll_detach(program->client, program->epoll_fd);
    (void)close(program->epoll_fd);
    (void)printf("%d lines stored, %d failed\n", program->stored, program->failed);
    return program->has_ended && program->failed == 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s HOST PORT CACHE\n", argv[0]);
        return 2;
    }
    const mayfly_configuration configuration = mayfly_configuration_in_region_default();
    const mayfly_credentials credentials =
        mayfly_credentials_local(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    struct program program = {.cache = argv[3]};
    mayfly_error error;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &program.client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    bool ok = run(&program);
    mayfly_client_close(program.client);
    return ok ? 0 : 1;
}
