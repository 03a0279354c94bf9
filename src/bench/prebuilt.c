#include "bench/prebuilt.h"

#include <string.h>

static mayfly_configuration (*const makers[])(void) = {
    mayfly_configuration_laptop,
    mayfly_configuration_in_region_default,
    mayfly_configuration_in_region_low_latency,
    mayfly_configuration_lambda,
    mayfly_configuration_laptop_v1,
    mayfly_configuration_in_region_default_v1,
    mayfly_configuration_in_region_low_latency_v1,
    mayfly_configuration_lambda_v1,
};

const char *const prebuilt_names[] = {
    "laptop",    "in-region-default",    "in-region-low-latency",    "lambda",
    "laptop-v1", "in-region-default-v1", "in-region-low-latency-v1", "lambda-v1",
    NULL};

/* Its place, that of the closing NULL where there is none. */
static size_t place_of(const char *name)
{
    size_t i = 0;
    while (prebuilt_names[i] != NULL && strcmp(prebuilt_names[i], name) != 0)
        i++;
    return i;
}

bool prebuilt_is(const char *name)
{
    return prebuilt_names[place_of(name)] != NULL;
}

mayfly_configuration prebuilt_make(const char *name)
{
    return makers[place_of(name)]();
}
