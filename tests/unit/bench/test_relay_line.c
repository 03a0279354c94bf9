/* One way of a network by itself, with a clock that the test turns. */
#include "base/clock.h"
#include "bench/relay_line.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS    ((int64_t)CLOCK_NS_PER_MS)
#define START (1000000 * MS)
#define MBIT  INT64_C(1000000)

static struct relay_chunk chunks[1000];

static void push(struct relay_line *line, size_t i, size_t size, int64_t now_ns)
{
    chunks[i] = (struct relay_chunk){.size = size};
    relay_line_push(line, &chunks[i], now_ns);
}

static void a_profile_is_known_by_its_name_and_nothing_else(void **state)
{
    (void)state;
    struct relay_network network;
    size_t count = 0;
    for (; relay_profile_names[count] != NULL; count++)
        assert_true(relay_profile(relay_profile_names[count], &network));
    assert_int_equal(count, 4);
    assert_int_equal(network.rtt_ns, 30 * MS);
    assert_int_equal(network.jitter_ns, 5 * MS);
    assert_int_equal(network.rate_bits_per_second, 50 * MBIT);
    assert_false(relay_profile("moon", &network));
}

static void without_a_network_a_chunk_arrives_as_it_comes(void **state)
{
    (void)state;
    const struct relay_network none = {0};
    struct relay_line line;
    relay_line_init(&line, &none, 1);
    assert_true(relay_line_due_ns(&line) == CLOCK_NEVER);
    push(&line, 0, 65536, START);
    assert_true(relay_line_due_ns(&line) == START);
    assert_ptr_equal(relay_line_pop(&line), &chunks[0]);
    assert_int_equal(line.bytes, 0);
}

static void half_the_round_trip_passes_each_way(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 80 * MS};
    struct relay_line line;
    relay_line_init(&line, &network, 1);
    push(&line, 0, 100, START);
    assert_true(relay_line_due_ns(&line) == START + 40 * MS);
}

static void chunks_are_sent_one_after_the_other_at_the_rate(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 10 * MS, .rate_bits_per_second = 8 * MBIT};
    struct relay_line line;
    relay_line_init(&line, &network, 1);
    for (size_t i = 0; i < 3; i++)
        push(&line, i, 1000, START); /* a millisecond each */
    for (int64_t i = 1; i <= 3; i++) {
        assert_true(relay_line_due_ns(&line) == START + i * MS + 5 * MS);
        (void)relay_line_pop(&line);
    }
    push(&line, 0, 1000, START + 100 * MS); /* an idle line sends at once, and saves nothing up */
    assert_true(relay_line_due_ns(&line) == START + 106 * MS);
}

static void a_new_network_holds_for_what_is_on_its_way(void **state)
{
    (void)state;
    const struct relay_network slow = {.rtt_ns = 80 * MS, .rate_bits_per_second = 8 * MBIT};
    const struct relay_network fast = {.rtt_ns = 20 * MS, .rate_bits_per_second = 80 * MBIT};
    struct relay_line line;
    relay_line_init(&line, &slow, 1);
    push(&line, 0, 1000, START);
    push(&line, 1, 10000, START);
    relay_line_set_network(&line, &fast, START + 2 * MS); /* the first has been sent, the second has not */
    assert_true(relay_line_due_ns(&line) == START + 1 * MS + 10 * MS);
    (void)relay_line_pop(&line);
    assert_true(relay_line_due_ns(&line) == START + 3 * MS + 10 * MS);
}

static void order_is_kept_whatever_the_jitter(void **state)
{
    (void)state;
    const struct relay_network wild = {.rtt_ns = 2 * MS, .jitter_ns = 20 * MS};
    struct relay_line line;
    relay_line_init(&line, &wild, 1);
    for (size_t i = 0; i < 1000; i++)
        push(&line, i, 1, START + (int64_t)i * MS);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(relay_line_due_ns(&line) >= START + (int64_t)i * MS); /* never before it was sent */
        assert_ptr_equal(relay_line_pop(&line), &chunks[i]);
    }
}

