/* The TLS of one connection, without its socket: sealed bytes in, plain ones out, and the other way round. Its owner
 * feeds it what came (tls_stream_open), sends what it has to say (tls_stream_pending, tls_stream_sent), and gives
 * it plain bytes to seal once the handshake is done. */
#ifndef MAYFLY_NET_TLS_STREAM_H
#define MAYFLY_NET_TLS_STREAM_H

#include "base/bytes.h"
#include "net/tls.h"

/* One record: opening N bytes gives no more than N and this. */
#define TLS_RECORD_BYTES ((size_t)16 << 10)

struct tls_stream;

/* A stream with a reference to TLS of its own. NAME is, for a client, the host name or address that the server's
 * certificate must be valid for, neither empty nor with a dot at its beginning; for a server it is NULL. NULL when
 * memory is out. A client's first bytes are pending at once. */
struct tls_stream *tls_stream_create(struct net_tls *tls, const char *name);
void tls_stream_free(struct tls_stream *stream);

/* Takes all of INPUT and writes what it held to TO, which has room for as many bytes and TLS_RECORD_BYTES; returns how
 * many were written. tls_stream_is_ready, _is_over and _error tell more. */
size_t tls_stream_open(struct tls_stream *stream, struct bytes input, uint8_t *to);

/* Whether the handshake is done and what the peer had to prove is proven. */
bool tls_stream_is_ready(const struct tls_stream *stream);
/* Whether an earlier session was resumed. */
bool tls_stream_is_resumed(const struct tls_stream *stream);
/* Whether the peer has said goodbye (close_notify): nothing was cut off. */
bool tls_stream_is_over(const struct tls_stream *stream);
/* Whether it has failed for the peer's certificate, which will be no better the next time. */
bool tls_stream_is_untrusted(const struct tls_stream *stream);
/* Why the stream has failed, as a sentence; "" while it has not. */
const char *tls_stream_error(const struct tls_stream *stream);

/* Seals bytes; only on a stream that is ready. False, and nothing is taken, when it has failed, or while a message of
 * TLS's own (a ticket, new keys) has come by half: then again when more was opened. */
bool tls_stream_seal(struct tls_stream *stream, struct bytes plain);
/* Says goodbye to the peer, where that is still possible. */
void tls_stream_end(struct tls_stream *stream);

/* Sealed bytes that wait to be sent; they live until the next call but tls_stream_sent. */
struct bytes tls_stream_pending(const struct tls_stream *stream);
void tls_stream_sent(struct tls_stream *stream, size_t size);

#endif
