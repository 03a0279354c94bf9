#include "bench/compare.h"

#include "bench/document.h"

#include <string.h>

#define LABEL_BYTES 400

static json_t *fail(char error[COMPARE_ERROR_BYTES], json_t *document, const char *path, const char *problem)
{
    (void)snprintf(error, COMPARE_ERROR_BYTES, "%.150s: %s", path, problem);
    json_decref(document);
    return NULL;
}

/* Whether sections, series and points are where they should be, so that nobody need look again. */
static bool is_whole(const json_t *document)
{
    size_t i;
    size_t j;
    json_t *section;
    json_t *series;
    if (!json_is_array(json_object_get(document, "sections")))
        return false;
    json_array_foreach(json_object_get(document, "sections"), i, section)
    {
        if (!json_is_string(json_object_get(section, "name")) ||
            !json_is_array(json_object_get(section, "series")))
            return false;
        json_array_foreach(json_object_get(section, "series"), j, series)
        {
            if (!json_is_string(json_object_get(series, "name")) ||
                !json_is_array(json_object_get(series, "points")))
                return false;
        }
    }
    return true;
}

json_t *compare_read(const char *path, char error[COMPARE_ERROR_BYTES])
{
    json_error_t problem;
    json_t *read = json_load_file(path, 0, &problem);
    if (read == NULL)
        return fail(error, NULL, path, problem.text);
    const char *format = json_string_value(json_object_get(read, "format"));
    if (format != NULL && strcmp(format, DOCUMENT_FORMAT) == 0)
        return is_whole(read) ? read
                              : fail(error, read, path, "it is a report's document with parts missing");
    if (format == NULL && json_is_number(json_object_get(read, "throughput_rps")) &&
        json_is_object(json_object_get(read, "latency_us"))) {
        json_t *document = document_of_bench(read, path);
        json_decref(read);
        return document;
    }
    return fail(error, read, path,
                "it is no result of mayfly bench, tune or experiment, nor of python -m mayfly.bench");
}

/* --- One of several --- */

static json_t *find_section(const json_t *document, const char *name)
{
    size_t i;
    json_t *section;
    json_array_foreach(json_object_get(document, "sections"), i, section)
    {
        if (strcmp(json_string_value(json_object_get(section, "name")), name) == 0)
            return section;
    }
    return NULL;
}

static void rename_series(json_t *section, const char *label)
{
    char name[LABEL_BYTES];
    size_t i;
    json_t *series;
    bool is_alone = json_array_size(json_object_get(section, "series")) == 1;
    json_array_foreach(json_object_get(section, "series"), i, series)
    {
        const char *own = json_string_value(json_object_get(series, "name"));
        (void)snprintf(name, sizeof name, is_alone ? "%s" : "%s: %s", label, own);
        (void)json_object_set_new(series, "name", json_string(name));
    }
}

static void add_note(json_t *into, const json_t *from, const char *label)
{
    char note[LABEL_BYTES];
    const char *date = json_string_value(json_object_get(from, "date"));
    const char *command = json_string_value(json_object_get(from, "command"));
    (void)snprintf(note, sizeof note, "%s: %s, %s", label, date != NULL ? date : "",
                   command != NULL ? command : "");
    document_add_note(into, note);
}

void compare_merge(json_t *into, json_t *from, const char *label)
{
    size_t i;
    json_t *section;
    add_note(into, from, label);
    json_array_foreach(json_object_get(from, "sections"), i, section)
    {
        json_t *own = json_deep_copy(section);
        rename_series(own, label);
        json_t *there = find_section(into, json_string_value(json_object_get(section, "name")));
        if (there == NULL) {
            (void)json_array_append_new(json_object_get(into, "sections"), own);
            continue;
        }
        (void)json_array_extend(json_object_get(there, "series"), json_object_get(own, "series"));
        json_decref(own);
    }
}

/* --- What is worse --- */

