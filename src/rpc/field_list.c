#include "rpc/field_list.h"

bool field_list_add(struct field_list *list, struct bytes name, struct bytes value)
{
    /* Sizes only, until all text is there: the buffer moves as it grows. */
    struct metadata_pair pair = {bytes_make(NULL, name.size), bytes_make(NULL, value.size)};
    if (!buffer_reserve(&list->text, name.size + value.size) ||
        !buffer_append(&list->pairs, bytes_make(&pair, sizeof pair)))
        return false;
    return buffer_append(&list->text, name) && buffer_append(&list->text, value);
}

const struct metadata_pair *field_list_pairs(struct field_list *list)
{
    struct metadata_pair *pairs = (struct metadata_pair *)(void *)list->pairs.data;
    const uint8_t *text = list->text.data;
    for (size_t i = 0; i < field_list_count(list); i++) {
        pairs[i].name.data = text;
        text += pairs[i].name.size;
        pairs[i].value.data = text;
        text += pairs[i].value.size;
    }
    return pairs;
}

void field_list_reset(struct field_list *list, size_t keep)
{
    buffer_reset(&list->pairs, keep);
    buffer_reset(&list->text, keep);
}

void field_list_free(struct field_list *list)
{
    buffer_free(&list->pairs);
    buffer_free(&list->text);
}

void field_list_wipe(struct field_list *list)
{
    buffer_free(&list->pairs);
    buffer_wipe(&list->text);
}
