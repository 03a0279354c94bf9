#include "server/simulate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/options.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIME_MAX_NS     ((int64_t)3600 * CLOCK_NS_PER_S)
#define LOG_BUFFER      ((size_t)1 << 16)
#define LOG_FIRST_WORDS "# mayfly simulation:"

__attribute__((format(printf, 2, 3))) static bool fail(char error[SIMULATE_ERROR_BYTES], const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, SIMULATE_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* --- Distributions --- */

static int64_t draw_percentile(const struct simulate_time *time, double percentile)
{
    const struct simulate_point *points = time->points;
    if (percentile <= points[0].percentile)
        return points[0].ns;
    for (size_t i = 1; i < time->count; i++) {
        if (percentile > points[i].percentile)
            continue;
        double share =
            (percentile - points[i - 1].percentile) / (points[i].percentile - points[i - 1].percentile);
        return points[i - 1].ns + (int64_t)(share * (double)(points[i].ns - points[i - 1].ns));
    }
    return points[time->count - 1].ns;
}

int64_t simulate_draw(const struct simulate_time *time, double uniform)
{
    switch (time->law) {
    case SIMULATE_EXPONENTIAL:
        return (int64_t)(-log1p(-uniform) * (double)time->mean_ns);
    case SIMULATE_PERCENTILES:
        return draw_percentile(time, uniform * 100);
    case SIMULATE_CONSTANT:
        break;
    }
    return time->mean_ns;
}

static bool parse_time(const char *text, int64_t *ns, char error[SIMULATE_ERROR_BYTES])
{
    if (options_parse_value(OPTION_DURATION, text, ns) && *ns >= 0 && *ns <= TIME_MAX_NS)
        return true;
    return fail(error, "\"%.40s\" is no time from 0 to 1h, such as 2ms or 150us", text);
}

/* One `p99.9:5ms`, which has to follow on those before it. */
static bool parse_point(const char *text, struct simulate_time *time, char error[SIMULATE_ERROR_BYTES])
{
    const char *colon = strchr(text, ':');
    if (text[0] != 'p' || colon == NULL || colon == text + 1 ||
        strspn(text + 1, "0123456789.") != (size_t)(colon - text - 1))
        return fail(error, "\"%.40s\" is no percentile and its time, such as p99:5ms", text);
    if (time->count == SIMULATE_POINTS_MAX)
        return fail(error, "there are more than %d percentiles", SIMULATE_POINTS_MAX);
    char *end;
    struct simulate_point *point = &time->points[time->count];
    point->percentile = strtod(text + 1, &end);
    if (end != colon || point->percentile > 100)
        return fail(error, "\"%.40s\" is no percentile from p0 to p100", text);
    if (!parse_time(colon + 1, &point->ns, error))
        return false;
    if (time->count > 0 && (point->percentile <= point[-1].percentile || point->ns < point[-1].ns))
        return fail(error, "percentiles have to rise, and their times not to fall: \"%.40s\"", text);
    time->count++;
    return true;
}

static bool parse_percentiles(const char *text, struct simulate_time *time, char error[SIMULATE_ERROR_BYTES])
{
    char list[SIMULATE_VALUE_BYTES];
    (void)snprintf(list, sizeof list, "%s", text);
    time->law = SIMULATE_PERCENTILES;
    for (char *at = list; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL)
            *comma = '\0';
        if (!parse_point(at, time, error))
            return false;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

static bool parse_law(const char *text, struct simulate_time *time, char error[SIMULATE_ERROR_BYTES])
{
    *time = (struct simulate_time){.law = SIMULATE_CONSTANT};
    if (strncmp(text, "const:", 6) == 0)
        return parse_time(text + 6, &time->mean_ns, error);
    if (strncmp(text, "exp:", 4) == 0) {
        time->law = SIMULATE_EXPONENTIAL;
        return parse_time(text + 4, &time->mean_ns, error);
    }
    if (text[0] == 'p')
        return parse_percentiles(text, time, error);
    return fail(error, "time is const:2ms, exp:2ms or percentiles such as p50:1ms,p100:9ms, not \"%.40s\"",
                text);
}

/* --- The query --- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The text behind the encoding of a URL's query. */
static bool decode(struct bytes from, char to[SIMULATE_VALUE_BYTES], char error[SIMULATE_ERROR_BYTES])
{
    size_t size = 0;
    for (size_t i = 0; i < from.size; i++) {
        int c = from.data[i] == '+' ? ' ' : from.data[i];
        if (c == '%') {
            int high = i + 2 < from.size ? hex_digit(from.data[i + 1]) : -1;
            int low = i + 2 < from.size ? hex_digit(from.data[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (c == 0)
            return fail(error, "the query is not encoded as a URL's query is");
        if (size + 1 == SIMULATE_VALUE_BYTES)
            return fail(error, "a value of the query is too long");
        to[size++] = (char)c;
    }
    to[size] = '\0';
    return true;
}

static bool parse_number(const char *name, const char *text, int64_t max, int64_t *value,
                         char error[SIMULATE_ERROR_BYTES])
{
    if (options_parse_value(OPTION_NUMBER, text, value) && *value >= 0 && *value <= max)
        return true;
    return fail(error, "%s is a whole number from 0 to %lld, not \"%.40s\"", name, (long long)max, text);
}

/* What a query has said so far. */
struct reading {
    struct simulate_order *order;
    bool has_workers;
    bool has_time;
    bool is_off;
};

static bool parse_parameter(struct reading *reading, struct bytes name, const char *value,
                            char error[SIMULATE_ERROR_BYTES])
{
    struct simulate_order *order = reading->order;
    int64_t number;
    if (bytes_equal(name, bytes_of("off")) && value[0] == '\0') {
        reading->is_off = true;
    } else if (bytes_equal(name, bytes_of("workers"))) {
        if (!parse_number("workers", value, SIMULATE_WORKERS_MAX, &number, error))
            return false;
        order->workers = (size_t)number;
        reading->has_workers = true;
    } else if (bytes_equal(name, bytes_of("time"))) {
        if (!parse_law(value, &order->time, error))
            return false;
        (void)snprintf(order->time_text, sizeof order->time_text, "%s", value);
        reading->has_time = true;
    } else if (bytes_equal(name, bytes_of("seed"))) {
        if (!parse_number("seed", value, INT64_MAX, &number, error))
            return false;
        order->seed = (uint64_t)number;
        order->is_seeded = true;
    } else if (bytes_equal(name, bytes_of("log"))) {
        (void)snprintf(order->log_path, sizeof order->log_path, "%s", value);
    } else {
        return fail(error, "the query takes workers, time, seed, log and off, not \"%.*s\"",
                    name.size < 40 ? (int)name.size : 40, (const char *)name.data);
    }
    return true;
}

/* The text up to MARK, which is taken off *REST with the mark. */
static struct bytes cut(struct bytes *rest, char mark)
{
    const uint8_t *at = rest->size > 0 ? memchr(rest->data, mark, rest->size) : NULL;
    struct bytes head = bytes_make(rest->data, at != NULL ? (size_t)(at - rest->data) : rest->size);
    size_t taken = head.size + (at != NULL);
    *rest = bytes_make(rest->size > 0 ? rest->data + taken : NULL, rest->size - taken);
    return head;
}

bool simulate_parse(struct bytes query, struct simulate_order *order, char error[SIMULATE_ERROR_BYTES])
{
    *order = (struct simulate_order){0};
    struct reading reading = {.order = order};
    while (query.size > 0) {
        char value[SIMULATE_VALUE_BYTES];
        struct bytes parameter = cut(&query, '&');
        struct bytes name = cut(&parameter, '=');
        if (!decode(parameter, value, error) || !parse_parameter(&reading, name, value, error))
            return false;
    }
    if (reading.is_off || (reading.has_workers && order->workers == 0)) {
        order->workers = 0;
        return true;
    }
    if (!reading.has_workers || !reading.has_time)
        return fail(error, "a simulation needs workers and time, such as workers=4&time=const:2ms; "
                           "`off` alone ends it");
    return true;
}

/* --- At work --- */

struct simulation {
    pthread_mutex_t lock;
    size_t waiting_max;
    uint64_t epoch;   /* counts the changes */
    size_t workers;   /* 0: no simulation */
    int64_t *free_ns; /* a min-heap: when each worker will be free */
    size_t inside;    /* calls that have not left, those being served included */
    struct simulate_time time;
    uint64_t random;
    int64_t begun_ns;
    int64_t last_arrival_ns;
    FILE *log;
};

/* A double in [0, 1) from splitmix64 (Steele, Lea, Flood 2014), of which any seed is a good one. */
static double draw_uniform(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15U;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

/* The worker that was free first is free again at FREE_NS. */
static void replace_first(int64_t *heap, size_t count, int64_t free_ns)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (free_ns <= heap[child])
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = free_ns;
}

/* Opens a file that is new, empty or an earlier log: a page in somebody's browser can reach the port, and must not
 * be able to ruin a file. */
static FILE *open_log(const struct simulate_order *order, char error[SIMULATE_ERROR_BYTES])
{
    char head[sizeof LOG_FIRST_WORDS] = "";
    struct stat status;
    int fd = open(order->log_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0644);
    if (fd < 0) {
        (void)fail(error, "cannot open the log: %s", strerror(errno));
        return NULL;
    }
    bool is_ours = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (is_ours && status.st_size > 0)
        is_ours = pread(fd, head, sizeof head - 1, 0) > 0 && strcmp(head, LOG_FIRST_WORDS) == 0;
    FILE *log = is_ours && ftruncate(fd, 0) == 0 ? fdopen(fd, "w") : NULL;
    if (log == NULL) {
        (void)close(fd);
        (void)fail(error, "the log names a file that is there and is no log of a simulation");
        return NULL;
    }
    (void)setvbuf(log, NULL, _IOFBF, LOG_BUFFER);
    (void)fprintf(log, LOG_FIRST_WORDS " arrival_ns wait_ns service_ns; workers=%zu time=%s seed=%llu\n",
                  order->workers, order->time_text, (unsigned long long)order->seed);
    return log;
}

static void simulation_end(struct simulation *simulation)
{
    if (simulation->log != NULL)
        (void)fclose(simulation->log);
    free(simulation->free_ns);
    simulation->log = NULL;
    simulation->free_ns = NULL;
    simulation->workers = 0;
}

struct simulation *simulation_create(size_t waiting_max)
{
    struct simulation *simulation = calloc(1, sizeof *simulation);
    if (simulation == NULL)
        return NULL;
    simulation->waiting_max = waiting_max;
    (void)pthread_mutex_init(&simulation->lock, NULL);
    return simulation;
}

void simulation_destroy(struct simulation *simulation)
{
    if (simulation == NULL)
        return;
    simulation_end(simulation);
    (void)pthread_mutex_destroy(&simulation->lock);
    free(simulation);
}

/* With the lock held. The log under way is closed first, since the new one may go to the same file. */
static bool change(struct simulation *simulation, const struct simulate_order *order, int64_t now_ns,
                   char error[SIMULATE_ERROR_BYTES])
{
    int64_t *free_ns = NULL;
    FILE *log = NULL;
    if (simulation->log != NULL)
        (void)fflush(simulation->log);
    if (order->workers > 0) {
        free_ns = calloc(order->workers, sizeof *free_ns);
        if (free_ns == NULL)
            return fail(error, "there is no memory for so many workers");
        if (order->log_path[0] != '\0' && (log = open_log(order, error)) == NULL) {
            free(free_ns);
            return false;
        }
    }
    simulation_end(simulation);
    simulation->epoch++;
    simulation->workers = order->workers;
    simulation->free_ns = free_ns;
    simulation->inside = 0;
    simulation->time = order->time;
    simulation->random = order->seed;
    simulation->begun_ns = simulation->last_arrival_ns = now_ns;
    simulation->log = log;
    return true;
}

bool simulation_change(struct simulation *simulation, struct simulate_order *order, int64_t now_ns,
                       char error[SIMULATE_ERROR_BYTES])
{
    if (!order->is_seeded)
        order->seed = hash_random_seed() >> 1; /* a number that the query takes */
    (void)pthread_mutex_lock(&simulation->lock);
    bool is_changed = change(simulation, order, now_ns, error);
    (void)pthread_mutex_unlock(&simulation->lock);
    return is_changed;
}

/* With the lock held, a simulation under way, and room in it. Loops read their clocks apart, so an arrival may
 * seem to be earlier than the one before: it is taken to be at the same time. */
static int64_t departure_of(struct simulation *simulation, int64_t now_ns)
{
    int64_t arrival_ns = now_ns > simulation->last_arrival_ns ? now_ns : simulation->last_arrival_ns;
    int64_t free_ns = simulation->free_ns[0];
    int64_t begin_ns = free_ns > arrival_ns ? free_ns : arrival_ns;
    int64_t wait_ns = begin_ns - arrival_ns;
    int64_t service_ns = simulate_draw(&simulation->time, draw_uniform(&simulation->random));
    /* Callers that give up make room for others but leave their work behind, so a wait has no upper end. */
    int64_t due_ns = clock_add(begin_ns, service_ns);
    simulation->last_arrival_ns = arrival_ns;
    replace_first(simulation->free_ns, simulation->workers, due_ns);
    if (simulation->log != NULL)
        (void)fprintf(simulation->log, "%lld %lld %lld\n", (long long)(arrival_ns - simulation->begun_ns),
                      (long long)wait_ns, (long long)service_ns);
    return due_ns;
}

enum simulation_answer simulation_arrive(struct simulation *simulation, int64_t now_ns,
                                         struct simulation_ticket *ticket)
{
    enum simulation_answer answer = SIMULATION_ADMITTED;
    (void)pthread_mutex_lock(&simulation->lock);
    if (simulation->workers == 0) {
        answer = SIMULATION_IS_OFF;
    } else if (simulation->inside >= simulation->workers + simulation->waiting_max) {
        answer = SIMULATION_IS_FULL;
    } else {
        simulation->inside++;
        ticket->epoch = simulation->epoch;
        ticket->due_ns = departure_of(simulation, now_ns);
    }
    (void)pthread_mutex_unlock(&simulation->lock);
    return answer;
}

void simulation_leave(struct simulation *simulation, const struct simulation_ticket *ticket)
{
    (void)pthread_mutex_lock(&simulation->lock);
    simulation->inside -= ticket->epoch == simulation->epoch;
    (void)pthread_mutex_unlock(&simulation->lock);
}
