/* Lines are put together in one buffer on the stack. A field that does not fit is left off and a text is cut,
 * so that a line of JSON is always whole. */
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

/* Room that is kept for what closes a line: a quote, a brace and the end of the line. */
#define LOG_CLOSING_BYTES 3

#define REPLACEMENT       "\\ufffd" /* stands for what is no text */

static size_t line_room(const struct line *line)
{
    return LOG_LINE_BYTES - LOG_CLOSING_BYTES - line->size;
}

/* Adds all of it or, where it does not fit, nothing. */
__attribute__((format(printf, 2, 3))) static bool line_add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line->text + line->size, line_room(line), format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= line_room(line))
        return false;
    line->size += (size_t)size;
    return true;
}

/* Bytes of the UTF-8 sequence at AT, 0 where there is none (RFC 3629 section 4). */
static int utf8_size(const unsigned char *at)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        int size;
    } sequences[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (at[0] < sequences[i].from || at[0] > sequences[i].to)
            continue;
        if (at[1] < sequences[i].second_from || at[1] > sequences[i].second_to)
            return 0;
        for (int next = 2; next < sequences[i].size; next++)
            if ((at[next] & 0xc0) != 0x80)
                return 0;
        return sequences[i].size;
    }
    return 0;
}

/* A JSON string, cut where the line ends. Escaping also keeps a peer's bytes from driving a terminal. */
static bool line_add_quoted(struct line *line, const char *text)
{
    bool fits = line_add(line, "\"");
    if (!fits)
        return false;
    while (fits && *text != '\0') {
        unsigned char c = (unsigned char)*text;
        int size = utf8_size((const unsigned char *)text);
        if (c == '"' || c == '\\')
            fits = line_add(line, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            fits = line_add(line, "\\u%04x", c);
        else if (size == 0)
            fits = line_add(line, "%s", REPLACEMENT);
        else
            fits = line_add(line, "%.*s", size, text);
        text += size > 0 ? size : 1;
    }
    line->text[line->size++] = '"';
    return true;
}

static void line_add_fields(struct line *line, enum log_format format, const struct log_field *fields,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = line->size;
        bool fits = line_add(line, format == LOG_AS_JSON ? ",\"%s\":" : " %s=", fields[i].name);
        if (fits && fields[i].text != NULL)
            fits = line_add_quoted(line, fields[i].text);
        else if (fits)
            fits = line_add(line, "%lld", (long long)fields[i].number);
        if (!fits)
            line->size = before;
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
        (void)line_add(&line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"event\":\"%s\"", stamp, millisecond,
                       log_level_name(level), event);
    else
        (void)line_add(&line, "%s.%03dZ %-5s %s", stamp, millisecond, log_level_name(level), event);
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