static void a_line_holds_what_the_delay_holds_and_a_queue_and_no_more(void **state)
{
    (void)state;
    const struct relay_network network = {.rtt_ns = 100 * MS, .rate_bits_per_second = 80 * MBIT};
    struct relay_line line;
    size_t count = 0;
    relay_line_init(&line, &network, 1);
    for (; relay_line_has_room(&line); count++)
        push(&line, count, relay_line_chunk_bytes(&line), START);
    assert_int_equal(line.bytes, 1000000); /* 100 ms of 10 MB/s */
    assert_int_equal(count, 100);          /* chunks of 1 ms */
    (void)relay_line_pop(&line);
    assert_true(relay_line_has_room(&line));
}

static void memory_is_bounded_where_the_rate_is_not(void **state)
{
    (void)state;
    const struct relay_network far = {.rtt_ns = 1000 * MS};
    struct relay_line line;
    size_t count = 0;
    relay_line_init(&line, &far, 1);
    for (; relay_line_has_room(&line); count++)
        push(&line, count, relay_line_chunk_bytes(&line), START);
    assert_in_range(line.bytes, 1 << 20, 16 << 20);
}

struct moments {
    double mean;
    double deviation;
};

/* Of so many values, a hundredth of a stretch apart. */
static struct moments measure(uint64_t seed, int64_t deviation_ns, size_t count)
{
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        double value = (double)relay_jitter_ns(seed, START + (int64_t)i * deviation_ns / 10, deviation_ns);
        sum += value;
        squares += value * value;
    }
    double mean = sum / (double)count;
    return (struct moments){mean, sqrt(squares / (double)count - mean * mean)};
}

static void jitter_of_both_ways_together_deviates_as_asked_for(void **state)
{
    (void)state;
    static const int64_t deviations_ns[] = {CLOCK_NS_PER_US, 100 * CLOCK_NS_PER_US, 5 * MS};
    for (size_t i = 0; i < 3; i++) {
        double asked = (double)deviations_ns[i];
        struct moments up = measure(0, deviations_ns[i], 1000000);
        struct moments down = measure(1, deviations_ns[i], 1000000);
        double together = sqrt(up.deviation * up.deviation + down.deviation * down.deviation);
        assert_true(fabs(up.mean) < 0.05 * asked && fabs(down.mean) < 0.05 * asked);
        assert_true(together > 0.95 * asked && together < 1.05 * asked);
    }
}

static void jitter_moves_slowly_and_is_the_same_for_the_same_moment(void **state)
{
    (void)state;
    int64_t before_ns = relay_jitter_ns(3, START, 5 * MS);
    for (int64_t at_ns = START; at_ns < START + 1000 * MS; at_ns += MS / 10) {
        int64_t jitter_ns = relay_jitter_ns(3, at_ns, 5 * MS);
        assert_true(llabs(jitter_ns - before_ns) < MS / 10); /* no packet overtakes another */
        assert_true(relay_jitter_ns(3, at_ns, 5 * MS) == jitter_ns);
        before_ns = jitter_ns;
    }
    assert_true(relay_jitter_ns(3, START, 5 * MS) != relay_jitter_ns(4, START, 5 * MS));
    assert_int_equal(relay_jitter_ns(3, START, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_known_by_its_name_and_nothing_else),
        cmocka_unit_test(without_a_network_a_chunk_arrives_as_it_comes),
        cmocka_unit_test(half_the_round_trip_passes_each_way),
        cmocka_unit_test(chunks_are_sent_one_after_the_other_at_the_rate),
        cmocka_unit_test(a_new_network_holds_for_what_is_on_its_way),
        cmocka_unit_test(order_is_kept_whatever_the_jitter),
        cmocka_unit_test(a_line_holds_what_the_delay_holds_and_a_queue_and_no_more),
        cmocka_unit_test(memory_is_bounded_where_the_rate_is_not),
        cmocka_unit_test(jitter_of_both_ways_together_deviates_as_asked_for),
        cmocka_unit_test(jitter_moves_slowly_and_is_the_same_for_the_same_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
