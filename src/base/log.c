#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048

struct line {
    char text[LOG_LINE_BYTES];
    size_t size;
};

/* Keeps room for what closes a line. */
#define LOG_LINE_USABLE (LOG_LINE_BYTES - 4)

__attribute__((format(printf, 2, 3))) static void line_add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = LOG_LINE_USABLE - line->size;
    int size = vsnprintf(line->text + line->size, room, format, arguments);
    va_end(arguments);
    if (size > 0)
        line->size += (size_t)size < room ? (size_t)size : room - 1;
}

/* A JSON string; control characters also keep a terminal from being written to by a peer's bytes. */
static void line_add_quoted(struct line *line, const char *text)
{
    line_add(line, "\"");
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            line_add(line, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            line_add(line, "\\u%04x", c);
        else
            line_add(line, "%c", c);
    }
    line_add(line, "\"");
}

static void line_add_fields(struct line *line, enum log_format format, const struct log_field *fields,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (format == LOG_AS_JSON)
            line_add(line, ",\"%s\":", fields[i].name);
        else
            line_add(line, " %s=", fields[i].name);
        if (fields[i].text != NULL)
            line_add_quoted(line, fields[i].text);
        else
            line_add(line, "%lld", (long long)fields[i].number);
    }
}

struct log log_open(int fd, enum log_level level)
{
    return (struct log){.fd = fd, .level = level, .format = isatty(fd) ? LOG_FOR_PEOPLE : LOG_AS_JSON};
}

void log_write(const struct log *log, enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    if (level < log->level)
        return;
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    char stamp[32];
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);

    struct line line = {.size = 0};
    int millisecond = (int)(now.tv_nsec / 1000000);
    if (log->format == LOG_AS_JSON)
        line_add(&line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"event\":\"%s\"", stamp, millisecond,
                 log_level_name(level), event);
    else
        line_add(&line, "%s.%03dZ %-5s %s", stamp, millisecond, log_level_name(level), event);
    line_add_fields(&line, log->format, fields, count);
    if (log->format == LOG_AS_JSON)
        line.text[line.size++] = '}';
    line.text[line.size++] = '\n';
    ssize_t written = write(log->fd, line.text, line.size);
    (void)written; /* a log that cannot be written has nobody to tell */
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}
