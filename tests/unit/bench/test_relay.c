/* The relay between two sockets of the test's own: what passes, when, and what a failure looks like from both ends.
 * Waits are for events, with a limit that only a broken relay reaches; of times only the least is asserted. */
#include "base/clock.h"
#include "bench/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MS       ((int64_t)CLOCK_NS_PER_MS)
#define LIMIT_MS 20000
#define QUIET_MS 50 /* for so long nothing must come where nothing may */
#define MANY     500

static const struct relay_network same_host;

/* A server's listening socket, a relay to it, and one connection through it. */
struct fixture {
    int listen_fd;
    struct relay *relay;
    int near_fd;
    int far_fd;
};

static void await(int fd, short events)
{
    struct pollfd wait = {.fd = fd, .events = events};
    assert_int_equal(poll(&wait, 1, LIMIT_MS), 1);
}

static void assert_quiet(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};
    assert_int_equal(poll(&wait, 1, QUIET_MS), 0);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_on_any(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* 0, or the error. */
static int connect_to(uint16_t port, int *fd)
{
    static const int one = 1;
    const struct sockaddr_in address = loopback(port);
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(*fd >= 0);
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
}

static void connect_pair(struct fixture *fixture, int *near_fd, int *far_fd)
{
    static const int one = 1;
    assert_int_equal(connect_to(relay_port(fixture->relay), near_fd), 0);
    await(fixture->listen_fd, POLLIN);
    *far_fd = accept(fixture->listen_fd, NULL, NULL);
    assert_true(*far_fd >= 0);
    (void)setsockopt(*far_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static struct relay *start_to(uint16_t port, const struct relay_network *network)
{
    char to[32];
    char error[RELAY_ERROR_BYTES];
    (void)snprintf(to, sizeof to, "127.0.0.1:%u", port);
    struct relay *relay = relay_start("127.0.0.1:0", to, network, error);
    if (relay == NULL)
        fail_msg("%s", error);
    return relay;
}

static struct fixture set_up(const struct relay_network *network)
{
    struct fixture fixture;
    uint16_t port;
    fixture.listen_fd = listen_on_any(&port);
    fixture.relay = start_to(port, network);
    connect_pair(&fixture, &fixture.near_fd, &fixture.far_fd);
    return fixture;
}

static void tear_down(struct fixture *fixture)
{
    relay_stop(fixture->relay);
    (void)close(fixture->near_fd);
    (void)close(fixture->far_fd);
    (void)close(fixture->listen_fd);
}

static void write_all(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t done = send(fd, at, size, MSG_NOSIGNAL);
        assert_true(done > 0);
        at += done;
        size -= (size_t)done;
    }
}

static void read_all(int fd, void *bytes, size_t size)
{
    for (char *at = bytes; size > 0;) {
        await(fd, POLLIN);
        ssize_t done = recv(fd, at, size, 0);
        assert_true(done > 0);
        at += done;
        size -= (size_t)done;
    }
}

static void assert_passes(int from, int to, char byte)
{
    char got;
    write_all(from, &byte, 1);
    read_all(to, &got, 1);
    assert_int_equal(got, byte);
}

static void assert_ended(int fd)
{
    char byte;
    await(fd, POLLIN);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static void assert_reset(int fd)
{
    char byte;
    await(fd, POLLIN);
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void reset(int *fd)
{
    const struct linger linger = {.l_onoff = 1};
    (void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(*fd);
    *fd = -1;
}

static void await_connections(struct relay *relay, size_t count)
{
    int64_t limit_ns = clock_now_ns() + LIMIT_MS * MS;
    while (relay_count(relay).connections != count && clock_now_ns() < limit_ns)
        (void)poll(NULL, 0, 1);
    assert_int_equal(relay_count(relay).connections, count);
}

/* --- What passes --- */

static void bytes_pass_both_ways_unchanged(void **state)
{
    (void)state;
    struct fixture fixture = set_up(&same_host);
    static unsigned char sent[200000];
    static unsigned char got[sizeof sent];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (unsigned char)(i * 7 + i / 256);
    write_all(fixture.near_fd, sent, sizeof sent);
    read_all(fixture.far_fd, got, sizeof got);
    assert_memory_equal(sent, got, sizeof sent);
    write_all(fixture.far_fd, sent, sizeof sent);
    read_all(fixture.near_fd, got, sizeof got);
    assert_memory_equal(sent, got, sizeof sent);
    assert_int_equal(relay_count(fixture.relay).bytes, 0);
    tear_down(&fixture);
}

static void nothing_arrives_before_its_delay(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 4 * MS};
    struct fixture fixture = set_up(&network);
    for (int i = 0; i < 50; i++) {
        int64_t start_ns = clock_now_ns();
        assert_passes(fixture.near_fd, fixture.far_fd, 'a');
        assert_true(clock_now_ns() - start_ns >= 2 * MS);
        assert_passes(fixture.far_fd, fixture.near_fd, 'b');
        assert_true(clock_now_ns() - start_ns >= 4 * MS);
    }
    tear_down(&fixture);
}

/* The machine may be busy with something else, so that it is counted, and not asked of each. */
static void most_of_what_arrives_is_at_most_a_millisecond_late(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 4 * MS};
    struct fixture fixture = set_up(&network);
    int on_time = 0;
    for (int i = 0; i < 1000 && on_time < 20; i++) {
        int64_t start_ns = clock_now_ns();
        assert_passes(fixture.near_fd, fixture.far_fd, 'a');
        on_time += clock_now_ns() - start_ns < 3 * MS;
    }
    assert_int_equal(on_time, 20);
    tear_down(&fixture);
}

static void order_is_kept_under_jitter(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 2 * MS, .jitter_ns = 1 * MS};
    struct fixture fixture = set_up(&network);
    for (uint32_t i = 0; i < 5000; i++)
        write_all(fixture.near_fd, &i, sizeof i);
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t got;
        read_all(fixture.far_fd, &got, sizeof got);
        assert_int_equal(got, i);
    }
    tear_down(&fixture);
}

struct blast {
    int fd;
    size_t size;
};

static void *write_blast(void *context)
{
    static const char bytes[64 << 10];
    struct blast *blast = context;
    for (size_t left = blast->size; left > 0;) {
        ssize_t done = send(blast->fd, bytes, left < sizeof bytes ? left : sizeof bytes, MSG_NOSIGNAL);
        if (done <= 0)
            break;
        left -= (size_t)done;
    }
    return NULL;
}

static void a_megabyte_takes_as_long_as_the_rate_says(void **state)
{
    (void)state;
    const struct relay_network network = {.rate_bits_per_second = 50000000};
    struct fixture fixture = set_up(&network);
    struct blast blast = {fixture.near_fd, 1000000};
    static char got[1000000];
    pthread_t writer;
    int64_t start_ns = clock_now_ns();
    assert_int_equal(pthread_create(&writer, NULL, write_blast, &blast), 0);
    read_all(fixture.far_fd, got, sizeof got);
    assert_true(clock_now_ns() - start_ns >= 160 * MS);
    (void)pthread_join(writer, NULL);
    tear_down(&fixture);
}

static void connections_share_the_rate(void **state)
{
    (void)state;
    const struct relay_network network = {.rate_bits_per_second = 40000000};
    struct fixture fixture = set_up(&network);
    static char got[250000];
    int near_fd;
    int far_fd;
    pthread_t writers[2];
    connect_pair(&fixture, &near_fd, &far_fd);
    struct blast blasts[] = {{fixture.near_fd, sizeof got}, {near_fd, sizeof got}};
    int64_t start_ns = clock_now_ns();
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_blast, &blasts[i]), 0);
    read_all(fixture.far_fd, got, sizeof got);
    read_all(far_fd, got, sizeof got);
    assert_true(clock_now_ns() - start_ns >= 100 * MS);
    for (size_t i = 0; i < 2; i++)
        (void)pthread_join(writers[i], NULL);
    (void)close(near_fd);
    (void)close(far_fd);
    tear_down(&fixture);
}

