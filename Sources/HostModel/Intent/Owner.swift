// SPDX-License-Identifier: GPL-3.0-or-later

/// The holder of a claim.
public enum Owner: Hashable, Sendable {
    /// A libvirt domain, by its UUID in lower case. A new domain of the same name is another owner.
    case domain(uuid: String)
    /// A systemd unit, like `dpdk.service`.
    case unit(String)
    /// A process. The kernel reuses a pid, but not with the same start time.
    ///
    /// `startTime` is in clock ticks since the boot; field 22 of `stat`, proc(5).
    case process(pid: Int, startTime: Int)
    /// Any other name that the caller chose.
    case name(String)

    /// The name of a user who names no owner.
    public static func name(ofUser uid: Int) -> String { "uid-\(uid)" }

    /// Whether a name is spelled as a user's. Only that user may claim under it.
    static func isUserName(_ name: String) -> Bool {
        name.hasPrefix("uid-") && name.utf8.count > 4 && name.dropFirst(4).utf8.allSatisfy { (48...57).contains($0) }
    }

    /// Whether the owner can end without releasing its claims, so that the daemon must watch it.
    public var canVanish: Bool { if case .name = self { false } else { true } }
}

extension Owner: TextCodable {
    /// Reads `domain:UUID`, `unit:NAME.service`, `process:PID@START`, or any other name without spaces and control characters.
    public init(_ text: String) throws(MalformedValue) {
        let problem = Self.problem(text)
        guard (1...200).contains(text.count), text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7f })
        else { throw problem }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        switch parts[0] {
        case "domain" where parts.count == 2:
            let uuid = value.lowercased()
            let groups = uuid.split(separator: "-", omittingEmptySubsequences: false)
            guard groups.map(\.count) == [8, 4, 4, 4, 12], uuid.utf8.count == 36,
                groups.allSatisfy({ $0.allSatisfy(\.isHexDigit) })
            else {
                throw problem
            }
            self = .domain(uuid: uuid)
        case "unit" where parts.count == 2:
            guard Self.isUnit(value) else { throw problem }
            self = .unit(value)
        case "process" where parts.count == 2:
            let numbers = value.split(separator: "@", omittingEmptySubsequences: false).map { Int($0) }
            guard numbers.count == 2, let pid = numbers[0], let start = numbers[1], pid > 0, start >= 0 else {
                throw problem
            }
            self = .process(pid: pid, startTime: start)
        // The caller translates `pid:PID` into a process before this: the start time is not known here.
        case "pid" where parts.count == 2: throw problem
        default: self = .name(text)
        }
    }

    static func problem(_ text: String) -> MalformedValue {
        MalformedValue(
            kind: "owner", text: text,
            expected:
                "domain:NAME, domain:UUID, unit:NAME.service, pid:PID, or a name of 1 to 200 printable characters without spaces"
        )
    }

    /// Whether the text has the characters and the type suffix of a unit's name. Source: systemd.unit(5).
    private static func isUnit(_ name: String) -> Bool {
        let type = name.split(separator: ".", omittingEmptySubsequences: false).last.map(String.init)
        let types = ["service", "scope", "slice", "target", "socket", "timer", "mount", "path", "device", "swap"]
        return type.map(types.contains) == true
            && name.unicodeScalars.allSatisfy { character in
                character.isASCII && (character.properties.isAlphabetic || (48...57).contains(character.value))
                    || ":-_.\\@".unicodeScalars.contains(character)
            }
    }

    public var description: String {
        switch self {
        case .domain(let uuid): "domain:" + uuid
        case .unit(let name): "unit:" + name
        case .process(let pid, let startTime): "process:\(pid)@\(startTime)"
        case .name(let name): name
        }
    }
}
