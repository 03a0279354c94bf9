#include "rpc/grpc.h"

#include "base/clock.h"
#include "rpc/h2_frame.h"

static const struct {
    uint8_t unit;
    int64_t ns;
} timeout_units[] = {
    {'n', 1},
    {'u', CLOCK_NS_PER_US},
    {'m', CLOCK_NS_PER_MS},
    {'S', CLOCK_NS_PER_S},
    {'M', INT64_C(60) * CLOCK_NS_PER_S},
    {'H', INT64_C(3600) * CLOCK_NS_PER_S},
};

#define TIMEOUT_UNITS       (sizeof timeout_units / sizeof timeout_units[0])
#define TIMEOUT_DIGITS      8
#define TIMEOUT_MAX         99999999
#define GATHERED_KEEP_BYTES ((size_t)1024) /* between the messages of a stream */

bool grpc_is_content_type(struct bytes value)
{
    struct bytes grpc = bytes_of("application/grpc");
    return bytes_start_with(value, grpc) &&
           (value.size == grpc.size || value.data[grpc.size] == '+' || value.data[grpc.size] == ';');
}

bool grpc_timeout_parse(struct bytes text, int64_t *timeout_ns)
{
    if (text.size < 2 || text.size > TIMEOUT_DIGITS + 1)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (text.data[i] - '0');
    }
    for (size_t i = 0; i < TIMEOUT_UNITS; i++) {
        if (text.data[text.size - 1] == timeout_units[i].unit) {
            bool fits = value <= INT64_MAX / timeout_units[i].ns;
            *timeout_ns = fits ? value * timeout_units[i].ns : CLOCK_NEVER;
            return true;
        }
    }
    return false;
}

size_t grpc_timeout_format(int64_t timeout_ns, char text[GRPC_TIMEOUT_TEXT_BYTES])
{
    /* Milliseconds where they fit, so that a constant timeout is a constant text; finer below one. */
    size_t unit = timeout_ns < CLOCK_NS_PER_MS ? 1 : 2;
    int64_t value;
    for (;;) {
        value = timeout_ns / timeout_units[unit].ns + (timeout_ns % timeout_units[unit].ns != 0);
        if (value <= TIMEOUT_MAX || unit + 1 == TIMEOUT_UNITS)
            break;
        unit++;
    }
    if (value > TIMEOUT_MAX)
        value = TIMEOUT_MAX;
    if (value < 1)
        value = 1;

    char digits[TIMEOUT_DIGITS];
    size_t count = 0;
    for (; value > 0; value /= 10)
        digits[count++] = (char)('0' + value % 10);
    for (size_t i = 0; i < count; i++)
        text[i] = digits[count - 1 - i];
    text[count] = timeout_units[unit].unit;
    return count + 1;
}

enum status grpc_status_parse(struct bytes text)
{
    unsigned value = 0;
    if (text.size < 1 || text.size > 2)
        return STATUS_UNKNOWN;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return STATUS_UNKNOWN;
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    return value < STATUS_COUNT ? (enum status)value : STATUS_UNKNOWN;
}

const char *grpc_status_text(enum status status)
{
    static const char texts[STATUS_COUNT][3] = {
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    };
    return texts[(unsigned)status < STATUS_COUNT ? status : STATUS_UNKNOWN];
}

