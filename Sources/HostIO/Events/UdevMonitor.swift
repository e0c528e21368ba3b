// SPDX-License-Identifier: GPL-3.0-or-later
import CUdev
import Glibc
import HostModel
import Synchronization
import SystemPackage

/// The events of PCI functions and network interfaces: from udev, after it has dealt with them, and from rtnetlink what
/// udev never hears of, such as a link that goes down or a VF's new VLAN.
///
/// It listens from the moment it is made: what happens between that and ``events()`` waits in the kernel. So make
/// the monitor, read the host, then follow the events, and nothing is missed.
///
/// Source: libudev(3), udev_monitor_new_from_netlink(3); rtnetlink(7).
public final class UdevMonitor: Sendable {
    private let handle: Mutex<MonitorHandle?>

    /// - Throws: ``HostIOError/noEvents(call:errno:)``.
    public init() throws(HostIOError) { handle = Mutex(try MonitorHandle()) }

    /// The events from here on, in batches of what had come when somebody looked. For one consumer: a second call gets a stream that ends at once.
    ///
    /// A thread of its own waits for them. It ends, and the monitor with it, when the consumer stops or is cancelled.
    public func events() -> AsyncStream<[HostEvent]> {
        let taken = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        return AsyncStream { continuation in
            guard let taken else { return continuation.finish() }
            let wakeUp = taken.wakeUp
            continuation.onTermination = { _ in wakeUp.ring() }
            MonitorThread.start(MonitorThread(handle: taken, continuation: continuation))
        }
    }
}

/// Owns a udev monitor. Used by one thread at a time: by the one that makes it, then by its own.
@safe final class MonitorHandle: Sendable {
    // SAFETY: libudev objects are not for two threads at once; `events()` hands this one to a single thread.
    private nonisolated(unsafe) let udev: OpaquePointer
    private nonisolated(unsafe) let monitor: OpaquePointer
    private let links: LinkEvents
    let wakeUp: WakeUp

    init() throws(HostIOError) {
        wakeUp = try WakeUp()
        links = try LinkEvents()
        guard let udev = unsafe udev_new() else { throw .noEvents(call: "udev_new", errno: errno) }
        guard let monitor = unsafe udev_monitor_new_from_netlink(udev, "udev") else {
            let problem = HostIOError.noEvents(call: "udev_monitor_new_from_netlink", errno: errno)
            unsafe udev_unref(udev)
            throw problem
        }
        unsafe self.udev = udev
        unsafe self.monitor = monitor
        // Many VFs come at once. Refused without privilege, and then the default has to do.
        _ = unsafe udev_monitor_set_receive_buffer_size(monitor, 8 << 20)
        for subsystem in ["pci", "net"] {
            let code = unsafe udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, nil)
            guard code >= 0 else { throw .noEvents(call: "udev_monitor_filter_add_match", errno: -code) }
        }
        let code = unsafe udev_monitor_enable_receiving(monitor)
        guard code >= 0 else { throw .noEvents(call: "udev_monitor_enable_receiving", errno: -code) }
    }

    deinit {
        unsafe udev_monitor_unref(monitor)
        unsafe udev_unref(udev)
    }

    /// Waits for an event or the bell.
    ///
    /// - Returns: false when there is nothing to wait for any more.
    func wait() -> Bool {
        var watched = [
            pollfd(fd: unsafe udev_monitor_get_fd(monitor), events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: links.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        // SAFETY: the array lends its entries for the call.
        while unsafe poll(&watched, nfds_t(watched.count), -1) < 0 { guard errno == EINTR else { return false } }
        return watched[1].revents == 0 && watched[0].revents & Int16(POLLNVAL | POLLHUP) == 0
    }

    /// What has come; so many at most that the consumer hears of it soon.
    func receive() -> [HostEvent] {
        var events = links.receive()
        var isOverrun = events.contains(.overrun)
        while isOverrun || events.count < 4096, let event = next() {
            if event == .overrun { isOverrun = true }
            if !isOverrun { events.append(event) }
        }
        // The kernel tells of a loss once, before what still waits, and goes on to lose until that is taken: whoever
        // looked earlier would miss it. Source: `netlink_overrun`, net/netlink/af_netlink.c.
        return isOverrun ? [.overrun] : events
    }

    /// The next event from udev; nil when there is none for us.
    private func next() -> HostEvent? {
        errno = 0
        guard let device = unsafe udev_monitor_receive_device(monitor) else {
            return errno == ENOBUFS ? .overrun : nil
        }
        defer { unsafe udev_device_unref(device) }
        // SAFETY: the texts are lent by the device and copied.
        func text(_ pointer: UnsafePointer<CChar>?) -> String {
            unsafe pointer.map { unsafe String(cString: $0) } ?? ""
        }
        let subsystem = unsafe text(udev_device_get_subsystem(device))
        return HostEvent(
            action: unsafe text(udev_device_get_action(device)), subsystem: subsystem,
            // From the path, not from the device's parent: after a removal there is none to ask.
            address: SysfsText.lastFunction(onPath: unsafe text(udev_device_get_devpath(device)).utf8.span),
            interface: subsystem == HostEvent.net ? unsafe text(udev_device_get_sysname(device)) : nil)
    }
}

/// A bell between threads. Its descriptor is closed when nobody can ring it any more.
final class WakeUp: Sendable {
    let descriptor: CInt

    init() throws(HostIOError) {
        let opened = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard opened >= 0 else { throw .noEvents(call: "eventfd", errno: errno) }
        descriptor = opened
    }

    deinit { close(descriptor) }

    func ring() { _ = eventfd_write(descriptor, 1) }
}

/// What the monitor's thread works with.
final class MonitorThread: Sendable {
    private let handle: MonitorHandle
    private let continuation: AsyncStream<[HostEvent]>.Continuation

    init(handle: MonitorHandle, continuation: AsyncStream<[HostEvent]>.Continuation) {
        self.handle = handle
        self.continuation = continuation
    }

    /// Starts a detached thread; the stream ends when none is to be had.
    static func start(_ work: MonitorThread) {
        var thread = pthread_t()
        // SAFETY: the box is taken back once, by the thread, or here when there is no thread.
        let box = unsafe Unmanaged.passRetained(work)
        guard unsafe pthread_create(&thread, nil, runMonitor, box.toOpaque()) == 0 else {
            unsafe box.release()
            return work.continuation.finish()
        }
        pthread_detach(thread)
    }

    func run() {
        while handle.wait() {
            let events = handle.receive()
            if !events.isEmpty { continuation.yield(events) }
        }
        continuation.finish()
    }
}

private func runMonitor(_ box: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: the literal outlives the call.
    unsafe thread_set_name("buslane-udev")
    // SAFETY: retained for us by `start`, and only once.
    if let box = unsafe box { unsafe Unmanaged<MonitorThread>.fromOpaque(box).takeRetainedValue().run() }
    return nil
}
