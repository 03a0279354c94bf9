/* Reads requests on collections where they lie, straight into the store's command: a layout says what each field of a
 * message is, so that a method is a table and no message is built only to be copied. Texts and bytes point into the
 * message; elements, ranges and sources lie in an arena, and no more of them are read than was allowed.
 *
 * What is accepted is what a conforming protobuf parser accepts: the last of equal fields counts, messages that occur
 * twice are merged, another member of a oneof takes the place of the one before. Texts are not checked for UTF-8. */
#ifndef MAYFLY_SERVER_PARTS_H
#define MAYFLY_SERVER_PARTS_H

#include "base/arena.h"
#include "store/store.h"

/* What a field is, named after where it goes in struct store_command or in struct parts. */
enum part {
    PART_NONE, /* passed over */
    PART_KEY,

    /* The one element of a layout with `single`. */
    PART_ELEMENT,
    PART_ELEMENT_SCORE,

    /* Repeated fields. */
    PART_NAMES,     /* bytes */
    PART_PAIRS,     /* { bytes name = 1; bytes value = 2; } */
    PART_SCORED,    /* { bytes name = 1; double score = 2; } */
    PART_ID_SCORED, /* { uint32 id = 1; double score = 3; }; the id is in `rank` */
    PART_IDS,       /* uint32; the id is in `rank` */
    PART_RANGES,    /* { uint32 begin = 1; uint32 count = 2; } */
    PART_SOURCES,   /* { bytes key = 1; float weight = 2; } */

    PART_TTL,
    PART_REFRESH_TTL,
    PART_AMOUNT,
    PART_OFFSET,
    PART_LIMIT,        /* uint64 */
    PART_LIMIT_32,     /* uint32 */
    PART_LIMIT_SIGNED, /* sint32: below zero it is none */
    PART_ORDER,
    PART_AGGREGATE,
    PART_WITH_SCORES,

    /* Slices: sint32, uint32, and a message that leaves the end open. */
    PART_START,
    PART_START_RANK,
    PART_START_OPEN,
    PART_END,
    PART_END_RANK,
    PART_END_OPEN,

    /* Scores: double, double, { double score = 1; bool exclusive = 2; }, and a message that leaves the end open. */
    PART_MIN,
    PART_MIN_EXCLUSIVE,
    PART_MIN_BOUND,
    PART_MIN_OPEN,
    PART_MAX,
    PART_MAX_EXCLUSIVE,
    PART_MAX_BOUND,
    PART_MAX_OPEN,

    /* Messages with a layout of their own. Those that are choices share one oneof in the message they are in. */
    PART_MESSAGE,
    PART_CHOICE,
};

#define PARTS_FIELDS 8 /* field numbers are below this */
#define PARTS_DEPTH  3 /* messages in messages */

struct parts_layout {
    enum part fields[PARTS_FIELDS];                 /* by number */
    const struct parts_layout *inner[PARTS_FIELDS]; /* of messages; NULL: they have no fields */
    bool single;                                    /* there is one element, also where no field names it */
};

struct parts {
    struct store_command command;
    int32_t order;     /* as on the wire, where any number may come */
    int32_t aggregate; /* likewise */
    bool with_scores;
    bool element_set;            /* PART_ELEMENT was there */
    bool min_set;                /* the bound was given, and is not open */
    bool max_set;                /* likewise */
    uint8_t choice[PARTS_DEPTH]; /* the number of the oneof's member, by depth; 0: not set */

    struct store_element single;
    struct store_element *elements;
    struct store_range *ranges;
    struct store_source *sources;
    size_t capacity; /* of whichever of the three there is */
};

enum parts_status { PARTS_READ, PARTS_MALFORMED, PARTS_TOO_MANY, PARTS_NO_MEMORY };

/* Where nothing is said: all of a collection, no elements, limit zero. */
void parts_init(struct parts *parts);

/* Reads a message over what is there. PARTS stays where it is afterwards: its command may point into it. */
enum parts_status parts_read(struct parts *parts, struct bytes message, const struct parts_layout *layout,
                             size_t entries_most, struct arena *arena);

#endif
