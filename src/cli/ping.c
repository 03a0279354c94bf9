/* `mayfly ping`: whether a server answers, and how fast. */
#include "cli/target.h"

int cli_ping(int argc, char **argv)
{
    struct target target;
    int code = target_open(&target, target_options, target_options_count, argc, argv, 0, 0);
    if (code == CLI_OK) {
        mayfly_request request = mayfly_ping();
        code = target_call(&target, &request);
    }
    if (code == CLI_OK)
        (void)printf("%s answered in %.0f us\n", target.settings.endpoint,
                     (double)target.reply->wire_ns / 1000);
    target_close(&target);
    return code;
}
