// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension ErrorKind {
    /// The kind of an API status. Several kinds can have one status; this is the one that the daemon sends.
    public init(httpStatus: Int) {
        self =
            switch httpStatus {
            case 400, 405, 413: .malformed
            case 401, 403: .notPermitted
            case 404: .notFound
            case 409: .conflict
            case 422: .unprocessable
            case 429: .tooMany
            case 408, 503: .notNow
            case 507: .noRoom
            default: .failed
            }
    }
}