/* Writes until the kernel takes nothing more for a while. */
static size_t fill(int fd)
{
    static const char bytes[64 << 10];
    size_t total = 0;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    while (poll(&wait, 1, 200) == 1) {
        ssize_t done = send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(done > 0 || errno == EAGAIN);
        total += done > 0 ? (size_t)done : 0;
    }
    return total;
}

static void a_reader_that_stops_holds_the_writer_back(void **state)
{
    (void)state;
    struct fixture fixture = set_up(&same_host);
    size_t total = fill(fixture.near_fd);
    assert_in_range(relay_count(fixture.relay).bytes, 1 << 20, (4 << 20) + (128 << 10));
    int near_fd;
    int far_fd;
    connect_pair(&fixture, &near_fd, &far_fd);
    assert_passes(near_fd, far_fd, 'x'); /* nobody else is held back */

    char *got = malloc(total);
    assert_non_null(got);
    read_all(fixture.far_fd, got, total);
    assert_passes(fixture.near_fd, fixture.far_fd, 'y');
    free(got);
    (void)close(near_fd);
    (void)close(far_fd);
    tear_down(&fixture);
}

static void the_end_of_one_way_passes_and_the_other_goes_on(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 2 * MS};
    struct fixture fixture = set_up(&network);
    write_all(fixture.near_fd, "last", 4);
    (void)shutdown(fixture.near_fd, SHUT_WR);
    char got[4];
    read_all(fixture.far_fd, got, 4);
    assert_ended(fixture.far_fd);
    assert_passes(fixture.far_fd, fixture.near_fd, 'a');
    (void)shutdown(fixture.far_fd, SHUT_WR);
    assert_ended(fixture.near_fd);
    await_connections(fixture.relay, 0);
    tear_down(&fixture);
}

