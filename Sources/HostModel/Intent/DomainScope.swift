// SPDX-License-Identifier: GPL-3.0-or-later

/// Which of a domain's two states a change of its devices is about.
public enum DomainScope: String, Hashable, Sendable, Codable, CaseIterable {
    /// The running guest; gone when it stops.
    case live
    /// The persistent XML: what the next start uses.
    case config
    /// The one after the other: libvirt cannot change both as one.
    case both

    public var isLive: Bool { self != .config }
    public var isConfig: Bool { self != .live }
}
