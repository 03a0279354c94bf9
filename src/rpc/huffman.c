#include "rpc/huffman.h"

#define SYMBOLS       256
#define END_OF_STRING SYMBOLS /* the last code of all; it may not occur */
#define PADDING_MAX   7

/* The symbols in the order of their codes. */
static const uint8_t symbols[SYMBOLS] = {
    48,  49,  50,  97,  99,  101, 105, 111, 115, 116, 32,  37,  45,  46,  47,  51,  52,  53,  54,  55,
    56,  57,  61,  65,  95,  98,  100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58,  66,  67,  68,
    69,  70,  71,  72,  73,  74,  75,  76,  77,  78,  79,  80,  81,  82,  83,  84,  85,  86,  87,  89,
    106, 107, 113, 118, 119, 120, 121, 122, 38,  42,  44,  59,  88,  90,  33,  34,  40,  41,  63,  39,
    43,  124, 35,  62,  0,   36,  64,  91,  93,  126, 94,  125, 60,  96,  123, 92,  195, 208, 128, 130,
    131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129,
    132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
    196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157,
    158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,   142, 144, 145, 148, 159,
    171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219,
    238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250,
    251, 252, 253, 254, 2,   3,   4,   5,   6,   7,   8,   11,  12,  14,  15,  16,  17,  18,  19,  20,
    21,  23,  24,  25,  26,  27,  28,  29,  30,  31,  127, 220, 249, 10,  13,  22,
};

/* The lengths that occur: the first code of each, and the place of its symbol above. */
static const struct {
    uint8_t bits;
    uint16_t first_place;
    uint32_t first_code;
} lengths[] = {
    {5, 0, 0x0},           {6, 10, 0x14},        {7, 36, 0x5c},        {8, 68, 0xf8},
    {10, 74, 0x3f8},       {11, 79, 0x7fa},      {12, 82, 0xffa},      {13, 84, 0x1ff8},
    {14, 90, 0x3ffc},      {15, 92, 0x7ffc},     {19, 95, 0x7fff0},    {20, 98, 0xfffe6},
    {21, 106, 0x1fffdc},   {22, 119, 0x3fffd2},  {23, 145, 0x7fffd8},  {24, 174, 0xffffea},
    {25, 186, 0x1ffffec},  {26, 190, 0x3ffffe0}, {27, 205, 0x7ffffde}, {28, 224, 0xfffffe2},
    {30, 253, 0x3ffffffc},
};

#define LENGTHS (sizeof lengths / sizeof lengths[0])

static size_t places_end(size_t length)
{
    return length + 1 < LENGTHS ? lengths[length + 1].first_place : SYMBOLS + 1;
}

/* The 32 bits that begin BIT bits into TEXT, ones where it has ended. */
static uint32_t peek(struct bytes text, size_t bit)
{
    uint64_t window = 0;
    for (size_t i = 0; i < 5; i++) {
        size_t at = bit / 8 + i;
        window = window << 8 | (at < text.size ? text.data[at] : 0xff);
    }
    return (uint32_t)(window >> (8 - bit % 8));
}

/* The length of the code that WINDOW begins with, as a place in `lengths`: codes of one length come before all longer
 * ones, so it is the last length whose first code is not above. */
static size_t length_of(uint32_t window)
{
    size_t length = 0;
    while (length + 1 < LENGTHS &&
           window >> (32 - lengths[length + 1].bits) >= lengths[length + 1].first_code)
        length++;
    return length;
}

bool huffman_decode(struct bytes text, uint8_t *to, size_t *size)
{
    size_t bits = 8 * text.size;
    size_t bit = 0;
    size_t count = 0;
    while (bit < bits) {
        uint32_t window = peek(text, bit);
        if (window == UINT32_MAX && bits - bit <= PADDING_MAX)
            break;
        size_t length = length_of(window);
        size_t code_bits = lengths[length].bits;
        size_t place =
            lengths[length].first_place + (window >> (32 - code_bits)) - lengths[length].first_code;
        if (code_bits > bits - bit || place >= END_OF_STRING)
            return false;
        to[count++] = symbols[place];
        bit += code_bits;
    }
    *size = count;
    return true;
}

/* The code of a symbol; returns its bits. */
static size_t code_of(uint8_t symbol, uint32_t *code)
{
    size_t length = 0;
    size_t place = 0;
    while (symbols[place] != symbol)
        place++;
    while (place >= places_end(length))
        length++;
    *code = lengths[length].first_code + (uint32_t)(place - lengths[length].first_place);
    return lengths[length].bits;
}

size_t huffman_size(struct bytes text)
{
    size_t bits = 0;
    uint32_t code;
    for (size_t i = 0; i < text.size; i++)
        bits += code_of(text.data[i], &code);
    return (bits + 7) / 8;
}

void huffman_encode(struct bytes text, uint8_t *to)
{
    uint64_t waiting = UINT64_MAX; /* its last `bits` bits wait to be written, behind ones */
    size_t bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint32_t code;
        size_t more = code_of(text.data[i], &code);
        waiting = waiting << more | code;
        for (bits += more; bits >= 8; bits -= 8)
            *to++ = (uint8_t)(waiting >> (bits - 8));
    }
    if (bits > 0)
        *to = (uint8_t)(waiting << (8 - bits) | 0xff >> bits);
}
