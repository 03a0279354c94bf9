/* Sums are made below zero, where there is room for one more, so that the least number needs no case of its
 * own. */
#include "store/memory/number.h"

bool number_parse(struct bytes text, int64_t *number)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t digits = text.size - negative;
    if (digits == 0 || text.size > NUMBER_TEXT_MOST)
        return false;
    *number = 0;
    for (size_t i = negative; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_sub_overflow(*number, digit, number))
            return false;
    }
    return negative || !__builtin_sub_overflow(0, *number, number);
}

struct bytes number_format(int64_t number, uint8_t buffer[NUMBER_TEXT_MOST])
{
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    size_t at = NUMBER_TEXT_MOST;
    do {
        buffer[--at] = (uint8_t)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        buffer[--at] = '-';
    return bytes_make(buffer + at, NUMBER_TEXT_MOST - at);
}
