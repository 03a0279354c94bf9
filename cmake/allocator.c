/* How jemalloc, the allocator of our programs, gives memory back to the system: on a thread of its own, over some
 * seconds. The C library's does it within free: the last of a million elements to go then takes the loop away from
 * every other call for as long as the kernel needs for all their pages at once. */

extern const char *malloc_conf; /* jemalloc's name for it, which it looks for in the program */
__attribute__((visibility("default"))) const char *malloc_conf =
    "background_thread:true,dirty_decay_ms:2000,muzzy_decay_ms:0";
