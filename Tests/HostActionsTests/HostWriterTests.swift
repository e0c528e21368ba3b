// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import HostActions
import HostIO
import HostModel
import Testing

@Suite("Writing to a host")
struct HostWriterTests {
    private let tree: FixtureTree
    private let writer: HostWriter
    private let card = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0"

    init() throws {
        tree = try FixtureTree(named: "dataplane-host")
        writer = HostWriter(paths: tree.paths)
        try tree.write("", to: "/sys/bus/pci/drivers/i40e/unbind")
        try tree.write("", to: "/sys/bus/pci/drivers_probe")
    }

    @Test("each action writes one line to one attribute")
    func attributes() throws {
        let function = try address("0000:3b:00.0")
        let vf = "/sys/devices/pci0000:3a/0000:3a:00.0/0000:3b:10.0"
        try tree.write("", to: "\(vf)/sriov_vf_msix_count")
        let cases: [(HostAction, String, String)] = [
            (.setDriversAutoprobe(physicalFunction: function, on: true), "\(card)/sriov_drivers_autoprobe", "1\n"),
            (.setVFCount(physicalFunction: function, count: 4), "\(card)/sriov_numvfs", "4\n"),
            (.setDriverOverride(function, driver: "vfio-pci"), "\(card)/driver_override", "vfio-pci\n"),
            (.setDriverOverride(function, driver: nil), "\(card)/driver_override", "\n"),
            (.setMSIXCount(try address("0000:3b:10.0"), 8), "\(vf)/sriov_vf_msix_count", "8\n"),
            (.setMSIXCount(try address("0000:3b:10.0"), nil), "\(vf)/sriov_vf_msix_count", "0\n"),
            (.unbindDriver(function), "/sys/bus/pci/drivers/i40e/unbind", "0000:3b:00.0\n"),
            (.probeDriver(function), "/sys/bus/pci/drivers_probe", "0000:3b:00.0\n"),
        ]
        for (action, path, text) in cases {
            try writer.perform(action)
            #expect(try tree.text(path) == text, "\(action)")
        }
    }

    @Test("unbinding a function without a driver succeeds and writes to no driver")
    func driverless() throws {
        let drivers = tree.root + "/sys/bus/pci/drivers"
        for driver in try FileManager.default.contentsOfDirectory(atPath: drivers) {
            try tree.write("untouched", to: "/sys/bus/pci/drivers/\(driver)/unbind")
        }
        try writer.perform(.unbindDriver(address("0000:3b:10.1")))
        for driver in try FileManager.default.contentsOfDirectory(atPath: drivers) {
            #expect(try tree.text("/sys/bus/pci/drivers/\(driver)/unbind") == "untouched\n", "\(driver)")
        }
    }

    @Test("a driver that cannot be unbound is an error, not an unbound function")
    func noUnbind() throws {
        // The link to e1000 exists, but that driver has no `unbind`.
        let function = try address("0000:02:01.0")
        #expect(
            throws: HostIOError.refusedByKernel(
                action: "unbind 0000:02:01.0 from its driver",
                path: tree.root + "/sys/bus/pci/devices/0000:02:01.0/driver/unbind", errno: ENOENT)
        ) { try writer.perform(.unbindDriver(function)) }
    }

    @Test("a missing attribute is never created")
    func neverCreates() throws {
        let function = try address("0000:02:01.0")
        #expect(throws: HostIOError.self) { try writer.perform(.reset(function)) }
        #expect(throws: (any Error).self) {
            try tree.text("/sys/devices/pci0000:00/0000:00:1e.0/0000:02:01.0/reset")
        }
    }

    @Test("every action on a function that was removed reports that it was removed")
    func gone() throws {
        let function = try address("0000:77:00.0")
        let actions: [HostAction] = [
            .setVFCount(physicalFunction: function, count: 1), .unbindDriver(function), .probeDriver(function),
            .reset(function), .setDriverOverride(function, driver: nil),
        ]
        for action in actions {
            #expect(throws: HostIOError.vanished(function)) { try writer.perform(action) }
        }
    }

    @Test("no action on another tree reaches the kernel of this machine")
    func notThisHost() throws {
        let physical = try address("0000:3b:00.0")
        let place = VirtualFunction(physicalFunction: physical, index: 0)
        let actions: [HostAction] = [
            .setLink(physicalFunction: physical, up: true), .setMTU(physicalFunction: physical, octets: 9000),
            .setVFSettings(place, VFSettings(trust: true)),
        ]
        for action in actions {
            #expect(throws: HostIOError.notThisHost(root: tree.root)) { try writer.perform(action) }
        }
    }

    @Test("a refusal names the action, the file and the kernel's reason")
    func text() throws {
        let error = HostIOError.refusedByKernel(
            action: "set VF count of 0000:3b:00.0 to 4", path: "/sys/x/sriov_numvfs", errno: EBUSY)
        #expect(
            error.description
                == "cannot set VF count of 0000:3b:00.0 to 4: the kernel refused the write to /sys/x/sriov_numvfs: "
                + "Device or resource busy")
    }
}
