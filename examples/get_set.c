/* The shortest way to a cache: a client that is driven by its calls, one value set, and read back.
 *
 *     mayfly serve --cache example &
 *     get_set 127.0.0.1 8080 example */
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>

#define TTL_MS 60000

/* Makes a call and prints its value, or what went wrong. */
static bool show(mayfly_client *client, mayfly_request request)
{
    mayfly_reply *reply;
    mayfly_status status = mayfly_call(client, &request, &reply);
    const char *name = mayfly_method_name(request.method);
    if (reply == NULL)
        (void)fprintf(stderr, "%s: out of memory\n", name);
    else if (status != MAYFLY_OK)
        (void)fprintf(stderr, "%s: %s: %s\n", name, mayfly_status_name(status), reply->message);
    else if (reply->outcome == MAYFLY_HIT)
        (void)printf("%s: %.*s\n", name, (int)reply->value.size, (const char *)reply->value.data);
    else
        (void)printf("%s: %s\n", name, reply->outcome == MAYFLY_MISS ? "nothing there" : "done");
    mayfly_reply_free(reply);
    return status == MAYFLY_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s HOST PORT CACHE\n", argv[0]);
        return 2;
    }
    const mayfly_configuration configuration = mayfly_configuration_laptop();
    const mayfly_credentials credentials =
        mayfly_credentials_local(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    mayfly_client *client;
    mayfly_error error;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mayfly_bytes key = mayfly_text("greeting");
    bool ok = show(client, mayfly_set(argv[3], key, mayfly_text("hello"), TTL_MS)) &&
              show(client, mayfly_get(argv[3], key)) && show(client, mayfly_delete(argv[3], key)) &&
              show(client, mayfly_get(argv[3], key));
    mayfly_client_close(client);
    return ok ? 0 : 1;
}
