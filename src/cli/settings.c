#include "cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NS_PER_MS 1000000
#define NS_PER_S  (INT64_C(1000) * NS_PER_MS)
#define PLACE(of) offsetof(struct settings, of)

/* Whose option it is: everybody's, or that of verbs that take one of these. */
struct setting {
    unsigned taken;
    struct option option;
};

static const char *const aggregates[] = {"sum", "min", "max", NULL};

static const struct setting settings_table[] = {
    {0,
     {.name = "endpoint",
      .type = OPTION_TEXT,
      .offset = PLACE(endpoint),
      .value_name = "HOST:PORT",
      .help = "where the server is: 127.0.0.1:8080 unless an API key says otherwise"}},
    {0,
     {.name = "credentials-file",
      .type = OPTION_TEXT,
      .offset = PLACE(credentials_file),
      .value_name = "FILE",
      .help = "an API key, and so TLS; without this and --endpoint, the variables MOMENTO_API_KEY and "
              "MOMENTO_ENDPOINT are asked for one"}},
    {0,
     {.name = "timeout",
      .type = OPTION_DURATION,
      .offset = PLACE(timeout_ns),
      .fallback = "5s",
      .min = NS_PER_MS,
      .max = 3600 * NS_PER_S,
      .value_name = "TIME",
      .help = "how long to wait for the answer, and, up to 2 s, for a connection"}},
    {0,
     {.name = "tls",
      .type = OPTION_FLAG,
      .offset = PLACE(tls),
      .help = "speak TLS; so do the next four options by themselves"}},
    {0,
     {.name = "ca",
      .type = OPTION_TEXT,
      .offset = PLACE(ca),
      .value_name = "FILE",
      .help =
          "whose signature to trust on the server's certificate (PEM); otherwise the system's authorities"}},
    {0,
     {.name = "certificate",
      .type = OPTION_TEXT,
      .offset = PLACE(certificate),
      .value_name = "FILE",
      .help = "a certificate to show to the server, with its chain (PEM)"}},
    {0,
     {.name = "key",
      .type = OPTION_TEXT,
      .offset = PLACE(key),
      .value_name = "FILE",
      .help = "its private key (PEM)"}},
    {0,
     {.name = "insecure",
      .type = OPTION_FLAG,
      .offset = PLACE(insecure),
      .help = "trust any certificate, for tests: whoever is on the way can read and change everything"}},
    {0, {.name = "json", .type = OPTION_FLAG, .offset = PLACE(json), .help = "print the answer as JSON"}},

    {TAKES_TTL,
     {.name = "ttl",
      .type = OPTION_DURATION,
      .offset = PLACE(ttl_ns),
      .fallback = "1h",
      .min = NS_PER_MS,
      .max = INT64_MAX / 4,
      .value_name = "TIME",
      .help = "how long the item lives"}},
    {TAKES_COLLECTION_TTL,
     {.name = "ttl",
      .type = OPTION_DURATION,
      .offset = PLACE(ttl_ns),
      .fallback = "1h",
      .min = NS_PER_MS,
      .max = INT64_MAX / 4,
      .value_name = "TIME",
      .help = "how long the collection lives from now on"}},
    {TAKES_COLLECTION_TTL,
     {.name = "no-refresh-ttl",
      .type = OPTION_FLAG,
      .offset = PLACE(no_refresh_ttl),
      .help = "a collection that is there keeps what remains of its time"}},
    {TAKES_TRUNCATE,
     {.name = "truncate",
      .type = OPTION_NUMBER,
      .offset = PLACE(truncate),
      .fallback = "0",
      .max = UINT32_MAX,
      .value_name = "N",
      .help = "cut the list to so many, at its other end; 0: do not"}},

    {TAKES_SLICE,
     {.name = "start",
      .type = OPTION_TEXT,
      .offset = PLACE(start),
      .value_name = "INDEX",
      .help = "the first one, from 0; negative ones count from the end"}},
    {TAKES_SLICE,
     {.name = "end",
      .type = OPTION_TEXT,
      .offset = PLACE(end),
      .value_name = "INDEX",
      .help = "the one behind the last; negative ones count from the end"}},
    {TAKES_RANKS,
     {.name = "start",
      .type = OPTION_TEXT,
      .offset = PLACE(start),
      .fallback = "0",
      .value_name = "RANK",
      .help = "the first rank, from 0"}},
    {TAKES_RANKS,
     {.name = "end",
      .type = OPTION_TEXT,
      .offset = PLACE(end),
      .value_name = "RANK",
      .help = "the one behind the last; none: 8192 behind the first"}},

    {TAKES_SCORES | TAKES_BOARD_SCORES,
     {.name = "min",
      .type = OPTION_TEXT,
      .offset = PLACE(min),
      .value_name = "SCORE",
      .help = "only scores of this and above"}},
    {TAKES_SCORES,
     {.name = "min-exclusive",
      .type = OPTION_TEXT,
      .offset = PLACE(min_exclusive),
      .value_name = "SCORE",
      .help = "only scores above this"}},
    {TAKES_SCORES,
     {.name = "max",
      .type = OPTION_TEXT,
      .offset = PLACE(max),
      .value_name = "SCORE",
      .help = "only scores of this and below"}},
    {TAKES_SCORES | TAKES_BOARD_SCORES,
     {.name = "max-exclusive",
      .type = OPTION_TEXT,
      .offset = PLACE(max_exclusive),
      .value_name = "SCORE",
      .help = "only scores below this"}},
    {TAKES_PAGE | TAKES_BOARD_PAGE,
     {.name = "offset",
      .type = OPTION_TEXT,
      .offset = PLACE(offset),
      .value_name = "N",
      .help = "pass over so many of these scores"}},
    {TAKES_PAGE,
     {.name = "count",
      .type = OPTION_TEXT,
      .offset = PLACE(count),
      .value_name = "N",
      .help = "at most so many"}},
    {TAKES_BOARD_PAGE,
     {.name = "count",
      .type = OPTION_TEXT,
      .offset = PLACE(count),
      .fallback = "8192",
      .value_name = "N",
      .help = "at most so many"}},
    {TAKES_COUNT,
     {.name = "count",
      .type = OPTION_TEXT,
      .offset = PLACE(count),
      .fallback = "1",
      .value_name = "N",
      .help = "at most so many"}},
    {TAKES_DESCENDING,
     {.name = "descending",
      .type = OPTION_FLAG,
      .offset = PLACE(descending),
      .help = "the highest score first, with rank 0"}},
    {TAKES_WITH_SCORES,
     {.name = "with-scores", .type = OPTION_FLAG, .offset = PLACE(with_scores), .help = "print scores too"}},
    {TAKES_AGGREGATE,
     {.name = "aggregate",
      .type = OPTION_TEXT,
      .offset = PLACE(aggregate),
      .fallback = "sum",
      .value_name = "HOW",
      .help = "what becomes of several scores of a value: sum, min or max",
      .choices = aggregates}},

    {TAKES_HASH,
     {.name = "hash",
      .type = OPTION_FLAG,
      .offset = PLACE(hash),
      .help = "print the value's hash too, in hexadecimal"}},
    {TAKES_CONDITIONS,
     {.name = "if-absent",
      .type = OPTION_FLAG,
      .offset = PLACE(if_absent),
      .help = "only where there is no such key"}},
    {TAKES_CONDITIONS,
     {.name = "if-present",
      .type = OPTION_FLAG,
      .offset = PLACE(if_present),
      .help = "only where there is such a key"}},
    {TAKES_CONDITIONS,
     {.name = "if-equal",
      .type = OPTION_TEXT,
      .offset = PLACE(if_equal),
      .value_name = "VALUE",
      .help = "only in the place of this value"}},
    {TAKES_CONDITIONS,
     {.name = "if-not-equal",
      .type = OPTION_TEXT,
      .offset = PLACE(if_not_equal),
      .value_name = "VALUE",
      .help = "only where there is nothing or another value"}},
    {TAKES_CONDITIONS,
     {.name = "if-present-and-not-equal",
      .type = OPTION_TEXT,
      .offset = PLACE(if_present_and_not_equal),
      .value_name = "VALUE",
      .help = "only in the place of another value"}},
    {TAKES_CONDITIONS,
     {.name = "if-absent-or-equal",
      .type = OPTION_TEXT,
      .offset = PLACE(if_absent_or_equal),
      .value_name = "VALUE",
      .help = "only where there is nothing or this value"}},
    {TAKES_CONDITIONS,
     {.name = "hash",
      .type = OPTION_FLAG,
      .offset = PLACE(hash),
      .help = "conditions name hashes, as `get --hash` prints them; print that of what is stored"}},

    {TAKES_BYTES,
     {.name = "bytes",
      .type = OPTION_FLAG,
      .offset = PLACE(bytes),
      .help = "publish as bytes even what is text"}},
    {TAKES_SUBSCRIPTION,
     {.name = "count",
      .type = OPTION_TEXT,
      .offset = PLACE(count),
      .value_name = "N",
      .help = "end after so many items"}},
    {TAKES_SUBSCRIPTION,
     {.name = "resume",
      .type = OPTION_NUMBER,
      .offset = PLACE(resume),
      .fallback = "0",
      .max = INT64_MAX,
      .value_name = "SEQUENCE",
      .help = "go on at this sequence number; 0: with the newest message, where there is one"}},
    {TAKES_SUBSCRIPTION,
     {.name = "page",
      .type = OPTION_NUMBER,
      .offset = PLACE(page),
      .fallback = "0",
      .max = INT64_MAX,
      .value_name = "PAGE",
      .help = "the page that --resume is of; 0: not known"}},

    {TAKES_KEY,
     {.name = "endpoint",
      .type = OPTION_TEXT,
      .offset = PLACE(endpoint),
      .value_name = "HOST[:PORT]",
      .help = "where clients with this key find the server, port 443 unless it says another"}},
    {TAKES_KEY,
     {.name = "v2",
      .type = OPTION_FLAG,
      .offset = PLACE(v2),
      .help = "a token, which clients take together with the endpoint, instead of base64 that holds both"}},
    {TAKES_KEY,
     {.name = "name",
      .type = OPTION_TEXT,
      .offset = PLACE(name),
      .value_name = "NAME",
      .help = "what people call it in the server's file"}},
    {TAKES_KEY,
     {.name = "api-keys",
      .type = OPTION_TEXT,
      .offset = PLACE(api_keys),
      .value_name = "FILE",
      .help = "the server's file, to which the key's SHA-256 is added; none: it goes to standard error"}},
};

