/* cache_client.Ping: an empty answer, so that a client can tell that somebody is there. */
#include "server/services.h"

void ping_ping(struct server_request *request, struct bytes message)
{
    (void)message; /* it has no fields that mean anything */
    if (server_reply_begin(request, 0) != NULL)
        server_reply_end(request, true);
}
