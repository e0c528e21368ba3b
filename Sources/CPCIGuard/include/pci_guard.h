// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stddef.h>

/// libpci's default error handler prints and calls exit(1). These calls install a handler of their own that
/// unwinds C frames only, so that a bad pci.ids file is a NULL here and not the end of the process.

struct pci_access;

/// A new access for name lookups alone: nothing on the host is opened. `ids_path` may be NULL for the built-in
/// pci.ids path. NULL when libpci reported an error.
struct pci_access *pci_guard_open_names(const char *ids_path);

/// Frees what pci_guard_open_names made.
void pci_guard_close(struct pci_access *access);

/// Writes the name of a vendor, device or class into `buffer`; 0 on success, -1 when unknown or on an error.
int pci_guard_vendor_name(struct pci_access *access, char *buffer, size_t size, int vendor);
int pci_guard_device_name(struct pci_access *access, char *buffer, size_t size, int vendor, int device);
int pci_guard_class_name(struct pci_access *access, char *buffer, size_t size, int class_code);
