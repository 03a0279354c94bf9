/* grpc.health.v1.Health: whether the server as a whole, or one of its services, is up. All go up and down
 * together, so the state is that of the server. */
#include "server/services.h"

#include "health.pb-c.h"
#include "proto/descriptors.h"

/* Whether NAME is "" (the server) or a service of the contract. */
static bool is_served(struct bytes name)
{
    if (name.size == 0)
        return true;
    struct field_reader files = descriptors_files();
    struct descriptors_file file;
    while (descriptors_next_file(&files, &file)) {
        struct field_reader reader = field_reader_make(file.serialized);
        struct bytes service;
        while (descriptors_next_service(&reader, &service)) {
            size_t size = file.package.size + 1 + service.size;
            if (name.size == size && bytes_start_with(name, file.package) &&
                name.data[file.package.size] == '.' &&
                bytes_equal(bytes_make(name.data + file.package.size + 1, service.size), service))
                return true;
        }
    }
    return false;
}

static Grpc__Health__V1__HealthCheckResponse__ServingStatus state(const struct server_request *request)
{
    return atomic_load(&request->worker->server->draining)
               ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
               : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
}

static bool reply(struct server_request *request, Grpc__Health__V1__HealthCheckResponse__ServingStatus status,
                  bool last)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = status;
    return server_reply_message(request, &response.base, last);
}

static const Grpc__Health__V1__HealthCheckRequest *unpack(struct server_request *request,
                                                          struct bytes message)
{
    return (const Grpc__Health__V1__HealthCheckRequest *)server_unpack(
        request, &grpc__health__v1__health_check_request__descriptor, message);
}

void health_check(struct server_request *request, struct bytes message)
{
    const Grpc__Health__V1__HealthCheckRequest *check = unpack(request, message);
    if (check == NULL)
        return;
    if (is_served(bytes_of(check->service)))
        (void)reply(request, state(request), true);
    else
        server_fail(request, STATUS_NOT_FOUND, "this server has no such service");
}

void health_watch(struct server_request *request, struct bytes message)
{
    const Grpc__Health__V1__HealthCheckRequest *watch = unpack(request, message);
    if (watch == NULL)
        return;
    bool served = is_served(bytes_of(watch->service));
    (void)reply(request,
                served ? state(request)
                       : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN,
                false);
}

void health_drain(struct server_request *request)
{
    if (reply(request, GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING, false))
        server_fail(request, STATUS_UNAVAILABLE, "the server is going down");
}
