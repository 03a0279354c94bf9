/* A worker's desk: carries what is published to the subscribers on the worker's connections.
 *
 * It is woken once for all that was published since it last looked, goes through its subscribers of those topics, a
 * bounded number a turn of the loop, and queues for each what it has not had, as long as there is room. Nobody is
 * ever ended for want of room: who has enough to read goes on when it has read some, and who finds its connection or
 * the desk full waits in its connection's line. What the topic has dropped by then is a gap. */
#ifndef MAYFLY_SERVER_PUBSUB_DESK_H
#define MAYFLY_SERVER_PUBSUB_DESK_H

#include "server/topics.h"

struct pubsub_desk;
struct server_connection;
struct server_request;
struct server_worker;

/* A connection's part of the desk. */
struct pubsub_line {
    struct list of_desk; /* among the lines that are to be served */
    struct list waiting; /* subscriptions that found no room */
    size_t queued_bytes; /* for subscribers, at most: to know it exactly would be to look at all of them */
    size_t seen_bytes;   /* likewise, as it was when each of them was last looked at */
};

/* NULL when memory is out; closed when there are no connections any more. */
struct pubsub_desk *pubsub_desk_open(struct server_worker *worker);
void pubsub_desk_close(struct pubsub_desk *desk);

/* Makes a request a subscription; pubsub_desk_begin follows, which sends what there is. */
enum topics_status pubsub_desk_join(struct server_request *request, struct topics_name name,
                                    struct topics_start start);
void pubsub_desk_begin(struct server_request *request);

/* A connection comes, has handed something to the kernel, and goes. */
void pubsub_line_open(struct pubsub_line *line);
void pubsub_line_flushed(struct server_connection *connection);
void pubsub_line_close(struct server_connection *connection);

#endif
