/* Each form has two functions, for the size of one element's message and for its fields; what surrounds them is
 * the same for all. */
#include "server/elements.h"

#include "proto/hot.h"
#include "proto/write.h"

static const uint8_t elements_tag = WRITE_BYTES_TAG(1);

static uint32_t id_of(const struct store_element *element)
{
    uint32_t id = 0;
    for (size_t i = 0; i < element->name.size; i++)
        id = id << 8 | element->name.data[i];
    return id;
}

static uint64_t result_of(const struct store_element *element)
{
    return element->found ? HOT_RESULT_HIT : HOT_RESULT_MISS;
}

static bool is_told(enum elements_form form, const struct store_element *element)
{
    return form != ELEMENTS_RANKED_FOUND || element->found;
}

/* The size of an element's message, or of its bytes. */
static size_t element_size(enum elements_form form, const struct store_element *element)
{
    switch (form) {
    case ELEMENTS_NAMES:
        return element->name.size;
    case ELEMENTS_PAIRS:
        return write_bytes_field_size(element->name.size) + write_bytes_field_size(element->value.size);
    case ELEMENTS_SCORED:
        return write_bytes_field_size(element->name.size) + write_double_field_size(element->score);
    case ELEMENTS_VALUE_ANSWERS:
        return write_varint_field_size(result_of(element)) +
               (element->found ? write_bytes_field_size(element->value.size) : 0);
    case ELEMENTS_SCORE_ANSWERS:
        return write_varint_field_size(result_of(element)) +
               (element->found ? write_double_field_size(element->score) : 0);
    case ELEMENTS_RANKED:
    case ELEMENTS_RANKED_FOUND:
        return write_varint_field_size(id_of(element)) + write_varint_field_size(element->rank) +
               write_double_field_size(element->score);
    case ELEMENTS_CONTAINED:
        break; /* has no messages */
    }
    return 0;
}

static uint8_t *element_write(uint8_t *to, enum elements_form form, const struct store_element *element)
{
    switch (form) {
    case ELEMENTS_NAMES:
        bytes_copy(to, element->name.data, element->name.size);
        return to + element->name.size;
    case ELEMENTS_PAIRS:
        to = write_bytes_field(to, WRITE_BYTES_TAG(1), element->name);
        return write_bytes_field(to, WRITE_BYTES_TAG(2), element->value);
    case ELEMENTS_SCORED:
        to = write_bytes_field(to, WRITE_BYTES_TAG(1), element->name);
        return write_double_field(to, WRITE_FIXED64_TAG(2), element->score);
    case ELEMENTS_VALUE_ANSWERS:
        to = write_varint_field(to, WRITE_VARINT_TAG(1), result_of(element));
        return element->found ? write_bytes_field(to, WRITE_BYTES_TAG(2), element->value) : to;
    case ELEMENTS_SCORE_ANSWERS:
        to = write_varint_field(to, WRITE_VARINT_TAG(1), result_of(element));
        return element->found ? write_double_field(to, WRITE_FIXED64_TAG(2), element->score) : to;
    case ELEMENTS_RANKED:
    case ELEMENTS_RANKED_FOUND:
        to = write_varint_field(to, WRITE_VARINT_TAG(1), id_of(element));
        to = write_varint_field(to, WRITE_VARINT_TAG(3), element->rank);
        return write_double_field(to, WRITE_FIXED64_TAG(4), element->score);
    case ELEMENTS_CONTAINED:
        break;
    }
    return to;
}

size_t elements_size(enum elements_form form, const struct store_element *elements, size_t count)
{
    if (form == ELEMENTS_CONTAINED) /* packed: one run of all of them */
        return write_bytes_field_size(count);
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        if (is_told(form, &elements[i]))
            size += write_entry_size(element_size(form, &elements[i]));
    return size;
}

static uint8_t *contained_write(uint8_t *to, const struct store_element *elements, size_t count)
{
    to = write_bytes_field_head(to, elements_tag, count);
    for (size_t i = 0; i < count; i++)
        *to++ = elements[i].found;
    return to;
}

uint8_t *elements_write(uint8_t *to, enum elements_form form, const struct store_element *elements,
                        size_t count)
{
    if (form == ELEMENTS_CONTAINED)
        return contained_write(to, elements, count);
    for (size_t i = 0; i < count; i++) {
        if (!is_told(form, &elements[i]))
            continue;
        to = write_entry_head(to, elements_tag, element_size(form, &elements[i]));
        to = element_write(to, form, &elements[i]);
    }
    return to;
}
