// SPDX-License-Identifier: GPL-3.0-or-later
#include "pci_guard.h"

#include <pci/pci.h>
#include <setjmp.h>
#include <string.h>

// One jump target a thread: libpci is called from one thread at a time for one access, but accesses may differ.
static _Thread_local jmp_buf escape;

__attribute__((noreturn)) static void on_error(char *message, ...) {
    (void)message;
    longjmp(escape, 1);
}

static void on_message(char *message, ...) { (void)message; }

struct pci_access *pci_guard_open_names(const char *ids_path) {
    struct pci_access *access = pci_alloc();
    if (!access) return NULL;
    access->error = on_error;
    access->warning = on_message;
    access->debug = on_message;
    if (setjmp(escape)) return NULL;
    if (ids_path) pci_set_name_list_path(access, strdup(ids_path), 1);
    if (!pci_load_name_list(access)) {
        pci_cleanup(access);
        return NULL;
    }
    return access;
}

void pci_guard_close(struct pci_access *access) {
    if (!setjmp(escape)) pci_cleanup(access);
}

static int found(const char *name) { return name && *name ? 0 : -1; }

// PCI_LOOKUP_NO_NUMBERS makes an unknown name NULL; the network and hwdb lookups are off.
static const int flags = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_SKIP_LOCAL | PCI_LOOKUP_NO_HWDB;

int pci_guard_vendor_name(struct pci_access *access, char *buffer, size_t size, int vendor) {
    if (setjmp(escape)) return -1;
    return found(pci_lookup_name(access, buffer, (int)size, PCI_LOOKUP_VENDOR | flags, vendor));
}

int pci_guard_device_name(struct pci_access *access, char *buffer, size_t size, int vendor, int device) {
    if (setjmp(escape)) return -1;
    return found(pci_lookup_name(access, buffer, (int)size, PCI_LOOKUP_DEVICE | flags, vendor, device));
}

int pci_guard_class_name(struct pci_access *access, char *buffer, size_t size, int class_code) {
    if (setjmp(escape)) return -1;
    return found(pci_lookup_name(access, buffer, (int)size, PCI_LOOKUP_CLASS | flags, class_code));
}
