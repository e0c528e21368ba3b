// SPDX-License-Identifier: GPL-3.0-or-later

/// Memory of a domain that huge pages of the host hold.
public struct HugepageNeed: Hashable, Sendable {
    /// nil is the host's default size.
    public let pageSizeBytes: Int?
    public let bytes: Int
    /// The guest's node; nil for a guest without nodes.
    public let cell: Int?
    /// The host nodes that the pages have to be free on; nil when they may be anywhere.
    public let nodes: NumberSet?
}
