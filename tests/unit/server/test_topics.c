/* Topics without a network: what is kept, what is dropped, who is woken, and several threads at once. */
#include "server/topics.h"

#include "cachepubsub.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const struct topics_limits wide = {
    .history_messages = 1000,
    .history_bytes = 1 << 20,
    .memory_bytes = 16 << 20,
    .topics = 1000,
    .subscriptions = 1000,
};

/* A listener and how often it was woken. */
struct ear {
    struct topics_listener listener;
    _Atomic unsigned wakes;
};

static void count_wake(struct topics_listener *listener)
{
    struct ear *ear = list_entry(listener, struct ear, listener);
    atomic_fetch_add(&ear->wakes, 1);
}

static void ear_open(struct ear *ear, struct topics *topics)
{
    atomic_init(&ear->wakes, 0);
    topics_listener_init(&ear->listener, topics, count_wake);
}

static struct topics_name named(const char *cache, const char *topic)
{
    return (struct topics_name){bytes_of(cache), bytes_of(topic)};
}

static enum topics_status publish(struct topics *topics, const char *cache, const char *topic,
                                  const char *text)
{
    struct topics_value value = {.is_text = true, .bytes = bytes_of(text)};
    return topics_publish(topics, named(cache, topic), value);
}

/* A subscriber that remembers what it wants next. */
struct subscriber {
    struct topics_seat *seat;
    uint64_t cursor;
};

static struct subscriber join_at(struct ear *ear, const char *cache, const char *topic, uint64_t number,
                                 uint64_t page)
{
    struct subscriber subscriber = {NULL, 0};
    assert_int_equal(topics_join(&ear->listener, named(cache, topic), (struct topics_start){number, page},
                                 &subscriber.seat, &subscriber.cursor),
                     TOPICS_OK);
    return subscriber;
}

static struct subscriber join(struct ear *ear, const char *cache, const char *topic)
{
    return join_at(ear, cache, topic, 0, 0);
}

static enum topics_status try_join(struct ear *ear, const char *cache, const char *topic)
{
    struct subscriber subscriber;
    return topics_join(&ear->listener, named(cache, topic), (struct topics_start){0, 0}, &subscriber.seat,
                       &subscriber.cursor);
}

static void assert_item(const struct topics_message *message, uint64_t number, uint64_t page,
                        const char *text)
{
    struct bytes bytes = topics_message_bytes(message);
    CacheClient__Pubsub__SubscriptionItem *item =
        cache_client__pubsub____subscription_item__unpack(NULL, bytes.size, bytes.data);
    assert_non_null(item);
    assert_int_equal(item->kind_case, CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_ITEM);
    assert_int_equal(item->item->topic_sequence_number, number);
    assert_int_equal(item->item->sequence_page, page);
    assert_string_equal(item->item->publisher_id, "");
    assert_int_equal(item->item->value->kind_case, CACHE_CLIENT__PUBSUB____TOPIC_VALUE__KIND_TEXT);
    assert_string_equal(item->item->value->text, text);
    cache_client__pubsub____subscription_item__free_unpacked(item, NULL);
}

/* The window must hold COUNT messages from FIRST on, whose texts are their numbers. */
static void assert_window(const struct topics_window *window, uint64_t first, size_t count)
{
    assert_int_equal(window->first, first);
    assert_int_equal(window->count, count);
    for (size_t i = 0; i < count; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, "%zu", (size_t)first + i);
        assert_item(window->messages[i], first + i, window->page, text);
    }
}

static void publish_numbers(struct topics *topics, const char *cache, const char *topic, unsigned from,
                            unsigned to)
{
    for (unsigned number = from; number <= to; number++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", number);
        assert_int_equal(publish(topics, cache, topic, text), TOPICS_OK);
    }
}

/* Reads at the subscriber's cursor and compares. */
static void assert_reads(struct subscriber *subscriber, uint64_t first, size_t count)
{
    struct topics_window window;
    topics_window_init(&window);
    topics_read(subscriber->seat, subscriber->cursor, &window);
    assert_window(&window, first, count);
    subscriber->cursor = window.first + count;
    topics_window_release(&window);
}

static uint64_t page_of(struct ear *ear, const char *cache, const char *topic)
{
    struct subscriber subscriber = join(ear, cache, topic);
    struct topics_window window;
    topics_window_init(&window);
    topics_read(subscriber.seat, subscriber.cursor, &window);
    topics_window_release(&window);
    topics_leave(subscriber.seat);
    return window.page;
}

