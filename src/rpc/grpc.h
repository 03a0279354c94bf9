/* The parts of gRPC's protocol that are text and framing rather than HTTP/2: timeouts, percent-encoded
 * status messages, the prefix of a message, and what other protocols' errors mean in gRPC's codes.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
#ifndef MAYFLY_RPC_GRPC_H
#define MAYFLY_RPC_GRPC_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"

/* A message on the wire: one byte that says whether it is compressed, its size in four bytes, itself. */
#define GRPC_PREFIX_BYTES       5

/* Room for the text of any timeout: eight digits and a unit. */
#define GRPC_TIMEOUT_TEXT_BYTES 9

/* Whether a content-type is "application/grpc" or a form of it. */
bool grpc_is_content_type(struct bytes value);

/* Nanoseconds of a grpc-timeout text such as "1100m"; false where it is none. */
bool grpc_timeout_parse(struct bytes text, int64_t *timeout_ns);

/* The text of a timeout, rounded up to what eight digits can say; returns its size. */
size_t grpc_timeout_format(int64_t timeout_ns, char text[GRPC_TIMEOUT_TEXT_BYTES]);

/* A grpc-status text; STATUS_UNKNOWN where it is no number or none that gRPC knows. */
enum status grpc_status_parse(struct bytes text);

/* The decimal text of a status, closed by a zero. */
const char *grpc_status_text(enum status status);

/* Appends MESSAGE with everything but printable ASCII percent-encoded; false when memory is out. */
bool grpc_message_encode(struct bytes message, struct buffer *to);

/* Appends TEXT decoded; what is no valid escape stays as it is. False when memory is out. */
bool grpc_message_decode(struct bytes text, struct buffer *to);

/* The status for a reply without one: from its HTTP status, and from the code of an HTTP/2 RST_STREAM. */
enum status grpc_status_of_http(int http_status);
enum status grpc_status_of_reset(uint32_t error_code);

void grpc_prefix_write(uint8_t prefix[GRPC_PREFIX_BYTES], size_t message_size);

/* Puts messages together from the pieces in which they arrive. A message that lies whole in one piece is
 * handed out where it is; one that does not is gathered in a buffer that grows with what has arrived,
 * never with what a prefix promises. */
struct grpc_assembler {
    uint8_t prefix[GRPC_PREFIX_BYTES];
    uint8_t prefix_size;
    struct buffer gathered;
};

enum grpc_assembly {
    GRPC_NEED_MORE,  /* the input is used up */
    GRPC_MESSAGE,    /* *message is a message, until the next call */
    GRPC_COMPRESSED, /* the message is compressed; the assembler is of no use any more */
    GRPC_TOO_LARGE,  /* likewise, larger than the limit */
    GRPC_NO_MEMORY,  /* likewise */
};

enum grpc_assembly grpc_assemble(struct grpc_assembler *assembler, struct bytes *input, size_t limit_bytes,
                                 struct bytes *message);

/* Whether the input ended inside a message. */
static inline bool grpc_assembler_inside(const struct grpc_assembler *assembler)
{
    return assembler->prefix_size > 0;
}

#endif
