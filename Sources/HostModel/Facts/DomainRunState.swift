// SPDX-License-Identifier: GPL-3.0-or-later

/// Whether a domain's guest runs.
public enum DomainRunState: String, Hashable, Sendable {
    case running, paused, off
}
