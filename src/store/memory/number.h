/* Integers as clients store them: decimal text of 64 bits, a minus sign perhaps, nothing else. */
#ifndef MAYFLY_STORE_MEMORY_NUMBER_H
#define MAYFLY_STORE_MEMORY_NUMBER_H

#include "base/bytes.h"

/* A sign and nineteen digits. */
#define NUMBER_TEXT_MOST 20

/* False when TEXT is no such number. */
bool number_parse(struct bytes text, int64_t *number);

/* The text, which lies in BUFFER. */
struct bytes number_format(int64_t number, uint8_t buffer[NUMBER_TEXT_MOST]);

#endif
