/* What the commands that load a server have in common: where it is, and files whose place is looked at first. */
#ifndef MAYFLY_CLI_LOAD_H
#define MAYFLY_CLI_LOAD_H

#include "bench/document.h"
#include "cli/target.h"

/* Where a load's server is. */
struct load_target {
    mayfly_credentials credentials;
    char host[TARGET_HOST_BYTES];
    char address[TARGET_ADDRESS_BYTES]; /* for people */
};

/* From the settings' endpoint and credentials; CLI_OK, or a code with everything said. The credentials are to be freed
 * either way. */
int load_find(const struct bench_settings *settings, struct load_target *target);

/* CLI_OK, or what is said of a file that could not be written; PATH may be NULL. */
int load_check_file(const char *path);

/* Writes a result and the page of a document where paths are given; CLI_OK, or a code with what could not be written. */
int load_write_files(const json_t *result, const char *json_path, const json_t *document,
                     const char *page_path);

/* Writes the options of a load that have these names, closed by NULL, and then a command's OWN to TABLE; returns how
 * many. */
size_t load_take_options(struct option *table, const char *const *names, const struct option *own,
                         size_t own_count);

/* Sets all that `mayfly bench` can be told to its fallback, for a command that takes some of it; the texts live until
 * options_free. False where memory is out. */
bool load_defaults(struct option_set *set, struct bench_settings *settings);

/* The exit code of a measurement that failed, said with its sentence. */
int load_fail(mayfly_status status, const char *error);

/* The command line in one text, to be freed; NULL when memory is out. */
char *load_command_line(int argc, char **argv);

#endif
