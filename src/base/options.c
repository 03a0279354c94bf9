#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#define OPTION_NAME_MAX 64
#define FILE_LINE_BYTES 1024

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},          {"b", 1},         {"kb", 1000},   {"mb", 1000000}, {"gb", 1000000000}, {"kib", 1 << 10},
    {"mib", 1 << 20}, {"gib", 1 << 30}, {"k", 1 << 10}, {"m", 1 << 20},  {"g", 1 << 30},     {NULL, 0},
};

static const struct unit rate_units[] = {
    {"", 1}, {"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}, {NULL, 0},
};

static const struct unit duration_units[] = {
    {"", 1000000000},   {"us", 1000},         {"ms", 1000000}, {"s", 1000000000},
    {"m", 60000000000}, {"h", 3600000000000}, {NULL, 0},
};

__attribute__((format(printf, 2, 3))) static bool fail(struct option_set *set, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(set->error, sizeof set->error, format, arguments);
    va_end(arguments);
    return false;
}

/* A whole number, exact over all 64 bits. */
static bool parse_number(const char *text, int64_t *value)
{
    char *end;
    if (isspace((unsigned char)text[0]))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return end != text && *end == '\0' && errno == 0;
}

bool options_parse_value(enum option_type type, const char *text, int64_t *value)
{
    if (type == OPTION_NUMBER)
        return parse_number(text, value);

    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || errno != 0 || isspace((unsigned char)text[0]) || strpbrk(text, "xXnN") != NULL)
        return false;
    char unit[8];
    size_t size = 0;
    for (; end[size] != '\0'; size++) {
        if (size + 1 == sizeof unit)
            return false;
        unit[size] = (char)tolower((unsigned char)end[size]);
    }
    unit[size] = '\0';
    const struct unit *known = type == OPTION_SIZE   ? size_units
                               : type == OPTION_RATE ? rate_units
                                                     : duration_units;
    while (known->name != NULL && strcmp(known->name, unit) != 0)
        known++;
    double scaled = number * (double)known->factor;
    if (known->name == NULL || scaled >= 0x1p62 || scaled <= -0x1p62)
        return false;
    *value = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return true;
}

/* A value as a person would write it: in the largest unit that it is a whole number of. */
static void format_value(enum option_type type, int64_t value, char *text, size_t size)
{
    static const struct unit binary[] = {{"gib", 1 << 30}, {"mib", 1 << 20}, {"kib", 1 << 10}, {"b", 1}};
    static const struct unit times[] = {
        {"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000}, {"ms", 1000000}, {"us", 1000}};
    static const struct unit rates[] = {{"gbit", 1000000000}, {"mbit", 1000000}, {"kbit", 1000}, {"bit", 1}};
    static const struct unit plain = {"", 1};
    const struct unit *unit = type == OPTION_SIZE       ? binary
                              : type == OPTION_DURATION ? times
                              : type == OPTION_RATE     ? rates
                                                        : &plain;
    while (unit->factor > 1 && (value == 0 || value % unit->factor != 0) && strcmp(unit->name, "us") != 0)
        unit++;
    (void)snprintf(text, size, "%lld%s", (long long)(value / unit->factor), unit->name);
}

static const struct option *find(const struct option_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->table[i].name, name) == 0)
            return &set->table[i];
    return NULL;
}

static bool set_text(struct option_set *set, const struct option *option, const char *text)
{
    const char *const *choice = option->choices;
    while (choice != NULL && *choice != NULL && strcmp(*choice, text) != 0)
        choice++;
    if (choice != NULL && *choice == NULL) {
        (void)fail(set, "--%s %s is not known; use ", option->name, text);
        for (choice = option->choices; *choice != NULL; choice++) {
            size_t used = strlen(set->error);
            (void)snprintf(set->error + used, sizeof set->error - used, "%s%s", choice[0],
                           choice[1] == NULL ? "" : ", ");
        }
        return false;
    }
    char *copy = strdup(text);
    if (copy == NULL)
        return fail(set, "memory is out");
    char **place = &set->texts[option - set->table];
    free(*place);
    *place = copy;
    *(const char **)(void *)((char *)set->values + option->offset) = copy;
    return true;
}

static bool set_flag(struct option_set *set, const struct option *option, const char *text)
{
    bool on = strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0;
    bool off = strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "no") == 0;
    if (!on && !off)
        return fail(set, "--%s is true or false, not \"%s\"", option->name, text);
    *(bool *)((char *)set->values + option->offset) = on;
    return true;
}

static bool set_value(struct option_set *set, const struct option *option, const char *text)
{
    if (option->type == OPTION_TEXT)
        return set_text(set, option, text);
    if (option->type == OPTION_FLAG)
        return set_flag(set, option, text);

    int64_t value;
    if (!options_parse_value(option->type, text, &value)) {
        static const char *const examples[] = {[OPTION_NUMBER] = "a whole number",
                                               [OPTION_SIZE] = "a size such as 512mb",
                                               [OPTION_DURATION] = "a time such as 500ms",
                                               [OPTION_RATE] = "a rate such as 50mbit"};
        return fail(set, "--%s takes %s, not \"%s\"", option->name, examples[option->type], text);
    }
    if (value < option->min || value > option->max) {
        char min[32];
        char max[32];
        format_value(option->type, option->min, min, sizeof min);
        format_value(option->type, option->max, max, sizeof max);
        return fail(set, "--%s %s is out of range: %s to %s", option->name, text, min, max);
    }
    *(int64_t *)(void *)((char *)set->values + option->offset) = value;
    return true;
}

