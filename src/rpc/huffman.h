/* The Huffman code of HPACK's strings, RFC 7541 section 5.2 and appendix B. The code is canonical: it follows from
 * the order of its symbols and the number of codes of each length, and these two are all that is kept of it.
 *
 * Header fields are decoded once and then referred to by number, so this is made to be small and clear. */
#ifndef MAYFLY_RPC_HUFFMAN_H
#define MAYFLY_RPC_HUFFMAN_H

#include "base/bytes.h"

/* The most bytes that SIZE bytes of code can stand for: the shortest code has five bits. */
#define HUFFMAN_DECODED_MAX(size) ((size)*8 / 5)

/* Writes at TO, which has room for HUFFMAN_DECODED_MAX, what TEXT stands for and sets *SIZE; false where TEXT is no
 * such code: it holds the code for the end, or more or other padding than the first bits of that code. */
bool huffman_decode(struct bytes text, uint8_t *to, size_t *size);

/* How many bytes the code of TEXT has, and the code itself. */
size_t huffman_size(struct bytes text);
void huffman_encode(struct bytes text, uint8_t *to);

#endif
