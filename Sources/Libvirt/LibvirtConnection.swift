// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
import Glibc

/// A copy of libvirt's basic facts about a domain. It keeps no handle open.
public struct DomainHandleValue: Hashable, Sendable {
    public let name: String
    /// In lower case with hyphens.
    public let uuid: String
    /// Whether the domain runs. A paused domain counts as running.
    public let isActive: Bool
    /// Whether the domain stays defined after it stops.
    public let isPersistent: Bool

    public init(name: String, uuid: String, isActive: Bool, isPersistent: Bool) {
        self.name = name
        self.uuid = uuid
        self.isActive = isActive
        self.isPersistent = isPersistent
    }
}

/// The connections to libvirt at one URI. They open at the first call, and again after a loss.
///
/// libvirt's calls block, some without a limit: while a hook runs, every call about its domain waits, and so does
/// ``domains()``. So each call runs on a ``LibvirtWorker`` of its own, a connection with a thread. The caller waits no
/// longer than the time limit for that kind of call. A call that exceeds it continues in its thread and may still take
/// effect. The code that answers hooks must not wait for any of this.
public final class LibvirtConnection: Sendable {
    public let uri: String
    private let workers: LibvirtWorkers
    /// The connection for events. It stays open and waits for no other call.
    private let listening: LibvirtWorker

    /// How long a caller waits for a call.
    enum Patience {
        static let reading: Duration = .seconds(15)
        /// Longer than a hook may run.
        static let changing: Duration = .seconds(60)
        static let starting: Duration = .seconds(180)
    }

    /// Does not connect yet.
    ///
    /// - Parameters:
    ///   - uri: for example `qemu:///system`.
    ///   - openTimeout: after this time without an answer a call fails with ``LibvirtError/noAnswer(uri:after:)``.
    ///   - lines: how many calls can run at once. With 1, events use the same connection; a driver that keeps its state
    ///     per connection, like `test:///FILE`, needs that.
    public init(uri: String, openTimeout: Duration = .seconds(10), lines: Int = 32) {
        self.uri = uri
        let make: @Sendable () -> LibvirtWorker = { LibvirtWorker(uri: uri, openTimeout: openTimeout) }
        workers = LibvirtWorkers(limit: lines, make: make)
        listening = lines == 1 ? workers.first : make()
    }

    /// - Throws: ``LibvirtError/noSuchDomain(_:)``.
    public func domain(named name: String) async throws(LibvirtError) -> DomainHandleValue {
        try await withDomain(name) { domain throws(LibvirtError) in try Self.value(of: domain) }
    }

    /// - Parameter uuid: in any form that libvirt accepts.
    /// - Throws: ``LibvirtError/noSuchDomain(_:)``.
    public func domain(uuid: String) async throws(LibvirtError) -> DomainHandleValue {
        try await calling { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainLookupByUUIDString(connection.raw, uuid), orThrow: Self.failure(about: uuid))
            return try Self.value(of: domain)
        }
    }

    /// All domains, running or defined, in libvirt's order. Waits for every hook that is running.
    public func domains() async throws(LibvirtError) -> [DomainHandleValue] {
        try await calling { connection throws(LibvirtError) in
            var list: UnsafeMutablePointer<virDomainPtr?>?
            let count = unsafe virConnectListAllDomains(connection.raw, &list, 0)
            guard count >= 0, let list = unsafe list else { throw Self.failure() }
            // SAFETY: libvirt returns an array of `count` references. The caller frees the array and the references.
            let references = (0..<Int(count)).compactMap { index in
                unsafe list[index].map { unsafe DomainReference(owning: $0) }
            }
            unsafe free(list)
            var values: [DomainHandleValue] = []
            for domain in references {
                // Skip a domain that disappeared after libvirt listed it.
                do throws(LibvirtError) {
                    values.append(try Self.value(of: domain))
                } catch .noSuchDomain {
                    continue
                }
            }
            return values
        }
    }

    /// The persistent XML, which the next start uses. It includes passwords, so that redefining it loses nothing.
    public func inactiveXML(of name: String) async throws(LibvirtError) -> String {
        try await xml(of: name, flags: VIR_DOMAIN_XML_INACTIVE.rawValue | VIR_DOMAIN_XML_SECURE.rawValue)
    }

    /// The XML of the running domain, or the persistent XML when it is off. Without passwords.
    public func liveXML(of name: String) async throws(LibvirtError) -> String {
        try await xml(of: name, flags: 0)
    }

    /// Defines a domain, or replaces the persistent XML of the domain with this UUID and name. A running domain does
    /// not change until its next start.
    ///
    /// libvirt validates the XML against its schema. Without validation it silently drops elements that it does not
    /// know.
    @discardableResult
    public func define(_ xml: String) async throws(LibvirtError) -> DomainHandleValue {
        try await calling(within: Patience.changing) { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainDefineXMLFlags(connection.raw, xml, VIR_DOMAIN_DEFINE_VALIDATE.rawValue),
                orThrow: Self.failure())
            return try Self.value(of: domain)
        }
    }

    /// Domain events from now on.
    ///
    /// The stream ends when the connection is lost, closed or replaced. Then call this again and read ``domains()``
    /// again, because events in between are lost. One stream is enough: each call registers another set of callbacks.
    public func events() async throws(LibvirtError) -> AsyncStream<DomainEvent> {
        try await listening.run(within: Patience.reading) { connection throws(LibvirtError) in
            guard let stream = connection.events() else { throw Self.failure() }
            return stream
        } whenOver: {
        }
    }

    /// Closes the connections. The next call opens a new one.
    public func close() {
        workers.close()
        listening.close()
    }

    // MARK: - One call

    private func xml(of name: String, flags: UInt32) async throws(LibvirtError) -> String {
        try await withDomain(name) { domain throws(LibvirtError) in
            guard let text = unsafe virDomainGetXMLDesc(domain.raw, flags) else { throw Self.failure(about: name) }
            // SAFETY: a null-terminated string that the caller frees.
            defer { unsafe free(text) }
            return unsafe String(cString: text)
        }
    }

    func withDomain<Value: Sendable>(
        _ name: String, within limit: Duration = Patience.reading,
        _ body: @escaping @Sendable (DomainReference) throws(LibvirtError) -> Value
    ) async throws(LibvirtError) -> Value {
        try await calling(within: limit) { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainLookupByName(connection.raw, name), orThrow: Self.failure(about: name))
            return try body(domain)
        }
    }

    func calling<Value: Sendable>(
        within limit: Duration = Patience.reading,
        _ body: @escaping @Sendable (ConnectionHandle) throws(LibvirtError) -> Value
    ) async throws(LibvirtError) -> Value {
        try await workers.run(within: limit, body)
    }

    static func value(of domain: DomainReference) throws(LibvirtError) -> DomainHandleValue {
        // SAFETY: the name belongs to the domain and is copied; the buffer has the size that libvirt requires.
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

    /// The error of the libvirt call that has just failed on this thread.
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

    /// - Parameter failure: evaluated when there is no reference, before any other libvirt call.
    convenience init(
        _ raw: virDomainPtr?, orThrow failure: @autoclosure () -> LibvirtError
    ) throws(LibvirtError) {
        guard let raw = unsafe raw else { throw failure() }
        unsafe self.init(owning: raw)
    }

    deinit { _ = unsafe virDomainFree(raw) }
}