#define SETTINGS (sizeof settings_table / sizeof settings_table[0])
_Static_assert(SETTINGS <= SETTINGS_MAX, "a table of every option has room for them");

static size_t take(bool common, unsigned taken, struct option table[SETTINGS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->taken == 0 ? common : (setting->taken & taken) != 0)
            table[count++] = setting->option;
    }
    return count;
}

mayfly_tls settings_tls(bool tls, bool insecure, const char *ca, const char *certificate, const char *key)
{
    return (mayfly_tls){
        .is_on = tls || insecure || ca != NULL || certificate != NULL || key != NULL,
        .ca_file = ca,
        .certificate_file = certificate,
        .key_file = key,
        .is_unchecked = insecure,
    };
}

size_t settings_common(struct option table[SETTINGS_MAX])
{
    return take(true, 0, table);
}

size_t settings_of(unsigned taken, struct option table[SETTINGS_MAX])
{
    return take(false, taken, table);
}

bool settings_read_whole(const char *name, const char *text, int64_t min, int64_t max, int64_t *value)
{
    if (!options_parse_value(OPTION_NUMBER, text, value)) {
        (void)cli_fail(CLI_USAGE, "%s is a whole number, not \"%s\"", name, text);
        return false;
    }
    if (*value < min || *value > max) {
        (void)cli_fail(CLI_USAGE, "%s %s is out of range: %lld to %lld", name, text, (long long)min,
                       (long long)max);
        return false;
    }
    return true;
}

