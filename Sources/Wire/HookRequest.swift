// SPDX-License-Identifier: GPL-3.0-or-later

/// `POST /v1/hooks`: what libvirt called the hook with, and when.
public struct HookRequest: Codable, Sendable {
    /// The route. It answers `Accept: text/plain` with a refusal's words in one line.
    public static let route = "/v1/hooks"

    public var domain: String
    /// `prepare`, `start`, `started`, `stopped`, `release`, `reconnect`, …
    public var operation: String
    /// The last argument: why a domain stopped.
    public var reason: String
    public var xml: String
    /// The boot that the hook ran in, and seconds since then: a stop that was told late, or again, ends no later start.
    /// nil: now.
    public var bootID: String?
    public var sinceBoot: Int?

    public init(
        domain: String, operation: String, reason: String, xml: String, bootID: String? = nil, sinceBoot: Int? = nil
    ) {
        self.domain = domain
        self.operation = operation
        self.reason = reason
        self.xml = xml
        self.bootID = bootID
        self.sinceBoot = sinceBoot
    }

    /// As JSON, on one line.
    package func text() throws -> [UInt8] { try JSONText.encode(self, pretty: false) }
}
