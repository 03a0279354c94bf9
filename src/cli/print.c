#include "cli/print.h"

#include "cli/arguments.h"
#include "cli/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <unistd.h>

static void write_bytes(mayfly_bytes bytes)
{
    if (bytes.size > 0)
        (void)fwrite(bytes.data, 1, bytes.size, stdout);
}

/* A word of help, such as "SORTED-SET", within a sentence. */
static void to_lower(const char *word, char text[32])
{
    size_t at = 0;
    for (; word[at] != '\0' && at < 31; at++)
        text[at] = word[at] == '-' ? ' ' : (char)tolower((unsigned char)word[at]);
    text[at] = '\0';
}

/* Says that what the argument AT names is not in what the one before it names. */
static int fail_missing(const struct target *target, int at)
{
    char kind[32];
    to_lower(arguments_word(target->verb->takes[at]), kind);
    return cli_fail(CLI_MISS, "%s has no %s %s", target->arguments[at - 1], kind, target->arguments[at]);
}

static int print_miss_of(const struct target *target, int at)
{
    if (!target->settings.json)
        return fail_missing(target, at);
    (void)fputs("null\n", stdout);
    return CLI_MISS;
}

static int print_miss(const struct target *target)
{
    return print_miss_of(target, 1);
}

/* --- Answers that are one thing --- */

static int end_json(struct json *json)
{
    json_newline(json);
    return CLI_OK;
}

int print_done(struct target *target)
{
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    if (target->settings.json)
        (void)fputs("true\n", stdout);
    return CLI_OK;
}

static void write_hash(FILE *to, mayfly_bytes hash)
{
    for (size_t i = 0; i < hash.size; i++)
        (void)fprintf(to, "%02x", ((const uint8_t *)hash.data)[i]);
}

/* A value alone, to the last byte. */
static void print_bytes(mayfly_bytes value)
{
    write_bytes(value);
    if (isatty(STDOUT_FILENO))
        (void)fputc('\n', stdout);
}

static int print_value_and_hash(const struct target *target)
{
    const mayfly_reply *reply = target->reply;
    struct json json = json_to(stdout);
    if (!target->settings.json) {
        write_hash(stdout, reply->hash);
        (void)fputc('\t', stdout);
        print_bytes(reply->value);
        return CLI_OK;
    }
    json_open(&json, '{');
    json_name(&json, "value");
    json_bytes(&json, reply->value);
    (void)fputs(", \"hash\": \"", stdout);
    write_hash(stdout, reply->hash);
    (void)fputc('"', stdout);
    json_close(&json, '}');
    return end_json(&json);
}

int print_value(struct target *target)
{
    struct json json = json_to(stdout);
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    if (target->settings.hash)
        return print_value_and_hash(target);
    if (target->settings.json) {
        json_bytes(&json, target->reply->value);
        return end_json(&json);
    }
    print_bytes(target->reply->value);
    return CLI_OK;
}

int print_number(struct target *target)
{
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    (void)printf("%" PRId64 "\n", target->reply->number);
    return CLI_OK;
}

int print_rank(struct target *target)
{
    return target->reply->outcome == MAYFLY_MISS ? print_miss_of(target, 2) : print_number(target);
}

/* A number in a line of plain output. */
static void write_number(double number)
{
    char text[JSON_NUMBER_BYTES];
    json_format_number(number, text);
    (void)fputs(text, stdout);
}

static int print_one_number(const struct target *target, double number)
{
    struct json json = json_to(stdout);
    if (target->settings.json)
        json_number(&json, number);
    else
        write_number(number);
    return end_json(&json);
}

int print_score(struct target *target)
{
    return print_one_number(target, target->reply->score);
}

int print_ttl(struct target *target)
{
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    return print_one_number(target, (double)target->reply->ttl_ms / 1000);
}

int print_type(struct target *target)
{
    static const char *const names[] = {[MAYFLY_SCALAR] = "scalar",
                                        [MAYFLY_DICTIONARY] = "dictionary",
                                        [MAYFLY_SET] = "set",
                                        [MAYFLY_LIST] = "list",
                                        [MAYFLY_SORTED_SET] = "sorted-set"};
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    const char *quote = target->settings.json ? "\"" : "";
    (void)printf("%s%s%s\n", quote, names[target->reply->type], quote);
    return CLI_OK;
}

