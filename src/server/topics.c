/* Topics live in a hash table in shards, each with a lock. What all shards share is counted in atomics: a shard that
 * takes a topic or a message over the limit of all has the shards give up their oldest in turn. */
#include "server/topics.h"

#include "base/clock.h"
#include "base/hash.h"
#include "proto/write.h"

#include <stdlib.h>
#include <time.h>

#define SHARDS          16
#define BUCKETS_FIRST   ((size_t)64) /* of a shard */
#define RING_FIRST      ((size_t)8)
#define CACHE_BUCKETS   256

#define VARINT_MAX      ((size_t)10)
#define HEADER_MAX      (1 + VARINT_MAX)       /* in front of an item: its tag and size */
#define VALUE_MAX       (2 * (1 + VARINT_MAX)) /* in front of the bytes: those of the value and of its kind */
#define NUMBERS_MAX     (2 * (1 + VARINT_MAX)) /* behind them: the item's number and page */

#define ITEM_TAG        WRITE_BYTES_TAG(1)  /* SubscriptionItem.item */
#define ITEM_NUMBER_TAG WRITE_VARINT_TAG(1) /* TopicItem.topic_sequence_number */
#define ITEM_VALUE_TAG  WRITE_BYTES_TAG(2)  /* TopicItem.value */
#define ITEM_PAGE_TAG   WRITE_VARINT_TAG(4) /* TopicItem.sequence_page */
#define VALUE_TEXT_TAG  WRITE_BYTES_TAG(1)  /* TopicValue.text */
#define VALUE_BYTES_TAG WRITE_BYTES_TAG(2)  /* TopicValue.binary */

/* What a turn of forgetting may cost, a bucket that is looked into being 1: about half a millisecond in all. */
#define FORGET_A_TURN   16384
#define FORGET_TOPIC    16 /* a topic that goes */
#define FORGET_MESSAGE  2  /* each of its messages */

struct topics_message {
    _Atomic unsigned references;
    size_t start; /* of the item in `space` */
    size_t end;
    size_t room;
    uint8_t space[];
};

/* A cache that has topics, for counting its subscriptions and for forgetting it: its topics are nobody's at once, and
 * are then taken out of the shards a piece at a time. */
struct cache {
    struct list link; /* of its bucket, or of the forgotten ones */
    _Atomic size_t subscriptions;
    _Atomic bool is_forgotten;
    size_t shard;  /* when forgotten: up to where its topics are gone */
    size_t bucket; /* of that shard */
    size_t topics; /* and whoever else holds it */
    size_t name_size;
    uint8_t name[];
};

struct topic {
    struct topic *next_in_bucket;
    struct list by_age; /* of its shard's idle or kept ones */
    struct list seats;
    struct shard *shard;
    struct cache *cache;
    uint64_t hash;
    uint64_t page;
    uint64_t next; /* the next message's number */
    struct topics_message **ring;
    size_t capacity; /* a power of two, or zero */
    size_t count;
    size_t bytes; /* of the messages */
    bool is_gone; /* in no table any more: its last seat frees it */
    size_t name_size;
    uint8_t name[];
};

struct shard {
    pthread_mutex_t lock;
    struct topics *topics;
    struct topic **buckets;
    size_t bucket_count;
    size_t topic_count;
    /* By age of their newest message, oldest first. */
    struct list idle; /* topics without subscribers */
    struct list kept; /* topics with subscribers and history */
};

struct topics {
    struct topics_limits limits;
    uint64_t hash_seed;
    _Atomic size_t topic_count;
    _Atomic size_t used_bytes; /* by histories and by the topics themselves */
    _Atomic uint64_t last_page;
    _Atomic unsigned turn;       /* of the shard that gives up its oldest */
    pthread_mutex_t caches_lock; /* taken inside a shard's */
    struct list caches[CACHE_BUCKETS];
    struct list forgotten; /* caches whose topics are still being taken out */
    struct shard shards[SHARDS];
};

/* --- Messages --- */

/* A message with VALUE in its place. The numbers behind it and the header in front follow when it has its number
 * (message_number), so that nothing long is copied under a topic's lock; the fields of a message may be in any order. */
