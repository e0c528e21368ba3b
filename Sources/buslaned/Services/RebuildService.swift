// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Logging
import ServiceLifecycle

/// After a loss of the ledger, claims the functions of libvirt's domains again, as soon as libvirt answers. So at a first
/// start: the ledger can be lost without a trace.
struct RebuildService: Service {
    let access: DomainAccess
    let lostOwners: LostOwners
    let cards: CardState
    let logger: Logger

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            // At boot libvirt starts after the daemon, so the daemon's start must not wait for libvirt.
            while !cards.hasRestored { try await Task.sleep(for: .seconds(1)) }
            var isFirstTry = true
            while (try? await lostOwners.areMissing()) == true {
                do {
                    try await adoptAll()
                    break
                } catch {
                    // Logged once: a host without libvirt is not an error.
                    if isFirstTry {
                        logger.notice("cannot look for owners among the domains yet", metadata: ["error": "\(error)"])
                    }
                    isFirstTry = false
                    try await Task.sleep(for: .seconds(5))
                }
            }
        }
        try await gracefulShutdown()
    }

    /// Skips a domain whose XML cannot be read.
    ///
    /// - Throws: when libvirt does not answer.
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
        lostOwners.endSearch()
    }
}
