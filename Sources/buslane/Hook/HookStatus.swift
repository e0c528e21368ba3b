// SPDX-License-Identifier: GPL-3.0-or-later

/// What `buslane hook` tells: is the hook there, and does libvirt run it?
struct HookStatus: Codable, Equatable {
    var schemaVersion = 1
    /// Where libvirt looks for it.
    let path: String
    let state: State
    let effect: Effect
    /// The daemon that would run it: `libvirtd`, `virtqemud`; nil without either.
    let libvirt: String?
    /// As the kernel shows it: `libvirtd (enforce)`.
    let appArmor: String?
    /// Copies of Buslane's hook that libvirt runs too.
    let leftovers: [String]
    /// Other people's hooks.
    let others: [String]

    enum State: String, Codable {
        case installed, absent, different
        case notExecutable = "not-executable"
        case foreign
    }

    enum Effect: String, Codable {
        /// libvirt runs it from the next start of a domain on.
        case inForce = "in-force"
        /// libvirt does not run, and will see it when it does.
        case atNextStart = "at-next-start"
        /// libvirt has looked for hooks before there was one, and not since, so far as systemd knows.
        case notSeen = "not-seen"
        case none
    }

    /// - Parameter pristine: the hook that came with this program.
    init(of folder: HookFolder, comparedWith pristine: [UInt8]?, libvirt daemon: LibvirtDaemon?) {
        let programs = folder.programs()
        let place = folder.place(comparedWith: pristine)
        path = folder.hook
        state =
            switch place {
            case .absent: .absent
            case .installed: .installed
            case .different: .different
            case .notExecutable: .notExecutable
            case .foreign: .foreign
            }
        leftovers = programs.filter { $0.isBuslane && $0.path != folder.hook }.map(\.path)
        others = programs.filter { !$0.isBuslane }.map(\.path)
        libvirt = daemon?.name
        appArmor = daemon?.confinement
        effect = Self.effect(of: place, among: programs, on: daemon)
    }

    /// libvirt asks once, at its start or when it is told to read its files anew, whether there is any hook for QEMU;
    /// where there was one, it sees all that come later by itself.
    ///
    /// Source: src/util/virhook.c, `virHookCheck`; read and tried with 11.3.
    private static func effect(
        of place: HookFolder.Place, among programs: [HookFolder.Program], on daemon: LibvirtDaemon?
    ) -> Effect {
        guard place == .installed || place == .different else { return .none }
        guard let daemon, daemon.process != nil else { return .atNextStart }
        guard let lookedAt = daemon.lookedAt else { return .notSeen }
        // Whole seconds on one side: what fell into the same one is counted as not seen.
        return programs.contains { $0.changedAt < lookedAt } ? .inForce : .notSeen
    }

    var isAsItShouldBe: Bool {
        state == .installed && (effect == .inForce || effect == .atNextStart) && leftovers.isEmpty
    }

    /// For people: a line each.
    var text: String {
        var lines = ["\(path): \(stateText)"]
        let name = libvirt ?? "libvirt"
        switch effect {
        case .inForce: lines.append("\(name) runs it at each start of a domain")
        case .atNextStart:
            lines.append(
                "\(libvirt == nil ? "libvirt was not found" : "\(name) does not run"): it sees the hook when it starts")
        case .notSeen:
            lines.append(
                "\(name) was started before there was a hook, and systemd saw no reload since: systemctl reload \(name)"
            )
        case .none: break
        }
        if let appArmor { lines.append("AppArmor: \(appArmor)") }
        lines += leftovers.map { "\($0) is Buslane's hook as well, and libvirt runs it too: remove it" }
        lines += others.map { "\($0) is another program that libvirt runs" }
        return lines.map { $0 + "\n" }.joined()
    }

    private var stateText: String {
        switch state {
        case .installed: "installed"
        case .absent: "not there: buslane hook install"
        case .different: "another version than this program's: buslane hook install"
        case .notExecutable: "not executable, so libvirt passes it over: buslane hook install"
        case .foreign: "not Buslane's"
        }
    }
}
