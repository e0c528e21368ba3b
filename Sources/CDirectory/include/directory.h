// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stddef.h>
#include <sys/types.h>

/// getdents64(2), which Swift's view of the C library leaves out: readdir would need a second descriptor, and three
/// calls more for each of thousands of folders.
ssize_t directory_entries(int descriptor, void *buffer, size_t size);
