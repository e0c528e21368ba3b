// SPDX-License-Identifier: GPL-3.0-or-later

/// What some VFs of a declared PF are to be like, whoever gets them.
public struct VFDeclaration: Hashable, Sendable, Codable {
    /// Never past the PF's VF count, and of each two of a PF without a common index.
    public var range: VFRange
    /// What the PF enforces; a MAC address for a range of one VF alone.
    public var settings: VFSettings
    /// The driver that these VFs are bound to; nil takes the PF's word for all its VFs.
    public var driver: String?

    public init(range: VFRange, settings: VFSettings = VFSettings(), driver: String? = nil) {
        self.range = range
        self.settings = settings
        self.driver = driver
    }
}

extension PFDeclaration {
    /// What the VF at an index is to be like; nothing where no range has it.
    public func settings(ofVF index: Int) -> VFSettings {
        vfs.first { $0.range.contains(index) }?.settings ?? VFSettings()
    }

    /// The driver of the VF at an index; nil leaves it unbound.
    public func driver(ofVF index: Int) -> String? {
        vfs.first { $0.range.contains(index) }?.driver ?? vfDriver
    }
}
