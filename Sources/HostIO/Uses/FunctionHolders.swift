// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import SystemPackage

/// Finds who has IOMMU groups' functions open through VFIO.
///
/// Source: `fd`, proc(5).
public struct FunctionHolders: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// The groups that are open, each with the processes that have it, by pid. One pass over the process table.
    ///
    /// - Throws: ``HostIOError/unreadable(path:errno:)`` when nobody was found but not every process could be looked
    ///   into: "nobody" would then be a guess.
    public func openGroups() throws(HostIOError) -> [Int: [ProcessHolder]] {
        guard mayBeOpen else { return [:] }
        let result: Result<[Int: [ProcessHolder]], HostIOError>
        do {
            let processes = try Directory(paths.processes)
            result = openGroups(among: try processes.names(), in: processes)
        } catch {
            throw .unreadable(path: paths.processes, errno: error.rawValue)
        }
        return try result.get()
    }

    /// Whether any function may be open: a VFIO driver is in use as often as its functions are opened. A driver that is
    /// built into the kernel does not tell.
    ///
    /// The process table of a busy host has tens of thousands of files to look at, and most hosts start without a guest.
    /// Source: `vfio_df_device_first_open`, drivers/vfio/vfio_main.c, which takes a reference to the driver's module.
    private var mayBeOpen: Bool {
        guard let drivers = try? Directory(paths.pciDrivers), let names = try? drivers.names() else { return true }
        var pass = ReadPass()
        for name in names where VFIO.isVFIODriver(name) {
            let references = (try? pass.contents(of: "\(name)/module/refcnt", in: drivers)).flatMap { Int($0) }
            if references != 0 { return true }
        }
        return false
    }

    private func openGroups(
        among names: [String], in processes: borrowing Directory
    ) -> Result<[Int: [ProcessHolder]], HostIOError> {
        var pass = ReadPass()
        var files = TextFiles()
        var open: [Int: [ProcessHolder]] = [:]
        var hidden: HostIOError?
        for (pid, name) in names.compactMap({ name in Int(name).map { ($0, name) } }).sorted(by: { $0.0 < $1.0 }) {
            do {
                let groups = try groups(openedBy: name, in: processes, &pass)
                guard !groups.isEmpty else { continue }
                let command = try? pass.contents(of: "\(name)/comm", in: processes)
                let guest = files.text(paths.commandLine(ofProcess: pid), limit: 1 << 20).flatMap(Self.guest)
                for group in groups {
                    open[group, default: []].append(.init(pid: pid, command: command ?? "?", guest: guest))
                }
            } catch .noSuchFileOrDirectory, .noSuchProcess {
                // Ended while we looked.
            } catch {
                hidden = .unreadable(path: "\(paths.processes)/\(name)/fd", errno: error.rawValue)
            }
        }
        if open.isEmpty, let hidden { return .failure(hidden) }
        return .success(open)
    }

    /// A QEMU's name: `-name guest=fw1,debug-threads=on`, or `-name fw1`.
    ///
    /// - Parameter commandLine: arguments, each ended by a NUL.
    static func guest(in commandLine: String) -> String? {
        let arguments = commandLine.split(separator: "\0", omittingEmptySubsequences: false)
        guard let option = arguments.firstIndex(of: "-name"), option + 1 < arguments.count else { return nil }
        // A comma in a name is written twice.
        let parts = arguments[option + 1].replacing(",,", with: "\0").split(separator: ",")
        let name = parts.first { $0.hasPrefix("guest=") }?.dropFirst("guest=".count) ?? parts.first
        return name.flatMap { $0.isEmpty ? nil : String($0).replacing("\0", with: ",") }
    }

    private func groups(
        openedBy process: String, in processes: borrowing Directory, _ pass: inout ReadPass
    ) throws(Errno) -> Set<Int> {
        let files = try Directory("\(process)/fd", in: processes)
        var groups: Set<Int> = []
        for file in try files.names() {
            // One that was closed meanwhile is not held.
            guard let target = try? pass.target(of: file, in: files) else { continue }
            if let group = group(of: target, &pass) { groups.insert(group) }
        }
        return groups
    }

    /// The group behind a character device: the group's own, or since kernel 6.1 one of its functions'.
    private func group(of device: String, _ pass: inout ReadPass) -> Int? {
        if let group = paths.group(ofDevice: device) { return group }
        guard let name = paths.functionDeviceName(device), let function = try? Directory(paths.vfioDevice(name)),
            let link = try? pass.target(of: "iommu_group", in: function)
        else { return nil }
        return link.split(separator: "/").last.flatMap { Int($0) }
    }
}
