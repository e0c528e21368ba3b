// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import SystemPackage

/// Finds the processes that have functions open through VFIO.
///
/// Source: `fd`, proc(5).
public struct FunctionHolders: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// The open IOMMU groups, each with the processes that hold it, by pid. One pass over the process table.
    ///
    /// - Throws: ``HostIOError/unreadable(path:errno:)`` when no process was found but some could not be read: an empty
    ///   result would then be a guess.
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

    /// Whether any function can be open: each open function holds a reference to its VFIO driver's module. A driver
    /// that is built into the kernel has no count.
    ///
    /// This saves the pass over the process table, which on a busy host is tens of thousands of files.
    ///
    /// Source: `vfio_df_device_first_open`, drivers/vfio/vfio_main.c.
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
                // The process ended meanwhile.
            } catch {
                hidden = .unreadable(path: "\(paths.processes)/\(name)/fd", errno: error.rawValue)
            }
        }
        if open.isEmpty, let hidden { return .failure(hidden) }
        return .success(open)
    }

    /// The domain's name in QEMU's arguments: `-name guest=fw1,debug-threads=on`, or `-name fw1`.
    ///
    /// - Parameter commandLine: the arguments, each with a NUL at its end.
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
            // The file was closed meanwhile.
            guard let target = try? pass.target(of: file, in: files) else { continue }
            if let group = group(of: target, &pass) { groups.insert(group) }
        }
        return groups
    }

    /// The IOMMU group of a character device: the group's own device, or since kernel 6.1 that of one function.
    private func group(of device: String, _ pass: inout ReadPass) -> Int? {
        if let group = paths.group(ofDevice: device) { return group }
        guard let name = paths.functionDeviceName(device), let function = try? Directory(paths.vfioDevice(name)),
            let link = try? pass.target(of: "iommu_group", in: function)
        else { return nil }
        return link.split(separator: "/").last.flatMap { Int($0) }
    }
}
