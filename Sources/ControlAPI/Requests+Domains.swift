// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// `POST /v1/domains/attach`, `…/detach`
public struct DomainDevicesRequest: RequestDocument {
    public var domain: String
    /// nil: the persistent XML, and the running guest where one runs.
    public var scope: DomainScope?
    /// By name; nil or none: all.
    public var devices: [String]?
    /// Time for the guest to answer; nil: 30.
    public var waitSeconds: Int?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case domain, scope, devices, waitSeconds
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .domain: .line(RequestLimits.name)
        case .scope: .one(of: DomainScope.self)
        case .devices: .list(0...RequestLimits.devices, of: .line(RequestLimits.name))
        case .waitSeconds: .number(RequestLimits.guestPatience)
        }
    }

    public init(domain: String, scope: DomainScope? = nil, devices: [String]? = nil, waitSeconds: Int? = nil) {
        self.domain = domain
        self.scope = scope
        self.devices = devices
        self.waitSeconds = waitSeconds
    }

    public var patience: Duration { guestPatience(waitSeconds) }
}

/// `POST /v1/domains/evict`
public struct EvictRequest: RequestDocument {
    public var domain: String
    /// Time for the guest to answer; nil: 30.
    public var waitSeconds: Int?
    /// Releases its claims as well.
    public var release: Bool?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case domain, waitSeconds, release
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .domain: .line(RequestLimits.name)
        case .waitSeconds: .number(RequestLimits.guestPatience)
        case .release: .flag
        }
    }

    public init(domain: String, waitSeconds: Int? = nil, release: Bool? = nil) {
        self.domain = domain
        self.waitSeconds = waitSeconds
        self.release = release
    }

    public var patience: Duration { guestPatience(waitSeconds) }
}

/// `POST /v1/domains/start`, `…/sync`, `…/show`, `…/readmit`
public struct DomainNameRequest: RequestDocument {
    public var domain: String

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case domain
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .domain: .line(RequestLimits.name)
        }
    }

    public init(domain: String) { self.domain = domain }
}

private func guestPatience(_ seconds: Int?) -> Duration { .seconds(seconds ?? 30) }
