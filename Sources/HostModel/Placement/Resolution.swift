// SPDX-License-Identifier: GPL-3.0-or-later

extension DesiredState {
    /// Each declared function with its declaration, in the order of the declarations and then of the addresses.
    ///
    /// - Throws: the first of the problems that ``problems(on:)`` lists.
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

    /// Every reason why the declaration does not fit this host: selectors that match nothing or more than one PF, and PFs
    /// that cannot have the declared VFs. Claims and guests are not considered.
    public func problems(on host: HostSnapshot) -> [DeclarationProblem] {
        let (pairs, problems) = possible(on: host)
        let twice = declaredTwice(pairs).map { DeclarationProblem(place: $0.place, refusal: $0.0) }
        return problems + [twice].compactMap(\.self) + overlaps(on: host)
    }

    /// Declarations for PFs that are missing, or that have no driver to create VFs.
    public func missing(on host: HostSnapshot) -> [DeclarationProblem] {
        possible(on: host).problems
            + met(on: host).sorted { $0.key < $1.key }.compactMap { address, declaration in
                declaration.isReady(on: host[address])
                    ? nil : DeclarationProblem(place: declaration.place, refusal: .declaration(.noDriver(address)))
            }
    }

    /// By PF: the declarations that can be applied now.
    public func ready(on host: HostSnapshot) -> [PCIAddress: PFDeclaration] {
        met(on: host).filter { $0.value.isReady(on: host[$0.key]) }
    }

    /// By PF: the declarations that fit this host, each with the PF's address as its selector.
    ///
    /// A declaration that does not fit is left out. Of two declarations of one PF the first counts.
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
        for function in functions {
            try declaration.refuseIfImpossible(on: function)
            try declaration.refuseDrivers(ofVFsOn: function, of: host)
        }
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

/// Why a declaration does not fit a host.
public struct DeclarationProblem: Hashable, Sendable {
    /// The declaration's place in its file; nil when it comes from no file.
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
    /// The same declaration for one PF, selected by its address: interface names and slots may change later.
    public func naming(_ address: PCIAddress) -> PFDeclaration {
        var declaration = self
        declaration.selector = Selector(addresses: [address])
        return declaration
    }

    /// A PF that is to have no VFs needs no driver.
    fileprivate func isReady(on function: Function?) -> Bool { function?.driver != nil || vfCount == 0 }

    /// Refuses what the PF itself cannot do.
    fileprivate func refuseIfImpossible(on function: Function) throws(Refusal) {
        guard let sriov = function.sriov else { throw .declaration(.noSRIOV(function.address)) }
        guard vfCount <= sriov.totalVFs else {
            throw .declaration(.tooManyVFs(function.address, wanted: vfCount, total: sriov.totalVFs))
        }
        guard vfCount == 0 || sriov.vfCount > 0 || sriov.hasVFMemory != false else {
            throw .declaration(.noVFMemory(function.address))
        }
        // Without a driver, the number of vectors is not known.
        if msixTotal > 0, let driver = function.driver {
            let total = sriov.vfTotalMSIX ?? 0
            guard total > 0 else { throw .declaration(.msixNotShared(function.address, driver: driver)) }
            guard msixTotal <= total else {
                throw .declaration(.tooManyVectors(function.address, wanted: msixTotal, total: total))
            }
        }
        if mtu != nil || linkUp != nil, function.ports.isEmpty {
            throw .declaration(.noInterfaceToSetThrough(function.address))
        }
        for declared in ports ?? [] where function.ports.count(where: { $0.port.matches(declared.port) }) != 1 {
            throw .declaration(
                .noSuchPort(function.address, declared.port, known: function.interfaces.portIDs.compactMap(\.self)))
        }
        if vfs.contains(where: { !$0.settings.isEmpty }), function.interfaces.isEmpty,
            !DriverOrder.of(driver: function.driver).makesInterfaceWithVFs
        {
            throw .declaration(.noInterfaceToSetThrough(function.address))
        }
        if let driver = function.driver, DriverOrder.of(driver: driver).setsNothing,
            vfs.contains(where: { !$0.settings.isEmpty })
        {
            throw .declaration(.settingsNotEnforced(function.address, driver: driver))
        }
        if !function.isEthernet, vfs.contains(where: { !$0.settings.isEmpty }) {
            throw .declaration(.settingsNeedEthernet(function.address))
        }
    }

    /// Refuses what the drivers of the PF and of its VFs cannot do on this host.
    fileprivate func refuseDrivers(ofVFsOn function: Function, of host: HostSnapshot) throws(Refusal) {
        guard vfCount > 0, let sriov = function.sriov else { return }
        let pf = function.address
        if function.isOnVFIO, let driver = function.driver { throw .declaration(.onVFIOItself(pf, driver: driver)) }
        var identity = function.identity
        identity.device = sriov.vfDevice ?? identity.device
        for driver in Set((0..<vfCount).compactMap(driver(ofVF:))).sorted() {
            if host.hasDriver(driver) == false {
                throw .declaration(.noSuchVFDriver(pf, driver: driver, known: host.driversLike(driver)))
            }
            if VFIO.isVFIODriver(driver), !host.iommu.enabled {
                throw .declaration(.vfioNeedsIOMMU(pf, driver: driver))
            }
            if driver == VFIO.genericDriver, host.vfioDenies(identity) {
                throw .declaration(.vfsDeniedByVFIO(pf, ids: identity.ids))
            }
        }
    }
}
