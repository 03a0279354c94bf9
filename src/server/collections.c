/* Everything is checked before the store is asked, so that nothing is half applied; the answer is written straight
 * from the store's elements, since it is written while they cannot move. */
#include "server/collections.h"

#include <math.h>

/* --- Reading and checking --- */

static bool check_read(struct server_request *request, enum parts_status status)
{
    switch (status) {
    case PARTS_READ:
        return true;
    case PARTS_MALFORMED:
        server_fail_malformed(request);
        return false;
    case PARTS_TOO_MANY:
        server_fail(request, STATUS_RESOURCE_EXHAUSTED, "the call has more elements than this server allows");
        return false;
    case PARTS_NO_MEMORY:
        break;
    }
    server_fail_memory(request);
    return false;
}

static bool check_key(struct server_request *request, const char *key_name, struct bytes key)
{
    if (key.size > 0)
        return scs_check_item(request, key, bytes_make(NULL, 0));
    server_fail_argument(request, key_name, "is empty");
    return false;
}

static bool check_elements(struct server_request *request, const struct store_command *command,
                           const char *score_name)
{
    const size_t limit_bytes = (size_t)request->worker->server->settings->max_element_bytes;
    for (size_t i = 0; i < command->count; i++) {
        const struct store_element *element = &command->elements[i];
        if (element->name.size + element->value.size > limit_bytes) {
            server_fail_with_cause(request, STATUS_RESOURCE_EXHAUSTED,
                                   "an element is larger than this server allows", CAUSE_ELEMENT_SIZE);
            return false;
        }
        if (isnan(element->score)) {
            server_fail_argument(request, score_name, "is not a number");
            return false;
        }
    }
    return true;
}

/* A write of nothing changes nothing, and makes no collection: it asks for the length instead, which looks at the
 * key's type all the same and answers for the present state. */
static void soften_empty_write(struct store_command *command)
{
    const bool adds = command->kind == STORE_TABLE_PUT || command->kind == STORE_LIST_PUSH ||
                      command->kind == STORE_SORTED_PUT;
    if (adds && command->count == 0)
        command->kind = STORE_LENGTH;
}

bool collection_read(struct server_request *request, struct bytes message,
                     const struct collection_method *method, struct parts *parts)
{
    struct store_command *command = &parts->command;
    parts_init(parts);
    enum parts_status status =
        parts_read(parts, message, &method->layout, (size_t)request->worker->server->settings->max_batch,
                   &request->arena);
    if (!check_read(request, status) || !check_key(request, method->key_name, command->key) ||
        !check_elements(request, command, method->score_name) ||
        (method->takes_ttl && !scs_check_ttl(request, command->ttl_ms)))
        return false;
    command->kind = method->kind;
    command->type = method->type;
    soften_empty_write(command);
    return true;
}

void collection_ask(struct server_request *request, const struct store_command *command, store_done done)
{
    struct store_command complete = *command;
    complete.cache = request->cache;
    complete.now_ms = server_now_ms(request->worker);
    complete.reply_limit_bytes = (uint64_t)request->worker->server->settings->max_buffered_bytes;
    server_request_enter_store(request);
    store_command(request->worker->server->store, &complete, done, request);
}

void collection_run(struct server_request *request, struct bytes message,
                    const struct collection_method *method)
{
    struct parts parts;
    if (collection_read(request, message, method, &parts))
        collection_ask(request, &parts.command, method->done);
}

/* --- Answers --- */

struct server_request *collection_leave(void *context, const struct store_reply *reply)
{
    struct server_request *request = context;
    if (!server_request_leave_store(request))
        return NULL;
    if (reply->status == STORE_OK || reply->status == STORE_MISSING)
        return request;
    server_fail_store(request, reply->status);
    return NULL;
}

void collection_reply(struct server_request *request, struct bytes message)
{
    uint8_t *to = server_reply_begin(request, message.size);
    if (to == NULL)
        return;
    bytes_copy(to, message.data, message.size);
    server_reply_end(request, true);
}

void collection_reply_missing(struct server_request *request)
{
    static const uint8_t missing[] = {COLLECTION_MISSING_TAG, 0};
    collection_reply(request, bytes_make(missing, sizeof missing));
}

void collection_reply_elements(struct server_request *request, const struct store_reply *reply,
                               enum elements_form form)
{
    if (reply->status == STORE_MISSING) {
        collection_reply_missing(request);
        return;
    }
    size_t size = elements_size(form, reply->elements, reply->count);
    uint8_t *to = server_reply_begin(request, write_entry_size(size));
    if (to == NULL)
        return;
    to = write_entry_head(to, COLLECTION_FOUND_TAG, size);
    (void)elements_write(to, form, reply->elements, reply->count);
    server_reply_end(request, true);
}

void collection_done(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply(request, bytes_make(NULL, 0));
}

void collection_done_found(void *context, const struct store_reply *reply)
{
    static const uint8_t found[] = {COLLECTION_FOUND_TAG, 0};
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    if (reply->status == STORE_OK)
        collection_reply(request, bytes_make(found, sizeof found));
    else
        collection_reply_missing(request);
}

void collection_done_length(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    if (reply->status == STORE_MISSING) {
        collection_reply_missing(request);
        return;
    }
    uint64_t length = (uint64_t)reply->number;
    uint8_t message[16];
    uint8_t *to = write_entry_head(message, COLLECTION_FOUND_TAG, write_varint_field_size(length));
    to = write_varint_field(to, WRITE_VARINT_TAG(1), length);
    collection_reply(request, bytes_make(message, (size_t)(to - message)));
}

void collection_done_number(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request == NULL)
        return;
    uint64_t number = reply->status == STORE_OK ? (uint64_t)reply->number : 0;
    uint8_t message[16];
    uint8_t *to = write_varint_field(message, WRITE_VARINT_TAG(1), number);
    collection_reply(request, bytes_make(message, (size_t)(to - message)));
}

void collection_done_names(void *context, const struct store_reply *reply)
{
    struct server_request *request = collection_leave(context, reply);
    if (request != NULL)
        collection_reply_elements(request, reply, ELEMENTS_NAMES);
}
