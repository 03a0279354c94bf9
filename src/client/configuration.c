/* The pre-built configurations, version 1: the values of the public SDKs, with the concurrency that a person
 * found by hand. Checked when a client opens. */
#include "client/client.h"

#define CHANNEL_STREAMS     100 /* what servers usually allow */
#define AUTOMATIC_CHANNELS  32
#define DEFAULT_BACKLOG     10000
#define DEFAULT_MESSAGE_MAX 5243000

static mayfly_configuration configuration(const char *name, uint32_t deadline_ms, uint32_t max_in_flight)
{
    return (mayfly_configuration){
        .name = name,
        .deadline_ms = deadline_ms,
        .retries = 3,
        .keepalive_interval_ms = 5000,
        .keepalive_timeout_ms = 1000,
        .connect_timeout_ms = 30000,
        .max_in_flight = max_in_flight,
        .max_backlog = DEFAULT_BACKLOG,
        .channels = 0,
        .max_message_bytes = DEFAULT_MESSAGE_MAX,
    };
}

mayfly_configuration mayfly_configuration_laptop_v1(void)
{
    return configuration("Laptop.v1", 15000, 100);
}

mayfly_configuration mayfly_configuration_in_region_default_v1(void)
{
    return configuration("InRegion.Default.v1", 1100, 50);
}

mayfly_configuration mayfly_configuration_in_region_low_latency_v1(void)
{
    return configuration("InRegion.LowLatency.v1", 500, 5);
}

mayfly_configuration mayfly_configuration_lambda_v1(void)
{
    mayfly_configuration lambda = configuration("Lambda.v1", 1100, 50);
    lambda.keepalive_interval_ms = 0;
    lambda.channels = 1;
    return lambda;
}

mayfly_credentials mayfly_credentials_local(const char *host, uint16_t port)
{
    return (mayfly_credentials){.host = host, .port = port};
}

const char *client_configuration_problem(const mayfly_configuration *configuration)
{
    const struct {
        uint32_t value;
        uint32_t min;
        uint32_t max;
        const char *problem;
    } checks[] = {
        {configuration->deadline_ms, 1, 86400000, "deadline_ms must be 1 to 86,400,000"},
        {configuration->retries, 0, 100, "retries must be 0 to 100"},
        {configuration->keepalive_interval_ms, 0, 3600000, "keepalive_interval_ms must be 0 to 3,600,000"},
        {configuration->keepalive_timeout_ms, configuration->keepalive_interval_ms > 0, 3600000,
         "keepalive_timeout_ms must be 1 to 3,600,000"},
        {configuration->connect_timeout_ms, 0, 600000, "connect_timeout_ms must be 0 to 600,000"},
        {configuration->max_in_flight, 1, 1000000, "max_in_flight must be 1 to 1,000,000"},
        {configuration->max_backlog, 0, 10000000, "max_backlog must be 0 to 10,000,000"},
        {configuration->channels, 0, CLIENT_CHANNELS_MAX, "channels must be 0 to 1,024"},
        {configuration->max_message_bytes, 1024, 1 << 30, "max_message_bytes must be 1,024 to 1,073,741,824"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i].value < checks[i].min || checks[i].value > checks[i].max)
            return checks[i].problem;
    return NULL;
}

uint32_t client_channel_count(const mayfly_configuration *configuration)
{
    if (configuration->channels > 0)
        return configuration->channels;
    uint32_t needed = (configuration->max_in_flight + CHANNEL_STREAMS - 1) / CHANNEL_STREAMS;
    return needed < AUTOMATIC_CHANNELS ? needed : AUTOMATIC_CHANNELS;
}
