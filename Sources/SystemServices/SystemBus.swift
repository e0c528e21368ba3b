// SPDX-License-Identifier: GPL-3.0-or-later
import CSystemd
import Glibc

/// A connection to systemd over the system bus. Closed when this value ends.
///
/// Source: sd-bus(3), org.freedesktop.systemd1(5).
@safe struct SystemBus: ~Copyable {
    private let raw: OpaquePointer

    private static let service = "org.freedesktop.systemd1"
    private static let manager = (path: "/org/freedesktop/systemd1", interface: "org.freedesktop.systemd1.Manager")

    /// nil when there is no system bus.
    init?() {
        var bus: OpaquePointer?
        // SAFETY: the library writes one pointer, to a connection that is ours.
        guard unsafe sd_bus_open_system(&bus) >= 0, let bus = unsafe bus else { return nil }
        unsafe raw = bus
    }

    // SAFETY: this value is the connection's only owner.
    deinit { unsafe sd_bus_flush_close_unref(raw) }

    /// A property of the type `s`.
    func text(_ property: String, of unit: String, _ interface: String) -> String? {
        guard let path = Self.path(of: unit) else { return nil }
        var text: UnsafeMutablePointer<CChar>?
        // SAFETY: the strings live until the call returns; the library writes one pointer, to a string that is ours.
        let code = unsafe sd_bus_get_property_string(raw, Self.service, path, interface, property, nil, &text)
        guard code >= 0, let text = unsafe text else { return nil }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    /// A property of the type `u` or `t`.
    func number<Number: UnsignedInteger & FixedWidthInteger & BitwiseCopyable>(
        _ property: String, of unit: String, _ interface: String, _: Number.Type
    ) -> Number? {
        guard let path = Self.path(of: unit) else { return nil }
        let type: Unicode.Scalar = Number.bitWidth == 32 ? "u" : "t"
        var number: Number = 0
        // SAFETY: the strings live until the call returns; the library writes as many bytes as the type has.
        let code = unsafe withUnsafeMutablePointer(to: &number) { number in
            unsafe sd_bus_get_property_trivial(
                raw, Self.service, path, interface, property, nil, Self.code(type), number)
        }
        return code >= 0 ? number : nil
    }

    /// Starts a reload, and waits for the end of its job.
    ///
    /// - Returns: whether systemd reported the result `done` within the limit.
    func reload(_ unit: String, within limit: Duration) -> Bool {
        var finished = FinishedJobs()
        // SAFETY: the slot, and with it every use of the pointer, ends before `finished` does.
        return unsafe withUnsafeMutablePointer(to: &finished) { finished in
            var slot: OpaquePointer?
            // The match comes before the call: the job can end before its reply is read.
            let code = unsafe sd_bus_match_signal(
                raw, &slot, Self.service, Self.manager.path, Self.manager.interface, "JobRemoved",
                FinishedJobs.take, finished)
            guard code >= 0 else { return false }
            defer { unsafe sd_bus_slot_unref(slot) }
            guard let job = startReload(of: unit) else { return false }
            let end = ContinuousClock.now + limit
            while true {
                if let result = unsafe finished.pointee.results[job] { return result == "done" }
                guard waitForMessage(until: end) else { return false }
            }
        }
    }

    /// - Returns: the job's object path.
    private func startReload(of unit: String) -> String? {
        var call: OpaquePointer?
        // SAFETY: the library writes one pointer, to a message that is ours; the strings live until the calls return.
        guard
            unsafe sd_bus_message_new_method_call(
                raw, &call, Self.service, Self.manager.path, Self.manager.interface, "ReloadUnit") >= 0
        else { return nil }
        defer { unsafe sd_bus_message_unref(call) }
        for argument in [unit, "replace"] {
            // SAFETY: the library copies the string.
            let code = unsafe argument.withCString { unsafe sd_bus_message_append_basic(call, Self.code("s"), $0) }
            guard code >= 0 else { return nil }
        }
        var reply: OpaquePointer?
        // SAFETY: the library writes one pointer, to a message that is ours. 0 selects its default limit.
        guard unsafe sd_bus_call(raw, call, 0, nil, &reply) >= 0 else { return nil }
        defer { unsafe sd_bus_message_unref(reply) }
        return unsafe FinishedJobs.text(reply, "o")
    }

    /// Handles one message, or waits for the next.
    ///
    /// - Returns: false when the time is over or the connection failed.
    private func waitForMessage(until end: ContinuousClock.Instant) -> Bool {
        // SAFETY: the connection lives as long as this value; NULL means that no message is returned.
        let handled = unsafe sd_bus_process(raw, nil)
        if handled != 0 { return handled > 0 }
        let left = end - .now
        guard left > .zero else { return false }
        // SAFETY: as above.
        let code = unsafe sd_bus_wait(raw, UInt64(clamping: Int64(left / .microseconds(1))))
        return code >= 0 || code == -EINTR
    }

    /// The unit's object path.
    private static func path(of unit: String) -> String? {
        var path: UnsafeMutablePointer<CChar>?
        // SAFETY: the strings live until the call returns; the library writes one pointer, to a string that is ours.
        guard unsafe sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) >= 0, let path = unsafe path
        else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    /// A type of D-Bus as the library's functions take it.
    fileprivate static func code(_ type: Unicode.Scalar) -> CChar { CChar(truncatingIfNeeded: type.value) }
}

/// The jobs that systemd reported as ended, with their results.
private struct FinishedJobs {
    var results: [String: String] = [:]

    /// Handles `JobRemoved`: `u` id, `o` job, `s` unit, `s` result.
    static let take: sd_bus_message_handler_t = { message, finished, _ in
        var id: UInt32 = 0
        // SAFETY: the library lends the message for this call, and writes as many bytes as the type has.
        guard unsafe sd_bus_message_read_basic(message, SystemBus.code("u"), &id) >= 0,
            let job = unsafe text(message, "o"), unsafe text(message, "s") != nil,
            let result = unsafe text(message, "s")
        else { return 0 }
        // SAFETY: `reload` passed a pointer to a `FinishedJobs` that outlives the match.
        unsafe finished?.assumingMemoryBound(to: FinishedJobs.self).pointee.results[job] = result
        return 0
    }

    /// Reads the next value of a message.
    @unsafe static func text(_ message: OpaquePointer?, _ type: Unicode.Scalar) -> String? {
        var text: UnsafePointer<CChar>?
        // SAFETY: the library writes one pointer, to a string that belongs to the message.
        guard unsafe sd_bus_message_read_basic(message, SystemBus.code(type), &text) >= 0 else { return nil }
        return unsafe text.map { unsafe String(cString: $0) }
    }
}
