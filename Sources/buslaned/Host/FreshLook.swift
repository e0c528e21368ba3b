// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// One look at the host. Reads each fact at its first use and keeps it. For newer facts, create another look.
///
/// A function that cannot be read counts as missing: no condition holds for it.
final class FreshLook: FunctionSource {
    private let host: any Host
    private var functions: [PCIAddress: Function?] = [:]
    private var bindings: [PCIAddress: DriverBinding?] = [:]
    private var settings: [PCIAddress: VFSettings?] = [:]
    private var addresses: [VirtualFunction: PCIAddress?] = [:]

    /// - Parameter known: functions that were just read completely.
    init(host: any Host, knowing known: [Function] = []) {
        self.host = host
        for function in known {
            functions[function.address] = .some(function)
            settings[function.address] = .some(function.vfSettings)
        }
    }

    subscript(_ address: PCIAddress) -> Function? {
        known(&functions, address) { try host.function(at: address, with: .virtualFunctions) }
    }

    func binding(of address: PCIAddress) -> DriverBinding? {
        if let known = functions[address] { return known?.binding }
        return known(&bindings, address) { try host.binding(at: address) }
    }

    func address(of virtual: VirtualFunction) -> PCIAddress? {
        known(&addresses, virtual) { try host.address(of: virtual) }
    }

    func downPort(ofVF virtual: VirtualFunction) -> String? {
        if let known = functions[virtual.physicalFunction] {
            return known?.vfPorts.downPort(ofVF: virtual.index)?.name
        }
        return (try? host.downPort(ofVF: virtual)).flatMap(\.self)
    }

    func settings(ofVFAt address: PCIAddress) -> VFSettings? {
        known(&settings, address) { try host.function(at: address, with: .settings)?.vfSettings }
    }

    private func known<Key: Hashable, Value>(
        _ seen: inout [Key: Value?], _ key: Key, _ read: () throws -> Value?
    ) -> Value? {
        if let known = seen[key] { return known }
        let value = (try? read()).flatMap(\.self)
        seen[key] = .some(value)
        return value
    }
}
