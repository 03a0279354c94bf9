/* Topics: a client with a thread of its own hears what it publishes itself, until it hears "stop".
 *
 *     mayfly serve --cache example &
 *     topics 127.0.0.1 8080 example */
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool publish(mayfly_client *client, const mayfly_topic_options *to, const char *text)
{
    const mayfly_request request = mayfly_publish_text(to->cache, to->topic, mayfly_text(text));
    mayfly_reply *reply;
    mayfly_status status = mayfly_call(client, &request, &reply);
    if (status != MAYFLY_OK)
        (void)fprintf(stderr, "Publish: %s\n", reply != NULL ? reply->message : "out of memory");
    mayfly_reply_free(reply);
    return status == MAYFLY_OK;
}

static bool is_stop(mayfly_bytes text)
{
    return text.size == strlen("stop") && memcmp(text.data, "stop", text.size) == 0;
}

/* Prints an event; false when there is no more to wait for. */
static bool show(const mayfly_topic_event *event)
{
    switch (event->kind) {
    case MAYFLY_TOPIC_ITEM:
        (void)printf("heard: %.*s\n", (int)event->value.size, (const char *)event->value.data);
        return !is_stop(event->value);
    case MAYFLY_TOPIC_DISCONTINUITY:
        (void)printf("missed some\n");
        return true;
    case MAYFLY_TOPIC_ENDED:
        (void)fprintf(stderr, "%s: %s\n", mayfly_status_name(event->status), event->message);
        return false;
    default: /* the connection comes and goes; the subscription heals by itself */
        return true;
    }
}

/* Publishes once the subscription stands, and prints until it is told to stop. */
static bool listen_to_news(mayfly_client *client, const mayfly_topic_options *to,
                           mayfly_subscription *subscription)
{
    mayfly_topic_event *event;
    bool is_standing = false;
    bool goes_on = true;
    while (goes_on && mayfly_subscription_next(subscription, -1, &event) == MAYFLY_OK) {
        if (event->kind == MAYFLY_TOPIC_SUBSCRIBED && !is_standing)
            is_standing = publish(client, to, "hello") && publish(client, to, "stop");
        goes_on = show(event);
        mayfly_topic_event_free(event);
    }
    return is_standing;
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
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_THREAD, &client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    /* A topic of our own: a subscription begins with the newest message, which would be the last run's "stop". */
    char topic[32];
    (void)snprintf(topic, sizeof topic, "news-%d", (int)getpid());
    const mayfly_topic_options options = {.cache = argv[3], .topic = mayfly_text(topic)};
    mayfly_subscription *subscription;
    bool ok = false;
    if (mayfly_subscribe(client, &options, NULL, NULL, &subscription, &error) == MAYFLY_OK)
        ok = listen_to_news(client, &options, subscription);
    else
        (void)fprintf(stderr, "%s\n", error.message);
    mayfly_unsubscribe(subscription);
    mayfly_client_close(client);
    return ok ? 0 : 1;
}
