#include "bench/relay_line.h"

#include "base/clock.h"

#include <math.h>
#include <string.h>

#define BITS           8
#define QUEUE_NS       ((int64_t)50 * CLOCK_NS_PER_MS) /* what waits to be sent at most, as time at the rate */
#define ROOM_MIN       ((int64_t)256 << 10)
#define ROOM_MAX       ((int64_t)16 << 20)
#define COUNT_MAX      ((size_t)1 << 16)          /* chunks, which have a cost beside their bytes */
#define CHUNK_NS       ((int64_t)CLOCK_NS_PER_MS) /* what a chunk takes at most: so finely do connections share */
#define CHUNK_MIN      ((int64_t)1500)
#define CHUNK_MAX      ((int64_t)64 << 10)
#define JITTER_STRETCH 10        /* standard deviations of time between two draws */
#define INTERPOLATED   (2.0 / 3) /* mean variance of points on a straight line between draws of variance 1 */
#define TWO_PI         6.283185307179586

static const struct {
    const char *name;
    struct relay_network network;
} profiles[] = {
    {"same-host", {0, 0, 0}},
    {"in-region", {500 * CLOCK_NS_PER_US, 100 * CLOCK_NS_PER_US, INT64_C(5000000000)}},
    {"cross-region", {80 * CLOCK_NS_PER_MS, 4 * CLOCK_NS_PER_MS, INT64_C(500000000)}},
    {"laptop", {30 * CLOCK_NS_PER_MS, 5 * CLOCK_NS_PER_MS, INT64_C(50000000)}},
};

const char *const relay_profile_names[] = {"same-host", "in-region", "cross-region", "laptop", NULL};

bool relay_profile(const char *name, struct relay_network *network)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (strcmp(profiles[i].name, name) != 0)
            continue;
        *network = profiles[i].network;
        return true;
    }
    return false;
}

/* --- Jitter --- */

/* splitmix64, Steele, Lea and Flood 2014: scatters the bits of a counter. */
static uint64_t scatter(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* In (0, 1]. */
static double uniform(uint64_t bits)
{
    return (double)((bits >> 11) + 1) * 0x1p-53;
}

/* Draw number N of a standard normal distribution (Box and Muller 1958). */
static double normal(uint64_t seed, int64_t n)
{
    uint64_t first = scatter(seed ^ scatter((uint64_t)n));
    return sqrt(-2 * log(uniform(first))) * cos(TWO_PI * uniform(scatter(first)));
}

int64_t relay_jitter_ns(uint64_t seed, int64_t now_ns, int64_t deviation_ns)
{
    if (deviation_ns <= 0)
        return 0;
    int64_t stretch_ns = deviation_ns * JITTER_STRETCH;
    int64_t n = now_ns / stretch_ns;
    double along = (double)(now_ns % stretch_ns) / (double)stretch_ns;
    double value = normal(seed, n) * (1 - along) + normal(seed, n + 1) * along;
    double each_way = (double)deviation_ns / sqrt(2); /* the variances of the two ways add up */
    return (int64_t)(value * each_way / sqrt(INTERPOLATED));
}

/* --- The line --- */

static int64_t sending_ns(const struct relay_network *network, size_t size)
{
    int64_t rate = network->rate_bits_per_second;
    return rate == 0 ? 0 : (int64_t)((double)size * BITS * CLOCK_NS_PER_S / (double)rate);
}

/* How much passes in so long, between two bounds. */
static int64_t passing_bytes(const struct relay_network *network, int64_t duration_ns, int64_t min,
                             int64_t max)
{
    double bytes = (double)network->rate_bits_per_second / BITS * (double)duration_ns / CLOCK_NS_PER_S;
    if (network->rate_bits_per_second == 0 || bytes > (double)max)
        return max;
    return bytes < (double)min ? min : (int64_t)bytes;
}

/* After all that is before it, and at the rate. */
static void send(struct relay_line *line, struct relay_chunk *chunk, int64_t now_ns)
{
    if (line->free_ns < now_ns)
        line->free_ns = now_ns;
    line->free_ns += sending_ns(&line->network, chunk->size);
    chunk->sent_ns = line->free_ns;
}

void relay_line_init(struct relay_line *line, const struct relay_network *network, uint64_t seed)
{
    *line = (struct relay_line){.network = *network, .seed = seed};
    list_init(&line->chunks);
}

void relay_line_set_network(struct relay_line *line, const struct relay_network *network, int64_t now_ns)
{
    line->network = *network;
    line->free_ns = now_ns;
    for (struct list *link = line->chunks.next; link != &line->chunks; link = link->next) {
        struct relay_chunk *chunk = list_entry(link, struct relay_chunk, link);
        if (chunk->sent_ns > now_ns)
            send(line, chunk, now_ns);
    }
}

bool relay_line_has_room(const struct relay_line *line)
{
    int64_t held_ns = line->network.rtt_ns / 2 + QUEUE_NS;
    return line->count < COUNT_MAX &&
           (int64_t)line->bytes < passing_bytes(&line->network, held_ns, ROOM_MIN, ROOM_MAX);
}

size_t relay_line_chunk_bytes(const struct relay_line *line)
{
    return (size_t)passing_bytes(&line->network, CHUNK_NS, CHUNK_MIN, CHUNK_MAX);
}

void relay_line_push(struct relay_line *line, struct relay_chunk *chunk, int64_t now_ns)
{
    send(line, chunk, now_ns);
    line->count++;
    line->bytes += chunk->size;
    list_push_back(&line->chunks, &chunk->link);
}

/* Computed anew each time it is asked for, so that a change of the network holds for what is on its way. */
int64_t relay_line_due_ns(const struct relay_line *line)
{
    if (list_empty(&line->chunks))
        return CLOCK_NEVER;
    const struct relay_chunk *first = list_entry(line->chunks.next, struct relay_chunk, link);
    int64_t delay_ns =
        line->network.rtt_ns / 2 + relay_jitter_ns(line->seed, first->sent_ns, line->network.jitter_ns);
    return first->sent_ns + (delay_ns > 0 ? delay_ns : 0);
}

struct relay_chunk *relay_line_pop(struct relay_line *line)
{
    struct relay_chunk *chunk = list_entry(list_pop_front(&line->chunks), struct relay_chunk, link);
    line->count--;
    line->bytes -= chunk->size;
    return chunk;
}
