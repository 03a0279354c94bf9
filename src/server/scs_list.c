/* cache_client.Scs, the methods on lists. Those for the two ends differ in one word of the command. */
#include "server/collections.h"

#include "proto/write.h"

static const char key_name[] = "list_name";

/* --- Adding at an end; one value and many are the same but for how they are written --- */

static const struct collection_method push = {
    .layout = {.fields = {[1] = PART_KEY,
                          [2] = PART_ELEMENT,
                          [3] = PART_TTL,
                          [4] = PART_REFRESH_TTL,
                          [5] = PART_LIMIT_32},
               .single = true},
    .key_name = key_name,
    .entries_name = "value",
    .kind = STORE_LIST_PUSH,
    .type = STORE_LIST,
    .takes_ttl = true,
};

static const struct collection_method concatenate = {
    .layout =
        {.fields =
             {[1] = PART_KEY, [2] = PART_NAMES, [3] = PART_TTL, [4] = PART_REFRESH_TTL, [5] = PART_LIMIT_32}},
    .key_name = key_name,
    .entries_name = "values",
    .kind = STORE_LIST_PUSH,
    .type = STORE_LIST,
    .takes_ttl = true,
};

static void add(struct server_request *request, struct bytes message, const struct collection_method *method,
                bool from_end)
{
    struct parts parts;
    if (!collection_read(request, message, method, &parts))
        return;
    parts.command.from_end = from_end;
    collection_ask(request, &parts.command, collection_done_number);
}

void scs_list_push_front(struct server_request *request, struct bytes message)
{
    add(request, message, &push, false);
}

void scs_list_push_back(struct server_request *request, struct bytes message)
{
    add(request, message, &push, true);
}

void scs_list_concatenate_front(struct server_request *request, struct bytes message)
{
    add(request, message, &concatenate, false);
}

void scs_list_concatenate_back(struct server_request *request, struct bytes message)
{
    add(request, message, &concatenate, true);
}

/* --- Taking from an end --- */

static void on_pop(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    if (reply->status == STORE_MISSING) {
        collection_reply_missing(request);
        return;
    }
    struct bytes value = reply->elements[0].name;
    uint64_t length = (uint64_t)reply->number;
    size_t size = write_bytes_field_size(value.size) + write_varint_field_size(length);
    uint8_t *to = server_reply_begin(request, write_entry_size(size));
    if (to == NULL)
        return;
    to = write_entry_head(to, COLLECTION_FOUND_TAG, size);
    to = write_bytes_field(to, WRITE_BYTES_TAG(1), value);
    (void)write_varint_field(to, WRITE_VARINT_TAG(2), length);
    server_reply_end(request, true);
}

static void take(struct server_request *request, struct bytes message, bool from_end)
{
    static const struct collection_method pop = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_LIST_POP,
        .type = STORE_LIST,
    };
    struct parts parts;
    if (!collection_read(request, message, &pop, &parts))
        return;
    parts.command.from_end = from_end;
    collection_ask(request, &parts.command, on_pop);
}

void scs_list_pop_front(struct server_request *request, struct bytes message)
{
    take(request, message, false);
}

void scs_list_pop_back(struct server_request *request, struct bytes message)
{
    take(request, message, true);
}

/* --- Reading --- */

void scs_list_fetch(struct server_request *request, struct bytes message)
{
    static const struct collection_method fetch = {
        .layout = {.fields = {[1] = PART_KEY,
                              [2] = PART_START_OPEN,
                              [3] = PART_START,
                              [4] = PART_END_OPEN,
                              [5] = PART_END}},
        .key_name = key_name,
        .kind = STORE_LIST_FETCH,
        .type = STORE_LIST,
        .done = collection_done_names,
    };
    collection_run(request, message, &fetch);
}

void scs_list_length(struct server_request *request, struct bytes message)
{
    static const struct collection_method length = {
        .layout = {.fields = {[1] = PART_KEY}},
        .key_name = key_name,
        .kind = STORE_LENGTH,
        .type = STORE_LIST,
        .done = collection_done_length,
    };
    collection_run(request, message, &length);
}

/* --- Removing --- */

void scs_list_retain(struct server_request *request, struct bytes message)
{
    static const struct collection_method retain = {
        .layout = {.fields = {[1] = PART_KEY,
                              [2] = PART_START_OPEN,
                              [3] = PART_START,
                              [4] = PART_END_OPEN,
                              [5] = PART_END,
                              [6] = PART_TTL,
                              [7] = PART_REFRESH_TTL}},
        .key_name = key_name,
        .kind = STORE_LIST_RETAIN,
        .type = STORE_LIST,
        .takes_ttl = true,
        .done = collection_done_length,
    };
    collection_run(request, message, &retain);
}

void scs_list_remove(struct server_request *request, struct bytes message)
{
    static const struct collection_method remove = {
        .layout = {.fields = {[1] = PART_KEY, [2] = PART_ELEMENT}, .single = true},
        .key_name = key_name,
        .entries_name = "all_elements_with_value",
        .kind = STORE_LIST_REMOVE,
        .type = STORE_LIST,
    };
    struct parts parts;
    if (!collection_read(request, message, &remove, &parts))
        return;
    if (parts.element_set)
        collection_ask(request, &parts.command, collection_done_length);
    else
        server_fail_argument(request, "remove", "is not set");
}

enum { ERASE_SOME = 2, ERASE_ALL = 3 };

/* A list that is cleared is found as one of no length. */
static void on_clear(void *context, const struct store_reply *reply)
{
    struct store_reply cleared = *reply;
    cleared.number = 0;
    collection_done_length(context, &cleared);
}

void scs_list_erase(struct server_request *request, struct bytes message)
{
    static const struct parts_layout some = {.fields = {[1] = PART_RANGES}};
    static const struct collection_method erase = {
        .layout = {.fields = {[1] = PART_KEY, [ERASE_SOME] = PART_CHOICE, [ERASE_ALL] = PART_CHOICE},
                   .inner = {[ERASE_SOME] = &some}},
        .key_name = key_name,
        .entries_name = "ranges",
        .choice_name = "erase",
        .kind = STORE_LIST_ERASE,
        .type = STORE_LIST,
    };
    struct parts parts;
    if (!collection_read(request, message, &erase, &parts))
        return;
    const bool all = parts.choice[0] == ERASE_ALL;
    if (all)
        parts.command.kind = STORE_CLEAR;
    collection_ask(request, &parts.command, all ? on_clear : collection_done_length);
}
