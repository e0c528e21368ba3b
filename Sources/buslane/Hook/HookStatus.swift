// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// What `buslane hook` prints: whether the hook is installed, and whether libvirt runs it.
struct HookStatus: Codable, Equatable {
    var schemaVersion = 1
    /// Where libvirt looks for it.
    let path: String
    let state: State
    let effect: Effect
    /// The daemon that would run it: `libvirtd`, `virtqemud`; nil without either.
    let libvirt: String?
    /// AppArmor's confinement, as the kernel shows it: `libvirtd (enforce)`.
    let appArmor: String?
    /// Copies of Buslane's hook that libvirt runs too.
    let leftovers: [String]
    /// Hooks of other programs.
    let others: [String]

    enum State: String, Codable {
        case installed, absent, different
        case notExecutable = "not-executable"
        case foreign
    }

    enum Effect: String, Codable {
        /// libvirt runs it at the next start of a domain.
        case inForce = "in-force"
        /// libvirt does not run; it sees the hook when it starts.
        case atNextStart = "at-next-start"
        /// libvirt looked for hooks before there was one, and has not been reloaded since, as far as systemd knows.
        case notSeen = "not-seen"
        case none
    }

    /// - Parameter pristine: the hook that was installed with this program.
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

    /// libvirt looks for hooks at its start and at a reload. If it found one for QEMU, it also runs those that are
    /// installed later; if it found none, it does not look again.
    ///
    /// Source: src/util/virhook.c, `virHookCheck`; read and tried with 11.3.
    private static func effect(
        of place: HookFolder.Place, among programs: [HookFolder.Program], on daemon: LibvirtDaemon?
    ) -> Effect {
        guard place == .installed || place == .different else { return .none }
        guard let daemon, daemon.process != nil else { return .atNextStart }
        guard let lookedAt = daemon.lookedAt else { return .notSeen }
        // libvirt's time is in whole seconds: a hook of the same second counts as not seen.
        return programs.contains { $0.changedAt < lookedAt } ? .inForce : .notSeen
    }

    var isAsItShouldBe: Bool {
        state == .installed && (effect == .inForce || effect == .atNextStart) && leftovers.isEmpty
    }

    /// For people: one fact a line.
    var text: String {
        var lines = ["\(path): \(stateText)"]
        let name = libvirt ?? "libvirt"
        switch effect {
        case .inForce: lines.append("\(name) runs it at each start of a domain")
        case .atNextStart:
            lines.append(
                "\(libvirt == nil ? "libvirt was not found" : "\(name) does not run"); it looks for hooks when it starts"
            )
        case .notSeen:
            lines.append(
                "\(name) started before there was a hook and has not been reloaded since: systemctl reload \(name)"
            )
        case .none: break
        }
        if let appArmor { lines.append("AppArmor: \(appArmor)") }
        lines += leftovers.map { "\($0) is Buslane's hook as well, and libvirt runs it too: remove it" }
        lines += others.map { "libvirt also runs another program's hook: \($0)" }
        return lines.map { $0.printable + "\n" }.joined()
    }

    private var stateText: String {
        switch state {
        case .installed: "installed"
        case .absent: "not installed: buslane hook install"
        case .different: "not this program's version: buslane hook install"
        case .notExecutable: "not executable, so libvirt ignores it: buslane hook install"
        case .foreign: "not Buslane's"
        }
    }
}
