// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Domains of all shapes, written for the round trips: what tools print, what people type, and what is merely allowed.
public enum Corpus {
    public struct Document: CustomStringConvertible, Sendable {
        public let name: String
        public let xml: String
        public var description: String { name }
    }

    public static let all: [Document] = written + reshaped

    // MARK: - Written one by one

    private static let written: [Document] = [
        Document(name: "the least", xml: "<domain><name>a</name><devices/></domain>"),
        Document(name: "one line, no end of line", xml: Samples.oneLine),
        Document(name: "no indentation", xml: Samples.flat),
        Document(name: "virsh dumpxml, q35", xml: Samples.q35),
        Document(name: "by hand, i440fx", xml: Samples.i440fx),
        Document(name: "virt-install --print-xml", xml: virtInstall),
        Document(name: "guest nodes and expander buses", xml: expanders),
        Document(name: "ARM's virt", xml: q35("<memballoon model='none'/>").with("pc-q35-7.2", as: "virt-8.0")),
        Document(name: "no machine", xml: Samples.small("  <os><type>hvm</type></os>\n  <devices>\n  </devices>\n")),
        Document(
            name: "a Xen domain",
            xml: "<domain type='xen'>\n  <name>x</name>\n  <devices>\n    <console/>\n  </devices>\n</domain>\n"),
        Document(
            name: "an LXC container",
            xml:
                "<domain type='lxc'>\n <name>c</name>\n <devices>\n  <filesystem type='mount'><source dir='/'/><target dir='/'/></filesystem>\n </devices>\n</domain>\n"
        ),
        Document(
            name: "QEMU's command line after the devices",
            xml: q35(
                "",
                tail:
                    "  <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n    <qemu:arg value='-device'/>\n    <qemu:arg value='&lt;devices&gt;'/>\n  </qemu:commandline>\n"
            )),
        Document(
            name: "a default namespace further in",
            xml: q35("", tail: "  <override xmlns='urn:x'><devices/><device/></override>\n")),
        Document(
            name: "a devices element of another namespace before ours",
            xml: q35("").with("  <devices>", as: "  <x:devices xmlns:x='urn:x'><x:hostdev/></x:devices>\n  <devices>")),
        Document(
            name: "comments everywhere",
            xml: q35("<!-- a --><memballoon model='none'/><!-- </devices> -->").with(
                "<domain ", as: "<!-- <devices/> -->\n<domain ")),
        Document(
            name: "a comment at the end of the devices", xml: q35("<memballoon model='none'/>\n    <!-- last -->")),
        Document(
            name: "CDATA that looks like devices",
            xml: q35("").with(
                "  <memory",
                as: "  <description><![CDATA[</devices><devices>]]]]><![CDATA[>]]></description>\n  <memory")),
        Document(
            name: "processing instructions",
            xml: q35("<?keep <devices> ?>").with("<domain ", as: "<?xml-stylesheet href='x'?>\n<domain ")),
        Document(
            name: "entities and references",
            xml: q35("").with(
                "<name>g</name>", as: "<name>a&amp;b&#x41;&#66;</name><title>&lt;&gt;&quot;&apos;</title>")),
        Document(
            name: "names in other scripts",
            xml: q35("").with("<name>g</name>", as: "<name>b\u{f6}ker-\u{65e5}\u{672c}-\u{1f680}</name>")),
        Document(
            name: "attributes over many lines",
            xml: q35("<interface\n      type='network'\n      ><source\n        network='default'/></interface>")),
        Document(name: "a > in attributes", xml: q35("<channel type='unix'><source path='/a>b/devices>'/></channel>")),
        Document(
            name: "white space in tags",
            xml: q35("<memballoon  model = 'none'  ></memballoon >").with("</devices>", as: "</devices  >")),
        Document(name: "double quotes", xml: q35("<memballoon model=\"none\"/>")),
        Document(name: "blank lines and trailing white space", xml: q35("\n\n    <memballoon model='none'/>   \n\t\n")),
        Document(
            name: "eight spaces",
            xml:
                "<domain type='kvm'>\n        <name>g</name>\n        <devices>\n                <emulator>/x</emulator>\n        </devices>\n</domain>\n"
        ),
        Document(
            name: "one space",
            xml: "<domain type='kvm'>\n <name>g</name>\n <devices>\n  <emulator>/x</emulator>\n </devices>\n</domain>\n"
        ),
        Document(
            name: "tabs and spaces",
            xml: "<domain>\n\t<name>g</name>\n  <devices>\n\t  <emulator>/x</emulator>\n  </devices>\n</domain>"),
        Document(
            name: "an indented root",
            xml:
                "   <domain>\n     <name>g</name>\n     <devices>\n       <emulator>/x</emulator>\n     </devices>\n   </domain>\n"
        ),
        Document(
            name: "the end tag behind the last device",
            xml: "<domain>\n  <name>g</name>\n  <devices>\n    <emulator>/x</emulator></devices>\n</domain>"),
        Document(name: "text among the devices", xml: q35("stray text <memballoon model='none'/> more")),
        Document(name: "empty devices with a comment", xml: Samples.small("  <devices><!-- none yet --></devices>\n")),
        Document(
            name: "devices before everything",
            xml: "<domain>\n  <devices>\n    <emulator>/x</emulator>\n  </devices>\n  <name>g</name>\n</domain>"),
        Document(
            name: "two devices elements",
            xml: Samples.small("  <devices>\n    <emulator>/x</emulator>\n  </devices>\n  <devices>\n  </devices>\n")),
        Document(
            name: "white space around the document", xml: "\n\n" + Samples.oneLine + "\n \n<!-- after -->\n<?after?>\n"),
        Document(
            name: "mixed ends of lines",
            xml: "<domain>\r\n  <name>g</name>\n  <devices>\r\n    <emulator>/x</emulator>\n  </devices>\r\n</domain>\n"
        ),
        Document(name: "a hostdev of every other kind", xml: q35(hostdevs)),
        Document(
            name: "14 root ports without index or address",
            xml: virtInstall.with(
                "<controller type=\"pci\" model=\"pcie-root-port\"/>",
                as: String(repeating: "<controller type=\"pci\" model=\"pcie-root-port\"/>", count: 14))),
        Document(
            name: "a gap in the indexes",
            xml: q35(
                "<controller type='pci' index='0' model='pcie-root'/>\n    <controller type='pci' index='7' model='pcie-root-port'/>"
            )),
        Document(name: "switches and bridges", xml: q35(switches)),
        Document(name: "two thousand lines", xml: large(lines: 2000)),
        Document(
            name: "metadata of ten programs",
            xml: q35("").with(
                "  <memory",
                as: "  <metadata>\n"
                    + (0..<10).map { "    <p\($0):x xmlns:p\($0)='urn:p\($0)'><p\($0):y>\($0)</p\($0):y></p\($0):x>\n" }
                    .joined() + "  </metadata>\n  <memory")),
        Document(
            name: "nested deeply",
            xml: q35("").with(
                "  <memory",
                as: "  <metadata>" + String(repeating: "<x xmlns='urn:x'>", count: 200)
                    + String(repeating: "</x>", count: 200) + "</metadata>\n  <memory")),
    ]

