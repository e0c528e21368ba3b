// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import HostModel
import Synchronization

/// The configuration that the daemon uses. Changed files are read again. An invalid file never applies in part.
final class ConfigurationInForce: Sendable {
    private let folder: ConfigurationFolder
    private let state = Mutex(State())

    private struct State {
        var version: [FileVersion]?
        var outcome: Result<DesiredState, ConfigurationError> = .success(DesiredState())
        /// The last valid content of the files.
        var lastGood: DesiredState?
    }

    init(_ folder: ConfigurationFolder) { self.folder = folder }

    /// The present content of the files, for `plan` and `apply`.
    ///
    /// - Throws: the errors of the files.
    func declared() throws(ConfigurationError) -> DesiredState { try current().outcome.get() }

    /// The configuration for claims: the present content of the files, or their last valid content while they are
    /// invalid. A host that never had a file has no pools.
    func inForce() throws(ConfigurationError) -> DesiredState {
        let state = current()
        switch state.outcome {
        case .success(let desired): return desired
        case .failure(let error):
            if let lastGood = state.lastGood { return lastGood }
            if state.version == [] { return DesiredState() }
            throw error
        }
    }

    /// Why the files are invalid; nil when they are valid or never existed.
    var problem: ConfigurationError? {
        let state = current()
        guard case .failure(let error) = state.outcome else { return nil }
        return state.version == [] && state.lastGood == nil ? nil : error
    }

    /// Files that look like configuration and are not read.
    var ignored: [String] { folder.ignored }

    private func current() -> State {
        state.withLock { state in
            // Before the files are read: a change during the reading is then read the next time.
            let version = folder.version
            guard version != state.version else { return state }
            do throws(ConfigurationError) {
                let desired = try folder.load()
                state.outcome = .success(desired)
                state.lastGood = desired
            } catch {
                state.outcome = .failure(error)
            }
            state.version = version
            return state
        }
    }
}
