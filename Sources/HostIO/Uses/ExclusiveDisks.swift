// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Glibc
import HostModel

/// Asks the kernel whether somebody has a block device exclusively: the only sign of a ZFS pool, or of a mount that no
/// table shows.
///
/// The kernel lets one user have a block device exclusively: file systems, swap spaces, RAID, LVM and others do. A
/// partition's user keeps others from the whole disk. A program that wants the disk in the same moment is refused, so ask
/// only before a decision and for a report.
///
/// Source: open(2), `O_EXCL` on block devices; `bd_may_claim`, block/bdev.c.
struct ExclusiveDisks {
    private let paths: HostPaths
    /// Whether the block device has an exclusive user; nil if unknown.
    private let isBusy: (_ file: String) -> Bool?

    init(paths: HostPaths) {
        self.paths = paths
        // Another root's disks are not those of this kernel.
        isBusy = paths.isLive ? Self.isBusyInTime : { _ in nil }
    }

    init(paths: HostPaths, isBusy: @escaping (_ file: String) -> Bool?) {
        self.paths = paths
        self.isBusy = isBusy
    }

    /// By function: its disks in exclusive use.
    func uses(of isAsked: (PCIAddress) -> Bool) -> [PCIAddress: [DiskUse]] {
        let devices = BlockDevices(paths: paths)
        var uses: [PCIAddress: [DiskUse]] = [:]
        var files = TextFiles()
        for name in devices.names {
            let functions = devices.functions(of: name).filter(isAsked)
            // The whole disk answers for its partitions. A hidden path of a multipath disk has no file.
            guard !functions.isEmpty, !files.exists(paths.blockDevices + "/\(name)/partition"),
                files.text(paths.blockDevices + "/\(name)/hidden")?.trimmed != "1",
                isBusy(paths.blockDeviceFile(name)) == true
            else { continue }
            for function in functions { uses[function, default: []].append(DiskUse(device: name, .exclusive)) }
        }
        return uses
    }

    /// A disk whose opening hangs counts as busy: it is not to be handed out.
    private static func isBusyInTime(_ file: String) -> Bool? {
        calls.result(about: file, within: .seconds(5)) { isBusy(file) } ?? true
    }

    private static let calls = HangingCalls()

    /// Without waiting for a medium, and without writing: udev looks again at a device that was open for writing.
    static func isBusy(_ file: String) -> Bool? {
        // SAFETY: the string outlives the call, which keeps no pointer.
        let opened = unsafe open(file, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC)
        guard opened >= 0 else { return errno == EBUSY ? true : nil }
        close(opened)
        return false
    }
}
