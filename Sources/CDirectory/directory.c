// SPDX-License-Identifier: GPL-3.0-or-later
#define _GNU_SOURCE
#include "directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t directory_entries(int descriptor, void *buffer, size_t size) { return getdents64(descriptor, buffer, size); }

int directory_path_only(void) { return O_PATH; }

// struct open_how and RESOLVE_IN_ROOT of linux/openat2.h, which older headers lack.
struct how {
    uint64_t flags, mode, resolve;
};

int directory_open_below(int root, const char *path, int flags) {
#ifdef SYS_openat2
    struct how how = {.flags = (uint32_t)flags, .mode = 0, .resolve = 0x10};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
#else
    errno = ENOSYS;
    return -1;
#endif
}
