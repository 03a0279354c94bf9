/* `mayfly topic`: messages for whoever listens. */
#include "base/utf8.h"
#include "cli/print.h"
#include "cli/subscribe.h"
#include "cli/verb.h"

static int text_or_bytes(struct target *target)
{
    mayfly_bytes value = target->request.value;
    target->request.is_text = !target->settings.bytes && utf8_is_valid(bytes_make(value.data, value.size));
    return CLI_OK;
}

const struct verb topic_verbs[] = {
    {"publish",
     "publish a message, as text where it is UTF-8",
     MAYFLY_METHOD_PUBLISH,
     {ARGUMENT_CACHE, ARGUMENT_TOPIC, ARGUMENT_VALUE},
     .options = TAKES_BYTES,
     .adjust = text_or_bytes,
     .print = print_done},
    {"subscribe",
     "print messages, one a line, as they come; with --json events, one object a line",
     0,
     {ARGUMENT_CACHE, ARGUMENT_TOPIC},
     .options = TAKES_SUBSCRIPTION,
     .run = subscribe_run},
    {.name = NULL},
};
