// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stddef.h>
#include <sys/types.h>

/// getdents64(2), which Swift's Glibc module leaves out. readdir(3) would need a second descriptor and three more calls
/// for each of thousands of folders.
ssize_t directory_entries(int descriptor, void *buffer, size_t size);

/// openat2(2) with RESOLVE_IN_ROOT: absolute links and `..` end at the folder `root`. Never creates a file. The C library
/// has no function for it.
int directory_open_below(int root, const char *path, int flags);

/// O_PATH, which Swift's Glibc module leaves out as well.
int directory_path_only(void);
