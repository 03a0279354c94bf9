/* What the command `mayfly` can do. */
#include "bench/bench.h"
#include "cli/verb.h"
#include "server/server.h"

const struct cli_command cli_commands[] = {
    {.name = "serve",
     .summary = "run a cache server",
     .options = server_options,
     .options_count = &server_options_count,
     .run = cli_serve},
    {.name = "cache", .summary = "create, delete, list or empty caches", .verbs = cache_verbs},
    {.name = "get", .summary = "print a key's value", .verbs = get_verbs},
    {.name = "set", .summary = "store a value", .verbs = set_verbs},
    {.name = "delete", .summary = "remove a key", .verbs = delete_verbs},
    {.name = "increment", .summary = "add to an integer and print it", .verbs = increment_verbs},
    {.name = "exists", .summary = "ask whether keys are there", .verbs = exists_verbs},
    {.name = "type", .summary = "print what kind of item a key holds", .verbs = type_verbs},
    {.name = "ttl", .summary = "print or change how long an item lives", .verbs = ttl_verbs},
    {.name = "batch", .summary = "get or set many keys in one call", .verbs = batch_verbs},
    {.name = "dictionary", .summary = "fields with a value each", .verbs = dictionary_verbs},
    {.name = "sets", .summary = "values, each there once, in no order", .verbs = sets_verbs},
    {.name = "list", .summary = "values in the order in which they were put", .verbs = list_verbs},
    {.name = "sorted-set", .summary = "values with a score each, in its order", .verbs = sorted_set_verbs},
    {.name = "leaderboard", .summary = "ids with a score each, ranked by it", .verbs = leaderboard_verbs},
    {.name = "topic", .summary = "publish messages, or print them as they come", .verbs = topic_verbs},
    {.name = "key", .summary = "make API keys for a server that wants them", .verbs = key_verbs},
    {.name = "ping", .summary = "ask whether a server answers", .verbs = ping_verbs},
    {.name = "bench",
     .summary = "measure throughput and latency",
     .options = bench_options,
     .options_count = &bench_options_count,
     .run = cli_bench},
    {.name = "tune",
     .summary = "find the concurrency with the most throughput that keeps to a latency target",
     .make_options = cli_tune_options,
     .run = cli_tune},
    {.name = "experiment",
     .summary =
         "repeat an experiment on tuning: channels, concurrency, in-region, loops, targets, processes or all",
     .arguments = "NAME",
     .make_options = cli_experiment_options,
     .run = cli_experiment},
    {.name = "report",
     .summary = "lay results over one another as a page, and fail where one is worse than allowed",
     .arguments = "FILE ...",
     .options = cli_report_options,
     .options_count = &cli_report_options_count,
     .run = cli_report},
    {.name = "relay",
     .summary = "stand for a network: delay, rate and failures on the way to a server",
     .options = cli_relay_options,
     .options_count = &cli_relay_options_count,
     .run = cli_relay},
    {.name = NULL},
};

const struct cli_command *cli_find(const char *name)
{
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}