struct fixture {
    struct topics *topics;
    struct ear ear;
    struct ear other;
};

static void open_with(struct fixture *fixture, struct topics_limits limits)
{
    fixture->topics = topics_create(&limits, 42);
    assert_non_null(fixture->topics);
    ear_open(&fixture->ear, fixture->topics);
    ear_open(&fixture->other, fixture->topics);
}

/* Nothing may be left of what went: the sanitizers look after the rest. */
static void close_all(struct fixture *fixture)
{
    topics_listener_free(&fixture->ear.listener);
    topics_listener_free(&fixture->other.listener);
    topics_destroy(fixture->topics);
}

/* --- What is kept --- */

static void messages_are_numbered_from_one_and_kept_in_order(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    publish_numbers(fixture.topics, "c", "t", 1, 20);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 1, 0);
    assert_reads(&subscriber, 1, 20);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void a_window_holds_a_bounded_number_of_messages(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    publish_numbers(fixture.topics, "c", "t", 1, TOPICS_WINDOW_MAX + 3);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 1, 0);
    assert_reads(&subscriber, 1, TOPICS_WINDOW_MAX);
    assert_reads(&subscriber, TOPICS_WINDOW_MAX + 1, 3);
    assert_reads(&subscriber, TOPICS_WINDOW_MAX + 4, 0);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void the_oldest_messages_go_when_there_are_too_many(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.history_messages = 5;
    open_with(&fixture, limits);
    publish_numbers(fixture.topics, "c", "t", 1, 23);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 1, 0);
    assert_reads(&subscriber, 19, 5);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void the_oldest_messages_go_when_they_are_too_large(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.history_bytes = 4096;
    open_with(&fixture, limits);
    char *large = calloc(1, 1500);
    assert_non_null(large);
    memset(large, 'x', 1499);
    for (int i = 0; i < 10; i++)
        assert_int_equal(publish(fixture.topics, "c", "t", large), TOPICS_OK);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 1, 0);
    struct topics_window window;
    topics_window_init(&window);
    topics_read(subscriber.seat, 1, &window);
    assert_int_equal(window.first, 9);
    assert_int_equal(window.count, 2);
    topics_window_release(&window);
    topics_leave(subscriber.seat);
    free(large);
    close_all(&fixture);
}

static void the_newest_message_is_kept_whatever_its_size(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.history_bytes = 1;
    open_with(&fixture, limits);
    publish_numbers(fixture.topics, "c", "t", 1, 3);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 1, 0);
    assert_reads(&subscriber, 3, 1);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void what_a_reader_holds_outlives_its_place_in_the_topic(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.history_messages = 2;
    open_with(&fixture, limits);
    publish_numbers(fixture.topics, "c", "t", 1, 2);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 1, 0);
    struct topics_window window;
    topics_window_init(&window);
    topics_read(subscriber.seat, 1, &window);
    publish_numbers(fixture.topics, "c", "t", 3, 9);
    topics_forget_cache(fixture.topics, bytes_of("c"));
    assert_window(&window, 1, 2);
    topics_window_release(&window);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

/* --- Where a subscription begins --- */

