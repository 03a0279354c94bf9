/* TLS with memory running out: every allocation of OpenSSL's in a handshake fails in turn. Nothing may crash, and
 * a server that is not to be trusted is not trusted for lack of memory. */
#include "base/bytes.h"
#include "certificates.h"
#include "net/tls_stream.h"

#include <openssl/crypto.h>

#define HOST      "cache.example.com"
#define TURNS_MAX 20

/* Where a name is wrong each single allocation counts, unless a sanitizer makes that too long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEP 11
#else
#define STEP 1
#endif
#define STEP_WIDE 11

/* --- An allocator that fails once when told to --- */

static struct memory {
    long failing; /* the allocation that fails, counted from 1; 0: none */
    long taken;
} memory;

static void *take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return ++memory.taken == memory.failing ? NULL : malloc(size);
}

static void *take_more(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return ++memory.taken == memory.failing ? NULL : realloc(block, size);
}

static void give_back(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

/* --- Handshakes --- */

static void carry(struct tls_stream *from, struct tls_stream *to)
{
    static uint8_t plain[1 << 16];
    struct bytes pending = tls_stream_pending(from);
    assert_true(pending.size + TLS_RECORD_BYTES <= sizeof plain);
    (void)tls_stream_open(to, pending, plain);
    tls_stream_sent(from, pending.size);
}

enum end { TRUSTED, REFUSED, NO_MEMORY };

static enum end shake_hands(struct net_tls *of_client, struct net_tls *of_server, const char *name)
{
    struct tls_stream *client = tls_stream_create(of_client, name);
    struct tls_stream *server = tls_stream_create(of_server, NULL);
    enum end end = NO_MEMORY;
    if (client != NULL && server != NULL) {
        for (int turn = 0; turn < TURNS_MAX; turn++) {
            carry(client, server);
            carry(server, client);
        }
        end = tls_stream_is_ready(client) ? TRUSTED : REFUSED;
        if (end == REFUSED)
            assert_true(tls_stream_error(client)[0] != '\0' || tls_stream_error(server)[0] != '\0');
    }
    tls_stream_free(client);
    tls_stream_free(server);
    return end;
}

/* Sessions are not resumed: each handshake is of a client of its own. */
static struct net_tls *client_of(const struct identity *authority)
{
    char error[NET_TLS_ERROR_BYTES] = "";
    struct net_tls *tls =
        net_tls_client(&(struct net_tls_client_settings){.ca_file = authority->file}, error);
    assert_string_equal(error, "");
    return tls;
}

/* A handshake for each of its allocations, or for some in so many STEPs, until none fails. Returns how many there were. */
static long fail_each(const struct identity *authority, struct net_tls *of_server, const char *name,
                      long step, bool may_trust)
{
    for (long failing = 1;; failing += step) {
        struct net_tls *of_client = client_of(authority);
        memory = (struct memory){.failing = failing};
        enum end end = shake_hands(of_client, of_server, name);
        bool is_over = memory.taken < failing;
        memory.failing = 0;
        net_tls_release(of_client);
        if (end == TRUSTED && !may_trust)
            fail_msg("%s was trusted when allocation %ld failed", name, failing);
        if (is_over) {
            assert_int_equal(end, may_trust ? TRUSTED : REFUSED);
            return failing;
        }
    }
}

static void nobody_is_trusted_for_lack_of_memory(void **state)
{
    (void)state;
    char error[NET_TLS_ERROR_BYTES] = "";
    struct certificates certificates;
    certificates_open(&certificates);
    struct identity authority = identity_of_its_own(&certificates, "authority", NULL);
    struct identity stranger = identity_of_its_own(&certificates, "stranger", NULL);
    struct identity server =
        identity_signed_by(&certificates, &authority, "server", "DNS:" HOST ",IP:127.0.0.1");
    const struct net_tls_server_settings settings = {server.file, server.key_file, NULL};
    struct net_tls *of_server = net_tls_server(&settings, error);
    assert_string_equal(error, "");

    assert_true(fail_each(&authority, of_server, HOST, STEP_WIDE, true) > 100);
    (void)fail_each(&authority, of_server, "127.0.0.1", STEP_WIDE, true);
    (void)fail_each(&authority, of_server, "other.example.com", STEP, false);
    (void)fail_each(&authority, of_server, "127.0.0.2", STEP, false);
    (void)fail_each(&stranger, of_server, HOST, STEP_WIDE, false);

    net_tls_release(of_server);
    identity_free(&authority);
    identity_free(&stranger);
    identity_free(&server);
    certificates_close(&certificates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_is_trusted_for_lack_of_memory)};
    if (CRYPTO_set_mem_functions(take, take_more, give_back) != 1)
        return 1; /* it has taken memory already */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
