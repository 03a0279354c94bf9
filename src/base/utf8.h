/* Whether bytes are text. A protobuf string that is not UTF-8 is refused by most who read it, together with the
 * message that holds it, so none may pass from one client to another. */
#ifndef MAYFLY_BASE_UTF8_H
#define MAYFLY_BASE_UTF8_H

#include "base/bytes.h"

/* RFC 3629: no surrogates, nothing beyond U+10FFFF, each point in its shortest form. */
bool utf8_is_valid(struct bytes text);

#endif
