/* The command `mayfly`: one file a command, bound to its name by the table in main.c. */
#ifndef MAYFLY_CLI_CLI_H
#define MAYFLY_CLI_CLI_H

#include "base/options.h"

/* Exit codes, the same for every command. */
enum cli_exit {
    CLI_OK = 0,
    CLI_MISS = 1,        /* the key is not there */
    CLI_USAGE = 2,       /* the command line or a setting is wrong */
    CLI_FAILED = 3,      /* the server answered with an error */
    CLI_UNREACHABLE = 4, /* no answer: no server there, or the deadline passed */
    CLI_LOCAL = 5,       /* something on this machine: memory, a file, a port that is taken */
};

struct cli_command {
    const char *name;
    const char *arguments; /* in help */
    const char *summary;
    const struct option *options;
    const size_t *options_count;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_commands_count;

int cli_serve(int argc, char **argv);
int cli_cache(int argc, char **argv);
int cli_get(int argc, char **argv);
int cli_set(int argc, char **argv);
int cli_delete(int argc, char **argv);
int cli_increment(int argc, char **argv);
int cli_ping(int argc, char **argv);
int cli_bench(int argc, char **argv);

/* Prints `mayfly: MESSAGE` to standard error, as one sentence, and returns CODE. */
__attribute__((format(printf, 2, 3))) int cli_fail(enum cli_exit code, const char *format, ...);

/* Prints a command's help to standard output; returns CLI_OK. */
int cli_help(const struct cli_command *command);
const struct cli_command *cli_find(const char *name);

/* Whether the arguments ask for help, as --help or -h. */
bool cli_wants_help(int argc, char **argv);

#endif
