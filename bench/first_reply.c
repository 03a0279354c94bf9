/* What a client costs a program that begins: from asking for a client to the first reply, and the memory that it
 * has taken by then. The program is libmayfly's alone, so that all that grows is the client's.
 *
 *     first_reply PORT CACHE
 *
 * Prints one line of JSON. */
#include <mayfly/mayfly.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static long resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file != NULL)
        (void)fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: first_reply PORT CACHE\n");
        return 2;
    }
    mayfly_configuration configuration = mayfly_configuration_in_region_default();
    mayfly_credentials credentials =
        mayfly_credentials_local("127.0.0.1", (uint16_t)strtoul(argv[1], NULL, 10));
    mayfly_request request = mayfly_get(argv[2], mayfly_text("key"));
    mayfly_client *client;
    mayfly_reply *reply;
    mayfly_error error;
    long before_bytes = resident_bytes();
    double start_ms = now_ms();
    if (mayfly_client_open(&configuration, &credentials, MAYFLY_DRIVEN_BY_CALLS, &client, &error) !=
        MAYFLY_OK) {
        (void)fprintf(stderr, "first_reply: %s\n", error.message);
        return 1;
    }
    double open_ms = now_ms();
    mayfly_status status = mayfly_call(client, &request, &reply);
    double end_ms = now_ms();
    long after_bytes = resident_bytes();
    (void)printf("{\"status\": \"%s\", \"open_ms\": %.3f, \"first_reply_ms\": %.3f, \"bytes\": %ld}\n",
                 mayfly_status_name(status), open_ms - start_ms, end_ms - start_ms,
                 after_bytes - before_bytes);
    mayfly_reply_free(reply);
    mayfly_client_close(client);
    return status == MAYFLY_OK ? 0 : 1;
}
