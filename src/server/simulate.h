/* A service of known speed: calls are served as by N workers, first come first served, each for a time drawn from a
 * distribution that the operator chose. What comes out of a measurement is then known before it is made, and
 * costs little processor time.
 *
 * Nothing runs to simulate it. When a call arrives, the worker that is free first is known, so the moment of its
 * departure is, exactly: the later of its arrival and that worker's freedom, and its service time on top. The
 * caller holds the call back until then. A call that ends while it waits still takes its turn, as in a service
 * that learns of it too late.
 *
 * Asked for as a query, such as `workers=4&time=exp:2ms&seed=1&log=delays.txt`:
 *
 *     workers=N        1 to 65536; 0, or the word `off` alone, ends the simulation
 *     time=LAW         a distribution (base/distribution.h), such as const:2ms, exp:150us or p50:1ms,p99:5ms
 *     seed=N           the same draws again; otherwise one is chosen, and told
 *     log=FILE         a line a call, in order of arrival: arrival (since the simulation began), wait, service,
 *                      in nanoseconds. An earlier log is written over, any other file is refused. Written to the
 *                      end when the simulation is changed or stopped. */
#ifndef MAYFLY_SERVER_SIMULATE_H
#define MAYFLY_SERVER_SIMULATE_H

#include "base/bytes.h"
#include "base/distribution.h"

#define SIMULATE_WORKERS_MAX 65536
#define SIMULATE_VALUE_BYTES 1024
#define SIMULATE_ERROR_BYTES DISTRIBUTION_ERROR_BYTES

/* A simulation as asked for. */
struct simulate_order {
    size_t workers; /* 0: none */
    struct distribution time_ns;
    uint64_t seed;
    bool is_seeded;
    char time_text[SIMULATE_VALUE_BYTES];
    char log_path[SIMULATE_VALUE_BYTES]; /* "": no log */
};

/* Reads a query; false with a sentence in ERROR. */
bool simulate_parse(struct bytes query, struct simulate_order *order, char error[SIMULATE_ERROR_BYTES]);

/* --- At work: any thread --- */

struct simulation;

/* None under way; at most WAITING_MAX calls will wait for a worker. NULL when memory is out. */
struct simulation *simulation_create(size_t waiting_max);
void simulation_destroy(struct simulation *simulation);

/* Begins, changes or ends the simulation for the calls that arrive from now on; a seed that was not given is filled
 * in. False, with nothing changed and a sentence in ERROR, where memory is out or the log cannot be opened. */
bool simulation_change(struct simulation *simulation, struct simulate_order *order, int64_t now_ns,
                       char error[SIMULATE_ERROR_BYTES]);

enum simulation_answer { SIMULATION_IS_OFF, SIMULATION_ADMITTED, SIMULATION_IS_FULL };

/* A call in the simulation. */
struct simulation_ticket {
    uint64_t epoch; /* which simulation admitted it */
    int64_t due_ns; /* when it departs */
};

/* A call arrives. If it is admitted, simulation_leave must follow. */
enum simulation_answer simulation_arrive(struct simulation *simulation, int64_t now_ns,
                                         struct simulation_ticket *ticket);

/* The call has departed, or waits no longer. */
void simulation_leave(struct simulation *simulation, const struct simulation_ticket *ticket);

#endif
