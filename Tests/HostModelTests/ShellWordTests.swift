// SPDX-License-Identifier: GPL-3.0-or-later
import ErrorExamples
import HostModel
import HostSimulator
import Testing

@Suite("Names in commands")
struct ShellWordTests {
    @Test(
        "a name is one word of a shell command",
        arguments: [
            ("fw1", "fw1"), ("/mnt/data", "/mnt/data"), ("web 1", "'web 1'"), ("", "''"), ("a;reboot", "'a;reboot'"),
            ("$(id)", "'$(id)'"), ("it's", #"'it'\''s'"#), ("'", #"''\'''"#), ("~root", "'~root'"),
            ("straße", "'straße'"),
        ])
    func words(name: String, word: String) {
        #expect(name.shellWord == word)
    }

    @Test("no remedy has a name that a shell would take apart")
    func remedies() {
        let name = "web; reboot"
        let process = ProcessHolder(pid: 7, command: "qemu-system-x86", guest: name)
        var refusals = DomainObstacle.examples.map { Refusal.domain(name, $0) }
        refusals += [
            .claim("c1", .guestStarting(domain: name)),
            .function("0000:3b:10.0", .heldByDomain(domain: name)),
            .function("0000:3b:10.0", .heldByGuest(domain: name)),
            .function("0000:3b:10.0", .mayBeStarting(domain: name)),
            .function("0000:3b:10.0", .heldByProcess(process)),
            .function("0000:3b:10.0", .deviceOpen(DeviceUse(device: "/dev/nvme0n1", process: process))),
            .function("0000:3b:10.0", .diskInUse(DiskUse(device: "sda1", .mounted(at: name)))),
            .function("0000:3b:10.0", .notClaimedForDomain(device: "data0", domain: name)),
        ]
        for refusal in refusals {
            guard let remedy = refusal.remedy, remedy.contains(name) else { continue }
            let rest = remedy.replacing("'\(name)'", with: "").replacing("'domain:\(name)'", with: "")
            #expect(!rest.contains(name), "\(remedy)")
        }
    }
}
