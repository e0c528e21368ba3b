// SPDX-License-Identifier: GPL-3.0-or-later

/// Limits how long functions are kept for requests that wait, so that nobody can keep a pool from others by waiting.
///
/// Functions are kept for a user's requests for ``length`` seconds, and then for ``rest`` seconds not, whatever requests
/// follow. Each of root's requests has a time of its own.
public struct KeepingTimes: Sendable {
    /// In seconds.
    public static let length = 300
    /// In seconds.
    public static let rest = 1500

    /// Who has one time.
    public enum Keeper: Hashable, Sendable {
        case user(Int)
        /// A request of root's, by its number in the queue.
        case request(Int)
    }

    /// In seconds since the boot.
    private var begins: [Keeper: Int] = [:]

    public init() {}

    /// Whether functions may be kept now.
    public func allows(_ keeper: Keeper, at now: Int) -> Bool {
        guard let begin = begins[keeper] else { return true }
        return !(Self.length..<Self.length + Self.rest).contains(now - begin)
    }

    /// Functions are kept from now on, unless the time runs already.
    public mutating func begin(_ keeper: Keeper, at now: Int) {
        begins = begins.filter { now - $0.value < Self.length + Self.rest }
        if begins[keeper] == nil { begins[keeper] = now }
    }
}
