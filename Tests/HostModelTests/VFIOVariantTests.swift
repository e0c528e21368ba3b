// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@Suite("The best VFIO driver for a function")
struct VFIOVariantTests {
    private let lines = [
        "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci",
        "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci",
        "alias vfio_pci:v000015B3d*sv*sd*bc02sc*i* some_vfio_pci",
        "alias pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_core",
        "alias vfio_pci:v0000zzzzd*sv*sd*bc*sc*i* broken",
        "alias vfio_pci:v*d*sv*sd*bc*sc*i*and* more",
        "alias vfio_pci:",
    ]
    private var variants: [VFIOVariant] { lines.compactMap { VFIOVariant(aliasLine: $0) } }

    private func module(_ vendor: UInt16, _ device: UInt16, classCode: UInt32 = 0x020000) -> String? {
        VFIOVariant.best(for: Identity(vendor: vendor, device: device, classCode: classCode), among: variants)?.module
    }

    @Test("the most specific line wins, vfio-pci is the default, and malformed lines are ignored")
    func best() {
        #expect(variants.count == 3)
        #expect(module(0x15b3, 0x101e) == "mlx5_vfio_pci")
        #expect(module(0x15b3, 0x101e, classCode: 0x030000) == "mlx5_vfio_pci")
        #expect(module(0x15b3, 0x1234) == "some_vfio_pci")
        #expect(module(0x8086, 0x10ca) == "vfio_pci")
        #expect(VFIOVariant.best(for: Identity(vendor: 1, device: 1, classCode: 0), among: []) == nil)
    }
}
