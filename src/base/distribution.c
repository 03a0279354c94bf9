#include "base/distribution.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

/* What is being read: texts of one type. */
struct reading {
    enum option_type type;
    int64_t max;
    struct distribution *distribution;
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reading->error, DISTRIBUTION_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* --- Drawing --- */

static int64_t draw_percentile(const struct distribution *distribution, double percentile)
{
    const struct distribution_point *points = distribution->points;
    if (percentile <= points[0].percentile)
        return points[0].value;
    for (size_t i = 1; i < distribution->count; i++) {
        if (percentile > points[i].percentile)
            continue;
        double share =
            (percentile - points[i - 1].percentile) / (points[i].percentile - points[i - 1].percentile);
        return points[i - 1].value + (int64_t)(share * (double)(points[i].value - points[i - 1].value));
    }
    return points[distribution->count - 1].value;
}

int64_t distribution_draw(const struct distribution *distribution, double uniform)
{
    switch (distribution->law) {
    case DISTRIBUTION_EXPONENTIAL:
        return (int64_t)(-log1p(-uniform) * (double)distribution->mean);
    case DISTRIBUTION_PERCENTILES:
        return draw_percentile(distribution, uniform * 100);
    case DISTRIBUTION_CONSTANT:
        break;
    }
    return distribution->mean;
}

/* --- Reading --- */

static bool parse_value(const struct reading *reading, const char *text, int64_t *value)
{
    if (options_parse_value(reading->type, text, value) && *value >= 0 && *value <= reading->max)
        return true;
    if (reading->type == OPTION_DURATION)
        return fail(reading, "\"%.40s\" is no time from 0 to %llds, such as 2ms or 150us", text,
                    (long long)(reading->max / 1000000000));
    return fail(reading, "\"%.40s\" is no size from 0 to %lld bytes, such as 100 or 4kb", text,
                (long long)reading->max);
}

/* One `p99.9:5ms`, which has to follow on those before it. */
static bool parse_point(const struct reading *reading, const char *text)
{
    struct distribution *distribution = reading->distribution;
    const char *colon = strchr(text, ':');
    if (text[0] != 'p' || colon == NULL || colon == text + 1 ||
        strspn(text + 1, "0123456789.") != (size_t)(colon - text - 1))
        return fail(reading, "\"%.40s\" is no percentile and its value, such as p99:%s", text,
                    reading->type == OPTION_DURATION ? "5ms" : "4kb");
    if (distribution->count == DISTRIBUTION_POINTS_MAX)
        return fail(reading, "there are more than %d percentiles", DISTRIBUTION_POINTS_MAX);
    char *end;
    struct distribution_point *point = &distribution->points[distribution->count];
    point->percentile = strtod(text + 1, &end);
    if (end != colon || point->percentile > 100)
        return fail(reading, "\"%.40s\" is no percentile from p0 to p100", text);
    if (!parse_value(reading, colon + 1, &point->value))
        return false;
    if (distribution->count > 0 &&
        (point->percentile <= point[-1].percentile || point->value < point[-1].value))
        return fail(reading, "percentiles have to rise, and their values not to fall: \"%.40s\"", text);
    distribution->count++;
    return true;
}

static bool parse_percentiles(const struct reading *reading, const char *text)
{
    char list[DISTRIBUTION_TEXT_BYTES];
    if (strlen(text) >= sizeof list)
        return fail(reading, "this list of percentiles is too long");
    (void)snprintf(list, sizeof list, "%s", text);
    reading->distribution->law = DISTRIBUTION_PERCENTILES;
    for (char *at = list; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL)
            *comma = '\0';
        if (!parse_point(reading, at))
            return false;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

bool distribution_parse(const char *text, enum option_type type, int64_t max,
                        struct distribution *distribution, char error[DISTRIBUTION_ERROR_BYTES])
{
    const struct reading reading = {type, max, distribution, error};
    *distribution = (struct distribution){.law = DISTRIBUTION_CONSTANT};
    if (strncmp(text, "const:", 6) == 0)
        return parse_value(&reading, text + 6, &distribution->mean);
    if (strncmp(text, "exp:", 4) == 0) {
        distribution->law = DISTRIBUTION_EXPONENTIAL;
        return parse_value(&reading, text + 4, &distribution->mean);
    }
    if (text[0] == 'p')
        return parse_percentiles(&reading, text);
    return fail(&reading,
                type == OPTION_DURATION
                    ? "a distribution is const:2ms, exp:2ms or percentiles such as p50:1ms,p100:9ms, not "
                      "\"%.40s\""
                    : "a distribution is const:100, exp:1kb or percentiles such as p50:100,p100:4kb, not "
                      "\"%.40s\"",
                text);
}
