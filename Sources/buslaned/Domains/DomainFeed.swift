// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt

/// What libvirt tells of its domains, for everyone who waits for it.
typealias DomainFeed = Feed<DomainNews>

enum DomainNews: Sendable, Hashable {
    case event(DomainEvent)
    /// Events come from now on. What happened before was not told: everything is to be looked at anew.
    case connected
    /// No more events come until ``connected``.
    case lost
}

extension Feed<DomainNews> {
    /// What a running domain made of a device.
    enum DeviceAnswer: Sendable, Hashable {
        case added, removed
        /// The guest would not give it.
        case removalFailed
        /// The time is up, or events were lost: the domain's XML tells how it is.
        case nothing
    }

    /// Listens, asks, and waits for what is told about a device of a running domain.
    ///
    /// - Parameters:
    ///   - alias: the whole of it.
    ///   - uuid: the domain's, as events have it.
    ///   - limit: counts from when `request` has returned.
    func answer(
        about alias: String, of uuid: String, within limit: Duration, to request: () async throws -> Void
    ) async throws -> DeviceAnswer {
        let news = watch()
        try await request()
        return await withTaskGroup(of: DeviceAnswer.self) { group in
            group.addTask {
                for await entry in news {
                    switch entry {
                    case .event(let event) where event.uuid == uuid:
                        if let answer = DeviceAnswer(event.change, about: alias) { return answer }
                    case .event: break
                    case .connected, .lost: return .nothing
                    }
                }
                return .nothing
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .nothing
            }
            defer { group.cancelAll() }
            return await group.next() ?? .nothing
        }
    }
}

extension Feed<DomainNews>.DeviceAnswer {
    fileprivate init?(_ change: DomainEvent.Change, about alias: String) {
        switch change {
        case .deviceAdded(alias): self = .added
        case .deviceRemoved(alias): self = .removed
        case .deviceRemovalFailed(alias): self = .removalFailed
        // The guest is gone, and every device of its with it.
        case .stopped: self = .removed
        default: return nil
        }
    }
}
