/* What was measured as JSON: a bench's result by itself, and the document that a report is made of, in which sections
 * hold series of points. docs/tuning.md says what is in it; report.js reads it. */
#ifndef MAYFLY_BENCH_DOCUMENT_H
#define MAYFLY_BENCH_DOCUMENT_H

#include "bench/bench.h"

#include <jansson.h>

#define DOCUMENT_FORMAT "mayfly-report-1"

/* All of these return a new reference, or NULL when memory is out; functions of jansson take NULL for a value as a failure
 * of their own, so only the last need be looked at. */

/* A result as `mayfly bench --json` writes it. */
json_t *document_bench(const struct bench_settings *settings, const struct bench_result *result);

/* The quantiles of a histogram, in microseconds, and its whole distribution: values with the part of all that does not
 * exceed them, dense where the tail is. */
json_t *document_quantiles(const struct histogram *latency_ns);
json_t *document_distribution(const struct histogram *latency_ns);

/* A point of a series from a result as above, or from one of a Python client, which has the same members. X is taken from
 * its settings where it is NULL. */
json_t *document_point(const json_t *bench, json_t *x, const char *label);

/* A document without sections; COMMAND is the command line that led to it. */
json_t *document_new(const char *title, const char *command);
json_t *document_add_section(json_t *document, const char *name, const char *title, const char *axis,
                             bool is_log);
json_t *document_add_series(json_t *section, const char *name);
void document_add_note(json_t *document, const char *note);

/* The document of one bench. */
json_t *document_of_bench(const json_t *bench, const char *command);

json_t *document_machine(void);

/* Writes a document or a result to a file, all or nothing: what was there before stays where that fails. */
bool document_write(const json_t *document, const char *path);

/* Writes the page that shows a document. */
bool page_write(const json_t *document, const char *path);

#endif
