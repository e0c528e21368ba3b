// SPDX-License-Identifier: GPL-3.0-or-later

/// `POST /v1/hooks`: a call of libvirt's hook, and when it was made.
public struct HookRequest: Codable, Sendable {
    /// The route. With `Accept: text/plain` a refusal is one line of text.
    public static let route = "/v1/hooks"

    public var domain: String
    public var operation: HookOperation
    /// The hook's last argument: why the domain stopped.
    public var reason: String
    public var xml: String
    /// The boot in which the hook ran; nil where it is unknown. A stop that arrives late, or twice, ends no later start.
    public var bootID: String?
    /// When the hook ran, in seconds since the boot; nil is now.
    public var sinceBoot: Int?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case domain, operation, reason, xml, bootID, sinceBoot
    }

    public init(
        domain: String, operation: HookOperation, reason: String, xml: String, bootID: String? = nil,
        sinceBoot: Int? = nil
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