int print_stored(struct target *target)
{
    bool json = target->settings.json;
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    if (target->reply->outcome == MAYFLY_NOT_STORED) {
        if (!json)
            return cli_fail(CLI_MISS, "the condition did not hold; nothing changed");
        (void)fputs("false\n", stdout);
        return CLI_MISS;
    }
    if (!target->settings.hash)
        return print_done(target);
    const char *quote = json ? "\"" : "";
    (void)fputs(quote, stdout);
    write_hash(stdout, target->reply->hash);
    (void)printf("%s\n", quote);
    return CLI_OK;
}

int print_ping(struct target *target)
{
    double latency_us = (double)target->reply->wire_ns / 1000;
    if (!target->settings.json) {
        (void)printf("%s answered in %.0f us\n", target->address, latency_us);
        return CLI_OK;
    }
    struct json json = json_to(stdout);
    json_open(&json, '{');
    json_name(&json, "endpoint");
    json_text(&json, target->address);
    json_name(&json, "latency_us");
    json_number(&json, latency_us);
    json_close(&json, '}');
    return end_json(&json);
}

/* --- Lists: an item is written by one function for either form --- */

struct form {
    const char *label; /* what an item is known by: "field", "key", "value" */
    void (*plain)(const mayfly_item *item);
    void (*json)(struct json *json, const mayfly_item *item, const char *label);
};

static void print_items(const struct target *target, const struct form *form)
{
    const mayfly_reply *reply = target->reply;
    struct json json = json_to(stdout);
    if (target->settings.json)
        json_open(&json, '[');
    for (size_t i = 0; i < reply->item_count; i++) {
        if (target->settings.json) {
            form->json(&json, &reply->items[i], form->label);
            continue;
        }
        form->plain(&reply->items[i]);
        (void)fputc('\n', stdout);
    }
    if (target->settings.json) {
        json_close(&json, ']');
        json_newline(&json);
    }
}

static int print_list(const struct target *target, const struct form *form)
{
    if (target->reply->outcome == MAYFLY_MISS)
        return print_miss(target);
    print_items(target, form);
    return CLI_OK;
}

static void plain_key(const mayfly_item *item)
{
    write_bytes(item->key);
}

static void json_key(struct json *json, const mayfly_item *item, const char *label)
{
    (void)label;
    json_bytes(json, item->key);
}

int print_names(struct target *target)
{
    return print_list(target, &(struct form){"name", plain_key, json_key});
}

static void plain_value(const mayfly_item *item)
{
    write_bytes(item->value);
}

static void json_value(struct json *json, const mayfly_item *item, const char *label)
{
    (void)label;
    json_bytes(json, item->value);
}

int print_values(struct target *target)
{
    return print_list(target, &(struct form){"value", plain_value, json_value});
}

static void plain_field(const mayfly_item *item)
{
    write_bytes(item->key);
    (void)fputc('\t', stdout);
    write_bytes(item->value);
}

static void json_field(struct json *json, const mayfly_item *item, const char *label)
{
    json_open(json, '{');
    json_name(json, label);
    json_bytes(json, item->key);
    json_name(json, "value");
    json_bytes(json, item->value);
    json_close(json, '}');
}

int print_fields(struct target *target)
{
    return print_list(target, &(struct form){"field", plain_field, json_field});
}

static void plain_scored(const mayfly_item *item)
{
    write_bytes(item->value);
    (void)fputc('\t', stdout);
    write_number(item->score);
}

static void json_scored(struct json *json, const mayfly_item *item, const char *label)
{
    json_open(json, '{');
    json_name(json, label);
    json_bytes(json, item->value);
    json_name(json, "score");
    json_number(json, item->score);
    json_close(json, '}');
}

int print_scored(struct target *target)
{
    if (!target->settings.with_scores)
        return print_values(target);
    return print_list(target, &(struct form){"value", plain_scored, json_scored});
}

static void plain_ranked(const mayfly_item *item)
{
    (void)printf("%" PRIu32 "\t", item->id);
    write_number(item->score);
    (void)printf("\t%" PRIu64, item->rank);
}

static void json_ranked(struct json *json, const mayfly_item *item, const char *label)
{
    json_open(json, '{');
    json_name(json, label);
    json_natural(json, item->id);
    json_name(json, "score");
    json_number(json, item->score);
    json_name(json, "rank");
    json_natural(json, item->rank);
    json_close(json, '}');
}

