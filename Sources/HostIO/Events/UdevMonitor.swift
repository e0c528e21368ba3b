// SPDX-License-Identifier: GPL-3.0-or-later
import CUdev
import Glibc
import HostModel
import Synchronization
import SystemPackage

/// The events of PCI functions and network interfaces: from udev, after it processed them, and from rtnetlink for
/// changes without a udev event, such as a link that goes down or a VF's new VLAN.
///
/// It receives from its creation on: earlier events wait in the kernel until ``events()`` is called. To miss no change,
/// create the monitor, then read the host, then follow the events.
///
/// Source: libudev(3), udev_monitor_new_from_netlink(3); rtnetlink(7).
public final class UdevMonitor: Sendable {
    private let handle: Mutex<MonitorHandle?>

    /// - Throws: ``HostIOError/noEvents(call:errno:)``.
    public init() throws(HostIOError) { handle = Mutex(try MonitorHandle()) }

    /// The events, in batches of those that arrived together. For one consumer: a second call returns an empty stream.
    ///
    /// A thread waits for the events. The thread and the monitor end when the consumer stops or is cancelled.
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

/// A udev monitor. One thread uses it at a time: first the thread that creates it, then the monitor's own.
@safe final class MonitorHandle: Sendable {
    // SAFETY: two threads must not use a libudev object at once; `events()` passes this one to a single thread.
    private nonisolated(unsafe) let udev: OpaquePointer
    private nonisolated(unsafe) let monitor: OpaquePointer
    private let links: LinkEvents
    let wakeUp: WakeUp

    init() throws(HostIOError) {
        wakeUp = try WakeUp()
        links = try LinkEvents()
        // SAFETY: both objects are ours; `deinit` frees them, or this call when it throws before they are stored. The
        // literals outlive the calls.
        guard let udev = unsafe udev_new() else { throw .noEvents(call: "udev_new", errno: errno) }
        guard let monitor = unsafe udev_monitor_new_from_netlink(udev, "udev") else {
            let problem = HostIOError.noEvents(call: "udev_monitor_new_from_netlink", errno: errno)
            unsafe udev_unref(udev)
            throw problem
        }
        unsafe self.udev = udev
        unsafe self.monitor = monitor
        // Thousands of VFs can appear at once. Without privilege the kernel refuses, and the default size stays.
        _ = unsafe udev_monitor_set_receive_buffer_size(monitor, 8 << 20)
        for subsystem in ["pci", "net"] {
            let code = unsafe udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, nil)
            guard code >= 0 else { throw .noEvents(call: "udev_monitor_filter_add_match", errno: -code) }
        }
        let code = unsafe udev_monitor_enable_receiving(monitor)
        guard code >= 0 else { throw .noEvents(call: "udev_monitor_enable_receiving", errno: -code) }
    }

    // SAFETY: this object is the only owner of both.
    deinit {
        unsafe udev_monitor_unref(monitor)
        unsafe udev_unref(udev)
    }

    /// Waits for an event.
    ///
    /// - Returns: false when ``wakeUp`` was rung or the monitor failed.
    func wait() -> Bool {
        var watched = [
            pollfd(fd: unsafe udev_monitor_get_fd(monitor), events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: links.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        // SAFETY: the array lends its entries until the call returns.
        while unsafe poll(&watched, nfds_t(watched.count), -1) < 0 { guard errno == EINTR else { return false } }
        return watched[1].revents == 0 && watched[0].revents & Int16(POLLNVAL | POLLHUP) == 0
    }

    /// The events that have arrived, about 4096 at most, so that the consumer gets the first ones soon.
    func receive() -> [HostEvent] {
        var events = links.receive()
        var isOverrun = events.contains(.overrun)
        while isOverrun || events.count < 4096, let event = next() {
            if event == .overrun { isOverrun = true }
            if !isOverrun { events.append(event) }
        }
        // The kernel reports a loss once, before the events that still wait, and loses more until these are received.
        // So everything is received before the host is read again. Source: `netlink_overrun`, net/netlink/af_netlink.c.
        return isOverrun ? [.overrun] : events
    }

    /// The next event from udev; nil when there is none.
    private func next() -> HostEvent? {
        errno = 0
        // SAFETY: the monitor lives as long as this object; the device is ours.
        guard let device = unsafe udev_monitor_receive_device(monitor) else {
            return errno == ENOBUFS ? .overrun : nil
        }
        defer { unsafe udev_device_unref(device) }
        // SAFETY: the device owns the strings, and they are copied.
        func text(_ pointer: UnsafePointer<CChar>?) -> String {
            unsafe pointer.map { unsafe String(cString: $0) } ?? ""
        }
        let subsystem = unsafe text(udev_device_get_subsystem(device))
        return HostEvent(
            action: unsafe text(udev_device_get_action(device)), subsystem: subsystem,
            // From the path and not from the parent device: after a removal there is no parent.
            address: SysfsText.lastFunction(onPath: unsafe text(udev_device_get_devpath(device)).utf8.span),
            interface: subsystem == HostEvent.net ? unsafe text(udev_device_get_sysname(device)) : nil)
    }
}

/// Wakes a thread that waits for a descriptor. The descriptor is closed with the last reference.
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

/// The work of the monitor's thread.
final class MonitorThread: Sendable {
    private let handle: MonitorHandle
    private let continuation: AsyncStream<[HostEvent]>.Continuation

    init(handle: MonitorHandle, continuation: AsyncStream<[HostEvent]>.Continuation) {
        self.handle = handle
        self.continuation = continuation
    }

    /// Starts a detached thread. If that fails, the stream ends.
    static func start(_ work: MonitorThread) {
        var thread = pthread_t()
        // SAFETY: the reference is released once: by the thread, or here if there is no thread.
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
    // SAFETY: `start` retained the object once for this thread.
    if let box = unsafe box { unsafe Unmanaged<MonitorThread>.fromOpaque(box).takeRetainedValue().run() }
    return nil
}
