/* The behaviour suite on its own model: what other engines are compared with keeps every promise itself. */
#include "store/behaviour.h"
#include "store/behaviour_model.h"

static struct store *create(uint64_t limit_bytes)
{
    (void)limit_bytes;
    return model_create();
}

int main(void)
{
    static const struct behaviour_engine engine = {.create = create};
    return behaviour_run(&engine);
}
