/* Faults on order, for tests of clients: what the metadata of a call asks to go wrong with it. Read only by a server
 * that was started with --test-faults.
 *
 *     request-id                  whose counts these are: calls that carry the same one share them
 *     return-error                a status in lower case with hyphens, such as `unavailable`: the call ends with it
 *     error-rpcs                  the methods to which that applies, such as `get set topic-subscribe`
 *     error-count                 to so many calls of the request-id; to all without it
 *     delay-rpcs, delay-ms, delay-count   likewise: the call is held back for so long before it is served, or failed
 *     stream-error-rpcs, stream-error     streams of these methods end with this status...
 *     stream-error-message-limit          ...after so many messages; at once without it
 *
 * A method is named as the official SDKs' tests name it: the last part of its path with hyphens, with `topic-` in front
 * for those of topics. */
#ifndef MAYFLY_SERVER_FAULTS_H
#define MAYFLY_SERVER_FAULTS_H

#include "base/status.h"
#include "rpc/metadata.h"

#define FAULTS_ERROR_BYTES 160
#define FAULTS_NAME_BYTES  64

/* What is to go wrong with one call. */
struct faults_order {
    int64_t delay_ns;
    bool fails;
    enum status status;
    bool ends_stream;
    enum status stream_status;
    uint64_t stream_messages; /* sent before the end */
};

struct faults;
struct faults *faults_create(void);
void faults_destroy(struct faults *faults);

/* Any thread: reads the orders for a call of the method at PATH, and counts those that have a count. False, with a
 * sentence in ERROR, where a value is none that its name takes. */
bool faults_read(struct faults *faults, const struct metadata *metadata, const char *path,
                 struct faults_order *order, char error[FAULTS_ERROR_BYTES]);

/* The name of the method at PATH in such lists: "/cache_client.Scs/GetBatch" is "get-batch". */
void faults_method_name(const char *path, char name[FAULTS_NAME_BYTES]);

#endif
