// SPDX-License-Identifier: GPL-3.0-or-later

/// How much of each PF's bandwidth is promised to claims.
struct CardLoads {
    /// By PF, or by function where a whole device is claimed: the share that is promised, 1 being all of it.
    private var promised: [PCIAddress: Double] = [:]
    /// In Mbit/s; missing where there is no carrier.
    private var speeds: [PCIAddress: Int] = [:]

    /// A claimed VF is promised its rate limit; without a limit, an equal share of its PF.
    init(on host: HostSnapshot, _ holdings: Holdings) {
        for address in holdings.claims.keys {
            guard let function = host[address] else { continue }
            let card = function.virtualFunction.flatMap { host[$0.physicalFunction] } ?? function
            let speed = card.ports.compactMap(\.speedMbps).max()
            speeds[card.address] = speed
            let share = 1 / Double(max(1, card.sriov?.vfCount ?? 1))
            let limit = function.vfSettings?.maxTxRateMbps.flatMap { $0 > 0 ? $0 : nil }
            // As a share of the PF, so that PFs of unknown speed can be compared.
            let part = speed.flatMap { speed in limit.map { min(1, Double($0) / Double(max(1, speed))) } } ?? share
            promised[card.address, default: 0] += part
        }
    }

    /// A lower rank is preferred.
    func rank(of card: PCIAddress, _ order: Pool.Order) -> Int {
        let used = Int(((promised[card] ?? 0) * 1000).rounded())
        return switch order {
        case .address: 0
        case .pack: -used
        case .spread: used
        }
    }
}
