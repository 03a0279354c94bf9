#include "server/simulate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/options.h"

#include <errno.h>
#include <fcntl.h>
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
        if (!distribution_parse(value, OPTION_DURATION, TIME_MAX_NS, &order->time_ns, error))
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
    struct distribution time_ns;
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
    simulation->time_ns = order->time_ns;
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
    int64_t service_ns = distribution_draw(&simulation->time_ns, draw_uniform(&simulation->random));
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
