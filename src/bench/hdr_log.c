#include "bench/hdr_log.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

/* Three significant digits need 2,048 steps in the first bucket, and half as many in every later one, each of which
 * covers twice as much as the one before. */
#define DIGITS          3
#define STEPS           UINT64_C(2048)
#define STEPS_BITS      11
#define INDEX_COUNT     ((size_t)(64 - STEPS_BITS + 1) * (STEPS / 2))
#define HIGHEST         (UINT64_C(1) << HISTOGRAM_EXPONENT_MAX)

#define COOKIE          UINT32_C(0x1c849313)
#define COOKIE_DEFLATED UINT32_C(0x1c849314)
#define HEADER_BYTES    ((size_t)40)
#define NUMBER_BYTES    ((size_t)9) /* of a count, at most */

struct hdr_log {
    FILE *file;
    uint64_t counts[INDEX_COUNT];
    uint8_t plain[HEADER_BYTES + INDEX_COUNT * NUMBER_BYTES];
    uint8_t *deflated; /* eight bytes in front are for its header */
    size_t deflated_max;
    uint8_t *base64;
};

/* Where a value is counted. */
static size_t index_of(uint64_t value)
{
    int bucket = 64 - __builtin_clzll(value | (STEPS - 1)) - STEPS_BITS;
    return (size_t)bucket * (STEPS / 2) + (size_t)(value >> bucket);
}

static uint8_t *put_32(uint8_t *to, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *to++ = (uint8_t)(value >> shift);
    return to;
}

static uint8_t *put_64(uint8_t *to, uint64_t value)
{
    return put_32(put_32(to, (uint32_t)(value >> 32)), (uint32_t)value);
}

/* A signed number, the sign last, seven bits a byte with the lowest first; the ninth byte has eight. */
static uint8_t *put_number(uint8_t *to, int64_t number)
{
    uint64_t bits = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    for (size_t i = 0; i + 1 < NUMBER_BYTES && bits >= 0x80; i++, bits >>= 7)
        *to++ = (uint8_t)(bits | 0x80);
    *to++ = (uint8_t)bits;
    return to;
}

/* The counts up to the last that is not zero; a run of zeroes is one negative number. */
static uint8_t *put_counts(uint8_t *to, const uint64_t *counts)
{
    size_t zeroes = 0;
    for (size_t i = 0; i < INDEX_COUNT; i++) {
        if (counts[i] == 0) {
            zeroes++;
            continue;
        }
        if (zeroes == 1)
            to = put_number(to, 0);
        else if (zeroes > 1)
            to = put_number(to, -(int64_t)zeroes);
        zeroes = 0;
        to = put_number(to, (int64_t)counts[i]);
    }
    return to;
}

static size_t encode(struct hdr_log *log)
{
    static const double ratio = 1; /* of integers to values */
    uint64_t ratio_bits;
    memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
    uint8_t *end = put_counts(log->plain + HEADER_BYTES, log->counts);
    uint8_t *at = put_32(log->plain, COOKIE);
    at = put_32(at, (uint32_t)(end - log->plain - HEADER_BYTES));
    at = put_32(at, 0); /* no offset of indices */
    at = put_32(at, DIGITS);
    at = put_64(at, 1);
    at = put_64(at, HIGHEST);
    (void)put_64(at, ratio_bits);
    return (size_t)(end - log->plain);
}

struct hdr_log *hdr_log_open(const char *path)
{
    struct hdr_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    log->deflated_max = compressBound(sizeof log->plain);
    log->deflated = malloc(8 + log->deflated_max);
    log->base64 = malloc((8 + log->deflated_max) / 3 * 4 + 8);
    log->file = log->deflated != NULL && log->base64 != NULL ? fopen(path, "we") : NULL;
    if (log->file == NULL) {
        (void)hdr_log_close(log);
        return NULL;
    }
    (void)fprintf(
        log->file,
        "#[Histogram log format version 1.3]\n#[StartTime: %lld.%03ld (seconds since epoch)]\n"
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        (long long)now.tv_sec, now.tv_nsec / 1000000);
    return log;
}

void hdr_log_add(struct hdr_log *log, const char *tag, const struct histogram *latency_ns, double from_s,
                 double to_s)
{
    if (latency_ns->count == 0)
        return;
    memset(log->counts, 0, sizeof log->counts);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t value = histogram_value(i);
        log->counts[index_of(value < latency_ns->max ? value : latency_ns->max)] += latency_ns->buckets[i];
    }
    size_t size = encode(log);
    uLongf deflated = log->deflated_max;
    if (compress2(log->deflated + 8, &deflated, log->plain, size, Z_DEFAULT_COMPRESSION) != Z_OK)
        return;
    (void)put_32(put_32(log->deflated, COOKIE_DEFLATED), (uint32_t)deflated);
    (void)EVP_EncodeBlock(log->base64, log->deflated, (int)(8 + deflated));
    if (tag != NULL)
        (void)fprintf(log->file, "Tag=%s,", tag);
    (void)fprintf(log->file, "%.3f,%.3f,%.3f,%s\n", from_s, to_s - from_s, (double)latency_ns->max / 1e6,
                  (const char *)log->base64);
    (void)fflush(log->file); /* whatever happens next, this interval is kept */
}

bool hdr_log_close(struct hdr_log *log)
{
    if (log == NULL)
        return true;
    bool is_written = log->file == NULL || (ferror(log->file) == 0 && fclose(log->file) == 0);
    free(log->deflated);
    free(log->base64);
    free(log);
    return is_written;
}
