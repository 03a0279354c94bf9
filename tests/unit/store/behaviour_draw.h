/* Random operations, drawn so that they meet: few keys, few names, few scores, now and then something large or
 * many at once, so that collections change their form and change it back. */
#ifndef MAYFLY_TESTS_BEHAVIOUR_DRAW_H
#define MAYFLY_TESTS_BEHAVIOUR_DRAW_H

#include "store/behaviour_operation.h"

#define DRAW_ELEMENTS_MOST 4000
#define DRAW_RANGES_MOST   5
#define DRAW_SOURCES_MOST  4

/* What the operations of a run are like. */
struct draw_profile {
    unsigned keys;
    unsigned types;        /* how many of enum store_type keys are of: 1 is scalars alone */
    unsigned one_in_large; /* how rare large names and values are, */
    size_t large_bytes;    /* which are up to so large */
    unsigned one_in_many;  /* how rare commands of many elements are */
    uint64_t ttl_scale;    /* lengthens TTLs */
    bool
        ageless_boards; /* nothing tells a board's TTL, so whether it is that of one made anew is not known */
};

struct draw {
    const struct draw_profile *profile;
    uint64_t random;
    uint8_t *pattern; /* names and values are pieces of it */
    struct bytes *keys;
    struct store_element elements[DRAW_ELEMENTS_MOST];
    struct store_range ranges[DRAW_RANGES_MOST];
    struct store_source sources[DRAW_SOURCES_MOST];
    uint8_t digest[HASH_DIGEST_SIZE];
};

struct draw *draw_open(const struct draw_profile *profile, uint64_t seed);
void draw_close(struct draw *draw);

uint64_t draw_below(struct draw *draw, uint64_t limit);
bool draw_one_in(struct draw *draw, uint64_t count);

/* An operation; what it points at lives until the next is drawn. */
struct operation draw_operation(struct draw *draw);

#endif
