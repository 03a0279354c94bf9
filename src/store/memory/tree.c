/* A change is made in a leaf first and then carried upward along the path by which it was reached: counts, first
 * keys, and where a leaf overflowed, its division. All memory for that is taken before anything is divided. */
#include "store/memory/tree.h"

#include <limits.h>

#include "store/memory/counted.h"

/* Inner nodes grow by so many branches: small steps, since many of them may grow at one command. */
#define BRANCH_STEP 2u

#define CACHE_LINE  64

/* Bytes by which a page that came of a division grows at least before it divides: it has its half and at most one
 * record more than its half. */
#define APART_BYTES 600u

/* The most that an insertion costs beside its bytes: the step by which its page grows; or when that divides, a head, a
 * branch, and what the allocator rounds up. And the most that the division of an inner node costs. */
#define EVENT_BYTES ((uint64_t)160)

/* What is compared: a record's key and name. Without a name it stands before all of its key. */
struct probe {
    uint64_t key;
    const struct bytes *name;
};

size_t tree_size_of_size(size_t size)
{
    size_t bytes = 1;
    for (; size >= 0x80; size >>= 7)
        bytes++;
    return bytes;
}

uint8_t *tree_write_size(uint8_t *to, size_t size)
{
    for (; size >= 0x80; size >>= 7)
        *to++ = (uint8_t)(size | 0x80);
    *to++ = (uint8_t)size;
    return to;
}

struct bytes tree_name(const struct tree *tree, struct bytes record)
{
    if (!tree->sized_names)
        return record;
    const uint8_t *data = record.data;
    size_t size = 0;
    unsigned shift = 0;
    for (; *data >= 0x80; shift += 7)
        size |= (size_t)(*data++ & 0x7f) << shift;
    size |= (size_t)*data++ << shift;
    return bytes_make(data, size);
}

struct bytes tree_payload(const struct tree *tree, struct bytes record)
{
    struct bytes name = tree_name(tree, record);
    const uint8_t *data = name.data + name.size;
    return bytes_make(data, (size_t)(record.data + record.size - data));
}

static int compare(const struct tree *tree, struct probe probe, const struct page *page, unsigned at)
{
    uint64_t key = page_key(page, at);
    if (probe.key != key)
        return probe.key < key ? -1 : 1;
    return probe.name == NULL ? -1 : bytes_compare(*probe.name, tree_name(tree, page_at(page, at)));
}

static const struct page *first_page(union tree_node node, unsigned height)
{
    for (; height > 0; height--)
        node = node.inner->branches[0].child;
    return node.page;
}

/* Whether what is looked for comes before all of a branch, whose child has HEIGHT levels below it. */
static bool lies_before(const struct tree *tree, struct probe probe, const struct tree_branch *branch,
                        unsigned height)
{
    if (probe.key != branch->key)
        return probe.key < branch->key;
    return probe.name == NULL || compare(tree, probe, first_page(branch->child, height), 0) < 0;
}

/* Asks for what a search of the node reads, all at once rather than one step after the other. */
static void bring_near(const void *node, size_t size)
{
    for (size_t at = 0; at < size; at += CACHE_LINE)
        __builtin_prefetch((const uint8_t *)node + at);
}

