#include "server/faults.h"

#include "base/clock.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define IDS_MAX      1024
#define NUMBER_MAX   INT64_C(1000000000)
#define DIGITS_MAX   10
#define DELAY_MS_MAX INT64_C(86400000)

static bool fail(char error[FAULTS_ERROR_BYTES], const char *name, const char *rule)
{
    (void)snprintf(error, FAULTS_ERROR_BYTES, "the metadata `%s` %s", name, rule);
    return false;
}

/* --- Names --- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static char lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* Methods that the SDKs' tests know by the name of another. */
static const struct {
    const char *name;
    const char *covering;
} aliases[] = {{"set-if-not-exists", "set-if"}, {"list-erase", "list-remove"}};

void faults_method_name(const char *path, char name[FAULTS_NAME_BYTES])
{
    const char *last = strrchr(path, '/');
    last = last != NULL ? last + 1 : path;
    int size = snprintf(name, FAULTS_NAME_BYTES, "%s", strstr(path, ".Pubsub/") != NULL ? "topic-" : "");
    size_t at = (size_t)size;
    for (const char *c = last; *c != '\0' && at + 2 < FAULTS_NAME_BYTES; c++) {
        if (is_upper(*c) && c != last)
            name[at++] = '-';
        name[at++] = lower(*c);
    }
    name[at] = '\0';
}

/* Whether LIST, words with spaces between them, has WORD. */
static bool has_word(struct bytes list, const char *word)
{
    struct bytes wanted = bytes_of(word);
    for (size_t start = 0, end; start < list.size; start = end + 1) {
        for (end = start; end < list.size && list.data[end] != ' ';)
            end++;
        if (bytes_equal(bytes_make(list.data + start, end - start), wanted))
            return true;
    }
    return false;
}

static bool is_named(struct bytes list, const char *name)
{
    if (has_word(list, name))
        return true;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(name, aliases[i].name) == 0 && has_word(list, aliases[i].covering))
            return true;
    return false;
}

/* --- Values. Each reader is true where the metadata is missing or well-formed --- */

static bool read_list(const struct metadata *metadata, const char *name, struct bytes *list,
                      char error[FAULTS_ERROR_BYTES])
{
    *list = metadata_find(metadata, name);
    for (size_t i = 0; i < list->size; i++) {
        char c = (char)list->data[i];
        if ((c < 'a' || c > 'z') && c != '-' && c != ' ')
            return fail(error, name,
                        "names methods in lower case with hyphens and a space between two, such as "
                        "`get set-batch`");
    }
    return true;
}

static bool read_number(const struct metadata *metadata, const char *name, int64_t max, bool *is_there,
                        int64_t *number, char error[FAULTS_ERROR_BYTES])
{
    struct bytes text = metadata_find(metadata, name);
    *is_there = text.data != NULL;
    *number = 0;
    if (!*is_there)
        return true;
    bool is_number = text.size > 0 && text.size <= DIGITS_MAX;
    for (size_t i = 0; is_number && i < text.size; i++) {
        is_number = text.data[i] >= '0' && text.data[i] <= '9';
        *number = *number * 10 + (text.data[i] - '0');
    }
    if (is_number && *number <= max)
        return true;
    return fail(error, name,
                max == DELAY_MS_MAX ? "is a whole number from 0 to 86400000"
                                    : "is a whole number from 0 to 1000000000");
}

static bool is_status_name(struct bytes text, enum status status)
{
    const char *name = status_name(status);
    if (text.size != strlen(name))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if ((char)text.data[i] != (name[i] == '_' ? '-' : lower(name[i])))
            return false;
    return true;
}

static bool read_status(const struct metadata *metadata, const char *name, bool *is_there,
                        enum status *status, char error[FAULTS_ERROR_BYTES])
{
    struct bytes text = metadata_find(metadata, name);
    *is_there = text.data != NULL;
    if (!*is_there)
        return true;
    for (int i = STATUS_OK + 1; i < STATUS_COUNT; i++) {
        if (is_status_name(text, (enum status)i)) {
            *status = (enum status)i;
            return true;
        }
    }
    return fail(error, name,
                "is the name of an error's status in lower case with hyphens, such as `unavailable`");
}

/* --- Counts --- */

enum counted { COUNTED_ERRORS, COUNTED_DELAYS, COUNTED };

/* The ids are told apart by their hashes. */
struct faults_id {
    uint64_t hash;
    int64_t counts[COUNTED];
};

