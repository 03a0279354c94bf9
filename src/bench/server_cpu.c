#include "bench/server_cpu.h"

#include "base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENING 0x0A /* a state in the kernel's table of sockets */

/* The socket that listens on PORT, by its inode; 0: none. */
static uint64_t listening_inode(const char *table, uint16_t port)
{
    FILE *file = fopen(table, "re");
    char line[512];
    uint64_t found = 0;
    while (file != NULL && found == 0 && fgets(line, sizeof line, file) != NULL) {
        /* sl local_address:port remote state queues timer retransmits uid timeout inode */
        unsigned local_port;
        unsigned state;
        uint64_t inode;
        if (sscanf(line, " %*[^:]: %*[^:]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64, &local_port, &state,
                   &inode) == 3 &&
            local_port == port && state == LISTENING)
            found = inode;
    }
    if (file != NULL)
        (void)fclose(file);
    return found;
}

static bool has_socket(const char *pid, uint64_t inode)
{
    char folder[64];
    char wanted[64];
    (void)snprintf(folder, sizeof folder, "/proc/%.20s/fd", pid);
    (void)snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
    DIR *files = opendir(folder);
    bool is_there = false;
    for (const struct dirent *entry; files != NULL && !is_there && (entry = readdir(files)) != NULL;) {
        char path[340];
        char target[64];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ssize_t size = readlink(path, target, sizeof target - 1);
        is_there = size > 0 && (size_t)size == strlen(wanted) && memcmp(target, wanted, (size_t)size) == 0;
    }
    if (files != NULL)
        (void)closedir(files);
    return is_there;
}

void server_cpu_find(struct server_cpu *cpu, const char *host, uint16_t port)
{
    *cpu = (struct server_cpu){.pid = 0};
    if (strncmp(host, "127.", 4) != 0 && strcmp(host, "localhost") != 0 && strcmp(host, "::1") != 0)
        return;
    uint64_t inode = listening_inode("/proc/net/tcp", port);
    if (inode == 0)
        inode = listening_inode("/proc/net/tcp6", port);
    DIR *processes = inode != 0 ? opendir("/proc") : NULL;
    for (const struct dirent *entry;
         processes != NULL && cpu->pid == 0 && (entry = readdir(processes)) != NULL;)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && has_socket(entry->d_name, inode))
            cpu->pid = atoi(entry->d_name);
    if (processes != NULL)
        (void)closedir(processes);
}

static bool read_ticks(int pid, const char *thread, uint64_t *ticks)
{
    char path[64];
    char line[1024];
    uint64_t user;
    uint64_t system;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", pid, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t size = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    line[size] = '\0';
    const char *behind = strrchr(line, ')'); /* a name may hold anything */
    if (behind == NULL ||
        sscanf(behind + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64, &user,
               &system) != 2)
        return false;
    *ticks = user + system;
    return true;
}

static void sample(struct server_cpu *cpu)
{
    char folder[64];
    (void)snprintf(folder, sizeof folder, "/proc/%d/task", cpu->pid);
    cpu->thread_count = 0;
    cpu->at_ns = clock_now_ns();
    DIR *threads = cpu->pid != 0 ? opendir(folder) : NULL;
    for (const struct dirent *entry; threads != NULL && (entry = readdir(threads)) != NULL;) {
        struct server_thread *thread = &cpu->threads[cpu->thread_count];
        if (cpu->thread_count == SERVER_CPU_THREADS_MAX || entry->d_name[0] == '.' ||
            !read_ticks(cpu->pid, entry->d_name, &thread->ticks))
            continue;
        thread->id = atoi(entry->d_name);
        cpu->thread_count++;
    }
    if (threads != NULL)
        (void)closedir(threads);
}

void server_cpu_begin(struct server_cpu *cpu)
{
    sample(cpu);
}

static uint64_t ticks_before(const struct server_cpu *cpu, int id)
{
    for (size_t i = 0; i < cpu->thread_count; i++)
        if (cpu->threads[i].id == id)
            return cpu->threads[i].ticks;
    return 0;
}

double server_cpu_end(struct server_cpu *cpu)
{
    struct server_cpu before = *cpu;
    sample(cpu);
    if (before.thread_count == 0 || cpu->thread_count == 0)
        return -1;
    uint64_t most = 0;
    for (size_t i = 0; i < cpu->thread_count; i++) {
        uint64_t ticks = cpu->threads[i].ticks - ticks_before(&before, cpu->threads[i].id);
        most = ticks > most ? ticks : most;
    }
    double seconds = (double)(cpu->at_ns - before.at_ns) / CLOCK_NS_PER_S;
    return seconds > 0 ? (double)most / (double)sysconf(_SC_CLK_TCK) / seconds : -1;
}