static struct topics_message *message_create(struct topics_value value)
{
    size_t room = HEADER_MAX + VALUE_MAX + value.bytes.size + NUMBERS_MAX;
    struct topics_message *message = malloc(sizeof *message + room);
    if (message == NULL)
        return NULL;
    uint8_t kind[1 + VARINT_MAX];
    uint8_t tag = value.is_text ? VALUE_TEXT_TAG : VALUE_BYTES_TAG;
    size_t kind_size = (size_t)(write_entry_head(kind, tag, value.bytes.size) - kind);
    uint8_t *to = write_entry_head(message->space + HEADER_MAX, ITEM_VALUE_TAG, kind_size + value.bytes.size);
    memcpy(to, kind, kind_size);
    bytes_copy(to + kind_size, value.bytes.data, value.bytes.size);
    atomic_init(&message->references, 1);
    message->start = HEADER_MAX;
    message->end = (size_t)(to + kind_size + value.bytes.size - message->space);
    message->room = sizeof *message + room;
    return message;
}

static void message_number(struct topics_message *message, uint64_t number, uint64_t page)
{
    uint8_t *end = write_varint_field(message->space + message->end, ITEM_NUMBER_TAG, number);
    end = write_varint_field(end, ITEM_PAGE_TAG, page);
    message->end = (size_t)(end - message->space);
    uint8_t header[HEADER_MAX];
    size_t size = (size_t)(write_entry_head(header, ITEM_TAG, message->end - HEADER_MAX) - header);
    message->start = HEADER_MAX - size;
    memcpy(message->space + message->start, header, size);
}

static void message_release(struct topics_message *message)
{
    if (atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) == 1)
        free(message);
}

struct bytes topics_message_bytes(const struct topics_message *message)
{
    return bytes_make(message->space + message->start, message->end - message->start);
}

/* --- Caches --- */

static struct list *cache_bucket(struct topics *topics, struct bytes name)
{
    return &topics->caches[hash64(name, topics->hash_seed) % CACHE_BUCKETS];
}

static struct cache *cache_find(const struct list *bucket, struct bytes name)
{
    for (struct list *at = bucket->next; at != bucket; at = at->next) {
        struct cache *cache = list_entry(at, struct cache, link);
        if (bytes_equal(bytes_make(cache->name, cache->name_size), name))
            return cache;
    }
    return NULL;
}

/* The cache of this name with one topic more, or NULL when memory is out. */
static struct cache *cache_take(struct topics *topics, struct bytes name)
{
    (void)pthread_mutex_lock(&topics->caches_lock);
    struct list *bucket = cache_bucket(topics, name);
    struct cache *cache = cache_find(bucket, name);
    if (cache == NULL && (cache = malloc(sizeof *cache + name.size)) != NULL) {
        cache->topics = cache->shard = cache->bucket = 0;
        cache->name_size = name.size;
        atomic_init(&cache->subscriptions, 0);
        atomic_init(&cache->is_forgotten, false);
        bytes_copy(cache->name, name.data, name.size);
        list_push_back(bucket, &cache->link);
    }
    if (cache != NULL)
        cache->topics++;
    (void)pthread_mutex_unlock(&topics->caches_lock);
    return cache;
}

static void cache_release(struct topics *topics, struct cache *cache)
{
    (void)pthread_mutex_lock(&topics->caches_lock);
    bool is_last = --cache->topics == 0;
    if (is_last)
        list_remove(&cache->link);
    (void)pthread_mutex_unlock(&topics->caches_lock);
    if (is_last)
        free(cache);
}

/* Has later topics of this name belong to a new cache, and those of the old one found no more. */
static void cache_forget(struct topics *topics, struct bytes name)
{
    (void)pthread_mutex_lock(&topics->caches_lock);
    struct cache *cache = cache_find(cache_bucket(topics, name), name);
    if (cache != NULL) {
        list_remove(&cache->link);
        list_push_back(&topics->forgotten, &cache->link);
        cache->topics++;
        atomic_store(&cache->is_forgotten, true);
    }
    (void)pthread_mutex_unlock(&topics->caches_lock);
}

/* The forgotten cache that has waited longest, the caller's until it is released or put back; NULL where there is none. */
static struct cache *forgotten_take(struct topics *topics)
{
    (void)pthread_mutex_lock(&topics->caches_lock);
    struct list *link = list_empty(&topics->forgotten) ? NULL : list_pop_front(&topics->forgotten);
    (void)pthread_mutex_unlock(&topics->caches_lock);
    return link != NULL ? list_entry(link, struct cache, link) : NULL;
}

