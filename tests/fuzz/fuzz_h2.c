/* Bytes from anywhere into a connection of the HTTP/2 engine, whose owner answers, cancels and pings as a real one would
 * (rpc/witness.h). Nothing may crash, each call that was begun must end exactly once, and what is sent must be frames and
 * header blocks that nghttp2 can read.
 *
 * The first byte of an input chooses the end (bit 0: server or client), whether the engine is drained or
 * cancels calls on the way (bits 1 and 2), and the size of the slices in which the rest is fed. A server
 * is given the client's preface first, so that every input gets past it. */
#include "rpc/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct witness witness;
    if (size < 2)
        return 0;
    struct h2_methods *table = h2_methods_create(witness_methods, WITNESS_METHODS);
    bool is_server = (data[0] & 1) == 0;
    witness_open(&witness, &h2_engine_mayfly, table, is_server, (data[0] & 4) != 0);
    if (is_server)
        witness_feed(&witness, bytes_of(WITNESS_PREFACE), 1);
    size_t slice = data[0] >> 3 == 0 ? size : data[0] >> 3;
    for (size_t at = 1; at < size; at += slice) {
        if ((data[0] & 2) != 0 && at > size / 2)
            h2_drain(witness.h2);
        witness_feed(&witness, bytes_make(data + at, size - at < slice ? size - at : slice), (int64_t)at);
    }
    witness_close(&witness);
    witness_free(&witness);
    h2_methods_destroy(table);
    return 0;
}
