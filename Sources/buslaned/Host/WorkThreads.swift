// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import ServiceLifecycle

/// The threads in which the daemon's work runs. Work may block in them: a read of sysfs waits for a driver, the name
/// service for a server. Swift's own pool, which has a thread for each core, is for what never blocks: connections, timers
/// and the health route.
///
/// Root, others and the services have threads of their own, so that none waits until the others' hanging calls return.
struct WorkThreads: Sendable {
    let services = BlockingThreads(limit: 32)
    private let root = BlockingThreads(limit: 48)
    private let members = BlockingThreads(limit: 48)

    /// - Parameter uid: of the client; nil for the daemon itself.
    func of(_ uid: Int?) -> BlockingThreads {
        guard let uid else { return services }
        return uid == 0 ? root : members
    }
}

/// A service whose work runs in these threads.
struct ServiceInThreads: Service {
    let service: any Service
    let threads: BlockingThreads

    func run() async throws { try await withTaskExecutorPreference(threads) { try await service.run() } }
}
