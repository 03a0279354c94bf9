/* One way of a network, shared by all connections: a first-in-first-out line of chunks, with no clock and no socket
 * in it. A chunk that comes at time t has left the sender when everything before it has been sent and its own bytes
 * have passed at the rate; it arrives half a round trip and the jitter of that moment later, never before one that
 * was sent earlier.
 *
 * Jitter is correlated in time, as it is where queues cause it: a value of a normal distribution for each stretch of
 * ten standard deviations, and straight lines in between. A new draw for each chunk would, with the order kept, only
 * make the delay grow with the number of chunks. */
#ifndef MAYFLY_BENCH_RELAY_LINE_H
#define MAYFLY_BENCH_RELAY_LINE_H

#include "base/list.h"
#include "bench/relay.h"

struct relay_chunk {
    struct list link;
    int64_t sent_ns; /* when its last byte has been sent */
    size_t size;
};

struct relay_line {
    struct relay_network network;
    uint64_t seed;      /* of the jitter */
    struct list chunks; /* in order */
    size_t count;
    size_t bytes;
    int64_t free_ns; /* when all that is on the line has been sent */
};

void relay_line_init(struct relay_line *line, const struct relay_network *network, uint64_t seed);

/* Holds for what comes and for what is on the line: what has not been sent yet is sent at the new rate. */
void relay_line_set_network(struct relay_line *line, const struct relay_network *network, int64_t now_ns);

/* Whether another chunk may come, and how large it should be at most. The line owns no memory: chunks are lent. */
bool relay_line_has_room(const struct relay_line *line);
size_t relay_line_chunk_bytes(const struct relay_line *line);

void relay_line_push(struct relay_line *line, struct relay_chunk *chunk, int64_t now_ns);
/* When the first chunk arrives; CLOCK_NEVER where there is none. */
int64_t relay_line_due_ns(const struct relay_line *line);
/* Takes the first chunk, which there is. */
struct relay_chunk *relay_line_pop(struct relay_line *line);

/* What is added to the delay of one way at a time: the same for the same seed and time, with a mean of zero and a
 * standard deviation that makes DEVIATION_NS of the two ways together. */
int64_t relay_jitter_ns(uint64_t seed, int64_t now_ns, int64_t deviation_ns);

#endif
