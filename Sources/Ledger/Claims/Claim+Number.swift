// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Claim {
    /// `c17` for 17.
    static func id(_ number: Int) -> String { "c\(number)" }

    /// 17 for `c17`; nil for a text that is not a claim's id.
    static func number(of id: String) -> Int? {
        id.hasPrefix("c") ? Int(id.dropFirst()).flatMap { self.id($0) == id ? $0 : nil } : nil
    }
}
