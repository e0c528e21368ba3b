// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension DomainRequest {
    /// What a device asks for, in one line: equal for devices that ask for the same.
    public func asked(of device: Device) -> String {
        var parts = [device.pool]
        if let numa = device.numa ?? numa { parts.append("numa \(numa)") }
        if let spread { parts.append("spread \(spread.rawValue)") }
        if !device.settings.isEmpty { parts.append("\(device.settings)") }
        if let failover = device.failover { parts.append("failover \(failover)") }
        return parts.joined(separator: ", ")
    }
}

extension Domain {
    /// The devices in Buslane's record; none when the record cannot be read, since it can be written again.
    public var recorded: [DomainAssignment.Device] { (try? assignment)??.devices ?? [] }

    /// Devices that Buslane added for the request and the domain's owner took out. They stay out until the request asks
    /// for something else.
    ///
    /// - Throws: ``DomainXMLError`` for a request that is not understood.
    public var takenOut: Set<String> {
        get throws(DomainXMLError) {
            guard let request = try request else { return [] }
            let asked = Dictionary(recorded.map { ($0.name, $0.asked) }) { first, _ in first }
            let present = Set(injected.map(\.name))
            return Set(
                request.devices.filter { asked[$0.name] == request.asked(of: $0) && !present.contains($0.name) }
                    .map(\.name))
        }
    }

    /// The domain with this record beside its request; without a record when the record is empty.
    ///
    /// An equal record stays as it is. A document without a request gets none.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func recording(_ record: DomainAssignment) throws(DomainXMLError) -> Domain {
        guard record.devices != recorded else { return self }
        let elements = document.root.all("metadata").flatMap(\.children)
        let old = elements.first { $0.namespace == DomainAssignment.namespace }
        let request = elements.first { $0.namespace == DomainRequest.namespace }
        var edits: [Edit] = []
        if let old, record.devices.isEmpty {
            edits = [Edit(range: document.removalRange(of: old), replacement: "")]
        } else if let old {
            edits = [Edit(range: old.range, replacement: document.layout(of: old).replacement(record.markup))]
        } else if let request {
            let (place, layout) = (request.range.upperBound, document.layout(of: request))
            edits = [
                Edit(range: place..<place, replacement: layout.lineBreak + layout.replacement(record.markup))
            ]
        }
        return try applying(edits)
    }
}

extension Layout {
    /// The line break and indentation between an element and a next one on a line of its own.
    fileprivate var lineBreak: String {
        switch self {
        case .inline: ""
        case .lines(let indentation, _, let newline): newline + indentation
        }
    }
}