static void a_subscription_begins_where_it_is_asked_to(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    publish_numbers(fixture.topics, "c", "t", 1, 4);
    uint64_t page = page_of(&fixture.ear, "c", "t");
    const struct {
        struct topics_start start;
        uint64_t cursor;
    } cases[] = {
        {{0, 0}, 4},        {{0, page + 1}, 4}, {{3, page}, 3}, {{3, 0}, 3}, {{5, page}, 5},
        {{3, page + 1}, 0}, {{3, page - 1}, 0}, {{6, page}, 6}, {{7, 0}, 6}, {{UINT64_MAX, page}, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct subscriber subscriber =
            join_at(&fixture.ear, "c", "t", cases[i].start.number, cases[i].start.page);
        assert_int_equal(subscriber.cursor, cases[i].cursor);
        topics_leave(subscriber.seat);
    }
    close_all(&fixture);
}

static void a_subscription_to_an_empty_topic_begins_with_its_first_message(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    struct subscriber subscriber = join(&fixture.ear, "c", "t");
    assert_int_equal(subscriber.cursor, 1);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void reading_beyond_the_end_leads_to_the_next_message(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    publish_numbers(fixture.topics, "c", "t", 1, 4);
    struct subscriber subscriber = join_at(&fixture.ear, "c", "t", 100, 0);
    assert_reads(&subscriber, 5, 0);
    publish_numbers(fixture.topics, "c", "t", 5, 5);
    assert_reads(&subscriber, 5, 1);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void a_topic_made_anew_has_a_later_page(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.topics = 1;
    open_with(&fixture, limits);
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(publish(fixture.topics, "c", i % 2 == 0 ? "t" : "u", "v"), TOPICS_OK);
        uint64_t page = page_of(&fixture.ear, "c", i % 2 == 0 ? "t" : "u");
        assert_true(page > last);
        last = page;
    }
    /* A server that starts after this one; no start is as quick as a hundred topics. */
    struct timespec now;
    do
        assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    while ((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 <= last);
    struct fixture later;
    open_with(&later, wide);
    assert_true(page_of(&later.ear, "c", "t") > last);
    close_all(&later);
    close_all(&fixture);
}

static void names_are_whole(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    assert_int_equal(publish(fixture.topics, "ab", "c", "1"), TOPICS_OK);
    struct topics_value value = {.is_text = true, .bytes = bytes_of("1")};
    struct topics_name zero = {bytes_of("ab"), bytes_make("c\0d", 3)};
    assert_int_equal(topics_publish(fixture.topics, zero, value), TOPICS_OK);
    assert_int_equal(publish(fixture.topics, "a", "bc", "1"), TOPICS_OK);
    assert_int_equal(topics_stats(fixture.topics).topics, 3);
    close_all(&fixture);
}

/* --- Limits --- */

static void memory_stays_under_its_limit(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.memory_bytes = 64 << 10;
    limits.history_bytes = 16 << 10;
    open_with(&fixture, limits);
    struct subscriber subscribers[20];
    for (int i = 0; i < 20; i++) {
        char topic[24];
        (void)snprintf(topic, sizeof topic, "heard %d", i);
        subscribers[i] = join(&fixture.ear, "c", topic);
    }
    char text[512] = "";
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 3000; i++) {
        char topic[24];
        (void)snprintf(topic, sizeof topic, i % 2 == 0 ? "heard %d" : "idle %d",
                       i * 7 % 100 / (i % 2 == 0 ? 5 : 1));
        assert_int_equal(publish(fixture.topics, "c", topic, text), TOPICS_OK);
        assert_true(topics_stats(fixture.topics).used_bytes <= limits.memory_bytes);
    }
    for (int i = 0; i < 20; i++)
        topics_leave(subscribers[i].seat);
    close_all(&fixture);
}

static void topics_without_subscribers_go_before_those_with(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.topics = 10;
    open_with(&fixture, limits);
    struct subscriber subscriber = join(&fixture.ear, "c", "heard");
    publish_numbers(fixture.topics, "c", "heard", 1, 3);
    for (int i = 0; i < 100; i++) {
        char topic[24];
        (void)snprintf(topic, sizeof topic, "idle %d", i);
        assert_int_equal(publish(fixture.topics, "c", topic, "v"), TOPICS_OK);
        assert_true(topics_stats(fixture.topics).topics <= limits.topics);
    }
    assert_reads(&subscriber, 1, 3);
    topics_leave(subscriber.seat);
    close_all(&fixture);
}

static void topics_that_are_all_heard_leave_no_room_for_more(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.topics = 2;
    open_with(&fixture, limits);
    struct subscriber one = join(&fixture.ear, "c", "one");
    struct subscriber two = join(&fixture.ear, "c", "two");
    assert_int_equal(publish(fixture.topics, "c", "three", "v"), TOPICS_FULL);
    assert_int_equal(try_join(&fixture.ear, "c", "three"), TOPICS_FULL);
    assert_int_equal(publish(fixture.topics, "c", "one", "v"), TOPICS_OK);
    topics_leave(one.seat);
    assert_int_equal(publish(fixture.topics, "c", "three", "v"), TOPICS_OK);
    topics_leave(two.seat);
    close_all(&fixture);
}

static void subscriptions_are_counted_by_cache(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.subscriptions = 2;
    open_with(&fixture, limits);
    struct subscriber one = join(&fixture.ear, "c", "one");
    struct subscriber two = join(&fixture.other, "c", "two");
    assert_int_equal(try_join(&fixture.ear, "c", "one"), TOPICS_NO_SUBSCRIPTIONS);
    struct subscriber elsewhere = join(&fixture.ear, "d", "one");
    topics_leave(two.seat);
    two = join(&fixture.ear, "c", "three");
    assert_int_equal(try_join(&fixture.other, "c", "one"), TOPICS_NO_SUBSCRIPTIONS);
    topics_leave(one.seat);
    topics_leave(two.seat);
    topics_leave(elsewhere.seat);
    assert_int_equal(topics_stats(fixture.topics).topics, 0);
    assert_int_equal(topics_stats(fixture.topics).used_bytes, 0);
    close_all(&fixture);
}

static void topics_count_with_their_names(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.memory_bytes = 64 << 10;
    limits.topics = 100000;
    open_with(&fixture, limits);
    char topic[1025] = "";
    memset(topic, 'x', sizeof topic - 1);
    for (int i = 0; i < 1000; i++) {
        topic[snprintf(topic, sizeof topic, "%d", i)] = 'x';
        assert_int_equal(publish(fixture.topics, "c", topic, "v"), TOPICS_OK);
        assert_true(topics_stats(fixture.topics).used_bytes <= limits.memory_bytes);
    }
    assert_in_range(topics_stats(fixture.topics).topics, 10, 63);
    close_all(&fixture);
}

static void topics_that_are_all_heard_take_no_more_than_the_memory(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.memory_bytes = 8 << 10;
    open_with(&fixture, limits);
    struct subscriber subscribers[100];
    char topic[16];
    size_t count = 0;
    for (;; count++) {
        assert_in_range(count, 0, 99);
        (void)snprintf(topic, sizeof topic, "%zu", count);
        subscribers[count] = (struct subscriber){NULL, 0};
        enum topics_status status =
            topics_join(&fixture.ear.listener, named("c", topic), (struct topics_start){0, 0},
                        &subscribers[count].seat, &subscribers[count].cursor);
        if (status == TOPICS_FULL)
            break;
        assert_int_equal(status, TOPICS_OK);
    }
    assert_int_equal(topics_stats(fixture.topics).topics, count);
    assert_true(topics_stats(fixture.topics).used_bytes <= limits.memory_bytes);
    assert_int_equal(publish(fixture.topics, "c", topic, "v"), TOPICS_FULL);
    topics_leave(subscribers[--count].seat);
    subscribers[count++] = join(&fixture.ear, "c", "another");
    while (count > 0)
        topics_leave(subscribers[--count].seat);
    assert_int_equal(topics_stats(fixture.topics).used_bytes, 0);
    close_all(&fixture);
}

/* --- Waking --- */

static void a_burst_wakes_each_listener_once(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    struct subscriber t = join(&fixture.ear, "c", "t");
    struct subscriber same = join(&fixture.ear, "c", "t");
    struct subscriber u = join(&fixture.ear, "c", "u");
    struct subscriber other = join(&fixture.other, "c", "t");
    assert_ptr_equal(t.seat, same.seat);
    assert_ptr_not_equal(t.seat, other.seat);
    publish_numbers(fixture.topics, "c", "t", 1, 10);
    publish_numbers(fixture.topics, "c", "u", 1, 10);
    publish_numbers(fixture.topics, "c", "unheard", 1, 10);
    assert_int_equal(atomic_load(&fixture.ear.wakes), 1);
    assert_int_equal(atomic_load(&fixture.other.wakes), 1);

    struct list taken;
    list_init(&taken);
    topics_listener_take(&fixture.ear.listener, &taken);
    assert_ptr_equal(topics_listener_next(&taken), t.seat);
    publish_numbers(fixture.topics, "c", "u", 11, 11); /* not yet looked at: no need to say it again */
    assert_int_equal(atomic_load(&fixture.ear.wakes), 1);
    publish_numbers(fixture.topics, "c", "t", 11, 11);
    assert_int_equal(atomic_load(&fixture.ear.wakes), 2);
    assert_ptr_equal(topics_listener_next(&taken), u.seat);
    assert_null(topics_listener_next(&taken));

    assert_reads(&t, 1, 11);
    assert_reads(&u, 1, 11);
    topics_leave(t.seat);
    topics_leave(same.seat); /* ready, and never taken */
    topics_leave(u.seat);
    topics_leave(other.seat);
    topics_listener_take(&fixture.ear.listener, &taken);
    assert_null(topics_listener_next(&taken));
    close_all(&fixture);
}

static void a_forgotten_cache_ends_its_topics_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    struct subscriber ending = join(&fixture.ear, "c", "t");
    struct subscriber staying = join(&fixture.other, "d", "t");
    publish_numbers(fixture.topics, "c", "unheard", 1, 3);
    publish_numbers(fixture.topics, "d", "t", 1, 3);
    topics_forget_cache(fixture.topics, bytes_of("c"));
    topics_forget_cache(fixture.topics, bytes_of("nobody's"));
    assert_int_equal(topics_stats(fixture.topics).topics, 1);

    struct list taken;
    list_init(&taken);
    topics_listener_take(&fixture.ear.listener, &taken);
    assert_ptr_equal(topics_listener_next(&taken), ending.seat);
    assert_true(ending.seat->is_gone);
    topics_listener_take(&fixture.other.listener, &taken);
    assert_ptr_equal(topics_listener_next(&taken), staying.seat);
    assert_false(staying.seat->is_gone);

    /* One of the same name is another, with numbers of its own. */
    struct subscriber anew = join(&fixture.ear, "c", "t");
    publish_numbers(fixture.topics, "c", "t", 1, 1);
    assert_reads(&anew, 1, 1);
    assert_reads(&ending, 1, 0);
    assert_reads(&staying, 1, 3);
    topics_leave(ending.seat);
    topics_leave(staying.seat);
    topics_leave(anew.seat);
    close_all(&fixture);
}

static void many_topics_are_forgotten_at_once_and_go_by_and_by(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    const unsigned count = 20000;
    limits.topics = 2 * (size_t)count;
    open_with(&fixture, limits);
    char topic[16];
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(topic, sizeof topic, "%u", i);
        assert_int_equal(publish(fixture.topics, "c", topic, "1"), TOPICS_OK);
    }
    assert_int_equal(publish(fixture.topics, "d", "t", "1"), TOPICS_OK);
    struct subscriber ending = join(&fixture.ear, "c", topic);
    topics_forget_cache(fixture.topics, bytes_of("c"));
    assert_in_range(topics_stats(fixture.topics).topics, count / 2, count);

    /* None of them is found again, and those that come meanwhile stay, though the tables grow. */
    for (unsigned i = 0; i < count / 2; i++) {
        (void)snprintf(topic, sizeof topic, "%u", i);
        assert_int_equal(publish(fixture.topics, "c", topic, "1"), TOPICS_OK);
    }
    struct subscriber anew = join_at(&fixture.ear, "c", "0", 1, 0);
    assert_reads(&anew, 1, 1);
    while (topics_maintain(fixture.topics)) {
        size_t before = topics_stats(fixture.topics).topics;
        (void)topics_maintain(fixture.topics);
        assert_in_range(before - topics_stats(fixture.topics).topics, 0, 2000);
    }
    assert_int_equal(topics_stats(fixture.topics).topics, count / 2 + 1);

    struct list taken;
    list_init(&taken);
    topics_listener_take(&fixture.ear.listener, &taken);
    assert_ptr_equal(topics_listener_next(&taken), ending.seat);
    assert_true(ending.seat->is_gone);
    topics_leave(ending.seat);
    topics_leave(anew.seat);
    close_all(&fixture);
}