static void a_reset_passes_behind_what_was_sent(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 20 * MS};
    struct fixture fixture = set_up(&network);
    int64_t start_ns = clock_now_ns();
    reset(&fixture.near_fd);
    assert_reset(fixture.far_fd);
    assert_true(clock_now_ns() - start_ns >= 10 * MS);
    await_connections(fixture.relay, 0);
    tear_down(&fixture);
}

static void a_reset_of_the_far_end_passes_too(void **state)
{
    (void)state;
    struct fixture fixture = set_up(&same_host);
    reset(&fixture.far_fd);
    assert_reset(fixture.near_fd);
    await_connections(fixture.relay, 0);
    tear_down(&fixture);
}

static void where_nobody_listens_the_connection_is_reset(void **state)
{
    (void)state;
    uint16_t port;
    int fd;
    (void)close(listen_on_any(&port));
    struct relay *relay = start_to(port, &same_host);
    assert_int_equal(connect_to(relay_port(relay), &fd), 0);
    assert_reset(fd);
    (void)close(fd);
    await_connections(relay, 0);
    relay_stop(relay);
}

/* --- Failures --- */

static void a_cut_resets_both_ends_and_new_connections_pass(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 1000 * MS};
    struct fixture fixture = set_up(&network);
    write_all(fixture.near_fd, "lost", 4);
    relay_cut(fixture.relay);
    assert_reset(fixture.near_fd);
    assert_reset(fixture.far_fd);
    assert_int_equal(relay_count(fixture.relay).connections, 0);

    relay_set_network(fixture.relay, &same_host);
    int near_fd;
    int far_fd;
    connect_pair(&fixture, &near_fd, &far_fd);
    assert_passes(near_fd, far_fd, 'a');
    (void)close(near_fd);
    (void)close(far_fd);
    tear_down(&fixture);
}

static void a_stall_moves_nothing_and_loses_nothing(void **state)
{
    (void)state;
    struct fixture fixture = set_up(&same_host);
    int64_t start_ns = clock_now_ns();
    relay_stall(fixture.relay, 100 * MS);
    assert_passes(fixture.near_fd, fixture.far_fd, 'a');
    assert_true(clock_now_ns() - start_ns >= 100 * MS);
    assert_passes(fixture.far_fd, fixture.near_fd, 'b');

    relay_stall(fixture.relay, 3600 * 1000 * MS);
    write_all(fixture.near_fd, "c", 1);
    assert_quiet(fixture.far_fd);
    relay_stall(fixture.relay, 0);
    char got;
    read_all(fixture.far_fd, &got, 1);
    assert_int_equal(got, 'c');
    tear_down(&fixture);
}

