// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <stddef.h>
#include <stdint.h>

/// libpci's default error handler prints and calls exit(1). These calls install a handler that unwinds only C frames,
/// so that a malformed pci.ids makes a call return NULL and does not end the process.

struct pci_access;

/// A new access that is only for names: it opens no device. `ids_path` can be NULL for the built-in path of pci.ids.
/// NULL when libpci reported an error.
struct pci_access *pci_guard_open_names(const char *ids_path);

/// A new access that is only for pci_guard_capabilities: it opens no device. NULL when libpci reported an error.
struct pci_access *pci_guard_open_config(void);

/// Frees an access.
void pci_guard_close(struct pci_access *access);

/// Writes the name of a vendor, device or class into `buffer`. 0 on success; -1 when unknown or on an error.
int pci_guard_vendor_name(struct pci_access *access, char *buffer, size_t size, int vendor);
int pci_guard_device_name(struct pci_access *access, char *buffer, size_t size, int vendor, int device);
int pci_guard_class_name(struct pci_access *access, char *buffer, size_t size, int class_code);

/// The size of a PCI Express config space, in bytes.
enum { PCI_GUARD_CONFIG_SIZE = 4096 };

/// The capabilities in a function's config space.
struct pci_guard_capabilities {
    int multi_function;
    /// PCI_EXP_TYPE_*; -1 when the function is not PCI Express.
    int port_type;
    /// The link's registers; 0 when the function has no link. link_capabilities_2 exists since PCIe 2.0.
    uint32_t link_capabilities, link_capabilities_2;
    uint16_t link_status;
    int flr;
    /// 0 without MSI-X.
    int msix_table_size;
    /// Whether the extended space could be read, and so the fields below are known.
    int extended;
    int sriov, ari, ats, pasid, acs;
    uint16_t acs_supported, acs_enabled;
    /// 0 without a device serial number.
    uint64_t serial;
};

/// Parses the first `length` bytes of a config space. `config` has room for PCI_GUARD_CONFIG_SIZE bytes; those after
/// `length` are overwritten.
///
/// 0 on success. 1 when a capability is after `length`; `out` then has the facts from the bytes before. -1 when the
/// function did not answer, `length` is below 256, or libpci reported an error.
int pci_guard_capabilities(
    struct pci_access *access, uint8_t *config, size_t length, struct pci_guard_capabilities *out);
