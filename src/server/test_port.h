/* The test port: a few requests of HTTP/1.1 that steer a server under --test-faults from outside, GET or POST alike.
 *
 *     /block, /unblock      the service port stops and starts accepting, reading and answering
 *     /simulate?...         serves calls as by so many workers (simulate.h)
 *
 * It lives on the loop of the first worker, answers each connection once and is meant for loopback. What it is sent is
 * bounded in size, number and time. */
#ifndef MAYFLY_SERVER_TEST_PORT_H
#define MAYFLY_SERVER_TEST_PORT_H

#include "server/address.h"
#include "server/simulate.h"

struct log;

struct test_port_config {
    const char *listen;
    bool trusted_network;
    struct net_loop *loop;
    const struct log *log;
    struct simulation *simulation;
    void (*block)(void *owner, bool blocked);
    void *owner;
};

struct test_port;

/* Listens. NULL, with a sentence in ERROR, where it cannot. */
struct test_port *test_port_open(const struct test_port_config *config, char error[SERVER_ERROR_BYTES]);

/* Tells the log where. */
void test_port_announce(const struct test_port *port);

/* Takes a block back and closes the port and its connections. Nothing happens the second time, or to NULL. */
void test_port_close(struct test_port *port);

/* Frees a closed port, once its loop is freed. */
void test_port_free(struct test_port *port);

#endif
