/* Calls with callbacks on a thread of the client's own: a thousand values are set, each is read back as soon as it is
 * stored, and the program sleeps until the last has come.
 *
 *     mayfly serve --cache example &
 *     callbacks 127.0.0.1 8080 example */
#include <mayfly/mayfly.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES     1000
#define TEXT_BYTES 32
#define TTL_MS     60000

struct program {
    mayfly_client *client;
    const char *cache;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ended;
    int right;
};

struct value {
    struct program *program;
    char key[TEXT_BYTES];
    char text[TEXT_BYTES];
};

/* One value is done with; it runs on the client's thread, or on the one that starts where that fails at once. */
static void end(struct program *program, bool is_right)
{
    (void)pthread_mutex_lock(&program->lock);
    program->ended++;
    program->right += is_right;
    (void)pthread_cond_signal(&program->changed);
    (void)pthread_mutex_unlock(&program->lock);
}

static bool tell_failure(const char *what, const mayfly_reply *reply)
{
    if (reply->status == MAYFLY_OK)
        return false;
    (void)fprintf(stderr, "%s: %s: %s\n", what, mayfly_status_name(reply->status), reply->message);
    return true;
}

/* The value lies where it was received and goes with this function's end. */
static void on_got(void *context, const mayfly_reply *reply)
{
    const struct value *value = context;
    bool is_right = !tell_failure("get", reply) && reply->outcome == MAYFLY_HIT &&
                    reply->value.size == strlen(value->text) &&
                    memcmp(reply->value.data, value->text, reply->value.size) == 0;
    end(value->program, is_right);
}

static void start(struct value *value, mayfly_request request, mayfly_callback callback)
{
    struct program *program = value->program;
    if (mayfly_start(program->client, &request, callback, value, NULL) != MAYFLY_OK)
        end(program, false);
}

static void on_set(void *context, const mayfly_reply *reply)
{
    struct value *value = context;
    if (tell_failure("set", reply))
        end(value->program, false);
    else
        start(value, mayfly_get(value->program->cache, mayfly_text(value->key)), on_got);
}

static bool run(struct program *program)
{
    static struct value values[VALUES];
    for (int i = 0; i < VALUES; i++) {
        struct value *value = &values[i];
        value->program = program;
        (void)snprintf(value->key, sizeof value->key, "key-%d", i);
        (void)snprintf(value->text, sizeof value->text, "value of key-%d", i);
        mayfly_request set =
            mayfly_set(program->cache, mayfly_text(value->key), mayfly_text(value->text), TTL_MS);
        start(value, set, on_set);
    }
    (void)pthread_mutex_lock(&program->lock);
    while (program->ended < VALUES)
        (void)pthread_cond_wait(&program->changed, &program->lock);
    (void)pthread_mutex_unlock(&program->lock);
    (void)printf("%d values, %d came back as they were\n", program->ended, program->right);
    return program->right == VALUES;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s HOST PORT CACHE\n", argv[0]);
        return 2;
    }
    const mayfly_configuration configuration = mayfly_configuration_laptop();
    const mayfly_credentials credentials =
        mayfly_credentials_local(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    struct program program = {
        .cache = argv[3], .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    mayfly_error error;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_THREAD, &program.client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    bool ok = run(&program);
    mayfly_client_close(program.client);
    return ok ? 0 : 1;
}
