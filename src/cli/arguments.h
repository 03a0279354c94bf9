/* What stands on the command line behind the verb, as parts of the request. */
#ifndef MAYFLY_CLI_ARGUMENTS_H
#define MAYFLY_CLI_ARGUMENTS_H

#include "cli/verb.h"

/* The word for an argument in help, such as "SORTED-SET". */
const char *arguments_word(enum argument argument);

/* Fills target->request from target->arguments as the verb takes them. CLI_OK, or a code with everything said. */
int arguments_read(struct target *target);

#endif