/* Goes to the last record that is not after the probe, or to the place behind it. */
static bool descend(const struct tree *tree, struct probe probe, struct tree_place *place)
{
    union tree_node node = tree->root;
    place->height = tree->height;
    for (unsigned level = tree->height; level-- > 0;) {
        struct tree_inner *inner = node.inner;
        unsigned low = 0;
        unsigned high = inner->count;
        while (high - low > 1) {
            unsigned middle = (low + high) / 2;
            if (lies_before(tree, probe, &inner->branches[middle], level))
                high = middle;
            else
                low = middle;
        }
        place->steps[level].inner = inner;
        place->steps[level].at = low;
        node = inner->branches[low].child;
        bring_near(node.page, level > 0 ? sizeof(struct tree_branch) * TREE_FANOUT : PAGE_MOST / 2);
    }

    place->page = node.page;
    place->at = 0;
    unsigned high = node.page == NULL ? 0 : node.page->count;
    while (place->at < high) {
        unsigned middle = (place->at + high) / 2;
        int order = compare(tree, probe, node.page, middle);
        if (order == 0) {
            place->at = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            place->at = middle + 1;
    }
    return false;
}

bool tree_find(const struct tree *tree, uint64_t key, struct bytes name, struct tree_place *place)
{
    return descend(tree, (struct probe){.key = key, .name = &name}, place);
}

/* Goes to the leaf after (or before), if there is one. */
static bool next_page(struct tree_place *place)
{
    unsigned level = 0;
    while (level < place->height && place->steps[level].at + 1u == place->steps[level].inner->count)
        level++;
    if (level == place->height)
        return false;
    union tree_node node = place->steps[level].inner->branches[++place->steps[level].at].child;
    while (level-- > 0) {
        place->steps[level].inner = node.inner;
        place->steps[level].at = 0;
        node = node.inner->branches[0].child;
    }
    place->page = node.page;
    place->at = 0;
    return true;
}

static bool prev_page(struct tree_place *place)
{
    unsigned level = 0;
    while (level < place->height && place->steps[level].at == 0)
        level++;
    if (level == place->height)
        return false;
    union tree_node node = place->steps[level].inner->branches[--place->steps[level].at].child;
    while (level-- > 0) {
        place->steps[level].inner = node.inner;
        place->steps[level].at = node.inner->count - 1u;
        node = node.inner->branches[node.inner->count - 1].child;
    }
    place->page = node.page;
    place->at = node.page->count - 1u;
    return true;
}

bool tree_next(struct tree_place *place)
{
    if (place->at + 1u < place->page->count) {
        place->at++;
        return true;
    }
    return next_page(place);
}

bool tree_prev(struct tree_place *place)
{
    if (place->at > 0) {
        place->at--;
        return true;
    }
    return prev_page(place);
}

void tree_seek(const struct tree *tree, uint64_t key, struct tree_place *place)
{
    descend(tree, (struct probe){.key = key}, place);
    if (tree_at_end(place))
        next_page(place);
}

void tree_select(const struct tree *tree, uint64_t rank, struct tree_place *place)
{
    union tree_node node = tree->root;
    place->height = tree->height;
    for (unsigned level = tree->height; level-- > 0;) {
        struct tree_inner *inner = node.inner;
        unsigned at = 0;
        while (rank >= inner->branches[at].count)
            rank -= inner->branches[at++].count;
        place->steps[level].inner = inner;
        place->steps[level].at = at;
        node = inner->branches[at].child;
    }
    place->page = node.page;
    place->at = (unsigned)rank;
}

uint64_t tree_rank(const struct tree_place *place)
{
    uint64_t rank = place->at;
    for (unsigned level = 0; level < place->height; level++) {
        for (unsigned i = 0; i < place->steps[level].at; i++)
            rank += place->steps[level].inner->branches[i].count;
    }
    return rank;
}

uint8_t *tree_edit(struct tree_place *place)
{
    return page_edit(place->page, place->at);
}

/* Where the path refers to the node at LEVEL; level 0 is that above the page. */
static union tree_node *link_to(struct tree *tree, struct tree_place *place, unsigned level)
{
    if (level == place->height)
        return &tree->root;
    return &place->steps[level].inner->branches[place->steps[level].at].child;
}

static void set_page(struct tree *tree, struct tree_place *place)
{
    link_to(tree, place, 0)->page = place->page;
}

static size_t inner_size(unsigned room)
{
    return sizeof(struct tree_inner) + room * sizeof(struct tree_branch);
}

static struct tree_inner *inner_create(struct tree *tree, unsigned room)
{
    struct tree_inner *inner = counted_take(inner_size(room), tree->bytes);
    if (inner == NULL)
        return NULL;
    *inner = (struct tree_inner){.room = (uint16_t)room};
    tree->inners++;
    return inner;
}

static void inner_free(struct tree *tree, struct tree_inner *inner)
{
    counted_give(inner, tree->bytes);
    tree->inners--;
}

/* Gives the path's node at LEVEL another room; it may move. */
static bool inner_resize(struct tree *tree, struct tree_place *place, unsigned level, unsigned room)
{
    struct tree_inner *inner = counted_resize(place->steps[level].inner, inner_size(room), tree->bytes);
    if (inner == NULL)
        return false;
    inner->room = (uint16_t)room;
    place->steps[level].inner = inner;
    link_to(tree, place, level + 1)->inner = inner;
    return true;
}

static void inner_add(struct tree_inner *inner, unsigned at, struct tree_branch branch)
{
    memmove(&inner->branches[at + 1], &inner->branches[at], (inner->count - at) * sizeof branch);
    inner->branches[at] = branch;
    inner->count++;
}

static void inner_drop(struct tree_inner *inner, unsigned at)
{
    inner->count--;
    memmove(&inner->branches[at], &inner->branches[at + 1], (inner->count - at) * sizeof inner->branches[0]);
}

static uint64_t inner_total(const struct tree_inner *inner)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < inner->count; i++)
        total += inner->branches[i].count;
    return total;
}

