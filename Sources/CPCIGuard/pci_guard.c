// SPDX-License-Identifier: GPL-3.0-or-later
#include "pci_guard.h"

#include <pci/pci.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// The place to which the error handler jumps. Each call below sets it before it enters libpci; it is invalid after the
// call. One for each thread, because different threads can use different accesses.
static _Thread_local jmp_buf escape;

// libpci requires that its error handler does not return.
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
    // Do not use the cache of names from the network, a file in the user's home.
    access->id_lookup_mode = 0;
    // The access frees the path.
    if (path) pci_set_name_list_path(access, path, 1);
    // `access` does not change after this line, so its value is defined when the handler jumps here.
    if (setjmp(escape) || !pci_load_name_list(access)) {
        pci_guard_close(access);
        return NULL;
    }
    return access;
}

void pci_guard_close(struct pci_access *access) {
    if (!setjmp(escape)) pci_cleanup(access);
}

// A name that does not fit is not in the buffer: libpci then returns a string of its own.
static int found(const char *name, const char *buffer) { return name && name == buffer && *name ? 0 : -1; }

// With NO_NUMBERS an unknown name is NULL instead of "Device 1572". With NO_HWDB names come only from pci.ids.
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

struct pci_access *pci_guard_open_config(void) {
    struct pci_access *access = pci_alloc();
    if (!access) return NULL;
    access->error = on_error;
    access->warning = on_message;
    access->debug = on_message;
    // A device needs a back-end. This one opens nothing on its own, and all that it would read is in the device's
    // cache.
    access->method = PCI_ACCESS_SYS_BUS_PCI;
    // `access` does not change after this line, so its value is defined when the handler jumps here.
    if (setjmp(escape)) {
        pci_guard_close(access);
        return NULL;
    }
    pci_init(access);
    return access;
}

static uint16_t word(const uint8_t *config, unsigned int offset) {
    return (uint16_t)(config[offset] | config[offset + 1] << 8);
}

static uint32_t dword(const uint8_t *config, unsigned int offset) {
    return word(config, offset) | (uint32_t)word(config, offset + 2) << 16;
}

// The offset of a capability; 0 without it. If its first `bytes` bytes are not all within `length`: 0, and `beyond` is
// set.
static unsigned int place(
    struct pci_dev *device, unsigned int identity, unsigned int type, unsigned int bytes, size_t length, int *beyond) {
    struct pci_cap *capability = pci_find_cap(device, identity, type);
    if (!capability) return 0;
    // The header of a conventional capability is within the first 256 bytes, but its registers can end after them.
    if (capability->addr + bytes > length) {
        *beyond = 1;
        return 0;
    }
    return capability->addr;
}

// Functions inside a root complex have no link. Source: pcie_cap_has_lnkctl(), drivers/pci/access.c.
static void read_link(
    const uint8_t *config, unsigned int at, size_t length, struct pci_guard_capabilities *out) {
    enum { VERSION_2_END = PCI_EXP_LNKCAP2 + 4 };
    if (out->port_type == PCI_EXP_TYPE_ROOT_INT_EP || out->port_type == PCI_EXP_TYPE_ROOT_EC) return;
    if (at + PCI_EXP_LNKSTA + 2 > length) return;
    out->link_capabilities = dword(config, at + PCI_EXP_LNKCAP);
    out->link_status = word(config, at + PCI_EXP_LNKSTA);
    if ((word(config, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_VERS) > 1 && at + VERSION_2_END <= length)
        out->link_capabilities_2 = dword(config, at + PCI_EXP_LNKCAP2);
}

static int parse(struct pci_dev *device, const uint8_t *config, size_t length, struct pci_guard_capabilities *out) {
    enum { FIRST_PART = 256 };
    int beyond = 0;
    unsigned int at;
    out->multi_function = (config[PCI_HEADER_TYPE] & 0x80) != 0;
    out->port_type = -1;
    pci_fill_info(device, PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
    if ((at = place(device, PCI_CAP_ID_EXP, PCI_CAP_NORMAL, 8, length, &beyond))) {
        out->port_type = (word(config, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4;
        out->flr = (dword(config, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLRESET) != 0;
        read_link(config, at, length, out);
    }
    if ((at = place(device, PCI_CAP_ID_AF, PCI_CAP_NORMAL, 4, length, &beyond)))
        out->flr |= (config[at + PCI_AF_CAP] & PCI_AF_CAP_FLR) != 0;
    if ((at = place(device, PCI_CAP_ID_MSIX, PCI_CAP_NORMAL, 4, length, &beyond)))
        out->msix_table_size = (word(config, at + 2) & PCI_MSIX_TABSIZE) + 1;
    if (beyond) return -1;

    // A function that is not PCI Express has no extended space. On PCI Express, all ones mean that nothing answered.
    if (out->port_type < 0) {
        out->extended = 1;
        return 0;
    }
    if (length < FIRST_PART + 4 || dword(config, FIRST_PART) == 0xffffffff) return 0;
    out->extended = 1;
    out->sriov = pci_find_cap(device, PCI_EXT_CAP_ID_SRIOV, PCI_CAP_EXTENDED) != NULL;
    out->ari = pci_find_cap(device, PCI_EXT_CAP_ID_ARI, PCI_CAP_EXTENDED) != NULL;
    out->ats = pci_find_cap(device, PCI_EXT_CAP_ID_ATS, PCI_CAP_EXTENDED) != NULL;
    out->pasid = pci_find_cap(device, PCI_EXT_CAP_ID_PASID, PCI_CAP_EXTENDED) != NULL;
    if ((at = place(device, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED, 8, length, &beyond))) {
        out->acs = 1;
        out->acs_supported = word(config, at + PCI_ACS_CAP);
        out->acs_enabled = word(config, at + PCI_ACS_CTRL);
    }
    if ((at = place(device, PCI_EXT_CAP_ID_DSN, PCI_CAP_EXTENDED, 12, length, &beyond)))
        out->serial = (uint64_t)dword(config, at + 8) << 32 | dword(config, at + 4);
    // Does a capability point beyond the bytes that were read?
    for (struct pci_cap *each = device->first_cap; each; each = each->next)
        if (each->type == PCI_CAP_EXTENDED && (dword(config, each->addr) >> 20 & ~3u) + 4 > length) beyond = 1;
    if (beyond) out->extended = 0;
    return beyond;
}

int pci_guard_capabilities(
    struct pci_access *access, uint8_t *config, size_t length, struct pci_guard_capabilities *out) {
    memset(out, 0, sizeof *out);
    // Without privilege only 64 bytes can be read. All ones in the status register mean that nothing answered.
    if (length < 256 || length > PCI_GUARD_CONFIG_SIZE || word(config, PCI_STATUS) == 0xffff) return -1;
    // With a whole space in the cache libpci does not call its back-end. Bytes that were not read are all ones.
    memset(config + length, 0xff, PCI_GUARD_CONFIG_SIZE - length);
    // Volatile: its value changes after setjmp, and is needed when the handler jumps back.
    struct pci_dev *volatile device = NULL;
    int result = -1;
    if (!setjmp(escape)) {
        device = pci_get_dev(access, 0, 0, 0, 0);
        pci_setup_cache(device, config, PCI_GUARD_CONFIG_SIZE);
        result = parse(device, config, length, out);
    } else {
        result = -1;
    }
    if (device) pci_free_dev(device);
    return result;
}
