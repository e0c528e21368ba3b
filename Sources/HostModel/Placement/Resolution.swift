// SPDX-License-Identifier: GPL-3.0-or-later

extension DesiredState {
    /// Which function is declared how, in the order of the declarations and then of the addresses.
    ///
    /// - Throws: what ``problems(on:)`` would list first.
    func resolved(on host: HostSnapshot) throws(Refusal) -> [(declaration: PFDeclaration, function: Function)] {
        var pairs: [(declaration: PFDeclaration, function: Function)] = []
        for index in physicalFunctions.indices {
            for function in try functions(ofDeclaration: index, on: host) {
                pairs.append((physicalFunctions[index], function))
            }
        }
        if let twice = declaredTwice(pairs) { throw twice.0 }
        if let overlap = overlaps(on: host).first { throw overlap.refusal }
        return pairs
    }

    /// Every reason why this host cannot be as declared, as far as no work on it is looked at: selectors that meet
    /// nothing or more than was meant, cards that cannot be cut up so.
    public func problems(on host: HostSnapshot) -> [DeclarationProblem] {
        let (pairs, problems) = possible(on: host)
        let twice = declaredTwice(pairs).map { DeclarationProblem(place: $0.place, refusal: $0.0) }
        return problems + [twice].compactMap(\.self) + overlaps(on: host)
    }

    /// What is declared for cards that are not there, or that have no driver yet to make VFs.
    public func missing(on host: HostSnapshot) -> [DeclarationProblem] {
        possible(on: host).problems
            + met(on: host).sorted { $0.key < $1.key }.compactMap { address, declaration in
                declaration.isReady(on: host[address])
                    ? nil : DeclarationProblem(place: declaration.place, refusal: .declaration(.noDriver(address)))
            }
    }

    /// The others: by PF, how it is declared.
    public func ready(on host: HostSnapshot) -> [PCIAddress: PFDeclaration] {
        met(on: host).filter { $0.value.isReady(on: host[$0.key]) }
    }

    /// By PF, how it is declared, with the card named by its address: what can be met on this host as it is now.
    ///
    /// What cannot be, for a card that is not there or lacks its driver, is left out. Of two declarations of one
    /// card the first counts.
    public func met(on host: HostSnapshot) -> [PCIAddress: PFDeclaration] {
        var met: [PCIAddress: PFDeclaration] = [:]
        for (declaration, function) in possible(on: host).pairs where met[function.address] == nil {
            met[function.address] = declaration.naming(function.address)
        }
        return met
    }

    private func possible(on host: HostSnapshot) -> (
        pairs: [(declaration: PFDeclaration, function: Function)], problems: [DeclarationProblem]
    ) {
        var pairs: [(declaration: PFDeclaration, function: Function)] = []
        var problems: [DeclarationProblem] = []
        for index in physicalFunctions.indices {
            do {
                let functions = try functions(ofDeclaration: index, on: host)
                for function in functions { pairs.append((physicalFunctions[index], function)) }
            } catch {
                problems.append(DeclarationProblem(place: placeOfDeclaration(index), refusal: error))
            }
        }
        return (pairs, problems)
    }

    private func functions(ofDeclaration index: Int, on host: HostSnapshot) throws(Refusal) -> [Function] {
        let declaration = physicalFunctions[index]
        let name = placeOfDeclaration(index)
        if let ambiguous = declaration.selector.ambiguities(on: host).first {
            throw .declaration(.selectorAmbiguous(declaration: name, met: ambiguous))
        }
        let functions = declaration.selector.matches(in: host).filter { $0.virtualFunction == nil }
        guard !functions.isEmpty else {
            throw .declaration(.selectorMatchesNothing(declaration: name, met: declaration.selector.meetings(on: host)))
        }
        for function in functions { try declaration.refuseIfImpossible(on: function) }
        if functions.count > 1, let mac = declaration.vfs.lazy.compactMap(\.settings.mac).first {
            throw .declaration(.macOfSeveralCards(mac, declaration: name, physicalFunctions: functions.map(\.address)))
        }
        return functions
    }

    private func placeOfDeclaration(_ index: Int) -> String {
        physicalFunctions[index].place ?? "physicalFunctions[\(index)]"
    }

    private func declaredTwice(_ pairs: [(declaration: PFDeclaration, function: Function)]) -> (
        Refusal, place: String?
    )? {
        var first: [PCIAddress: PFDeclaration] = [:]
        for (declaration, function) in pairs {
            guard let earlier = first[function.address] else {
                first[function.address] = declaration
                continue
            }
            let refusal = Refusal.declaration(
                .declaredTwice(
                    function.address, places: [earlier, declaration].compactMap(\.place)))
            return (refusal, declaration.place)
        }
        return nil
    }
}

/// Why a declaration cannot be met on a host.
public struct DeclarationProblem: Hashable, Sendable {
    /// Where the declaration stands.
    public let place: String?
    public let refusal: Refusal

    public init(place: String?, refusal: Refusal) {
        self.place = place
        self.refusal = refusal
    }
}

extension DeclarationProblem: CustomStringConvertible {
    /// `buslane.yaml:3:5: there is no …`
    public var description: String { (place.map { "\($0): " } ?? "") + refusal.message }
}

extension PFDeclaration {
    /// The same for one card, whatever becomes of the names and places it was selected by.
    func naming(_ address: PCIAddress) -> PFDeclaration {
        var declaration = self
        declaration.selector = Selector(addresses: [address])
        return declaration
    }

    /// No driver is needed to have no VFs.
    fileprivate func isReady(on function: Function?) -> Bool { function?.driver != nil || vfCount == 0 }

    /// What a look at the card alone rules out.
    fileprivate func refuseIfImpossible(on function: Function) throws(Refusal) {
        guard let sriov = function.sriov else { throw .declaration(.noSRIOV(function.address)) }
        guard vfCount <= sriov.totalVFs else {
            throw .declaration(.tooManyVFs(function.address, wanted: vfCount, total: sriov.totalVFs))
        }
        // Without a driver, the number of vectors is not known.
        if msixTotal > 0, let driver = function.driver {
            let total = sriov.vfTotalMSIX ?? 0
            guard total > 0 else { throw .declaration(.msixNotShared(function.address, driver: driver)) }
            guard msixTotal <= total else {
                throw .declaration(.tooManyVectors(function.address, wanted: msixTotal, total: total))
            }
        }
        let isSet = mtu != nil || linkUp != nil || vfs.contains { !$0.settings.isEmpty }
        if isSet, function.interfaces.isEmpty {
            throw .declaration(.noInterfaceToSetThrough(function.address))
        }
    }
}
