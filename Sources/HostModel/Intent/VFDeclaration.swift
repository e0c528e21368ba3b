// SPDX-License-Identifier: GPL-3.0-or-later

/// The declaration of some VFs of a PF, independent of claims.
public struct VFDeclaration: Hashable, Sendable, Codable {
    /// Below the PF's VF count. No two declarations of a PF have a common index.
    public var range: VFRange
    /// The settings that the PF enforces. A MAC address is allowed only for a single VF.
    public var settings: VFSettings
    /// The driver of these VFs; nil for the driver that the PF declares for all its VFs.
    public var driver: String?
    /// Interrupt vectors of each VF; nil for the default of the PF's driver.
    public var msixCount: Int?

    public init(
        range: VFRange, settings: VFSettings = VFSettings(), driver: String? = nil, msixCount: Int? = nil
    ) {
        self.range = range
        self.settings = settings
        self.driver = driver
        self.msixCount = msixCount
    }
}

extension PFDeclaration {
    /// The declared settings of a VF; empty if no range contains it.
    public func settings(ofVF index: Int) -> VFSettings {
        vfs.first { $0.range.contains(index) }?.settings ?? VFSettings()
    }

    /// The declared interrupt vectors of a VF; nil for the default of the PF's driver.
    public func msixCount(ofVF index: Int) -> Int? { vfs.first { $0.range.contains(index) }?.msixCount }

    /// The sum of all declared interrupt vectors.
    var msixTotal: Int { vfs.reduce(0) { $0 + $1.range.count * ($1.msixCount ?? 0) } }

    /// The declared driver of a VF; nil leaves it unbound.
    public func driver(ofVF index: Int) -> String? {
        vfs.first { $0.range.contains(index) }?.driver ?? vfDriver
    }
}
