/* `mayfly get`: the value of a key, as it is. */
#include "cli/target.h"

#include <unistd.h>

int cli_get(int argc, char **argv)
{
    struct target target;
    int code = target_open(&target, target_options, target_options_count, argc, argv, 2, 2);
    if (code == CLI_OK) {
        mayfly_request request = mayfly_get(target.arguments[0], mayfly_text(target.arguments[1]));
        code = target_call(&target, &request);
    }
    if (code == CLI_OK && target.reply->outcome == MAYFLY_HIT) {
        (void)fwrite(target.reply->value.data, 1, target.reply->value.size, stdout);
        if (isatty(STDOUT_FILENO))
            (void)fputc('\n', stdout);
    } else if (code == CLI_OK) {
        code = cli_fail(CLI_MISS, "%s has no key %s", target.arguments[0], target.arguments[1]);
    }
    target_close(&target);
    return code;
}
