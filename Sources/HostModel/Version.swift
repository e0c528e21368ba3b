// SPDX-License-Identifier: GPL-3.0-or-later

/// This release, as every program of it says.
public enum Version {
    public static let current = "0.1.0"
}
