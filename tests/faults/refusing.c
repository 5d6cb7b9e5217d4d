/* Loaded into a process in front of the C library: as many bytes as the file $REFUSED is long,
   so many requests for aligned memory, which in the product PyTorch alone makes, are refused. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE 65536 /* bytes: smaller ones are not refused, as they seldom are where memory ends */

static int refused(void) {
    const char *path = getenv("REFUSED");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    struct stat about;
    flock(file, LOCK_EX);
    int left = !fstat(file, &about) && about.st_size > 0 && !ftruncate(file, about.st_size - 1);
    close(file);
    return left;
}

int posix_memalign(void **where, size_t alignment, size_t bytes) {
    static int (*real)(void **, size_t, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "posix_memalign");
    if (bytes >= LARGE && refused()) return ENOMEM;
    return real(where, alignment, bytes);
}
