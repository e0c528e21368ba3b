// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import Glibc
import Synchronization

/// Reads many things of one kind on all cores.
enum Cores {
    private static let count = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))

    /// The values of all items, in the order of the items.
    ///
    /// The items are read in runs. Each run is small enough that all cores finish at nearly the same time, and large
    /// enough that taking the next one costs nothing beside it.
    ///
    /// - Parameter read: reads one run. It is called on several threads at once; each thread has its own pass.
    static func map<Item: Sendable, Value: Sendable>(
        _ items: [Item], _ read: @Sendable (ArraySlice<Item>, inout ReadPass) -> [Value]
    ) -> [Value] {
        let length = max(4, min(64, items.count / (4 * count)))
        let runs = stride(from: 0, to: items.count, by: length).map { items[$0..<min($0 + length, items.count)] }
        let values = Mutex([[Value]](repeating: [], count: runs.count))
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: max(1, min(runs.count, count))) { _ in
            var pass = ReadPass()
            while true {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard number < runs.count else { break }
                let run = read(runs[number], &pass)
                values.withLock { $0[number] = run }
            }
        }
        return values.withLock { $0.flatMap(\.self) }
    }

    /// A value that another core reads meanwhile.
    final class Started<Value: Sendable>: Sendable {
        private let result: Mutex<Value>
        private let done = DispatchGroup()

        /// - Parameter initial: the value before the first was read; nobody sees it.
        init(_ initial: Value, _ read: @escaping @Sendable () -> Value) {
            result = Mutex(initial)
            DispatchQueue.global(qos: .userInitiated).async(group: done) {
                let value = read()
                self.result.withLock { $0 = value }
            }
        }

        /// Waits until the value was read.
        var value: Value {
            done.wait()
            return result.withLock(\.self)
        }
    }
}
