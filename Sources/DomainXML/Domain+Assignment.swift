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
    /// What Buslane put in for the request, as far as it is understood: it can be made anew.
    public var recorded: [DomainAssignment.Device] { (try? assignment)??.devices ?? [] }

    /// Devices that Buslane put in for the request and the domain's owner took out. They stay so until the request asks
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

    /// The XML with this as the record, beside the request; without one when nothing is in it.
    ///
    /// A record that says the same stays as it is. A document without a request gets none.
    public func recording(_ record: DomainAssignment) -> String {
        guard record.devices != recorded else { return text }
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
        return String(decoding: document.applying(edits), as: UTF8.self)
    }
}

extension Layout {
    /// What leads from the end of an element to a line of its own for the next.
    fileprivate var lineBreak: String {
        switch self {
        case .inline: ""
        case .lines(let indentation, _, let newline): newline + indentation
        }
    }
}
