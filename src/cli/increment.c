/* `mayfly increment`: adds to an integer and prints what it is now. */
#include "cli/target.h"

#include <inttypes.h>

static int run(struct target *target)
{
    int64_t amount = 1;
    if (target->argument_count == 3 && !options_parse_value(OPTION_NUMBER, target->arguments[2], &amount))
        return cli_fail(CLI_USAGE, "AMOUNT is a whole number, not \"%s\"", target->arguments[2]);
    mayfly_request request = mayfly_increment(target->arguments[0], mayfly_text(target->arguments[1]), amount,
                                              (uint64_t)(target->settings.ttl_ns / 1000000));
    int code = target_call(target, &request);
    if (code == CLI_OK)
        (void)printf("%" PRId64 "\n", target->reply->number);
    return code;
}

int cli_increment(int argc, char **argv)
{
    struct target target;
    int code = target_open(&target, set_options, set_options_count, argc, argv, 2, 3);
    if (code == CLI_OK)
        code = run(&target);
    target_close(&target);
    return code;
}
