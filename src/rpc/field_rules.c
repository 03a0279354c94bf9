/* The characters that may be where, what may come once, and what a whole message has. Fields are judged once for each block
 * that is decoded, not for those that were seen before, so that plain comparisons are fast enough. */
#include "rpc/field_rules.h"

#include <strings.h>

enum {
    SEEN_METHOD = 1 << 0,
    SEEN_SCHEME = 1 << 1,
    SEEN_AUTHORITY = 1 << 2,
    SEEN_PATH = 1 << 3,
    SEEN_STATUS = 1 << 4,
    SEEN_HOST = 1 << 5,
    SEEN_REGULAR = 1 << 6, /* pseudo-fields may not follow any more */
    IS_CONNECT = 1 << 7,
    IS_OPTIONS = 1 << 8,
    IS_WEB = 1 << 9, /* scheme http or https */
    PATH_IS_ABSOLUTE = 1 << 10,
    PATH_IS_ASTERISK = 1 << 11,
};

static bool is(struct bytes text, const char *wanted)
{
    return bytes_equal(text, bytes_of(wanted));
}

static bool is_in_any_case(struct bytes text, const char *wanted)
{
    return text.size == strlen(wanted) && strncasecmp((const char *)text.data, wanted, text.size) == 0;
}

/* --- Characters --- */

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static bool is_name_char(uint8_t c)
{
    return is_lower_or_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

static bool is_token_char(uint8_t c)
{
    return is_name_char(c) || is_upper(c);
}

static bool is_value_char(uint8_t c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

static bool is_path_char(uint8_t c)
{
    return c > ' ' && c != 0x7f;
}

static bool is_authority_char(uint8_t c)
{
    return is_lower_or_digit(c) || is_upper(c) || is_one_of(c, "!$%&'()*+,-.:;=@[]_~");
}

static bool is_scheme_char(uint8_t c)
{
    return is_lower_or_digit(c) || is_upper(c) || is_one_of(c, "+-.");
}

static bool all_are(struct bytes text, bool (*is_good)(uint8_t))
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_good(text.data[i]))
            return false;
    return true;
}

/* Section 8.2.1, for a field that is no pseudo-field. */
static bool is_name(struct bytes name)
{
    return name.size > 0 && all_are(name, is_name_char);
}

/* Of a request. Replies may have spaces at the ends of a value: gRPC's status messages do. */
static bool is_value(struct bytes value)
{
    if (value.size > 0 && (is_one_of(value.data[0], " \t") || is_one_of(value.data[value.size - 1], " \t")))
        return false;
    return all_are(value, is_value_char);
}

static bool is_scheme(struct bytes scheme)
{
    return scheme.size > 0 && all_are(scheme, is_scheme_char) && !is_one_of(scheme.data[0], "0123456789+-.");
}

/* --- Fields of any message --- */

/* A pseudo-field or its like: once, and not empty. */
static bool take_once(struct field_rules *rules, unsigned flag, struct bytes value)
{
    if ((rules->seen & flag) != 0 || value.size == 0)
        return false;
    rules->seen |= flag;
    return true;
}

static bool take_content_length(struct field_rules *rules, struct bytes value)
{
    int64_t length = 0;
    if (rules->content_length >= 0 || value.size == 0 || value.size > 18)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        length = 10 * length + (value.data[i] - '0');
    }
    rules->content_length = length;
    return true;
}

