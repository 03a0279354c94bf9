/* Sorted sets and leaderboards: a tree in the order of scores, from which ranks and ranges are read, and beside it one
 * by names' hashes, which tells a name's score. */
#include <math.h>

#include "store/memory/batch.h"
#include "store/memory/collection_kinds.h"
#include "store/memory/counted.h"

/* Up to so many elements names are looked for one by one. */
#define SMALL_MOST 64

/* batch_item.before: there was none; otherwise the key it had. No number has this key. */
#define INSERTED   UINT64_MAX

#define SIGN_BIT   ((uint64_t)1 << 63)

/* Scores as integers of the same order: zero and above past the middle, below it the more negative the lower. */
static uint64_t key_of(double score)
{
    double number = score + 0.0; /* there is one zero */
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static double score_of(uint64_t key)
{
    uint64_t bits = key & SIGN_BIT ? key & ~SIGN_BIT : ~key;
    double score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* How many have a key below KEY. */
static uint64_t count_below(const struct sorted *sorted, uint64_t key)
{
    struct tree_place place;
    if (sorted->by_score.count == 0)
        return 0;
    tree_seek(&sorted->by_score, key, &place);
    return tree_rank(&place);
}

/* The score's key that an entry of the second tree tells. */
static uint64_t entry_key(const struct tree_place *entry)
{
    uint64_t key;
    memcpy(&key, tree_record(entry).data, sizeof key);
    return key;
}

/* What the second tree says of a name's hash and key: entries that say the same mean the same. They stand by hash
 * alone, so that the key of one may change where it stands. */
static bool find_entry(const struct sorted *sorted, uint64_t hash, uint64_t key, struct tree_place *entry)
{
    if (sorted->by_name.count == 0)
        return false;
    tree_seek(&sorted->by_name, hash, entry);
    bool more = !tree_at_end(entry);
    for (; more && tree_key(entry) == hash; more = tree_next(entry)) {
        if (entry_key(entry) == key)
            return true;
    }
    return false;
}

/* Finds a small set's element. */
static bool find_slowly(const struct sorted *sorted, struct bytes name, struct tree_place *place)
{
    if (sorted->by_score.count == 0)
        return false;
    tree_select(&sorted->by_score, 0, place);
    do {
        if (bytes_equal(tree_name(&sorted->by_score, tree_record(place)), name))
            return true;
    } while (tree_next(place));
    return false;
}

/* Finds an element in the order of scores; HASH is its name's. */
static bool find_hashed(const struct sorted *sorted, uint64_t hash, struct bytes name,
                        struct tree_place *place)
{
    if (!sorted->has_by_name)
        return find_slowly(sorted, name, place);
    if (sorted->by_name.count == 0)
        return false;
    struct tree_place entry;
    tree_seek(&sorted->by_name, hash, &entry);
    bool more = !tree_at_end(&entry);
    for (; more && tree_key(&entry) == hash; more = tree_next(&entry)) {
        if (tree_find(&sorted->by_score, entry_key(&entry), name, place))
            return true;
    }
    return false;
}

static uint64_t hash_of(const struct sorted *sorted, struct bytes name)
{
    return sorted->has_by_name ? hash64(name, sorted->seed) : 0;
}

static bool find(const struct sorted *sorted, struct bytes name, struct tree_place *place)
{
    return find_hashed(sorted, hash_of(sorted, name), name, place);
}

static bool insert_entry(struct sorted *sorted, uint64_t hash, uint64_t key)
{
    struct tree_place place;
    tree_seek(&sorted->by_name, hash, &place);
    uint8_t *entry = tree_insert(&sorted->by_name, &place, hash, sizeof key);
    if (entry != NULL)
        memcpy(entry, &key, sizeof key);
    return entry != NULL;
}

static bool insert_record(struct sorted *sorted, uint64_t key, struct bytes name)
{
    struct tree_place place;
    tree_find(&sorted->by_score, key, name, &place);
    uint8_t *record = tree_insert(&sorted->by_score, &place, key, name.size);
    if (record != NULL)
        bytes_copy(record, name.data, name.size);
    return record != NULL;
}

static void remove_record(struct sorted *sorted, uint64_t key, struct bytes name)
{
    struct tree_place place;
    if (tree_find(&sorted->by_score, key, name, &place))
        tree_remove(&sorted->by_score, &place);
}

static void remove_entry(struct sorted *sorted, uint64_t hash, uint64_t key)
{
    struct tree_place place;
    if (sorted->has_by_name && find_entry(sorted, hash, key, &place))
        tree_remove(&sorted->by_name, &place);
}

/* Makes the second tree, once there are or will be more than a few elements. */
static bool see_to_names(struct sorted *sorted, size_t more)
{
    if (sorted->has_by_name || sorted->by_score.count + more <= SMALL_MOST)
        return true;
    struct tree_place place;
    bool left = sorted->by_score.count > 0;
    if (left)
        tree_select(&sorted->by_score, 0, &place);
    for (; left; left = tree_next(&place)) {
        struct bytes name = tree_name(&sorted->by_score, tree_record(&place));
        if (!insert_entry(sorted, hash64(name, sorted->seed), tree_key(&place))) {
            tree_free(&sorted->by_name);
            return false;
        }
    }
    sorted->has_by_name = true;
    return true;
}

/* The steps of putting an element: until all is sure, one whose score changes is there twice. */
static bool prepare(void *owner, const struct store_element *element, struct batch_item *item)
{
    struct sorted *sorted = owner;
    struct tree_place place;
    uint64_t key = key_of(element->score);
    item->before = INSERTED;
    if (find_hashed(sorted, item->hash, element->name, &place)) {
        item->before = tree_key(&place);
        return item->before == key || insert_record(sorted, key, element->name);
    }
    if (!insert_record(sorted, key, element->name))
        return false;
    if (!sorted->has_by_name || insert_entry(sorted, item->hash, key))
        return true;
    remove_record(sorted, key, element->name);
    return false;
}

static void commit(void *owner, const struct store_element *element, const struct batch_item *item)
{
    struct sorted *sorted = owner;
    struct tree_place place;
    uint64_t key = key_of(element->score);
    if (item->before == INSERTED || item->before == key)
        return;
    remove_record(sorted, item->before, element->name);
    if (sorted->has_by_name && find_entry(sorted, item->hash, item->before, &place))
        memcpy(tree_edit(&place), &key, sizeof key);
}

static void undo(void *owner, const struct store_element *element, const struct batch_item *item)
{
    struct sorted *sorted = owner;
    uint64_t key = key_of(element->score);
    if (item->before == key)
        return;
    remove_record(sorted, key, element->name);
    if (item->before == INSERTED)
        remove_entry(sorted, item->hash, key);
}

static enum store_status put(struct sorted *sorted, const struct store_element *elements, size_t count)
{
    static const struct batch_steps steps = {.prepare = prepare, .commit = commit, .undo = undo};
    if (!see_to_names(sorted, count))
        return STORE_NO_MEMORY;
    return batch_put(&steps, sorted, sorted->seed, elements, count);
}

uint64_t sorted_growth_most(const struct sorted *sorted, const struct store_command *command)
{
    uint64_t bytes = 0;
    uint64_t held = 0;
    uint64_t names = command->count;
    for (size_t i = 0; i < command->count; i++) {
        held += page_held(command->elements[i].name.size);
        bytes += page_outside_most(command->elements[i].name.size);
    }
    if (!sorted->has_by_name) {
        names += sorted->by_score.count;
        names = names > SMALL_MOST ? names : 0;
    }
    return bytes + tree_growth_most(&sorted->by_score, command->count, held) +
           tree_growth_most(&sorted->by_name, names, names * sizeof(uint64_t));
}

static void remove_all(struct sorted *sorted, const struct store_element *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tree_place place;
        uint64_t hash = hash_of(sorted, elements[i].name);
        if (!find_hashed(sorted, hash, elements[i].name, &place))
            continue;
        remove_entry(sorted, hash, tree_key(&place));
        tree_remove(&sorted->by_score, &place);
    }
}

static enum store_status increment(struct sorted *sorted, const struct store_command *command,
                                   struct store_reply *reply)
{
    struct store_element element = command->elements[0];
    struct tree_place place;
    if (find(sorted, element.name, &place))
        element.score += score_of(tree_key(&place));
    if (isnan(element.score))
        return STORE_NOT_NUMBER;
    element.score += 0.0;
    reply->score = element.score;
    return put(sorted, &element, 1);
}

static void read_record(const struct sorted *sorted, const struct tree_place *place, uint64_t rank,
                        struct store_element *element)
{
    *element = (struct store_element){
        .name = tree_name(&sorted->by_score, tree_record(place)),
        .score = score_of(tree_key(place)),
        .rank = rank,
        .found = true,
    };
}

static uint64_t rank_of(const struct sorted *sorted, const struct tree_place *place,
                        const struct store_command *command)
{
    uint64_t key = tree_key(place);
    if (!command->competition) {
        uint64_t rank = tree_rank(place);
        return command->descending ? sorted->by_score.count - 1 - rank : rank;
    }
    return command->descending ? sorted->by_score.count - count_below(sorted, key + 1)
                               : count_below(sorted, key);
}

/* STORE_SORTED_SCORE and STORE_SORTED_RANK. */
static enum store_status get(const struct sorted *sorted, const struct store_command *command,
                             struct collection_answer *answer, struct store_reply *reply)
{
    if (!collection_book(answer, command->count))
        return STORE_TOO_LARGE;
    struct store_element *elements = collection_elements(answer, reply, command->count);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    for (size_t i = 0; i < command->count; i++) {
        struct tree_place place;
        elements[i] = (struct store_element){.name = command->elements[i].name};
        if (!collection_book_element(answer, &elements[i]))
            return STORE_TOO_LARGE;
        if (!find(sorted, command->elements[i].name, &place))
            continue;
        uint64_t rank = command->kind == STORE_SORTED_RANK ? rank_of(sorted, &place, command) : 0;
        read_record(sorted, &place, rank, &elements[i]);
    }
    return STORE_OK;
}

/* Goes through the elements from FIRST up to END, counted in the order asked for. */
struct run {
    const struct tree *tree;
    struct tree_place place;
    uint64_t rank;
    uint64_t end;
    bool descending;
};

static struct run run_begin(const struct sorted *sorted, uint64_t first, uint64_t end, bool descending)
{
    const struct tree *tree = &sorted->by_score;
    struct run run = {.tree = tree, .rank = first, .end = end, .descending = descending};
    if (first < end)
        tree_select(tree, descending ? tree->count - 1 - first : first, &run.place);
    return run;
}

static void run_next(struct run *run)
{
    if (++run->rank == run->end)
        return;
    run->descending ? tree_prev(&run->place) : tree_next(&run->place);
}

/* Whether the run's elements have room in the reply. What takes less memory than that needs no look at each. */
static bool book_run(const struct sorted *sorted, struct run run, struct collection_answer *answer)
{
    if (!collection_book(answer, run.end - run.rank))
        return false;
    if (sorted->collection.bytes <= answer->room_bytes)
        return true;
    for (; run.rank < run.end; run_next(&run)) {
        struct store_element element;
        read_record(sorted, &run.place, run.rank, &element);
        if (!collection_book_element(answer, &element))
            return false;
    }
    return true;
}

static enum store_status fetch(const struct sorted *sorted, uint64_t first, uint64_t end, bool descending,
                               struct collection_answer *answer, struct store_reply *reply)
{
    struct run run = run_begin(sorted, first, end, descending);
    if (!book_run(sorted, run, answer))
        return STORE_TOO_LARGE;
    struct store_element *elements = collection_elements(answer, reply, end - first);
    if (elements == NULL)
        return STORE_NO_MEMORY;
    for (; run.rank < end; run_next(&run))
        read_record(sorted, &run.place, run.rank, elements++);
    return STORE_OK;
}

static enum store_status by_index(const struct sorted *sorted, const struct store_command *command,
                                  struct collection_answer *answer, struct store_reply *reply)
{
    uint64_t first;
    uint64_t end = collection_slice(command->start, command->end, sorted->by_score.count, &first);
    return fetch(sorted, first, end, command->descending, answer, reply);
}

/* The ranks, ascending, of what lies between the bounds: FIRST up to, without, the returned. */
static uint64_t between(const struct sorted *sorted, const struct store_command *command, uint64_t *first)
{
    *first = count_below(sorted, key_of(command->min.score) + command->min.exclusive);
    uint64_t end = count_below(sorted, key_of(command->max.score) + !command->max.exclusive);
    return end > *first ? end : *first;
}

static enum store_status by_score(const struct sorted *sorted, const struct store_command *command,
                                  struct collection_answer *answer, struct store_reply *reply)
{
    uint64_t first;
    uint64_t end = between(sorted, command, &first);
    uint64_t matches = end - first;
    if (command->descending)
        first = sorted->by_score.count - end;
    uint64_t offset = command->offset < matches ? command->offset : matches;
    uint64_t count = matches - offset < command->limit ? matches - offset : command->limit;
    return fetch(sorted, first + offset, first + offset + count, command->descending, answer, reply);
}

enum store_status sorted_apply(struct sorted *sorted, const struct store_command *command,
                               struct collection_answer *answer, struct store_reply *reply)
{
    uint64_t first;
    switch (command->kind) {
    case STORE_SORTED_PUT:
        return put(sorted, command->elements, command->count);
    case STORE_SORTED_SCORE:
    case STORE_SORTED_RANK:
        return get(sorted, command, answer, reply);
    case STORE_SORTED_REMOVE:
        remove_all(sorted, command->elements, command->count);
        return STORE_OK;
    case STORE_SORTED_INCREMENT:
        return increment(sorted, command, reply);
    case STORE_SORTED_BY_INDEX:
        return by_index(sorted, command, answer, reply);
    case STORE_SORTED_BY_SCORE:
        return by_score(sorted, command, answer, reply);
    case STORE_SORTED_COUNT:
        reply->number = (int64_t)between(sorted, command, &first);
        reply->number -= (int64_t)first;
        return STORE_OK;
    default:
        return STORE_WRONG_TYPE;
    }
}
