#include "bench/child.h"

#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NO_PROGRAM 127

/* What becomes of the child between fork and exec. */
static _Noreturn void become(const char *const *arguments, int said, pid_t parent)
{
    int nothing = open("/dev/null", O_RDWR);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    if (getppid() == parent && nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        dup2(nothing, STDOUT_FILENO) >= 0 && dup2(said, STDERR_FILENO) >= 0)
        (void)execvp(arguments[0], (char *const *)(uintptr_t)arguments); /* it changes none */
    _exit(EXIT_NO_PROGRAM);
}

bool child_start(struct child *child, const char *const *arguments, char error[CHILD_ERROR_BYTES])
{
    int ends[2];
    pid_t parent = getpid();
    *child = (struct child){.pid = -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        (void)snprintf(error, CHILD_ERROR_BYTES, "no pipe can be made: %s", strerror(errno));
        return false;
    }
    child->pid = fork();
    if (child->pid == 0)
        become(arguments, ends[1], parent);
    (void)close(ends[1]);
    child->said = child->pid > 0 ? fdopen(ends[0], "r") : NULL;
    if (child->said != NULL)
        return true;
    (void)snprintf(error, CHILD_ERROR_BYTES, "%.100s cannot be started: %s", arguments[0], strerror(errno));
    (void)close(ends[0]);
    child_stop(child);
    return false;
}

static int status_of(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_NO_PROGRAM;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_wait(struct child *child, char last[CHILD_ERROR_BYTES])
{
    char line[CHILD_ERROR_BYTES];
    bool is_told = false;
    last[0] = '\0';
    for (;;) {
        errno = 0;
        if (fgets(line, sizeof line, child->said) != NULL) {
            (void)snprintf(last, CHILD_ERROR_BYTES, "%.*s", (int)strcspn(line, "\n"), line);
        } else if (errno == EINTR) {
            clearerr(child->said);
        } else {
            break;
        }
        if (bench_signal() != 0 && !is_told) {
            (void)kill(child->pid, SIGINT);
            is_told = true;
        }
    }
    (void)fclose(child->said);
    child->said = NULL;
    int status = status_of(child->pid);
    child->pid = -1;
    return status;
}

/* The number behind "port": in a line of the server's log that says where it listens; 0: it does not. */
static uint16_t port_of(const char *line)
{
    const char *port = strstr(line, "\"event\":\"listening\"") != NULL ? strstr(line, "\"port\":") : NULL;
    return port != NULL ? (uint16_t)atoi(port + strlen("\"port\":")) : 0;
}

bool child_serve(struct child *child, const char *cache, uint16_t *port, char error[CHILD_ERROR_BYTES])
{
    const char *const arguments[] = {"/proc/self/exe", "serve", "--listen", "127.0.0.1:0",
                                     "--cache",        cache,   NULL};
    char line[CHILD_ERROR_BYTES * 4];
    *port = 0;
    if (!child_start(child, arguments, error))
        return false;
    (void)snprintf(error, CHILD_ERROR_BYTES, "the server ended before it listened");
    while (*port == 0 && fgets(line, sizeof line, child->said) != NULL) {
        *port = port_of(line);
        if (*port == 0)
            (void)snprintf(error, CHILD_ERROR_BYTES, "the server did not start: %.*s",
                           (int)strcspn(line, "\n") < 200 ? (int)strcspn(line, "\n") : 200, line);
    }
    (void)fclose(child->said); /* its log may go on without a reader */
    child->said = NULL;
    if (*port == 0)
        child_stop(child);
    return *port != 0;
}

void child_stop(struct child *child)
{
    if (child->said != NULL)
        (void)fclose(child->said);
    child->said = NULL;
    if (child->pid <= 0)
        return;
    (void)kill(child->pid, SIGTERM);
    (void)status_of(child->pid);
    child->pid = -1;
}