static void a_black_hole_swallows_and_what_it_took_stays_dead(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 20 * MS};
    struct fixture fixture = set_up(&network);
    int late_fd;
    write_all(fixture.near_fd, "on its way", 10);
    relay_black_hole(fixture.relay, true);
    assert_int_equal(connect_to(relay_port(fixture.relay), &late_fd), 0);
    write_all(late_fd, "anybody?", 8);
    await_connections(fixture.relay, 2);
    relay_black_hole(fixture.relay, false);
    relay_cut(fixture.relay); /* not even this is heard */
    write_all(fixture.near_fd, "more", 4);
    assert_quiet(fixture.far_fd);
    assert_quiet(fixture.near_fd);
    assert_quiet(late_fd);
    (void)shutdown(fixture.near_fd, SHUT_WR);
    assert_quiet(fixture.far_fd);

    int near_fd;
    int far_fd;
    connect_pair(&fixture, &near_fd, &far_fd);
    assert_passes(near_fd, far_fd, 'a');
    (void)close(near_fd);
    (void)close(far_fd);
    (void)close(late_fd);
    (void)close(fixture.near_fd);
    fixture.near_fd = -1;
    (void)close(fixture.far_fd);
    fixture.far_fd = -1;
    await_connections(fixture.relay, 0); /* once both ends have gone, so do the dead */
    tear_down(&fixture);
}

static void refused_connections_are_refused_and_the_others_go_on(void **state)
{
    (void)state;
    struct fixture fixture = set_up(&same_host);
    for (int round = 0; round < 3; round++) {
        int near_fd;
        int far_fd;
        assert_true(relay_refuse(fixture.relay, true));
        assert_true(relay_refuse(fixture.relay, true));
        assert_int_equal(connect_to(relay_port(fixture.relay), &near_fd), ECONNREFUSED);
        (void)close(near_fd);
        assert_passes(fixture.near_fd, fixture.far_fd, 'a');
        assert_true(relay_refuse(fixture.relay, false));
        connect_pair(&fixture, &near_fd, &far_fd);
        assert_passes(near_fd, far_fd, 'b');
        (void)close(near_fd);
        (void)close(far_fd);
    }
    tear_down(&fixture);
}

static void a_change_holds_for_what_is_on_its_way(void **state)
{
    (void)state;
    const struct relay_network moon = {.rtt_ns = 3600 * 1000 * MS, .rate_bits_per_second = 1000};
    struct fixture fixture = set_up(&moon);
    write_all(fixture.near_fd, "a", 1);
    assert_quiet(fixture.far_fd);
    relay_set_network(fixture.relay, &same_host);
    char got;
    read_all(fixture.far_fd, &got, 1);
    assert_passes(fixture.far_fd, fixture.near_fd, 'b');
    tear_down(&fixture);
}

/* --- Many, and the end --- */

static void five_hundred_connections_pass_at_once(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 5 * MS, .jitter_ns = MS};
    struct fixture fixture = set_up(&network);
    static int near_fds[MANY];
    static int far_fds[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        connect_pair(&fixture, &near_fds[i], &far_fds[i]);
    for (uint32_t i = 0; i < MANY; i++)
        write_all(near_fds[i], &i, sizeof i);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t got;
        read_all(far_fds[i], &got, sizeof got);
        assert_int_equal(got, i);
        assert_passes(far_fds[i], near_fds[i], 'a');
    }
    assert_int_equal(relay_count(fixture.relay).connections, MANY + 1);
    for (uint32_t i = 0; i < MANY; i++) {
        (void)close(near_fds[i]);
        assert_ended(far_fds[i]);
        (void)close(far_fds[i]);
    }
    await_connections(fixture.relay, 1);
    tear_down(&fixture);
}

static void stopping_frees_all_that_is_on_its_way(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 3600 * 1000 * MS};
    struct fixture fixture = set_up(&network);
    int near_fd;
    int far_fd;
    connect_pair(&fixture, &near_fd, &far_fd);
    write_all(near_fd, "a", 1);
    write_all(far_fd, "b", 1);
    reset(&near_fd);
    (void)shutdown(fixture.near_fd, SHUT_WR);
    (void)fill(fixture.far_fd);
    tear_down(&fixture); /* the address sanitizer looks at what is left */
    (void)close(far_fd);
}

