/* `mayfly sorted-set`: values with a score each, ordered by it. */
#include "cli/print.h"
#include "cli/verb.h"

static bool has_bound(const mayfly_request *request)
{
    return request->min.kind != MAYFLY_BOUND_NONE || request->max.kind != MAYFLY_BOUND_NONE;
}

/* By score where scores are spoken of, by index otherwise. */
static int choose_range(struct target *target)
{
    const struct settings *settings = &target->settings;
    target->request.by_score =
        has_bound(&target->request) || settings->offset != NULL || settings->count != NULL;
    if (target->request.by_score && (settings->start != NULL || settings->end != NULL))
        return cli_fail(CLI_USAGE,
                        "--start and --end are of indices; --min, --max, --offset and --count of scores");
    return CLI_OK;
}

static int count_range(struct target *target)
{
    if (has_bound(&target->request))
        target->request.method = MAYFLY_METHOD_SORTED_SET_LENGTH_BY_SCORE;
    return CLI_OK;
}

const struct verb sorted_set_verbs[] = {
    {"put",
     "add values, or give them new scores",
     MAYFLY_METHOD_SORTED_SET_PUT,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET, ARGUMENT_VALUE, ARGUMENT_SCORE},
     .repeated = 2,
     .options = TAKES_COLLECTION_TTL,
     .print = print_done},
    {"fetch",
     "print values by index, or by score where --min, --max, --offset or --count is given",
     MAYFLY_METHOD_SORTED_SET_FETCH,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET},
     .options = TAKES_SLICE | TAKES_SCORES | TAKES_PAGE | TAKES_DESCENDING | TAKES_WITH_SCORES,
     .adjust = choose_range,
     .print = print_scored},
    {"score",
     "print the score of a value, or each value of several with its score",
     MAYFLY_METHOD_SORTED_SET_GET_SCORE,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET, ARGUMENT_VALUE},
     .repeated = 1,
     .print = print_found_scores},
    {"rank",
     "print the rank of a value, from 0",
     MAYFLY_METHOD_SORTED_SET_GET_RANK,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET, ARGUMENT_VALUE},
     .options = TAKES_DESCENDING,
     .print = print_rank},
    {"increment",
     "add to a value's score, 1 unless told otherwise, and print it",
     MAYFLY_METHOD_SORTED_SET_INCREMENT,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET, ARGUMENT_VALUE, ARGUMENT_SCORE_AMOUNT},
     .optional = true,
     .options = TAKES_COLLECTION_TTL,
     .print = print_score},
    {"remove",
     "remove values; those that are not there are fine",
     MAYFLY_METHOD_SORTED_SET_REMOVE,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET, ARGUMENT_VALUE},
     .repeated = 1,
     .print = print_done},
    {"length",
     "print how many values there are, or how many with such scores",
     MAYFLY_METHOD_SORTED_SET_LENGTH,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET},
     .options = TAKES_SCORES,
     .adjust = count_range,
     .print = print_number},
    {"union",
     "store the union of the sources, their scores times a weight each, and print the length",
     MAYFLY_METHOD_SORTED_SET_UNION_STORE,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET, ARGUMENT_SOURCE, ARGUMENT_WEIGHT},
     .repeated = 2,
     .options = TAKES_TTL | TAKES_AGGREGATE,
     .print = print_number},
    {"delete",
     "remove the sorted set",
     MAYFLY_METHOD_SORTED_SET_REMOVE,
     {ARGUMENT_CACHE, ARGUMENT_SORTED_SET},
     .all = true,
     .print = print_done},
    {.name = NULL},
};
