/* The set of descriptors that protoc wrote, put into the binary by the assembler, and the few fields of
 * google/protobuf/descriptor.proto that are needed to find one's way in it. */
#include "proto/descriptors.h"

__asm__(".pushsection .rodata\n"
        ".global descriptors_begin\n"
        ".hidden descriptors_begin\n"
        ".global descriptors_end\n"
        ".hidden descriptors_end\n"
        "descriptors_begin:\n"
        ".incbin \"" MAYFLY_DESCRIPTORS "\"\n"
        "descriptors_end:\n"
        ".popsection\n");

extern const uint8_t descriptors_begin[];
extern const uint8_t descriptors_end[];

enum set_field {
    SET_FILE = 1,
};

enum file_field {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_IMPORT = 3,
    FILE_SERVICE = 6,
};

/* The kinds of declaration that have a name of their own. All keep it in their first field. */
enum kind {
    NOTHING,
    A_FILE,
    A_MESSAGE,
    AN_ENUM,
    A_SERVICE,
    A_METHOD,
    KINDS,
};

#define DECLARATION_NAME 1

/* What is declared within what, and in the field of which number. */
#define CHILD_FIELDS     7
static const enum kind child_kinds[KINDS][CHILD_FIELDS] = {
    [A_FILE] = {[4] = A_MESSAGE, [5] = AN_ENUM, [FILE_SERVICE] = A_SERVICE},
    [A_MESSAGE] = {[3] = A_MESSAGE, [4] = AN_ENUM},
    [A_SERVICE] = {[2] = A_METHOD},
};

/* The next field of that number; these are all of type bytes. */
static bool next_of(struct field_reader *reader, uint32_t number, struct bytes *out)
{
    struct field field;
    while (field_next(reader, &field)) {
        if (field.number == number) {
            *out = field.bytes;
            return true;
        }
    }
    return false;
}

static struct bytes first_of(struct bytes message, uint32_t number)
{
    struct field_reader reader = field_reader_make(message);
    struct bytes found = {0};
    next_of(&reader, number, &found);
    return found;
}

/* Takes NAME off the front of a dotted path, with the dot that follows. False if it is not there. */
static bool take_name(struct bytes *path, struct bytes name)
{
    if (name.size == 0 || !bytes_start_with(*path, name))
        return false;
    struct bytes rest = bytes_make(path->data + name.size, path->size - name.size);
    if (rest.size == 1 || (rest.size > 1 && rest.data[0] != '.'))
        return false;
    *path = rest.size == 0 ? rest : bytes_make(rest.data + 1, rest.size - 1);
    return true;
}

/* Whether a declaration contains another, directly or further down, to which PATH leads. */
static bool contains(enum kind kind, struct bytes declaration, struct bytes path)
{
    struct field_reader reader = field_reader_make(declaration);
    struct field field;
    while (field_next(&reader, &field)) {
        enum kind child = field.number < CHILD_FIELDS ? child_kinds[kind][field.number] : NOTHING;
        if (child == NOTHING)
            continue;
        struct bytes rest = path;
        if (!take_name(&rest, first_of(field.bytes, DECLARATION_NAME)))
            continue;
        if (rest.size == 0 || contains(child, field.bytes, rest))
            return true;
    }
    return false;
}

struct field_reader descriptors_files(void)
{
    return field_reader_make(bytes_make(descriptors_begin, (size_t)(descriptors_end - descriptors_begin)));
}

bool descriptors_next_file(struct field_reader *files, struct descriptors_file *out)
{
    if (!next_of(files, SET_FILE, &out->serialized))
        return false;
    out->name = first_of(out->serialized, FILE_NAME);
    out->package = first_of(out->serialized, FILE_PACKAGE);
    return true;
}

bool descriptors_find_file(struct bytes name, struct descriptors_file *out)
{
    struct field_reader files = descriptors_files();
    while (descriptors_next_file(&files, out)) {
        if (bytes_equal(out->name, name))
            return true;
    }
    return false;
}

bool descriptors_find_symbol(struct bytes symbol, struct descriptors_file *out)
{
    struct field_reader files = descriptors_files();
    while (descriptors_next_file(&files, out)) {
        struct bytes path = symbol;
        if (take_name(&path, out->package) && contains(A_FILE, out->serialized, path))
            return true;
    }
    return false;
}

bool descriptors_next_import(struct field_reader *file, struct bytes *name)
{
    return next_of(file, FILE_IMPORT, name);
}

bool descriptors_next_service(struct field_reader *file, struct bytes *name)
{
    struct bytes service;
    if (!next_of(file, FILE_SERVICE, &service))
        return false;
    *name = first_of(service, DECLARATION_NAME);
    return true;
}
