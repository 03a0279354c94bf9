/* The pre-built configurations, version 1: the values of the public SDKs, with the concurrency that a person
 * found by hand. Checked when a client opens, and printed for people, by one table. */
#include "client/client.h"

#include <stdarg.h>
#include <stdio.h>

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

/* --- Checked and printed --- */

struct setting {
    const char *name;
    size_t offset; /* of a uint32_t */
    uint32_t min;
    uint32_t max;
    const char *problem; /* the limits in words */
};

static const struct setting settings[] = {
    {"deadline_ms", offsetof(mayfly_configuration, deadline_ms), 1, 86400000,
     "deadline_ms must be 1 to 86,400,000"},
    {"retries", offsetof(mayfly_configuration, retries), 0, 100, "retries must be 0 to 100"},
    {"retry_budget_percent", offsetof(mayfly_configuration, retry_budget_percent), 0, 10000,
     "retry_budget_percent must be 0 to 10,000"},
    {"keepalive_interval_ms", offsetof(mayfly_configuration, keepalive_interval_ms), 0, 3600000,
     "keepalive_interval_ms must be 0 to 3,600,000"},
    {"keepalive_timeout_ms", offsetof(mayfly_configuration, keepalive_timeout_ms), 0, 3600000,
     "keepalive_timeout_ms must be 1 to 3,600,000"},
    {"connect_timeout_ms", offsetof(mayfly_configuration, connect_timeout_ms), 0, 600000,
     "connect_timeout_ms must be 0 to 600,000"},
    {"reconnect_max_ms", offsetof(mayfly_configuration, reconnect_max_ms), 1, 600000,
     "reconnect_max_ms must be 1 to 600,000"},
    {"target_p999_us", offsetof(mayfly_configuration, target_p999_us), 0, 3600000000,
     "target_p999_us must be 0 to 3,600,000,000"},
    {"max_in_flight", offsetof(mayfly_configuration, max_in_flight), 1, 1000000,
     "max_in_flight must be 1 to 1,000,000"},
    {"max_backlog", offsetof(mayfly_configuration, max_backlog), 0, 10000000,
     "max_backlog must be 0 to 10,000,000"},
    {"min_channels", offsetof(mayfly_configuration, min_channels), 1, CLIENT_CHANNELS_MAX,
     "min_channels must be 1 to 1,024"},
    {"max_channels", offsetof(mayfly_configuration, max_channels), 1, CLIENT_CHANNELS_MAX,
     "max_channels must be min_channels to 1,024"},
    {"channel_idle_ms", offsetof(mayfly_configuration, channel_idle_ms), 1, 86400000,
     "channel_idle_ms must be 1 to 86,400,000"},
    {"max_request_bytes", offsetof(mayfly_configuration, max_request_bytes), 1024, 1 << 30,
     "max_request_bytes must be 1,024 to 1,073,741,824"},
    {"max_reply_bytes", offsetof(mayfly_configuration, max_reply_bytes), 1024, 1 << 30,
     "max_reply_bytes must be 1,024 to 1,073,741,824"},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

static uint32_t value_of(const mayfly_configuration *configuration, const struct setting *setting)
{
    uint32_t value;
    memcpy(&value, (const char *)configuration + setting->offset, sizeof value);
    return value;
}

const char *mayfly_configuration_problem(const mayfly_configuration *configuration)
{
    if (configuration == NULL)
        return "there is no configuration: it is NULL";
    for (size_t i = 0; i < SETTINGS; i++) {
        uint32_t value = value_of(configuration, &settings[i]);
        if (value < settings[i].min || value > settings[i].max)
            return settings[i].problem;
    }
    if (configuration->keepalive_interval_ms > 0 && configuration->keepalive_timeout_ms == 0)
        return "keepalive_timeout_ms must be 1 to 3,600,000";
    if (configuration->max_channels < configuration->min_channels)
        return "max_channels must be min_channels to 1,024";
    if ((unsigned)configuration->concurrency > MAYFLY_ADAPTIVE)
        return "concurrency must be MAYFLY_FIXED or MAYFLY_ADAPTIVE";
    return NULL;
}

/* A text that is written as far as there is place for it, and measured to its end. */
struct page {
    char *to;
    size_t size;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void page_add(struct page *page, const char *format, ...)
{
    size_t used = page->length < page->size ? page->length : page->size;
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(page->size > used ? page->to + used : NULL, page->size - used, format, arguments);
    va_end(arguments);
    page->length += added > 0 ? (size_t)added : 0;
}

size_t mayfly_configuration_print(const mayfly_configuration *configuration, char *to, size_t size)
{
    struct page page = {.to = to, .size = to != NULL ? size : 0};
    if (page.size > 0)
        to[0] = '\0';
    if (configuration == NULL)
        return 0;
    page_add(&page, "name: %s\n", configuration->name != NULL ? configuration->name : "");
    page_add(&page, "concurrency: %s\n",
             configuration->concurrency == MAYFLY_ADAPTIVE ? "adaptive" : "fixed");
    for (size_t i = 0; i < SETTINGS; i++)
        page_add(&page, "%s: %u\n", settings[i].name, value_of(configuration, &settings[i]));
    page_add(&page, "measures_latency: %s\n", configuration->measures_latency ? "yes" : "no");
    page_add(&page, "observer: %s\n", configuration->observer != NULL ? "yes" : "no");
    return page.length;
}
