// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
public import HostModel

extension LibvirtConnection {
    public func runState(of name: String) async throws(LibvirtError) -> DomainRunState {
        try await withDomain(name) { domain throws(LibvirtError) in
            var state: Int32 = 0
            guard unsafe virDomainGetState(domain.raw, &state, nil, 0) == 0 else { throw Self.failure(about: name) }
            return DomainRunState(state)
        }
    }
}

extension DomainRunState {
    /// Source: `virDomainState`.
    init(_ number: Int32) {
        self =
            switch UInt32(bitPattern: number) {
            case VIR_DOMAIN_SHUTOFF.rawValue, VIR_DOMAIN_CRASHED.rawValue, VIR_DOMAIN_NOSTATE.rawValue: .off
            case VIR_DOMAIN_PAUSED.rawValue, VIR_DOMAIN_PMSUSPENDED.rawValue: .paused
            // A blocked domain waits for I/O; a domain that is shutting down still answers.
            default: .running
            }
    }
}

extension LibvirtError {
    /// Whether an earlier unplug request is still pending in the guest. The outcome is the same as after a first
    /// request.
    ///
    /// Source: QEMU's qdev_unplug ("already in the process of unplug") and pcie_cap_slot_unplug_request_cb ("guest is
    /// busy", while the power indicator blinks); libvirt forwards QEMU's message.
    public var isUnplugPending: Bool {
        guard case .refused(_, _, let message) = self else { return false }
        return message.contains("already in the process of unplug") || message.contains("power indicator blinking")
    }

    /// Whether the domain does not have the device, or no longer has it.
    public var isDeviceMissing: Bool {
        guard case .refused(let code, _, _) = self else { return false }
        return code == Int32(VIR_ERR_DEVICE_MISSING.rawValue)
    }
}
