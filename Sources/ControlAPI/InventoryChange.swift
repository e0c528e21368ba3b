// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// One line of `GET /v1/inventory/changes` and of `inventory --watch`.
public struct InventoryChange: Codable, Sendable, Equatable {
    /// When it was noticed.
    public var at: String
    public var event: Event
    /// null for `watching`.
    @ExplicitNull public var address: PCIAddress?
    /// The fields of ``function`` that differ, by name; empty unless it was changed.
    public var fields: [String]
    /// The function as it is now; as it was, for one that is gone.
    @ExplicitNull public var function: FunctionDocument?

    public enum Event: String, Codable, Sendable {
        /// The first line: from here on nothing is missed.
        case watching
        case added, changed, removed
    }

    /// - Parameter at: seconds since 1970.
    public static func watching(at: Int) -> InventoryChange { InventoryChange(at: at) }

    private init(at: Int) {
        self.at = JSON.timestamp(at)
        event = .watching
        address = nil
        fields = []
        function = nil
    }

    /// - Parameters:
    ///   - snapshot: the host after the change.
    ///   - claim: the id of the live claim that has the function.
    ///   - uses: what holds functions open or mounted.
    ///   - at: seconds since 1970.
    public init(
        _ change: FunctionChange, on snapshot: HostSnapshot, names: any PCINameSource, claim: String? = nil,
        uses: HostUses = HostUses(), at: Int
    ) {
        self.at = JSON.timestamp(at)
        address = change.address
        let describer = FunctionDescriber(snapshot: snapshot, names: names, uses: uses)
        let before = change.before.map { describer.description(of: $0, claim: claim) }
        let after = change.after.map { describer.description(of: $0, claim: claim) }
        event = before == nil ? .added : after == nil ? .removed : .changed
        function = after ?? before
        fields = []
        if let before, let after { fields = before.fields(unlike: after).map(\.stringValue).sorted() }
    }
}
