/* `mayfly report`: results laid over one another, as text and as a page, and a comparison that fails where a later one is
 * worse than the first by more than is allowed. */
#include "bench/compare.h"
#include "bench/document.h"
#include "cli/load.h"

#include <stdlib.h>

#define FILES_MAX  8
#define AT(member) offsetof(struct report_settings, member)

struct report_settings {
    const char *report;
    const char *throughput_loss;
    const char *p50_growth;
    const char *p99_growth;
    const char *p999_growth;
};

const struct option cli_report_options[] = {
    {.name = "report",
     .type = OPTION_TEXT,
     .offset = AT(report),
     .value_name = "FILE",
     .help = "write a page with charts that opens without a network"},
    {.name = "max-throughput-loss",
     .type = OPTION_TEXT,
     .offset = AT(throughput_loss),
     .value_name = "PERCENT",
     .help = "fail where the throughput of a point is lower by more than this than in the first file"},
    {.name = "max-p50-growth",
     .type = OPTION_TEXT,
     .offset = AT(p50_growth),
     .value_name = "PERCENT",
     .help = "fail where the median latency is higher by more than this"},
    {.name = "max-p99-growth",
     .type = OPTION_TEXT,
     .offset = AT(p99_growth),
     .value_name = "PERCENT",
     .help = "likewise of p99"},
    {.name = "max-p999-growth",
     .type = OPTION_TEXT,
     .offset = AT(p999_growth),
     .value_name = "PERCENT",
     .help = "likewise of p99.9"},
};

const size_t cli_report_options_count = sizeof cli_report_options / sizeof cli_report_options[0];

static bool read_percent(const char *name, const char *text, double *percent)
{
    char *end;
    *percent = -1;
    if (text == NULL)
        return true;
    *percent = strtod(text, &end);
    if (end != text && (*end == '\0' || strcmp(end, "%") == 0) && *percent >= 0 && *percent <= 1e6)
        return true;
    (void)cli_fail(CLI_USAGE, "--%s takes a number of percent, such as 10, not \"%s\"", name, text);
    return false;
}

static bool read_limits(const struct report_settings *settings, struct compare_limits *limits)
{
    return read_percent("max-throughput-loss", settings->throughput_loss, &limits->throughput_loss) &&
           read_percent("max-p50-growth", settings->p50_growth, &limits->p50_growth) &&
           read_percent("max-p99-growth", settings->p99_growth, &limits->p99_growth) &&
           read_percent("max-p999-growth", settings->p999_growth, &limits->p999_growth);
}

/* What a file is called in the page: its name without its folder, or all of it where another has the same. */
static const char *label_of(char **paths, int count, int i)
{
    const char *own = strrchr(paths[i], '/') != NULL ? strrchr(paths[i], '/') + 1 : paths[i];
    for (int other = 0; other < count; other++) {
        const char *its = strrchr(paths[other], '/') != NULL ? strrchr(paths[other], '/') + 1 : paths[other];
        if (other != i && strcmp(own, its) == 0)
            return paths[i];
    }
    return own;
}

static int compare_all(json_t *const *documents, char **paths, int count, const struct compare_limits *limits)
{
    size_t worse = 0;
    bool has_limits = limits->throughput_loss >= 0 || limits->p50_growth >= 0 || limits->p99_growth >= 0 ||
                      limits->p999_growth >= 0;
    for (int i = 1; i < count; i++) {
        (void)printf("%s, and %s\n", paths[0], paths[i]);
        struct compare_counts counts = compare_print(documents[0], documents[i], limits, stdout);
        worse += counts.worse;
        if (counts.compared == 0)
            (void)printf("  have no point in common\n");
        if (counts.compared == 0 && has_limits)
            return cli_fail(CLI_UNMET, "%s and %s have nothing in common to compare", paths[0], paths[i]);
    }
    if (worse > 0)
        return cli_fail(CLI_UNMET, "%zu figure%s worse than allowed", worse, worse == 1 ? " is" : "s are");
    return CLI_OK;
}

static int write_page(json_t *const *documents, char **paths, int count, const char *command,
                      const char *path)
{
    json_t *page = count == 1 ? json_incref(documents[0]) : document_new("mayfly report", command);
    for (int i = 0; i < count && count > 1; i++)
        compare_merge(page, documents[i], label_of(paths, count, i));
    bool is_written = page_write(page, path);
    json_decref(page);
    return is_written ? CLI_OK : cli_fail(CLI_LOCAL, "%s cannot be written", path);
}

static int run(const struct report_settings *settings, char **paths, int count, const char *command)
{
    struct compare_limits limits;
    json_t *documents[FILES_MAX] = {NULL};
    char error[COMPARE_ERROR_BYTES];
    if (count == 0 || count > FILES_MAX)
        return cli_fail(CLI_USAGE, "report takes 1 to %d files of results", FILES_MAX);
    if (count == 1 && settings->report == NULL)
        return cli_fail(CLI_USAGE,
                        "there is nothing to do with one file: name another to compare with, or --report");
    if (!read_limits(settings, &limits))
        return CLI_USAGE;
    int code = load_check_file(settings->report);
    for (int i = 0; i < count && code == CLI_OK; i++)
        if ((documents[i] = compare_read(paths[i], error)) == NULL)
            code = cli_fail(CLI_LOCAL, "%s", error);
    if (code == CLI_OK && settings->report != NULL)
        code = write_page(documents, paths, count, command, settings->report);
    if (code == CLI_OK)
        code = compare_all(documents, paths, count, &limits);
    for (int i = 0; i < count; i++)
        json_decref(documents[i]);
    return code;
}

int cli_report(int argc, char **argv)
{
    struct report_settings settings;
    struct option_set options;
    int count;
    int code;
    char *command = load_command_line(argc, argv);
    if (!options_init(&options, cli_report_options, cli_report_options_count, &settings) ||
        !options_read_environment(&options) || !options_read_arguments(&options, argc, argv, 1, &count))
        code = cli_fail(CLI_USAGE, "%s", options.error);
    else
        code = run(&settings, argv + 1, count, command != NULL ? command : "mayfly report");
    options_free(&options);
    free(command);
    return code;
}