    /// The same documents in another dress.
    private static let reshaped: [Document] =
        [Samples.q35, virtInstall, expanders].enumerated().flatMap { number, xml in
            [
                Document(name: "Windows lines \(number)", xml: xml.crlf),
                Document(name: "a byte order mark \(number)", xml: "\u{feff}" + xml),
                Document(name: "tabs \(number)", xml: xml.replacing("  ", with: "\t")),
                Document(name: "all on one line \(number)", xml: xml.replacing("\n", with: "")),
                Document(
                    name: "a declaration \(number)",
                    xml: "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n" + xml),
            ]
        }

    // MARK: - Parts

    /// A q35 guest with something among its devices and something after them.
    public static func q35(_ devices: String, tail: String = "") -> String {
        """
        <domain type='kvm'>
          <name>g</name>
          <memory unit='MiB'>512</memory>
          <vcpu>2</vcpu>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
          </os>
          <devices>
            \(devices)
          </devices>
        \(tail)</domain>

        """
    }

    /// As virt-install 4 prints it: no addresses yet, double quotes.
    public static let virtInstall = """
        <domain type="kvm">
          <name>debian12</name>
          <uuid>6c2dbb3a-9c30-4f0c-9c65-8c5b2cf3b2a9</uuid>
          <memory>2097152</memory>
          <currentMemory>2097152</currentMemory>
          <vcpu>2</vcpu>
          <os>
            <type arch="x86_64" machine="q35">hvm</type>
            <boot dev="hd"/>
          </os>
          <features>
            <acpi/>
            <apic/>
          </features>
          <cpu mode="host-passthrough"/>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <disk type="file" device="disk">
              <driver name="qemu" type="qcow2" discard="unmap"/>
              <source file="/var/lib/libvirt/images/debian12.qcow2"/>
              <target dev="vda" bus="virtio"/>
            </disk>
            <controller type="usb" model="qemu-xhci" ports="15"/>
            <controller type="pci" model="pcie-root"/>
            <controller type="pci" model="pcie-root-port"/>
            <interface type="network">
              <source network="default"/>
              <mac address="52:54:00:4c:8a:1d"/>
              <model type="virtio"/>
            </interface>
            <console type="pty"/>
            <memballoon model="virtio"/>
            <rng model="virtio">
              <backend model="random">/dev/urandom</backend>
            </rng>
          </devices>
        </domain>

        """

