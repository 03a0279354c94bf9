/* What makes a request or a reply malformed, RFC 9113 section 8: its fields are checked one after the other, over all
 * header blocks of a stream. A malformed message costs its stream, never the connection. */
#ifndef MAYFLY_RPC_FIELD_RULES_H
#define MAYFLY_RPC_FIELD_RULES_H

#include "rpc/hpack.h"

/* What is known of the messages from one end of a stream. */
struct field_rules {
    unsigned seen;
    bool is_begun;          /* its first block is over: what follows are trailers */
    bool awaits_final;      /* reply: only informational ones came */
    int http_status;        /* reply: of the block that is being read, 0 before it came */
    int64_t content_length; /* -1: not announced */
    int64_t content_bytes;  /* that came */
};

static inline void field_rules_init(struct field_rules *rules)
{
    *rules = (struct field_rules){.content_length = -1};
}

/* Whether the next field of a block may be there. */
bool field_rules_request(struct field_rules *rules, struct hpack_field field);
bool field_rules_reply(struct field_rules *rules, struct hpack_field field);

/* The block is over; false where it is malformed as a whole. ENDS: its frame ends the stream. */
bool field_rules_request_end(struct field_rules *rules, bool ends);
bool field_rules_reply_end(struct field_rules *rules, bool ends);

/* So many bytes of content came; false where that is wrong. None are right anywhere. */
static inline bool field_rules_content(struct field_rules *rules, size_t size)
{
    rules->content_bytes += (int64_t)size;
    return size == 0 || (!rules->awaits_final &&
                         (rules->content_length < 0 || rules->content_bytes <= rules->content_length));
}

/* The stream has ended; false where something is missing. */
static inline bool field_rules_whole(const struct field_rules *rules)
{
    return !rules->awaits_final &&
           (rules->content_length < 0 || rules->content_bytes == rules->content_length);
}

#endif
