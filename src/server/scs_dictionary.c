/* cache_client.Scs, the methods on dictionaries: fields with a value each. */
#include "server/collections.h"

static const char key_name[] = "dictionary_name";

/* --- Reading --- */

static void on_get(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements(request, reply, ELEMENTS_VALUE_ANSWERS);
}

void scs_dictionary_get(struct server_request *request, struct bytes message)
{
    static const struct collection_method get = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_NAMES}},
        .key_name = key_name,
        .entries_name = "fields",
        .kind = STORE_TABLE_GET,
        .type = STORE_DICTIONARY,
        .done = on_get,
    };
    collection_run(request, message, &get);
}

static void on_fetch(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements(request, reply, ELEMENTS_PAIRS);
}

void scs_dictionary_fetch(struct server_request *request, struct bytes message)
{
    static const struct collection_method fetch = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_TABLE_FETCH,
        .type = STORE_DICTIONARY,
        .done = on_fetch,
    };
    collection_run(request, message, &fetch);
}

void scs_dictionary_length(struct server_request *request, struct bytes message)
{
    static const struct collection_method length = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_LENGTH,
        .type = STORE_DICTIONARY,
        .done = collection_done_length,
    };
    collection_run(request, message, &length);
}

/* --- Writing --- */

void scs_dictionary_set(struct server_request *request, struct bytes message)
{
    static const struct collection_method set = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_PAIRS, [3] = PART_TTL, [4] = PART_REFRESH_TTL}},
        .key_name = key_name,
        .entries_name = "items",
        .kind = STORE_TABLE_PUT,
        .type = STORE_DICTIONARY,
        .takes_ttl = true,
        .done = collection_done,
    };
    collection_run(request, message, &set);
}

void scs_dictionary_increment(struct server_request *request, struct bytes message)
{
    static const struct collection_method increment = {
        .layout = {.fields = {[1] = PART_KEY,
                              [2] = PART_ELEMENT,
                              [3] = PART_AMOUNT,
                              [4] = PART_TTL,
                              [5] = PART_REFRESH_TTL},
                   .single = true},
        .key_name = key_name,
        .entries_name = "field",
        .kind = STORE_TABLE_INCREMENT,
        .type = STORE_DICTIONARY,
        .takes_ttl = true,
        .done = collection_done_number,
    };
    collection_run(request, message, &increment);
}

enum { DELETE_SOME = 2, DELETE_ALL = 3 };

void scs_dictionary_delete(struct server_request *request, struct bytes message)
{
    static const struct parts_layout some = {.fields = {[1] = PART_NAMES}};
    static const struct collection_method delete = {
        .layout = {.fields = {[1] = PART_KEY, [DELETE_SOME] = PART_CHOICE, [DELETE_ALL] = PART_CHOICE},
                   .inner = {[DELETE_SOME] = &some}},
        .key_name = key_name,
        .entries_name = "fields",
        .choice_name = "delete",
        .kind = STORE_TABLE_REMOVE,
        .type = STORE_DICTIONARY,
    };
    struct parts parts;
    if (!collection_read(request, message, &delete, &parts))
        return;
    if (parts.choice[0] == DELETE_ALL)
        parts.command.kind = STORE_CLEAR;
    collection_ask(request, &parts.command, collection_done);
}