/* Adds to the counts along the path. */
static void count_along(struct tree_place *place, int change)
{
    for (unsigned level = 0; level < place->height; level++)
        place->steps[level].inner->branches[place->steps[level].at].count += (uint32_t)change;
}

/* Makes the keys along the path those of first records again, from LEVEL upward. */
static void refresh_keys(struct tree_place *place, unsigned level)
{
    for (; level < place->height; level++) {
        struct tree_branch *branch = &place->steps[level].inner->branches[place->steps[level].at];
        branch->key = level == 0 ? page_key(place->page, 0) : branch->child.inner->branches[0].key;
    }
}

/* Whether nothing in the tree comes after (or before) what the path's step at LEVEL leads to. */
static bool is_last(const struct tree_place *place, unsigned level)
{
    for (; level < place->height; level++) {
        if (place->steps[level].at + 1u < place->steps[level].inner->count)
            return false;
    }
    return true;
}

static bool is_first(const struct tree_place *place, unsigned level)
{
    for (; level < place->height; level++) {
        if (place->steps[level].at > 0)
            return false;
    }
    return true;
}

/* What a division needs: a sibling for each full node on the path, which are the lowest, and a root if all of them are;
 * NULL from there on. */
struct division {
    struct tree_inner *fresh[TREE_LEVELS_MOST + 1];
    unsigned count;
};

static unsigned inner_cut(const struct tree_place *place, unsigned level)
{
    bool appends = place->steps[level].at + 1u == TREE_FANOUT && is_last(place, level + 1);
    return appends ? TREE_FANOUT : TREE_FANOUT / 2;
}

static bool division_prepare(struct tree *tree, struct tree_place *place, struct division *division)
{
    unsigned level = 0;
    for (; level < place->height; level++) {
        struct tree_inner *inner = place->steps[level].inner;
        if (inner->count == inner->room && !inner_resize(tree, place, level, inner->room + BRANCH_STEP))
            return false;
        if (place->steps[level].inner->count < TREE_FANOUT)
            return true;
        unsigned cut = inner_cut(place, level);
        division->fresh[level] = inner_create(tree, TREE_FANOUT + 1 - cut);
        if (division->fresh[level] == NULL)
            return false;
        division->count++;
    }
    if (level == TREE_LEVELS_MOST)
        return false;
    division->fresh[level] = inner_create(tree, BRANCH_STEP);
    division->count += division->fresh[level] != NULL;
    return division->fresh[level] != NULL;
}

static void division_abandon(struct tree *tree, struct division *division)
{
    while (division->count > 0)
        inner_free(tree, division->fresh[--division->count]);
}

/* Moves the branches from CUT on into SIBLING; returns the branch that leads there. */
static struct tree_branch inner_split(struct tree *tree, struct tree_place *place, unsigned level,
                                      unsigned cut, struct tree_inner *sibling)
{
    struct tree_inner *inner = place->steps[level].inner;
    sibling->count = (uint16_t)(inner->count - cut);
    memcpy(sibling->branches, &inner->branches[cut], sibling->count * sizeof sibling->branches[0]);
    inner->count = (uint16_t)cut;
    inner_resize(tree, place, level, cut);
    return (struct tree_branch){
        .key = sibling->branches[0].key,
        .child.inner = sibling,
        .count = (uint32_t)inner_total(sibling),
    };
}

/* Puts a new root above the old one and BRANCH. */
static void grow_root(struct tree *tree, struct tree_inner *root, uint64_t first_key,
                      struct tree_branch branch)
{
    struct tree_branch old = {
        .key = first_key,
        .child = tree->root,
        .count = tree->count - branch.count,
    };
    inner_add(root, 0, old);
    inner_add(root, 1, branch);
    tree->root.inner = root;
    tree->height++;
}