static void what_is_not_yet_forgotten_goes_with_the_topics(void **state)
{
    (void)state;
    struct fixture fixture;
    struct topics_limits limits = wide;
    limits.topics = 20000;
    open_with(&fixture, limits);
    char topic[16];
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(topic, sizeof topic, "%u", i);
        assert_int_equal(publish(fixture.topics, "c", topic, "1"), TOPICS_OK);
    }
    topics_forget_cache(fixture.topics, bytes_of("c"));
    assert_true(topics_stats(fixture.topics).topics > 0);
    close_all(&fixture);
}

static void a_held_seat_outlives_its_subscribers(void **state)
{
    (void)state;
    struct fixture fixture;
    open_with(&fixture, wide);
    struct subscriber subscriber = join(&fixture.ear, "c", "t");
    topics_seat_hold(subscriber.seat);
    topics_leave(subscriber.seat);
    publish_numbers(fixture.topics, "c", "t", 1, 1);
    assert_reads(&subscriber, 1, 1);
    topics_seat_release(subscriber.seat);
    close_all(&fixture);
}

/* --- Threads --- */

enum { THREADS = 4, TOPICS = 5, PUBLISHES = 4000 };

struct worker {
    pthread_t thread;
    struct ear ear;
    struct topics *topics;
    _Atomic bool *is_over;
    uint64_t received;
};

