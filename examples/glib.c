/* A client on a GLib main loop: a timeout of the program's own starts a few calls each time it ticks, and the main loop
 * sends them and runs their callbacks without being asked.
 *
 *     mayfly serve --cache example &
 *     glib 127.0.0.1 8080 example */
#include <mayfly/adapters/glib.h>
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
    GMainLoop *loop;
    int ticks;
    int under_way;
    int done;
    int failed;
};

static void leave_when_done(const struct program *program)
{
    if (program->ticks == TICKS && program->under_way == 0)
        g_main_loop_quit(program->loop);
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

static gboolean on_tick(gpointer context)
{
    struct program *program = context;
    const mayfly_request count = mayfly_increment(program->cache, mayfly_text(COUNTER), 1, TTL_MS);
    for (int i = 0; i < A_TICK; i++) {
        if (mayfly_start(program->client, &count, on_counted, program, NULL) == MAYFLY_OK)
            program->under_way++;
        else
            program->failed++;
    }
    program->ticks++;
    leave_when_done(program);
    return program->ticks < TICKS ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static bool run(struct program *program)
{
    program->loop = g_main_loop_new(NULL, FALSE);
    GSource *source = mayfly_glib_attach(NULL, program->client);
    (void)g_timeout_add(TICK_MS, on_tick, program);
    g_main_loop_run(program->loop);
    mayfly_glib_detach(source);
    g_main_loop_unref(program->loop);
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
