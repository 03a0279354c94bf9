/* grpc.reflection: tells tools such as grpcurl what this server offers, from the compiled contract. Versions
 * v1 and v1alpha differ in their package's name only, so one handler serves both. */
#include "server/services.h"

#include "proto/descriptors.h"
#include "reflection.pb-c.h"

#define FILES_MAX    16
#define SERVICES_MAX 32

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

static void reply_error(struct server_request *request, reflection_response *response, enum status status,
                        char *message)
{
    Grpc__Reflection__V1__ErrorResponse error;
    grpc__reflection__v1__error_response__init(&error);
    error.error_code = (int32_t)status;
    error.error_message = message;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    response->error_response = &error;
    (void)server_reply_message(request, &response->base, false);
}

/* Adds a file and all that it imports, each once. */
static size_t add_file(ProtobufCBinaryData *files, size_t count, const struct descriptors_file *file)
{
    for (size_t i = 0; i < count; i++)
        if (files[i].data == file->serialized.data)
            return count;
    if (count == FILES_MAX)
        return count;
    files[count++] = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)file->serialized.data,
                                           .len = file->serialized.size};
    struct field_reader reader = field_reader_make(file->serialized);
    struct bytes name;
    struct descriptors_file import;
    while (descriptors_next_import(&reader, &name))
        if (descriptors_find_file(name, &import))
            count = add_file(files, count, &import);
    return count;
}

static void reply_file(struct server_request *request, reflection_response *response, bool found,
                       const struct descriptors_file *file)
{
    if (!found) {
        char message[] = "this server knows no such file or symbol";
        reply_error(request, response, STATUS_NOT_FOUND, message);
        return;
    }
    ProtobufCBinaryData files[FILES_MAX];
    Grpc__Reflection__V1__FileDescriptorResponse answer =
        GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    answer.n_file_descriptor_proto = add_file(files, 0, file);
    answer.file_descriptor_proto = files;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    response->file_descriptor_response = &answer;
    (void)server_reply_message(request, &response->base, false);
}

/* "package.Service" in the request's arena, or NULL when memory is out. */
static char *full_name(struct server_request *request, struct bytes package, struct bytes service)
{
    char *name = arena_alloc(&request->arena, package.size + service.size + 2);
    if (name == NULL)
        return NULL;
    bytes_copy(name, package.data, package.size);
    name[package.size] = '.';
    bytes_copy(name + package.size + 1, service.data, service.size);
    name[package.size + 1 + service.size] = '\0';
    return name;
}

static void reply_services(struct server_request *request, reflection_response *response)
{
    Grpc__Reflection__V1__ServiceResponse services[SERVICES_MAX];
    Grpc__Reflection__V1__ServiceResponse *pointers[SERVICES_MAX];
    Grpc__Reflection__V1__ListServiceResponse answer = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
    struct field_reader files = descriptors_files();
    struct descriptors_file file;
    size_t count = 0;
    while (descriptors_next_file(&files, &file)) {
        struct field_reader reader = field_reader_make(file.serialized);
        struct bytes service;
        while (count < SERVICES_MAX && descriptors_next_service(&reader, &service)) {
            grpc__reflection__v1__service_response__init(&services[count]);
            services[count].name = full_name(request, file.package, service);
            pointers[count] = &services[count];
            if (services[count].name != NULL)
                count++;
        }
    }
    answer.n_service = count;
    answer.service = pointers;
    response->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    response->list_services_response = &answer;
    (void)server_reply_message(request, &response->base, false);
}

void reflection_message(struct server_request *request, struct bytes message)
{
    arena_reset(&request->arena);
    reflection_request *asked = (reflection_request *)server_unpack(
        request, &grpc__reflection__v1__server_reflection_request__descriptor, message);
    if (asked == NULL)
        return;
    reflection_response response;
    grpc__reflection__v1__server_reflection_response__init(&response);
    response.valid_host = asked->host;
    response.original_request = asked;
    struct descriptors_file file;
    bool found;
    switch (asked->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        reply_services(request, &response);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        found = descriptors_find_file(bytes_of(asked->file_by_filename), &file);
        reply_file(request, &response, found, &file);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        found = descriptors_find_symbol(bytes_of(asked->file_containing_symbol), &file);
        reply_file(request, &response, found, &file);
        break;
    default: {
        char why[] = "the contract has no extensions";
        reply_error(request, &response, STATUS_NOT_FOUND, why);
    }
    }
}

void reflection_half_closed(struct server_request *request)
{
    server_reply_finish(request);
}

void reflection_drain(struct server_request *request)
{
    server_fail(request, STATUS_UNAVAILABLE, "the server is going down");
}
