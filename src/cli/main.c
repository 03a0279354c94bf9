/* `mayfly`: finds the command that is asked for and runs it. */
#include "bench/bench.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "server/server.h"

#include <stdarg.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
    {"serve", "", "run a cache server", server_options, &server_options_count, cli_serve},
    {"cache", "create|delete|list|flush [NAME]", "create, delete, list or empty caches", target_options,
     &target_options_count, cli_cache},
    {"get", "CACHE KEY", "print a key's value", target_options, &target_options_count, cli_get},
    {"set", "CACHE KEY VALUE", "store a value", set_options, &set_options_count, cli_set},
    {"delete", "CACHE KEY", "remove a key", target_options, &target_options_count, cli_delete},
    {"increment", "CACHE KEY [AMOUNT]", "add to an integer and print it", set_options, &set_options_count,
     cli_increment},
    {"ping", "", "ask whether a server answers", target_options, &target_options_count, cli_ping},
    {"bench", "", "measure throughput and latency", bench_options, &bench_options_count, cli_bench},
};

const size_t cli_commands_count = sizeof cli_commands / sizeof cli_commands[0];

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

const struct cli_command *cli_find(const char *name)
{
    for (size_t i = 0; i < cli_commands_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

bool cli_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int cli_help(const struct cli_command *command)
{
    (void)printf("usage: mayfly %s%s%s [options]\n\n%s\n\noptions:\n", command->name,
                 *command->arguments ? " " : "", command->arguments, command->summary);
    options_print_help(command->options, *command->options_count, stdout);
    (void)printf("\nEach option is also a variable of the environment: --max-ttl is MAYFLY_MAX_TTL.\n");
    return CLI_OK;
}

static int help(void)
{
    (void)printf("mayfly %s, a cache that speaks the Momento protocol\n\nusage: mayfly COMMAND [options]\n\n",
                 MAYFLY_VERSION);
    for (size_t i = 0; i < cli_commands_count; i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "%s %s", cli_commands[i].name, cli_commands[i].arguments);
        (void)printf("  %-40s %s\n", left, cli_commands[i].summary);
    }
    (void)printf("\n`mayfly COMMAND --help` tells more. Exit codes: 0 done, 1 not there, 2 wrong usage,\n"
                 "3 the server refused, 4 no answer, 5 a problem on this machine.\n");
    return CLI_OK;
}

/* The options of every command as a page for docs/. */
static int print_settings_page(void)
{
    (void)printf(
        "# Settings\n\nEvery option of every command, from the tables that the commands are made from. An "
        "option `--max-ttl` is also\nthe variable `MAYFLY_MAX_TTL` of the environment and, for `serve`, a "
        "line `max-ttl = 1h` of the file that `--config`\nnames; the command line wins over the environment, "
        "which wins over the file. Sizes take `kb`, `mb`, `gb`\n(powers of 1,000) or `kib`, `mib`, `gib` "
        "(powers of 1,024), times `us`, `ms`, `s`, `m` or `h`.\n\nThis page is what `mayfly settings-page` "
        "prints.\n");
    for (size_t i = 0; i < cli_commands_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        (void)printf("\n## mayfly %s%s%s\n\n", command->name, *command->arguments ? " " : "",
                     command->arguments);
        options_print_markdown(command->options, *command->options_count, stdout);
    }
    return CLI_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return help();
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        (void)printf("mayfly %s\n", MAYFLY_VERSION);
        return CLI_OK;
    }
    if (strcmp(argv[1], "settings-page") == 0)
        return print_settings_page();
    const struct cli_command *command = cli_find(argv[1]);
    if (command == NULL)
        return cli_fail(CLI_USAGE, "there is no command \"%s\"; `mayfly help` lists those there are",
                        argv[1]);
    if (cli_wants_help(argc - 1, argv + 1))
        return cli_help(command);
    int code = command->run(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout) != 0)
        return cli_fail(CLI_LOCAL, "standard output cannot be written");
    return code;
}
