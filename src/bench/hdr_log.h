/* Latencies as an HdrHistogram log, which that project's tools read: a line an interval, whose histogram is in the V2
 * encoding, deflated and in base64 (HdrHistogram, "V2 encoding" and "Histogram log format 1.3"). Values are
 * nanoseconds with three significant digits; what is known of them here is within 1 %. */
#ifndef MAYFLY_BENCH_HDR_LOG_H
#define MAYFLY_BENCH_HDR_LOG_H

#include "base/histogram.h"

#include <stdbool.h>

struct hdr_log;

/* Begins a log in the file at PATH, whose times count from now on. NULL where it cannot be written or memory is out. */
struct hdr_log *hdr_log_open(const char *path);

/* Adds an interval that ended AT_S after the log began; TAG tells one kind of latency from another, NULL is none. A
 * histogram without values is passed over. */
void hdr_log_add(struct hdr_log *log, const char *tag, const struct histogram *latency_ns, double from_s,
                 double to_s);

/* False where not all could be written. */
bool hdr_log_close(struct hdr_log *log);

#endif
