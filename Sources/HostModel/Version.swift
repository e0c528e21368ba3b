// SPDX-License-Identifier: GPL-3.0-or-later

/// The version of this release, which every program reports.
public enum Version {
    public static let current = "0.1.0"
}
