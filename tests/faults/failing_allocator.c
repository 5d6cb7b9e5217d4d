/* Preloaded before the C library. Makes as many large aligned allocations fail as the file named by
   $FAILING_ALLOCATIONS has bytes, and removes one byte for each. In the product only PyTorch makes
   aligned allocations. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE 65536 /* bytes; small allocations seldom fail when memory runs out, so they succeed here too */

static int should_fail(void) {
    const char *path = getenv("FAILING_ALLOCATIONS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    struct stat status;
    flock(file, LOCK_EX);
    int left = !fstat(file, &status) && status.st_size > 0 && !ftruncate(file, status.st_size - 1);
    close(file);
    return left;
}

int posix_memalign(void **where, size_t alignment, size_t bytes) {
    static int (*real)(void **, size_t, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "posix_memalign");
    if (bytes >= LARGE && should_fail()) return ENOMEM;
    return real(where, alignment, bytes);
}
