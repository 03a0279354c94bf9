/* The file of API keys: what is in it, what is not, and what a reload changes. The digests below are those that
 * `printf %s KEY | sha256sum` prints. */
#include "server/keys.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define DIGEST_OF_ALPHA "8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8"
#define DIGEST_OF_BETA  "F44E64E75F3948E9F73F8DFA94721C4CE8CBB4F265C4790C702B2D41CFBF2753"

static char path[] = "/tmp/mayfly_keys_XXXXXX";

static void write_keys(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct keys *open_keys(const char *text)
{
    char error[SERVER_ERROR_BYTES] = "";
    write_keys(text);
    struct keys *keys = keys_open(path, error);
    assert_string_equal(error, "");
    assert_non_null(keys);
    return keys;
}

/* Metadata with this key, as a call brings it; NULL: with another name only. */
static struct metadata *bring(const char *key)
{
    const struct metadata_pair pairs[] = {
        {bytes_of("cache"), bytes_of("alpha")},
        {bytes_of("authorization"), bytes_of(key != NULL ? key : "")},
    };
    struct metadata *metadata = metadata_create(pairs, key != NULL ? 2 : 1);
    assert_non_null(metadata);
    return metadata;
}

static bool admits(struct keys *keys, const char *key)
{
    struct metadata *metadata = bring(key);
    bool is_admitted = keys_admit(keys, metadata);
    metadata_release(metadata);
    return is_admitted;
}

static void a_key_whose_digest_is_a_line_is_admitted_and_no_other(void **state)
{
    (void)state;
    struct keys *keys =
        open_keys("# of the build machines\n\n" DIGEST_OF_ALPHA " the first\r\n \t" DIGEST_OF_BETA);
    assert_int_equal(keys_count(keys), 2);
    assert_true(admits(keys, "alpha"));
    assert_true(admits(keys, "beta"));
    static const char *const others[] = {NULL, "", "alph", "alpha ", "Alpha", "gamma", DIGEST_OF_ALPHA};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(admits(keys, others[i]));
    keys_close(keys);
}

static void a_file_without_keys_admits_nobody(void **state)
{
    (void)state;
    struct keys *keys = open_keys("");
    assert_int_equal(keys_count(keys), 0);
    assert_false(admits(keys, "alpha"));
    assert_false(admits(keys, NULL));
    keys_close(keys);
}

static void a_reload_adds_and_revokes_also_for_metadata_that_was_admitted(void **state)
{
    (void)state;
    char error[SERVER_ERROR_BYTES] = "";
    struct keys *keys = open_keys(DIGEST_OF_ALPHA "\n");
    struct metadata *alpha = bring("alpha");
    struct metadata *beta = bring("beta");
    assert_true(keys_admit(keys, alpha));
    assert_true(keys_admit(keys, alpha)); /* by the mark */
    assert_false(keys_admit(keys, beta));

    write_keys(DIGEST_OF_BETA "\n");
    assert_true(keys_admit(keys, alpha)); /* the file alone changes nothing */
    assert_true(keys_reload(keys, error));
    assert_false(keys_admit(keys, alpha));
    assert_true(keys_admit(keys, beta));

    write_keys(DIGEST_OF_ALPHA "\n" DIGEST_OF_BETA "\n");
    assert_true(keys_reload(keys, error));
    assert_true(keys_admit(keys, alpha));
    assert_true(keys_admit(keys, beta));
    metadata_release(alpha);
    metadata_release(beta);
    keys_close(keys);
}

static void a_file_that_is_wrong_is_told_by_its_line_and_keeps_the_old_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *line;
    } wrong[] = {
        {"a-key-in-the-clear\n", ":1: "},
        {DIGEST_OF_ALPHA "\n\n# x\n" DIGEST_OF_BETA "0\n", ":4: "},
        {DIGEST_OF_ALPHA "\n8ed3f6ad685b959ead\n", ":2: "},
        {DIGEST_OF_ALPHA "\n" DIGEST_OF_ALPHA "-name\n", ":2: "},
        {DIGEST_OF_ALPHA "\n8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223fg\n", ":2: "},
    };
    struct keys *keys = open_keys(DIGEST_OF_ALPHA "\n");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char error[SERVER_ERROR_BYTES] = "";
        write_keys(wrong[i].text);
        assert_false(keys_reload(keys, error));
        assert_non_null(strstr(error, path));
        assert_non_null(strstr(error, wrong[i].line));
        assert_null(strstr(error, "a-key"));
        assert_null(strstr(error, "8ed3f6"));
        assert_true(admits(keys, "alpha"));
        assert_int_equal(keys_count(keys), 1);
        assert_null(keys_open(path, error));
    }
    keys_close(keys);
}

