/* cache_client.Scs, the methods on sets. */
#include "server/collections.h"

static const char key_name[] = "set_name";

/* --- Reading --- */

void scs_set_fetch(struct server_request *request, struct bytes message)
{
    static const struct collection_method fetch = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_TABLE_FETCH,
        .type = STORE_SET,
        .done = collection_done_names,
    };
    collection_run(request, message, &fetch);
}

void scs_set_sample(struct server_request *request, struct bytes message)
{
    static const struct collection_method sample = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_LIMIT}},
        .key_name = key_name,
        .kind = STORE_TABLE_SAMPLE,
        .type = STORE_SET,
        .done = collection_done_names,
    };
    collection_run(request, message, &sample);
}

static void on_contains(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements(request, reply, ELEMENTS_CONTAINED);
}

void scs_set_contains(struct server_request *request, struct bytes message)
{
    static const struct collection_method contains = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_NAMES}},
        .key_name = key_name,
        .entries_name = "elements",
        .kind = STORE_TABLE_GET,
        .type = STORE_SET,
        .done = on_contains,
    };
    collection_run(request, message, &contains);
}

void scs_set_length(struct server_request *request, struct bytes message)
{
    static const struct collection_method length = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_LENGTH,
        .type = STORE_SET,
        .done = collection_done_length,
    };
    collection_run(request, message, &length);
}

/* --- Writing --- */

void scs_set_union(struct server_request *request, struct bytes message)
{
    static const struct collection_method add = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_NAMES, [3] = PART_TTL, [4] = PART_REFRESH_TTL}},
        .key_name = key_name,
        .entries_name = "elements",
        .kind = STORE_TABLE_PUT,
        .type = STORE_SET,
        .takes_ttl = true,
        .done = collection_done,
    };
    collection_run(request, message, &add);
}

void scs_set_pop(struct server_request *request, struct bytes message)
{
    static const struct collection_method pop = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_LIMIT_32}},
        .key_name = key_name,
        .kind = STORE_TABLE_POP,
        .type = STORE_SET,
        .done = collection_done_names,
    };
    collection_run(request, message, &pop);
}

enum { DIFFERENCE_MINUEND = 2, DIFFERENCE_SUBTRAHEND = 3 };
enum { SUBTRAHEND_SET = 1, SUBTRAHEND_IDENTITY = 2 };

void scs_set_difference(struct server_request *request, struct bytes message)
{
    static const struct parts_layout elements = {.fields = {[1] = PART_NAMES}};
    static const struct parts_layout subtrahend = {
        .fields = {[SUBTRAHEND_SET] = PART_CHOICE, [SUBTRAHEND_IDENTITY] = PART_CHOICE},
        .inner = {[SUBTRAHEND_SET] = &elements}};
    static const struct collection_method difference = {
        .layout =
            {.fields =
                 {[1] = PART_KEY, [DIFFERENCE_MINUEND] = PART_CHOICE, [DIFFERENCE_SUBTRAHEND] = PART_CHOICE},
             .inner = {[DIFFERENCE_MINUEND] = &elements, [DIFFERENCE_SUBTRAHEND] = &subtrahend}},
        .key_name = key_name,
        .entries_name = "elements",
        .choice_name = "difference",
        .kind = STORE_TABLE_REMOVE,
        .type = STORE_SET,
    };
    struct parts parts;
    if (!collection_read(request, message, &difference, &parts))
        return;
    if (parts.choice[0] == DIFFERENCE_SUBTRAHEND && parts.choice[1] == 0) {
        server_fail_argument(request, "subtrahend_set", "is not set");
        return;
    }
    if (parts.choice[0] == DIFFERENCE_MINUEND)
        parts.command.kind = STORE_TABLE_KEEP_NEW;
    else if (parts.choice[1] == SUBTRAHEND_IDENTITY)
        parts.command.kind = STORE_CLEAR;
    collection_ask(request, &parts.command, collection_done_found);
}
