// SPDX-License-Identifier: GPL-3.0-or-later

/// Which driver has a function, and which one alone may.
///
/// Little of a function, and all that most steps are about: what is asked of it before and after each of them.
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