/* Fields that concern one connection of HTTP/1, section 8.2.2. */
static bool is_forbidden(struct hpack_field field)
{
    static const char *const names[] = {"connection", "keep-alive", "proxy-connection", "transfer-encoding",
                                        "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is(field.name, names[i]))
            return true;
    return is(field.name, "te") && !is_in_any_case(field.value, "trailers");
}

static bool may_have_pseudo(const struct field_rules *rules)
{
    return !rules->is_begun && (rules->seen & SEEN_REGULAR) == 0;
}

/* --- Requests --- */

static bool take_method(struct field_rules *rules, struct bytes method)
{
    if (is(method, "CONNECT"))
        rules->seen |= IS_CONNECT;
    if (is(method, "OPTIONS"))
        rules->seen |= IS_OPTIONS;
    return all_are(method, is_token_char) && take_once(rules, SEEN_METHOD, method);
}

static bool take_scheme(struct field_rules *rules, struct bytes scheme)
{
    if (is_in_any_case(scheme, "http") || is_in_any_case(scheme, "https"))
        rules->seen |= IS_WEB;
    return is_scheme(scheme) && take_once(rules, SEEN_SCHEME, scheme);
}

static bool take_path(struct field_rules *rules, struct bytes path)
{
    if (path.size > 0 && path.data[0] == '/')
        rules->seen |= PATH_IS_ABSOLUTE;
    if (is(path, "*"))
        rules->seen |= PATH_IS_ASTERISK;
    return all_are(path, is_path_char) && take_once(rules, SEEN_PATH, path);
}

static bool take_request_pseudo(struct field_rules *rules, struct hpack_field field)
{
    if (!may_have_pseudo(rules))
        return false;
    if (is(field.name, ":method"))
        return take_method(rules, field.value);
    if (is(field.name, ":scheme"))
        return take_scheme(rules, field.value);
    if (is(field.name, ":path"))
        return take_path(rules, field.value);
    if (is(field.name, ":authority"))
        return all_are(field.value, is_authority_char) && take_once(rules, SEEN_AUTHORITY, field.value);
    return false;
}

bool field_rules_request(struct field_rules *rules, struct hpack_field field)
{
    if (field.name.size > 0 && field.name.data[0] == ':')
        return take_request_pseudo(rules, field);
    rules->seen |= SEEN_REGULAR;
    if (!is_name(field.name) || is_forbidden(field))
        return false;
    if (is(field.name, "host"))
        return all_are(field.value, is_authority_char) && take_once(rules, SEEN_HOST, field.value);
    return is_value(field.value) &&
           (!is(field.name, "content-length") || take_content_length(rules, field.value));
}

/* Section 8.3.1, and 8.5 for CONNECT. */
static bool is_whole_request(struct field_rules *rules)
{
    unsigned seen = rules->seen;
    if ((seen & IS_CONNECT) != 0) {
        rules->content_length = -1;
        return (seen & (SEEN_SCHEME | SEEN_PATH)) == 0 && (seen & SEEN_AUTHORITY) != 0;
    }
    bool has_path =
        (seen & PATH_IS_ABSOLUTE) != 0 || ((seen & IS_OPTIONS) != 0 && (seen & PATH_IS_ASTERISK) != 0);
    return (seen & SEEN_METHOD) != 0 && (seen & SEEN_SCHEME) != 0 && (seen & SEEN_PATH) != 0 &&
           (seen & (SEEN_AUTHORITY | SEEN_HOST)) != 0 && ((seen & IS_WEB) == 0 || has_path);
}

bool field_rules_request_end(struct field_rules *rules, bool ends)
{
    if (rules->is_begun)
        return ends;
    rules->is_begun = true;
    return is_whole_request(rules);
}

/* --- Replies --- */

static bool take_status(struct field_rules *rules, struct bytes value)
{
    if (!take_once(rules, SEEN_STATUS, value) || value.size != 3 || !all_are(value, is_lower_or_digit))
        return false;
    int status = 100 * (value.data[0] - '0') + 10 * (value.data[1] - '0') + (value.data[2] - '0');
    rules->http_status = status;
    return status >= 100 && status <= 999 && status != 101 && value.data[1] <= '9' && value.data[2] <= '9';
}

static bool take_reply_length(struct field_rules *rules, struct bytes value)
{
    if (rules->http_status == 204) { /* it should not be there, but many say 0 */
        if (rules->content_length >= 0 || !is(value, "0"))
            return false;
        rules->content_length = 0;
        return true;
    }
    if (rules->http_status >= 100 && rules->http_status < 200)
        return false;
    return take_content_length(rules, value);
}

bool field_rules_reply(struct field_rules *rules, struct hpack_field field)
{
    if (field.name.size > 0 && field.name.data[0] == ':')
        return may_have_pseudo(rules) && is(field.name, ":status") && take_status(rules, field.value);
    rules->seen |= SEEN_REGULAR;
    return is_name(field.name) && all_are(field.value, is_value_char) && !is_forbidden(field) &&
           (!is(field.name, "content-length") || take_reply_length(rules, field.value));
}

/* Section 8.1: any number of informational replies, the final one, trailers. */
bool field_rules_reply_end(struct field_rules *rules, bool ends)
{
    if (rules->is_begun)
        return ends;
    if ((rules->seen & SEEN_STATUS) == 0)
        return false;
    if (rules->http_status < 200) {
        field_rules_init(rules);
        rules->awaits_final = true;
        return true;
    }
    rules->is_begun = true;
    rules->awaits_final = false;
    if (rules->http_status == 204 || rules->http_status == 304)
        rules->content_length = 0;
    return true;
}
