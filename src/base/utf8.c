#include "base/utf8.h"

/* How many of the bytes from AT on are ASCII, in whole words. */
static size_t ascii_words(struct bytes text, size_t at)
{
    size_t start = at;
    for (uint64_t word; text.size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return at - start;
}

bool utf8_is_valid(struct bytes text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t at = 0;
    while (at < text.size) {
        uint8_t lead = text.data[at];
        if (lead < 0x80) {
            size_t words = ascii_words(text, at);
            at += words > 0 ? words : 1;
            continue;
        }
        unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        at++;
        if (lead < 0xc2 || lead > 0xf4 || text.size - at < more)
            return false;
        uint32_t point = lead & (0x3fU >> more);
        for (unsigned i = 0; i < more; i++, at++) {
            if ((text.data[at] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (text.data[at] & 0x3f);
        }
        if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
    }
    return true;
}