int print_ranked(struct target *target)
{
    return print_list(target, &(struct form){"id", plain_ranked, json_ranked});
}

static bool is_among(const mayfly_reply *reply, uint32_t id)
{
    for (size_t i = 0; i < reply->item_count; i++)
        if (reply->items[i].id == id)
            return true;
    return false;
}

int print_found_ranks(struct target *target)
{
    int code = print_ranked(target);
    for (size_t i = 0; code == CLI_OK && i < target->request.item_count; i++)
        if (!is_among(target->reply, target->request.items[i].id))
            code = CLI_MISS;
    return code;
}

/* --- Answers by name: as many items as were asked for, each found or not, without what it was asked by --- */

enum finding {
    FINDING_VALUE,
    FINDING_SCORE,
    FINDING_WHETHER,
};

static void write_finding(enum finding finding, const mayfly_item *item)
{
    if (finding == FINDING_VALUE)
        write_bytes(item->value);
    else if (finding == FINDING_SCORE)
        write_number(item->score);
    else
        (void)fputs(item->found ? "true" : "false", stdout);
}

static void json_finding(struct json *json, enum finding finding, const mayfly_item *item)
{
    static const char *const names[] = {
        [FINDING_VALUE] = "value", [FINDING_SCORE] = "score", [FINDING_WHETHER] = "found"};
    json_name(json, names[finding]);
    if (finding == FINDING_WHETHER)
        json_truth(json, item->found);
    else if (!item->found)
        json_nothing(json);
    else if (finding == FINDING_SCORE)
        json_number(json, item->score);
    else
        json_bytes(json, item->value);
}

/* What an item was asked by: a value where the verb takes values, a key or a field otherwise. */
static mayfly_bytes asked_by(const struct target *target, size_t at)
{
    bool by_value = target->verb->takes[2] == ARGUMENT_VALUE;
    return by_value ? target->request.items[at].value : target->request.items[at].key;
}

static void print_findings_json(const struct target *target, enum argument asked, enum finding finding)
{
    struct json json = json_to(stdout);
    char label[32];
    to_lower(arguments_word(asked), label);
    json_open(&json, '[');
    for (size_t i = 0; i < target->reply->item_count; i++) {
        json_open(&json, '{');
        json_name(&json, label);
        json_bytes(&json, asked_by(target, i));
        json_finding(&json, finding, &target->reply->items[i]);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_newline(&json);
}

static void print_findings(const struct target *target, enum finding finding)
{
    for (size_t i = 0; i < target->reply->item_count; i++) {
        const mayfly_item *item = &target->reply->items[i];
        if (!item->found && finding != FINDING_WHETHER)
            continue;
        write_bytes(asked_by(target, i));
        (void)fputc('\t', stdout);
        write_finding(finding, item);
        (void)fputc('\n', stdout);
    }
}

/* Asked for alone: just what was found. */
static void print_finding(const struct target *target, enum argument asked, enum finding finding)
{
    const mayfly_item *item = &target->reply->items[0];
    if (!item->found && finding != FINDING_WHETHER) {
        (void)fail_missing(target, asked == ARGUMENT_KEY ? 1 : 2);
    } else if (finding == FINDING_VALUE) {
        print_bytes(item->value);
    } else {
        write_finding(finding, item);
        (void)fputc('\n', stdout);
    }
}

static int print_found(const struct target *target, enum finding finding)
{
    const mayfly_reply *reply = target->reply;
    enum argument asked =
        target->verb->takes[2] != ARGUMENT_END ? target->verb->takes[2] : target->verb->takes[1];
    if (target->settings.json)
        print_findings_json(target, asked, finding);
    else if (reply->item_count == 1)
        print_finding(target, asked, finding);
    else
        print_findings(target, finding);
    int code = CLI_OK;
    for (size_t i = 0; i < reply->item_count; i++)
        if (!reply->items[i].found)
            code = CLI_MISS;
    return code;
}

int print_found_values(struct target *target)
{
    return print_found(target, FINDING_VALUE);
}

int print_found_scores(struct target *target)
{
    return print_found(target, FINDING_SCORE);
}

int print_whether_found(struct target *target)
{
    return print_found(target, FINDING_WHETHER);
}
