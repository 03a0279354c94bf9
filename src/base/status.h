/* The status of a call: gRPC's codes by gRPC's numbers, used from the wire to the public API so that
 * no layer translates. https://grpc.io/docs/guides/status-codes */
#ifndef MAYFLY_BASE_STATUS_H
#define MAYFLY_BASE_STATUS_H

enum status {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
};

#define STATUS_COUNT 17

/* The code's name in capitals, such as "NOT_FOUND"; "UNKNOWN" for a number that is none. */
const char *status_name(enum status status);

#endif
