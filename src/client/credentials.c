/* Credentials: where a service is and the key that opens it. */
#include "client/client.h"

mayfly_credentials mayfly_credentials_local(const char *host, uint16_t port)
{
    return (mayfly_credentials){.cache_host = host, .port = port};
}
