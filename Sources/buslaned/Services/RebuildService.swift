// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Logging
import ServiceLifecycle

/// After the ledger was lost, claims again what libvirt's domains have, once libvirt answers.
struct RebuildService: Service {
    let access: DomainAccess
    let lostOwners: LostOwners
    let cards: CardState
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            // At boot libvirt starts after this daemon serves, so that nothing may wait for libvirt before.
            while !cards.hasRestored { try await Task.sleep(for: .seconds(1)) }
            while (try? await lostOwners.areMissing()) == true {
                do {
                    try await adoptAll()
                    break
                } catch {
                    logger.warning("owners are still to be found", metadata: ["error": "\(error)"])
                    try await Task.sleep(for: .seconds(5))
                }
            }
        }
        try await gracefulShutdown()
    }

    /// - Throws: when libvirt cannot be asked. A domain whose XML cannot be read is passed over, and the others are
    ///   adopted.
    func adoptAll() async throws {
        for domain in try await access.libvirt.domains() {
            var documents = [try await access.libvirt.inactiveXML(of: domain.name)]
            if domain.isActive { documents.append(try await access.libvirt.liveXML(of: domain.name)) }
            for xml in documents {
                do {
                    try await lostOwners.adopt(devicesOf: try Domain(parsing: xml))
                } catch {
                    logger.warning(
                        "domain not adopted", metadata: ["domain": "\(domain.name)", "error": "\(error)"])
                }
            }
        }
    }
}
