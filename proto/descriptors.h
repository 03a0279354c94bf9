/* What server reflection tells of the contract: the compiled .proto files, which are part of the binary. Each
 * is kept as the FileDescriptorProto that goes on the wire as it is; the few names that have to be looked up
 * in it are read where they lie. All of it lives as long as the program.
 *
 *     struct field_reader files = descriptors_files();
 *     struct descriptors_file file;
 *     while (descriptors_next_file(&files, &file))
 *         ...
 */
#ifndef MAYFLY_PROTO_DESCRIPTORS_H
#define MAYFLY_PROTO_DESCRIPTORS_H

#include "proto/field.h"

struct descriptors_file {
    struct bytes name;       /* as imports spell it: "cacheclient.proto" */
    struct bytes package;    /* before the names of all that it declares: "cache_client" */
    struct bytes serialized; /* a FileDescriptorProto */
};

/* Every file after the files that it imports. */
struct field_reader descriptors_files(void);
bool descriptors_next_file(struct field_reader *files, struct descriptors_file *out);

/* False if there is none. */
bool descriptors_find_file(struct bytes name, struct descriptors_file *out);

/* The file that declares a service, method, message or enum, by full name: "cache_client.Scs.Get". */
bool descriptors_find_symbol(struct bytes symbol, struct descriptors_file *out);

/* Names found by reading field_reader_make(file.serialized): the files that it imports, and the services that
 * it declares, whose full names have the package and a dot in front. */
bool descriptors_next_import(struct field_reader *file, struct bytes *name);
bool descriptors_next_service(struct field_reader *file, struct bytes *name);

#endif