static void *run_publisher(void *topics)
{
    for (unsigned i = 0; i < PUBLISHES; i++) {
        char topic[2] = {(char)('a' + i % TOPICS), '\0'};
        assert_int_equal(publish(topics, "c", topic, "v"), TOPICS_OK);
        if (i % 500 == 0)
            topics_forget_cache(topics, bytes_of("another"));
        assert_int_equal(publish(topics, "another", topic, "v"), TOPICS_OK);
    }
    return NULL;
}

/* Reads all that there is for a subscriber, in order and without gaps. */
static uint64_t read_all(struct subscriber *subscriber)
{
    struct topics_window window;
    uint64_t count = 0;
    topics_window_init(&window);
    do {
        topics_read(subscriber->seat, subscriber->cursor, &window);
        assert_int_equal(window.first, subscriber->cursor);
        subscriber->cursor += window.count;
        count += window.count;
    } while (subscriber->cursor != window.next);
    topics_window_release(&window);
    return count;
}

static void *run_listener(void *context)
{
    struct worker *worker = context;
    struct subscriber subscribers[TOPICS];
    for (unsigned i = 0; i < TOPICS; i++)
        subscribers[i] = join_at(&worker->ear, "c", (const char[2]){(char)('a' + i), '\0'}, 1, 0);
    bool is_last;
    do {
        is_last = atomic_load(worker->is_over);
        struct subscriber passing = join(&worker->ear, "another", "a");
        struct list taken;
        list_init(&taken);
        topics_listener_take(&worker->ear.listener, &taken);
        while (topics_listener_next(&taken) != NULL)
            ;
        for (unsigned i = 0; i < TOPICS; i++)
            worker->received += read_all(&subscribers[i]);
        topics_leave(passing.seat);
    } while (!is_last);
    for (unsigned i = 0; i < TOPICS; i++)
        topics_leave(subscribers[i].seat);
    return NULL;
}

