/* Files that are written whole or not at all: to a new one beside it, which then takes the place of what was there. */
#ifndef MAYFLY_BENCH_WHOLE_FILE_H
#define MAYFLY_BENCH_WHOLE_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct whole_file {
    FILE *stream; /* to write to */
    char path[4096];
    char new_path[4096];
};

/* NULL, or why nothing can be written to PATH: said before a run, that its result has a place. */
const char *whole_file_problem(const char *path);

/* False where the file cannot be made; nothing is left then. */
bool whole_file_begin(struct whole_file *file, const char *path);
/* False where not all could be written; what was there before is there still. */
bool whole_file_end(struct whole_file *file);

#endif