struct faults {
    pthread_mutex_t lock;
    uint64_t hash_seed;
    size_t ids_used;
    size_t next; /* where the next new id goes, over the oldest one */
    struct faults_id ids[IDS_MAX];
};

struct faults *faults_create(void)
{
    struct faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL)
        return NULL;
    (void)pthread_mutex_init(&faults->lock, NULL);
    faults->hash_seed = hash_random_seed();
    return faults;
}

void faults_destroy(struct faults *faults)
{
    if (faults == NULL)
        return;
    (void)pthread_mutex_destroy(&faults->lock);
    free(faults);
}

static struct faults_id *find_or_add(struct faults *faults, uint64_t hash)
{
    for (size_t i = 0; i < faults->ids_used; i++)
        if (faults->ids[i].hash == hash)
            return &faults->ids[i];
    struct faults_id *id = &faults->ids[faults->next];
    faults->next = (faults->next + 1) % IDS_MAX;
    if (faults->ids_used < IDS_MAX)
        faults->ids_used++;
    *id = (struct faults_id){.hash = hash};
    return id;
}

/* Whether one more of LIMIT is left for the id, which is then used. */
static bool count(struct faults *faults, struct bytes id, enum counted what, int64_t limit)
{
    (void)pthread_mutex_lock(&faults->lock);
    int64_t *counted = &find_or_add(faults, hash64(id, faults->hash_seed))->counts[what];
    bool is_left = *counted < limit;
    *counted += is_left;
    (void)pthread_mutex_unlock(&faults->lock);
    return is_left;
}

/* --- The orders --- */

/* What the metadata says, whichever method was called. */
struct faults_text {
    struct bytes id;
    struct bytes error_rpcs, delay_rpcs, stream_rpcs;
    bool has_error, has_error_count, has_delay, has_delay_count, has_stream_error, has_stream_limit;
    enum status error, stream_error;
    int64_t error_count, delay_ms, delay_count, stream_limit;
};

static bool read_text(const struct metadata *metadata, struct faults_text *text,
                      char error[FAULTS_ERROR_BYTES])
{
    text->id = metadata_find(metadata, "request-id");
    bool is_read =
        read_list(metadata, "error-rpcs", &text->error_rpcs, error) &&
        read_list(metadata, "delay-rpcs", &text->delay_rpcs, error) &&
        read_list(metadata, "stream-error-rpcs", &text->stream_rpcs, error) &&
        read_status(metadata, "return-error", &text->has_error, &text->error, error) &&
        read_status(metadata, "stream-error", &text->has_stream_error, &text->stream_error, error) &&
        read_number(metadata, "error-count", NUMBER_MAX, &text->has_error_count, &text->error_count, error) &&
        read_number(metadata, "delay-ms", DELAY_MS_MAX, &text->has_delay, &text->delay_ms, error) &&
        read_number(metadata, "delay-count", NUMBER_MAX, &text->has_delay_count, &text->delay_count, error) &&
        read_number(metadata, "stream-error-message-limit", NUMBER_MAX, &text->has_stream_limit,
                    &text->stream_limit, error);
    if (is_read && (text->has_error_count || text->has_delay_count) && text->id.size == 0)
        return fail(error, "request-id", "is missing: a count is kept for each");
    return is_read;
}

bool faults_read(struct faults *faults, const struct metadata *metadata, const char *path,
                 struct faults_order *order, char error[FAULTS_ERROR_BYTES])
{
    struct faults_text text = {0};
    char name[FAULTS_NAME_BYTES];
    *order = (struct faults_order){0};
    if (!read_text(metadata, &text, error))
        return false;
    faults_method_name(path, name);
    order->fails = text.has_error && is_named(text.error_rpcs, name) &&
                   (!text.has_error_count || count(faults, text.id, COUNTED_ERRORS, text.error_count));
    order->status = text.error;
    if (text.has_delay && is_named(text.delay_rpcs, name) &&
        (!text.has_delay_count || count(faults, text.id, COUNTED_DELAYS, text.delay_count)))
        order->delay_ns = text.delay_ms * CLOCK_NS_PER_MS;
    order->ends_stream = text.has_stream_error && is_named(text.stream_rpcs, name);
    order->stream_status = text.stream_error;
    order->stream_messages = (uint64_t)text.stream_limit;
    return true;
}
