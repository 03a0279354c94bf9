/* The vocabulary of libmayfly: statuses, bytes, metadata.
 *
 * All functions of the library start with mayfly_. None prints, none exits, none keeps global state. */
#ifndef MAYFLY_TYPES_H
#define MAYFLY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MAYFLY_API __attribute__((visibility("default")))
#else
#define MAYFLY_API
#endif

/* How a call or a function ended: gRPC's status codes by gRPC's numbers. */
typedef enum mayfly_status {
    MAYFLY_OK = 0,
    MAYFLY_CANCELLED = 1, /* by mayfly_cancel or by closing the client */
    MAYFLY_UNKNOWN = 2,
    MAYFLY_INVALID_ARGUMENT = 3,  /* the request or a setting is wrong; the message says what */
    MAYFLY_DEADLINE_EXCEEDED = 4, /* no answer in time; a write may have been done */
    MAYFLY_NOT_FOUND = 5,         /* no such cache */
    MAYFLY_ALREADY_EXISTS = 6,    /* a cache of this name is there */
    MAYFLY_PERMISSION_DENIED = 7,
    MAYFLY_RESOURCE_EXHAUSTED = 8,  /* a limit of the server or of this client */
    MAYFLY_FAILED_PRECONDITION = 9, /* the key holds another type, or no integer */
    MAYFLY_ABORTED = 10,
    MAYFLY_OUT_OF_RANGE = 11,
    MAYFLY_UNIMPLEMENTED = 12, /* the server does not know the method */
    MAYFLY_INTERNAL = 13,
    MAYFLY_UNAVAILABLE = 14, /* no connection to the server, or lost on the way */
    MAYFLY_DATA_LOSS = 15,
    MAYFLY_UNAUTHENTICATED = 16,
} mayfly_status;

/* The status's name in capitals, such as "NOT_FOUND". Any thread. */
MAYFLY_API const char *mayfly_status_name(mayfly_status status);

/* The library's version, such as "0.1.0". Any thread. */
MAYFLY_API const char *mayfly_version(void);

/* Bytes that somebody else owns. */
typedef struct mayfly_bytes {
    const void *data;
    size_t size;
} mayfly_bytes;

/* The bytes of a C string without its closing zero. */
static inline mayfly_bytes mayfly_text(const char *text)
{
    mayfly_bytes bytes = {text, strlen(text)};
    return bytes;
}

/* A name and a value that travel beside a request or a reply. Names are lower case. */
typedef struct mayfly_metadata {
    mayfly_bytes name;
    mayfly_bytes value;
} mayfly_metadata;

/* Why a function failed: a status and a sentence that says what to do. */
typedef struct mayfly_error {
    mayfly_status status;
    char message[240];
} mayfly_error;

#ifdef __cplusplus
}
#endif

#endif
