/* Our HTTP/2 engine beside the one on nghttp2, which has to make the same of every input (rpc/differential.h). */
#include "rpc/differential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!engines_agree(bytes_make(data, size)))
        abort();
    return 0;
}
