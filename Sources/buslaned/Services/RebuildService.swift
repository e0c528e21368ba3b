// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Logging
import ServiceLifecycle

/// After the ledger was lost, asks libvirt which domain has what, until it has answered once.
struct RebuildService: Service {
    let domains: DomainService
    let lostOwners: LostOwners
    let cards: CardState
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            // At boot libvirt starts after this daemon serves, and nothing must wait for it before.
            while !cards.hasRestored { try await Task.sleep(for: .seconds(1)) }
            while (try? await lostOwners.areMissing()) == true {
                do {
                    try await domains.adoptAll()
                    break
                } catch {
                    logger.warning("owners are still to be found", metadata: ["error": "\(error)"])
                    try await Task.sleep(for: .seconds(5))
                }
            }
        }
        try await gracefulShutdown()
    }
}

extension DomainService {
    /// Claims again what libvirt's domains have and the ledger forgot.
    ///
    /// - Throws: when libvirt cannot be asked; a domain that is not understood keeps no other from what it has.
    func adoptAll() async throws {
        for domain in try await libvirt.domains() {
            var documents = [try await libvirt.inactiveXML(of: domain.name)]
            if domain.isActive { documents.append(try await libvirt.liveXML(of: domain.name)) }
            for xml in documents {
                do {
                    try await reconciler.adopt(devicesOf: try Domain(parsing: xml))
                } catch {
                    reconciler.logger.warning(
                        "not understood", metadata: ["domain": "\(domain.name)", "error": "\(error)"])
                }
            }
        }
    }
}
