/* The API keys that a server takes, known by their SHA-256 alone: whoever reads the file cannot call. A line of the
 * file is a digest in hexadecimal and, behind a space, a name for people; empty lines and those that start with # are
 * passed over. */
#ifndef MAYFLY_SERVER_KEYS_H
#define MAYFLY_SERVER_KEYS_H

#include "rpc/metadata.h"
#include "server/server.h"

#define KEYS_MAX 1024

struct keys;

/* NULL, with a sentence in ERROR, where the file cannot be read or a line is wrong. */
struct keys *keys_open(const char *path, char error[SERVER_ERROR_BYTES]);
void keys_close(struct keys *keys);

/* Reads the file again. False, with a sentence in ERROR, when it is as wrong; then the keys stay what they were. */
bool keys_reload(struct keys *keys, char error[SERVER_ERROR_BYTES]);

size_t keys_count(struct keys *keys);

/* Whether the metadata `authorization` is one of the keys. The answer yes is kept in the metadata until the next
 * reload, so that calls which share it are looked at once. Any thread. */
bool keys_admit(struct keys *keys, struct metadata *metadata);

#endif
