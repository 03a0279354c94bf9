/* The pre-built configurations by the names that commands take. */
#ifndef MAYFLY_BENCH_PREBUILT_H
#define MAYFLY_BENCH_PREBUILT_H

#include <mayfly/configuration.h>

extern const char *const prebuilt_names[]; /* NULL behind the last */

/* The one of this name, which is one of those. */
mayfly_configuration prebuilt_make(const char *name);

#endif