bool settings_read_number(const char *name, const char *text, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    bool overflows = errno == ERANGE && isinf(*value);
    if (end != text && *end == '\0' && !isspace((unsigned char)text[0]) && !isnan(*value) && !overflows &&
        strpbrk(text, "xX") == NULL)
        return true;
    (void)cli_fail(CLI_USAGE, "%s is a number, not \"%s\"", name, text);
    return false;
}

/* One end of a slice, whose indices may count from the end, or of a range of ranks, which may not. */
static bool apply_index(const char *name, const char *text, unsigned taken, int64_t *index)
{
    bool is_rank = taken & TAKES_RANKS;
    *index = MAYFLY_UNBOUNDED;
    return text == NULL ||
           settings_read_whole(name, text, is_rank ? 0 : INT32_MIN, is_rank ? UINT32_MAX : INT32_MAX, index);
}

static bool apply_bound(const char *name, const char *inclusive, const char *exclusive, mayfly_bound *bound)
{
    double score;
    *bound = mayfly_unbounded();
    if (inclusive != NULL && exclusive != NULL) {
        (void)cli_fail(CLI_USAGE, "--%s and --%s-exclusive are the same end; give one of them", name, name);
        return false;
    }
    const char *text = inclusive != NULL ? inclusive : exclusive;
    if (text == NULL)
        return true;
    if (!settings_read_number(name, text, &score))
        return false;
    *bound = inclusive != NULL ? mayfly_inclusive(score) : mayfly_exclusive(score);
    return true;
}