/* Inserts BRANCH, which was divided off from what the path leads to, and divides what overflows by it. */
static void division_carry(struct tree *tree, struct tree_place *place, struct division *division,
                           struct tree_branch branch)
{
    uint64_t first_key = page_key(place->page, 0);
    for (unsigned level = 0; level < place->height; level++) {
        struct tree_inner *inner = place->steps[level].inner;
        unsigned at = place->steps[level].at;
        struct tree_inner *sibling = division->fresh[level];
        unsigned cut = sibling == NULL ? 0 : inner_cut(place, level);
        inner->branches[at].count -= branch.count;
        inner_add(inner, at + 1, branch);
        if (sibling == NULL)
            return;
        branch = inner_split(tree, place, level, cut, sibling);
        first_key = place->steps[level].inner->branches[0].key;
    }
    if (division->fresh[place->height] != NULL)
        grow_root(tree, division->fresh[place->height], first_key, branch);
}

/* Divides the path's page, which overflows by the record at the place. Returns that record. */
static uint8_t *divide(struct tree *tree, struct tree_place *place)
{
    unsigned cut = page_middle(place->page);
    if (place->at + 1u == place->page->count && is_last(place, 0))
        cut = place->at;
    else if (place->at == 0 && is_first(place, 0))
        cut = 1;

    struct division division = {0};
    struct page *other = NULL;
    if (division_prepare(tree, place, &division))
        other = page_split(place->page, cut, tree->bytes);
    if (other == NULL) {
        division_abandon(tree, &division);
        return NULL;
    }
    tree->pages++;
    page_fit(&place->page, tree->bytes);
    set_page(tree, place);
    struct tree_branch branch = {
        .key = page_key(other, 0),
        .child.page = other,
        .count = other->count,
    };
    bool stays = place->at < cut;
    uint8_t *record = stays ? page_edit(place->page, place->at) : page_edit(other, place->at - cut);
    division_carry(tree, place, &division, branch);
    return record;
}

/* Each page that is there may divide at once, others after they have grown apart, and each that is there or comes of a
 * division may grow by a step; so may nodes divide that are full, and one more for each half of a node of new ones. */
uint64_t tree_growth_most(const struct tree *tree, uint64_t count, uint64_t size)
{
    size += count * PAGE_SLOT_KEYED;
    uint64_t divisions = tree->pages + size / APART_BYTES + 2;
    divisions = divisions < count ? divisions : count;
    uint64_t events = tree->pages + 2 * divisions;
    events = events < count ? events : count;
    uint64_t above = tree->inners + divisions / (TREE_FANOUT / 2 - 1) + TREE_LEVELS_MOST;
    uint64_t most_above = divisions * (tree->height + 1u);
    return size + (events + (above < most_above ? above : most_above) + 1) * EVENT_BYTES;
}

uint8_t *tree_insert(struct tree *tree, struct tree_place *place, uint64_t key, size_t size)
{
    bool first = place->page == NULL;
    if (first && (place->page = page_create(PAGE_SLOT_KEYED, size, tree->bytes)) == NULL)
        return NULL;
    bool overflows = !page_takes(place->page, size);
    uint8_t *record = page_insert(&place->page, place->at, size, tree->bytes);
    if (record == NULL) {
        if (first)
            counted_give(place->page, tree->bytes);
        return NULL;
    }
    page_set_key(place->page, place->at, key);
    set_page(tree, place);
    tree->pages += first;
    tree->count++;
    count_along(place, 1);
    refresh_keys(place, 0);
    if (overflows && (record = divide(tree, place)) == NULL) {
        page_cut(place->page, place->at, 1, tree->bytes);
        tree->count--;
        count_along(place, -1);
        refresh_keys(place, 0);
        return NULL;
    }
    return record;
}

uint8_t *tree_resize(struct tree *tree, struct tree_place *place, size_t size)
{
    size_t before = tree_record(place).size;
    uint8_t *record = page_resize(&place->page, place->at, size, tree->bytes);
    if (record == NULL)
        return NULL;
    if (size < before) {
        page_trim(&place->page, tree->bytes);
        record = page_edit(place->page, place->at);
    }
    set_page(tree, place);
    if (size > before && page_live(place->page) > PAGE_MOST && (record = divide(tree, place)) == NULL) {
        page_resize(&place->page, place->at, before, tree->bytes);
        set_page(tree, place);
        return NULL;
    }
    return record;
}