static void forgotten_put_back(struct topics *topics, struct cache *cache)
{
    (void)pthread_mutex_lock(&topics->caches_lock);
    list_push_front(&topics->forgotten, &cache->link);
    (void)pthread_mutex_unlock(&topics->caches_lock);
}

/* Counts one subscription more, unless there are as many as there may be. */
static bool cache_subscribe(struct cache *cache, size_t limit)
{
    size_t count = atomic_load(&cache->subscriptions);
    while (count < limit)
        if (atomic_compare_exchange_weak(&cache->subscriptions, &count, count + 1))
            return true;
    return false;
}

/* --- Topics --- */

/* Microseconds of the calendar, or one more than the last: greater than any before, in this process and in those
 * before it, as long as nobody turns the clock back. Fits what JavaScript can count. */
static uint64_t new_page(struct topics *topics)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / CLOCK_NS_PER_US;
    uint64_t last = atomic_load(&topics->last_page);
    uint64_t page;
    do
        page = now_us > last ? now_us : last + 1;
    while (!atomic_compare_exchange_weak(&topics->last_page, &last, page));
    return page;
}

static void count_bytes(struct topics *topics, size_t before, size_t after)
{
    atomic_fetch_add_explicit(&topics->used_bytes, after - before, memory_order_relaxed);
}

static size_t topic_bytes(size_t name_size)
{
    return sizeof(struct topic) + name_size;
}

static size_t ring_bytes(size_t capacity)
{
    return capacity * sizeof(struct topics_message *);
}

static struct topics_message **ring_at(const struct topic *topic, uint64_t number)
{
    return &topic->ring[number & (topic->capacity - 1)];
}

static uint64_t topic_oldest(const struct topic *topic)
{
    return topic->next - topic->count;
}

static void topic_drop_oldest(struct topic *topic)
{
    struct topics_message *message = *ring_at(topic, topic_oldest(topic));
    topic->count--;
    topic->bytes -= message->room;
    count_bytes(topic->shard->topics, message->room, 0);
    message_release(message);
}

static void topic_clear(struct topic *topic)
{
    while (topic->count > 0)
        topic_drop_oldest(topic);
    count_bytes(topic->shard->topics, ring_bytes(topic->capacity), 0);
    free(topic->ring);
    topic->ring = NULL;
    topic->capacity = 0;
}

/* Makes room for one more; false when memory is out, with the ring as it was. */
static bool topic_grow(struct topic *topic)
{
    if (topic->count < topic->capacity)
        return true;
    size_t capacity = topic->capacity > 0 ? 2 * topic->capacity : RING_FIRST;
    struct topics_message **ring = malloc(ring_bytes(capacity));
    if (ring == NULL)
        return false;
    for (uint64_t number = topic_oldest(topic); number != topic->next; number++)
        ring[number & (capacity - 1)] = *ring_at(topic, number);
    free(topic->ring);
    count_bytes(topic->shard->topics, ring_bytes(topic->capacity), ring_bytes(capacity));
    topic->ring = ring;
    topic->capacity = capacity;
    return true;
}

/* Puts a topic last in the list of those that it belongs to now. */
static void topic_place(struct topic *topic)
{
    list_remove(&topic->by_age);
    if (topic->is_gone)
        return;
    if (list_empty(&topic->seats))
        list_push_back(&topic->shard->idle, &topic->by_age);
    else if (topic->count > 0)
        list_push_back(&topic->shard->kept, &topic->by_age);
}

static void topic_free(struct topic *topic)
{
    topic_clear(topic);
    count_bytes(topic->shard->topics, topic_bytes(topic->name_size), 0);
    cache_release(topic->shard->topics, topic->cache);
    free(topic);
}

/* Its bytes have been counted (reserve_topic). */
static struct topic *topic_create(struct shard *shard, struct topics_name name, uint64_t hash)
{
    struct topic *topic = calloc(1, topic_bytes(name.topic.size));
    if (topic == NULL)
        return NULL;
    topic->cache = cache_take(shard->topics, name.cache);
    if (topic->cache == NULL) {
        free(topic);
        return NULL;
    }
    topic->shard = shard;
    topic->hash = hash;
    topic->page = new_page(shard->topics);
    topic->next = 1;
    topic->name_size = name.topic.size;
    bytes_copy(topic->name, name.topic.data, name.topic.size);
    list_init(&topic->by_age);
    list_init(&topic->seats);
    return topic;
}

