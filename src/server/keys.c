/* A set of digests behind a lock, replaced as a whole. Every digest is compared to its end, whatever was found before,
 * so that the time it takes tells nothing: that is linear, which is why the set is bounded and answers are kept. */
#include "server/keys.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define DIGEST_BYTES 32 /* of SHA-256 */
#define LINE_BYTES   512

struct digests {
    size_t count;
    uint8_t each[KEYS_MAX][DIGEST_BYTES];
};

struct keys {
    char *path;
    pthread_rwlock_t lock;
    struct digests *digests;
    _Atomic uint64_t
        generation; /* moves with every reload; 1 at first, as metadata nobody has marked has 0 */
};

/* --- The file --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_digest(const char *line, uint8_t digest[DIGEST_BYTES])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_digit(line[2 * i]);
        int low = high >= 0 ? hex_digit(line[2 * i + 1]) : -1;
        if (low < 0)
            return false;
        digest[i] = (uint8_t)(high * 16 + low);
    }
    char behind = line[(size_t)2 * DIGEST_BYTES];
    return behind == '\0' || isspace((unsigned char)behind);
}

/* What is wrong is told by the number of its line: somebody may have put a key there. */
static bool read_line(FILE *file, char line[LINE_BYTES], struct digests *digests, const char **wrong)
{
    *wrong = NULL;
    if (fgets(line, LINE_BYTES, file) == NULL)
        return false;
    if (strchr(line, '\n') == NULL && !feof(file)) {
        *wrong = "the line is too long";
        return false;
    }
    const char *start = line + strspn(line, " \t\r\n");
    if (*start == '\0' || *start == '#')
        return true;
    if (digests->count == KEYS_MAX)
        *wrong = "this is one key more than a server takes";
    else if (!read_digest(start, digests->each[digests->count]))
        *wrong = "a line is the SHA-256 of a key, 64 hexadecimal digits, and a name if wanted";
    else
        digests->count++;
    return *wrong == NULL;
}

static struct digests *read_file(const char *path, char error[SERVER_ERROR_BYTES])
{
    char line[LINE_BYTES];
    const char *wrong = NULL;
    int number = 1;
    struct digests *digests = calloc(1, sizeof *digests);
    FILE *file = fopen(path, "re");
    if (digests == NULL || file == NULL) {
        (void)snprintf(error, SERVER_ERROR_BYTES, "--api-keys: %.150s cannot be read: %s", path,
                       strerror(digests == NULL ? ENOMEM : errno));
        goto failed;
    }
    while (read_line(file, line, digests, &wrong))
        number++;
    if (wrong != NULL)
        (void)snprintf(error, SERVER_ERROR_BYTES, "--api-keys: %.150s:%d: %s", path, number, wrong);
    else if (ferror(file))
        (void)snprintf(error, SERVER_ERROR_BYTES, "--api-keys: %.150s cannot be read: %s", path,
                       strerror(errno));
    if (wrong != NULL || ferror(file))
        goto failed;
    (void)fclose(file);
    return digests;
failed:
    if (file != NULL)
        (void)fclose(file);
    free(digests);
    return NULL;
}

/* --- The set --- */

/* A reload goes before those who ask, or so many of them could hold it up for ever, and with it the loop that it is
 * called on. */
static bool lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    if (pthread_rwlockattr_init(&attributes) != 0)
        return false;
    bool is_made =
        pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0 &&
        pthread_rwlock_init(lock, &attributes) == 0;
    (void)pthread_rwlockattr_destroy(&attributes);
    return is_made;
}

struct keys *keys_open(const char *path, char error[SERVER_ERROR_BYTES])
{
    struct digests *digests = read_file(path, error);
    if (digests == NULL)
        return NULL;
    struct keys *keys = calloc(1, sizeof *keys);
    char *copy = strdup(path);
    if (keys == NULL || copy == NULL || !lock_init(&keys->lock)) {
        (void)snprintf(error, SERVER_ERROR_BYTES, "memory is out");
        free(digests);
        free(copy);
        free(keys);
        return NULL;
    }
    keys->path = copy;
    keys->digests = digests;
    atomic_init(&keys->generation, 1);
    return keys;
}

void keys_close(struct keys *keys)
{
    if (keys == NULL)
        return;
    (void)pthread_rwlock_destroy(&keys->lock);
    free(keys->digests);
    free(keys->path);
    free(keys);
}

bool keys_reload(struct keys *keys, char error[SERVER_ERROR_BYTES])
{
    struct digests *fresh = read_file(keys->path, error);
    if (fresh == NULL)
        return false;
    (void)pthread_rwlock_wrlock(&keys->lock);
    struct digests *old = keys->digests;
    keys->digests = fresh;
    atomic_fetch_add(&keys->generation, 1);
    (void)pthread_rwlock_unlock(&keys->lock);
    free(old);
    return true;
}

size_t keys_count(struct keys *keys)
{
    (void)pthread_rwlock_rdlock(&keys->lock);
    size_t count = keys->digests->count;
    (void)pthread_rwlock_unlock(&keys->lock);
    return count;
}

bool keys_admit(struct keys *keys, struct metadata *metadata)
{
    if (metadata->mark == atomic_load_explicit(&keys->generation, memory_order_acquire))
        return true;
    struct bytes key = metadata_find(metadata, "authorization");
    uint8_t digest[DIGEST_BYTES];
    if (key.size == 0 || EVP_Digest(key.data, key.size, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    unsigned found = 0;
    (void)pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = 0; i < keys->digests->count; i++)
        found |= CRYPTO_memcmp(keys->digests->each[i], digest, DIGEST_BYTES) == 0;
    if (found != 0)
        metadata->mark = atomic_load_explicit(&keys->generation, memory_order_relaxed);
    (void)pthread_rwlock_unlock(&keys->lock);
    return found != 0;
}
