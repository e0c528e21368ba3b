// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import HostModel
import HostSimulator
import Testing

@testable import DomainXML

@Suite("Devices in <qemu:commandline>")
struct CommandLineTests {
    private func domain(_ arguments: [String], _ more: String = "") throws -> Domain {
        let lines = arguments.map { argument in
            let quoted = argument.replacing("&", with: "&amp;").replacing("'", with: "&apos;").replacing(
                "<", with: "&lt;")
            return "<qemu:arg value='\(quoted)'/>"
        }
        return try Domain(
            parsing: """
                <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>win1</name><devices/>\
                <qemu:commandline>\(lines.joined())<qemu:env name='A' value='-device'/></qemu:commandline>\(more)</domain>
                """)
    }

    @Test(
        "every spelling of a device names its function",
        arguments: [
            ["-device", "vfio-pci,host=01:00.0,multifunction=on,x-vga=on"],
            ["-device", "vfio-pci,host=0000:01:00.0"], ["--device", "vfio-pci,host=0000:01:00.0,id=gpu0"],
            ["-device", "driver=vfio-pci,id=a,,b,host=01:00.0"], ["-device vfio-pci,host=01:00.0"],
            ["--device=vfio-pci,host=01:00.0"], ["-device", "vfio-pci-nohotplug,host=1:0.0"],
            ["-device", #"{"driver":"vfio-pci","host":"0000:01:00.0","id":"snd0"}"#],
            ["-device", #" { "id" : "a\"b,{", "addr": 3, "host" : "01:00.0", "driver" : "vfio-pci" }"#],
            ["-device", "{'driver':'vfio-pci','host':'01:00.0'}"],
            ["-device", #"{"driver":"vfio-pci","host":"0000\u003a01:00.0"}"#],
            ["-device", "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:01:00.0"],
            ["-device", "vfio-pci,sysfsdev=/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/"],
            ["-device", #"{"driver":"vfio-pci","sysfsdev":"/sys/bus/pci/devices/0000:01:00.0"}"#],
            ["-drive", "file=nvme://0000:01:00.0/1,if=none"],
            ["-blockdev", "driver=nvme,device=0000:01:00.0,namespace=1"],
            ["-blockdev", #"{"driver":"raw","file":{"driver":"nvme","device":"0000:01:00.0","namespace":1}}"#],
            ["-drive", "file.driver=nvme,file.device=0000:01:00.0,if=none"],
        ])
    func spellings(arguments: [String]) throws {
        let domain = try self.domain(["-cpu", "host"] + arguments + ["-S"])
        #expect(domain.foreign.map(\.address) == ["0000:01:00.0"])
        #expect(domain.foreign.allSatisfy { $0.isOnCommandLine })
        #expect(domain.hostdevAddresses == ["0000:01:00.0"])
    }

    @Test(
        "what names no function counts for nothing",
        arguments: [
            ["-device", "usb-host,hostbus=1,hostaddr=2"], ["-device"], ["-device", ""], ["-device", "{\"host\":"],
            ["-device", "vfio-pci,host="], ["-device", "vfio-pci,host=nonsense"], ["vfio-pci,host=01:00.0"],
            ["-netdev", "user,id=n0,host=10.0.2.2"],
            ["-device", "vfio-pci,sysfsdev=/sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"],
            ["-drive", "file=/var/lib/disk.img"], ["-device", "\\u"], ["-device", "{\"\\u12"],
        ])
    func others(arguments: [String]) throws {
        #expect(try domain(arguments).foreign.isEmpty)
    }

    @Test("several devices, each with its line; a property that is overridden")
    func several() throws {
        let domain = try self.domain(
            ["-device", "vfio-pci,host=01:00.0", "-device", #"{"driver":"vfio-pci","host":"0001:01:00.1"}"#],
            """
            <qemu:override><qemu:device alias='hostdev0'><qemu:frontend>\
            <qemu:property name='host' type='string' value='0000:02:00.0'/></qemu:frontend></qemu:device></qemu:override>
            """)
        #expect(domain.foreign.map(\.address) == ["0000:01:00.0", "0001:01:00.1", "0000:02:00.0"])
        #expect(domain.foreign.first?.label == "an option of QEMU's at line 1")
    }

    @Test("a function on the command line is not added a second time")
    func twice() throws {
        let spec = try DeviceSpec(address: "0000:01:00.0", kind: .hostdev, name: "gpu0")
        let domain = try self.domain(["-device", "vfio-pci,host=01:00.0"])
        #expect(throws: DomainXMLError.self) { try domain.adding([spec]) }
    }
}