/* --- Shards --- */

static bool shard_init(struct shard *shard, struct topics *topics)
{
    shard->topics = topics;
    shard->bucket_count = BUCKETS_FIRST;
    shard->buckets = calloc(BUCKETS_FIRST, sizeof(struct topic *));
    list_init(&shard->idle);
    list_init(&shard->kept);
    (void)pthread_mutex_init(&shard->lock, NULL);
    return shard->buckets != NULL;
}

/* The low bits of a hash choose the shard, the others the bucket. */
static struct topic **shard_bucket(const struct shard *shard, uint64_t hash)
{
    return &shard->buckets[(hash / SHARDS) & (shard->bucket_count - 1)];
}

/* Twice the buckets; without memory for them the shard only becomes slower. */
static void shard_grow(struct shard *shard)
{
    struct topic **old = shard->buckets;
    size_t old_count = shard->bucket_count;
    struct topic **buckets = calloc(2 * old_count, sizeof(struct topic *));
    if (buckets == NULL)
        return;
    shard->buckets = buckets;
    shard->bucket_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++)
        while (old[i] != NULL) {
            struct topic *topic = old[i];
            old[i] = topic->next_in_bucket;
            topic->next_in_bucket = *shard_bucket(shard, topic->hash);
            *shard_bucket(shard, topic->hash) = topic;
        }
    free(old);
}

static void shard_add(struct shard *shard, struct topic *topic)
{
    if (shard->topic_count >= shard->bucket_count)
        shard_grow(shard);
    struct topic **bucket = shard_bucket(shard, topic->hash);
    topic->next_in_bucket = *bucket;
    *bucket = topic;
    shard->topic_count++;
    topic_place(topic);
}

/* Takes a topic out of the table; it goes now, or with its last seat. */
static void shard_remove(struct shard *shard, struct topic *topic)
{
    struct topic **at = shard_bucket(shard, topic->hash);
    while (*at != topic)
        at = &(*at)->next_in_bucket;
    *at = topic->next_in_bucket;
    shard->topic_count--;
    atomic_fetch_sub(&shard->topics->topic_count, 1);
    topic->is_gone = true;
    topic_place(topic);
    if (list_empty(&topic->seats))
        topic_free(topic);
    else
        topic_clear(topic);
}

static struct topic *shard_find(const struct shard *shard, struct topics_name name, uint64_t hash)
{
    struct topic *topic = *shard_bucket(shard, hash);
    while (topic != NULL &&
           !(topic->hash == hash && !atomic_load(&topic->cache->is_forgotten) &&
             bytes_equal(bytes_make(topic->name, topic->name_size), name.topic) &&
             bytes_equal(bytes_make(topic->cache->name, topic->cache->name_size), name.cache)))
        topic = topic->next_in_bucket;
    return topic;
}

/* --- Limits of all shards together --- */

/* Has the next shard that can give something up do so: its oldest idle topic, or the history of the oldest topic that
 * is listened to, where a subscriber that has not read it finds a gap. Never of EXCEPT. No lock may be held. */
