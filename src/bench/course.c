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

bool course_end_entry(struct course *course, const struct histogram *wire_ns, int64_t now_ns)
{
    if (!make_room(course))
        return false;
    uint64_t looks = course->limit_count > 0 ? course->limit_count : 1;
    course->entries[course->count++] = (struct course_entry){
        .at_s = (double)(now_ns - course->start_ns) / CLOCK_NS_PER_S,
        .limit = (double)course->limit_sum / (double)looks,
        .throughput_rps = (double)wire_ns->count * CLOCK_NS_PER_S / (double)(now_ns - course->entry_ns),
        .wire_p999_ns = histogram_quantile(wire_ns, 0.999),
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
