/* Collections: a list of the latest visitors that stays short, and a sorted set that ranks them.
 *
 *     mayfly serve --cache example &
 *     collections 127.0.0.1 8080 example */
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>

#define TTL_MS       60000
#define LATEST_LIMIT 3

/* Makes a call and gives its reply, or NULL after saying what went wrong. */
static mayfly_reply *make(mayfly_client *client, mayfly_request request)
{
    mayfly_reply *reply;
    if (mayfly_call(client, &request, &reply) == MAYFLY_OK)
        return reply;
    (void)fprintf(stderr, "%s: %s\n", mayfly_method_name(request.method),
                  reply != NULL ? reply->message : "out of memory");
    mayfly_reply_free(reply);
    return NULL;
}

static bool visit(mayfly_client *client, const char *cache, const char *visitor)
{
    const mayfly_ttl ttl = mayfly_ttl_refreshed(TTL_MS);
    mayfly_bytes name = mayfly_text(visitor);
    mayfly_reply *pushed =
        make(client, mayfly_list_push_front(cache, mayfly_text("latest"), name, ttl, LATEST_LIMIT));
    mayfly_reply *counted =
        make(client, mayfly_sorted_set_increment(cache, mayfly_text("visitors"), name, 1, ttl));
    bool is_noted = pushed != NULL && counted != NULL;
    mayfly_reply_free(pushed);
    mayfly_reply_free(counted);
    return is_noted;
}

static bool show_latest(mayfly_client *client, const char *cache)
{
    mayfly_reply *reply =
        make(client, mayfly_list_fetch(cache, mayfly_text("latest"), MAYFLY_UNBOUNDED, MAYFLY_UNBOUNDED));
    if (reply == NULL)
        return false;
    (void)printf("latest:");
    for (size_t i = 0; i < reply->item_count; i++)
        (void)printf(" %.*s", (int)reply->items[i].value.size, (const char *)reply->items[i].value.data);
    (void)printf("\n");
    mayfly_reply_free(reply);
    return true;
}

static bool show_most(mayfly_client *client, const char *cache)
{
    mayfly_reply *reply = make(
        client, mayfly_sorted_set_fetch_by_index(cache, mayfly_text("visitors"), 0, 2, MAYFLY_DESCENDING));
    if (reply == NULL)
        return false;
    for (size_t i = 0; i < reply->item_count; i++)
        (void)printf("%zu. %.*s: %g\n", i + 1, (int)reply->items[i].value.size,
                     (const char *)reply->items[i].value.data, reply->items[i].score);
    mayfly_reply_free(reply);
    return true;
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
    const char *const visitors[] = {"ann", "bob", "ann", "cem", "ann", "bob"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof visitors / sizeof visitors[0]; i++)
        ok = visit(client, argv[3], visitors[i]);
    ok = ok && show_latest(client, argv[3]) && show_most(client, argv[3]);
    mayfly_client_close(client);
    return ok ? 0 : 1;
}