static void a_line_without_end_is_refused(void **state)
{
    (void)state;
    char error[SERVER_ERROR_BYTES] = "";
    char text[2000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    write_keys(text);
    assert_null(keys_open(path, error));
    assert_non_null(strstr(error, ":1: "));
    assert_null(strstr(error, "aaaa"));
}

static void more_keys_than_a_server_takes_are_refused(void **state)
{
    (void)state;
    char error[SERVER_ERROR_BYTES] = "";
    size_t size = (size_t)(KEYS_MAX + 1) * 65 + 1;
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t i = 0; i <= KEYS_MAX; i++)
        (void)snprintf(text + i * 65, size - i * 65, "%064zx\n", i);
    write_keys(text);
    assert_null(keys_open(path, error));
    assert_non_null(strstr(error, ":1025: "));
    text[(size_t)KEYS_MAX * 65] = '\0';
    struct keys *keys = open_keys(text);
    assert_int_equal(keys_count(keys), KEYS_MAX);
    keys_close(keys);
    free(text);
}

static void a_file_that_cannot_be_read_is_told_and_keeps_the_old_keys(void **state)
{
    (void)state;
    char error[SERVER_ERROR_BYTES] = "";
    struct keys *keys = open_keys(DIGEST_OF_ALPHA "\n");
    assert_int_equal(unlink(path), 0);
    assert_false(keys_reload(keys, error));
    assert_non_null(strstr(error, "cannot be read"));
    assert_true(admits(keys, "alpha"));
    keys_close(keys);
    assert_null(keys_open("/", error)); /* opened, but not read */
    assert_non_null(strstr(error, "cannot be read"));
    write_keys("");
}

#define RELOADS 200

struct asking {
    struct keys *keys;
    atomic_bool is_over;
    atomic_size_t refused;
};

/* A caller with the key that every version of the file has. */
static void *ask_for_beta(void *context)
{
    struct asking *asking = context;
    struct metadata *metadata = bring("beta");
    while (!atomic_load(&asking->is_over))
        asking->refused += keys_admit(asking->keys, metadata) ? 0 : 1;
    metadata_release(metadata);
    return NULL;
}

static void a_reload_disturbs_nobody_who_asks_meanwhile(void **state)
{
    (void)state;
    struct keys *keys = open_keys(DIGEST_OF_BETA "\n");
    struct asking asking[2] = {{.keys = keys}, {.keys = keys}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_beta, &asking[i]), 0);
    for (int i = 0; i < RELOADS; i++) {
        char error[SERVER_ERROR_BYTES];
        write_keys(i % 2 == 0 ? DIGEST_OF_ALPHA "\n" DIGEST_OF_BETA "\n" : DIGEST_OF_BETA "\n");
        assert_true(keys_reload(keys, error));
    }
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&asking[i].is_over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(asking[i].refused, 0);
    }
    keys_close(keys);
}

#define STRANGERS  8
#define PATIENCE_S 60

static void *ask_for_nothing_known(void *context)
{
    struct asking *asking = context;
    struct metadata *metadata = bring("gamma");
    while (!atomic_load(&asking->is_over))
        asking->refused += keys_admit(asking->keys, metadata) ? 0 : 1;
    metadata_release(metadata);
    return NULL;
}

/* Callers without a key, who ask all the time, keep nobody from revoking one. */
static void strangers_do_not_keep_the_file_from_being_read(void **state)
{
    (void)state;
    char *text = test_malloc(KEYS_MAX * (sizeof DIGEST_OF_ALPHA + 1));
    char *end = text;
    for (int i = 0; i < KEYS_MAX; i++)
        end += sprintf(end, "%s\n", DIGEST_OF_ALPHA);
    struct keys *keys = open_keys(text);
    struct asking each[STRANGERS] = {{0}};
    pthread_t threads[STRANGERS];
    for (size_t i = 0; i < STRANGERS; i++) {
        each[i].keys = keys;
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_nothing_known, &each[i]), 0);
    }
    for (size_t i = 0; i < STRANGERS; i++)
        while (atomic_load(&each[i].refused) == 0)
            (void)sched_yield();
    (void)alarm(PATIENCE_S); /* a reload that is held up for ever ends the test so */
    for (int i = 0; i < 10; i++) {
        char error[SERVER_ERROR_BYTES];
        assert_true(keys_reload(keys, error));
    }
    (void)alarm(0);
    for (size_t i = 0; i < STRANGERS; i++) {
        atomic_store(&each[i].is_over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    keys_close(keys);
    test_free(text);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_whose_digest_is_a_line_is_admitted_and_no_other),
        cmocka_unit_test(a_file_without_keys_admits_nobody),
        cmocka_unit_test(a_reload_adds_and_revokes_also_for_metadata_that_was_admitted),
        cmocka_unit_test(a_file_that_is_wrong_is_told_by_its_line_and_keeps_the_old_keys),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(more_keys_than_a_server_takes_are_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told_and_keeps_the_old_keys),
        cmocka_unit_test(a_reload_disturbs_nobody_who_asks_meanwhile),
        cmocka_unit_test(strangers_do_not_keep_the_file_from_being_read),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
