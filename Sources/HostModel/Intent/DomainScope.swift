// SPDX-License-Identifier: GPL-3.0-or-later

/// Which of a domain's two states a change of its devices applies to.
public enum DomainScope: String, Hashable, Sendable, Codable, CaseIterable {
    /// The running guest. The change ends when the guest stops.
    case live
    /// The persistent XML, which the next start uses.
    case config
    /// Both, one after the other: libvirt cannot change them together.
    case both

    public var isLive: Bool { self != .config }
    public var isConfig: Bool { self != .live }
}
