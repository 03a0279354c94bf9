#include "cli/load.h"

#include "bench/whole_file.h"

#include <stdlib.h>

/* A key that lies about in the environment is no wish to load the server that it is for. */
int load_find(const struct bench_settings *settings, struct load_target *target)
{
    const struct settings where = {
        .endpoint = settings->endpoint == NULL && settings->credentials_file == NULL ? DEFAULT_ENDPOINT
                                                                                     : settings->endpoint,
        .credentials_file = settings->credentials_file,
        .tls = settings->tls,
        .ca = settings->ca,
        .certificate = settings->certificate,
        .key = settings->key,
        .insecure = settings->insecure,
    };
    target->host[0] = '\0';
    int code = target_find(&where, target->host, &target->credentials);
    if (code == CLI_OK)
        target_write_address(&target->credentials, target->address);
    return code;
}

int load_check_file(const char *path)
{
    const char *problem = path != NULL ? whole_file_problem(path) : NULL;
    return problem == NULL ? CLI_OK : cli_fail(CLI_LOCAL, "%s cannot be written: %s", path, problem);
}

int load_write_files(const json_t *result, const char *json_path, const json_t *document,
                     const char *page_path)
{
    int code = CLI_OK;
    if (json_path != NULL && !document_write(result, json_path))
        code = cli_fail(CLI_LOCAL, "%s cannot be written", json_path);
    if (page_path != NULL && !page_write(document, page_path))
        code = cli_fail(CLI_LOCAL, "%s cannot be written", page_path);
    return code;
}

size_t load_take_options(struct option *table, const char *const *names, const struct option *own,
                         size_t own_count)
{
    size_t count = bench_take_options(table, 0, names);
    for (size_t i = 0; i < own_count; i++)
        table[count++] = own[i];
    return count;
}

bool load_defaults(struct option_set *set, struct bench_settings *settings)
{
    *settings = (struct bench_settings){.is_quiet = false};
    return options_init(set, bench_options, bench_options_count, settings);
}

int load_fail(mayfly_status status, const char *error)
{
    int code = status == MAYFLY_INVALID_ARGUMENT ? CLI_USAGE : target_exit_code(status);
    return cli_fail((enum cli_exit)(bench_signal() != 0 ? CLI_SIGNAL + bench_signal() : code), "%s", error);
}

char *load_command_line(int argc, char **argv)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return NULL;
    (void)fputs("mayfly", stream);
    for (int i = 0; i < argc; i++)
        (void)fprintf(stream, strpbrk(argv[i], " \t'\"$") != NULL ? " '%s'" : " %s", argv[i]);
    return fclose(stream) == 0 ? text : NULL;
}
