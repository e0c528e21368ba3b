// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import HostModel
import Synchronization

/// The configuration that the daemon goes by. Files are read again when they changed, and never half.
final class ConfigurationInForce: Sendable {
    private let folder: ConfigurationFolder
    private let state = Mutex(State())

    private struct State {
        var version: [FileVersion]?
        var outcome: Result<DesiredState, ConfigurationError> = .success(DesiredState())
        /// What the files said when they last were right.
        var lastGood: DesiredState?
    }

    init(_ folder: ConfigurationFolder) { self.folder = folder }

    /// What the files declare: what is applied.
    ///
    /// - Throws: what is wrong with them now.
    func declared() throws(ConfigurationError) -> DesiredState { try current().outcome.get() }

    /// What holds for claims: what the files declare, and while they are wrong, what they declared before. A host that
    /// never had a file has no pools.
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

    /// Why the files do not count at present; nil when they do, and when there never was one.
    var problem: ConfigurationError? {
        let state = current()
        guard case .failure(let error) = state.outcome else { return nil }
        return state.version == [] && state.lastGood == nil ? nil : error
    }

    private func current() -> State {
        state.withLock { state in
            // Looked at before the files are read: what is written meanwhile is read the next time.
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
