#include "rpc/request_header.h"

#include "rpc/grpc.h"

enum request_field request_field_of(struct bytes name)
{
    static const struct {
        const char *name;
        enum request_field field;
    } known[] = {
        {":path", REQUEST_PATH},
        {"grpc-timeout", REQUEST_TIMEOUT},
        {":method", REQUEST_HTTP_METHOD},
        {"content-type", REQUEST_CONTENT_TYPE},
        {"grpc-encoding", REQUEST_ENCODING},
        {"grpc-accept-encoding", REQUEST_TRANSPORT},
        {"te", REQUEST_TRANSPORT},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (bytes_equal(name, bytes_of(known[i].name)))
            return known[i].field;
    return name.size > 0 && name.data[0] == ':' ? REQUEST_TRANSPORT : REQUEST_METADATA;
}

void request_header_take(struct request_header *header, const struct h2_methods *methods,
                         enum request_field field, struct bytes value)
{
    switch (field) {
    case REQUEST_PATH:
        header->method = h2_methods_find(methods, value);
        break;
    case REQUEST_TIMEOUT:
        header->is_timeout_valid = grpc_timeout_parse(value, &header->timeout_ns);
        break;
    case REQUEST_HTTP_METHOD:
        header->is_post = bytes_equal(value, bytes_of("POST"));
        break;
    case REQUEST_CONTENT_TYPE:
        header->is_grpc = grpc_is_content_type(value);
        break;
    case REQUEST_ENCODING:
        header->is_compressed = !bytes_equal(value, bytes_of("identity"));
        break;
    case REQUEST_METADATA:
    case REQUEST_TRANSPORT:
        break;
    }
}
