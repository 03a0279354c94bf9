/* Watching a load: its course, an entry an interval, and what a person sees while it runs: on a terminal a few lines that
 * are written over, elsewhere a line a second. */
#include "bench/load.h"

#include "base/clock.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS     ((int64_t)20 * CLOCK_NS_PER_MS)
#define SPARKS     40
#define VIEW_LINES 3

mayfly_client_counts watch_counts(const struct bench_load *load)
{
    mayfly_client_counts total = {.in_flight = 0};
    for (size_t i = 0; i < load->thread_count; i++) {
        mayfly_client_counts counts = mayfly_client_count(load->threads[i].client);
        total.in_flight += counts.in_flight;
        total.limit += counts.limit;
        total.backlog += counts.backlog;
        total.connections += counts.connections;
        total.is_target_unmet = total.is_target_unmet || counts.is_target_unmet;
    }
    return total;
}

static uint64_t sum_of(const struct bench_load *load, size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < load->thread_count; i++) {
        const char *thread = (const char *)&load->threads[i];
        total += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(thread + offset),
                                      memory_order_relaxed);
    }
    return total;
}

static void add_shared(struct histogram *to, const struct shared_histogram *from)
{
    struct histogram read;
    shared_histogram_read(from, &read);
    histogram_add(to, &read);
}

/* While it warms up, what that has; then what is measured, and nothing of requests that are left over from before. */
static void add_up(struct bench_load *load)
{
    bool is_warmup = atomic_load(&load->stage) == STAGE_WARM;
    struct course_totals *totals = &load->totals;
    totals->response_ns = (struct histogram){.count = 0};
    totals->service_ns = (struct histogram){.count = 0};
    totals->errors = sum_of(load, offsetof(struct bench_thread, errors));
    for (size_t i = 0; i < load->thread_count; i++) {
        const struct bench_thread *thread = &load->threads[i];
        const struct record *record = is_warmup ? &thread->warm : &thread->measured;
        add_shared(&totals->response_ns, &record->response_ns);
        add_shared(&totals->service_ns, &record->service_ns);
    }
}

/* --- The course --- */

void watch_end_entry(struct bench_load *load, int64_t now_ns)
{
    struct course *course = load->course;
    bool is_warmup = atomic_load(&load->stage) == STAGE_WARM;
    double from_s = (double)(course->entry_ns - course->start_ns) / CLOCK_NS_PER_S;
    add_up(load);
    if (load->is_course_over ||
        !course_end_entry(course, &load->totals, sum_of(load, offsetof(struct bench_thread, outstanding)),
                          is_warmup, now_ns)) {
        load->is_course_over = true;
        return;
    }
    if (load->hdr == NULL || is_warmup)
        return;
    double to_s = course->entries[course->count - 1].at_s;
    hdr_log_add(load->hdr, NULL, &course->gained.response_ns, from_s, to_s);
    hdr_log_add(load->hdr, "service", &course->gained.service_ns, from_s, to_s);
}

/* --- The view --- */

struct view {
    bool is_terminal;
    bool is_drawn;
    int64_t said_ns;
    struct course_totals seen;
    struct course_totals gained;
    double sparks[SPARKS]; /* throughput of the last seconds, the newest last */
    size_t spark_count;
};

static void draw_sparks(const struct view *view)
{
    static const char *const marks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                        "\u2585", "\u2586", "\u2587", "\u2588"};
    double most = 0;
    for (size_t i = 0; i < view->spark_count; i++)
        most = view->sparks[i] > most ? view->sparks[i] : most;
    for (size_t i = 0; i < view->spark_count; i++) {
        double level = most > 0 ? view->sparks[i] / most * 7.99 : 0;
        (void)fputs(marks[(size_t)level], stderr);
    }
}

static void add_spark(struct view *view, double rate)
{
    if (view->spark_count == SPARKS)
        memmove(view->sparks, view->sparks + 1, (SPARKS - 1) * sizeof view->sparks[0]);
    else
        view->spark_count++;
    view->sparks[view->spark_count - 1] = rate;
}

static void erase(struct view *view)
{
    if (view->is_drawn)
        (void)fprintf(stderr, "\x1b[%dA\x1b[J", VIEW_LINES);
    view->is_drawn = false;
}

static double ms(const struct histogram *latency_ns, double fraction)
{
    return (double)histogram_quantile(latency_ns, fraction) / 1e6;
}

static void say(struct bench_load *load, struct view *view, const char *what, int64_t start_ns,
                int64_t now_ns)
{
    struct course_totals *gained = &view->gained;
    add_up(load);
    histogram_subtract(&gained->response_ns, &load->totals.response_ns, &view->seen.response_ns);
    gained->errors = load->totals.errors - view->seen.errors;
    view->seen = load->totals;
    double rate = (double)gained->response_ns.count * CLOCK_NS_PER_S / (double)(now_ns - view->said_ns);
    double at_s = (double)(now_ns - start_ns) / CLOCK_NS_PER_S;
    const struct histogram *latency_ns = &gained->response_ns;
    mayfly_client_counts counts = watch_counts(load);
    uint64_t in_flight = sum_of(load, offsetof(struct bench_thread, outstanding));
    view->said_ns = now_ns;
    if (!view->is_terminal) {
        (void)fprintf(stderr,
                      "%s %3.0f s  %10.0f requests/s  p50 %.3f p99 %.3f p99.9 %.3f ms  in flight %" PRIu64
                      "  limit %u  errors %" PRIu64 "\n",
                      what, at_s, rate, ms(latency_ns, 0.5), ms(latency_ns, 0.99), ms(latency_ns, 0.999),
                      in_flight, counts.limit, gained->errors);
        return;
    }
    add_spark(view, rate);
    erase(view);
    (void)fprintf(stderr, "%s %3.0f s  %10.0f requests/s  ", what, at_s, rate);
    draw_sparks(view);
    (void)fprintf(stderr,
                  "\n  p50 %.3f ms   p99 %.3f ms   p99.9 %.3f ms\n  in flight %" PRIu64
                  "   on the wire %u   limit %u   errors %" PRIu64 "\n",
                  ms(latency_ns, 0.5), ms(latency_ns, 0.99), ms(latency_ns, 0.999), in_flight,
                  counts.in_flight, counts.limit, load->totals.errors);
    view->is_drawn = true;
}

void watch(struct bench_load *load, const char *what, int64_t limit_ns)
{
    static struct view view; /* too large for a stack; there is one load at a time */
    int64_t start_ns = clock_now_ns();
    view = (struct view){.is_terminal = isatty(STDERR_FILENO) != 0, .said_ns = start_ns};
    add_up(load);
    view.seen = load->totals;
    while (bench_signal() == 0 && atomic_load(&load->stopped) < load->thread_count) {
        int64_t now_ns = clock_now_ns();
        if (!load->is_course_over && course_look(load->course, watch_counts(load).limit, now_ns))
            watch_end_entry(load, now_ns);
        if (now_ns - start_ns >= limit_ns)
            break;
        if (!load->settings->is_quiet && now_ns - view.said_ns >= CLOCK_NS_PER_S)
            say(load, &view, what, start_ns, now_ns);
        int64_t left_ns = limit_ns - (now_ns - start_ns);
        struct timespec nap = {.tv_nsec = left_ns < NAP_NS ? left_ns : NAP_NS};
        (void)nanosleep(&nap, NULL);
    }
    erase(&view);
}
