/* Random operations on the store and on the simplest model of it, which must agree. With room for everything
 * the store holds exactly what the model does; with too little it may have lost items, but never answers
 * anything else. */
#include "store/store_fixture.h"

#define CACHES     3
#define KEYS_MOST  20000
#define VALUE_MOST 40000

/* A value is known by two numbers: its size, and the seed of its bytes. */
struct model_item {
    int64_t expiry_ms; /* zero: absent */
    uint32_t size;
    uint32_t seed;
};

struct model {
    struct fixture *f;
    uint64_t random;
    uint64_t keys;
    bool exact; /* nothing is evicted */
    struct store_cache *caches[CACHES];
    struct model_item items[CACHES][KEYS_MOST];
    uint8_t value[VALUE_MOST];
};

static uint64_t draw(struct model *m, uint64_t below)
{
    return next_random(&m->random) % below;
}

static struct bytes value_of(struct model *m, const struct model_item *item)
{
    for (uint32_t i = 0; i < item->size; i++)
        m->value[i] = (uint8_t)(item->seed + i * 7);
    return bytes_make(m->value, item->size);
}

static uint32_t draw_size(struct model *m)
{
    switch (draw(m, 40)) {
    case 0:
        return (uint32_t)draw(m, VALUE_MOST);
    case 1:
    case 2:
        return (uint32_t)draw(m, 2000);
    default:
        return (uint32_t)draw(m, 60);
    }
}

static bool is_live(const struct model *m, const struct model_item *item)
{
    return item->expiry_ms > m->f->now_ms;
}

/* Whether the store's status for an item is one that the model allows; what was evicted is forgotten here,
 * too. */
static void agree(struct model *m, struct model_item *item, enum store_status status)
{
    if (!is_live(m, item)) {
        assert_int_equal(status, STORE_MISSING);
        return;
    }
    if (!m->exact && status == STORE_MISSING) {
        item->expiry_ms = 0;
        return;
    }
    assert_int_equal(status, STORE_OK);
}

static void check_item(struct model *m, struct model_item *item, struct bytes key)
{
    agree(m, item, get(m->f, key));
    if (is_live(m, item))
        assert_true(bytes_equal(answer_value(m->f), value_of(m, item)));
}

static void set_item(struct model *m, struct model_item *item, struct bytes key)
{
    struct model_item next = {.size = draw_size(m), .seed = (uint32_t)draw(m, 256)};
    uint64_t ttl_ms = 1 + draw(m, 1 << draw(m, 20));
    if (!m->exact)
        ttl_ms *= 1000; /* items stay until there is no room */
    next.expiry_ms = m->f->now_ms + (int64_t)ttl_ms;
    assert_int_equal(set_for(m->f, key, value_of(m, &next), ttl_ms), STORE_OK);
    *item = next;
}

static void set_absent_item(struct model *m, struct model_item *item, struct bytes key)
{
    struct model_item next = {.size = draw_size(m), .seed = (uint32_t)draw(m, 256)};
    next.expiry_ms = m->f->now_ms + 5000;
    enum store_status status = set_if(m->f, key, value_of(m, &next), 5000, STORE_IF_ABSENT, bytes_of(""));
    if (status == STORE_OK) {
        assert_true(!m->exact || !is_live(m, item));
        *item = next;
        return;
    }
    assert_int_equal(status, STORE_REFUSED);
    assert_true(is_live(m, item));
}

static void update_item_ttl(struct model *m, struct model_item *item, struct bytes key)
{
    uint64_t ttl_ms = 1 + draw(m, 10000);
    agree(m, item, update_ttl(m->f, key, STORE_TTL_OVERWRITE, ttl_ms));
    if (is_live(m, item))
        item->expiry_ms = m->f->now_ms + (int64_t)ttl_ms;
}

static void check_item_ttl(struct model *m, struct model_item *item, struct bytes key)
{
    agree(m, item, item_ttl_of(m->f, key));
    if (is_live(m, item))
        assert_int_equal(m->f->answer.ttl_ms, item->expiry_ms - m->f->now_ms);
}

static void erase_item(struct model *m, struct model_item *item, struct bytes key)
{
    agree(m, item, erase(m->f, key));
    item->expiry_ms = 0;
}

/* Flushes a cache, or deletes it and creates it again. */
static void end_cache(struct model *m, uint64_t cache)
{
    char name[] = {(char)('a' + cache), 0};
    if (draw(m, 2) == 0) {
        assert_int_equal(flush(m->f, name), STORE_OK);
    } else {
        assert_int_equal(drop(m->f, name), STORE_OK);
        assert_int_equal(create(m->f, name), STORE_OK);
        store_cache_release(m->f->store, m->caches[cache]);
        m->caches[cache] = store_cache_take(m->f->store, bytes_of(name));
    }
    memset(m->items[cache], 0, sizeof m->items[cache]);
}

static void step(struct model *m)
{
    uint64_t cache = draw(m, CACHES);
    uint64_t number = draw(m, m->keys);
    uint64_t text[2] = {number, number * number};
    struct bytes key = bytes_make(text, 8 + number % 9);
    struct model_item *item = &m->items[cache][number];
    struct store_cache *own = m->f->cache;
    m->f->cache = m->caches[cache];
    switch (draw(m, 16)) {
    case 0:
        erase_item(m, item, key);
        break;
    case 1:
        update_item_ttl(m, item, key);
        break;
    case 2:
        check_item_ttl(m, item, key);
        break;
    case 3:
        set_absent_item(m, item, key);
        break;
    case 4:
        m->f->now_ms += (int64_t)draw(m, 4);
        break;
    case 5:
        store_maintain(m->f->store, m->f->now_ms);
        break;
    case 6:
        if (draw(m, m->exact ? 2000 : 20000) == 0)
            end_cache(m, cache);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        set_item(m, item, key);
        break;
    default:
        check_item(m, item, key);
    }
    m->f->cache = own;
}

static void run(uint64_t limit_bytes, uint64_t keys, uint64_t steps, bool exact)
{
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->f = fixture_open(limit_bytes);
    m->random = 20240607;
    m->keys = keys;
    m->exact = exact;
    print_message("seed %llu\n", (unsigned long long)m->random);
    for (uint64_t i = 0; i < CACHES; i++) {
        char name[] = {(char)('a' + i), 0};
        create(m->f, name);
        m->caches[i] = store_cache_take(m->f->store, bytes_of(name));
    }
    for (uint64_t i = 0; i < steps; i++)
        step(m);

    if (exact)
        assert_int_equal(stats_of(m->f).evictions, 0);
    else
        assert_true(stats_of(m->f).evictions > 1000);
    assert_true(stats_of(m->f).expirations > 1000);
    for (uint64_t i = 0; i < CACHES; i++)
        store_cache_release(m->f->store, m->caches[i]);
    fixture_close(m->f);
    free(m);
}

static void the_store_holds_exactly_what_it_was_given(void **state)
{
    (void)state;
    run((uint64_t)256 << 20, 3000, SANITIZED ? 300000 : 2000000, true);
}

static void a_store_that_is_too_small_answers_the_value_or_missing(void **state)
{
    (void)state;
    run((uint64_t)16 << 20, KEYS_MOST, SANITIZED ? 300000 : 2000000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_holds_exactly_what_it_was_given),
        cmocka_unit_test(a_store_that_is_too_small_answers_the_value_or_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
