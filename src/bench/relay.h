/* A network in a box: a TCP relay that gives loopback the delay, the rate and the failures of a real network.
 * It runs on a thread of its own and can be changed while it runs. */
#ifndef MAYFLY_BENCH_RELAY_H
#define MAYFLY_BENCH_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_ERROR_BYTES 240

/* What a connection goes through. Times are of a round trip, half of it each way; zero means none. */
struct relay_network {
    int64_t rtt_ns;
    int64_t jitter_ns;            /* standard deviation of the round trip */
    int64_t rate_bits_per_second; /* each way, of each connection together */
};

/* The network that a profile's name stands for; false where there is none of that name. */
bool relay_profile(const char *name, struct relay_network *network);

struct relay;

/* Starts to relay connections from LISTEN to TO, each a text HOST:PORT (port 0 lets the system choose). NULL with a sentence in ERROR. */
struct relay *relay_start(const char *listen, const char *to, const struct relay_network *network,
                          char error[RELAY_ERROR_BYTES]);
uint16_t relay_port(const struct relay *relay);

/* Any thread, while it runs: what holds from now on, also for what is on its way. */
void relay_set_network(struct relay *relay, const struct relay_network *network);
/* Cuts all connections: a reset to both ends. New ones are accepted. */
void relay_cut(struct relay *relay);
/* Moves nothing for so long, both ways, and then goes on: nothing is lost. 0 ends a stall. */
void relay_stall(struct relay *relay, int64_t duration_ns);
/* While on, swallows all that comes, and connections die without a word: neither end hears of the other again. Connections
 * made while it is on get no answer either; those that were there stay dead when it ends. */
void relay_black_hole(struct relay *relay, bool is_on);
/* While on, refuses connections: the listening socket is closed. */
void relay_refuse(struct relay *relay, bool is_on);

void relay_stop(struct relay *relay);

#endif
