// SPDX-License-Identifier: GPL-3.0-or-later
public import DomainXML
public import ErrorExamples
public import HostIO
import HostModel
import HostSimulator
public import Ledger
public import Libvirt

@testable import buslaned

extension LibvirtError: Exemplified {
    public enum Case: CaseIterable { case noSuchDomain, unreachable, noAnswer, connectionLost, refused }

    public var exampleCase: Case {
        switch self {
        case .noSuchDomain: .noSuchDomain
        case .unreachable: .unreachable
        case .noAnswer: .noAnswer
        case .connectionLost: .connectionLost
        case .refused: .refused
        }
    }

    public static var examples: [LibvirtError] {
        [
            .noSuchDomain("fw1"), .unreachable(uri: "qemu:///system", reason: "no such socket"),
            .noAnswer(uri: "qemu:///system", after: .seconds(10)), .connectionLost(reason: "end of file"),
            .refused(code: 38, domain: 10, message: "cannot write: Read-only file system"),
        ]
    }
}

extension LedgerFile.Trouble: Exemplified {
    public enum Case: CaseIterable { case inUse, newer, unusable, wouldForget }

    public var exampleCase: Case {
        switch self {
        case .inUse: .inUse
        case .newer: .newer
        case .unusable: .unusable
        case .wouldForget: .wouldForget
        }
    }

    public static var examples: [LedgerFile.Trouble] {
        [
            .inUse("/l.sqlite"), .newer("/l.sqlite"), .unusable("/l.sqlite", ["it has no claims table"]),
            .wouldForget(["c7"]),
        ]
    }
}

extension HostIOError: Exemplified {
    public enum Case: CaseIterable {
        case noSysfs, vanished, unreadable, refusedByKernel, noInterface, netlink, notThisHost, noEvents
    }

    public var exampleCase: Case {
        switch self {
        case .noSysfs: .noSysfs
        case .vanished: .vanished
        case .unreadable: .unreadable
        case .refusedByKernel: .refusedByKernel
        case .noInterface: .noInterface
        case .netlink: .netlink
        case .notThisHost: .notThisHost
        case .noEvents: .noEvents
        }
    }

    public static var examples: [HostIOError] {
        [
            .noSysfs(root: "/x"), .vanished(Scene.card), .unreadable(path: "/sys/x", errno: 13),
            .refusedByKernel(action: "set VF count of 0000:3b:00.0 to 4", path: "/sys/x/sriov_numvfs", errno: 16),
            .noInterface(Scene.card), .netlink(action: "set the MAC address", interface: 3, code: 25),
            .notThisHost(root: "/x"), .noEvents(call: "udev_new", errno: 12),
        ]
    }
}

extension DomainXMLError: Exemplified {
    public enum Case: CaseIterable {
        case malformed, tooLarge, tooDeep, tooManyElements, documentType, encoding, notADomain, missing, duplicate
        case tooManyDevices, invalid, unknown
        case namespace, misplaced, noDevices, addressInUse, nameInUse, companion, noGuestSlot, standby
    }

    public var exampleCase: Case {
        switch self {
        case .malformed: .malformed
        case .tooLarge: .tooLarge
        case .tooDeep: .tooDeep
        case .tooManyElements: .tooManyElements
        case .documentType: .documentType
        case .encoding: .encoding
        case .notADomain: .notADomain
        case .missing: .missing
        case .duplicate: .duplicate
        case .tooManyDevices: .tooManyDevices
        case .invalid: .invalid
        case .unknown: .unknown
        case .namespace: .namespace
        case .misplaced: .misplaced
        case .noDevices: .noDevices
        case .addressInUse: .addressInUse
        case .nameInUse: .nameInUse
        case .companion: .companion
        case .noGuestSlot: .noGuestSlot
        case .standby: .standby
        }
    }

    public static var examples: [DomainXMLError] {
        [
            .malformed(line: 3, column: 5, reason: "unbound prefix"), .tooLarge(bytes: 9, limit: 8),
            .tooDeep(line: 3, limit: 64), .tooManyElements(line: 3, limit: 9), .documentType(line: 1),
            .encoding("UTF-16"), .notADomain(root: "network"),
            .missing("<name>", in: "<domain>", line: 3), .duplicate("<request>", line: 3),
            .tooManyDevices(65, limit: 64, line: 3),
            .invalid(subject: "attribute 'vlan' of <device>", value: "x", line: 3, expected: "a number from 1 to 4094"),
            .unknown("attribute 'maq'", in: "<device>", line: 3, nearest: "mac"),
            .namespace("<request>", given: nil, line: 3), .namespace("<request>", given: "urn:x", line: 3),
            .misplaced("<request>", in: "<domain>", line: 3), .noDevices(line: 1),
            .addressInUse(Scene.card, by: "<hostdev> at line 9"), .nameInUse("data0", by: "<hostdev> at line 9"),
            .companion("sound", of: "gpu", reason: "they are on different cards"), .noGuestSlot(for: "data0"),
        ] + standbys.map { .standby(alias: "ua-net0", device: "data0", $0) }
    }

    private static var standbys: [Standby] {
        let label = "<interface> at line 9"
        return [
            .absent, .notVirtio(label), .notPersistent(label), .withoutMAC(label),
            .otherMAC(label, "52:54:00:11:22:33", wanted: "52:54:00:11:22:44"),
        ]
    }
}
