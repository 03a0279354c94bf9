#include "bench/lab.h"

#include "base/clock.h"
#include "bench/document.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define WARMUP_S 1.0
#define WARMUP_FAR_S                                                                                         \
    1.8 /* more, for each thousand concurrent requests: clients that find their limit need it */
#define WORDS_MAX  40
#define WORD_BYTES 64

const char *const lab_client_names[] = {"mayfly", "momento", "libmayfly", NULL};

static bool fail(struct lab *lab, const char *message)
{
    (void)snprintf(lab->error, sizeof lab->error, "%s", message);
    lab->is_over = true;
    return false;
}

bool lab_open(struct lab *lab)
{
    mayfly_status status;
    struct bench_settings load = *lab->load;
    lab->through = *lab->credentials;
    lab->error[0] = '\0';
    load.filled = false;
    lab->ground = bench_prepare(&load, lab->credentials, &status, lab->error);
    lab->is_over = lab->ground == NULL;
    return !lab->is_over;
}

void lab_close(struct lab *lab)
{
    relay_stop(lab->relay);
    bench_clear(lab->ground);
    lab->relay = NULL;
    lab->ground = NULL;
}

bool lab_set_network(struct lab *lab, const char *network)
{
    relay_stop(lab->relay);
    lab->relay = NULL;
    mayfly_status status =
        bench_enter_network(network, lab->credentials, &lab->relay, &lab->through, lab->error);
    lab->is_over = lab->is_over || status != MAYFLY_OK;
    return status == MAYFLY_OK;
}

static double warmup_s(const struct lab_setting *setting)
{
    return WARMUP_S + WARMUP_FAR_S * (double)setting->concurrency / 1000;
}

/* --- libmayfly --- */

static json_t *measure_here(struct lab *lab, const struct lab_setting *setting)
{
    struct bench_settings load = *lab->load;
    char channels[24] = "auto";
    if (setting->channels > 0)
        (void)snprintf(channels, sizeof channels, "%" PRId64, setting->channels);
    load.concurrency = setting->concurrency;
    load.channels = channels;
    load.network = NULL; /* there is one already */
    load.filled = true;
    load.is_quiet = true;
    load.duration_ns = lab->run_ns;
    load.warmup_ns = (int64_t)(warmup_s(setting) * CLOCK_NS_PER_S);
    struct bench_result *result = malloc(sizeof *result);
    if (result == NULL) {
        (void)fail(lab, "memory is out");
        return NULL;
    }
    json_t *made = NULL;
    if (bench_run(&load, &lab->through, result, lab->error) == MAYFLY_OK)
        made = document_bench(&load, result);
    else
        lab->is_over = true;
    bench_result_free(result);
    free(result);
    return made;
}

/* --- Python --- */

/* A command line that grows; the words live as long as it does. */
struct words {
    const char *list[WORDS_MAX + 1];
    char store[WORDS_MAX][WORD_BYTES * 4];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void add_word(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words->store[words->count], sizeof words->store[0], format, arguments);
    va_end(arguments);
    words->list[words->count] = words->store[words->count];
    words->list[++words->count] = NULL;
}

static void add_pair(struct words *words, const char *option, int64_t value)
{
    add_word(words, "--%s", option);
    add_word(words, "%" PRId64, value);
}

static void make_command(const struct lab *lab, const struct lab_setting *setting, const char *path,
                         struct words *words)
{
    const char *const pairs[][2] = {
        {"--client", lab_client_names[setting->client]},
        {"--loop", setting->loop != NULL ? setting->loop : "asyncio"},
        {"--cache", lab->load->cache},
        {"--configuration", setting->configuration},
        {"--value-size", lab->load->value_size},
        {"--json", path},
    };
    words->count = 0;
    add_word(words, "%s", lab->python);
    add_word(words, "-m");
    add_word(words, "mayfly.bench");
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        add_word(words, "%s", pairs[i][0]);
        add_word(words, "%s", pairs[i][1]);
    }
    add_word(words, "--endpoint");
    add_word(words, "%s:%u", lab->through.cache_host, lab->through.port);
    add_pair(words, "concurrency", setting->concurrency);
    add_pair(words, "channels", setting->channels);
    add_pair(words, "processes", setting->processes > 0 ? setting->processes : 1);
    add_pair(words, "keys", lab->load->keys);
    add_word(words, "--warmup");
    add_word(words, "%.3f", warmup_s(setting));
    add_word(words, "--duration");
    add_word(words, "%.3f", (double)lab->run_ns / CLOCK_NS_PER_S);
}

static json_t *measure_python(struct lab *lab, const struct lab_setting *setting)
{
    struct words words;
    struct child child;
    char path[] = "/tmp/mayfly-experiment-XXXXXX";
    char last[CHILD_ERROR_BYTES];
    int file = mkstemp(path);
    if (file < 0) {
        (void)fail(lab, "no file can be made in /tmp");
        return NULL;
    }
    (void)close(file);
    make_command(lab, setting, path, &words);
    json_t *result = NULL;
    if (!child_start(&child, words.list, last)) {
        (void)fail(lab, last);
    } else {
        int status = child_wait(&child, last);
        result = status == 0 || bench_signal() != 0 ? json_load_file(path, 0, NULL) : NULL;
        if (result == NULL && bench_signal() == 0)
            (void)fail(lab,
                       last[0] != '\0' ? last : "the Python client's load generator ended without a result");
    }
    (void)unlink(path);
    return result;
}

bool lab_has(struct lab *lab, enum lab_client client, const char *module, char sentence[CHILD_ERROR_BYTES])
{
    static const char *const packages[] = {
        [LAB_MAYFLY] = "mayfly.bench", [LAB_MOMENTO] = "mayfly.bench, momento"};
    struct words words = {.count = 0};
    struct child child;
    char last[CHILD_ERROR_BYTES];
    const char *name = lab_client_names[client];
    if (client == LAB_LIBMAYFLY) {
        (void)snprintf(sentence, CHILD_ERROR_BYTES,
                       "libmayfly was left out: this is about Python's event loops and "
                       "processes");
        return module == NULL;
    }
    add_word(&words, "%s", lab->python);
    add_word(&words, "-c");
    add_word(&words, module != NULL ? "import %s, %s" : "import %s", packages[client], module);
    if (lab->credentials->tls.is_on || lab->credentials->api_key != NULL) {
        (void)snprintf(
            sentence, CHILD_ERROR_BYTES,
            "%s was left out: the Python load generator speaks to servers without TLS and keys alone", name);
        return false;
    }
    bool is_there = child_start(&child, words.list, last) && child_wait(&child, last) == 0;
    if (!is_there)
        (void)snprintf(sentence, CHILD_ERROR_BYTES,
                       "%s was left out: %.60s cannot import what it needs (%.120s)", name, lab->python,
                       last);
    return is_there;
}

json_t *lab_measure(struct lab *lab, const struct lab_setting *setting)
{
    if (lab->is_over || bench_signal() != 0) {
        lab->is_over = true;
        return NULL;
    }
    json_t *result =
        setting->client == LAB_LIBMAYFLY ? measure_here(lab, setting) : measure_python(lab, setting);
    lab->is_over = lab->is_over || bench_signal() != 0;
    return result;
}
