// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stddef.h>
#include <sys/types.h>

/// getdents64(2), which Swift's Glibc module leaves out. readdir(3) would need a second descriptor and three more calls
/// for each of thousands of folders.
ssize_t directory_entries(int descriptor, void *buffer, size_t size);
