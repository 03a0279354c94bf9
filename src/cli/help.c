/* What the tables say: help, the page of settings, completion. */
#include "cli/settings.h"
#include "cli/verb.h"

bool cli_wants_help(const struct cli_command *command, int argc, char **argv)
{
    bool has_verb =
        command->verbs != NULL && !verb_is_only(command->verbs) && verb_find(command, argc, argv) != NULL;
    int behind = has_verb ? 2 : 1;
    if (argc > behind && strcmp(argv[behind], "-h") == 0)
        return true;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* "mayfly serve", "mayfly get CACHE KEY", "mayfly list VERB ..." */
static void command_usage(const struct cli_command *command, char text[VERB_USAGE_BYTES])
{
    if (command->verbs != NULL && verb_is_only(command->verbs))
        verb_usage(command, command->verbs, text);
    else
        (void)snprintf(text, VERB_USAGE_BYTES, "mayfly %s%s", command->name,
                       command->verbs != NULL ? " VERB ..." : "");
}

/* The options of a command that is no client; TABLE has room for those that have to be made. */
static const struct option *options_of(const struct cli_command *command,
                                       struct option table[CLI_OPTIONS_MAX], size_t *count)
{
    *count = command->make_options != NULL ? command->make_options(table) : *command->options_count;
    return command->make_options != NULL ? table : command->options;
}

int cli_help_overview(void)
{
    (void)printf("mayfly %s, a cache that speaks the Momento protocol\n\nusage: mayfly COMMAND [options]\n\n",
                 MAYFLY_VERSION);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        char usage[VERB_USAGE_BYTES];
        command_usage(command, usage);
        (void)printf("  %-32s %s\n", usage + strlen("mayfly "), command->summary);
    }
    (void)printf("  %-32s %s\n", "completion bash", "print a script: eval \"$(mayfly completion bash)\"");
    (void)printf(
        "\n`mayfly COMMAND --help` tells more. Exit codes: 0 done, 1 not there, 2 wrong usage,\n"
        "3 the server refused, 4 no answer, 5 a problem on this machine, 6 a rate, a target or a threshold\n"
        "was not met, 130 interrupted.\n");
    return CLI_OK;
}

static void print_environment(void)
{
    (void)printf("\nEach option is also a variable of the environment: --max-ttl is MAYFLY_MAX_TTL.\n");
}

static int help_verb(const struct cli_command *command, const struct verb *verb)
{
    char usage[VERB_USAGE_BYTES];
    struct option table[SETTINGS_MAX];
    size_t count = verb_options(verb, table);
    verb_usage(command, verb, usage);
    (void)printf("usage: %s [options]\n\n%s\n\noptions:\n", usage, verb->summary);
    options_print_help(table, count, stdout);
    print_environment();
    return CLI_OK;
}

static int help_verbs(const struct cli_command *command)
{
    (void)printf("usage: mayfly %s VERB ... [options]\n\n%s\n\n", command->name, command->summary);
    for (const struct verb *verb = command->verbs; verb->name != NULL; verb++) {
        char usage[VERB_USAGE_BYTES];
        verb_usage(command, verb, usage);
        (void)printf("  %s\n      %s\n", usage + strlen("mayfly "), verb->summary);
    }
    (void)printf("\n`mayfly %s VERB --help` lists a verb's options. A VALUE of - is read from standard "
                 "input. Elements are\n"
                 "printed one a line, their parts separated by tabs, bytes as they are; --json prints one "
                 "JSON value, in\n"
                 "which what is not UTF-8 is {\"base64\": \"...\"}.\n",
                 command->name);
    return CLI_OK;
}

int cli_help(const struct cli_command *command, int argc, char **argv)
{
    if (command->verbs != NULL) {
        const struct verb *verb = verb_find(command, argc, argv);
        return verb != NULL ? help_verb(command, verb) : help_verbs(command);
    }
    struct option table[CLI_OPTIONS_MAX];
    size_t count;
    const struct option *options = options_of(command, table, &count);
    (void)printf("usage: mayfly %s%s%s [options]\n\n%s\n\noptions:\n", command->name,
                 command->arguments != NULL ? " " : "", command->arguments != NULL ? command->arguments : "",
                 command->summary);
    options_print_help(options, count, stdout);
    print_environment();
    return CLI_OK;
}

/* --- The page of settings --- */

