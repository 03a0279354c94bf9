/* What the two directions of HPACK share: the static table, RFC 7541 appendix A, and the dynamic one. */
#ifndef MAYFLY_RPC_HPACK_TABLE_H
#define MAYFLY_RPC_HPACK_TABLE_H

#include "rpc/hpack.h"

#define HPACK_STATIC_FIELDS 61

/* The field of an index; false where there is none. Its text lives until the next insertion. */
bool hpack_table_get(const struct hpack_table *table, size_t index, struct hpack_field *field);

/* The index of a field, or 0; *NAMED is set to that of a field with the same name, or to 0. */
size_t hpack_table_find(const struct hpack_table *table, struct hpack_field field, size_t *named);

/* Inserts a field, whose text may not lie in the table, and drops as many old ones as it takes. One that is too large
 * empties the table and is not inserted, which is no error (section 4.4). False when memory is out. */
bool hpack_table_insert(struct hpack_table *table, struct hpack_field field);

/* At most HPACK_TABLE_BYTES. */
void hpack_table_limit(struct hpack_table *table, size_t limit_bytes);

void hpack_table_init(struct hpack_table *table);
void hpack_table_free(struct hpack_table *table);

#endif