static void changes_from_another_thread_disturb_nothing(void **state)
{
    (void)state;
    struct fixture fixture = set_up(&same_host);
    struct blast blast = {fixture.near_fd, 50000000};
    static char got[64 << 10];
    pthread_t writer;
    size_t total = 0;
    assert_int_equal(pthread_create(&writer, NULL, write_blast, &blast), 0);
    for (int64_t round = 0; total < blast.size; round++) {
        const struct relay_network network = {.rtt_ns = round % 3 * MS / 10,
                                              .jitter_ns = round % 2 * MS / 20};
        await(fixture.far_fd, POLLIN);
        ssize_t done = recv(fixture.far_fd, got, sizeof got, 0);
        assert_true(done > 0);
        total += (size_t)done;
        relay_set_network(fixture.relay, &network);
        relay_stall(fixture.relay, round % 7 * MS / 50);
    }
    (void)pthread_join(writer, NULL);
    tear_down(&fixture);
}

static void a_wrong_address_is_answered_with_a_sentence(void **state)
{
    (void)state;
    char error[RELAY_ERROR_BYTES];
    uint16_t port;
    char taken[32];
    assert_null(relay_start("0.0.0.0:0", "127.0.0.1:1", &same_host, error));
    assert_non_null(strstr(error, "loopback"));
    assert_null(relay_start("nowhere", "127.0.0.1:1", &same_host, error));
    assert_non_null(strstr(error, "nowhere"));
    assert_null(relay_start("127.0.0.1:0", "127.0.0.1", &same_host, error));
    assert_non_null(strstr(error, "HOST:PORT"));
    assert_null(relay_start("127.0.0.1:65536", "127.0.0.1:1", &same_host, error));
    assert_non_null(strstr(error, "65536"));
    static const char *const no_ends[] = {"127.0.0.1:0", "127.0.0.1:-1", "127.0.0.1:65537", "127.0.0.1:"};
    for (size_t i = 0; i < sizeof no_ends / sizeof no_ends[0]; i++) {
        assert_null(relay_start("127.0.0.1:0", no_ends[i], &same_host, error));
        assert_non_null(strstr(error, no_ends[i]));
    }
    int fd = listen_on_any(&port);
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", port);
    assert_null(relay_start(taken, "127.0.0.1:1", &same_host, error));
    assert_non_null(strstr(error, "is taken"));
    (void)close(fd);
}

static int raise_descriptor_limit(void **state)
{
    (void)state;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_pass_both_ways_unchanged),
        cmocka_unit_test(nothing_arrives_before_its_delay),
        cmocka_unit_test(most_of_what_arrives_is_at_most_a_millisecond_late),
        cmocka_unit_test(order_is_kept_under_jitter),
        cmocka_unit_test(a_megabyte_takes_as_long_as_the_rate_says),
        cmocka_unit_test(connections_share_the_rate),
        cmocka_unit_test(a_reader_that_stops_holds_the_writer_back),
        cmocka_unit_test(the_end_of_one_way_passes_and_the_other_goes_on),
        cmocka_unit_test(a_reset_passes_behind_what_was_sent),
        cmocka_unit_test(a_reset_of_the_far_end_passes_too),
        cmocka_unit_test(where_nobody_listens_the_connection_is_reset),
        cmocka_unit_test(a_cut_resets_both_ends_and_new_connections_pass),
        cmocka_unit_test(a_stall_moves_nothing_and_loses_nothing),
        cmocka_unit_test(a_black_hole_swallows_and_what_it_took_stays_dead),
        cmocka_unit_test(refused_connections_are_refused_and_the_others_go_on),
        cmocka_unit_test(a_change_holds_for_what_is_on_its_way),
        cmocka_unit_test(five_hundred_connections_pass_at_once),
        cmocka_unit_test(stopping_frees_all_that_is_on_its_way),
        cmocka_unit_test(changes_from_another_thread_disturb_nothing),
        cmocka_unit_test(a_wrong_address_is_answered_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, raise_descriptor_limit, NULL);
}
