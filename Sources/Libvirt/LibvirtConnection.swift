// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Glibc

/// What libvirt says about a domain, copied: no handle stays open.
public struct DomainHandleValue: Hashable, Sendable {
    public let name: String
    /// In lower case with hyphens.
    public let uuid: String
    /// Whether it runs, paused included.
    public let isActive: Bool
    /// Whether it stays defined when it stops.
    public let isPersistent: Bool

    public init(name: String, uuid: String, isActive: Bool, isPersistent: Bool) {
        self.name = name
        self.uuid = uuid
        self.isActive = isActive
        self.isPersistent = isPersistent
    }
}

/// A connection to libvirt, opened when first needed and again when it was lost.
///
/// libvirt's calls block, some without a limit: while a hook runs, everything about its domain waits, and so does
/// ``domains()``. So the actor runs on a queue of its own and not in Swift's pool, one call at a time, and what must
/// not wait behind a list gets a connection of its own. The code that answers hooks must share neither this actor
/// nor a lock with code that waits for it.
///
/// Each call and the reading of its error are one synchronous function: libvirt keeps errors by thread.
public actor LibvirtConnection {
    public nonisolated let uri: String
    private let openTimeout: Duration
    private let executor = BlockingExecutor(label: "libvirt")
    private var handle: ConnectionHandle?
    private var attempt: OpenAttempt?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    /// Opens nothing yet.
    ///
    /// - Parameters:
    ///   - uri: like `qemu:///system`.
    ///   - openTimeout: after this long without an answer a call fails as ``LibvirtError/unreachable(uri:reason:)``.
    public init(uri: String, openTimeout: Duration = .seconds(10)) {
        self.uri = uri
        self.openTimeout = openTimeout
    }

    /// - Throws: ``LibvirtError/noSuchDomain(_:)``.
    public func domain(named name: String) throws(LibvirtError) -> DomainHandleValue {
        try withDomain(name) { domain throws(LibvirtError) in try Self.value(of: domain) }
    }

    /// - Parameter uuid: in any form that libvirt reads.
    /// - Throws: ``LibvirtError/noSuchDomain(_:)``.
    public func domain(uuid: String) throws(LibvirtError) -> DomainHandleValue {
        try calling { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainLookupByUUIDString(connection.raw, uuid), orThrow: Self.failure(about: uuid))
            return try Self.value(of: domain)
        }
    }

    /// Every domain, running or defined, in libvirt's order. Waits for every hook that runs.
    public func domains() throws(LibvirtError) -> [DomainHandleValue] {
        try calling { connection throws(LibvirtError) in
            var list: UnsafeMutablePointer<virDomainPtr?>?
            let count = unsafe virConnectListAllDomains(connection.raw, &list, 0)
            guard count >= 0, let list = unsafe list else { throw Self.failure() }
            // SAFETY: libvirt gives an array of `count` references, both the array and the references ours to free.
            let references = (0..<Int(count)).compactMap { index in
                unsafe list[index].map { unsafe DomainReference(owning: $0) }
            }
            unsafe free(list)
            var values: [DomainHandleValue] = []
            for domain in references {
                // A domain that went away since it was listed is not there.
                do throws(LibvirtError) {
                    values.append(try Self.value(of: domain))
                } catch .noSuchDomain {
                    continue
                }
            }
            return values
        }
    }

    /// The persistent XML: what the next start uses. With passwords, so that nothing is lost when it is defined again.
    public func inactiveXML(of name: String) throws(LibvirtError) -> String {
        try xml(of: name, flags: VIR_DOMAIN_XML_INACTIVE.rawValue | VIR_DOMAIN_XML_SECURE.rawValue)
    }

    /// The XML of the running domain, the persistent one when it doesn't run. Without passwords.
    public func liveXML(of name: String) throws(LibvirtError) -> String {
        try xml(of: name, flags: 0)
    }

    /// Defines a domain or changes the persistent XML of the one with this UUID and name; a running one goes on as it
    /// is until its next start.
    ///
    /// Validated against libvirt's schema: without that, elements that it doesn't know are lost without a word.
    @discardableResult
    public func define(_ xml: String) throws(LibvirtError) -> DomainHandleValue {
        try calling { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainDefineXMLFlags(connection.raw, xml, VIR_DOMAIN_DEFINE_VALIDATE.rawValue),
                orThrow: Self.failure())
            return try Self.value(of: domain)
        }
    }

    /// What happens to the domains from now on.
    ///
    /// The stream ends when the connection is lost, closed or replaced: then ask again, and read ``domains()`` anew,
    /// since what happened in between is not told. One stream a connection is enough: each registers anew.
    public func events() throws(LibvirtError) -> AsyncStream<DomainEvent> {
        try calling { connection throws(LibvirtError) in
            guard let stream = connection.events() else { throw Self.failure() }
            return stream
        }
    }

    /// Gives the connection back; the next call opens another.
    public func close() { handle = nil }

    // MARK: - One call

    private func xml(of name: String, flags: UInt32) throws(LibvirtError) -> String {
        try withDomain(name) { domain throws(LibvirtError) in
            guard let text = unsafe virDomainGetXMLDesc(domain.raw, flags) else { throw Self.failure(about: name) }
            // SAFETY: a null-terminated string that is ours to free.
            defer { unsafe free(text) }
            return unsafe String(cString: text)
        }
    }

    func withDomain<Value>(
        _ name: String, _ body: (DomainReference) throws(LibvirtError) -> Value
    ) throws(LibvirtError) -> Value {
        try calling { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainLookupByName(connection.raw, name), orThrow: Self.failure(about: name))
            return try body(domain)
        }
    }

    /// Runs `body` on an open connection, and forgets the connection if it broke.
    func calling<Value>(
        _ body: (ConnectionHandle) throws(LibvirtError) -> Value
    ) throws(LibvirtError) -> Value {
        let connection = try open()
        do {
            return try body(connection)
        } catch {
            // The body has copied its error: asking whether the connection lives clears libvirt's.
            guard !connection.isAlive else { throw error }
            handle = nil
            guard case .refused(_, _, let message) = error else { throw error }
            throw .connectionLost(reason: message)
        }
    }

    private func open() throws(LibvirtError) -> ConnectionHandle {
        if let handle, handle.isAlive { return handle }
        handle = nil
        // An attempt that hung is waited for again, instead of one more thread with every call.
        let attempt = attempt ?? OpenAttempt(uri: uri)
        guard let result = attempt.wait(openTimeout) else {
            self.attempt = attempt
            throw .unreachable(uri: uri, reason: "no answer in \(openTimeout)")
        }
        self.attempt = nil
        let opened = try result.get()
        handle = opened
        return opened
    }

    static func value(of domain: DomainReference) throws(LibvirtError) -> DomainHandleValue {
        // SAFETY: the name is the domain's own and is copied; the buffer has the size that libvirt asks for.
        guard let name = unsafe virDomainGetName(domain.raw).map({ unsafe String(cString: $0) }) else {
            throw failure()
        }
        guard let uuid = unsafe uuidText(of: domain.raw) else { throw failure(about: name) }
        let isActive = unsafe virDomainIsActive(domain.raw)
        guard isActive >= 0 else { throw failure(about: name) }
        let isPersistent = unsafe virDomainIsPersistent(domain.raw)
        guard isPersistent >= 0 else { throw failure(about: name) }
        return DomainHandleValue(
            name: name, uuid: uuid, isActive: isActive == 1, isPersistent: isPersistent == 1)
    }

    /// The error of the call that just failed on this thread.
    static func failure(about name: String = "") -> LibvirtError {
        let last = LastError()
        if last.code == Int32(VIR_ERR_NO_DOMAIN.rawValue) { return .noSuchDomain(name) }
        if last.isLostConnection { return .connectionLost(reason: last.message) }
        return .refused(code: last.code, domain: last.domain, message: last.message)
    }
}

/// Owner of one reference to a domain, for the length of one call.
@safe final class DomainReference {
    // SAFETY: freed once, in deinit.
    let raw: virDomainPtr

    init(owning raw: virDomainPtr) { unsafe self.raw = unsafe raw }

    /// - Parameter failure: made when there is no reference, before anything else is called.
    convenience init(
        _ raw: virDomainPtr?, orThrow failure: @autoclosure () -> LibvirtError
    ) throws(LibvirtError) {
        guard let raw = unsafe raw else { throw failure() }
        unsafe self.init(owning: raw)
    }

    deinit { _ = unsafe virDomainFree(raw) }
}
