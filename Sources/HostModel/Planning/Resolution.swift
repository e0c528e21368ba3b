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
        return pairs
    }

    /// Every reason why this host cannot be as declared, as far as no work on it is looked at: selectors that meet
    /// nothing or more than was meant, cards that cannot be cut up so.
    public func problems(on host: HostSnapshot) -> [DeclarationProblem] {
        var problems: [DeclarationProblem] = []
        var pairs: [(declaration: PFDeclaration, function: Function)] = []
        for index in physicalFunctions.indices {
            do {
                let functions = try functions(ofDeclaration: index, on: host)
                for function in functions { pairs.append((physicalFunctions[index], function)) }
            } catch {
                problems.append(DeclarationProblem(place: placeOfDeclaration(index), refusal: error))
            }
        }
        if let twice = declaredTwice(pairs) { problems.append(DeclarationProblem(place: twice.1, refusal: twice.0)) }
        return problems
    }

    private func functions(ofDeclaration index: Int, on host: HostSnapshot) throws(Refusal) -> [Function] {
        let declaration = physicalFunctions[index]
        let name = placeOfDeclaration(index)
        if let ambiguous = declaration.selector.ambiguities(on: host).first {
            throw .selectorAmbiguous(declaration: name, met: ambiguous)
        }
        let functions = declaration.selector.matches(in: host).filter { $0.virtualFunction == nil }
        guard !functions.isEmpty else {
            throw .selectorMatchesNothing(declaration: name, met: declaration.selector.meetings(on: host))
        }
        for function in functions { try declaration.refuseIfImpossible(on: function) }
        if functions.count > 1, let mac = declaration.vfs.lazy.compactMap(\.settings.mac).first {
            throw .macOfSeveralCards(mac, declaration: name, physicalFunctions: functions.map(\.address))
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
            let refusal = Refusal.declaredTwice(
                function.address, places: [earlier, declaration].compactMap(\.place))
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

extension PFDeclaration {
    /// What a look at the card alone rules out.
    fileprivate func refuseIfImpossible(on function: Function) throws(Refusal) {
        guard let sriov = function.sriov else { throw .noSRIOV(function.address) }
        guard vfCount <= sriov.totalVFs else {
            throw .tooManyVFs(function.address, wanted: vfCount, total: sriov.totalVFs)
        }
        let isSet = mtu != nil || linkUp != nil || vfs.contains { !$0.settings.isEmpty }
        if isSet, function.interfaces.isEmpty {
            throw .noInterfaceToSetThrough(function.address)
        }
    }
}