static bool drop_oldest(struct topics *topics, bool is_idle, const struct topic *except)
{
    unsigned turn = atomic_fetch_add(&topics->turn, 1);
    bool is_dropped = false;
    for (unsigned i = 0; i < SHARDS && !is_dropped; i++) {
        struct shard *shard = &topics->shards[(turn + i) % SHARDS];
        (void)pthread_mutex_lock(&shard->lock);
        struct list *list = is_idle ? &shard->idle : &shard->kept;
        struct topic *topic = list_empty(list) ? NULL : list_entry(list->next, struct topic, by_age);
        is_dropped = topic != NULL && topic != except;
        if (is_dropped && is_idle) {
            shard_remove(shard, topic);
        } else if (is_dropped) {
            topic_clear(topic);
            topic_place(topic);
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
    return is_dropped;
}

/* Brings memory back under its limit, at no cost to EXCEPT; false when nothing is left that could go. */
static bool trim_memory(struct topics *topics, const struct topic *except)
{
    while (atomic_load_explicit(&topics->used_bytes, memory_order_relaxed) > topics->limits.memory_bytes)
        if (!drop_oldest(topics, true, except) && !drop_oldest(topics, false, except))
            return false;
    return true;
}

static void unreserve_topic(struct topics *topics, size_t bytes)
{
    count_bytes(topics, bytes, 0);
    atomic_fetch_sub(&topics->topic_count, 1);
}

/* Counts one topic more, of so many bytes; what nobody needs makes room for it. */
static bool reserve_topic(struct topics *topics, size_t bytes)
{
    while (atomic_fetch_add(&topics->topic_count, 1) >= topics->limits.topics) {
        atomic_fetch_sub(&topics->topic_count, 1);
        if (!drop_oldest(topics, true, NULL))
            return false;
    }
    count_bytes(topics, 0, bytes);
    if (trim_memory(topics, NULL))
        return true;
    unreserve_topic(topics, bytes);
    return false;
}

/* --- The hub --- */

struct topics *topics_create(const struct topics_limits *limits, uint64_t hash_seed)
{
    struct topics *topics = calloc(1, sizeof *topics);
    if (topics == NULL)
        return NULL;
    topics->limits = *limits;
    /* One topic alone must not be able to take all that there is. */
    if (topics->limits.history_bytes > limits->memory_bytes / 2)
        topics->limits.history_bytes = limits->memory_bytes / 2;
    topics->hash_seed = hash_seed;
    (void)pthread_mutex_init(&topics->caches_lock, NULL);
    for (size_t i = 0; i < CACHE_BUCKETS; i++)
        list_init(&topics->caches[i]);
    list_init(&topics->forgotten);
    bool is_ready = true;
    for (size_t i = 0; i < SHARDS; i++)
        is_ready = shard_init(&topics->shards[i], topics) && is_ready;
    if (is_ready)
        return topics;
    topics_destroy(topics);
    return NULL;
}

void topics_destroy(struct topics *topics)
{
    if (topics == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &topics->shards[i];
        while (!list_empty(&shard->idle))
            shard_remove(shard, list_entry(shard->idle.next, struct topic, by_age));
        free(shard->buckets);
        (void)pthread_mutex_destroy(&shard->lock);
    }
    for (struct cache *cache; (cache = forgotten_take(topics)) != NULL;)
        cache_release(topics, cache);
    (void)pthread_mutex_destroy(&topics->caches_lock);
    free(topics);
}

/* The topic of this name, made where there is none, with its shard locked; NULL, with nothing locked, and *STATUS
 * where it cannot be made. */
static struct topic *lock_topic(struct topics *topics, struct topics_name name, enum topics_status *status)
{
    uint64_t hash = hash64(name.topic, hash64(name.cache, topics->hash_seed));
    struct shard *shard = &topics->shards[hash % SHARDS];
    (void)pthread_mutex_lock(&shard->lock);
    struct topic *topic = shard_find(shard, name, hash);
    if (topic != NULL)
        return topic;
    (void)pthread_mutex_unlock(&shard->lock);

    size_t bytes = topic_bytes(name.topic.size);
    if (!reserve_topic(topics, bytes)) {
        *status = TOPICS_FULL;
        return NULL;
    }
    (void)pthread_mutex_lock(&shard->lock);
    topic = shard_find(shard, name, hash);
    if (topic != NULL) { /* another thread was faster */
        unreserve_topic(topics, bytes);
        return topic;
    }
    topic = topic_create(shard, name, hash);
    if (topic != NULL) {
        shard_add(shard, topic);
        return topic;
    }
    unreserve_topic(topics, bytes);
    (void)pthread_mutex_unlock(&shard->lock);
    *status = TOPICS_NO_MEMORY;
    return NULL;
}

/* Puts a seat on its listener's list, and wakes the listener unless it is awake. The shard is locked. */
static void seat_ready(struct topics_seat *seat)
{
    if (seat->is_ready)
        return;
    seat->is_ready = true;
    struct topics_listener *listener = seat->listener;
    (void)pthread_mutex_lock(&listener->lock);
    list_push_back(&listener->ready, &seat->of_listener);
    bool is_asleep = !listener->is_awake;
    listener->is_awake = true;
    (void)pthread_mutex_unlock(&listener->lock);
    if (is_asleep)
        listener->wake(listener);
}

static void topic_ready_seats(struct topic *topic)
{
    for (struct list *at = topic->seats.next; at != &topic->seats; at = at->next)
        seat_ready(list_entry(at, struct topics_seat, of_topic));
}

/* Gives a message the topic's next place, which is there. */
static void topic_append(struct topic *topic, struct topics_message *message)
{
    const struct topics_limits *limits = &topic->shard->topics->limits;
    message_number(message, topic->next, topic->page);
    *ring_at(topic, topic->next) = message;
    topic->next++;
    topic->count++;
    topic->bytes += message->room;
    count_bytes(topic->shard->topics, 0, message->room);
    while (topic->count > limits->history_messages ||
           (topic->count > 1 && topic->bytes > limits->history_bytes))
        topic_drop_oldest(topic);
    topic_place(topic);
}

enum topics_status topics_publish(struct topics *topics, struct topics_name name, struct topics_value value)
{
    struct topics_message *message = message_create(value);
    if (message == NULL)
        return TOPICS_NO_MEMORY;
    enum topics_status status = TOPICS_OK;
    struct topic *topic = lock_topic(topics, name, &status);
    if (topic == NULL)
        goto failed;
    struct shard *shard = topic->shard;
    if (!topic_grow(topic)) {
        (void)pthread_mutex_unlock(&shard->lock);
        status = TOPICS_NO_MEMORY;
        goto failed;
    }
    topic_append(topic, message);
    topic_ready_seats(topic);
    (void)pthread_mutex_unlock(&shard->lock);
    (void)trim_memory(topics, topic);
    return TOPICS_OK;
failed:
    message_release(message);
    return status;
}

/* --- Forgetting --- */

/* Takes the topics of a cache out of a bucket; what that cost. */
static size_t bucket_forget(struct shard *shard, struct topic *topic, const struct cache *cache)
{
    size_t cost = 1;
    for (struct topic *next; topic != NULL; topic = next, cost++) {
        next = topic->next_in_bucket;
        if (topic->cache != cache)
            continue;
        cost += FORGET_TOPIC + topic->count * FORGET_MESSAGE;
        topic_ready_seats(topic);
        shard_remove(shard, topic);
    }
    return cost;
}

/* Goes on where the cache's topics are still there, as far as BUDGET goes; what of it is left. A shard that grows
 * meanwhile has what lay in a bucket in that one and in one behind all others, so the place stays good. */
static size_t shard_forget(struct shard *shard, struct cache *cache, size_t budget)
{
    (void)pthread_mutex_lock(&shard->lock);
    while (budget > 0 && cache->bucket < shard->bucket_count) {
        size_t cost = bucket_forget(shard, shard->buckets[cache->bucket++], cache);
        budget -= cost < budget ? cost : budget;
    }
    if (cache->bucket == shard->bucket_count) {
        cache->bucket = 0;
        cache->shard++;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return budget;
}

bool topics_maintain(struct topics *topics)
{
    size_t budget = FORGET_A_TURN;
    struct cache *cache;
    while (budget > 0 && (cache = forgotten_take(topics)) != NULL) {
        while (budget > 0 && cache->shard < SHARDS)
            budget = shard_forget(&topics->shards[cache->shard], cache, budget);
        if (cache->shard == SHARDS)
            cache_release(topics, cache);
        else
            forgotten_put_back(topics, cache);
    }
    return budget == 0;
}

void topics_forget_cache(struct topics *topics, struct bytes name)
{
    cache_forget(topics, name);
    (void)topics_maintain(topics);
}

struct topics_stats topics_stats(const struct topics *topics)
{
    return (struct topics_stats){.topics = atomic_load(&topics->topic_count),
                                 .used_bytes = atomic_load(&topics->used_bytes)};
}

/* --- Listening --- */

void topics_listener_init(struct topics_listener *listener, struct topics *topics,
                          void (*wake)(struct topics_listener *listener))
{
    *listener = (struct topics_listener){.topics = topics, .wake = wake};
    list_init(&listener->ready);
    (void)pthread_mutex_init(&listener->lock, NULL);
}

void topics_listener_free(struct topics_listener *listener)
{
    (void)pthread_mutex_destroy(&listener->lock);
}

/* The listener's seat in a topic, new where it has none; NULL when memory is out. The shard is locked. */
static struct topics_seat *topic_seat(struct topic *topic, struct topics_listener *listener)
{
    for (struct list *at = topic->seats.next; at != &topic->seats; at = at->next) {
        struct topics_seat *seat = list_entry(at, struct topics_seat, of_topic);
        if (seat->listener == listener)
            return seat;
    }
    struct topics_seat *seat = calloc(1, sizeof *seat);
    if (seat == NULL)
        return NULL;
    seat->listener = listener;
    seat->topic = topic;
    list_init(&seat->subscribers);
    list_init(&seat->of_listener);
    list_push_back(&topic->seats, &seat->of_topic);
    topic_place(topic);
    return seat;
}

/* The first message of a subscriber: without a wish the newest one, if there is any, as on the hosted service. That of
 * a page which is no more is zero, which no message has: the subscriber
 * learns of the new page, and receives what is kept of it. */
static uint64_t topic_cursor(const struct topic *topic, struct topics_start start)
{
    if (start.number == 0)
        return topic->count > 0 ? topic->next - 1 : topic->next;
    if (start.page != 0 && start.page != topic->page)
        return 0;
    return start.number <= topic->next ? start.number : topic->next + 1;
}

enum topics_status topics_join(struct topics_listener *listener, struct topics_name name,
                               struct topics_start start, struct topics_seat **seat, uint64_t *cursor)
{
    struct topics *topics = listener->topics;
    enum topics_status status = TOPICS_OK;
    struct topic *topic = lock_topic(topics, name, &status);
    if (topic == NULL)
        return status;
    struct shard *shard = topic->shard;
    if (!cache_subscribe(topic->cache, topics->limits.subscriptions)) {
        status = TOPICS_NO_SUBSCRIPTIONS;
    } else if ((*seat = topic_seat(topic, listener)) == NULL) {
        atomic_fetch_sub(&topic->cache->subscriptions, 1);
        status = TOPICS_NO_MEMORY;
    } else {
        topics_seat_hold(*seat);
        *cursor = topic_cursor(topic, start);
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return status;
}

void topics_leave(struct topics_seat *seat)
{
    atomic_fetch_sub(&seat->topic->cache->subscriptions, 1);
    topics_seat_release(seat);
}

/* What to do with a topic that may have lost its last seat: one that was never published to is nothing to keep. */
static void topic_unseated(struct topic *topic)
{
    struct shard *shard = topic->shard;
    topic_place(topic);
    if (!list_empty(&topic->seats))
        return;
    if (topic->is_gone)
        topic_free(topic);
    else if (topic->next == 1)
        shard_remove(shard, topic);
}

void topics_seat_release(struct topics_seat *seat)
{
    if (--seat->holds > 0)
        return;
    struct topics_listener *listener = seat->listener;
    struct shard *shard = seat->topic->shard;
    (void)pthread_mutex_lock(&shard->lock);
    list_remove(&seat->of_topic);
    (void)pthread_mutex_lock(&listener->lock);
    list_remove(&seat->of_listener);
    (void)pthread_mutex_unlock(&listener->lock);
    topic_unseated(seat->topic);
    (void)pthread_mutex_unlock(&shard->lock);
    free(seat);
}

void topics_listener_take(struct topics_listener *listener, struct list *taken)
{
    (void)pthread_mutex_lock(&listener->lock);
    list_move(&listener->ready, taken);
    listener->is_awake = false;
    (void)pthread_mutex_unlock(&listener->lock);
}

struct topics_seat *topics_listener_next(struct list *taken)
{
    if (list_empty(taken))
        return NULL;
    struct topics_seat *seat = list_entry(list_pop_front(taken), struct topics_seat, of_listener);
    struct shard *shard = seat->topic->shard;
    (void)pthread_mutex_lock(&shard->lock);
    seat->is_ready = false;
    seat->is_gone = seat->topic->is_gone;
    (void)pthread_mutex_unlock(&shard->lock);
    return seat;
}

/* --- Reading --- */

void topics_window_release(struct topics_window *window)
{
    for (size_t i = 0; i < window->count; i++)
        message_release(window->messages[i]);
    window->count = 0;
}

void topics_read(struct topics_seat *seat, uint64_t from, struct topics_window *window)
{
    topics_window_release(window);
    const struct topic *topic = seat->topic;
    (void)pthread_mutex_lock(&topic->shard->lock);
    uint64_t oldest = topic_oldest(topic);
    window->page = topic->page;
    window->next = topic->next;
    window->first = from < oldest ? oldest : from > topic->next ? topic->next : from;
    for (uint64_t number = window->first; number < topic->next && window->count < TOPICS_WINDOW_MAX;
         number++) {
        struct topics_message *message = *ring_at(topic, number);
        atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
        window->messages[window->count++] = message;
    }
    (void)pthread_mutex_unlock(&topic->shard->lock);
}
