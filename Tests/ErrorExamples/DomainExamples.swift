// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import HostSimulator

extension DomainObstacle: Exemplified {
    public enum Case: CaseIterable {
        case running, notRunning, transient, paused, withoutUUID, nothingToAttach, requestWithoutDevices, noPort
        case tooManyDevices
        case noSuchDevice, deviceDiffers, shareSlot, keeps, evictionUndone, halfAttached, notUndone, notPlugged
        case tooFewHugepages, tooLittleMemory
    }

    public var exampleCase: Case {
        switch self {
        case .running: .running
        case .notRunning: .notRunning
        case .transient: .transient
        case .paused: .paused
        case .withoutUUID: .withoutUUID
        case .nothingToAttach: .nothingToAttach
        case .requestWithoutDevices: .requestWithoutDevices
        case .tooManyDevices: .tooManyDevices
        case .noPort: .noPort
        case .noSuchDevice: .noSuchDevice
        case .deviceDiffers: .deviceDiffers
        case .shareSlot: .shareSlot
        case .keeps: .keeps
        case .evictionUndone: .evictionUndone
        case .halfAttached: .halfAttached
        case .notUndone: .notUndone
        case .notPlugged: .notPlugged
        case .tooFewHugepages: .tooFewHugepages
        case .tooLittleMemory: .tooLittleMemory
        }
    }

    public static var examples: [DomainObstacle] {
        [
            .running, .notRunning, .transient, .paused, .withoutUUID, .nothingToAttach,
            .tooManyDevices(65, limit: 64), .requestWithoutDevices(devices: ["data0"]), .noPort(wanted: 2, free: 1),
            .noPort(wanted: 2, free: 0),
            .noSuchDevice("data7", known: []), .noSuchDevice("data7", known: ["data0", "data1"]),
            .deviceDiffers("data0", running: "0000:3b:10.2"), .shareSlot(["data0", "data1"]), .keeps(["data0"], .no),
            .keeps(["data0"], .nothing),
            .evictionUndone(kept: ["data0"], .no, pluggedAgain: ["data1"], lost: ["data2"]),
            .evictionUndone(kept: ["data0"], .nothing, pluggedAgain: [], lost: []),
            .halfAttached(["data0"], reason: "cannot write the domain"),
            .notUndone(["data0"], reason: "no port is free", because: "the guest has not answered"),
            .notPlugged("data0"),
            .tooFewHugepages(shortage: "32 huge pages are needed", remedy: "reserve 32 more", mayPass: false),
            .tooFewHugepages(shortage: "32 huge pages are needed", remedy: "stop a guest", mayPass: true),
            .tooLittleMemory(shortage: "8 GiB are needed", remedy: "give the guest less memory", mayPass: true),
            .tooLittleMemory(shortage: "8 GiB are needed", remedy: "give the guest less memory", mayPass: false),
        ]
    }
}
