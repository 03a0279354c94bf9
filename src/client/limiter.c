#include "client/limiter.h"

void limiter_init(struct limiter *limiter, const struct limiter_config *config)
{
    *limiter = (struct limiter){.config = *config, .limit = config->initial};
}

uint32_t limiter_ended(struct limiter *limiter, const struct limiter_sample *sample)
{
    (void)sample;
    return limiter->limit;
}
