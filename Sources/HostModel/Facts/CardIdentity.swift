// SPDX-License-Identifier: GPL-3.0-or-later

/// What a function of a card is, whatever its address: bus numbers change when cards are added or removed.
///
/// Of a PF or of a function without SR-IOV. A VF is known by its PF's identity and its index. An unknown value is nil.
public struct CardIdentity: Hashable, Sendable, Codable {
    /// The way to it through the device tree without bus numbers, `\_SB_.PC03/00.0/00.1`: the firmware's name of the host
    /// bridge, then device and function of each bridge and of the function itself.
    public var slot: String?
    /// The serial number of the card; nil for none, for a placeholder, and for ``sharedSerial``.
    public var serial: SerialNumber?
    /// A serial number that other cards have, or had at an earlier look, too. It is the vendor's, and identifies nothing.
    public var sharedSerial: SerialNumber?
    /// Vendor and device, and the subsystem's: `8086:10c9 8086:a03c`, with `????` for an id that is unknown.
    public var model: String
    /// The permanent MAC addresses of its interfaces, sorted. Empty while its driver is not bound.
    public var macs: [MACAddress]

    public init(slot: String?, serial: SerialNumber?, identity: Identity, macs: [MACAddress] = []) {
        self.slot = slot
        self.serial = serial.flatMap { $0.isPlaceholder ? nil : $0 }
        let subsystem = [identity.subsystemVendor, identity.subsystemDevice].map { $0?.hex(4) ?? Self.unknownID }
        model = "\(identity.ids) \(subsystem.joined(separator: ":"))"
        self.macs = Set(macs.filter { !$0.isZero }).sorted { $0.rawValue < $1.rawValue }
    }

    private static let unknownID = "????"

    /// Whether nothing but its place distinguishes it from another card of the same model.
    public var isKnownByPlaceOnly: Bool { serial == nil && macs.isEmpty }
}

extension CardIdentity {
    /// How far two identities agree.
    enum Agreement {
        /// They name different cards.
        case differs
        /// Nothing contradicts, but neither has a mark that the other has too.
        case unmarked
        /// The serial number and the function's place on the card, or a MAC address, are the same.
        case marked
    }

    func agreement(with other: CardIdentity) -> Agreement {
        guard isOfModel(other) else { return .differs }
        var isMarked = false
        if !macs.isEmpty, !other.macs.isEmpty {
            guard !Set(macs).isDisjoint(with: other.macs) else { return .differs }
            isMarked = true
        }
        if let serial, let its = other.serial {
            guard serial == its else { return .differs }
            // All functions of a card have its serial number.
            if let function, let its = other.function {
                guard isMarked || function == its else { return .differs }
                isMarked = true
            }
        }
        return isMarked ? .marked : .unmarked
    }

    /// Whether no known id of the model contradicts. An unknown one contradicts nothing.
    func isOfModel(_ other: CardIdentity) -> Bool {
        zip(ids, other.ids).allSatisfy { $0 == $1 || $0 == Self.unknownID || $1 == Self.unknownID }
    }

    /// Vendor, device, and the subsystem's.
    private var ids: [Substring] { model.split { $0 == ":" || $0 == " " } }

    /// Device and function, the last part of the slot.
    private var function: Substring? { slot?.split(separator: "/").last }

    /// The marks of another reading of the same card added, and its present slot.
    func updated(from seen: CardIdentity) -> CardIdentity {
        var card = seen
        if card.slot == nil { card.slot = slot }
        let ids = zip(seen.ids, self.ids).map { $0 == Self.unknownID ? $1 : $0 }
        if ids.count == 4 { card.model = "\(ids[0]):\(ids[1]) \(ids[2]):\(ids[3])" }
        if card.serial == nil { card.serial = serial }
        if card.sharedSerial == nil { card.sharedSerial = sharedSerial }
        if card.macs.isEmpty { card.macs = macs }
        return card
    }
}

extension CardIdentity {
    /// The serial numbers that functions on several buses have, or had once.
    ///
    /// - Parameter moments: the cards that were there at one time, for each of several times. A card that moves has its
    ///   serial number at two places, but not at one time.
    static func sharedSerials(among moments: [[(PCIAddress, CardIdentity)]]) -> Set<SerialNumber> {
        var shared: Set<SerialNumber> = []
        for cards in moments {
            var buses: [SerialNumber: Set<[UInt32]>] = [:]
            for (address, card) in cards {
                if let serial = card.sharedSerial { shared.insert(serial) }
                if let serial = card.serial {
                    buses[serial, default: []].insert([address.domain, UInt32(address.bus)])
                }
            }
            shared.formUnion(buses.filter { $0.value.count > 1 }.keys)
        }
        return shared
    }

    func without(_ shared: Set<SerialNumber>) -> CardIdentity {
        guard let serial, shared.contains(serial) else { return self }
        var card = self
        (card.serial, card.sharedSerial) = (nil, serial)
        return card
    }
}

extension CardIdentity: CustomStringConvertible {
    /// `8086:10c9 8086:a03c, serial number …, MAC address …, slot …`
    public var description: String {
        ([model]
            + [serial.map { "serial number \($0)" }, macs.first.map { "MAC address \($0)" }, slot.map { "slot \($0)" }]
            .compactMap(\.self)).joined(separator: ", ")
    }
}

extension SerialNumber {
    /// All zeros, all ones, or the fixed middle of an EUI-64 that was made from no MAC address: the vendor wrote none.
    var isPlaceholder: Bool { [0, .max, 0x0000_00ff_ff00_0000, 0x0000_00ff_fe00_0000].contains(rawValue) }
}

/// Why it is not certain that the card at an address is the one that the ledger means.
public struct CardDoubt: Hashable, Sendable, CustomStringConvertible {
    /// Begins the reason of a quarantine for a doubt. Such a quarantine ends by itself with the doubt.
    private static let mark = "not certain which card this is: "

    let reason: String

    public init(reason: String) { self.reason = reason }

    public var description: String { Self.mark + reason }

    private static let strangerMark = "another card is here since the one that was here is at "

    /// The reason of a quarantine of a card that nothing is recorded of, in the place of one that is elsewhere.
    public static func strangerReason(former other: PCIAddress) -> String { strangerMark + "\(other)" }

    public static func isStranger(_ reason: String?) -> Bool { reason?.hasPrefix(strangerMark) ?? false }

    /// - Parameter claim: the claim that is to use the function; nil for none.
    static func remedy(at address: PCIAddress, claim: String?) -> String {
        guard let claim else {
            return
                "if it is the card that is meant, buslane recover the address of its PF, or buslane claims rebind CLAIM "
                + "--here for a claim; otherwise buslane release the claim"
        }
        return "if it is the card that is meant, buslane claims rebind \(claim) --here; if its card is elsewhere, "
            + "buslane claims rebind \(claim) FUNCTION; otherwise buslane release \(claim)"
    }

    /// Whether a function is in quarantine for a doubt.
    public static func isReason(_ reason: String?) -> Bool { reason?.hasPrefix(mark) ?? false }
}
