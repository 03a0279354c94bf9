/* Subscriptions to topics. */
#include "client/client.h"
mayfly_status mayfly_subscribe(mayfly_client *client, const mayfly_topic_options *options,
                               mayfly_topic_callback callback, void *context,
                               mayfly_subscription **subscription, mayfly_error *error)
{
    (void)client;
    (void)options;
    (void)callback;
    (void)context;
    (void)error;
    *subscription = NULL;
    return MAYFLY_UNIMPLEMENTED;
}
void mayfly_unsubscribe(mayfly_subscription *subscription)
{
    (void)subscription;
}
mayfly_status mayfly_subscription_next(mayfly_subscription *subscription, int timeout_ms,
                                       mayfly_topic_event **event)
{
    (void)subscription;
    (void)timeout_ms;
    *event = NULL;
    return MAYFLY_UNIMPLEMENTED;
}
void mayfly_topic_event_free(mayfly_topic_event *event)
{
    (void)event;
}
