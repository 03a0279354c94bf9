/* What the methods on collections share. Each is a description, struct collection_method: how its message reads, which
 * command of the store it is, and who answers; collection_run() does the rest. The few that need a look at what was
 * read use the steps of it: collection_read(), then collection_ask(). */
#ifndef MAYFLY_SERVER_COLLECTIONS_H
#define MAYFLY_SERVER_COLLECTIONS_H

#include "proto/write.h"
#include "server/elements.h"
#include "server/parts.h"
#include "server/services.h"

struct collection_method {
    struct parts_layout layout;
    /* Fields as the contract names them, for people. */
    const char *key_name;
    const char *entries_name; /* the one that is repeated, or the one element; NULL: there is neither */
    const char *score_name;   /* of elements; NULL: they have none */
    const char *choice_name;  /* the oneof that must be set; NULL: there is none */
    enum store_command_kind kind;
    enum store_type type;
    bool takes_ttl;
    store_done done;
};

/* All of a method: reads, checks and asks. */
void collection_run(struct server_request *request, struct bytes message,
                    const struct collection_method *method);

/* Reads a message into PARTS and checks all that requests on collections have in common; false with the request
 * failed. The command is complete, but for what the method's own fields mean. */
bool collection_read(struct server_request *request, struct bytes message,
                     const struct collection_method *method, struct parts *parts);

/* The end of a reading, for one that says itself what too many entries are: fails the request unless all was READ and
 * the collection has a name. */
bool collection_check_read(struct server_request *request, enum parts_status status, const char *key_name,
                           struct bytes key);

/* Has the command go in the order that was read; false with the request failed where that is none. collection_read()
 * does it too. */
bool collection_take_order(struct server_request *request, struct parts *parts);

void collection_ask(struct server_request *request, const struct store_command *command, store_done done);

/* Completions. All fail the request where the store did neither do it nor miss the collection. */
void collection_done(void *context, const struct store_reply *reply);       /* an empty message */
void collection_done_found(void *context, const struct store_reply *reply); /* found or missing, both empty */
void collection_done_length(void *context,
                            const struct store_reply *reply); /* found with a length, or missing */
void collection_done_number(void *context, const struct store_reply *reply); /* a number; missing is zero */
void collection_done_names(void *context, const struct store_reply *reply); /* found with bytes, or missing */

/* For a completion of a method's own: the request, with the store left; NULL when there is no more to do. */
struct server_request *collection_leave(void *context, const struct store_reply *reply);

/* Answers with `found`, a message of elements, or with `missing`. */
void collection_reply_elements(struct server_request *request, const struct store_reply *reply,
                               enum elements_form form);

/* The same, where the message of elements is a field of `found`: the one with this tag. */
void collection_reply_elements_in(struct server_request *request, const struct store_reply *reply,
                                  enum elements_form form, uint8_t tag);

/* In every response with such a oneof these are its members' tags. */
#define COLLECTION_FOUND_TAG   WRITE_BYTES_TAG(1)
#define COLLECTION_MISSING_TAG WRITE_BYTES_TAG(2)

/* Answers with a message that is written already. */
void collection_reply(struct server_request *request, struct bytes message);

void collection_reply_missing(struct server_request *request);

#endif
