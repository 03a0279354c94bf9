#include "bench/plan.h"

#include "bench/random.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define CONCURRENCY_CLOSED 50
#define CONCURRENCY_OPEN   3200 /* what 32 connections of 100 streams take */
#define VALUE_BYTES_MAX    INT64_C(5000000)
#define WEIGHT_MAX         1000000

__attribute__((format(printf, 2, 3))) static bool fail(char error[BENCH_ERROR_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, BENCH_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

int64_t plan_concurrency(const struct bench_settings *settings)
{
    if (settings->concurrency > 0)
        return settings->concurrency;
    return plan_is_open(settings) ? CONCURRENCY_OPEN : CONCURRENCY_CLOSED;
}

/* --- Reading the settings --- */

static const struct workload *find_workload(const char *name, size_t size)
{
    for (const struct workload *workload = workloads; workload->name != NULL; workload++)
        if (strlen(workload->name) == size && memcmp(workload->name, name, size) == 0)
            return workload;
    return NULL;
}

/* One `dictionary=20` or `dictionary`, at TEXT up to END. */
static bool parse_share(struct plan *plan, const char *text, const char *end, char error[BENCH_ERROR_BYTES])
{
    const char *equals = memchr(text, '=', (size_t)(end - text));
    const char *name_end = equals != NULL ? equals : end;
    char number[16] = "1";
    int64_t weight;
    if (equals != NULL)
        (void)snprintf(number, sizeof number, "%.*s", (int)(end - equals - 1), equals + 1);
    const struct workload *workload = find_workload(text, (size_t)(name_end - text));
    if (workload == NULL)
        return fail(error,
                    "--workload takes items, dictionary, list, set or sorted-set, or a mix such as "
                    "items=80,list=20, not \"%.*s\"",
                    (int)(end - text < 40 ? end - text : 40), text);
    if (!options_parse_value(OPTION_NUMBER, number, &weight) || weight < 1 || weight > WEIGHT_MAX)
        return fail(error, "a workload's part of the mix is a number from 1 to %d, not \"%s\"", WEIGHT_MAX,
                    number);
    if (plan->mix_count == PLAN_WORKLOADS_MAX)
        return fail(error, "a mix has at most %d workloads", PLAN_WORKLOADS_MAX);
    uint64_t from = plan->mix_count > 0 ? plan->mix[plan->mix_count - 1].until : 0;
    plan->mix[plan->mix_count++] = (struct plan_share){workload, from + (uint64_t)weight};
    return true;
}

static bool parse_mix(struct plan *plan, const char *text, char error[BENCH_ERROR_BYTES])
{
    for (;;) {
        const char *comma = strchrnul(text, ',');
        if (!parse_share(plan, text, comma, error))
            return false;
        if (*comma == '\0')
            return true;
        text = comma + 1;
    }
}

/* A size, or a distribution of sizes. */
static bool parse_value_size(struct plan *plan, const char *text, char error[BENCH_ERROR_BYTES])
{
    char problem[DISTRIBUTION_ERROR_BYTES];
    int64_t bytes;
    plan->value_bytes = (struct distribution){.law = DISTRIBUTION_CONSTANT};
    if (options_parse_value(OPTION_SIZE, text, &bytes) && bytes >= 0 && bytes <= VALUE_BYTES_MAX)
        plan->value_bytes.mean = bytes;
    else if (!distribution_parse(text, OPTION_SIZE, VALUE_BYTES_MAX, &plan->value_bytes, problem))
        return fail(error, "--value-size: %s", problem);
    return true;
}

static int64_t longest_value(const struct plan *plan)
{
    const struct distribution *sizes = &plan->value_bytes;
    if (plan->trace.count > 0)
        return plan->trace.value_bytes_max;
    if (sizes->law == DISTRIBUTION_PERCENTILES)
        return sizes->points[sizes->count - 1].value;
    return sizes->law == DISTRIBUTION_CONSTANT ? sizes->mean : VALUE_BYTES_MAX;
}

static bool name_caches(struct plan *plan, char error[BENCH_ERROR_BYTES])
{
    const struct bench_settings *settings = plan->settings;
    plan->cache_count = (size_t)settings->caches;
    if (strlen(settings->cache) > PLAN_CACHE_BYTES - 8)
        return fail(error, "the name of the cache is too long");
    for (size_t i = 0; i < plan->cache_count; i++)
        (void)snprintf(plan->caches[i], PLAN_CACHE_BYTES, i > 0 ? "%s-%zu" : "%s", settings->cache, i + 1);
    return true;
}

static bool check_threads(struct plan *plan, char error[BENCH_ERROR_BYTES])
{
    const struct bench_settings *settings = plan->settings;
    if (strcmp(settings->channels, "auto") != 0 &&
        (!options_parse_value(OPTION_NUMBER, settings->channels, &plan->channels) || plan->channels < 1 ||
         plan->channels > 1024))
        return fail(error, "--channels takes a number from 1 to 1024, or auto");
    if (settings->threads > plan_concurrency(settings) ||
        (plan->channels > 0 && settings->threads > plan->channels))
        return fail(error,
                    "every thread needs a request in flight and a channel of its own: lower --threads");
    if (settings->warmup_concurrency > 0 && settings->warmup_concurrency < settings->threads)
        return fail(error, "every thread needs a request in flight while it warms up: lower --threads");
    if (settings->requests > 0 && settings->requests < settings->threads)
        return fail(error, "every thread needs a request to send: lower --threads");
    if (settings->max_outstanding < settings->threads)
        return fail(error, "every thread needs an outstanding request: raise --max-outstanding");
    return true;
}

static bool check_loop(const struct bench_settings *settings, char error[BENCH_ERROR_BYTES])
{
    if (settings->rate_per_s > 0 && settings->trace != NULL)
        return fail(error,
                    "a trace says itself when requests are due: leave --rate out (there is --trace-speed)");
    if (plan_is_open(settings) && settings->warmup_concurrency > 0)
        return fail(error, "--warmup-concurrency is for a closed loop, without --rate and --trace");
    if (settings->rate_per_s > 0 && settings->rate_per_s < settings->threads)
        return fail(error, "every thread needs a request to send each second: lower --threads");
    return true;
}

static bool read_trace(struct plan *plan, char error[BENCH_ERROR_BYTES])
{
    const struct bench_settings *settings = plan->settings;
    char *end;
    plan->trace_speed = strtod(settings->trace_speed, &end);
    if (end == settings->trace_speed || *end != '\0' || !(plan->trace_speed > 0 && plan->trace_speed <= 1e6))
        return fail(error, "--trace-speed takes a number above 0, such as 0.5 or 10, not \"%.40s\"",
                    settings->trace_speed);
    return settings->trace == NULL || trace_read(settings->trace, &plan->trace, error);
}

bool plan_make(struct plan *plan, const struct bench_settings *settings, char error[BENCH_ERROR_BYTES])
{
    *plan = (struct plan){.settings = settings, .is_poisson = strcmp(settings->arrivals, "poisson") == 0};
    if (!check_loop(settings, error) || !check_threads(plan, error) ||
        !parse_mix(plan, settings->workload, error) || !parse_value_size(plan, settings->value_size, error) ||
        !name_caches(plan, error) || !read_trace(plan, error))
        return false;
    if (!popularity_parse(settings->popularity, (uint64_t)settings->keys, &plan->popularity))
        return fail(error, "--popularity takes uniform, zipf, or zipf:EXPONENT up to 10, not \"%.40s\"",
                    settings->popularity);
    size_t longest = (size_t)longest_value(plan);
    plan->value = malloc(longest + 1);
    if (plan->value == NULL)
        return fail(error, "memory is out");
    memset(plan->value, 'v', longest);
    return true;
}

void plan_free(struct plan *plan)
{
    trace_free(&plan->trace);
    free(plan->value);
    plan->value = NULL;
}

/* --- Requests --- */

static struct workload_item item_of(const struct plan *plan, uint64_t number)
{
    return (struct workload_item){
        .cache = plan->caches[number % plan->cache_count],
        .number = number,
        .keys = (uint64_t)plan->settings->keys,
    };
}

static mayfly_bytes draw_value(const struct plan *plan, uint64_t *random)
{
    const struct distribution *sizes = &plan->value_bytes;
    int64_t bytes =
        sizes->law == DISTRIBUTION_CONSTANT ? sizes->mean : distribution_draw(sizes, random_unit(random));
    return (mayfly_bytes){plan->value, (size_t)(bytes < VALUE_BYTES_MAX ? bytes : VALUE_BYTES_MAX)};
}

uint64_t plan_fill_count(const struct plan *plan)
{
    const struct bench_settings *settings = plan->settings;
    bool reads = settings->reads_percent > 0 && !settings->filled && settings->trace == NULL;
    return reads ? plan->mix_count * (uint64_t)settings->keys : 0;
}

void plan_fill(const struct plan *plan, uint64_t number, uint64_t *random, struct workload_request *to)
{
    uint64_t keys = (uint64_t)plan->settings->keys;
    const struct workload_item item = item_of(plan, number % keys);
    plan->mix[number / keys].workload->write(to, &item, draw_value(plan, random));
}

static const struct workload *draw_workload(const struct plan *plan, uint64_t *random)
{
    if (plan->mix_count == 1)
        return plan->mix[0].workload;
    uint64_t draw = (random_next(random) >> 20) % plan->mix[plan->mix_count - 1].until;
    size_t i = 0;
    while (draw >= plan->mix[i].until)
        i++;
    return plan->mix[i].workload;
}

void plan_next(const struct plan *plan, uint64_t *random, struct workload_request *to)
{
    const struct bench_settings *settings = plan->settings;
    const struct workload *workload = draw_workload(plan, random);
    uint64_t draw = random_next(random);
    struct workload_item item = item_of(plan, popularity_draw(&plan->popularity, random));
    if ((draw & 0xfffff) % 100 >= (uint64_t)settings->reads_percent) {
        workload->write(to, &item, draw_value(plan, random));
        return;
    }
    if (settings->hit_percent < 100 && (draw >> 40) % 100 >= (uint64_t)settings->hit_percent)
        item.number += (uint64_t)settings->keys; /* there is no such item */
    workload->read(to, &item);
}

void plan_replay(const struct plan *plan, const struct trace_row *row, struct workload_request *to)
{
    mayfly_bytes key = {row->key, row->key_bytes};
    const char *cache = plan->caches[0];
    switch ((enum trace_operation)row->operation) {
    case TRACE_GET:
        to->request = mayfly_get(cache, key);
        break;
    case TRACE_SET:
        to->request = mayfly_set(cache, key, (mayfly_bytes){plan->value, row->value_bytes}, WORKLOAD_TTL_MS);
        break;
    case TRACE_DELETE:
        to->request = mayfly_delete(cache, key);
        break;
    }
}
