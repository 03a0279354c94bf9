/* `mayfly relay`: a network between a client and a server, from settings, from a plan of failures that they name, and
 * from commands on standard input, a line each, while it runs. */
#include "bench/relay.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SECOND     ((int64_t)CLOCK_NS_PER_S)
#define TIME_MAX   (86400 * SECOND)
#define RTT_MAX    (3600 * SECOND)
#define RATE_MAX   (1000 * INT64_C(1000000000))
#define LINE_BYTES 128
#define SPACE      " \t\r"
#define AT(member) offsetof(struct settings, member)

struct settings {
    const char *listen;
    const char *to;
    const char *profile;
    int64_t rtt_ns;
    int64_t jitter_ns;
    int64_t rate_bits_per_second;
    int64_t cut_after_ns;
    int64_t stall_after_ns;
    int64_t stall_ns;
    int64_t black_hole_after_ns;
    int64_t refuse_after_ns;
};

const struct option cli_relay_options[] = {
    {.name = "listen",
     .type = OPTION_TEXT,
     .offset = AT(listen),
     .fallback = "127.0.0.1:0",
     .value_name = "ADDRESS:PORT",
     .help = "where to listen, on loopback; port 0 lets the system choose"},
    {.name = "to",
     .type = OPTION_TEXT,
     .offset = AT(to),
     .fallback = "127.0.0.1:8080",
     .value_name = "HOST:PORT",
     .help = "where the server is"},
    {.name = "profile",
     .type = OPTION_TEXT,
     .offset = AT(profile),
     .fallback = "same-host",
     .value_name = "NAME",
     .help = "the network: same-host, in-region, cross-region or laptop",
     .choices = relay_profile_names},
    {.name = "rtt",
     .type = OPTION_DURATION,
     .offset = AT(rtt_ns),
     .fallback = "0s",
     .max = RTT_MAX,
     .value_name = "TIME",
     .help = "the round trip, half of it each way; 0: the profile's"},
    {.name = "jitter",
     .type = OPTION_DURATION,
     .offset = AT(jitter_ns),
     .fallback = "0s",
     .max = RTT_MAX,
     .value_name = "TIME",
     .help = "the standard deviation of the round trip; 0: the profile's"},
    {.name = "rate",
     .type = OPTION_RATE,
     .offset = AT(rate_bits_per_second),
     .fallback = "0",
     .max = RATE_MAX,
     .value_name = "RATE",
     .help = "bits a second each way, shared by all connections; 0: the profile's"},
    {.name = "cut-after",
     .type = OPTION_DURATION,
     .offset = AT(cut_after_ns),
     .fallback = "0s",
     .max = TIME_MAX,
     .value_name = "TIME",
     .help = "reset all connections once, so long after the start; 0: never, as for all that follow"},
    {.name = "stall-after",
     .type = OPTION_DURATION,
     .offset = AT(stall_after_ns),
     .fallback = "0s",
     .max = TIME_MAX,
     .value_name = "TIME",
     .help = "move nothing for a while, so long after the start"},
    {.name = "stall",
     .type = OPTION_DURATION,
     .offset = AT(stall_ns),
     .fallback = "3s",
     .max = TIME_MAX,
     .value_name = "TIME",
     .help = "for how long nothing moves then"},
    {.name = "black-hole-after",
     .type = OPTION_DURATION,
     .offset = AT(black_hole_after_ns),
     .fallback = "0s",
     .max = TIME_MAX,
     .value_name = "TIME",
     .help = "swallow everything without a word, from so long after the start"},
    {.name = "refuse-after",
     .type = OPTION_DURATION,
     .offset = AT(refuse_after_ns),
     .fallback = "0s",
     .max = TIME_MAX,
     .value_name = "TIME",
     .help = "refuse connections, from so long after the start"},
};

const size_t cli_relay_options_count = sizeof cli_relay_options / sizeof cli_relay_options[0];

struct desk {
    const struct settings *settings;
    struct relay *relay;
    struct relay_network network;
    char line[LINE_BYTES];
    size_t line_size;
    bool is_line_too_long;
};

/* --- Commands: NULL, or a sentence that says what is wrong --- */

static const char *set_time(struct desk *desk, const char *text, int64_t *time_ns)
{
    int64_t value_ns;
    if (!options_parse_value(OPTION_DURATION, text, &value_ns) || value_ns < 0 || value_ns > RTT_MAX)
        return "this takes a time from 0 to 1h, such as 20ms";
    *time_ns = value_ns;
    relay_set_network(desk->relay, &desk->network);
    return NULL;
}