struct comparison {
    const struct compare_limits *limits;
    struct compare_counts counts;
    FILE *to;
};

/* A point is the same where its section, its series and its label are. A series alone in its section is compared whatever
 * its name. */
static json_t *find_series(const json_t *section, const char *name)
{
    size_t i;
    json_t *series;
    const json_t *all = json_object_get(section, "series");
    if (json_array_size(all) == 1)
        return json_array_get(all, 0);
    json_array_foreach(all, i, series)
    {
        if (strcmp(json_string_value(json_object_get(series, "name")), name) == 0)
            return series;
    }
    return NULL;
}

static json_t *find_point(const json_t *series, const char *label)
{
    size_t i;
    json_t *point;
    json_array_foreach(json_object_get(series, "points"), i, point)
    {
        const char *own = json_string_value(json_object_get(point, "label"));
        if (own != NULL && strcmp(own, label) == 0)
            return point;
    }
    return NULL;
}

static double figure(const json_t *point, const char *quantile)
{
    return quantile == NULL
               ? json_number_value(json_object_get(point, "throughput_rps"))
               : json_number_value(json_object_get(json_object_get(point, "latency_us"), quantile));
}

static void compare_figure(struct comparison *comparison, const json_t *base, const json_t *other,
                           const char *quantile, const char *label, double limit)
{
    double before = figure(base, quantile);
    double after = figure(other, quantile);
    double change = before > 0 ? 100 * (after - before) / before : 0;
    double worse = quantile == NULL ? -change : change;
    bool is_beyond = limit >= 0 && worse > limit;
    comparison->counts.worse += is_beyond;
    if (quantile == NULL)
        (void)fprintf(comparison->to, "    %-10s %12.0f/s   %12.0f/s   %+7.1f %%%s\n", label, before, after,
                      change, is_beyond ? "  WORSE THAN ALLOWED" : "");
    else
        (void)fprintf(comparison->to, "    %-10s %12.3f ms  %12.3f ms  %+7.1f %%%s\n", label, before / 1000,
                      after / 1000, change, is_beyond ? "  WORSE THAN ALLOWED" : "");
}

static void compare_point(struct comparison *comparison, const char *series, const json_t *base,
                          const json_t *other)
{
    const struct compare_limits *limits = comparison->limits;
    comparison->counts.compared++;
    (void)fprintf(comparison->to, "  %s, %s\n", series, json_string_value(json_object_get(base, "label")));
    compare_figure(comparison, base, other, NULL, "throughput", limits->throughput_loss);
    compare_figure(comparison, base, other, "p50", "p50", limits->p50_growth);
    compare_figure(comparison, base, other, "p99", "p99", limits->p99_growth);
    compare_figure(comparison, base, other, "p999", "p99.9", limits->p999_growth);
}

static void compare_series(struct comparison *comparison, const json_t *base, const json_t *other)
{
    size_t i;
    json_t *point;
    json_array_foreach(json_object_get(base, "points"), i, point)
    {
        const char *label = json_string_value(json_object_get(point, "label"));
        const json_t *match = label != NULL ? find_point(other, label) : NULL;
        if (match != NULL)
            compare_point(comparison, json_string_value(json_object_get(base, "name")), point, match);
    }
}

struct compare_counts compare_print(const json_t *base, const json_t *other,
                                    const struct compare_limits *limits, FILE *to)
{
    struct comparison comparison = {.limits = limits, .to = to};
    size_t i;
    size_t j;
    json_t *section;
    json_t *series;
    json_array_foreach(json_object_get(base, "sections"), i, section)
    {
        const json_t *match = find_section(other, json_string_value(json_object_get(section, "name")));
        json_array_foreach(json_object_get(section, "series"), j, series)
        {
            const json_t *its =
                match != NULL ? find_series(match, json_string_value(json_object_get(series, "name"))) : NULL;
            if (its != NULL)
                compare_series(&comparison, series, its);
        }
    }
    return comparison.counts;
}