/* Makes a node's children AT and AT + 1 one, if that is better. */
static bool absorb_pages(struct tree *tree, struct tree_inner *parent, unsigned at)
{
    struct tree_branch *left = &parent->branches[at];
    struct tree_branch *right = &parent->branches[at + 1];
    if (!page_should_absorb(left->child.page, right->child.page) ||
        !page_absorb(&left->child.page, right->child.page, tree->bytes))
        return false;
    tree->pages--;
    left->count += right->count;
    inner_drop(parent, at + 1);
    return true;
}

static bool absorb_inners(struct tree *tree, struct tree_inner *parent, unsigned at)
{
    struct tree_branch *left = &parent->branches[at];
    struct tree_branch *right = &parent->branches[at + 1];
    unsigned a = left->child.inner->count;
    unsigned b = right->child.inner->count;
    if ((a >= TREE_FANOUT / 4 && b >= TREE_FANOUT / 4) || a + b > TREE_FANOUT / 4 * 3)
        return false;
    struct tree_inner *merged = counted_resize(left->child.inner, inner_size(a + b), tree->bytes);
    if (merged == NULL)
        return false;
    memcpy(&merged->branches[a], right->child.inner->branches, b * sizeof merged->branches[0]);
    merged->count = merged->room = (uint16_t)(a + b);
    inner_free(tree, right->child.inner);
    left->child.inner = merged;
    left->count += right->count;
    inner_drop(parent, at + 1);
    return true;
}

/* Merges what the path leads to with its neighbours where it has become small, from the children of the node at LEVEL
 * upward. */
static void close_ranks(struct tree *tree, struct tree_place *place, unsigned level)
{
    for (; level < place->height; level++) {
        struct tree_inner *inner = place->steps[level].inner;
        unsigned at = place->steps[level].at;
        bool (*absorb)(struct tree *, struct tree_inner *, unsigned) =
            level == 0 ? absorb_pages : absorb_inners;
        bool changed = at + 1u < inner->count && absorb(tree, inner, at);
        changed |= at > 0 && absorb(tree, inner, at - 1);
        if (!changed && inner->count >= TREE_FANOUT / 4)
            return;
    }
    while (tree->height > 0 && tree->root.inner->count == 1) {
        union tree_node root = tree->root;
        tree->root = root.inner->branches[0].child;
        tree->height--;
        inner_free(tree, root.inner);
    }
}

/* The path's page has lost its last record: it goes, and so do the nodes that led to it alone. Returns the level of
 * the first that stays. */
static unsigned unlink_page(struct tree *tree, struct tree_place *place)
{
    counted_give(place->page, tree->bytes);
    tree->pages--;
    place->page = NULL;
    for (unsigned level = 0; level < place->height; level++) {
        struct tree_inner *inner = place->steps[level].inner;
        inner_drop(inner, place->steps[level].at);
        if (inner->count > 0)
            return level;
        inner_free(tree, inner);
    }
    tree->root.page = NULL;
    tree->height = 0;
    return place->height;
}

void tree_remove(struct tree *tree, struct tree_place *place)
{
    tree->count--;
    count_along(place, -1);
    page_cut(place->page, place->at, 1, tree->bytes);
    if (place->page->count > 0) {
        page_trim(&place->page, tree->bytes);
        set_page(tree, place);
        refresh_keys(place, 0);
        if (page_live(place->page) < PAGE_SMALL)
            close_ranks(tree, place, 0);
        return;
    }
    unsigned level = unlink_page(tree, place);
    if (level == place->height)
        return;
    refresh_keys(place, level + 1);
    close_ranks(tree, place, level + 1);
}

static bool free_node(struct tree *tree, union tree_node node, unsigned height, unsigned *budget)
{
    if (height == 0)
        return page_free_piece(node.page, budget, tree->bytes);
    struct tree_inner *inner = node.inner;
    while (inner->count > 0) {
        if (!free_node(tree, inner->branches[inner->count - 1].child, height - 1, budget))
            return false;
        inner->count--;
    }
    inner_free(tree, inner);
    return true;
}

bool tree_free_piece(struct tree *tree, unsigned *budget)
{
    if (tree->root.page != NULL && !free_node(tree, tree->root, tree->height, budget))
        return false;
    *tree = (struct tree){.sized_names = tree->sized_names, .bytes = tree->bytes};
    return true;
}

void tree_free(struct tree *tree)
{
    unsigned budget = UINT_MAX;
    tree_free_piece(tree, &budget);
}
