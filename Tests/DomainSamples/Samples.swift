// SPDX-License-Identifier: GPL-3.0-or-later
public import DomainXML
public import HostModel

/// Domains as people have them: what `virsh dumpxml` prints, with what people add.
public enum Samples {
    /// A Linux guest on q35, as dumped from a running libvirt, with metadata of two tools and a QEMU command line.
    public static let q35 = """
        <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
          <name>fw1</name>
          <uuid>4DEA22B3-1D52-D8F3-2516-782E98AB3FA0</uuid>
          <title>Firewall &amp; router</title>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
              <libosinfo:os id="http://debian.org/debian/12"/>
            </libosinfo:libosinfo>
            <buslane:request xmlns:buslane="urn:buslane:request:1" numa="required" binding="defined">
              <buslane:device name="data0" pool="dataplane" vlan="100" mac="52:54:00:11:22:33"/>
              <buslane:device name="data1" pool="dataplane" trust="on"/>
            </buslane:request>
          </metadata>
          <memory unit='KiB'>8388608</memory>
          <currentMemory unit='KiB'>8388608</currentMemory>
          <memoryBacking>
            <hugepages/>
          </memoryBacking>
          <vcpu placement='static'>4</vcpu>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
            <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
            <boot dev='hd'/>
          </os>
          <features>
            <acpi/>
            <apic/>
            <ioapic driver='qemu'/>
          </features>
          <cpu mode='host-passthrough' check='none' migratable='on'/>
          <clock offset='utc'>
            <timer name='rtc' tickpolicy='catchup'/>
            <timer name='hpet' present='no'/>
          </clock>
          <on_poweroff>destroy</on_poweroff>
          <on_reboot>restart</on_reboot>
          <on_crash>destroy</on_crash>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <!-- the disk; not </devices> yet -->
            <disk type='file' device='disk'>
              <driver name='qemu' type='qcow2' discard='unmap'/>
              <source file='/var/lib/libvirt/images/fw1.qcow2'/>
              <target dev='vda' bus='virtio'/>
              <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
            </disk>
            <disk type='nvme' device='disk'>
              <driver name='qemu' type='raw'/>
              <source type='pci' managed='yes' namespace='1'>
                <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
              </source>
              <target dev='vdb' bus='virtio'/>
            </disk>
            <controller type='pci' index='0' model='pcie-root'/>
            <controller type='pci' index='1' model='pcie-root-port'>
              <model name='pcie-root-port'/>
              <target chassis='1' port='0x10'/>
              <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/>
            </controller>
            <interface type='network'>
              <mac address='52:54:00:6c:3c:01'/>
              <source network='default'/>
              <model type='virtio'/>
              <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
            </interface>
            <serial type='pty'>
              <target type='isa-serial' port='0'>
                <model name='isa-serial'/>
              </target>
            </serial>
            <hostdev mode='subsystem' type='usb' managed='yes'>
              <source>
                <vendor id='0x1050'/>
                <product id='0x0407'/>
              </source>
            </hostdev>
            <hostdev mode='subsystem' type='pci' managed='yes'>
              <driver name='vfio'/>
              <source>
                <address domain='0x0000' bus='0xaf' slot='0x00' function='0x0'/>
              </source>
              <address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/>
            </hostdev>
            <watchdog model='itco' action='reset'/>
            <memballoon model='virtio'/>
          </devices>
          <seclabel type='dynamic' model='dac' relabel='yes'/>
          <qemu:commandline>
            <qemu:arg value='-device'/>
            <qemu:arg value='pxb-pcie,id=pci.9,bus_nr=64'/>
          </qemu:commandline>
        </domain>

        """

    /// An older guest on i440fx, written by hand: tabs, double quotes, CDATA, a declaration, a processing instruction.
    public static let i440fx = """
        <?xml version="1.0" encoding="utf-8"?>
        <!-- kept in git; edit with care: </devices> -->
        <?editor tabs?>
        <domain type="kvm" id="7">
        \t<name>br\u{f6}ker-1</name>
        \t<uuid>a7a2f3c8-52a6-4f3c-8d8a-0a1b2c3d4e5f</uuid>
        \t<description><![CDATA[Packet broker <devices> </devices> & friends]]></description>
        \t<memory unit="GiB">2</memory>
        \t<vcpu>2</vcpu>
        \t<os><type arch="x86_64" machine="pc-i440fx-7.2">hvm</type></os>
        \t<devices>
        \t\t<emulator>/usr/bin/kvm</emulator>
        \t\t<interface type="hostdev" managed="yes">
        \t\t\t<source><address type="pci" domain="0" bus="59" slot="2" function="07"/></source>
        \t\t</interface>
        \t\t<video><model type="cirrus" vram="16384" heads="1"/></video>   <!-- graphics -->
        \t</devices>
        </domain>
        """

    /// The least that is a domain.
    public static func small(_ devices: String) -> String {
        "<domain type='test'>\n  <name>small</name>\n\(devices)</domain>\n"
    }

    public static let all = [q35, i440fx, q35.crlf, oneLine, small("  <devices/>\n"), flat]

    public static let oneLine =
        "<domain type='test'><name>one</name><devices><emulator>/bin/true</emulator></devices></domain>"

    /// Lines without any indentation.
    public static let flat = "<domain>\n<name>flat</name>\n<devices>\n<emulator>/x</emulator>\n</devices>\n</domain>"
}

extension String {
    /// The same with Windows line ends.
    public var crlf: String { split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n") }

    /// The first place of `part` replaced: a domain with one thing different.
    public func with(_ part: String, as other: String) -> String {
        guard let range = firstRange(of: part) else { return self }
        return replacingCharacters(in: range, with: other)
    }

    public func firstRange(of part: String) -> Range<Index>? {
        ranges(of: part).first
    }

    private func replacingCharacters(in range: Range<Index>, with other: String) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}

public func address(_ text: String) -> PCIAddress { try! PCIAddress(text) }
public func device(_ text: String) -> DeviceSpec { try! DeviceSpec(text) }
public func domain(_ xml: String) throws -> Domain { try Domain(parsing: xml) }

/// The error that `body` throws.
public func refusal<T, Failure: Error>(_ body: () throws -> T, as type: Failure.Type = DomainXMLError.self) -> Failure?
{
    do {
        _ = try body()
        return nil
    } catch {
        return error as? Failure
    }
}
