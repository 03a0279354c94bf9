#include "bench/popularity.h"

#include "bench/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_USUAL 0.99 /* what YCSB takes, and so what others compare with */
#define EXPONENT_MAX   10.0

/* The law as a function of a real number: x to the minus exponent, its integral and the integral's inverse. */
static double density(double exponent, double x)
{
    return exp(-exponent * log(x));
}

static double area(double exponent, double x)
{
    double power = 1 - exponent;
    return fabs(power) < 1e-9 ? log(x) : expm1(power * log(x)) / power;
}

static double area_inverse(double exponent, double y)
{
    double power = 1 - exponent;
    if (fabs(power) < 1e-9)
        return exp(y);
    double within = y * power;
    return exp(log1p(within < -1 ? -1 : within) / power);
}

bool popularity_parse(const char *text, uint64_t count, struct popularity *popularity)
{
    *popularity = (struct popularity){.count = count};
    if (strcmp(text, "uniform") == 0)
        return true;
    if (strncmp(text, "zipf", 4) != 0 || (text[4] != '\0' && text[4] != ':'))
        return false;
    double exponent = EXPONENT_USUAL;
    if (text[4] == ':') {
        char *end;
        exponent = strtod(text + 5, &end);
        if (end == text + 5 || *end != '\0' || !(exponent > 0 && exponent <= EXPONENT_MAX))
            return false;
    }
    popularity->exponent = exponent;
    popularity->area_from = area(exponent, 1.5) - 1;
    popularity->area_to = area(exponent, (double)count + 0.5);
    popularity->sure = 2 - area_inverse(exponent, area(exponent, 2.5) - density(exponent, 2));
    return true;
}

uint64_t popularity_draw(const struct popularity *popularity, uint64_t *random)
{
    if (popularity->exponent == 0)
        return (random_next(random) >> 20) % popularity->count;
    for (;;) {
        double y = popularity->area_to + random_unit(random) * (popularity->area_from - popularity->area_to);
        double x = area_inverse(popularity->exponent, y);
        double rank = floor(x + 0.5);
        rank = rank < 1 ? 1 : rank > (double)popularity->count ? (double)popularity->count : rank;
        if (rank - x <= popularity->sure ||
            y >= area(popularity->exponent, rank + 0.5) - density(popularity->exponent, rank))
            return (uint64_t)rank - 1;
    }
}
