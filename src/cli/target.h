/* What every client command needs: where the server is, a client for it, and words for what went wrong. */
#ifndef MAYFLY_CLI_TARGET_H
#define MAYFLY_CLI_TARGET_H

#include "cli/cli.h"

#include <mayfly/mayfly.h>

struct target_settings {
    const char *endpoint;
    int64_t timeout_ns;
    int64_t ttl_ns; /* set_options only */
};

extern const struct option target_options[];
extern const size_t target_options_count;
/* The same and --ttl. */
extern const struct option set_options[];
extern const size_t set_options_count;

/* A command at work: its settings, its arguments and its client. */
struct target {
    struct option_set options;
    struct target_settings settings;
    char **arguments;
    int argument_count;
    mayfly_client *client;
    mayfly_reply *reply;
};

/* Reads options and MIN to MAX arguments. CLI_OK, or a code with everything said. Either way
 * target_close follows. */
int target_open(struct target *target, const struct option *options, size_t options_count, int argc,
                char **argv, int min, int max);

/* Sends a request, connecting for the first one, and waits; CLI_OK with target->reply, or a code with everything said. */
int target_call(struct target *target, const mayfly_request *request);

void target_close(struct target *target);

/* Splits HOST:PORT, where HOST may be [an IPv6 address]; HOST holds SIZE bytes. */
bool target_parse_endpoint(const char *endpoint, char *host, size_t size, uint16_t *port);

/* The exit code for a status. */
int target_exit_code(mayfly_status status);

#endif
