/* What server reflection finds in the embedded descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/descriptors.h"

#define FILES_MAX 16

static void every_file_of_the_contract_is_there_after_its_imports(void **state)
{
    (void)state;
    struct bytes seen[FILES_MAX];
    size_t count = 0;
    struct field_reader files = descriptors_files();
    struct descriptors_file file;
    while (descriptors_next_file(&files, &file)) {
        assert_true(count < FILES_MAX);
        assert_true(file.name.size > 0);
        assert_true(file.package.size > 0);
        assert_true(file.serialized.size > 0);
        struct field_reader imports = field_reader_make(file.serialized);
        struct bytes import;
        while (descriptors_next_import(&imports, &import)) {
            bool before = false;
            for (size_t i = 0; i < count; i++)
                before = before || bytes_equal(seen[i], import);
            assert_true(before);
        }
        seen[count++] = file.name;
    }
    assert_false(files.malformed);
    assert_int_equal(count, 9);
}

static void a_file_is_found_by_its_name(void **state)
{
    (void)state;
    struct descriptors_file file;
    assert_true(descriptors_find_file(bytes_of("cacheclient.proto"), &file));
    assert_true(bytes_equal(file.name, bytes_of("cacheclient.proto")));
    assert_true(bytes_equal(file.package, bytes_of("cache_client")));
    assert_false(descriptors_find_file(bytes_of("cacheclient"), &file));
    assert_false(descriptors_find_file(bytes_of(""), &file));
}

static void an_import_can_be_followed_to_its_file(void **state)
{
    (void)state;
    struct descriptors_file file;
    assert_true(descriptors_find_file(bytes_of("cacheclient.proto"), &file));
    struct field_reader imports = field_reader_make(file.serialized);
    struct bytes import;
    assert_true(descriptors_next_import(&imports, &import));
    assert_true(bytes_equal(import, bytes_of("common.proto")));
    assert_true(descriptors_find_file(import, &file));
    assert_true(bytes_equal(file.package, bytes_of("common")));
    assert_false(descriptors_next_import(&imports, &import));
}

static const struct {
    const char *symbol;
    const char *file;
} symbols[] = {
    {"cache_client.Scs", "cacheclient.proto"},
    {"cache_client.Scs.Get", "cacheclient.proto"},
    {"cache_client.Scs.ItemGetType", "cacheclient.proto"},
    {"cache_client.ECacheResult", "cacheclient.proto"},
    {"cache_client._GetRequest", "cacheclient.proto"},
    {"cache_client._GetWithHashResponse._Found", "cacheclient.proto"},
    {"cache_client._ItemGetTypeResponse.ItemType", "cacheclient.proto"},
    {"cache_client.Ping", "cacheping.proto"},
    {"cache_client.Ping.Ping", "cacheping.proto"},
    {"cache_client._PingRequest", "cacheping.proto"},
    {"common.PresentAndNotEqual", "common.proto"},
    {"control_client.ScsControl.ListCaches", "controlclient.proto"},
    {"grpc.health.v1.HealthCheckResponse.ServingStatus", "health.proto"},
    {"grpc.reflection.v1.ServerReflection", "reflection.proto"},
    {"grpc.reflection.v1alpha.ServerReflection", "reflection_v1alpha.proto"},
};

static void a_symbol_leads_to_the_file_that_declares_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        struct descriptors_file file;
        if (!descriptors_find_symbol(bytes_of(symbols[i].symbol), &file))
            fail_msg("not found: %s", symbols[i].symbol);
        assert_true(bytes_equal(file.name, bytes_of(symbols[i].file)));
    }
}

static void what_is_only_like_a_symbol_is_not_found(void **state)
{
    (void)state;
    static const char *const strangers[] = {
        "",
        ".",
        "cache_client",
        "cache_client.",
        "cache_client.Scs.",
        "cache_client.Sc",
        "cache_client.Scss",
        "cache_client.Scs.Get.Get",
        "cache_client.Scs.get",
        "cache_client._Found",
        "cache_client._GetRequest.cache_key",
        "cache_clientX.Scs",
        ".cache_client.Scs",
        "Scs",
        "grpc.reflection.v2.ServerReflection",
    };
    struct descriptors_file file;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        if (descriptors_find_symbol(bytes_of(strangers[i]), &file))
            fail_msg("found: %s", strangers[i]);
    }
}

static void the_services_are_listed_with_their_packages(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "cache_client.Scs",
        "cache_client.pubsub.Pubsub",
        "leaderboard.Leaderboard",
        "control_client.ScsControl",
        "cache_client.Ping",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    };
    size_t count = 0;
    struct field_reader files = descriptors_files();
    struct descriptors_file file;
    while (descriptors_next_file(&files, &file)) {
        struct field_reader services = field_reader_make(file.serialized);
        struct bytes name;
        while (descriptors_next_service(&services, &name)) {
            char full_name[100];
            snprintf(full_name, sizeof full_name, "%.*s.%.*s", (int)file.package.size,
                     (const char *)file.package.data, (int)name.size, (const char *)name.data);
            assert_true(count < sizeof expected / sizeof expected[0]);
            assert_string_equal(full_name, expected[count++]);
        }
    }
    assert_int_equal(count, sizeof expected / sizeof expected[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_of_the_contract_is_there_after_its_imports),
        cmocka_unit_test(a_file_is_found_by_its_name),
        cmocka_unit_test(an_import_can_be_followed_to_its_file),
        cmocka_unit_test(a_symbol_leads_to_the_file_that_declares_it),
        cmocka_unit_test(what_is_only_like_a_symbol_is_not_found),
        cmocka_unit_test(the_services_are_listed_with_their_packages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
