// SPDX-License-Identifier: GPL-3.0-or-later
// A preloaded library that emulates a slow flush: adds BENCHMARK_FLUSH nanoseconds to each fdatasync and fsync.
//
// Many disks, and most virtual ones, answer a flush at once. With this a program waits as on a slow disk; writing its pages
// takes the time of this machine. Source: fdatasync(2), ld.so(8), LD_PRELOAD.
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int flush(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *wait = getenv("BENCHMARK_FLUSH");
    long nanoseconds = wait ? atol(wait) : 0;
    struct timespec pause = {.tv_sec = nanoseconds / 1000000000L, .tv_nsec = nanoseconds % 1000000000L};
    nanosleep(&pause, NULL);
    return real(file);
}

int fdatasync(int file) { return flush("fdatasync", file); }
int fsync(int file) { return flush("fsync", file); }
