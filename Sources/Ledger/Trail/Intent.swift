// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A change that was recorded before it was made, and is not verified yet.
public struct Intent: Sendable, Identifiable {
    public let id: Int
    public let bootID: String
    public let purpose: Recovery.Purpose
    /// The claim that it is made for; nil for a change that no claim needs.
    public let claim: String?
    public let from: Aspect
    public let to: Aspect

    /// The data that recovery needs beside the change itself.
    public struct Context: Sendable {
        public let bootID: String
        public let purpose: Recovery.Purpose
        public let claim: String?

        public init(bootID: String, purpose: Recovery.Purpose, claim: String? = nil) {
            self.bootID = bootID
            self.purpose = purpose
            self.claim = claim
        }
    }
}
