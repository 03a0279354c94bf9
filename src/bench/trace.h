/* A recorded load: one request a line, `timestamp,operation,key,size`, read whole before it is replayed.
 *
 * The timestamp is in seconds, with decimals, from any moment on, and does not fall from line to line; the operation is
 * get, set or delete; a key may hold commas; the size is of the value in bytes, and 0 or empty where there is none. A
 * first line whose timestamp is no number is a heading. */
#ifndef MAYFLY_BENCH_TRACE_H
#define MAYFLY_BENCH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_ROWS_MAX    ((size_t)20000000)
#define TRACE_BYTES_MAX   ((size_t)1 << 30)
#define TRACE_ERROR_BYTES 320

enum trace_operation { TRACE_GET, TRACE_SET, TRACE_DELETE };

struct trace_row {
    int64_t at_ns; /* from the first row on */
    const char *key;
    uint32_t key_bytes;
    uint32_t value_bytes : 30;
    uint32_t operation : 2; /* an enum trace_operation */
};

struct trace {
    char *text;
    struct trace_row *rows;
    size_t count;
    uint32_t value_bytes_max;
};

/* False, with a sentence in ERROR that names the line, where it cannot be read; the trace is empty then. */
bool trace_read(const char *path, struct trace *trace, char error[TRACE_ERROR_BYTES]);
void trace_free(struct trace *trace);

#endif
