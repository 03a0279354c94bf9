/* A client command at work: its settings, its request, a client for it, and words for what went wrong. */
#ifndef MAYFLY_CLI_TARGET_H
#define MAYFLY_CLI_TARGET_H

#include "cli/settings.h"

struct verb;

#define TARGET_HOST_BYTES    256
#define TARGET_ADDRESS_BYTES 264
#define DEFAULT_ENDPOINT     "127.0.0.1:8080"

/* Zeroes but for command and verb to begin with. */
struct target {
    const struct cli_command *command;
    const struct verb *verb;
    struct option table[SETTINGS_MAX];
    struct option_set options;
    struct settings settings;
    char **arguments;
    int argument_count;
    mayfly_request request;
    mayfly_item *items;   /* the request's */
    mayfly_range *ranges; /* likewise */
    char *input;          /* what standard input held */
    uint8_t *operand;     /* a hash to compare with */
    mayfly_client *client;
    char address[TARGET_ADDRESS_BYTES]; /* that it is connected to, for people */
    mayfly_reply *reply;
};

/* Opens the client, once. CLI_OK, or a code with everything said; so the next. */
int target_connect(struct target *target);

/* Sends the request and waits; CLI_OK with target->reply. */
int target_call(struct target *target);

void target_close(struct target *target);

/* Where these settings say that the server is, what it wants to see, and how to speak to it. HOST is where its name may
 * be kept. CLI_OK, or a code with everything said; CREDENTIALS are to be freed either way. */
int target_find(const struct settings *settings, char host[TARGET_HOST_BYTES],
                mayfly_credentials *credentials);

/* Writes where calls go, for people. */
void target_write_address(const mayfly_credentials *credentials, char address[TARGET_ADDRESS_BYTES]);

/* Splits HOST:PORT, where HOST may be [an IPv6 address]; HOST holds SIZE bytes. */
bool target_parse_endpoint(const char *endpoint, char *host, size_t size, uint16_t *port);

/* The exit code for a status. */
int target_exit_code(mayfly_status status);

#endif
