#include "bench/trace.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES_MAX   ((size_t)65536)
#define VALUE_BYTES_MAX 5000000
#define SECONDS_MAX     1e11
#define ROWS_FIRST      ((size_t)4096)

/* A trace that is being read. */
struct reading {
    const char *path;
    struct trace *trace;
    size_t capacity;
    size_t line; /* its number, from 1 */
    double first_s;
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct reading *reading, const char *format, ...)
{
    va_list arguments;
    int used = snprintf(reading->error, TRACE_ERROR_BYTES, "%.120s", reading->path);
    if (reading->line > 0)
        used +=
            snprintf(reading->error + used, TRACE_ERROR_BYTES - (size_t)used, ", line %zu", reading->line);
    used += snprintf(reading->error + used, TRACE_ERROR_BYTES - (size_t)used, ": ");
    va_start(arguments, format);
    (void)vsnprintf(reading->error + used, TRACE_ERROR_BYTES - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* The whole file, with a closing zero, so that numbers can be read where they stand. */
static bool read_file(const struct reading *reading, size_t *size)
{
    FILE *file = fopen(reading->path, "re");
    if (file == NULL)
        return fail(reading, "%s", strerror(errno));
    size_t capacity = (size_t)1 << 16;
    char *text = NULL;
    *size = 0;
    bool is_whole = false;
    for (; capacity <= TRACE_BYTES_MAX && !is_whole; capacity *= 2) {
        char *larger = realloc(text, capacity + 1);
        if (larger == NULL)
            break;
        text = larger;
        *size += fread(text + *size, 1, capacity - *size, file);
        is_whole = *size < capacity;
    }
    int problem = ferror(file) ? errno : 0;
    (void)fclose(file);
    reading->trace->text = text;
    if (problem != 0)
        return fail(reading, "%s", strerror(problem));
    if (!is_whole)
        return fail(reading, "a trace has at most %zu bytes, and has to fit into memory",
                    TRACE_BYTES_MAX / 2);
    text[*size] = '\0';
    return true;
}

static bool make_room(struct reading *reading)
{
    struct trace *trace = reading->trace;
    if (trace->count < reading->capacity)
        return true;
    if (trace->count == TRACE_ROWS_MAX)
        return fail(reading, "a trace has at most %zu requests", TRACE_ROWS_MAX);
    size_t capacity = reading->capacity > 0 ? 2 * reading->capacity : ROWS_FIRST;
    capacity = capacity < TRACE_ROWS_MAX ? capacity : TRACE_ROWS_MAX;
    struct trace_row *rows = realloc(trace->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return fail(reading, "memory is out");
    trace->rows = rows;
    reading->capacity = capacity;
    return true;
}

static bool parse_timestamp(struct reading *reading, const char *text, int64_t *at_ns)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != ',' || !(seconds >= 0 && seconds <= SECONDS_MAX))
        return fail(reading, "it does not begin with a time in seconds and a comma");
    const struct trace *trace = reading->trace;
    if (trace->count == 0)
        reading->first_s = seconds;
    *at_ns = (int64_t)((seconds - reading->first_s) * CLOCK_NS_PER_S);
    if (*at_ns < (trace->count > 0 ? trace->rows[trace->count - 1].at_ns : 0))
        return fail(reading, "its time is before that of the line above");
    return true;
}

static bool parse_operation(const struct reading *reading, const char *text, size_t size,
                            struct trace_row *row)
{
    static const char *const names[] = {[TRACE_GET] = "get", [TRACE_SET] = "set", [TRACE_DELETE] = "delete"};
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == size && memcmp(names[i], text, size) == 0) {
            row->operation = i & 3;
            return true;
        }
    }
    return fail(reading, "\"%.*s\" is no operation: there are get, set and delete",
                (int)(size < 20 ? size : 20), text);
}

static bool parse_size(struct reading *reading, const char *text, size_t size, struct trace_row *row)
{
    char *end;
    long bytes = size > 0 ? strtol(text, &end, 10) : 0;
    if (size > 0 && (!isdigit((unsigned char)text[0]) || end != text + size || bytes > VALUE_BYTES_MAX))
        return fail(reading, "\"%.*s\" is no size from 0 to %d bytes", (int)(size < 20 ? size : 20), text,
                    VALUE_BYTES_MAX);
    row->value_bytes = (uint32_t)bytes & ((1U << 30) - 1);
    if (row->value_bytes > reading->trace->value_bytes_max)
        reading->trace->value_bytes_max = row->value_bytes;
    return true;
}

/* A line from TEXT up to END, where its newline was. */
static bool parse_line(struct reading *reading, char *text, char *end)
{
    struct trace_row row = {0};
    const char *operation = memchr(text, ',', (size_t)(end - text));
    const char *key = operation != NULL ? memchr(operation + 1, ',', (size_t)(end - operation - 1)) : NULL;
    const char *size = key != NULL ? memrchr(key + 1, ',', (size_t)(end - key - 1)) : NULL;
    if (size == NULL)
        return fail(reading, "it is not timestamp,operation,key,size");
    row.key = key + 1;
    row.key_bytes = (uint32_t)(size - key - 1);
    if (row.key_bytes == 0 || (size_t)(size - key - 1) > KEY_BYTES_MAX)
        return fail(reading, "a key has 1 to %zu bytes", KEY_BYTES_MAX);
    if (!parse_timestamp(reading, text, &row.at_ns) ||
        !parse_operation(reading, operation + 1, (size_t)(key - operation - 1), &row) ||
        !parse_size(reading, size + 1, (size_t)(end - size - 1), &row) || !make_room(reading))
        return false;
    reading->trace->rows[reading->trace->count++] = row;
    return true;
}

static bool parse(struct reading *reading, size_t size)
{
    char *text = reading->trace->text;
    const char *end = text + size;
    while (text < end) {
        char *newline = memchr(text, '\n', (size_t)(end - text));
        char *line_end = newline != NULL ? newline : text + (end - text);
        char *next = newline != NULL ? newline + 1 : line_end;
        if (line_end > text && line_end[-1] == '\r')
            line_end--;
        reading->line++;
        bool is_heading = reading->line == 1 && isalpha((unsigned char)text[0]);
        if (line_end > text && !is_heading && !parse_line(reading, text, line_end))
            return false;
        text = next;
    }
    reading->line = 0;
    return reading->trace->count > 0 || fail(reading, "there is no request in it");
}

bool trace_read(const char *path, struct trace *trace, char error[TRACE_ERROR_BYTES])
{
    struct reading reading = {.path = path, .trace = trace, .error = error};
    size_t size = 0;
    *trace = (struct trace){.count = 0};
    if (read_file(&reading, &size) && parse(&reading, size))
        return true;
    trace_free(trace);
    return false;
}

void trace_free(struct trace *trace)
{
    free(trace->text);
    free(trace->rows);
    *trace = (struct trace){.count = 0};
}
