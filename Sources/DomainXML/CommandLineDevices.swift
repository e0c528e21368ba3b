// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The functions that a domain takes by QEMU's own options, in `<qemu:commandline>`: libvirt passes them on unread.
///
/// Source: domaincommon.rng, `qemucmdline`; qemu-options.hx; hw/vfio/pci.c (`host`, `sysfsdev`); block/nvme.c.
struct CommandLineDevices {
    private static let namespace = "http://libvirt.org/schemas/domain/qemu/1.0"

    let devices: [ForeignDevice]

    init(of root: XMLElement) {
        let lines = root.children.filter { $0.namespace == Self.namespace && $0.name == "commandline" }
        devices = lines.flatMap { Self.devices(among: $0.children) } + Self.overridden(in: root)
    }

    private static func devices(among children: [XMLElement]) -> [ForeignDevice] {
        var found: [ForeignDevice] = []
        var pending: Option?
        for argument in children where argument.namespace == namespace && argument.name == "arg" {
            let words = Words(argument["value"] ?? "")
            if let option = pending {
                pending = nil
                found += option.addresses(words.text).map { ForeignDevice(address: $0, onCommandLine: argument.line) }
            } else if let option = words.option {
                // QEMU wants the value in an argument of its own; a shell or a wrapper splits it too.
                if let value = words.value {
                    found += option.addresses(value).map { ForeignDevice(address: $0, onCommandLine: argument.line) }
                } else {
                    pending = option
                }
            }
        }
        return found
    }

    /// `<qemu:override>` can give a device another function than its element says.
    private static func overridden(in root: XMLElement) -> [ForeignDevice] {
        var found: [ForeignDevice] = []
        var open = root.children.filter { $0.namespace == namespace && $0.name == "override" }
        while let element = open.popLast() {
            open += element.children
            guard element.namespace == namespace, element.name == "property", let name = element["name"],
                let value = element["value"], let address = Option.device.address(of: name, value)
            else { continue }
            found.append(ForeignDevice(address: address, onCommandLine: element.line))
        }
        return found
    }
}

/// The text of one argument.
private struct Words {
    let text: String
    /// The option that it begins with.
    let option: Option?
    /// What follows the option in the same argument.
    let value: String?

    init(_ text: String) {
        self.text = text
        let trimmed = text.drop(while: \.isWhitespace)
        let name = trimmed.prefix { !$0.isWhitespace && $0 != "=" }
        // QEMU takes one hyphen or two.
        option = name.hasPrefix("-") ? Option(rawValue: String(name.dropFirst(name.hasPrefix("--") ? 2 : 1))) : nil
        let rest = trimmed.dropFirst(name.count).drop { $0.isWhitespace || $0 == "=" }
        value = option == nil || rest.isEmpty ? nil : String(rest)
    }
}

/// QEMU's options that can take a function from the host.
private enum Option: String {
    case device, drive, blockdev

    /// The functions that a value of this option names.
    func addresses(_ value: String) -> [PCIAddress] {
        let pairs = QEMUOptions(value).pairs
        return pairs.compactMap { address(of: $0.key, $0.value) }
    }

    /// The function that one property names; nil for every other property.
    func address(of key: String, _ value: String) -> PCIAddress? {
        switch (self, key) {
        case (.device, "host"): return try? PCIAddress(value)
        case (.device, "sysfsdev"):
            // A folder below a function's, as of a mediated device, is not the function.
            return value.split(separator: "/").last.flatMap { try? PCIAddress(String($0)) }
        case (.drive, "file"), (.drive, "filename"), (.blockdev, "filename"):
            // QEMU's own NVMe driver: nvme://ADDRESS/NAMESPACE.
            guard value.hasPrefix("nvme://") else { return nil }
            return value.dropFirst("nvme://".count).split(separator: "/").first.flatMap { try? PCIAddress(String($0)) }
        case (.drive, _), (.blockdev, _):
            guard key.split(separator: ".").last == "device" else { return nil }
            return try? PCIAddress(value)
        case (.device, _): return nil
        }
    }
}

/// The keys and values of an option: `vfio-pci,host=01:00.0`, or JSON.
///
/// A comma within a value is written twice. Source: `get_opt_value`, util/qemu-option.c; `keyval_parse`, util/keyval.c.
private struct QEMUOptions {
    private(set) var pairs: [(key: String, value: String)] = []

    init(_ text: String) {
        if text.drop(while: \.isWhitespace).first == "{" {
            readJSON(text)
        } else {
            for part in Self.parts(of: text) {
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if pair.count == 2 { pairs.append((String(pair[0]), String(pair[1]))) }
            }
        }
    }

    /// The text, split at single commas. Two commas in a row are one comma of a part.
    private static func parts(of text: String) -> [String] {
        var parts = [""]
        var rest = Substring(text)
        while let character = rest.popFirst() {
            if character != "," {
                parts[parts.count - 1].append(character)
            } else if rest.first == "," {
                rest.removeFirst()
                parts[parts.count - 1].append(",")
            } else {
                parts.append("")
            }
        }
        return parts
    }

    /// Each string that follows a key, at any depth. Text that is no JSON gives what can be read of it: QEMU refuses it.
    private mutating func readJSON(_ text: String) {
        var rest = Substring(text)
        var key: String?
        var last: String?
        while let character = rest.popFirst() {
            switch character {
            case "\"", "'":
                let string = Self.string(upTo: character, from: &rest)
                if let key { pairs.append((key, string)) } else { last = string }
                key = nil
            case ":": key = last
            case ",", "{", "}", "[", "]": (key, last) = (nil, nil)
            default: break
            }
        }
    }

    private static func string(upTo quote: Character, from rest: inout Substring) -> String {
        var string = ""
        while let character = rest.popFirst(), character != quote {
            guard character == "\\", let escaped = rest.popFirst() else {
                string.append(character)
                continue
            }
            let digits = rest.prefix(4)
            guard escaped == "u", digits.count == 4, let number = UInt32(digits, radix: 16),
                let scalar = Unicode.Scalar(number)
            else {
                string.append(escaped)
                continue
            }
            rest.removeFirst(4)
            string.append(Character(scalar))
        }
        return string
    }
}
