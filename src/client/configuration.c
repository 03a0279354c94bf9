/* The pre-built configurations, version 1: the values of the public SDKs, with the concurrency that a person
 * found by hand. Checked when a client opens. */
#include "client/client.h"

#define ADAPTIVE_IN_FLIGHT_MAX 6400
#define CHANNELS_MAX           64
#define DEFAULT_BACKLOG        10000
#define DEFAULT_MESSAGE_MAX    5243000

static mayfly_configuration fixed(const char *name, uint32_t deadline_ms, uint32_t max_in_flight)
{
    return (mayfly_configuration){
        .name = name,
        .deadline_ms = deadline_ms,
        .retries = 3,
        .retry_budget_percent = 20,
        .keepalive_interval_ms = 5000,
        .keepalive_timeout_ms = 1000,
        .connect_timeout_ms = 30000,
        .reconnect_max_ms = 500,
        .concurrency = MAYFLY_FIXED,
        .max_in_flight = max_in_flight,
        .max_backlog = DEFAULT_BACKLOG,
        .min_channels = 1,
        .max_channels = CHANNELS_MAX,
        .channel_idle_ms = 60000,
        .max_request_bytes = DEFAULT_MESSAGE_MAX,
        .max_reply_bytes = DEFAULT_MESSAGE_MAX,
    };
}

static mayfly_configuration adaptive(const char *name, uint32_t deadline_ms, uint32_t target_p999_us)
{
    mayfly_configuration made = fixed(name, deadline_ms, ADAPTIVE_IN_FLIGHT_MAX);
    made.concurrency = MAYFLY_ADAPTIVE;
    made.target_p999_us = target_p999_us;
    return made;
}

static mayfly_configuration for_functions(mayfly_configuration made)
{
    made.keepalive_interval_ms = 0;
    made.max_channels = 1;
    return made;
}

mayfly_configuration mayfly_configuration_laptop(void)
{
    return adaptive("Laptop", 15000, 0);
}

mayfly_configuration mayfly_configuration_in_region_default(void)
{
    return adaptive("InRegion.Default", 1100, 20000);
}

mayfly_configuration mayfly_configuration_in_region_low_latency(void)
{
    return adaptive("InRegion.LowLatency", 500, 5000);
}

mayfly_configuration mayfly_configuration_lambda(void)
{
    return for_functions(adaptive("Lambda", 1100, 20000));
}

mayfly_configuration mayfly_configuration_laptop_v1(void)
{
    return fixed("Laptop.v1", 15000, 100);
}

mayfly_configuration mayfly_configuration_in_region_default_v1(void)
{
    return fixed("InRegion.Default.v1", 1100, 50);
}

mayfly_configuration mayfly_configuration_in_region_low_latency_v1(void)
{
    return fixed("InRegion.LowLatency.v1", 500, 5);
}

mayfly_configuration mayfly_configuration_lambda_v1(void)
{
    return for_functions(fixed("Lambda.v1", 1100, 50));
}

const char *mayfly_configuration_problem(const mayfly_configuration *configuration)
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
        {configuration->min_channels, 1, CLIENT_CHANNELS_MAX, "min_channels must be 1 to 1,024"},
        {configuration->max_channels, configuration->min_channels, CLIENT_CHANNELS_MAX,
         "max_channels must be min_channels to 1,024"},
        {configuration->max_reply_bytes, 1024, 1 << 30, "max_reply_bytes must be 1,024 to 1,073,741,824"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i].value < checks[i].min || checks[i].value > checks[i].max)
            return checks[i].problem;
    return NULL;
}
