/* `mayfly cache`: create, delete, list and empty caches. */
#include "cli/target.h"

static int list_caches(struct target *target)
{
    mayfly_request request = mayfly_list_caches();
    int code = target_call(target, &request);
    for (size_t i = 0; code == CLI_OK && i < target->reply->item_count; i++) {
        mayfly_bytes name = target->reply->items[i].key;
        (void)fwrite(name.data, 1, name.size, stdout);
        (void)fputc('\n', stdout);
    }
    return code;
}

static int run(struct target *target)
{
    static const struct {
        const char *name;
        mayfly_request (*request)(const char *cache);
    } actions[] = {
        {"create", mayfly_create_cache}, {"delete", mayfly_delete_cache}, {"flush", mayfly_flush_cache}};

    const char *action = target->arguments[0];
    if (strcmp(action, "list") == 0 && target->argument_count == 1)
        return list_caches(target);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(action, actions[i].name) != 0)
            continue;
        if (target->argument_count != 2)
            return cli_fail(CLI_USAGE, "usage: mayfly cache %s NAME", action);
        mayfly_request request = actions[i].request(target->arguments[1]);
        return target_call(target, &request);
    }
    return cli_fail(CLI_USAGE, "usage: mayfly cache create|delete|flush NAME, or mayfly cache list");
}

int cli_cache(int argc, char **argv)
{
    struct target target;
    int code = target_open(&target, target_options, target_options_count, argc, argv, 1, 2);
    if (code == CLI_OK)
        code = run(&target);
    target_close(&target);
    return code;
}