bool options_init(struct option_set *set, const struct option *table, size_t count, void *values)
{
    *set = (struct option_set){.table = table, .count = count, .values = values};
    set->texts = calloc(count > 0 ? count : 1, sizeof *set->texts);
    if (set->texts == NULL)
        return fail(set, "memory is out");
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &table[i];
        if (option->fallback == NULL && option->type == OPTION_TEXT)
            *(const char **)(void *)((char *)values + option->offset) = NULL;
        else if (!set_value(set, option, option->fallback != NULL ? option->fallback : "false"))
            return false;
    }
    return true;
}

void options_free(struct option_set *set)
{
    for (size_t i = 0; set->texts != NULL && i < set->count; i++)
        free(set->texts[i]);
    free(set->texts);
    set->texts = NULL;
}

bool options_set(struct option_set *set, const char *name, const char *text)
{
    const struct option *option = find(set, name);
    if (option == NULL)
        return fail(set, "there is no option --%s; --help lists those there are", name);
    return set_value(set, option, text);
}

bool options_read_environment(struct option_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        char variable[OPTION_NAME_MAX + sizeof "MAYFLY_"] = "MAYFLY_";
        size_t at = strlen(variable);
        for (const char *c = set->table[i].name; *c != '\0' && at + 1 < sizeof variable; c++)
            variable[at++] = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *text = getenv(variable);
        if (text != NULL && !set_value(set, &set->table[i], text))
            return false;
    }
    return true;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t size = strlen(text);
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        text[--size] = '\0';
    return text;
}

static bool read_line(struct option_set *set, const char *path, int number, char *line)
{
    char *name = trim(line);
    if (*name == '\0' || *name == '#')
        return true;
    char *equals = strchr(name, '=');
    if (equals == NULL)
        return fail(set, "%s:%d: a line is `name = value`", path, number);
    *equals = '\0';
    if (options_set(set, trim(name), trim(equals + 1)))
        return true;
    char reason[OPTIONS_ERROR_BYTES];
    memcpy(reason, set->error, sizeof reason);
    return fail(set, "%s:%d: %.180s", path, number, reason);
}

bool options_read_file(struct option_set *set, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fail(set, "%s cannot be read: %s", path, strerror(errno));
    char line[FILE_LINE_BYTES];
    bool fine = true;
    for (int number = 1; fine && fgets(line, sizeof line, file) != NULL; number++) {
        if (strchr(line, '\n') == NULL && !feof(file))
            fine = fail(set, "%s:%d: the line is longer than %d bytes", path, number, FILE_LINE_BYTES - 2);
        else
            fine = read_line(set, path, number, line);
    }
    if (fine && ferror(file))
        fine = fail(set, "%s cannot be read: %s", path, strerror(errno));
    (void)fclose(file);
    return fine;
}

/* Takes the option at ARGV[at]; returns how many arguments it used, 0 with an error. */
static int read_option(struct option_set *set, int argc, char **argv, int at)
{
    const char *given = argv[at] + 2;
    const char *equals = strchr(given, '=');
    size_t size = equals != NULL ? (size_t)(equals - given) : strlen(given);
    char name[OPTION_NAME_MAX];
    if (size >= sizeof name) {
        (void)fail(set, "there is no option --%.40s...; --help lists those there are", given);
        return 0;
    }
    memcpy(name, given, size);
    name[size] = '\0';

    const struct option *option = find(set, name);
    if (option != NULL && option->type == OPTION_FLAG && equals == NULL)
        return options_set(set, name, "true") ? 1 : 0;
    if (equals != NULL)
        return options_set(set, name, equals + 1) ? 1 : 0;
    if (option != NULL && at + 1 >= argc) {
        (void)fail(set, "--%s needs a value", name);
        return 0;
    }
    return options_set(set, name, option != NULL ? argv[at + 1] : "") ? 2 : 0;
}

bool options_read_arguments(struct option_set *set, int argc, char **argv, int at, int *positional_count)
{
    int first = at;
    int kept = at;
    while (at < argc) {
        if (strcmp(argv[at], "--") == 0) {
            for (at++; at < argc; at++)
                argv[kept++] = argv[at];
            break;
        }
        if (strncmp(argv[at], "--", 2) != 0) {
            argv[kept++] = argv[at++];
            continue;
        }
        int used = read_option(set, argc, argv, at);
        if (used == 0)
            return false;
        at += used;
    }
    *positional_count = kept - first;
    return true;
}

void options_print_help(const struct option *table, size_t count, FILE *to)
{
    for (size_t i = 0; i < count; i++) {
        char left[48];
        (void)snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].value_name != NULL ? " " : "",
                       table[i].value_name != NULL ? table[i].value_name : "");
        (void)fprintf(to, "  %-30s %s", left, table[i].help);
        if (table[i].fallback != NULL && table[i].type != OPTION_FLAG)
            (void)fprintf(to, " [%s]", table[i].fallback);
        (void)fputc('\n', to);
    }
}

void options_print_markdown(const struct option *table, size_t count, FILE *to)
{
    (void)fprintf(to, "| option | default | what it sets |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++)
        (void)fprintf(to, "| `--%s%s%s` | %s | %s |\n", table[i].name, table[i].value_name != NULL ? " " : "",
                      table[i].value_name != NULL ? table[i].value_name : "",
                      table[i].fallback != NULL      ? table[i].fallback
                      : table[i].type == OPTION_FLAG ? "off"
                                                     : "none",
                      table[i].help);
}
