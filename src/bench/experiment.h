/* The experiments of an engineering post on tuning a Python cache client, each with what it found there and whether that
 * holds here. */
#ifndef MAYFLY_BENCH_EXPERIMENT_H
#define MAYFLY_BENCH_EXPERIMENT_H

#include "bench/lab.h"

struct experiment_settings {
    struct bench_settings load;
    const char *client;
    const char *python;
    int64_t run_ns;
    int64_t rounds;
    const char *json;
    const char *report;
};

extern const char *const experiment_names[]; /* "all" is the last, NULL behind it */

/* Runs one, or all; LAB is open, IS_OWN_SERVER says that it may put a network in between as the experiment wants it.
 * Returns the document, NULL where nothing can be measured, with a sentence in ERROR. Says how it goes on standard error;
 * lab->is_over says that it was ended early. */
json_t *experiment_run(const char *name, const struct experiment_settings *settings, struct lab *lab,
                       bool is_own_server, const char *command, char error[BENCH_ERROR_BYTES]);

/* Prints what was found, in sentences. */
void experiment_print(const json_t *document, FILE *to);

#endif
