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

static bool is_token_char(uint8_t c)
{
    return is_lower_or_digit(c) || is_upper(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
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

/* Section 8.2.1. */
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

static bool has_upper(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (is_upper(name.data[i]))
            return true;
    return false;
}

/* --- Fields of any message --- */

static enum field_verdict pass_over(struct field_rules *rules)
{
    rules->seen |= SEEN_REGULAR;
    return FIELD_PASSED_OVER;
}

/* A pseudo-field or its like: once, and not empty. */
static bool take_once(struct field_rules *rules, unsigned flag, struct bytes value)
{
    if ((rules->seen & flag) != 0 || value.size == 0)
        return false;
    rules->seen |= (uint16_t)flag;
    return true;
}

static enum field_verdict judge(bool is_fine)
{
    return is_fine ? FIELD_FINE : FIELD_MALFORMED;
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
    return !rules->is_trailers && (rules->seen & SEEN_REGULAR) == 0;
}

/* --- Requests --- */

static enum field_verdict judge_method(struct field_rules *rules, struct bytes method)
{
    if (is(method, "CONNECT"))
        rules->seen |= IS_CONNECT;
    if (is(method, "OPTIONS"))
        rules->seen |= IS_OPTIONS;
    return judge(all_are(method, is_token_char) && take_once(rules, SEEN_METHOD, method));
}

static enum field_verdict judge_scheme(struct field_rules *rules, struct bytes scheme)
{
    if (is_in_any_case(scheme, "http") || is_in_any_case(scheme, "https"))
        rules->seen |= IS_WEB;
    return judge(is_scheme(scheme) && take_once(rules, SEEN_SCHEME, scheme));
}

static enum field_verdict judge_path(struct field_rules *rules, struct bytes path)
{
    if (path.size > 0 && path.data[0] == '/')
        rules->seen |= PATH_IS_ABSOLUTE;
    if (is(path, "*"))
        rules->seen |= PATH_IS_ASTERISK;
    return judge(all_are(path, is_path_char) && take_once(rules, SEEN_PATH, path));
}

static enum field_verdict judge_request_pseudo(struct field_rules *rules, struct hpack_field field)
{
    if (!may_have_pseudo(rules))
        return FIELD_MALFORMED;
    if (is(field.name, ":method"))
        return judge_method(rules, field.value);
    if (is(field.name, ":scheme"))
        return judge_scheme(rules, field.value);
    if (is(field.name, ":path"))
        return judge_path(rules, field.value);
    if (is(field.name, ":authority"))
        return judge(all_are(field.value, is_authority_char) &&
                     take_once(rules, SEEN_AUTHORITY, field.value));
    return FIELD_MALFORMED;
}

enum field_verdict field_rules_request(struct field_rules *rules, struct hpack_field field)
{
    if (field.name.size > 0 && field.name.data[0] == ':')
        return judge_request_pseudo(rules, field);
    if (field.name.size == 0 || has_upper(field.name))
        return FIELD_MALFORMED;
    bool is_host = is(field.name, "host");
    bool is_fine = is_host ? all_are(field.value, is_authority_char) : is_value(field.value);
    if (!all_are(field.name, is_token_char) || !is_fine)
        return pass_over(rules);
    rules->seen |= SEEN_REGULAR;
    if (is_forbidden(field) || (is_host && !take_once(rules, SEEN_HOST, field.value)))
        return FIELD_MALFORMED;
    if (is(field.name, "content-length"))
        return judge(take_content_length(rules, field.value));
    return FIELD_FINE;
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
    if (rules->is_trailers)
        return ends;
    rules->is_trailers = true;
    return is_whole_request(rules);
}

/* --- Replies --- */

static bool take_status(struct field_rules *rules, struct bytes value)
{
    if (!take_once(rules, SEEN_STATUS, value) || value.size != 3 || !all_are(value, is_lower_or_digit))
        return false;
    int status = 100 * (value.data[0] - '0') + 10 * (value.data[1] - '0') + (value.data[2] - '0');
    rules->http_status = (int16_t)status;
    return status >= 100 && status <= 999 && status != 101 && value.data[1] <= '9' && value.data[2] <= '9';
}

static enum field_verdict judge_reply_length(struct field_rules *rules, struct bytes value)
{
    if (rules->http_status == 204) { /* it should not be there, but many say 0 */
        if (rules->content_length >= 0 || !is(value, "0"))
            return FIELD_MALFORMED;
        rules->content_length = 0;
        return FIELD_PASSED_OVER;
    }
    if (rules->http_status >= 100 && rules->http_status < 200)
        return FIELD_MALFORMED;
    return judge(take_content_length(rules, value));
}

enum field_verdict field_rules_reply(struct field_rules *rules, struct hpack_field field)
{
    if (field.name.size > 0 && field.name.data[0] == ':')
        return judge(may_have_pseudo(rules) && is(field.name, ":status") && take_status(rules, field.value));
    if (field.name.size == 0 || has_upper(field.name))
        return FIELD_MALFORMED;
    if (!all_are(field.name, is_token_char) || !is_value(field.value))
        return pass_over(rules);
    rules->seen |= SEEN_REGULAR;
    if (is_forbidden(field))
        return FIELD_MALFORMED;
    return is(field.name, "content-length") ? judge_reply_length(rules, field.value) : FIELD_FINE;
}

/* Section 8.1: any number of informational replies, the final one, trailers. */
bool field_rules_reply_end(struct field_rules *rules, bool ends)
{
    if (rules->is_trailers)
        return ends;
    if ((rules->seen & SEEN_STATUS) == 0)
        return false;
    if (rules->http_status < 200) {
        field_rules_init(rules);
        rules->awaits_final = true;
        return true;
    }
    rules->is_trailers = true;
    rules->awaits_final = false;
    if (rules->http_status == 204 || rules->http_status == 304)
        rules->content_length = 0;
    return true;
}
