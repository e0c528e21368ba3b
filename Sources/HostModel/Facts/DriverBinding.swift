// SPDX-License-Identifier: GPL-3.0-or-later

/// A function's driver, and the only driver that may bind to it.
///
/// A small part of a function, but most steps only need this before and after: it is cheap to read.
public struct DriverBinding: Hashable, Sendable {
    public let driver: String?
    public let driverOverride: String?

    public init(driver: String?, driverOverride: String?) {
        self.driver = driver
        self.driverOverride = driverOverride
    }
}

extension Function {
    public var binding: DriverBinding { DriverBinding(driver: driver, driverOverride: driverOverride) }
}
