/* The test rig: what --test-faults adds to the life of a request, which is a fault on order (faults.h) or a place in a
 * simulated service (simulate.h). Without the switch a server has no rig, and a request pays for asking. */
#ifndef MAYFLY_SERVER_RIG_H
#define MAYFLY_SERVER_RIG_H

#include "server/faults.h"
#include "server/request.h"
#include "server/simulate.h"

struct server_rig {
    struct faults *faults;
    struct simulation *simulation;
};

/* NULL when memory is out. */
struct server_rig *rig_create(void);
void rig_destroy(struct server_rig *rig);

/* Serves the request (server_request_serve), now or later, or fails it. */
void rig_handle(struct server_request *request, struct bytes message);

/* One more message of the reply is about to be sent; false when the request was failed instead, because it has sent as
 * many as were ordered. The last of them is followed by the ordered end of itself. */
bool rig_allows_message(struct server_request *request);

/* Whether a request that is about to end well was ordered to end with *STATUS. */
bool rig_ends_stream(const struct server_request *request, enum status *status);

/* Whether the request is held back: no handler knows it yet. */
bool rig_holds(const struct server_request *request);

/* The request's call has ended. */
void rig_closed(struct server_request *request);

#define RIG_WHY "this error was ordered by the request's metadata: the server runs with --test-faults"

#endif