    /// A guest that sees two nodes, each with an expander bus of its owner's.
    public static let expanders = """
        <domain type='kvm'>
          <name>nodes</name>
          <memory unit='GiB'>8</memory>
          <memoryBacking>
            <hugepages>
              <page size='1' unit='GiB' nodeset='0-1'/>
            </hugepages>
          </memoryBacking>
          <vcpu placement='static'>4</vcpu>
          <cputune>
            <vcpupin vcpu='0' cpuset='0-3'/>
          </cputune>
          <numatune>
            <memory mode='strict' nodeset='0-1'/>
            <memnode cellid='0' mode='strict' nodeset='0'/>
            <memnode cellid='1' mode='strict' nodeset='1'/>
          </numatune>
          <os>
            <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
          </os>
          <cpu mode='host-passthrough'>
            <numa>
              <cell id='0' cpus='0-1' memory='4' unit='GiB'/>
              <cell id='1' cpus='2-3' memory='4' unit='GiB'/>
            </numa>
          </cpu>
          <devices>
            <controller type='pci' index='0' model='pcie-root'/>
            <controller type='pci' index='1' model='pcie-expander-bus'>
              <target busNr='64'>
                <node>0</node>
              </target>
              <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>
            </controller>
            <controller type='pci' index='2' model='pcie-expander-bus'>
              <target busNr='128'>
                <node>1</node>
              </target>
              <address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/>
            </controller>
            <controller type='pci' index='3' model='pcie-root-port'>
              <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
            </controller>
            <memballoon model='none'/>
          </devices>
        </domain>

        """

    private static let hostdevs = """
        <hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>
            <hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>
            <hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='0'/></source></hostdev>
            <hostdev mode='capabilities' type='misc'><source><char>/dev/input/event3</char></source></hostdev>
            <hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source><address domain='0x0000' bus='0x06' slot='0x12' function='0x5'/></source><boot order='1'/><rom bar='off'/></hostdev>
        """

    private static let switches = """
        <controller type='pci' index='0' model='pcie-root'/>
            <controller type='pci' index='1' model='pcie-root-port'><address type='pci' bus='0' slot='1' function='0' multifunction='on'/></controller>
            <controller type='pci' index='2' model='pcie-switch-upstream-port'><address type='pci' bus='1' slot='0'/></controller>
            <controller type='pci' index='3' model='pcie-switch-downstream-port'><address type='pci' bus='2' slot='0'/></controller>
            <controller type='pci' index='4' model='pcie-to-pci-bridge'><address type='pci' bus='3' slot='0'/></controller>
        """

    /// A domain with very many devices, as a broker of packets has.
    public static func large(lines: Int) -> String {
        let interface = { (number: Int) in
            """
                <interface type='network'>
                  <mac address='52:54:01:00:\((number / 256).hex(2)):\((number % 256).hex(2))'/>
                  <source network='lane\(number)' portgroup='a&amp;b'/>
                  <model type='virtio'/>
                  <driver name='vhost' queues='4'/> <!-- lane \(number) -->
                </interface>

            """
        }
        return q35((0..<(lines - 11) / 6).map(interface).joined() + "    <memballoon model='none'/>")
    }
}
