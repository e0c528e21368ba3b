// SPDX-License-Identifier: GPL-3.0-or-later

/// What some VFs of a declared PF are to be like, whoever gets them.
public struct VFDeclaration: Hashable, Sendable, Codable {
    /// Never past the PF's VF count, and of each two of a PF without a common index.
    public var range: VFRange
    /// What the PF enforces; a MAC address for a range of one VF alone.
    public var settings: VFSettings
    /// The driver that these VFs are bound to; nil takes the PF's word for all its VFs.
    public var driver: String?
    /// Interrupt vectors of each; nil leaves what the PF's driver gives.
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
    /// What the VF at an index is to be like; nothing where no range has it.
    public func settings(ofVF index: Int) -> VFSettings {
        vfs.first { $0.range.contains(index) }?.settings ?? VFSettings()
    }

    /// Interrupt vectors of the VF at an index; nil leaves what the PF's driver gives.
    public func msixCount(ofVF index: Int) -> Int? { vfs.first { $0.range.contains(index) }?.msixCount }

    /// Interrupt vectors that all VFs together are declared to have; 0 when none is.
    var msixTotal: Int { vfs.reduce(0) { $0 + $1.range.count * ($1.msixCount ?? 0) } }

    /// The driver of the VF at an index; nil leaves it unbound.
    public func driver(ofVF index: Int) -> String? {
        vfs.first { $0.range.contains(index) }?.driver ?? vfDriver
    }
}
