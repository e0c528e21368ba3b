// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import HostModel
import Synchronization

/// Asks devlink for the modes of cards' switches, and does not wait long for a card that is busy.
///
/// A driver holds its card's devlink lock for seconds, as while it loads firmware, and forever if the card hangs. A query
/// then waits for the lock in the kernel, within the send: no limit of the socket ends that. So a queue's thread asks.
final class DevlinkModes: Sendable {
    typealias Mode = SRIOV.ESwitchMode

    static let shared = DevlinkModes { device in DevlinkSocket()?.eswitchMode(device: device) }

    /// With a socket for each query: no answer that comes late is taken for another card's.
    private let ask: @Sendable (_ device: String) -> Mode?
    /// One query after the other: only one thread waits for a card that hangs.
    private let queue = DispatchQueue(label: "buslane.devlink")

    init(asking ask: @escaping @Sendable (_ device: String) -> Mode?) { self.ask = ask }

    /// The modes that became known in time. A device that devlink does not know, or that has no switch, has none.
    ///
    /// - Parameters:
    ///   - devices: the functions' addresses.
    ///   - limit: how long the caller waits for all of them, earlier queries included.
    func modes(of devices: [String], within limit: DispatchTimeInterval = .seconds(1)) -> [String: Mode] {
        let answers = Answers()
        let isDone = DispatchSemaphore(value: 0)
        queue.async { [ask] in
            for device in devices {
                if answers.areLate { break }
                if let mode = ask(device) { answers.add(mode, of: device) }
            }
            isDone.signal()
        }
        _ = isDone.wait(timeout: .now() + limit)
        return answers.taken()
    }

    /// What one caller waits for.
    private final class Answers: Sendable {
        private let state = Mutex<(modes: [String: Mode], areLate: Bool)>(([:], false))

        var areLate: Bool { state.withLock(\.areLate) }

        func add(_ mode: Mode, of device: String) { state.withLock { $0.modes[device] = mode } }

        func taken() -> [String: Mode] {
            state.withLock { state in
                state.areLate = true
                return state.modes
            }
        }
    }
}
