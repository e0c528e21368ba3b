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

/// libvirt at one URI: opened when first needed, and again when it was lost.
///
/// libvirt's calls block, some without a limit: while a hook runs, everything about its domain waits, and so does
/// ``domains()``. So each call has a line of its own, a connection with a thread, and whoever asked waits for
/// no longer than a call of its kind may take: then the call is left to itself, and what it was to do may still happen.
/// The code that answers hooks must not wait for any of this.
public final class LibvirtConnection: Sendable {
    public let uri: String
    private let lines: LibvirtLines
    /// What is registered for events stays open, and waits for no call.
    private let listening: LibvirtWorker

    /// How long a call may take.
    enum Patience {
        static let reading: Duration = .seconds(15)
        /// Longer than a hook may run.
        static let changing: Duration = .seconds(60)
        static let starting: Duration = .seconds(180)
    }

    /// Opens nothing yet.
    ///
    /// - Parameters:
    ///   - uri: like `qemu:///system`.
    ///   - openTimeout: after this long without an answer a call fails as ``LibvirtError/noAnswer(uri:after:)``.
    ///   - lines: how many calls run at once. With 1, events come on the same connection: for a driver whose state is
    ///     each connection's own, like `test:///FILE`.
    public init(uri: String, openTimeout: Duration = .seconds(10), lines: Int = 32) {
        self.uri = uri
        let make: @Sendable () -> LibvirtWorker = { LibvirtWorker(uri: uri, openTimeout: openTimeout) }
        self.lines = LibvirtLines(limit: lines, make: make)
        listening = lines == 1 ? self.lines.first : make()
    }

    /// - Throws: ``LibvirtError/noSuchDomain(_:)``.
    public func domain(named name: String) async throws(LibvirtError) -> DomainHandleValue {
        try await withDomain(name) { domain throws(LibvirtError) in try Self.value(of: domain) }
    }

    /// - Parameter uuid: in any form that libvirt reads.
    /// - Throws: ``LibvirtError/noSuchDomain(_:)``.
    public func domain(uuid: String) async throws(LibvirtError) -> DomainHandleValue {
        try await calling { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainLookupByUUIDString(connection.raw, uuid), orThrow: Self.failure(about: uuid))
            return try Self.value(of: domain)
        }
    }

    /// Every domain, running or defined, in libvirt's order. Waits for every hook that runs.
    public func domains() async throws(LibvirtError) -> [DomainHandleValue] {
        try await calling { connection throws(LibvirtError) in
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
    public func inactiveXML(of name: String) async throws(LibvirtError) -> String {
        try await xml(of: name, flags: VIR_DOMAIN_XML_INACTIVE.rawValue | VIR_DOMAIN_XML_SECURE.rawValue)
    }

    /// The XML of the running domain, the persistent one when it doesn't run. Without passwords.
    public func liveXML(of name: String) async throws(LibvirtError) -> String {
        try await xml(of: name, flags: 0)
    }

    /// Defines a domain or changes the persistent XML of the one with this UUID and name; a running one goes on as it
    /// is until its next start.
    ///
    /// Validated against libvirt's schema: without that, elements that it doesn't know are lost without a word.
    @discardableResult
    public func define(_ xml: String) async throws(LibvirtError) -> DomainHandleValue {
        try await calling(within: Patience.changing) { connection throws(LibvirtError) in
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
    public func events() async throws(LibvirtError) -> AsyncStream<DomainEvent> {
        try await listening.run(within: Patience.reading) { connection throws(LibvirtError) in
            guard let stream = connection.events() else { throw Self.failure() }
            return stream
        } whenOver: {
        }
    }

    /// Gives the connections back; the next call opens another.
    public func close() {
        lines.close()
        listening.close()
    }

    // MARK: - One call

    private func xml(of name: String, flags: UInt32) async throws(LibvirtError) -> String {
        try await withDomain(name) { domain throws(LibvirtError) in
            guard let text = unsafe virDomainGetXMLDesc(domain.raw, flags) else { throw Self.failure(about: name) }
            // SAFETY: a null-terminated string that is ours to free.
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
        try await lines.run(within: limit, body)
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