static const char *do_rtt(struct desk *desk, const char *text)
{
    return set_time(desk, text, &desk->network.rtt_ns);
}

static const char *do_jitter(struct desk *desk, const char *text)
{
    return set_time(desk, text, &desk->network.jitter_ns);
}

static const char *do_rate(struct desk *desk, const char *text)
{
    int64_t rate;
    if (!options_parse_value(OPTION_RATE, text, &rate) || rate < 0 || rate > RATE_MAX)
        return "this takes a rate from 0 to 1000gbit, such as 50mbit";
    desk->network.rate_bits_per_second = rate;
    relay_set_network(desk->relay, &desk->network);
    return NULL;
}

static const char *do_profile(struct desk *desk, const char *text)
{
    if (!relay_profile(text, &desk->network))
        return "a profile is same-host, in-region, cross-region or laptop";
    relay_set_network(desk->relay, &desk->network);
    return NULL;
}

static const char *do_cut(struct desk *desk, const char *text)
{
    if (*text != '\0')
        return "cut takes nothing";
    relay_cut(desk->relay);
    return NULL;
}

static const char *do_stall(struct desk *desk, const char *text)
{
    int64_t duration_ns;
    if (!options_parse_value(OPTION_DURATION, text, &duration_ns) || duration_ns < 0 ||
        duration_ns > TIME_MAX)
        return "this takes a time from 0 to 24h, such as 3s";
    relay_stall(desk->relay, duration_ns);
    return NULL;
}

static bool is_switch(const char *text)
{
    return strcmp(text, "on") == 0 || strcmp(text, "off") == 0;
}

static const char *do_black_hole(struct desk *desk, const char *text)
{
    if (!is_switch(text))
        return "black-hole takes on or off";
    relay_black_hole(desk->relay, strcmp(text, "on") == 0);
    return NULL;
}

static const char *do_refuse(struct desk *desk, const char *text)
{
    if (!is_switch(text))
        return "refuse takes on or off";
    return relay_refuse(desk->relay, strcmp(text, "on") == 0) ? NULL : "the port cannot be listened on again";
}

static const struct {
    const char *name;
    const char *(*run)(struct desk *desk, const char *text);
} commands[] = {
    {"rtt", do_rtt}, {"jitter", do_jitter}, {"rate", do_rate},     {"profile", do_profile},
    {"cut", do_cut}, {"stall", do_stall},   {"refuse", do_refuse}, {"black-hole", do_black_hole},
};

static const char *run_command(struct desk *desk, char *line)
{
    char *name = line + strspn(line, SPACE);
    char *end = name + strcspn(name, SPACE);
    char *text = end + strspn(end, SPACE);
    char *rest = text + strcspn(text, SPACE);
    if (rest[strspn(rest, SPACE)] != '\0')
        return "a line is one command and what it takes";
    *end = *rest = '\0';
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(desk, text);
    return "the commands are rtt, jitter, rate, profile, cut, stall, black-hole and refuse";
}

static void end_line(struct desk *desk)
{
    desk->line[desk->line_size] = '\0';
    const char *problem = desk->is_line_too_long ? "the line is too long" : run_command(desk, desk->line);
    (void)puts(problem != NULL ? problem : "ok");
    desk->line_size = 0;
    desk->is_line_too_long = false;
}

/* False at the end of the input, which does not end the relay: it may run in the background. A last line may lack its
 * newline. */
static bool read_commands(struct desk *desk)
{
    char bytes[LINE_BYTES];
    ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size == 0 && desk->line_size > 0)
        end_line(desk);
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n')
            end_line(desk);
        else if (desk->line_size + 1 < sizeof desk->line)
            desk->line[desk->line_size++] = bytes[i];
        else
            desk->is_line_too_long = true;
    }
    (void)fflush(stdout);
    return size > 0 || (size < 0 && errno == EINTR);
}

/* --- The plan: each failure of the settings, at its time after the start --- */

static void plan_cut(struct desk *desk)
{
    relay_cut(desk->relay);
}

static void plan_stall(struct desk *desk)
{
    relay_stall(desk->relay, desk->settings->stall_ns);
}

static void plan_black_hole(struct desk *desk)
{
    relay_black_hole(desk->relay, true);
}

static void plan_refuse(struct desk *desk)
{
    (void)relay_refuse(desk->relay, true);
}

