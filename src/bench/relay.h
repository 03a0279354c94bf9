/* A network in a box: a TCP relay that gives loopback the delay, the rate and the failures of a real network.
 * It runs on a thread of its own and can be changed while it runs; what each way does with bytes is in relay_line.h.
 *
 * A connection that is accepted is paired with one to the other end, opened at once; where that fails, the accepted
 * one is reset. Bytes, the end of a stream and resets pass in order, each after the delay of its way. What it cannot
 * give: the kernel completes a handshake by itself, so connecting costs no round trip, and packets are never lost:
 * a stall is what losses look like from above TCP. Bytes are counted without the headers of packets.
 *
 * Memory is bounded: on the line there is room for what the delay holds and a queue, 16 MiB each way at most, and one
 * connection keeps at most 4 MiB for a reader that does not read. Beyond that nothing more is read from the sender,
 * whose own kernel then holds it back. */
#ifndef MAYFLY_BENCH_RELAY_H
#define MAYFLY_BENCH_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_ERROR_BYTES 240

/* What bytes go through. Times are of a round trip, half of it each way; zero means none. */
struct relay_network {
    int64_t rtt_ns;
    int64_t jitter_ns;            /* standard deviation of the round trip */
    int64_t rate_bits_per_second; /* each way, shared by all connections */
};

/* The names of the profiles, closed by NULL, and the network that one stands for; false where there is none. */
extern const char *const relay_profile_names[];
bool relay_profile(const char *name, struct relay_network *network);

struct relay;

/* Starts to relay connections from LISTEN, on loopback, to TO: each a text HOST:PORT, and port 0 lets the system
 * choose where to listen. NULL with a sentence in ERROR. */
struct relay *relay_start(const char *listen, const char *to, const struct relay_network *network,
                          char error[RELAY_ERROR_BYTES]);
uint16_t relay_port(const struct relay *relay);

/* Ends all connections with a reset and frees everything. Fine with NULL. */
void relay_stop(struct relay *relay);

/* --- Any thread, while it runs: what is asked for holds when the function returns --- */

/* Also for what is on its way. */
void relay_set_network(struct relay *relay, const struct relay_network *network);
/* Cuts all connections: a reset to both ends at once. New ones are accepted. */
void relay_cut(struct relay *relay);
/* Moves nothing for so long from now, both ways, and then goes on: nothing is lost. 0 ends a stall. */
void relay_stall(struct relay *relay, int64_t duration_ns);
/* While on, all connections die without a word: what is on its way is swallowed, nothing more is read, and neither
 * end hears of the other again. Connections made while it is on get no answer either; none of these lives again when
 * it ends. */
void relay_black_hole(struct relay *relay, bool is_on);
/* While on, refuses connections: nobody listens. Those that are there go on. False where listening again fails. */
bool relay_refuse(struct relay *relay, bool is_on);

/* What it holds. */
struct relay_counts {
    size_t connections; /* with a socket open, dead ones included */
    size_t bytes;       /* read and not yet written, both ways */
};
struct relay_counts relay_count(struct relay *relay);

#endif
