#include "bench/whole_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is no ordinary file (a terminal, a pipe) is written to as it is. */
static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

static bool name_new(struct whole_file *file, const char *path)
{
    int size = snprintf(file->path, sizeof file->path, "%s", path);
    int new_size = snprintf(file->new_path, sizeof file->new_path, "%s.%d.new", path, (int)getpid());
    return size > 0 && (size_t)new_size < sizeof file->new_path;
}

const char *whole_file_problem(const char *path)
{
    struct whole_file file;
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return strerror(EISDIR);
    if (is_special(path))
        return access(path, W_OK) == 0 ? NULL : strerror(errno);
    if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
        return strerror(errno);
    if (!name_new(&file, path))
        return strerror(ENAMETOOLONG);
    FILE *stream = fopen(file.new_path, "we");
    if (stream == NULL)
        return strerror(errno);
    (void)fclose(stream);
    (void)unlink(file.new_path);
    return NULL;
}

bool whole_file_begin(struct whole_file *file, const char *path)
{
    if (!name_new(file, path))
        return false;
    if (is_special(path))
        file->new_path[0] = '\0';
    file->stream = fopen(file->new_path[0] != '\0' ? file->new_path : path, "we");
    return file->stream != NULL;
}

bool whole_file_end(struct whole_file *file)
{
    bool is_written = ferror(file->stream) == 0;
    is_written = fclose(file->stream) == 0 && is_written;
    if (file->new_path[0] == '\0')
        return is_written;
    if (is_written && rename(file->new_path, file->path) == 0)
        return true;
    (void)unlink(file->new_path);
    return false;
}
