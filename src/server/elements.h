/* Elements of collections on their way from the store to the wire: written in place into the reply, since a fetch may
 * have a million of them and arrays of messages to be packed would cost more than the elements do. A caller asks for
 * the size, makes room for that much, and writes. In every response the elements are field 1 of their message. */
#ifndef MAYFLY_SERVER_ELEMENTS_H
#define MAYFLY_SERVER_ELEMENTS_H

#include "store/store.h"

/* What is told of each element, named after what the contract's messages have. */
enum elements_form {
    ELEMENTS_NAMES,         /* bytes */
    ELEMENTS_PAIRS,         /* _DictionaryFieldValuePair */
    ELEMENTS_SCORED,        /* _SortedSetElement */
    ELEMENTS_VALUE_ANSWERS, /* _DictionaryGetResponsePart, also of those that are not there */
    ELEMENTS_SCORE_ANSWERS, /* _SortedSetGetScoreResponsePart, likewise */
    ELEMENTS_CONTAINED,     /* a bool each: it is there */
    ELEMENTS_RANKED,       /* _RankedElement of leaderboards, whose names are ids as 4 bytes, highest first */
    ELEMENTS_RANKED_FOUND, /* the same of those that are there */
};

size_t elements_size(enum elements_form form, const struct store_element *elements, size_t count);

/* Writes what elements_size() says; returns where it stopped. */
uint8_t *elements_write(uint8_t *to, enum elements_form form, const struct store_element *elements,
                        size_t count);

/* The name of a leaderboard's element. */
#define ELEMENTS_ID_BYTES 4

static inline void elements_id_write(uint8_t to[ELEMENTS_ID_BYTES], uint32_t id)
{
    to[0] = (uint8_t)(id >> 24);
    to[1] = (uint8_t)(id >> 16);
    to[2] = (uint8_t)(id >> 8);
    to[3] = (uint8_t)id;
}

#endif
