#include "rpc/hpack_table.h"

#include <stdlib.h>

/* Text of twice the table's size, so that it is moved to the front at most once for each table's worth of it. */
#define TEXT_BYTES ((size_t)2 * HPACK_TABLE_BYTES)

struct hpack_store {
    size_t start; /* of the oldest entry's text */
    size_t end;
    struct {
        uint16_t at;
        uint16_t name_size;
        uint16_t value_size;
    } entries[HPACK_ENTRIES_MAX];
    uint8_t text[TEXT_BYTES];
};

#define FIELD(name, value)                                                                                   \
    {                                                                                                        \
        {(const uint8_t *)(name), sizeof(name) - 1},                                                         \
        {                                                                                                    \
            (const uint8_t *)(value), sizeof(value) - 1                                                      \
        }                                                                                                    \
    }

static const struct hpack_field static_fields[HPACK_STATIC_FIELDS] = {
    FIELD(":authority", ""),
    FIELD(":method", "GET"),
    FIELD(":method", "POST"),
    FIELD(":path", "/"),
    FIELD(":path", "/index.html"),
    FIELD(":scheme", "http"),
    FIELD(":scheme", "https"),
    FIELD(":status", "200"),
    FIELD(":status", "204"),
    FIELD(":status", "206"),
    FIELD(":status", "304"),
    FIELD(":status", "400"),
    FIELD(":status", "404"),
    FIELD(":status", "500"),
    FIELD("accept-charset", ""),
    FIELD("accept-encoding", "gzip, deflate"),
    FIELD("accept-language", ""),
    FIELD("accept-ranges", ""),
    FIELD("accept", ""),
    FIELD("access-control-allow-origin", ""),
    FIELD("age", ""),
    FIELD("allow", ""),
    FIELD("authorization", ""),
    FIELD("cache-control", ""),
    FIELD("content-disposition", ""),
    FIELD("content-encoding", ""),
    FIELD("content-language", ""),
    FIELD("content-length", ""),
    FIELD("content-location", ""),
    FIELD("content-range", ""),
    FIELD("content-type", ""),
    FIELD("cookie", ""),
    FIELD("date", ""),
    FIELD("etag", ""),
    FIELD("expect", ""),
    FIELD("expires", ""),
    FIELD("from", ""),
    FIELD("host", ""),
    FIELD("if-match", ""),
    FIELD("if-modified-since", ""),
    FIELD("if-none-match", ""),
    FIELD("if-range", ""),
    FIELD("if-unmodified-since", ""),
    FIELD("last-modified", ""),
    FIELD("link", ""),
    FIELD("location", ""),
    FIELD("max-forwards", ""),
    FIELD("proxy-authenticate", ""),
    FIELD("proxy-authorization", ""),
    FIELD("range", ""),
    FIELD("referer", ""),
    FIELD("refresh", ""),
    FIELD("retry-after", ""),
    FIELD("server", ""),
    FIELD("set-cookie", ""),
    FIELD("strict-transport-security", ""),
    FIELD("transfer-encoding", ""),
    FIELD("user-agent", ""),
    FIELD("vary", ""),
    FIELD("via", ""),
    FIELD("www-authenticate", ""),
};

/* The field that was inserted as the NTH ever, the first being 0. */
static struct hpack_field field_at(const struct hpack_table *table, uint64_t nth)
{
    const struct hpack_store *store = table->store;
    size_t slot = nth % HPACK_ENTRIES_MAX;
    const uint8_t *name = store->text + store->entries[slot].at;
    return (struct hpack_field){
        bytes_make(name, store->entries[slot].name_size),
        bytes_make(name + store->entries[slot].name_size, store->entries[slot].value_size),
    };
}

static struct hpack_field field_of(const struct hpack_table *table, size_t index)
{
    if (index <= HPACK_STATIC_FIELDS)
        return static_fields[index - 1];
    return field_at(table, table->inserted - (index - HPACK_STATIC_FIELDS));
}

bool hpack_table_get(const struct hpack_table *table, size_t index, struct hpack_field *field)
{
    if (index == 0 || index > HPACK_STATIC_FIELDS + table->count)
        return false;
    *field = field_of(table, index);
    return true;
}

size_t hpack_table_find(const struct hpack_table *table, struct hpack_field field, size_t *named)
{
    *named = 0;
    for (size_t index = 1; index <= HPACK_STATIC_FIELDS + table->count; index++) {
        struct hpack_field other = field_of(table, index);
        if (!bytes_equal(other.name, field.name))
            continue;
        if (bytes_equal(other.value, field.value))
            return index;
        if (*named == 0)
            *named = index;
    }
    return 0;
}

static void drop_oldest(struct hpack_table *table)
{
    struct hpack_field oldest = field_at(table, table->inserted - table->count);
    table->bytes -= hpack_field_bytes(oldest);
    table->store->start += oldest.name.size + oldest.value.size;
    table->count--;
}

static void shrink_to(struct hpack_table *table, size_t bytes)
{
    while (table->bytes > bytes)
        drop_oldest(table);
}

/* Makes room for SIZE bytes of text behind the newest entry's; there is as much in all. */
static void make_room(struct hpack_table *table, size_t size)
{
    struct hpack_store *store = table->store;
    if (TEXT_BYTES - store->end >= size)
        return;
    memmove(store->text, store->text + store->start, store->end - store->start);
    for (uint64_t nth = table->inserted - table->count; nth < table->inserted; nth++)
        store->entries[nth % HPACK_ENTRIES_MAX].at -= (uint16_t)store->start;
    store->end -= store->start;
    store->start = 0;
}

bool hpack_table_insert(struct hpack_table *table, struct hpack_field field)
{
    size_t bytes = hpack_field_bytes(field);
    table->generation++;
    shrink_to(table, bytes <= table->limit_bytes ? table->limit_bytes - bytes : 0);
    if (bytes > table->limit_bytes)
        return true;
    if (table->store == NULL)
        table->store = calloc(1, sizeof *table->store);
    struct hpack_store *store = table->store;
    if (store == NULL)
        return false;
    make_room(table, field.name.size + field.value.size);
    size_t slot = table->inserted % HPACK_ENTRIES_MAX;
    store->entries[slot].at = (uint16_t)store->end;
    store->entries[slot].name_size = (uint16_t)field.name.size;
    store->entries[slot].value_size = (uint16_t)field.value.size;
    bytes_copy(store->text + store->end, field.name.data, field.name.size);
    bytes_copy(store->text + store->end + field.name.size, field.value.data, field.value.size);
    store->end += field.name.size + field.value.size;
    table->bytes += bytes;
    table->inserted++;
    table->count++;
    return true;
}

void hpack_table_limit(struct hpack_table *table, size_t limit_bytes)
{
    table->generation++;
    table->limit_bytes = limit_bytes;
    shrink_to(table, limit_bytes);
}

void hpack_table_init(struct hpack_table *table)
{
    *table = (struct hpack_table){.limit_bytes = HPACK_TABLE_BYTES};
}

void hpack_table_free(struct hpack_table *table)
{
    /* An API key does not stay behind in memory that is free. */
    if (table->store != NULL)
        explicit_bzero(table->store, sizeof *table->store);
    free(table->store);
    table->store = NULL;
}