static bool apply_range(const struct settings *settings, unsigned taken, mayfly_request *request)
{
    int64_t number;
    if (taken & (TAKES_SLICE | TAKES_RANKS)) {
        if (!apply_index("--start", settings->start, taken, &request->start) ||
            !apply_index("--end", settings->end, taken, &request->end))
            return false;
    }
    if ((taken & TAKES_RANKS) && request->end == MAYFLY_UNBOUNDED)
        request->end = request->start + 8192 < UINT32_MAX ? request->start + 8192 : UINT32_MAX;
    if (!apply_bound("min", settings->min, settings->min_exclusive, &request->min) ||
        !apply_bound("max", settings->max, settings->max_exclusive, &request->max))
        return false;
    if (settings->offset != NULL) {
        if (!settings_read_whole("--offset", settings->offset, 0, UINT32_MAX, &number))
            return false;
        request->offset = (uint32_t)number;
    }
    request->limit = (taken & TAKES_TRUNCATE) ? (uint64_t)settings->truncate : MAYFLY_ALL;
    if (settings->count != NULL) {
        if (!settings_read_whole("--count", settings->count, 0, UINT32_MAX, &number))
            return false;
        request->limit = (uint64_t)number;
    }
    return true;
}

/* The one condition that is given, if any. */
static bool apply_condition(const struct settings *settings, mayfly_request *request)
{
    const struct {
        mayfly_condition condition;
        const char *operand;
    } conditions[] = {
        {MAYFLY_IF_ABSENT, settings->if_absent ? "" : NULL},
        {MAYFLY_IF_PRESENT, settings->if_present ? "" : NULL},
        {MAYFLY_IF_EQUAL, settings->if_equal},
        {MAYFLY_IF_NOT_EQUAL, settings->if_not_equal},
        {MAYFLY_IF_PRESENT_AND_NOT_EQUAL, settings->if_present_and_not_equal},
        {MAYFLY_IF_ABSENT_OR_EQUAL, settings->if_absent_or_equal},
    };
    int given = 0;
    request->condition = MAYFLY_ALWAYS;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        if (conditions[i].operand == NULL)
            continue;
        given++;
        request->condition = conditions[i].condition;
        request->operand = mayfly_text(conditions[i].operand);
    }
    if (given > 1)
        (void)cli_fail(CLI_USAGE, "an item is stored on one condition; give one --if-...");
    return given <= 1;
}

int settings_apply(const struct settings *settings, unsigned taken, mayfly_request *request)
{
    static const mayfly_aggregate named[] = {MAYFLY_SUM, MAYFLY_MINIMUM, MAYFLY_MAXIMUM};
    if (taken & (TAKES_TTL | TAKES_COLLECTION_TTL))
        request->ttl_ms = (uint64_t)(settings->ttl_ns / NS_PER_MS);
    request->refresh_ttl = !settings->no_refresh_ttl;
    request->order = settings->descending ? MAYFLY_DESCENDING : MAYFLY_ASCENDING;
    request->values_only = !settings->with_scores;
    for (size_t i = 0; (taken & TAKES_AGGREGATE) && aggregates[i] != NULL; i++)
        if (strcmp(settings->aggregate, aggregates[i]) == 0)
            request->aggregate = named[i];
    if ((taken & TAKES_CONDITIONS) && !apply_condition(settings, request))
        return CLI_USAGE;
    return apply_range(settings, taken, request) ? CLI_OK : CLI_USAGE;
}
