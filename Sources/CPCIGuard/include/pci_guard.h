// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stddef.h>
#include <stdint.h>

/// libpci's default error handler prints and calls exit(1). These calls install a handler of their own that
/// unwinds C frames only, so that a bad pci.ids file is a NULL here and not the end of the process.

struct pci_access;

/// A new access for name lookups alone: nothing on the host is opened. `ids_path` may be NULL for the built-in
/// pci.ids path. NULL when libpci reported an error.
struct pci_access *pci_guard_open_names(const char *ids_path);

/// A new access for pci_guard_capabilities alone: nothing on the host is opened. NULL when libpci reported an error.
struct pci_access *pci_guard_open_config(void);

/// Frees what either of the above made.
void pci_guard_close(struct pci_access *access);

/// Writes the name of a vendor, device or class into `buffer`; 0 on success, -1 when unknown or on an error.
int pci_guard_vendor_name(struct pci_access *access, char *buffer, size_t size, int vendor);
int pci_guard_device_name(struct pci_access *access, char *buffer, size_t size, int vendor, int device);
int pci_guard_class_name(struct pci_access *access, char *buffer, size_t size, int class_code);

/// A whole PCI Express config space.
enum { PCI_GUARD_CONFIG_SIZE = 4096 };

/// What a function's config space says that it can do.
struct pci_guard_capabilities {
    int multi_function;
    /// PCI_EXP_TYPE_*; -1 when it is not PCI Express.
    int port_type;
    /// The link's registers as they are, 0 where the function has none; link_capabilities_2 since PCIe 2.0.
    uint32_t link_capabilities, link_capabilities_2;
    uint16_t link_status;
    int flr;
    /// 0 without MSI-X.
    int msix_table_size;
    /// Whether what follows is known: the extended space could be read.
    int extended;
    int sriov, ari, ats, pasid, acs;
    uint16_t acs_supported, acs_enabled;
    /// 0 without a device serial number.
    uint64_t serial;
};

/// Parses the first `length` bytes of a config space. `config` has room for PCI_GUARD_CONFIG_SIZE bytes; those after
/// `length` are overwritten.
///
/// 0 on success; 1 when a capability lies after `length`, and `out` then says what could be told without it; -1 when
/// the function did not answer, less than the first 256 bytes are there, or libpci reported an error.
int pci_guard_capabilities(
    struct pci_access *access, uint8_t *config, size_t length, struct pci_guard_capabilities *out);
