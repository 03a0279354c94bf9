#include "bench/course.h"

#include "base/clock.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

void course_begin(struct course *course, int64_t interval_ns, int64_t now_ns)
{
    *course = (struct course){.interval_ns = interval_ns, .start_ns = now_ns, .entry_ns = now_ns};
}

bool course_look(struct course *course, uint64_t limit, int64_t now_ns)
{
    course->limit_sum += limit;
    course->limit_count++;
    return now_ns - course->entry_ns >= course->interval_ns;
}

static bool make_room(struct course *course)
{
    if (course->count < course->capacity)
        return true;
    size_t capacity = course->capacity > 0 ? 2 * course->capacity : CAPACITY_FIRST;
    struct course_entry *entries = realloc(course->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    course->entries = entries;
    course->capacity = capacity;
    return true;
}

bool course_end_entry(struct course *course, const struct course_totals *totals, uint64_t in_flight,
                      bool is_warmup, int64_t now_ns)
{
    if (!make_room(course))
        return false;
    struct course_totals *gained = &course->gained;
    histogram_subtract(&gained->response_ns, &totals->response_ns, &course->seen.response_ns);
    histogram_subtract(&gained->service_ns, &totals->service_ns, &course->seen.service_ns);
    gained->errors = totals->errors - course->seen.errors;
    course->seen = *totals;
    int64_t lasted_ns = now_ns > course->entry_ns ? now_ns - course->entry_ns : 1;
    course->entries[course->count++] = (struct course_entry){
        .at_s = (double)(now_ns - course->start_ns) / CLOCK_NS_PER_S,
        .is_warmup = is_warmup,
        .limit = course->limit_count > 0 ? (double)course->limit_sum / (double)course->limit_count : 0,
        .in_flight = in_flight,
        .throughput_rps = (double)gained->response_ns.count * CLOCK_NS_PER_S / (double)lasted_ns,
        .errors = gained->errors,
        .p50_ns = histogram_quantile(&gained->response_ns, 0.5),
        .p99_ns = histogram_quantile(&gained->response_ns, 0.99),
        .p999_ns = histogram_quantile(&gained->response_ns, 0.999),
        .service_p999_ns = histogram_quantile(&gained->service_ns, 0.999),
    };
    course->entry_ns = now_ns;
    course->limit_sum = course->limit_count = 0;
    return true;
}

void course_free(struct course *course)
{
    free(course->entries);
    course->entries = NULL;
}
