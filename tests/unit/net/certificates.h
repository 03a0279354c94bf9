/* Authorities and certificates for tests, made as they are needed, in a temporary folder that goes with the test. */
#ifndef MAYFLY_TESTS_NET_CERTIFICATES_H
#define MAYFLY_TESTS_NET_CERTIFICATES_H

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_S     86400L
#define PATH_SIZE 128

/* A certificate, its key, and the files that hold them. */
struct identity {
    X509 *certificate;
    EVP_PKEY *key;
    char file[PATH_SIZE];
    char key_file[PATH_SIZE];
};

struct certificates {
    char folder[PATH_SIZE - 64];
};

static inline void certificates_open(struct certificates *certificates)
{
    (void)snprintf(certificates->folder, sizeof certificates->folder, "/tmp/certificates-XXXXXX");
    assert_non_null(mkdtemp(certificates->folder));
}

static inline void certificates_path(const struct certificates *certificates, const char *name,
                                     const char *end, char path[PATH_SIZE])
{
    int length = snprintf(path, PATH_SIZE, "%s/%s.%s", certificates->folder, name, end);
    assert_true(length > 0 && length < PATH_SIZE);
}

static inline void certificates_close(struct certificates *certificates)
{
    DIR *folder = opendir(certificates->folder);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[PATH_SIZE + sizeof entry->d_name];
        (void)snprintf(path, sizeof path, "%s/%s", certificates->folder, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(folder);
    assert_int_equal(rmdir(certificates->folder), 0);
}

/* What a certificate is to say. */
struct wanted {
    const char *name;         /* its common name, and that of the files */
    const char *alternatives; /* as OpenSSL writes them, "DNS:localhost,IP:127.0.0.1"; NULL: none */
    long from_s;              /* valid from now and so much */
    long to_s;
    const struct identity *issuer; /* NULL: itself */
    const char *pass_phrase;       /* of the key's file; NULL: none */
};

static inline void identity_extend(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void identity_write(const struct identity *identity, const char *pass_phrase)
{
    FILE *file = fopen(identity->file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, identity->certificate), 1);
    (void)fclose(file);
    file = fopen(identity->key_file, "w");
    assert_non_null(file);
    const EVP_CIPHER *cipher = pass_phrase != NULL ? EVP_aes_128_cbc() : NULL;
    const unsigned char *phrase = (const unsigned char *)pass_phrase;
    int length = pass_phrase != NULL ? (int)strlen(pass_phrase) : 0;
    assert_int_equal(PEM_write_PrivateKey(file, identity->key, cipher, phrase, length, NULL, NULL), 1);
    (void)fclose(file);
}

static inline struct identity identity_make(const struct certificates *certificates,
                                            const struct wanted *wanted)
{
    struct identity identity = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    X509 *certificate = identity.certificate;
    assert_non_null(certificate);
    assert_non_null(identity.key);
    int64_t serial;
    assert_int_equal(RAND_bytes((unsigned char *)&serial, sizeof serial), 1);
    X509_NAME *name = X509_get_subject_name(certificate);
    const struct identity *issuer = wanted->issuer != NULL ? wanted->issuer : &identity;
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial & INT32_MAX), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)wanted->name, -1, -1, 0),
        1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), wanted->from_s));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), wanted->to_s));
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate)), 1);
    assert_int_equal(X509_set_pubkey(certificate, identity.key), 1);
    identity_extend(certificate, NID_basic_constraints,
                    wanted->issuer == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wanted->alternatives != NULL)
        identity_extend(certificate, NID_subject_alt_name, wanted->alternatives);
    assert_true(X509_sign(certificate, issuer->key, EVP_sha256()) > 0);
    certificates_path(certificates, wanted->name, "pem", identity.file);
    certificates_path(certificates, wanted->name, "key", identity.key_file);
    identity_write(&identity, wanted->pass_phrase);
    return identity;
}

static inline void identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

/* An authority, or a certificate that says of itself who it is. */
static inline struct identity identity_of_its_own(const struct certificates *certificates, const char *name,
                                                  const char *alternatives)
{
    return identity_make(
        certificates,
        &(struct wanted){.name = name, .alternatives = alternatives, .from_s = -DAY_S, .to_s = DAY_S});
}

static inline struct identity identity_signed_by(const struct certificates *certificates,
                                                 const struct identity *issuer, const char *name,
                                                 const char *alternatives)
{
    return identity_make(
        certificates,
        &(struct wanted){
            .name = name, .alternatives = alternatives, .from_s = -DAY_S, .to_s = DAY_S, .issuer = issuer});
}

#endif
