/* Which key the next request is about: each alike, or a few asked for much more often than the rest. */
#ifndef MAYFLY_BENCH_POPULARITY_H
#define MAYFLY_BENCH_POPULARITY_H

#include <stdbool.h>
#include <stdint.h>

/* Zipf's law is drawn by rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to generate variates from
 * monotone discrete distributions", 1996): no table, so a billion keys cost as much as ten. */
struct popularity {
    uint64_t count;  /* of keys */
    double exponent; /* of Zipf's law; 0: uniform */
    double area_from;
    double area_to;
    double sure; /* how near below its integer a draw is taken unseen */
};

/* Reads "uniform", "zipf" (an exponent of 0.99) or "zipf:EXPONENT", for COUNT keys. */
bool popularity_parse(const char *text, uint64_t count, struct popularity *popularity);

/* A key's number, below count; 0 is the most popular one. */
uint64_t popularity_draw(const struct popularity *popularity, uint64_t *random);

#endif
