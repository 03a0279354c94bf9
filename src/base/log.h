/* Structured logging: an event with named values, as a line for a person on a terminal and as a JSON object
 * otherwise. A line is written with one write(), so lines of several threads never mix. */
#ifndef MAYFLY_BASE_LOG_H
#define MAYFLY_BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format { LOG_FOR_PEOPLE, LOG_AS_JSON };

struct log {
    int fd;
    enum log_level level; /* what is below is not written */
    enum log_format format;
};

struct log_field {
    const char *name;
    const char *text; /* NULL: the value is the number */
    int64_t number;
};

static inline struct log_field log_text(const char *name, const char *text)
{
    return (struct log_field){.name = name, .text = text};
}

static inline struct log_field log_number(const char *name, int64_t number)
{
    return (struct log_field){.name = name, .number = number};
}

/* A log on FD: for people where it is a terminal. */
struct log log_open(int fd, enum log_level level);

/* Writes EVENT with COUNT fields; texts are cut and fields left off where a line of 2 KiB ends. Any thread.
 */
void log_write(const struct log *log, enum log_level level, const char *event, const struct log_field *fields,
               size_t count);

const char *log_level_name(enum log_level level);

#endif
