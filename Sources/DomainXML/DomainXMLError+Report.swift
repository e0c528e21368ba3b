// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension DomainXMLError: Reportable {
    public var report: ErrorReport {
        ErrorReport(.unprocessable, "bad-domain-xml", "domain XML", description, remedy: remedy)
    }
}
