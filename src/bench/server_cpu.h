/* How busy a server on this machine is, seen from outside: the process that listens on a port, and its busiest thread. */
#ifndef MAYFLY_BENCH_SERVER_CPU_H
#define MAYFLY_BENCH_SERVER_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_CPU_THREADS_MAX 256

struct server_cpu {
    int pid; /* 0: it is elsewhere, or may not be looked at */
    int64_t at_ns;
    size_t thread_count;
    struct server_thread {
        int id;
        uint64_t ticks;
    } threads[SERVER_CPU_THREADS_MAX];
};

/* Finds it. HOST is a name or an address; only those of loopback are looked for. */
void server_cpu_find(struct server_cpu *cpu, const char *host, uint16_t port);

/* Begins to measure. */
void server_cpu_begin(struct server_cpu *cpu);
/* The part, 0 to 1, of the time since server_cpu_begin that the busiest thread was on a processor; -1 where that is not
 * known. */
double server_cpu_end(struct server_cpu *cpu);

#endif
