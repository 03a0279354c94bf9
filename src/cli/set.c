/* `mayfly set`: stores a value, given as an argument or, for "-", on standard input. */
#include "cli/target.h"

#include <stdlib.h>

#define VALUE_BYTES_MAX ((size_t)16 << 20)

/* All of standard input; NULL when memory is out or it is longer than any item. */
static char *read_input(size_t *size)
{
    char *text = malloc(VALUE_BYTES_MAX);
    *size = text != NULL ? fread(text, 1, VALUE_BYTES_MAX, stdin) : 0;
    if (*size < VALUE_BYTES_MAX)
        return text;
    free(text);
    return NULL;
}

static int run(struct target *target)
{
    mayfly_bytes value = mayfly_text(target->arguments[2]);
    char *input = NULL;
    if (strcmp(target->arguments[2], "-") == 0) {
        input = read_input(&value.size);
        value.data = input;
        if (input == NULL)
            return cli_fail(CLI_LOCAL, "standard input is larger than an item may be");
    }
    mayfly_request request = mayfly_set(target->arguments[0], mayfly_text(target->arguments[1]), value,
                                        (uint64_t)(target->settings.ttl_ns / 1000000));
    int code = target_call(target, &request);
    free(input);
    return code;
}

int cli_set(int argc, char **argv)
{
    struct target target;
    int code = target_open(&target, set_options, set_options_count, argc, argv, 3, 3);
    if (code == CLI_OK)
        code = run(&target);
    target_close(&target);
    return code;
}