static void every_thread_hears_everything_in_order(void **state)
{
    (void)state;
    struct topics_limits limits = wide;
    limits.history_messages = (size_t)THREADS * PUBLISHES;
    limits.history_bytes = 8 << 20;
    struct topics *topics = topics_create(&limits, 7);
    assert_non_null(topics);
    _Atomic bool is_over = false;
    struct worker listeners[2] = {0};
    pthread_t publishers[THREADS];
    for (int i = 0; i < 2; i++) {
        listeners[i].topics = topics;
        listeners[i].is_over = &is_over;
        ear_open(&listeners[i].ear, topics);
        assert_int_equal(pthread_create(&listeners[i].thread, NULL, run_listener, &listeners[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&publishers[i], NULL, run_publisher, topics), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(publishers[i], NULL), 0);
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(listeners[i].thread, NULL), 0);
        assert_int_equal(listeners[i].received, THREADS * PUBLISHES);
        topics_listener_free(&listeners[i].ear.listener);
    }
    topics_destroy(topics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_numbered_from_one_and_kept_in_order),
        cmocka_unit_test(a_window_holds_a_bounded_number_of_messages),
        cmocka_unit_test(the_oldest_messages_go_when_there_are_too_many),
        cmocka_unit_test(the_oldest_messages_go_when_they_are_too_large),
        cmocka_unit_test(the_newest_message_is_kept_whatever_its_size),
        cmocka_unit_test(what_a_reader_holds_outlives_its_place_in_the_topic),
        cmocka_unit_test(a_subscription_begins_where_it_is_asked_to),
        cmocka_unit_test(a_subscription_to_an_empty_topic_begins_with_its_first_message),
        cmocka_unit_test(reading_beyond_the_end_leads_to_the_next_message),
        cmocka_unit_test(a_topic_made_anew_has_a_later_page),
        cmocka_unit_test(names_are_whole),
        cmocka_unit_test(memory_stays_under_its_limit),
        cmocka_unit_test(topics_without_subscribers_go_before_those_with),
        cmocka_unit_test(topics_that_are_all_heard_leave_no_room_for_more),
        cmocka_unit_test(subscriptions_are_counted_by_cache),
        cmocka_unit_test(topics_count_with_their_names),
        cmocka_unit_test(topics_that_are_all_heard_take_no_more_than_the_memory),
        cmocka_unit_test(a_burst_wakes_each_listener_once),
        cmocka_unit_test(a_forgotten_cache_ends_its_topics_alone),
        cmocka_unit_test(many_topics_are_forgotten_at_once_and_go_by_and_by),
        cmocka_unit_test(what_is_not_yet_forgotten_goes_with_the_topics),
        cmocka_unit_test(a_held_seat_outlives_its_subscribers),
        cmocka_unit_test(every_thread_hears_everything_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
