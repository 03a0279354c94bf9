/* Everything is checked before the store is asked, so that nothing is half applied; the answer is written straight
 * from the store's elements, since it is written while they cannot move. */
#include "server/collections.h"

#include "cacheclient.pb-c.h"

#include <math.h>

/* --- Reading and checking --- */

bool collection_check_read(struct server_request *request, enum parts_status status, const char *key_name,
                           struct bytes key)
{
    if (status == PARTS_READ)
        return scs_check_name(request, key_name, key);
    if (status == PARTS_NO_MEMORY)
        server_fail_memory(request);
    else
        server_fail_malformed(request);
    return false;
}

static bool check_elements(struct server_request *request, const struct collection_method *method,
                           const struct store_command *command)
{
    const size_t limit_bytes = (size_t)request->worker->server->settings->max_element_bytes;
    for (size_t i = 0; i < command->count; i++) {
        const struct store_element *element = &command->elements[i];
        if (element->name.size + element->value.size > limit_bytes) {
            server_fail_limit(request, method->entries_name,
                              method->layout.single ? "is larger than this server allows"
                                                    : "has an entry larger than this server allows",
                              CAUSE_ELEMENT_SIZE);
            return false;
        }
        if (isnan(element->score)) {
            server_fail_argument(request, method->score_name, "is not a number");
            return false;
        }
    }
    return true;
}

static bool check_choice(struct server_request *request, const struct collection_method *method,
                         const struct parts *parts)
{
    if (method->choice_name == NULL || parts->choice[0] != 0)
        return true;
    server_fail_argument(request, method->choice_name, "is not set");
    return false;
}

/* No elements to add are no special case: the store adds none, which looks at the key's type, refreshes a TTL and
 * truncates a list as asked, and makes no collection. */
bool collection_read(struct server_request *request, struct bytes message,
                     const struct collection_method *method, struct parts *parts)
{
    struct store_command *command = &parts->command;
    parts_init(parts);
    enum parts_status status =
        parts_read(parts, message, &method->layout, (size_t)request->worker->server->settings->max_batch,
                   &request->arena);
    if (status == PARTS_TOO_MANY) {
        server_fail_limit(request, method->entries_name, "has more entries than this server allows",
                          CAUSE_NONE);
        return false;
    }
    command->kind = method->kind;
    command->type = method->type;
    return collection_check_read(request, status, method->key_name, command->key) &&
           check_elements(request, method, command) &&
           (!method->takes_ttl || scs_check_ttl(request, command->ttl_ms)) &&
           collection_take_order(request, parts) && check_choice(request, method, parts);
}

/* All enumerations of orders have the same numbers. */
bool collection_take_order(struct server_request *request, struct parts *parts)
{
    switch (parts->order) {
    case CACHE_CLIENT____SORTED_SET_FETCH_REQUEST__ORDER__ASCENDING:
        parts->command.descending = false;
        return true;
    case CACHE_CLIENT____SORTED_SET_FETCH_REQUEST__ORDER__DESCENDING:
        parts->command.descending = true;
        return true;
    default:
        server_fail_argument(request, "order", "is none that there is");
        return false;
    }
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

#define NO_TAG 0 /* no field has it */

void collection_reply_elements_in(struct server_request *request, const struct store_reply *reply,
                                  enum elements_form form, uint8_t tag)
{
    if (reply->status == STORE_MISSING) {
        collection_reply_missing(request);
        return;
    }
    size_t size = elements_size(form, reply->elements, reply->count);
    size_t found_size = tag == NO_TAG ? size : write_entry_size(size);
    uint8_t *to = server_reply_begin(request, write_entry_size(found_size));
    if (to == NULL)
        return;
    to = write_entry_head(to, COLLECTION_FOUND_TAG, found_size);
    if (tag != NO_TAG)
        to = write_entry_head(to, tag, size);
    (void)elements_write(to, form, reply->elements, reply->count);
    server_reply_end(request, true);
}

void collection_reply_elements(struct server_request *request, const struct store_reply *reply,
                               enum elements_form form)
{
    collection_reply_elements_in(request, reply, form, NO_TAG);
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