#define PLANNED 4

struct planned {
    int64_t after_ns; /* the start; 0: not, or not again */
    void (*run)(struct desk *desk);
};

/* Does what is due; returns how long there is nothing more to do, in milliseconds, or -1 for ever. */
static int follow_plan(struct desk *desk, struct planned plan[PLANNED], int64_t start_ns)
{
    int64_t now_ns = clock_now_ns();
    int64_t next_ns = CLOCK_NEVER;
    for (size_t i = 0; i < PLANNED; i++) {
        int64_t left_ns = start_ns + plan[i].after_ns - now_ns;
        if (plan[i].after_ns == 0)
            continue;
        if (left_ns > 0) {
            next_ns = left_ns < next_ns ? left_ns : next_ns;
            continue;
        }
        plan[i].run(desk);
        plan[i].after_ns = 0;
    }
    return next_ns == CLOCK_NEVER ? -1 : (int)(next_ns / CLOCK_NS_PER_MS + 1);
}

static void attend(struct desk *desk, int signal_fd)
{
    const struct settings *settings = desk->settings;
    struct planned plan[PLANNED] = {
        {settings->cut_after_ns, plan_cut},
        {settings->stall_after_ns, plan_stall},
        {settings->black_hole_after_ns, plan_black_hole},
        {settings->refuse_after_ns, plan_refuse},
    };
    struct pollfd waits[] = {{.fd = signal_fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    int64_t start_ns = clock_now_ns();
    for (;;) {
        (void)poll(waits, 2, follow_plan(desk, plan, start_ns));
        if (waits[0].revents != 0)
            return;
        if (waits[1].revents != 0 && !read_commands(desk))
            waits[1].fd = -1;
    }
}

/* --- Starting --- */

static struct relay_network network_of(const struct settings *settings)
{
    struct relay_network network;
    (void)relay_profile(settings->profile, &network); /* the table of options allows no other */
    if (settings->rtt_ns > 0)
        network.rtt_ns = settings->rtt_ns;
    if (settings->jitter_ns > 0)
        network.jitter_ns = settings->jitter_ns;
    if (settings->rate_bits_per_second > 0)
        network.rate_bits_per_second = settings->rate_bits_per_second;
    return network;
}

/* SIGINT and SIGTERM as something to read. Whoever gave commands may leave, and a terminal whose commands are not for
 * this job answers with an error, which ends the input, instead of stopping the program. */
static int take_signals(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTTIN, SIG_IGN);
    return sigprocmask(SIG_BLOCK, &ends, NULL) == 0 ? signalfd(-1, &ends, SFD_CLOEXEC) : -1;
}

/* Two for each connection. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void log_listening(const struct relay *relay, const struct settings *settings)
{
    const struct log log = log_open(STDERR_FILENO, LOG_INFO);
    const struct log_field fields[] = {
        log_number("port", relay_port(relay)),
        log_text("to", settings->to),
        log_text("version", MAYFLY_VERSION),
    };
    log_write(&log, LOG_INFO, "listening", fields, sizeof fields / sizeof fields[0]);
}

static int run(const struct settings *settings)
{
    char error[RELAY_ERROR_BYTES];
    struct desk desk = {.settings = settings, .network = network_of(settings)};
    int signal_fd = take_signals();
    if (signal_fd < 0)
        return cli_fail(CLI_LOCAL, "signals cannot be waited for: %s", strerror(errno));
    raise_descriptor_limit();
    int code = CLI_OK;
    desk.relay = relay_start(settings->listen, settings->to, &desk.network, error);
    if (desk.relay == NULL) {
        code = cli_fail(CLI_LOCAL, "%s", error);
    } else {
        log_listening(desk.relay, settings);
        attend(&desk, signal_fd);
        relay_stop(desk.relay);
    }
    (void)close(signal_fd);
    return code;
}

int cli_relay(int argc, char **argv)
{
    struct settings settings;
    struct option_set options;
    int rest;
    int code;
    if (!options_init(&options, cli_relay_options, cli_relay_options_count, &settings) ||
        !options_read_environment(&options) || !options_read_arguments(&options, argc, argv, 1, &rest))
        code = cli_fail(CLI_USAGE, "%s", options.error);
    else if (rest > 0)
        code = cli_fail(CLI_USAGE, "relay takes options only, not \"%s\"", argv[1]);
    else
        code = run(&settings);
    options_free(&options);
    return code;
}
