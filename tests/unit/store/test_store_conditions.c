/* What a conditional set promises: for each condition, the table of when it writes. */
#include "store/store_fixture.h"

#define THERE     "there"
#define ELSEWHERE "other"
#define WRITTEN   "written"

/* A condition and whether it writes over nothing, over the operand, and over another value. */
struct promise {
    enum store_condition_kind kind;
    bool absent;
    bool equal;
    bool other;
};

static const struct promise by_value[] = {
    {STORE_ALWAYS, true, true, true},
    {STORE_IF_PRESENT, false, true, true},
    {STORE_IF_ABSENT, true, false, false},
    {STORE_IF_EQUAL, false, true, false},
    {STORE_IF_NOT_EQUAL, true, false, true},
    {STORE_IF_PRESENT_NOT_EQUAL, false, false, true},
    {STORE_IF_ABSENT_OR_EQUAL, true, true, false},
};

static const struct promise by_hash[] = {
    {STORE_IF_HASH_EQUAL, false, true, false},
    {STORE_IF_ABSENT_OR_HASH_EQUAL, true, true, false},
    {STORE_IF_PRESENT_NOT_HASH_EQUAL, false, false, true},
    {STORE_IF_ABSENT_OR_NOT_HASH_EQUAL, true, false, true},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Sets under the condition where BEFORE is there (nothing if NULL), and looks at what came of it. */
static void check_case(struct fixture *f, enum store_condition_kind kind, struct bytes operand,
                       const char *before, bool writes)
{
    erase(f, bytes_of("key"));
    if (before != NULL)
        set(f, bytes_of("key"), bytes_of(before));
    enum store_status expected = writes ? STORE_OK : STORE_REFUSED;
    assert_int_equal(set_if(f, bytes_of("key"), bytes_of(WRITTEN), MINUTE_MS, kind, operand), expected);
    const char *after = writes ? WRITTEN : before;
    if (after != NULL)
        assert_value(f, bytes_of("key"), bytes_of(after));
    else
        assert_int_equal(get(f, bytes_of("key")), STORE_MISSING);
}

static void check_promises(struct fixture *f, const struct promise *promises, size_t count,
                           struct bytes operand)
{
    for (size_t i = 0; i < count; i++) {
        check_case(f, promises[i].kind, operand, NULL, promises[i].absent);
        check_case(f, promises[i].kind, operand, THERE, promises[i].equal);
        check_case(f, promises[i].kind, operand, ELSEWHERE, promises[i].other);
    }
}

static void each_condition_on_values_writes_when_it_says(void **state)
{
    check_promises(*state, by_value, COUNT(by_value), bytes_of(THERE));
}

static void each_condition_on_hashes_writes_when_it_says(void **state)
{
    uint8_t digest[HASH_DIGEST_SIZE];
    hash_digest(bytes_of(THERE), digest);
    check_promises(*state, by_hash, COUNT(by_hash), bytes_make(digest, sizeof digest));
}

static void a_hash_of_the_wrong_size_equals_nothing(void **state)
{
    uint8_t digest[HASH_DIGEST_SIZE];
    hash_digest(bytes_of(THERE), digest);
    for (size_t i = 0; i < COUNT(by_hash); i++)
        check_case(*state, by_hash[i].kind, bytes_make(digest, sizeof digest - 1), THERE, by_hash[i].other);
}

static void an_empty_value_equals_an_empty_operand(void **state)
{
    check_case(*state, STORE_IF_EQUAL, bytes_of(""), "", true);
    check_case(*state, STORE_IF_EQUAL, bytes_of(""), THERE, false);
    check_case(*state, STORE_IF_EQUAL, bytes_of(""), NULL, false);
}

static void set_if_absent_keeps_the_value_and_the_ttl_that_are_there(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of(THERE), 500);
    assert_int_equal(set_if(f, bytes_of("key"), bytes_of(WRITTEN), 900, STORE_IF_ABSENT, bytes_of("")),
                     STORE_REFUSED);
    assert_value(f, bytes_of("key"), bytes_of(THERE));
    assert_int_equal(item_ttl_of(f, bytes_of("key")), STORE_OK);
    assert_int_equal(f->answer.ttl_ms, 500);
}

static void an_expired_item_counts_as_absent(void **state)
{
    struct fixture *f = *state;
    set_for(f, bytes_of("key"), bytes_of(THERE), 10);
    f->now_ms += 10;
    assert_int_equal(set_if(f, bytes_of("key"), bytes_of(WRITTEN), 10, STORE_IF_PRESENT, bytes_of("")),
                     STORE_REFUSED);
    assert_int_equal(set_if(f, bytes_of("key"), bytes_of(WRITTEN), 10, STORE_IF_ABSENT, bytes_of("")),
                     STORE_OK);
    assert_value(f, bytes_of("key"), bytes_of(WRITTEN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(each_condition_on_values_writes_when_it_says),
        PROMISE(each_condition_on_hashes_writes_when_it_says),
        PROMISE(a_hash_of_the_wrong_size_equals_nothing),
        PROMISE(an_empty_value_equals_an_empty_operand),
        PROMISE(set_if_absent_keeps_the_value_and_the_ttl_that_are_there),
        PROMISE(an_expired_item_counts_as_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
