// SPDX-License-Identifier: GPL-3.0-or-later

/// The PCIe link above the function. Source: `current_link_speed`, `current_link_width` and their maxima.
public struct PCIeLink: Hashable, Sendable, Codable {
    public let speedGTs: Double?
    public let width: Int?
    public let maxSpeedGTs: Double?
    public let maxWidth: Int?

    public init(speedGTs: Double?, width: Int?, maxSpeedGTs: Double?, maxWidth: Int?) {
        self.speedGTs = speedGTs
        self.width = width
        self.maxSpeedGTs = maxSpeedGTs
        self.maxWidth = maxWidth
    }

    /// Whether nothing is known of it.
    public var isUnknown: Bool { speedGTs == nil && width == nil && maxSpeedGTs == nil && maxWidth == nil }
}
