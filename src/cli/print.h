/* Answers on standard output. Plain, an element is a line, and its parts are separated by tabs; bytes are written
 * as they are, and a value asked for alone has no newline behind it but on a terminal. With --json an answer is
 * one JSON value (json.h). All of them return the command's exit code. */
#ifndef MAYFLY_CLI_PRINT_H
#define MAYFLY_CLI_PRINT_H

#include "cli/target.h"

int print_done(struct target *target);
int print_value(struct target *target);
int print_number(struct target *target);
int print_rank(struct target *target); /* of a value */
int print_score(struct target *target);
int print_ttl(struct target *target);
int print_type(struct target *target);
int print_stored(
    struct target *target); /* whether the condition held; with --hash the hash of what is stored */
int print_ping(struct target *target);

/* Lists. */
int print_names(struct target *target);
int print_values(struct target *target);
int print_fields(struct target *target);
int print_scored(struct target *target);
int print_ranked(struct target *target);

/* What was asked for by name: each with what is there under it, or alone just that. */
int print_found_values(struct target *target);
int print_found_scores(struct target *target);
int print_whether_found(struct target *target);
int print_found_ranks(struct target *target);

#endif
