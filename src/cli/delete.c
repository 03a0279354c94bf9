/* `mayfly delete`: removes a key; one that is not there is fine. */
#include "cli/target.h"

int cli_delete(int argc, char **argv)
{
    struct target target;
    int code = target_open(&target, target_options, target_options_count, argc, argv, 2, 2);
    if (code == CLI_OK) {
        mayfly_request request = mayfly_delete(target.arguments[0], mayfly_text(target.arguments[1]));
        code = target_call(&target, &request);
    }
    target_close(&target);
    return code;
}
