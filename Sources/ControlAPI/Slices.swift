// SPDX-License-Identifier: GPL-3.0-or-later
import Algorithms
import Dispatch
import Synchronization

extension Array where Element: Sendable {
    /// What `make` returns for each slice of the array, in order. The slices are made on all cores.
    func inSlices<Result: Sendable, Failure: Error>(
        _ make: @Sendable (ArraySlice<Element>) throws(Failure) -> Result
    ) throws(Failure) -> [Result] {
        let slices: [ArraySlice<Element>] = Array<ArraySlice<Element>>(chunks(ofCount: sliceLength))
        let results = Mutex([Swift.Result<Result, Failure>?](repeating: nil, count: slices.count))
        DispatchQueue.concurrentPerform(iterations: slices.count) { number in
            let result = Swift.Result { () throws(Failure) in try make(slices[number]) }
            results.withLock { $0[number] = result }
        }
        var made: [Result] = []
        for case let result? in results.withLock(\.self) { made.append(try result.get()) }
        return made
    }
}

/// Some milliseconds of work: worth a thread, and short enough for the cores to end together.
private let sliceLength = 128
