#include "cli/verb.h"

#include "cli/arguments.h"

void verb_usage(const struct cli_command *command, const struct verb *verb, char text[VERB_USAGE_BYTES])
{
    int used = snprintf(text, VERB_USAGE_BYTES, "mayfly %s%s%s", command->name, verb_is_only(verb) ? "" : " ",
                        verb->name);
    for (int i = 0; i < VERB_ARGUMENTS_MAX && verb->takes[i] != ARGUMENT_END; i++) {
        bool last = i + 1 == VERB_ARGUMENTS_MAX || verb->takes[i + 1] == ARGUMENT_END;
        bool optional = last && verb->optional;
        used += snprintf(text + used, VERB_USAGE_BYTES - (size_t)used, " %s%s%s%s", optional ? "[" : "",
                         arguments_word(verb->takes[i]), optional ? "]" : "",
                         last && verb->repeated > 0 ? " ..." : "");
    }
}

const struct verb *verb_find(const struct cli_command *command, int argc, char **argv)
{
    const struct verb *verb = command->verbs;
    if (verb_is_only(verb))
        return verb;
    while (verb->name != NULL && (argc < 2 || strcmp(verb->name, argv[1]) != 0))
        verb++;
    return verb->name != NULL ? verb : NULL;
}

size_t verb_options(const struct verb *verb, struct option table[SETTINGS_MAX])
{
    size_t count = settings_of(verb->options, table);
    return verb->is_local ? count : count + settings_common(table + count);
}

static int fail_unknown(const struct cli_command *command, const char *given)
{
    char known[256] = "";
    size_t used = 0;
    for (const struct verb *verb = command->verbs; verb->name != NULL && used < sizeof known; verb++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", verb->name);
    if (given == NULL)
        return cli_fail(CLI_USAGE, "%s needs a verb: %s", command->name, known);
    return cli_fail(CLI_USAGE, "%s has no verb \"%s\"; it has %s", command->name, given, known);
}

/* Options, arguments, and from both the request. */
static int read_command_line(struct target *target, int argc, char **argv)
{
    const struct verb *verb = target->verb;
    size_t count = verb_options(verb, target->table);
    target->arguments = argv;
    if (!options_init(&target->options, target->table, count, &target->settings) ||
        !options_read_environment(&target->options) ||
        !options_read_arguments(&target->options, argc, argv, 0, &target->argument_count))
        return cli_fail(CLI_USAGE, "%s", target->options.error);

    target->request = mayfly_request_of(verb->method, NULL);
    target->request.all = verb->all;
    int code = arguments_read(target);
    if (code == CLI_OK)
        code = settings_apply(&target->settings, verb->options, &target->request);
    return code == CLI_OK && verb->adjust != NULL ? verb->adjust(target) : code;
}

static int call_and_print(struct target *target)
{
    int code = target_call(target);
    return code == CLI_OK ? target->verb->print(target) : code;
}

int verb_run(const struct cli_command *command, int argc, char **argv)
{
    const struct verb *verb = verb_find(command, argc, argv);
    if (verb == NULL)
        return fail_unknown(command, argc > 1 ? argv[1] : NULL);
    int rest = verb_is_only(verb) ? 1 : 2;
    struct target target = {.command = command, .verb = verb};
    int code = read_command_line(&target, argc - rest, argv + rest);
    if (code == CLI_OK)
        code = verb->run != NULL ? verb->run(&target) : call_and_print(&target);
    target_close(&target);
    return code;
}
