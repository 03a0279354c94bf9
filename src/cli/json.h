/* Writes JSON (RFC 8259). Bytes that are UTF-8 become a string, any other {"base64": "..."}; numbers that JSON does not
 * have become the strings "Infinity" and "-Infinity", what is not a number null. Commas come by themselves. */
#ifndef MAYFLY_CLI_JSON_H
#define MAYFLY_CLI_JSON_H

#include <mayfly/types.h>

#include <stdio.h>

struct json {
    FILE *to;
    bool follows; /* a value stands before the next one in the same array or object */
};

static inline struct json json_to(FILE *to)
{
    return (struct json){.to = to};
}

/* BRACKET is one of [ ] { }. */
void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);
/* The name of a member; its value follows. */
void json_name(struct json *json, const char *name);

void json_bytes(struct json *json, mayfly_bytes bytes);
void json_text(struct json *json, const char *text);
void json_natural(struct json *json, uint64_t number);
void json_number(struct json *json, double number);
void json_truth(struct json *json, bool truth);
void json_nothing(struct json *json);
/* Behind the outermost value. */
void json_newline(struct json *json);

/* The shortest decimal that reads as the same number. */
#define JSON_NUMBER_BYTES 32
void json_format_number(double number, char text[JSON_NUMBER_BYTES]);

#endif
