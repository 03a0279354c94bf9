/* `mayfly serve`: settings from file, environment and command line, then the server until it is told to stop.
 */
#include "cli/cli.h"
#include "server/server.h"

#include <signal.h>
#include <unistd.h>

static enum log_level level_named(const char *name)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
        if (strcmp(log_level_name((enum log_level)level), name) == 0)
            return (enum log_level)level;
    return LOG_INFO;
}

/* The file, then the environment, then the command line; the last two may name the file, so they are read
 * before it and again after it. */
static bool read_settings(struct option_set *set, const struct server_settings *settings, int argc,
                          char **argv)
{
    int rest;
    if (!options_read_environment(set) || !options_read_arguments(set, argc, argv, 1, &rest))
        return false;
    if (rest > 0) {
        (void)snprintf(set->error, sizeof set->error, "serve takes options only, not \"%.100s\"", argv[1]);
        return false;
    }
    if (settings->config == NULL)
        return true;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s", settings->config);
    return options_read_file(set, path) && options_read_environment(set) &&
           options_read_arguments(set, argc, argv, 1, &rest);
}

int cli_serve(int argc, char **argv)
{
    struct server_settings settings;
    struct option_set set;
    char error[SERVER_ERROR_BYTES];
    int code = CLI_OK;
    if (!options_init(&set, server_options, server_options_count, &settings) ||
        !read_settings(&set, &settings, argc, argv)) {
        code = cli_fail(CLI_USAGE, "%s", set.error);
    } else {
        (void)signal(SIGPIPE, SIG_IGN); /* whoever reads the log may leave; the cache stays */
        struct log log = log_open(STDERR_FILENO, level_named(settings.log_level));
        if (!server_run(&settings, &log, error))
            code = cli_fail(CLI_LOCAL, "%s", error);
    }
    options_free(&set);
    return code;
}
