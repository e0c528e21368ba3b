// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt

/// libvirt's events about its domains, for every part that waits for them.
typealias DomainFeed = Feed<DomainNews>

enum DomainNews: Sendable, Hashable {
    case event(DomainEvent)
    /// Events come from now on. Earlier ones were missed, so that every domain has to be read again.
    case connected
    /// No more events come until ``connected``.
    case lost
}

extension Feed<DomainNews> {
    /// How a device's change in a running domain ended.
    enum DeviceAnswer: Sendable, Hashable {
        case added, removed
        /// The guest refused to release it.
        case removalFailed
        /// The time is up, or events were lost: the domain's XML shows the result.
        case nothing
    }

    /// Makes a request and waits for the event about a device of a running domain. Listens before the request.
    ///
    /// - Parameters:
    ///   - alias: with its prefix.
    ///   - uuid: the domain's, as in events.
    ///   - limit: for the event, from the return of `request`.
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
        // The guest is gone, and with it every device.
        case .stopped: self = .removed
        default: return nil
        }
    }
}
