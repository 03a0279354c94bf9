#include "cli/json.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static void begin_value(struct json *json)
{
    if (json->follows)
        (void)fputs(", ", json->to);
    json->follows = true;
}

void json_open(struct json *json, char bracket)
{
    begin_value(json);
    (void)fputc(bracket, json->to);
    json->follows = false;
}

void json_close(struct json *json, char bracket)
{
    (void)fputc(bracket, json->to);
    json->follows = true;
}

static void write_string(FILE *to, mayfly_bytes text)
{
    (void)fputc('"', to);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = ((const uint8_t *)text.data)[i];
        if (c == '"' || c == '\\')
            (void)fprintf(to, "\\%c", c);
        else if (c == '\n')
            (void)fputs("\\n", to);
        else if (c < ' ')
            (void)fprintf(to, "\\u%04x", (unsigned)c);
        else
            (void)fputc(c, to);
    }
    (void)fputc('"', to);
}

/* RFC 4648, section 4. */
static void write_base64(FILE *to, mayfly_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *data = bytes.data;
    (void)fputc('"', to);
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t group = (uint32_t)data[at] << 16 | (left > 1 ? (uint32_t)data[at + 1] << 8 : 0) |
                         (left > 2 ? data[at + 2] : 0);
        for (unsigned digit = 0; digit < 4; digit++)
            (void)fputc(digit <= left ? digits[group >> (18 - 6 * digit) & 63] : '=', to);
    }
    (void)fputc('"', to);
}

void json_name(struct json *json, const char *name)
{
    json_text(json, name);
    (void)fputs(": ", json->to);
    json->follows = false;
}

void json_bytes(struct json *json, mayfly_bytes bytes)
{
    begin_value(json);
    if (utf8_is_valid(bytes_make(bytes.data, bytes.size))) {
        write_string(json->to, bytes);
        return;
    }
    (void)fputs("{\"base64\": ", json->to);
    write_base64(json->to, bytes);
    (void)fputc('}', json->to);
}

void json_text(struct json *json, const char *text)
{
    json_bytes(json, mayfly_text(text));
}

void json_natural(struct json *json, uint64_t number)
{
    begin_value(json);
    (void)fprintf(json->to, "%" PRIu64, number);
}

void json_format_number(double number, char text[JSON_NUMBER_BYTES])
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, JSON_NUMBER_BYTES, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return;
    }
}

void json_number(struct json *json, double number)
{
    if (isnan(number)) {
        json_nothing(json);
        return;
    }
    if (isinf(number)) {
        json_text(json, number > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char text[JSON_NUMBER_BYTES];
    json_format_number(number, text);
    begin_value(json);
    (void)fputs(text, json->to);
}

void json_truth(struct json *json, bool truth)
{
    begin_value(json);
    (void)fputs(truth ? "true" : "false", json->to);
}

void json_nothing(struct json *json)
{
    begin_value(json);
    (void)fputs("null", json->to);
}

void json_newline(struct json *json)
{
    (void)fputc('\n', json->to);
    json->follows = false;
}
