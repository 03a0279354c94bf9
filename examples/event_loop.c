/* A client inside a program's own event loop, here the smallest there is: poll. Many calls are under way at
 * once on one thread, and the program decides when they make progress.
 *
 *     mayfly serve --cache example &
 *     event_loop 127.0.0.1 8080 example */
#include <errno.h>
#include <mayfly/mayfly.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNTER "visits"
#define VISITS  1000
#define TTL_MS  60000

struct tally {
    int ended;
    int failed;
    int64_t highest;
};

static void on_counted(void *context, const mayfly_reply *reply)
{
    struct tally *tally = context;
    tally->ended++;
    if (reply->status != MAYFLY_OK) {
        tally->failed++;
        (void)fprintf(stderr, "%s: %s\n", mayfly_status_name(reply->status), reply->message);
    } else if (reply->number > tally->highest) {
        tally->highest = reply->number;
    }
}

/* One turn of the loop. A real one would poll its other descriptors along with this one. */
static bool turn(mayfly_client *client)
{
    struct pollfd fd = {.fd = mayfly_client_descriptor(client), .events = POLLIN};
    if (poll(&fd, 1, mayfly_client_timeout_ms(client)) < 0 && errno != EINTR)
        return false;
    return mayfly_client_step(client, false) == MAYFLY_OK;
}

static bool count_visits(mayfly_client *client, const char *cache, struct tally *tally)
{
    const mayfly_request visit = mayfly_increment(cache, mayfly_text(COUNTER), 1, TTL_MS);
    int started = 0;
    while (started < VISITS && mayfly_start(client, &visit, on_counted, tally, NULL) == MAYFLY_OK)
        started++;
    while (tally->ended < started && turn(client)) {}
    (void)printf("%d visits, %d failed, the counter went up to %lld\n", tally->ended, tally->failed,
                 (long long)tally->highest);
    return tally->ended == VISITS && tally->failed == 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s HOST PORT CACHE\n", argv[0]);
        return 2;
    }
    const mayfly_configuration configuration = mayfly_configuration_in_region_default();
    const mayfly_credentials credentials =
        mayfly_credentials_local(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    mayfly_client *client;
    mayfly_error error;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    struct tally tally = {0}; /* of callbacks, the last of which may come while the client closes */
    bool ok = count_visits(client, argv[3], &tally);
    mayfly_client_close(client);
    return ok ? 0 : 1;
}