bool grpc_message_encode(struct bytes message, struct buffer *to)
{
    static const char hex[] = "0123456789ABCDEF";
    uint8_t *at = buffer_extend(to, 3 * message.size);
    if (at == NULL)
        return false;
    uint8_t *start = at;
    for (size_t i = 0; i < message.size; i++) {
        uint8_t c = message.data[i];
        bool is_at_end = i == 0 || i + 1 == message.size; /* where HTTP allows no space */
        if (c >= (is_at_end ? '!' : ' ') && c <= '~' && c != '%') {
            *at++ = c;
        } else {
            *at++ = '%';
            *at++ = (uint8_t)hex[c >> 4];
            *at++ = (uint8_t)hex[c & 15];
        }
    }
    buffer_commit(to, (size_t)(at - start));
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool grpc_message_decode(struct bytes text, struct buffer *to)
{
    uint8_t *at = buffer_extend(to, text.size);
    if (at == NULL)
        return false;
    uint8_t *start = at;
    for (size_t i = 0; i < text.size; i++) {
        int high = -1;
        int low = -1;
        if (text.data[i] == '%' && text.size - i > 2) {
            high = hex_value(text.data[i + 1]);
            low = hex_value(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            *at++ = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            *at++ = text.data[i];
        }
    }
    buffer_commit(to, (size_t)(at - start));
    return true;
}

/* https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
enum status grpc_status_of_http(int http_status)
{
    switch (http_status) {
    case 400:
        return STATUS_INTERNAL;
    case 401:
        return STATUS_UNAUTHENTICATED;
    case 403:
        return STATUS_PERMISSION_DENIED;
    case 404:
        return STATUS_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return STATUS_UNAVAILABLE;
    default:
        return STATUS_UNKNOWN;
    }
}

enum status grpc_status_of_reset(uint32_t error_code)
{
    switch (error_code) {
    case H2_REFUSED_STREAM:
        return STATUS_UNAVAILABLE;
    case H2_CANCEL:
        return STATUS_CANCELLED;
    case H2_ENHANCE_YOUR_CALM:
        return STATUS_RESOURCE_EXHAUSTED;
    case H2_INADEQUATE_SECURITY:
        return STATUS_PERMISSION_DENIED;
    default:
        return STATUS_INTERNAL;
    }
}

void grpc_prefix_write(uint8_t prefix[GRPC_PREFIX_BYTES], size_t message_size)
{
    prefix[0] = 0;
    prefix[1] = (uint8_t)(message_size >> 24);
    prefix[2] = (uint8_t)(message_size >> 16);
    prefix[3] = (uint8_t)(message_size >> 8);
    prefix[4] = (uint8_t)message_size;
}

static size_t grpc_prefix_size(const uint8_t prefix[GRPC_PREFIX_BYTES])
{
    return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 | prefix[4];
}

static struct bytes take(struct bytes *input, size_t size)
{
    struct bytes taken = bytes_make(input->data, size);
    input->data += size;
    input->size -= size;
    return taken;
}

/* A message that lies whole at the beginning of the input, as most do. */
static bool take_whole(struct bytes *input, size_t limit_bytes, struct bytes *message)
{
    if (input->size < GRPC_PREFIX_BYTES || input->data[0] != 0)
        return false;
    size_t size = grpc_prefix_size(input->data);
    if (size > limit_bytes || size > input->size - GRPC_PREFIX_BYTES)
        return false;
    (void)take(input, GRPC_PREFIX_BYTES);
    *message = take(input, size);
    return true;
}

enum grpc_assembly grpc_assemble(struct grpc_assembler *assembler, struct bytes *input, size_t limit_bytes,
                                 struct bytes *message)
{
    if (assembler->prefix_size == 0 && take_whole(input, limit_bytes, message)) {
        buffer_reset(&assembler->gathered, GATHERED_KEEP_BYTES);
        return GRPC_MESSAGE;
    }
    while (assembler->prefix_size < GRPC_PREFIX_BYTES) {
        if (input->size == 0)
            return GRPC_NEED_MORE;
        assembler->prefix[assembler->prefix_size++] = take(input, 1).data[0];
        buffer_reset(&assembler->gathered, GATHERED_KEEP_BYTES);
    }
    size_t size = grpc_prefix_size(assembler->prefix);
    if (assembler->prefix[0] != 0)
        return GRPC_COMPRESSED;
    if (size > limit_bytes)
        return GRPC_TOO_LARGE;

    size_t missing = size - assembler->gathered.size;
    if (assembler->gathered.size == 0 && input->size >= size) {
        *message = take(input, size);
    } else {
        struct bytes piece = take(input, input->size < missing ? input->size : missing);
        if (!buffer_append(&assembler->gathered, piece))
            return GRPC_NO_MEMORY;
        if (assembler->gathered.size < size)
            return GRPC_NEED_MORE;
        *message = buffer_bytes(&assembler->gathered);
    }
    assembler->prefix_size = 0;
    return GRPC_MESSAGE;
}