static void print_verb_row(const struct cli_command *command, const struct verb *verb)
{
    char usage[VERB_USAGE_BYTES];
    struct option table[SETTINGS_MAX];
    size_t count = settings_of(verb->options, table);
    verb_usage(command, verb, usage);
    (void)printf("| `%s` | %s |", usage, verb->summary);
    for (size_t i = 0; i < count; i++)
        (void)printf("%s `--%s`", i > 0 ? "," : "", table[i].name);
    (void)printf(count > 0 ? " |\n" : " none |\n");
}

/* A client's verbs, then the options that any of them takes. */
static void print_client(const struct cli_command *command)
{
    struct option table[SETTINGS_MAX];
    unsigned options = 0;
    (void)printf("| command | what it does | options |\n| --- | --- | --- |\n");
    for (const struct verb *verb = command->verbs; verb->name != NULL; verb++) {
        print_verb_row(command, verb);
        options |= verb->options;
    }
    size_t count = settings_of(options, table);
    if (count == 0)
        return;
    (void)fputc('\n', stdout);
    options_print_markdown(table, count, stdout);
}

int cli_settings_page(void)
{
    struct option common[SETTINGS_MAX];
    (void)printf(
        "# Settings\n\nEvery option of every command, from the tables that the commands are made from. An "
        "option `--max-ttl` is also\nthe variable `MAYFLY_MAX_TTL` of the environment and, for `serve`, a "
        "line `max-ttl = 1h` of the file that `--config`\nnames; the command line wins over the environment, "
        "which wins over the file. Sizes take `kb`, `mb`, `gb`\n(powers of 1,000) or `kib`, `mib`, `gib` "
        "(powers of 1,024), times `us`, `ms`, `s`, `m` or `h`, rates `bit`, `kbit`, `mbit` or `gbit` a "
        "second.\n\nThis page is what `mayfly settings-page` prints.\n");
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        (void)printf("\n## mayfly %s\n\n", command->name);
        struct option table[CLI_OPTIONS_MAX];
        size_t count;
        if (command->verbs != NULL) {
            print_client(command);
            continue;
        }
        const struct option *options = options_of(command, table, &count);
        options_print_markdown(options, count, stdout);
    }
    (void)printf("\n## Every client command\n\nAll commands but `serve`, `key` and those that measure take "
                 "these too.\n\n");
    options_print_markdown(common, settings_common(common), stdout);
    return CLI_OK;
}

/* --- Completion: a word is chosen by the one or two before it --- */

static void print_option_words(const struct option *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)printf("--%s ", table[i].name);
}

static void print_client_words(const struct cli_command *command)
{
    struct option table[SETTINGS_MAX];
    bool only = verb_is_only(command->verbs);
    if (!only)
        (void)printf("    '%s ')", command->name);
    for (const struct verb *verb = command->verbs; !only && verb->name != NULL; verb++)
        (void)printf("%s%s", verb == command->verbs ? " verbs='" : " ", verb->name);
    if (!only)
        (void)printf("' ;;\n");
    for (const struct verb *verb = command->verbs; verb->name != NULL; verb++) {
        size_t count = verb_options(verb, table);
        (void)printf("    '%s %s'%s) options='", command->name, verb->name, only ? "*" : "");
        print_option_words(table, count);
        (void)printf("--help' ;;\n");
    }
}

int cli_bash_completion(void)
{
    (void)printf("# bash completion for mayfly; eval \"$(mayfly completion bash)\"\n"
                 "_mayfly()\n{\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} verbs='' options='--help' second=''\n"
                 "    if ((COMP_CWORD == 1)); then\n"
                 "        verbs='");
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        (void)printf("%s ", command->name);
    (void)printf("help version completion'\n"
                 "    else\n"
                 "    ((COMP_CWORD > 2)) && second=${COMP_WORDS[2]}\n"
                 "    case \"${COMP_WORDS[1]} $second\" in\n");
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        if (command->verbs != NULL) {
            print_client_words(command);
            continue;
        }
        struct option table[CLI_OPTIONS_MAX];
        size_t count;
        const struct option *options = options_of(command, table, &count);
        (void)printf("    '%s '*) options='", command->name);
        print_option_words(options, count);
        (void)printf("--help' ;;\n");
    }
    (void)printf("    'completion ') verbs='bash' ;;\n"
                 "    esac\n"
                 "    fi\n"
                 "    [[ $word == -* ]] && verbs=$options\n"
                 "    mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$word\")\n"
                 "}\n"
                 "complete -o default -F _mayfly mayfly\n");
    return CLI_OK;
}
