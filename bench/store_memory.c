/* Measures the engine in memory by itself, without a server: what an item costs beside key and value, what a
 * call takes, and what the flush of a large cache or the end of a large collection adds to the calls of others.
 * Figures are of resident memory and of the clock, so that they can be held against those of any other cache.
 * Usage: store_memory [items]
 *        store_memory collections [elements]      prints JSON */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/memory.h"

#define KEY_BYTES   16
#define VALUE_BYTES 100
#define DAY_MS      ((uint64_t)86400000)
#define GETS        2000000

static uint64_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &total, &resident) != 2)
        exit(1);
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = (*state ^ *state >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

static void note_status(void *context, const struct store_reply *reply)
{
    *(enum store_status *)context = reply->status;
}

static void copy_value(void *context, const struct store_reply *reply)
{
    bytes_copy(context, reply->value.data, reply->value.size);
}

/* Decimal digits with leading zeros, written out by hand: printf would take longer than a get. */
static struct bytes make_key(char key[KEY_BYTES], uint64_t number)
{
    for (unsigned i = KEY_BYTES; i-- > 0; number /= 10)
        key[i] = (char)('0' + number % 10);
    return bytes_make(key, KEY_BYTES);
}

static struct store_cache *make_cache(struct store *store, const char *name)
{
    enum store_status status;
    store_cache_create(store, bytes_of(name), note_status, &status);
    return store_cache_take(store, bytes_of(name));
}

static void fill(struct store *store, struct store_cache *cache, uint64_t items)
{
    char key[KEY_BYTES];
    uint8_t value[VALUE_BYTES] = {1};
    enum store_status status;
    for (uint64_t i = 0; i < items; i++) {
        store_set(store, cache, make_key(key, i), bytes_make(value, sizeof value), DAY_MS, NULL, 0,
                  note_status, &status);
        if (status != STORE_OK)
            exit(1);
    }
}

static double ns_each(int64_t since_ns, uint64_t count)
{
    return (double)(clock_now_ns() - since_ns) / (double)count;
}

static void measure_gets(struct store *store, struct store_cache *cache, uint64_t among, const char *what)
{
    uint64_t state = 1;
    char key[KEY_BYTES];
    uint8_t value[VALUE_BYTES];
    int64_t start_ns = clock_now_ns();
    for (uint64_t i = 0; i < GETS; i++)
        make_key(key, next_random(&state) % among);
    double keys_ns = ns_each(start_ns, GETS);

    start_ns = clock_now_ns();
    for (uint64_t i = 0; i < GETS; i++)
        store_get(store, cache, make_key(key, next_random(&state) % among), 0, copy_value, value);
    printf("%-46s %8.1f ns\n", what, ns_each(start_ns, GETS) - keys_ns);
}

static void measure_overwrites(struct store *store, struct store_cache *cache, uint64_t among)
{
    uint64_t state = 2;
    char key[KEY_BYTES];
    uint8_t value[VALUE_BYTES + 8] = {2};
    enum store_status status;
    int64_t start_ns = clock_now_ns();
    for (uint64_t i = 0; i < GETS; i++) {
        uint64_t random = next_random(&state);
        struct bytes resized = bytes_make(value, VALUE_BYTES + (random >> 60) % 8);
        store_set(store, cache, make_key(key, random % among), resized, DAY_MS, NULL, 0, note_status,
                  &status);
    }
    printf("%-46s %8.1f ns\n", "set, overwriting at another size (with its key)", ns_each(start_ns, GETS));
}

struct watched {
    int64_t worst_ns;
    int64_t took_ns;
    uint64_t slow; /* above a millisecond */
    uint64_t count;
};

/* Gets until GOING is false or MOST_NS are over. */
static struct watched watch_gets(struct store *store, struct store_cache *cache, const atomic_bool *going,
                                 int64_t most_ns)
{
    uint64_t state = 3;
    char key[KEY_BYTES];
    uint8_t value[VALUE_BYTES];
    struct watched watched = {0};
    int64_t start_ns = clock_now_ns();
    while (*going && watched.took_ns < most_ns) {
        struct bytes name = make_key(key, next_random(&state) % 1000);
        int64_t before_ns = clock_now_ns();
        store_get(store, cache, name, 0, copy_value, value);
        int64_t now_ns = clock_now_ns();
        if (now_ns - before_ns > watched.worst_ns)
            watched.worst_ns = now_ns - before_ns;
        watched.slow += now_ns - before_ns > CLOCK_NS_PER_MS;
        watched.count++;
        watched.took_ns = now_ns - start_ns;
    }
    return watched;
}

static void print_watched(const struct watched *watched, const char *what)
{
    printf("%-46s %8.1f us, %llu of %llu above 1 ms, in %.0f ms\n", what,
           (double)watched->worst_ns / CLOCK_NS_PER_US, (unsigned long long)watched->slow,
           (unsigned long long)watched->count, (double)watched->took_ns / CLOCK_NS_PER_MS);
}

struct flusher {
    struct store *store;
    atomic_bool going;
};

/* Processor time of this thread: what a piece of work takes where nothing else wants the core. */
static int64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

static void *flush_and_maintain(void *context)
{
    struct flusher *flusher = context;
    enum store_status status;
    int64_t start_ns = clock_now_ns();
    store_cache_flush(flusher->store, bytes_of("large"), note_status, &status);
    printf("%-46s %8.1f us\n", "the flush itself", (double)(clock_now_ns() - start_ns) / CLOCK_NS_PER_US);
    int64_t worst_ns = 0;
    int64_t total_ns = -thread_ns();
    uint64_t pieces = 0;
    for (bool more = true; more; pieces++) {
        start_ns = thread_ns();
        more = store_maintain(flusher->store, 0);
        int64_t took_ns = thread_ns() - start_ns;
        if (took_ns > worst_ns)
            worst_ns = took_ns;
    }
    total_ns += thread_ns();
    printf("%-46s %8.1f us, %.1f on average (processor time)\n", "worst piece of maintenance",
           (double)worst_ns / CLOCK_NS_PER_US, (double)total_ns / (double)pieces / CLOCK_NS_PER_US);
    flusher->going = false;
    return NULL;
}

static void *spin(void *context)
{
    const struct flusher *flusher = context;
    uint64_t state = 4;
    while (flusher->going)
        next_random(&state);
    return NULL;
}

static void measure_flush(struct store *store)
{
    struct store_cache *small = make_cache(store, "small");
    fill(store, small, 1000);
    struct flusher flusher = {.store = store, .going = true};
    pthread_t thread;

    /* The other thread is as busy as it will be, but leaves the store alone. */
    pthread_create(&thread, NULL, spin, &flusher);
    struct watched watched = watch_gets(store, small, &flusher.going, 2 * (int64_t)CLOCK_NS_PER_S);
    print_watched(&watched, "worst get, undisturbed");
    flusher.going = false;
    pthread_join(thread, NULL);

    flusher.going = true;
    pthread_create(&thread, NULL, flush_and_maintain, &flusher);
    watched = watch_gets(store, small, &flusher.going, 60 * (int64_t)CLOCK_NS_PER_S);
    pthread_join(thread, NULL);
    print_watched(&watched, "worst get, while the large cache is flushed");
    store_cache_release(store, small);
}

static void measure_evicting(void)
{
    struct store_memory_options options = {.limit_bytes = (uint64_t)256 << 20, .hash_seed = 1};
    struct store *store = store_memory_create(&options);
    struct store_cache *cache = make_cache(store, "evicting");
    fill(store, cache, 2000000);
    int64_t start_ns = clock_now_ns();
    fill(store, cache, 4000000);
    printf("%-46s %8.1f ns\n", "set, evicting (with its key)", ns_each(start_ns, 4000000));
    store_cache_release(store, cache);
    store_destroy(store);
}

/* --- The end of a large collection --- */

#define COLLECTION_LIMIT_BYTES ((uint64_t)512 << 20)
#define ELEMENTS_A_COMMAND     1000
#define UPKEEP_NS              CLOCK_NS_PER_MS /* from one piece of it to the next, as in the server */

/* What the other thread does while gets are watched: upkeep, and between its pieces nothing, or writing. */
struct ending {
    struct store *store;
    struct store_cache *cache;
    enum store_type type;
    bool evict; /* rather than delete */
    atomic_bool going;
    int64_t next_upkeep_ns;
    int64_t worst_piece_ns; /* of upkeep, in processor time */
};

static const struct bytes large_key = {.data = (const uint8_t *)"large", .size = 5};

static void fill_collection(const struct ending *ending, uint64_t count)
{
    static uint64_t numbers[ELEMENTS_A_COMMAND];
    static struct store_element elements[ELEMENTS_A_COMMAND];
    bool sorted = ending->type == STORE_SORTED_SET;
    struct store_command command = {
        .kind = sorted ? STORE_SORTED_PUT : STORE_TABLE_PUT,
        .type = ending->type,
        .cache = ending->cache,
        .key = large_key,
        .elements = elements,
        .count = ELEMENTS_A_COMMAND,
        .ttl_ms = DAY_MS,
        .from_end = true,
    };
    if (ending->type == STORE_LIST)
        command.kind = STORE_LIST_PUSH;
    uint64_t state = 5;
    for (uint64_t done = 0; done < count; done += ELEMENTS_A_COMMAND) {
        for (size_t i = 0; i < ELEMENTS_A_COMMAND; i++) {
            numbers[i] = next_random(&state);
            struct bytes name = bytes_make(&numbers[i], sizeof numbers[i]);
            elements[i] = (struct store_element){.name = name, .score = (double)(numbers[i] >> 40)};
            if (ending->type == STORE_DICTIONARY)
                elements[i].value = name;
        }
        enum store_status status;
        store_command(ending->store, &command, note_status, &status);
        if (status != STORE_OK)
            exit(1);
    }
}

static bool large_is_there(const struct ending *ending)
{
    struct store_command command = {
        .kind = STORE_LENGTH, .type = ending->type, .cache = ending->cache, .key = large_key};
    enum store_status status;
    store_command(ending->store, &command, note_status, &status);
    return status == STORE_OK;
}

/* A piece of upkeep when it is time for one. False when there was nothing to do. */
static bool upkeep(struct ending *ending)
{
    if (clock_now_ns() < ending->next_upkeep_ns)
        return true;
    int64_t start_ns = thread_ns();
    bool more = store_maintain(ending->store, 0);
    int64_t took_ns = thread_ns() - start_ns;
    if (took_ns > ending->worst_piece_ns)
        ending->worst_piece_ns = took_ns;
    ending->next_upkeep_ns = clock_now_ns() + UPKEEP_NS;
    return more;
}

/* Deletes the collection, if there is one, and does upkeep for two seconds and until there is nothing to do. */
static void end_by_deleting(struct ending *ending)
{
    enum store_status status;
    int64_t least_ns = clock_now_ns() + 2 * (int64_t)CLOCK_NS_PER_S;
    store_delete(ending->store, ending->cache, large_key, 0, note_status, &status);
    for (bool more = true; more || clock_now_ns() < least_ns;) {
        more = upkeep(ending);
        int64_t rest_ns = ending->next_upkeep_ns - clock_now_ns();
        if (rest_ns > 0)
            nanosleep(&(struct timespec){.tv_nsec = rest_ns}, NULL);
    }
}

/* Writes four times the limit in items that are in use: the collection has to go. */
static void end_by_evicting(struct ending *ending)
{
    char key[KEY_BYTES];
    uint8_t value[1000] = {1};
    enum store_status status;
    for (uint64_t i = 0; i < 4 * COLLECTION_LIMIT_BYTES / sizeof value; i++) {
        struct bytes name = make_key(key, 1000000 + i);
        store_set(ending->store, ending->cache, name, bytes_make(value, sizeof value), DAY_MS, NULL, 0,
                  note_status, &status);
        store_get(ending->store, ending->cache, name, 0, note_status, &status);
        (void)upkeep(ending);
    }
}

static void *end_collection(void *context)
{
    struct ending *ending = context;
    if (ending->evict)
        end_by_evicting(ending);
    else
        end_by_deleting(ending);
    ending->going = false;
    return NULL;
}

/* The longest get while the other thread works, with a large collection of so many elements or with none. */
static struct watched watch_ending(struct ending *ending, uint64_t elements)
{
    struct store_memory_options options = {.limit_bytes = COLLECTION_LIMIT_BYTES, .hash_seed = 1};
    ending->store = store_memory_create(&options);
    ending->cache = make_cache(ending->store, "collections");
    ending->going = true;
    ending->worst_piece_ns = 0;
    struct store_cache *small = make_cache(ending->store, "small");
    fill(ending->store, small, 1000);
    fill_collection(ending, elements);

    pthread_t thread;
    pthread_create(&thread, NULL, end_collection, ending);
    struct watched watched = watch_gets(ending->store, small, &ending->going, 60 * (int64_t)CLOCK_NS_PER_S);
    pthread_join(thread, NULL);
    if (large_is_there(ending))
        exit(1);
    store_cache_release(ending->store, small);
    store_cache_release(ending->store, ending->cache);
    store_destroy(ending->store);
    return watched;
}

static void measure_collections(uint64_t elements)
{
    static const char *const names[] = {"scalar", "dictionary", "set", "list", "sorted set"};
    printf("{\"elements\": %llu, \"runs\": [", (unsigned long long)elements);
    for (unsigned i = 0; i < 8; i++) {
        struct ending ending = {.type = (enum store_type)(STORE_DICTIONARY + i / 2), .evict = i % 2 == 1};
        int64_t alone_ns = watch_ending(&ending, 0).worst_ns;
        int64_t longest_ns = watch_ending(&ending, elements).worst_ns;
        printf(
            "%s\n  {\"type\": \"%s\", \"end\": \"%s\", \"longest_get_us\": %.1f, \"undisturbed_us\": %.1f, "
            "\"added_us\": %.1f, \"longest_upkeep_us\": %.1f}",
            i > 0 ? "," : "", names[ending.type], ending.evict ? "evicted" : "deleted",
            (double)longest_ns / CLOCK_NS_PER_US, (double)alone_ns / CLOCK_NS_PER_US,
            (double)(longest_ns - alone_ns) / CLOCK_NS_PER_US,
            (double)ending.worst_piece_ns / CLOCK_NS_PER_US);
        fflush(stdout);
    }
    printf("\n]}\n");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "collections") == 0) {
        measure_collections(argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000);
        return 0;
    }
    uint64_t items = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    struct store_memory_options options = {.limit_bytes = (uint64_t)4 << 30, .hash_seed = 1};
    struct store *store = store_memory_create(&options);
    if (store == NULL)
        return 1;
    struct store_cache *cache = make_cache(store, "large");

    uint64_t before_bytes = resident_bytes();
    int64_t start_ns = clock_now_ns();
    fill(store, cache, items);
    double set_ns = ns_each(start_ns, items);
    double overhead = (double)(resident_bytes() - before_bytes) / (double)items - KEY_BYTES - VALUE_BYTES;
    struct store_stats stats;
    store_stats(store, &stats);
    printf("%-46s %8llu\n", "items", (unsigned long long)stats.items);
    printf("%-46s %8.1f bytes resident, %.1f accounted\n", "beside key and value, an item", overhead,
           (double)stats.bytes_used / (double)items - KEY_BYTES - VALUE_BYTES);
    printf("%-46s %8.1f ns\n", "set, adding (with making its key)", set_ns);

    measure_gets(store, cache, 1000, "get, among 1000 keys");
    measure_gets(store, cache, items, "get, among all keys");
    measure_flush(store);
    store_stats(store, &stats);
    printf("%-46s %8.1f MB resident, %.1f accounted\n", "left after the flush",
           (double)resident_bytes() / 1e6, (double)stats.bytes_used / 1e6);

    fill(store, cache, items / 5);
    measure_overwrites(store, cache, items / 5);
    store_cache_release(store, cache);
    store_destroy(store);
    measure_evicting();
    return 0;
}
