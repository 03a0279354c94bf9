#include "rpc/h2_frame.h"

const char *h2_code_name(uint32_t code)
{
    static const char *const names[H2_CODES] = {
        [H2_NO_ERROR] = "NO_ERROR",
        [H2_PROTOCOL_ERROR] = "PROTOCOL_ERROR",
        [H2_INTERNAL_ERROR] = "INTERNAL_ERROR",
        [H2_FLOW_CONTROL_ERROR] = "FLOW_CONTROL_ERROR",
        [H2_SETTINGS_TIMEOUT] = "SETTINGS_TIMEOUT",
        [H2_STREAM_CLOSED] = "STREAM_CLOSED",
        [H2_FRAME_SIZE_ERROR] = "FRAME_SIZE_ERROR",
        [H2_REFUSED_STREAM] = "REFUSED_STREAM",
        [H2_CANCEL] = "CANCEL",
        [H2_COMPRESSION_ERROR] = "COMPRESSION_ERROR",
        [H2_CONNECT_ERROR] = "CONNECT_ERROR",
        [H2_ENHANCE_YOUR_CALM] = "ENHANCE_YOUR_CALM",
        [H2_INADEQUATE_SECURITY] = "INADEQUATE_SECURITY",
        [H2_HTTP_1_1_REQUIRED] = "HTTP_1_1_REQUIRED",
    };
    return code < H2_CODES ? names[code] : "an unknown error code";
}
