// SPDX-License-Identifier: GPL-3.0-or-later

/// How much of each card is spoken for.
struct CardLoads {
    /// By PF or whole card: Mbit/s that are promised, and what there is; nil for a card without a carrier.
    private var promised: [PCIAddress: Double] = [:]
    private var speeds: [PCIAddress: Int] = [:]

    /// A claimed VF is promised its limit; without one, an equal share of its card.
    init(on host: HostSnapshot, _ holdings: Holdings) {
        for address in holdings.claims.keys {
            guard let function = host[address] else { continue }
            let card = function.virtualFunction.flatMap { host[$0.physicalFunction] } ?? function
            let speed = card.interfaces.compactMap(\.speedMbps).max()
            speeds[card.address] = speed
            let share = 1 / Double(max(1, card.sriov?.vfCount ?? 1))
            let limit = function.vfSettings?.maxTxRateMbps.flatMap { $0 > 0 ? $0 : nil }
            // In parts of the card, so that cards whose speed nobody knows can be compared.
            let part = speed.flatMap { speed in limit.map { min(1, Double($0) / Double(max(1, speed))) } } ?? share
            promised[card.address, default: 0] += part
        }
    }

    /// Less is better.
    func rank(of card: PCIAddress, _ order: Pool.Order) -> Int {
        let used = Int(((promised[card] ?? 0) * 1000).rounded())
        return switch order {
        case .address: 0
        case .pack: -used
        case .spread: used
        }
    }
}
