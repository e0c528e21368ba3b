// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Why a domain XML could not be read or edited. One line each: the subject, what is wrong, why.
public enum DomainXMLError: Error, Equatable, Sendable {
    /// Not well-formed XML. Lines and columns count from 1; a column counts bytes.
    case malformed(line: Int, column: Int, reason: String)
    /// The text is longer than any domain is.
    case tooLarge(bytes: Int, limit: Int)
    /// Elements are nested deeper than in any domain.
    case tooDeep(line: Int, limit: Int)
    /// A document type declaration: libvirt has none, and entities can make a small document huge.
    case documentType(line: Int)
    /// The XML declaration names an encoding other than UTF-8.
    case encoding(String)
    /// The root element is another one than `<domain>`.
    case notADomain(root: String)
    /// An element or attribute that has to be there is not.
    case missing(String, in: String, line: Int)
    /// An element that may be there once is there again.
    case duplicate(String, line: Int)
    /// A value that is not what its place asks for. `subject` names the element and attribute.
    case invalid(subject: String, value: String, line: Int, expected: String)
    /// An element or attribute of Buslane's namespace that means nothing: a typing error, most likely.
    case unknown(String, in: String, line: Int)
    /// The domain would have this function twice.
    case addressInUse(PCIAddress, by: String)
    /// The alias that the device would get belongs to something else.
    case nameInUse(String, by: String)
}

extension DomainXMLError: CustomStringConvertible {
    public var description: String {
        let text =
            switch self {
            case .malformed(let line, let column, let reason):
                "domain XML, line \(line), column \(column): not well-formed: \(reason)"
            case .tooLarge(let bytes, let limit):
                "domain XML: \(bytes) bytes are too many: the limit is \(limit)"
            case .tooDeep(let line, let limit):
                "domain XML, line \(line): elements are nested too deep: the limit is \(limit)"
            case .documentType(let line):
                "domain XML, line \(line): a DOCTYPE is refused: a domain has none, and its entities are not safe to expand"
            case .encoding(let name):
                "domain XML: encoding '\(name)' is refused: only UTF-8 is read"
            case .notADomain(let root):
                "domain XML: the root element is <\(root)>: expected <domain>"
            case .missing(let what, let place, let line):
                "domain XML, line \(line): \(place) has no \(what)"
            case .duplicate(let what, let line):
                "domain XML, line \(line): \(what) is there a second time"
            case .invalid(let subject, let value, let line, let expected):
                "domain XML, line \(line): \(subject) is '\(value)': expected \(expected)"
            case .unknown(let what, let place, let line):
                "domain XML, line \(line): \(place) has an unknown \(what)"
            case .addressInUse(let address, let user):
                "domain XML: \(address) cannot be added: \(user) has it already"
            case .nameInUse(let name, let user):
                "domain XML: device '\(name)' cannot be added: \(user) has its name already"
            }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    }
}
