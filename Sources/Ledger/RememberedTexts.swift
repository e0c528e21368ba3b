// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Values that have a column as JSON, and their texts, so that each is made once: of thousands of functions nearly all were
/// found in one of a few states and are asked for with one of a few settings.
final class RememberedTexts<Value: Codable & Hashable & Sendable>: Sendable {
    private struct State {
        var texts: [Value: String] = [:]
        var values: [String: Value] = [:]
    }

    private let state = Mutex(State())
    /// Of each kind. Where every function is given a MAC address of its own, there is one for each.
    private static var limit: Int { 4096 }

    func text(of value: Value) throws -> String {
        if let known = state.withLock({ $0.texts[value] }) { return known }
        let text = try toJSON(value)
        state.withLock { state in
            if state.texts.count >= Self.limit { state.texts = [:] }
            state.texts[value] = text
        }
        return text
    }

    func value(of text: String) throws -> Value {
        if let known = state.withLock({ $0.values[text] }) { return known }
        let value: Value = try fromJSON(text)
        state.withLock { state in
            if state.values.count >= Self.limit { state.values = [:] }
            state.values[text] = value
        }
        return value
    }
}

extension Ledger {
    static let settingsTexts = RememberedTexts<VFSettings>()
    static let originalTexts = RememberedTexts<OriginalState>()
}
