// SPDX-License-Identifier: GPL-3.0-or-later
import SystemPackage

/// A process that has a function open.
public struct Holder: Hashable, Sendable {
    public let pid: Int
    /// Its short name. Source: `comm`, proc(5).
    public let command: String

    public init(pid: Int, command: String) {
        self.pid = pid
        self.command = command
    }
}

/// Finds who has an IOMMU group's functions open through VFIO.
///
/// Source: `fd`, proc(5).
public struct FunctionHolders: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// The processes that have the group, or a function of it, open; by pid.
    ///
    /// - Throws: ``HostIOError/unreadable(path:errno:)`` when nobody was found but not every process could be looked
    ///   into: "nobody" would then be a guess.
    public func holders(of group: Int) throws(HostIOError) -> [Holder] {
        let result: Result<[Holder], HostIOError>
        do {
            let processes = try Directory(paths.processes)
            result = holders(of: devices(of: group), among: try processes.names(), in: processes)
        } catch {
            throw .unreadable(path: paths.processes, errno: error.rawValue)
        }
        return try result.get()
    }

    private func holders(of wanted: Set<String>, among names: [String], in processes: borrowing Directory)
        -> Result<[Holder], HostIOError>
    {
        var pass = ReadPass()
        var holders: [Holder] = []
        var hidden: HostIOError?
        for (pid, name) in names.compactMap({ name in Int(name).map { ($0, name) } }).sorted(by: { $0.0 < $1.0 }) {
            do {
                guard try process(name, in: processes, hasOpen: wanted, &pass) else { continue }
                let command = try? pass.contents(of: "\(name)/comm", in: processes)
                holders.append(Holder(pid: pid, command: command ?? "?"))
            } catch .noSuchFileOrDirectory, .noSuchProcess {
                // Ended while we looked.
            } catch {
                hidden = .unreadable(path: "\(paths.processes)/\(name)/fd", errno: error.rawValue)
            }
        }
        if holders.isEmpty, let hidden { return .failure(hidden) }
        return .success(holders)
    }

    private func process(
        _ name: String, in processes: borrowing Directory, hasOpen wanted: Set<String>, _ pass: inout ReadPass
    ) throws(Errno) -> Bool {
        let files = try Directory("\(name)/fd", in: processes)
        for file in try files.names() {
            // One that was closed meanwhile is not held.
            if let target = try? pass.target(of: file, in: files), wanted.contains(target) { return true }
        }
        return false
    }

    /// The character devices through which the group's functions can be held: the group's, and since kernel 6.1
    /// each function's own.
    private func devices(of group: Int) -> Set<String> {
        var devices: Set = [paths.groupDevice(group)]
        guard let home = try? Directory("\(paths.iommuGroups)/\(group)"),
            let members = try? SysfsReader(paths: paths).functions(inGroup: home)
        else { return devices }
        for member in members {
            let names = (try? Directory(paths.function(member, "vfio-dev")).names()) ?? []
            devices.formUnion(names.map(paths.functionDevice))
        }
        return devices
    }
}
