// SPDX-License-Identifier: GPL-3.0-or-later
// The floor under every inventory: reads what `buslane inventory` has to know, each file once, on one core, and makes
// nothing of it. floor TREE prints how many bytes that was.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[65536];
static unsigned long total;

// The bytes of a file, at most `limit` of them; -1 without it.
static ssize_t take(int folder, const char *name, size_t limit) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t count = read(file, buffer, limit);
    if (count > 0) total += (unsigned long)count;
    close(file);
    return count;
}

// A link's last name, in `name`; 0 without the link.
static int follow(int folder, const char *link, char *name, size_t size) {
    ssize_t count = readlinkat(folder, link, buffer, sizeof buffer - 1);
    if (count <= 0) return 0;
    total += (unsigned long)count;
    buffer[count] = 0;
    const char *slash = strrchr(buffer, '/');
    strncpy(name, slash ? slash + 1 : buffer, size - 1);
    name[size - 1] = 0;
    return 1;
}

static int folder_at(int parent, const char *name) {
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

// The next names of a folder, straight from the kernel; 0 at its end.
struct names {
    char room[32768];
    ssize_t length, at;
};

static const char *next_name(int folder, struct names *names) {
    for (;;) {
        if (names->at >= names->length) {
            names->length = getdents64(folder, names->room, sizeof names->room);
            names->at = 0;
            if (names->length <= 0) return NULL;
        }
        struct dirent64 *entry = (struct dirent64 *)(names->room + names->at);
        names->at += entry->d_reclen;
        total++;
        if (entry->d_name[0] != '.') return entry->d_name;
    }
}

static void interfaces(int function) {
    int net = folder_at(function, "net");
    if (net < 0) return;
    struct names names = {.length = 0}, above;
    for (const char *each; (each = next_name(net, &names));) {
        int home = folder_at(net, each);
        static const char *const files[] = {"ifindex", "flags", "address", "operstate", "speed", "mtu"};
        for (size_t file = 0; file < sizeof files / sizeof *files; file++) take(home, files[file], 4096);
        char name[256];
        follow(home, "master", name, sizeof name);
        // What is on top of it: links in its folder.
        above.length = above.at = 0;
        while (next_name(home, &above)) continue;
        close(home);
    }
    close(net);
}

static void card(int function) {
    char link[32], name[256];
    static const char *const files[] = {"sriov_offset", "sriov_stride", "sriov_vf_device", "sriov_drivers_autoprobe",
                                        "sriov_vf_total_msix"};
    if (take(function, "sriov_totalvfs", 4096) < 0) return;
    ssize_t count = take(function, "sriov_numvfs", 4096);
    buffer[count > 0 ? count : 0] = 0;
    int vfs = atoi(buffer);
    for (size_t each = 0; each < sizeof files / sizeof *files; each++) take(function, files[each], 4096);
    for (int index = 0; index <= vfs; index++) {
        snprintf(link, sizeof link, "virtfn%d", index);
        follow(function, link, name, sizeof name);
    }
}

static void function(int bus, const char *address) {
    char driver[256] = "", name[256];
    int home = folder_at(bus, address);
    if (home < 0) return;
    follow(home, "driver", driver, sizeof driver);
    take(home, "driver_override", 4096);
    follow(home, "iommu_group", name, sizeof name);
    take(home, "numa_node", 4096);
    follow(bus, address, name, sizeof name);
    take(home, "reset_method", 4096);
    take(home, "config", 1024);
    take(home, "uevent", 4096);
    if (follow(home, "physfn", name, sizeof name)) take(home, "sriov_vf_msix_count", 4096);
    else card(home);
    if (strcmp(driver, "vfio-pci") == 0) {
        int devices = folder_at(home, "vfio-dev");
        if (devices >= 0) {
            struct names names = {.length = 0};
            while (next_name(devices, &names)) continue;
            close(devices);
        }
    } else if (*driver) {
        interfaces(home);
    }
    close(home);
}

int main(int count, char **arguments) {
    char path[PATH_MAX];
    if (count != 2 || chdir(arguments[1]) != 0) return 64;
    int bus = folder_at(AT_FDCWD, "sys/bus/pci/devices");
    static struct names names, numbers;
    for (const char *each; (each = next_name(bus, &names));) function(bus, each);
    int groups = folder_at(AT_FDCWD, "sys/kernel/iommu_groups");
    for (const char *each; (each = next_name(groups, &numbers));) {
        snprintf(path, sizeof path, "%s/type", each);
        take(groups, path, 4096);
    }
    int aliases = openat(AT_FDCWD, "lib/modules/6.1.0/modules.alias", O_RDONLY | O_CLOEXEC);
    for (ssize_t got; aliases >= 0 && (got = read(aliases, buffer, sizeof buffer)) > 0;) total += (unsigned long)got;
    printf("%lu\n", total);
    return 0;
}
