// SPDX-License-Identifier: GPL-3.0-or-later
import CPCIGuard
import Dispatch
import Synchronization

/// The names of vendors, devices and classes, from pci.ids.
///
/// The list is loaded at the first call, and each name is cached. Without a list, or with a malformed one, every name
/// is nil. Can be used from any thread.
public final class PCINames: Sendable {
    private let state: Mutex<State>

    /// - Parameter idsPath: the path of a pci.ids; nil for libpci's built-in path.
    public init(idsPath: String? = nil) { state = Mutex(State(idsPath: idsPath)) }

    /// Starts to load the list on another core, for a caller who asks for names soon.
    public func prepare() {
        DispatchQueue.global(qos: .userInitiated).async { self.state.withLock { $0.load() } }
    }

    public func vendor(_ vendor: UInt16) -> String? { name(.vendor(vendor)) }

    public func device(vendor: UInt16, device: UInt16) -> String? { name(.device(vendor, device)) }

    /// The name of a class and subclass.
    ///
    /// - Parameter code: 24 bits as in sysfs. The lowest byte, the programming interface, is ignored.
    public func classCode(_ code: UInt32) -> String? { name(.deviceClass(UInt16(truncatingIfNeeded: code >> 8))) }

    private func name(_ question: Question) -> String? { state.withLock { $0.answer(question) } }

    private enum Question: Hashable {
        case vendor(UInt16)
        case device(UInt16, UInt16)
        case deviceClass(UInt16)
    }

    private struct State {
        let idsPath: String?
        var list: NameList?
        var isLoaded = false
        var answers: [Question: String?] = [:]

        init(idsPath: String?) { self.idsPath = idsPath }

        mutating func answer(_ question: Question) -> String? {
            if let known = answers[question] { return known }
            load()
            let answer: String? =
                switch question {
                case .vendor(let vendor): list?.vendor(vendor)
                case .device(let vendor, let device): list?.device(vendor, device)
                case .deviceClass(let code): list?.deviceClass(code)
                }
            answers[question] = .some(answer)
            return answer
        }

        mutating func load() {
            guard !isLoaded else { return }
            isLoaded = true
            list = NameList(idsPath: idsPath)
        }
    }
}

/// A `pci_access` that is only used for names. For one thread at a time.
@safe private final class NameList {
    private let raw: OpaquePointer

    /// nil when there is no list or it is malformed.
    init?(idsPath: String?) {
        // SAFETY: the guard copies the path.
        guard let access = unsafe pci_guard_open_names(idsPath) else { return nil }
        unsafe raw = access
    }

    // SAFETY: this object is the access's only owner.
    deinit { unsafe pci_guard_close(raw) }

    func vendor(_ vendor: UInt16) -> String? {
        unsafe name { unsafe pci_guard_vendor_name(raw, $0, $1, CInt(vendor)) }
    }

    func device(_ vendor: UInt16, _ device: UInt16) -> String? {
        unsafe name { unsafe pci_guard_device_name(raw, $0, $1, CInt(vendor), CInt(device)) }
    }

    func deviceClass(_ code: UInt16) -> String? {
        unsafe name { unsafe pci_guard_class_name(raw, $0, $1, CInt(code)) }
    }

    /// libpci shortens a name that does not fit into the buffer, with three dots.
    private func name(_ ask: (UnsafeMutablePointer<CChar>, Int) -> CInt) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            // SAFETY: the buffer has that length, and on success contains a string that ends with a NUL.
            guard let start = buffer.baseAddress, unsafe ask(start, buffer.count) == 0 else { return nil }
            return unsafe String(cString: start)
        }
    }
}
