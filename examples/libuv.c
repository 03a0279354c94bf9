/* A client on a libuv loop that has other things to do: a timer of the program's own starts a few calls each time it
 * ticks, and the loop sends them and runs their callbacks without being asked.
 *
 *     mayfly serve --cache example &
 *     libuv 127.0.0.1 8080 example */
#include <mayfly/adapters/libuv.h>
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNTER "ticks"
#define TICKS   20
#define A_TICK  50 /* calls */
#define TICK_MS 2
#define TTL_MS  60000

struct program {
    mayfly_client *client;
    const char *cache;
    uv_timer_t tick;
    mayfly_libuv adapter;
    int ticks;
    int under_way;
    int done;
    int failed;
};

/* Nothing is left to do: let go of the loop, so that uv_run returns. */
static void leave_when_done(struct program *program)
{
    if (program->ticks == TICKS && program->under_way == 0)
        mayfly_libuv_detach(&program->adapter, NULL);
}

static void on_counted(void *context, const mayfly_reply *reply)
{
    struct program *program = context;
    program->under_way--;
    if (reply->status == MAYFLY_OK) {
        program->done++;
    } else {
        program->failed++;
        (void)fprintf(stderr, "%s: %s\n", mayfly_status_name(reply->status), reply->message);
    }
    leave_when_done(program);
}

static void on_tick(uv_timer_t *tick)
{
    struct program *program = tick->data;
    const mayfly_request count = mayfly_increment(program->cache, mayfly_text(COUNTER), 1, TTL_MS);
    for (int i = 0; i < A_TICK; i++) {
        if (mayfly_start(program->client, &count, on_counted, program, NULL) == MAYFLY_OK)
            program->under_way++;
        else
            program->failed++;
    }
    if (++program->ticks < TICKS)
        return;
    uv_close((uv_handle_t *)tick, NULL);
    leave_when_done(program);
}

static bool run(struct program *program)
{
    uv_loop_t *loop = uv_default_loop();
    int error = mayfly_libuv_attach(loop, program->client, &program->adapter);
    if (error != 0) {
        (void)fprintf(stderr, "%s\n", uv_strerror(error));
        return false;
    }
    (void)uv_timer_init(loop, &program->tick);
    program->tick.data = program;
    (void)uv_timer_start(&program->tick, on_tick, 0, TICK_MS);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(loop);
    (void)printf("%d ticks, %d calls, %d failed\n", program->ticks, program->done, program->failed);
    return program->failed == 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: %s HOST PORT CACHE\n", argv[0]);
        return 2;
    }
    const mayfly_configuration configuration = mayfly_configuration_in_region_default();
    const mayfly_credentials credentials =
        mayfly_credentials_local(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    struct program program = {.cache = argv[3]};
    mayfly_error error;
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLER, &program.client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    bool ok = run(&program);
    mayfly_client_close(program.client);
    return ok ? 0 : 1;
}
