/* `mayfly`: finds the command that is asked for and runs it. */
#include "cli/cli.h"
#include "cli/verb.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

int cli_fail(enum cli_exit code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("mayfly: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return code;
}

static int print_version(void)
{
    (void)printf("mayfly %s\n", MAYFLY_VERSION);
    return CLI_OK;
}

static int print_completion(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "bash") != 0)
        return cli_fail(CLI_USAGE, "usage: mayfly completion bash");
    return cli_bash_completion();
}

static int run(int argc, char **argv)
{
    const struct cli_command *command = cli_find(argv[0]);
    if (command == NULL)
        return cli_fail(CLI_USAGE, "there is no command \"%s\"; `mayfly help` lists those there are",
                        argv[0]);
    if (cli_wants_help(command, argc, argv))
        return cli_help(command, argc, argv);
    return command->verbs != NULL ? verb_run(command, argc, argv) : command->run(argc, argv);
}

static int help(int argc, char **argv)
{
    const struct cli_command *command = argc > 1 ? cli_find(argv[1]) : NULL;
    return command != NULL ? cli_help(command, argc - 1, argv + 1) : cli_help_overview();
}

static bool is_any_of(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

static int choose(int argc, char **argv)
{
    if (argc < 1 || is_any_of(argv[0], "help", "--help", "-h"))
        return help(argc, argv);
    if (is_any_of(argv[0], "version", "--version", "-V"))
        return print_version();
    if (strcmp(argv[0], "settings-page") == 0)
        return cli_settings_page();
    if (strcmp(argv[0], "completion") == 0)
        return print_completion(argc, argv);
    return run(argc, argv);
}

/* A program may be started with standard streams that are closed. Whatever it opens next would get their numbers, and
 * be read or written in their place, so something else takes them: what cannot be read for the first, what cannot be
 * written for the second, so that a command which needs them fails, and what swallows all for the third. */
static bool fill_standard_streams(void)
{
    static const int modes[] = {
        [STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!fill_standard_streams())
        return CLI_LOCAL;
    int code = choose(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return cli_fail(CLI_LOCAL, "standard output cannot be written");
    return code;
}
