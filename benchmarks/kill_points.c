/* Ends a process by SIGKILL at a system call that writes. Preloaded by kill_points.py.

   Every call of libc that changes a file or a directory is one step. Before the step whose number
   was given, or in the middle of it where it writes bytes, the process kills itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct shared {
    long steps;
    char last[256];
};

static struct shared *shared;
static long fatal;
static int in_the_middle;

void kill_points_arm(struct shared *memory, long at, int middle) {
    fatal = at;
    in_the_middle = middle;
    shared = memory;
}

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Count a step; return whether it is the fatal one. */
static int step(const char *name, const char *path) {
    if (!shared || __sync_add_and_fetch(&shared->steps, 1) != fatal)
        return 0;
    snprintf(shared->last, sizeof shared->last, "%s %s", name, path ? path : "");
    return 1;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define CHANGES(type, name, path, parameters, arguments) \
    type name parameters { \
        REAL(name); \
        if (step(#name, path)) \
            end(); \
        return real arguments; \
    }

CHANGES(int, fsync, 0, (int fd), (fd))
CHANGES(int, fdatasync, 0, (int fd), (fd))
CHANGES(int, ftruncate, 0, (int fd, off_t length), (fd, length))
CHANGES(int, ftruncate64, 0, (int fd, off64_t length), (fd, length))
CHANGES(int, unlink, path, (const char *path), (path))
CHANGES(int, unlinkat, path, (int fd, const char *path, int flags), (fd, path, flags))
CHANGES(int, rmdir, path, (const char *path), (path))
CHANGES(int, mkdir, path, (const char *path, mode_t mode), (path, mode))
CHANGES(int, mkdirat, path, (int fd, const char *path, mode_t mode), (fd, path, mode))
CHANGES(int, rename, to, (const char *from, const char *to), (from, to))
CHANGES(int, renameat, to, (int a, const char *from, int b, const char *to), (a, from, b, to))
CHANGES(int, renameat2, to, (int a, const char *from, int b, const char *to, unsigned flags),
        (a, from, b, to, flags))
CHANGES(int, link, to, (const char *from, const char *to), (from, to))
CHANGES(int, linkat, to, (int a, const char *from, int b, const char *to, int flags),
        (a, from, b, to, flags))
CHANGES(int, symlink, to, (const char *from, const char *to), (from, to))
CHANGES(int, symlinkat, to, (const char *from, int fd, const char *to), (from, fd, to))
CHANGES(int, chmod, path, (const char *path, mode_t mode), (path, mode))
CHANGES(int, fchmod, 0, (int fd, mode_t mode), (fd, mode))
CHANGES(int, fchmodat, path, (int fd, const char *path, mode_t mode, int flags),
        (fd, path, mode, flags))
CHANGES(int, utimensat, path,
        (int fd, const char *path, const struct timespec times[2], int flags),
        (fd, path, times, flags))
CHANGES(int, futimens, 0, (int fd, const struct timespec times[2]), (fd, times))

#define OPENS(name, first, ...) \
    int name(__VA_ARGS__, int flags, ...) { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list list; \
            va_start(list, flags); \
            mode = va_arg(list, mode_t); \
            va_end(list); \
        } \
        if ((flags & (O_CREAT | O_TRUNC)) && step(#name, path)) \
            end(); \
        return real(first flags, mode); \
    }
#define COMMA ,
OPENS(open, path COMMA, const char *path)
OPENS(open64, path COMMA, const char *path)
OPENS(openat, fd COMMA path COMMA, int fd, const char *path)
OPENS(openat64, fd COMMA path COMMA, int fd, const char *path)

#define WRITES(type, name, parameters, whole, half) \
    type name parameters { \
        REAL(name); \
        if (fd > 2 && step(#name, 0)) { \
            if (in_the_middle && count > 1) \
                (void)!real half; \
            end(); \
        } \
        return real whole; \
    }
WRITES(ssize_t, write, (int fd, const void *data, size_t count), (fd, data, count),
       (fd, data, count / 2))
WRITES(ssize_t, pwrite, (int fd, const void *data, size_t count, off_t at),
       (fd, data, count, at), (fd, data, count / 2, at))
WRITES(ssize_t, pwrite64, (int fd, const void *data, size_t count, off64_t at),
       (fd, data, count, at), (fd, data, count / 2, at))
WRITES(ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count),
       (fd, data, count / 2))
WRITES(ssize_t, sendfile, (int fd, int from, off_t *at, size_t count), (fd, from, at, count),
       (fd, from, at, count / 2))
WRITES(ssize_t, sendfile64, (int fd, int from, off64_t *at, size_t count),
       (fd, from, at, count), (fd, from, at, count / 2))

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    REAL(fwrite);
    if (fileno(file) > 2 && step("fwrite", 0)) {
        if (in_the_middle && count > 1) {
            real(data, size, count / 2, file);
            fflush(file);
        }
        end();
    }
    return real(data, size, count, file);
}
