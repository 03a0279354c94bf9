/* The command `mayfly`. What it can do is the table in commands.c: `serve`, `bench` and the like are functions of
 * their own, all other commands are clients, made of verbs (verb.h). */
#ifndef MAYFLY_CLI_CLI_H
#define MAYFLY_CLI_CLI_H

#include "base/options.h"

/* Exit codes, the same for every command. */
enum cli_exit {
    CLI_OK = 0,
    CLI_MISS = 1,        /* what was asked for is not there, or a condition did not hold */
    CLI_USAGE = 2,       /* the command line or a setting is wrong */
    CLI_FAILED = 3,      /* the server answered with an error */
    CLI_UNREACHABLE = 4, /* no answer: no server there, or the deadline passed */
    CLI_LOCAL = 5,       /* something on this machine: memory, a file, a port that is taken */
    CLI_UNMET = 6,       /* what was measured is not what was asked for: a rate, a target, a threshold */
    CLI_SIGNAL = 128,    /* and the number of the signal that ended a measurement early */
};

struct verb;

struct cli_command {
    const char *name;
    const char *summary;
    const char *arguments; /* of one that is no client, as its usage names them; NULL: options alone */
    /* A client: its verbs, closed by a row without a name; one verb named "" where the command is the verb. */
    const struct verb *verbs;
    /* Any other: its options, as a table or as a function that writes one, and what it does. */
    const struct option *options;
    const size_t *options_count;
    size_t (*make_options)(struct option *table); /* room for CLI_OPTIONS_MAX; returns how many */
    int (*run)(int argc, char **argv);            /* argv[0] is the command's name */
};

#define CLI_OPTIONS_MAX 48

/* Closed by a row without a name. */
extern const struct cli_command cli_commands[];
const struct cli_command *cli_find(const char *name);

int cli_serve(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_relay(int argc, char **argv);
int cli_tune(int argc, char **argv);
int cli_experiment(int argc, char **argv);
int cli_report(int argc, char **argv);

size_t cli_tune_options(struct option *table);
size_t cli_experiment_options(struct option *table);
extern const struct option cli_report_options[];
extern const size_t cli_report_options_count;

extern const struct option cli_relay_options[];
extern const size_t cli_relay_options_count;

/* Prints `mayfly: MESSAGE` to standard error, as one sentence, and returns CODE. */
__attribute__((format(printf, 2, 3))) int cli_fail(enum cli_exit code, const char *format, ...);

/* --- What the tables say, on standard output; all return CLI_OK --- */

int cli_help_overview(void);
/* Of a command; for a client called with a verb of its own, ARGV[1], of that. */
int cli_help(const struct cli_command *command, int argc, char **argv);
/* Whether the arguments ask for help: as --help anywhere, or as -h directly behind the command or its verb; further on
 * that is a value like any other. */
bool cli_wants_help(const struct cli_command *command, int argc, char **argv);

/* The options of every command as a page for docs/. */
int cli_settings_page(void);
/* A script that teaches bash to complete commands, verbs and options. */
int cli_bash_completion(void);

#endif
