/* The pre-built configurations by the names that commands take. */
#ifndef MAYFLY_BENCH_PREBUILT_H
#define MAYFLY_BENCH_PREBUILT_H

#include <mayfly/configuration.h>

#include <stdbool.h>

extern const char *const prebuilt_names[]; /* NULL behind the last */

/* Whether there is one of this name. */
bool prebuilt_is(const char *name);

/* The one of this name, which is one of those. */
mayfly_configuration prebuilt_make(const char *name);

#endif
