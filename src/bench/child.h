/* Other programs that an experiment needs: a server of its own, and load generators in another language. A child hears
 * no signals of the terminal's, and does not outlive this process. */
#ifndef MAYFLY_BENCH_CHILD_H
#define MAYFLY_BENCH_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define CHILD_ERROR_BYTES 320

struct child {
    pid_t pid;
    FILE *said; /* its standard error */
};

/* Starts it, found as the shell finds programs; its standard input is empty and its standard output goes nowhere. False
 * with a sentence in ERROR where it cannot be started. */
bool child_start(struct child *child, const char *const *arguments, char error[CHILD_ERROR_BYTES]);

/* Waits for its end, and passes on a signal that this process is told to end by. Returns its exit status, or 128 and the
 * number of the signal that ended it; LAST is the last line that it said. */
int child_wait(struct child *child, char last[CHILD_ERROR_BYTES]);

/* Starts `mayfly serve` on a free port of loopback with a cache of that name. *PORT is where it listens. */
bool child_serve(struct child *child, const char *cache, uint16_t *port, char error[CHILD_ERROR_BYTES]);
/* Ends it, and waits until it has. Fine where it was never started. */
void child_stop(struct child *child);

#endif
