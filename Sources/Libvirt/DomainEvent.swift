// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt

/// A domain event of libvirt.
public struct DomainEvent: Hashable, Sendable {
    public let name: String
    /// In lower case with hyphens.
    public let uuid: String
    public let change: Change

    public enum Change: Hashable, Sendable {
        /// The persistent XML was created or changed. Buslane's own definitions cause this event too.
        case defined
        case undefined
        /// Its processors run. The `started` hook has already run.
        case started
        case suspended
        case resumed
        case stopped
        /// The guest is shutting down; ``stopped`` follows.
        case shuttingDown
        case crashed
        case metadataChanged(namespace: String?)
        case deviceAdded(alias: String)
        case deviceRemoved(alias: String)
        /// The guest refused to release the device.
        case deviceRemovalFailed(alias: String)
        /// Any other change of state, by libvirt's number.
        case other(Int32)
    }

    public init(name: String, uuid: String, change: Change) {
        self.name = name
        self.uuid = uuid
        self.change = change
    }
}

extension DomainEvent.Change {
    init(lifecycle number: Int32) {
        switch UInt32(bitPattern: number) {
        case VIR_DOMAIN_EVENT_DEFINED.rawValue: self = .defined
        case VIR_DOMAIN_EVENT_UNDEFINED.rawValue: self = .undefined
        case VIR_DOMAIN_EVENT_STARTED.rawValue: self = .started
        case VIR_DOMAIN_EVENT_SUSPENDED.rawValue: self = .suspended
        case VIR_DOMAIN_EVENT_RESUMED.rawValue: self = .resumed
        case VIR_DOMAIN_EVENT_STOPPED.rawValue: self = .stopped
        case VIR_DOMAIN_EVENT_SHUTDOWN.rawValue: self = .shuttingDown
        case VIR_DOMAIN_EVENT_CRASHED.rawValue: self = .crashed
        default: self = .other(number)
        }
    }
}

// MARK: - Callbacks. libvirt calls them on its event loop's thread; each copies its arguments and returns.

/// Receives the events of one registration.
final class EventSink: Sendable {
    let continuation: AsyncStream<DomainEvent>.Continuation
    init(_ continuation: AsyncStream<DomainEvent>.Continuation) { self.continuation = continuation }

    /// - Parameter domain: valid during the callback only.
    fileprivate func yield(_ domain: virDomainPtr?, _ change: DomainEvent.Change) {
        // SAFETY: the handle is valid here. Both calls only copy from it and send nothing to the server.
        guard let domain = unsafe domain,
            let name = unsafe virDomainGetName(domain).map({ unsafe String(cString: $0) }),
            let uuid = unsafe uuidText(of: domain)
        else { return }
        continuation.yield(DomainEvent(name: name, uuid: uuid, change: change))
    }
}

/// - Returns: nil when libvirt rejects the handle.
func uuidText(of domain: virDomainPtr) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
    // SAFETY: the buffer has the size that libvirt asks for.
    guard unsafe virDomainGetUUIDString(domain, &buffer) == 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).lowercased()
}

private func sink(_ opaque: UnsafeMutableRawPointer?) -> EventSink? {
    // SAFETY: the sink that was retained for this registration.
    unsafe opaque.map { unsafe Unmanaged<EventSink>.fromOpaque($0).takeUnretainedValue() }
}

private func lifecycleChanged(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ event: Int32, _ detail: Int32,
    _ opaque: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe sink(opaque)?.yield(domain, DomainEvent.Change(lifecycle: event))
    return 0
}

private func metadataChanged(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ type: Int32, _ namespace: UnsafePointer<CChar>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    unsafe sink(opaque)?.yield(domain, .metadataChanged(namespace: namespace.map { unsafe String(cString: $0) }))
}

private func deviceAdded(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ alias: UnsafePointer<CChar>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let alias = unsafe alias else { return }
    unsafe sink(opaque)?.yield(domain, .deviceAdded(alias: String(cString: alias)))
}

private func deviceRemoved(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ alias: UnsafePointer<CChar>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let alias = unsafe alias else { return }
    unsafe sink(opaque)?.yield(domain, .deviceRemoved(alias: String(cString: alias)))
}

private func deviceRemovalFailed(
    _ connection: virConnectPtr?, _ domain: virDomainPtr?, _ alias: UnsafePointer<CChar>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let alias = unsafe alias else { return }
    unsafe sink(opaque)?.yield(domain, .deviceRemovalFailed(alias: String(cString: alias)))
}

private func releaseSink(_ opaque: UnsafeMutableRawPointer?) {
    // SAFETY: balances the passRetained of the registration; libvirt calls this once.
    unsafe opaque.map { unsafe Unmanaged<EventSink>.fromOpaque($0).release() }
}

extension EventSink {
    typealias Callback = @convention(c) (virConnectPtr?, virDomainPtr?, UnsafeMutableRawPointer?) -> Void

    /// Registers for every event that ``DomainEvent`` can represent.
    ///
    /// - Returns: the ids of the callbacks. Incomplete after an error; libvirt's last error on this thread has the
    ///   reason.
    func register(on connection: virConnectPtr) -> (ids: [Int32], isComplete: Bool) {
        // SAFETY: libvirt casts each callback back to the type that its event id has (VIR_DOMAIN_EVENT_CALLBACK).
        let lifecycle: LifecycleCallback = unsafe lifecycleChanged
        let metadata: MetadataCallback = unsafe metadataChanged
        let devices: [(virDomainEventID, AliasCallback)] = unsafe [
            (VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, deviceAdded), (VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, deviceRemoved),
            (VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, deviceRemovalFailed),
        ]
        var all: [(virDomainEventID, Callback)] = unsafe [
            (VIR_DOMAIN_EVENT_ID_LIFECYCLE, unsafeBitCast(lifecycle, to: Callback.self)),
            (VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, unsafeBitCast(metadata, to: Callback.self)),
        ]
        unsafe all += unsafe devices.map { unsafe ($0, unsafeBitCast($1, to: Callback.self)) }
        var ids: [Int32] = []
        for unsafe(event, callback) in unsafe all {
            let box = unsafe Unmanaged.passRetained(self)
            let id = unsafe virConnectDomainEventRegisterAny(
                connection, nil, Int32(event.rawValue), callback, box.toOpaque(), releaseSink)
            guard id >= 0 else {
                unsafe box.release()
                return (ids, false)
            }
            ids.append(id)
        }
        return (ids, true)
    }

    private typealias LifecycleCallback =
        @convention(c) (
            virConnectPtr?, virDomainPtr?, Int32, Int32, UnsafeMutableRawPointer?
        ) -> Int32
    private typealias MetadataCallback =
        @convention(c) (
            virConnectPtr?, virDomainPtr?, Int32, UnsafePointer<CChar>?, UnsafeMutableRawPointer?
        ) -> Void
    private typealias AliasCallback =
        @convention(c) (
            virConnectPtr?, virDomainPtr?, UnsafePointer<CChar>?, UnsafeMutableRawPointer?
        ) -> Void
}
