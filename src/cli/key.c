/* `mayfly key create`: makes an API key. The key is seen once, on standard output; what a server keeps of it is a
 * digest, from which nobody can make it again. */
#include "cli/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES   32 /* 256 bits: nothing to guess, so one round of a plain hash protects it */
#define SECRET_CHARS   43 /* the same in base64 */
#define ENDPOINT_MAX   260
#define NAME_MAX_CHARS 64
#define TEXT_BYTES     1024
#define LINE_BYTES     160

/* In base64, for addresses (RFC 4648, section 5): {"alg":"HS256","typ":"JWT"} and {"t":"g"}. */
#define TOKEN_HEADER   "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define TOKEN_CLAIMS   "eyJ0IjoiZyJ9"

struct made {
    char text[TEXT_BYTES]; /* as it is handed out */
    char line[LINE_BYTES]; /* what the server's file says of it, with a newline */
    bool is_plain;         /* its endpoint is an address or this machine */
};

/* --- Making --- */

static bool make_secret(char secret[SECRET_CHARS + 2])
{
    uint8_t bytes[SECRET_BYTES];
    if (RAND_priv_bytes(bytes, sizeof bytes) != 1)
        return false;
    (void)EVP_EncodeBlock((uint8_t *)secret, bytes, sizeof bytes);
    secret[SECRET_CHARS] = '\0'; /* without its padding */
    for (char *at = secret; *at != '\0'; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    OPENSSL_cleanse(bytes, sizeof bytes);
    return true;
}

/* A token is not verified by anybody but the server that knows its digest, so that its signature can be the secret. */
static void make_text(const struct settings *settings, const char *secret, char text[TEXT_BYTES])
{
    if (settings->v2) {
        (void)snprintf(text, TEXT_BYTES, TOKEN_HEADER "." TOKEN_CLAIMS ".%s", secret);
        return;
    }
    char json[TEXT_BYTES / 2];
    int size =
        snprintf(json, sizeof json, "{\"endpoint\":\"%s\",\"api_key\":\"%s\"}", settings->endpoint, secret);
    (void)EVP_EncodeBlock((uint8_t *)text, (const uint8_t *)json, size);
    OPENSSL_cleanse(json, sizeof json);
}

static bool make_line(const char *key, const char *name, char line[LINE_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(key, strlen(key), digest, &size, EVP_sha256(), NULL) != 1)
        return false;
    for (unsigned i = 0; i < size; i++)
        (void)snprintf(line + (size_t)2 * i, 3, "%02x", digest[i]);
    (void)snprintf(line + (size_t)2 * size, LINE_BYTES - (size_t)2 * size, "%s%s\n", name != NULL ? " " : "",
                   name != NULL ? name : "");
    return true;
}

/* A key that our own client cannot read must not be handed out, so it is read first. */
static int make(const struct settings *settings, struct made *made)
{
    char secret[SECRET_CHARS + 2];
    mayfly_credentials credentials;
    mayfly_error error;
    if (!make_secret(secret))
        return cli_fail(CLI_LOCAL, "the system gives no random bytes");
    make_text(settings, secret, made->text);
    OPENSSL_cleanse(secret, sizeof secret);
    if (mayfly_credentials_from_text(made->text, settings->endpoint, &credentials, &error) != MAYFLY_OK)
        return cli_fail(CLI_USAGE, "--endpoint \"%s\": %s", settings->endpoint, error.message);
    made->is_plain = strcmp(credentials.cache_host, credentials.control_host) == 0;
    bool is_made = make_line(credentials.api_key, settings->name, made->line);
    mayfly_credentials_free(&credentials);
    return is_made ? CLI_OK : cli_fail(CLI_LOCAL, "memory is out");
}

/* --- The server's file --- */

/* Writes the whole line or nothing, behind whatever is there. False with errno. */
static bool append(int fd, const char *line)
{
    struct stat stat;
    char last = '\n';
    char whole[LINE_BYTES + 1];
    if (flock(fd, LOCK_EX) != 0 || fstat(fd, &stat) != 0 ||
        (stat.st_size > 0 && pread(fd, &last, 1, stat.st_size - 1) != 1))
        return false;
    int size = snprintf(whole, sizeof whole, "%s%s", last != '\n' ? "\n" : "", line);
    ssize_t written = write(fd, whole, (size_t)size);
    if (written == size && fsync(fd) == 0)
        return true;
    int problem = written >= 0 && written < size ? ENOSPC : errno;
    (void)ftruncate(fd, stat.st_size);
    errno = problem;
    return false;
}

static int add_to_file(const char *path, const char *line)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0 || !append(fd, line)) {
        int code = cli_fail(CLI_LOCAL, "the key was not added to %s: %s", path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return code;
    }
    (void)close(fd);
    (void)fprintf(stderr, "# added to %s; a server that runs reads it at SIGHUP\n", path);
    return CLI_OK;
}

/* --- The command --- */

static int check(const struct settings *settings)
{
    if (settings->endpoint == NULL)
        return cli_fail(CLI_USAGE,
                        "a key is for one place: give --endpoint HOST[:PORT], where clients find the server");
    if (strlen(settings->endpoint) > ENDPOINT_MAX || strpbrk(settings->endpoint, "\"\\") != NULL)
        return cli_fail(CLI_USAGE, "--endpoint takes HOST or HOST:PORT, such as cache.example.com:8443");
    const char *name = settings->name != NULL ? settings->name : "";
    if (strlen(name) > NAME_MAX_CHARS)
        return cli_fail(CLI_USAGE, "--name takes at most %d characters", NAME_MAX_CHARS);
    for (; *name != '\0'; name++)
        if ((unsigned char)*name < ' ' || *name == 0x7f)
            return cli_fail(CLI_USAGE, "--name takes text on one line");
    return CLI_OK;
}

/* Lines of explanation are comments, so that standard error may be kept as the server's file. */
static int key_create(struct target *target)
{
    const struct settings *settings = &target->settings;
    struct made made = {0};
    int code = check(settings);
    if (code == CLI_OK)
        code = make(settings, &made);
    if (code == CLI_OK && settings->api_keys != NULL)
        code = add_to_file(settings->api_keys, made.line);
    else if (code == CLI_OK)
        (void)fprintf(stderr, "# for the file that the server's --api-keys names:\n%s", made.line);
    if (code == CLI_OK && made.is_plain)
        (void)fprintf(stderr,
                      "# Momento's own clients put cache. and control. before the endpoint: for them it is "
                      "a name for which both lead to the server\n");
    if (code == CLI_OK)
        (void)printf("%s\n", made.text);
    OPENSSL_cleanse(&made, sizeof made);
    return code;
}

const struct verb key_verbs[] = {
    {"create", "make an API key and print it, the only time that it is seen", .takes = {ARGUMENT_END},
     .options = TAKES_KEY, .is_local = true, .run = key_create},
    {.name = NULL},
};
