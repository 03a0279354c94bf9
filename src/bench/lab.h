/* A client at a setting, measured: libmayfly by a load of our own, the Python clients by their load generator, in
 * another process; on the endpoint that is given or on a server that is started for it, with a network in between. */
#ifndef MAYFLY_BENCH_LAB_H
#define MAYFLY_BENCH_LAB_H

#include "bench/bench.h"
#include "bench/child.h"
#include "bench/relay.h"

#include <jansson.h>

enum lab_client { LAB_MAYFLY, LAB_MOMENTO, LAB_LIBMAYFLY };
#define LAB_CLIENTS 3

extern const char *const lab_client_names[]; /* in that order, NULL behind the last */

struct lab {
    const struct bench_settings *load;
    const mayfly_credentials
        *credentials;   /* of the server; the Python clients need one without TLS and key */
    const char *python; /* the program */
    int64_t run_ns;
    struct bench_ground *ground;
    struct relay *relay;
    mayfly_credentials through; /* of the relay, or of the server */
    char error[BENCH_ERROR_BYTES];
    bool is_over; /* by a signal or an error: nothing more is to be measured */
};

/* What is measured. */
struct lab_setting {
    enum lab_client client;
    int64_t concurrency;
    int64_t channels; /* 0: as the client will */
    const char *loop; /* NULL: asyncio */
    int64_t processes;
    const char *configuration; /* of the Python clients */
};

/* Makes the cache and sets the keys. False with a sentence in lab->error; lab_close follows either way. */
bool lab_open(struct lab *lab);
void lab_close(struct lab *lab);

/* Puts another network in between; NULL: none. False with a sentence in lab->error. */
bool lab_set_network(struct lab *lab, const char *network);

/* Whether a client can be measured here; otherwise SENTENCE says why not. MODULE is what it needs beside, or NULL. */
bool lab_has(struct lab *lab, enum lab_client client, const char *module, char sentence[CHILD_ERROR_BYTES]);

/* Measures once: a new reference to what document_point takes. NULL where the lab is over, with a sentence in lab->error
 * unless it was a signal; a run that a signal ends is given with what it had. */
json_t *lab_measure(struct lab *lab, const struct lab_setting *setting);

#endif
