// SPDX-License-Identifier: GPL-3.0-or-later
import Synchronization

/// Claims whose guest is about to open its functions: between the hook's yes and QEMU's opening the group, nothing on
/// the host shows that they are needed.
///
/// Kept in memory alone: a start takes seconds, and a start that failed says so through the `release` hook.
final class StartingGuests: Sendable {
    /// Longer than libvirt takes from `prepare` to a running QEMU.
    private static let grace: Duration = .seconds(60)

    private let starts = Mutex<[String: ContinuousClock.Instant]>([:])

    func began(_ claim: String) { starts.withLock { $0[claim] = .now } }

    func ended(_ claim: String) { starts.withLock { _ = $0.removeValue(forKey: claim) } }

    func contains(_ claim: String) -> Bool {
        starts.withLock { starts in
            guard let began = starts[claim] else { return false }
            return began.duration(to: .now) < Self.grace
        }
    }
}
