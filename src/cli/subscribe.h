/* `mayfly topic subscribe`: what is published, on standard output as it comes, until it is told to stop. */
#ifndef MAYFLY_CLI_SUBSCRIBE_H
#define MAYFLY_CLI_SUBSCRIBE_H

#include "cli/target.h"

int subscribe_run(struct target *target);

#endif
