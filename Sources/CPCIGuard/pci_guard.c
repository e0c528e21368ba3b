// SPDX-License-Identifier: GPL-3.0-or-later
#include "pci_guard.h"

#include <pci/pci.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// Where the error handler goes back to: set by each call below before it enters libpci, and gone when it returns.
// One a thread, since different threads may work with different accesses.
static _Thread_local jmp_buf escape;

// libpci counts on its error handler not to return.
__attribute__((noreturn)) static void on_error(char *message, ...) {
    (void)message;
    longjmp(escape, 1);
}

static void on_message(char *message, ...) { (void)message; }

struct pci_access *pci_guard_open_names(const char *ids_path) {
    char *path = NULL;
    if (ids_path && !(path = strdup(ids_path))) return NULL;
    struct pci_access *access = pci_alloc();
    if (!access) {
        free(path);
        return NULL;
    }
    access->error = on_error;
    access->warning = on_message;
    access->debug = on_message;
    // Off: the cache of names asked over the network, a file in the user's home.
    access->id_lookup_mode = 0;
    // The access frees the path.
    if (path) pci_set_name_list_path(access, path, 1);
    // `access` is not changed after this line, so its value is the same when the handler comes back here.
    if (setjmp(escape) || !pci_load_name_list(access)) {
        pci_guard_close(access);
        return NULL;
    }
    return access;
}

void pci_guard_close(struct pci_access *access) {
    if (!setjmp(escape)) pci_cleanup(access);
}

// A name that didn't fit is not in the buffer: libpci then returns a text of its own.
static int found(const char *name, const char *buffer) { return name && name == buffer && *name ? 0 : -1; }

// NO_NUMBERS makes an unknown name NULL instead of "Device 1572"; names come from pci.ids alone.
enum { FLAGS = PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB };

int pci_guard_vendor_name(struct pci_access *access, char *buffer, size_t size, int vendor) {
    if (setjmp(escape)) return -1;
    return found(pci_lookup_name(access, buffer, (int)size, PCI_LOOKUP_VENDOR | FLAGS, vendor), buffer);
}

int pci_guard_device_name(struct pci_access *access, char *buffer, size_t size, int vendor, int device) {
    if (setjmp(escape)) return -1;
    return found(pci_lookup_name(access, buffer, (int)size, PCI_LOOKUP_DEVICE | FLAGS, vendor, device), buffer);
}

int pci_guard_class_name(struct pci_access *access, char *buffer, size_t size, int class_code) {
    if (setjmp(escape)) return -1;
    return found(pci_lookup_name(access, buffer, (int)size, PCI_LOOKUP_CLASS | FLAGS, class_code), buffer);
}
