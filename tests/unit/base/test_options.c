/* Settings from a table: every type, every source, and what is said of a wrong value. */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    const char *host;
    const char *mode;
    const char *file;
    int64_t port;
    int64_t offset;
    int64_t memory_bytes;
    int64_t timeout_ns;
    int64_t rate_bits_per_second;
    bool verbose;
    bool fast;
};

static const char *const modes[] = {"slow", "fast", NULL};

static const struct option table[] = {
    {"host", OPTION_TEXT, offsetof(struct settings, host), "127.0.0.1", 0, 0, "HOST", "Where to listen.",
     NULL},
    {"mode", OPTION_TEXT, offsetof(struct settings, mode), "slow", 0, 0, "MODE", "How to go.", modes},
    {"file", OPTION_TEXT, offsetof(struct settings, file), NULL, 0, 0, "FILE", "What to read.", NULL},
    {"port", OPTION_NUMBER, offsetof(struct settings, port), "8080", 1, 65535, "PORT", "The port.", NULL},
    {"offset", OPTION_NUMBER, offsetof(struct settings, offset), "0", -10, 10, "N", "An offset.", NULL},
    {"memory-limit", OPTION_SIZE, offsetof(struct settings, memory_bytes), "1gb", 0, INT64_C(1) << 40, "SIZE",
     "Memory for items.", NULL},
    {"timeout", OPTION_DURATION, offsetof(struct settings, timeout_ns), "1100ms", 1000,
     INT64_C(3600000000000), "TIME", "The deadline.", NULL},
    {"rate", OPTION_RATE, offsetof(struct settings, rate_bits_per_second), "50mbit", 1000, 2000000000, "RATE",
     "The rate.", NULL},
    {"verbose", OPTION_FLAG, offsetof(struct settings, verbose), NULL, 0, 0, NULL, "Say more.", NULL},
    {"fast", OPTION_FLAG, offsetof(struct settings, fast), "true", 0, 0, NULL, "Be quick.", NULL},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

static struct settings settings;
static struct option_set set;

static int prepare(void **state)
{
    (void)state;
    assert_true(options_init(&set, table, TABLE_COUNT, &settings));
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    options_free(&set);
    return 0;
}

static void every_value_begins_as_its_fallback(void **state)
{
    (void)state;
    assert_string_equal(settings.host, "127.0.0.1");
    assert_string_equal(settings.mode, "slow");
    assert_null(settings.file);
    assert_int_equal(settings.port, 8080);
    assert_int_equal(settings.memory_bytes, 1000000000);
    assert_int_equal(settings.timeout_ns, 1100000000);
    assert_false(settings.verbose);
    assert_true(settings.fast);
}

static void a_value_takes_the_units_of_its_type(void **state)
{
    (void)state;
    static const struct {
        enum option_type type;
        const char *text;
        int64_t value;
    } cases[] = {
        {OPTION_NUMBER, "0", 0},
        {OPTION_NUMBER, "-7", -7},
        {OPTION_NUMBER, "65535", 65535},
        {OPTION_SIZE, "512", 512},
        {OPTION_SIZE, "512b", 512},
        {OPTION_SIZE, "2kb", 2000},
        {OPTION_SIZE, "2KiB", 2048},
        {OPTION_SIZE, "2k", 2048},
        {OPTION_SIZE, "1.5mb", 1500000},
        {OPTION_SIZE, "3MiB", 3 << 20},
        {OPTION_SIZE, "4GB", INT64_C(4000000000)},
        {OPTION_SIZE, "4gib", INT64_C(4) << 30},
        {OPTION_DURATION, "5", INT64_C(5000000000)},
        {OPTION_DURATION, "5us", 5000},
        {OPTION_DURATION, "500ms", 500000000},
        {OPTION_DURATION, "0.5s", 500000000},
        {OPTION_DURATION, "2m", INT64_C(120000000000)},
        {OPTION_DURATION, "24h", INT64_C(86400000000000)},
        {OPTION_RATE, "9600", 9600},
        {OPTION_RATE, "9600bit", 9600},
        {OPTION_RATE, "56kbit", 56000},
        {OPTION_RATE, "2.5Mbit", 2500000},
        {OPTION_RATE, "5gbit", INT64_C(5000000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = -1;
        assert_true(options_parse_value(cases[i].type, cases[i].text, &value));
        assert_true(value == cases[i].value);
    }
}

static void a_text_that_is_no_value_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum option_type type;
        const char *text;
    } cases[] = {
        {OPTION_NUMBER, ""},       {OPTION_NUMBER, "ten"},   {OPTION_NUMBER, "1.5"},
        {OPTION_NUMBER, "10mb"},   {OPTION_NUMBER, " 1"},    {OPTION_NUMBER, "0x10"},
        {OPTION_NUMBER, "nan"},    {OPTION_NUMBER, "inf"},   {OPTION_SIZE, "5 mb"},
        {OPTION_SIZE, "5tb"},      {OPTION_SIZE, "mb"},      {OPTION_SIZE, "5ms"},
        {OPTION_SIZE, "1e30gb"},   {OPTION_DURATION, "5mb"}, {OPTION_DURATION, "5days"},
        {OPTION_DURATION, "1e99"}, {OPTION_RATE, "5mb"},     {OPTION_RATE, "fast"},
        {OPTION_RATE, "5mbit/s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value;
        assert_false(options_parse_value(cases[i].type, cases[i].text, &value));
    }
}

static void assert_refused(const char *name, const char *text, const char *reason)
{
    struct settings before = settings;
    assert_false(options_set(&set, name, text));
    if (strstr(set.error, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", set.error, reason);
    assert_memory_equal(&settings, &before, sizeof before);
}

static void a_wrong_value_changes_nothing_and_says_what_is_right(void **state)
{
    (void)state;
    assert_refused("port", "0", "out of range: 1 to 65535");
    assert_refused("port", "65536", "out of range");
    assert_refused("port", "http", "a whole number");
    assert_refused("offset", "-11", "-10 to 10");
    assert_refused("memory-limit", "lots", "a size such as 512mb");
    assert_refused("memory-limit", "-1", "out of range: 0b to 1024gib");
    assert_refused("timeout", "soon", "a time such as 500ms");
    assert_refused("timeout", "2h", "out of range: 1us to 1h");
    assert_refused("rate", "fast", "a rate such as 50mbit");
    assert_refused("rate", "999", "out of range: 1kbit to 2gbit");
    assert_refused("verbose", "maybe", "true or false");
    assert_refused("mode", "sideways", "use slow, fast");
    assert_refused("color", "red", "no option --color");
}

static void a_text_may_be_set_again_and_again(void **state)
{
    (void)state;
    char name[16] = "first";
    assert_true(options_set(&set, "host", name));
    memcpy(name, "other", 6);
    assert_string_equal(settings.host, "first");
    assert_true(options_set(&set, "host", "second"));
    assert_string_equal(settings.host, "second");
    assert_true(options_set(&set, "mode", "fast"));
    assert_string_equal(settings.mode, "fast");
}

static void flags_know_several_words(void **state)
{
    (void)state;
    static const char *const on[] = {"true", "1", "yes"};
    static const char *const off[] = {"false", "0", "no"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(options_set(&set, "verbose", on[i]));
        assert_true(settings.verbose);
        assert_true(options_set(&set, "verbose", off[i]));
        assert_false(settings.verbose);
    }
}

static void arguments_come_in_any_order(void **state)
{
    (void)state;
    char text[][24] = {"mayfly", "serve",     "one",          "--port",     "9000",
                       "two",    "--verbose", "--fast=false", "--host=::1", "three"};
    char *argv[10];
    for (size_t i = 0; i < 10; i++)
        argv[i] = text[i];
    int positional = -1;
    assert_true(options_read_arguments(&set, 10, argv, 2, &positional));
    assert_int_equal(positional, 3);
    assert_string_equal(argv[2], "one");
    assert_string_equal(argv[3], "two");
    assert_string_equal(argv[4], "three");
    assert_int_equal(settings.port, 9000);
    assert_true(settings.verbose);
    assert_false(settings.fast);
    assert_string_equal(settings.host, "::1");
}

static void what_follows_two_dashes_is_no_option(void **state)
{
    (void)state;
    char text[][16] = {"mayfly", "a", "--verbose", "--", "--port", "--", "-x"};
    char *argv[7];
    for (size_t i = 0; i < 7; i++)
        argv[i] = text[i];
    int positional = -1;
    assert_true(options_read_arguments(&set, 7, argv, 1, &positional));
    assert_int_equal(positional, 4);
    assert_string_equal(argv[1], "a");
    assert_string_equal(argv[2], "--port");
    assert_string_equal(argv[3], "--");
    assert_string_equal(argv[4], "-x");
    assert_int_equal(settings.port, 8080);
}

static void assert_arguments_refused(const char *first, const char *second, const char *reason)
{
    char texts[2][160];
    (void)snprintf(texts[0], sizeof texts[0], "%s", first);
    (void)snprintf(texts[1], sizeof texts[1], "%s", second != NULL ? second : "");
    char *argv[] = {texts[0], texts[1]};
    int positional;
    assert_false(options_read_arguments(&set, second != NULL ? 2 : 1, argv, 0, &positional));
    assert_non_null(strstr(set.error, reason));
}

static void wrong_arguments_are_refused_with_a_reason(void **state)
{
    (void)state;
    char long_name[140] = "--";
    memset(long_name + 2, 'n', sizeof long_name - 3);
    assert_arguments_refused("--port", NULL, "--port needs a value");
    assert_arguments_refused("--colour", "red", "no option --colour");
    assert_arguments_refused("--colour=red", NULL, "no option --colour");
    assert_arguments_refused("--port=", NULL, "a whole number");
    assert_arguments_refused("--port", "x", "a whole number");
    assert_arguments_refused("--verbose=perhaps", NULL, "true or false");
    assert_arguments_refused(long_name, NULL, "no option");
}

static void the_environment_is_read_by_upper_case_names(void **state)
{
    (void)state;
    assert_int_equal(setenv("MAYFLY_MEMORY_LIMIT", "64mib", 1), 0);
    assert_int_equal(setenv("MAYFLY_VERBOSE", "yes", 1), 0);
    assert_true(options_read_environment(&set));
    assert_int_equal(settings.memory_bytes, 64 << 20);
    assert_true(settings.verbose);
    assert_int_equal(setenv("MAYFLY_MEMORY_LIMIT", "64 elephants", 1), 0);
    assert_false(options_read_environment(&set));
    assert_non_null(strstr(set.error, "--memory-limit"));
    assert_int_equal(unsetenv("MAYFLY_MEMORY_LIMIT"), 0);
    assert_int_equal(unsetenv("MAYFLY_VERBOSE"), 0);
}

/* Reads CONTENT as a settings file. */
static bool read_file(const char *content)
{
    char path[] = "/tmp/mayfly-options-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    (void)close(fd);
    bool fine = options_read_file(&set, path);
    assert_int_equal(unlink(path), 0);
    return fine;
}

static void a_file_has_a_setting_a_line(void **state)
{
    (void)state;
    assert_true(
        read_file("# settings\n\n  port = 9001  \r\nhost=a b\n\tverbose=true\n#port = 1\nfile = x=y"));
    assert_int_equal(settings.port, 9001);
    assert_string_equal(settings.host, "a b");
    assert_true(settings.verbose);
    assert_string_equal(settings.file, "x=y");
}

static void a_wrong_line_is_named_by_its_number(void **state)
{
    (void)state;
    assert_false(read_file("port = 1\nhost\n"));
    assert_non_null(strstr(set.error, ":2: a line is"));
    assert_false(read_file("\n\nport = 0\n"));
    assert_non_null(strstr(set.error, ":3: --port 0 is out of range"));
    assert_false(read_file("colour = red\n"));
    assert_non_null(strstr(set.error, ":1: there is no option --colour"));
    char long_line[2000];
    memset(long_line, '#', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    assert_false(read_file(long_line));
    assert_non_null(strstr(set.error, ":1: the line is longer"));
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    assert_false(options_read_file(&set, "/nowhere/at/all"));
    assert_non_null(strstr(set.error, "/nowhere/at/all cannot be read"));
    assert_false(options_read_file(&set, "/"));
    assert_non_null(strstr(set.error, "cannot be read"));
}

static void a_fallback_out_of_range_is_caught_at_once(void **state)
{
    (void)state;
    struct option wrong = table[3];
    wrong.fallback = "0";
    struct option_set other;
    assert_false(options_init(&other, &wrong, 1, &settings));
    assert_non_null(strstr(other.error, "out of range"));
    options_free(&other);
}

static void assert_names_every_option(void (*print)(const struct option *, size_t, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    print(table, TABLE_COUNT, stream);
    (void)fclose(stream);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "--%s", table[i].name);
        assert_non_null(strstr(text, name));
        assert_non_null(strstr(text, table[i].help));
        if (table[i].fallback != NULL && table[i].type != OPTION_FLAG)
            assert_non_null(strstr(text, table[i].fallback));
        if (table[i].value_name != NULL)
            assert_non_null(strstr(text, table[i].value_name));
    }
    free(text);
}

static void help_and_markdown_name_every_option(void **state)
{
    (void)state;
    assert_names_every_option(options_print_help);
    assert_names_every_option(options_print_markdown);
}

#define options_test(name) cmocka_unit_test_setup_teardown(name, prepare, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        options_test(every_value_begins_as_its_fallback),
        options_test(a_value_takes_the_units_of_its_type),
        options_test(a_text_that_is_no_value_is_refused),
        options_test(a_wrong_value_changes_nothing_and_says_what_is_right),
        options_test(a_text_may_be_set_again_and_again),
        options_test(flags_know_several_words),
        options_test(arguments_come_in_any_order),
        options_test(what_follows_two_dashes_is_no_option),
        options_test(wrong_arguments_are_refused_with_a_reason),
        options_test(the_environment_is_read_by_upper_case_names),
        options_test(a_file_has_a_setting_a_line),
        options_test(a_wrong_line_is_named_by_its_number),
        options_test(a_file_that_cannot_be_read_is_an_error),
        options_test(a_fallback_out_of_range_is_caught_at_once),
        options_test(help_and_markdown_name_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
