// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Glibc
import PrintableText
import Synchronization
import SystemPackage

/// The progress of long work: a bar if standard error is a terminal; else a plain line from time to time.
///
/// Plain lines go to standard output, since standard error carries errors only. If programs read standard output, no
/// line is written.
final class ProgressDisplay: Sendable {
    private let isTerminal: Bool
    private let style: Style
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    private struct State {
        /// When the last line was written; before the first, when the work began.
        var shownAt: ContinuousClock.Instant?
        var hasShown = false
        var place: Int?
        var isDrawn = false
    }

    /// Between two lines. Work that is quicker writes none.
    private static let pause = Duration.seconds(2)

    init(
        isTerminal: Bool, style: Style, write: @escaping @Sendable (String) -> Void,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.isTerminal = isTerminal
        self.style = style
        self.write = write
        self.now = now
    }

    /// For this process' output.
    ///
    /// - Parameter isForPeople: whether people read standard output, not programs.
    static func standard(isForPeople: Bool) -> ProgressDisplay {
        let style = Style(width: Terminal.width, isUnicode: Terminal.style.isUnicode)
        let isTerminal = isatty(STDERR_FILENO) == 1
        let output: FileDescriptor? = isTerminal ? .standardError : isForPeople ? .standardOutput : nil
        return ProgressDisplay(isTerminal: isTerminal, style: style) { _ = try? output?.writeAll($0.utf8) }
    }

    func show(_ step: ApplyLine.Step) {
        state.withLock { state in
            if isTerminal {
                write("\r\u{1b}[K" + bar(step))
                state.isDrawn = true
                return
            }
            let moment = now()
            let shownAt = state.shownAt ?? moment
            state.shownAt = shownAt
            guard moment - shownAt >= Self.pause || state.hasShown && step.number == step.total else { return }
            state.shownAt = moment
            state.hasShown = true
            write("\(step.number)/\(step.total) \(step.action.printable)\n")
        }
    }

    /// - Parameter before: the number of requests before this one.
    func show(waiting before: Int) {
        let place = before == 0 ? "next in line" : "\(before) before"
        state.withLock { state in
            if isTerminal {
                write("\r\u{1b}[K" + style.clipped("waiting: \(place)", to: style.width - 1))
                state.isDrawn = true
            } else if state.place != before {
                write("waiting: \(place)\n")
            }
            state.place = before
        }
    }

    /// Shows how long work takes whose progress is unknown: seconds on a terminal; else one line if it takes long.
    func showing<Result: Sendable>(
        _ what: String, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let begun = now()
        let counting = Task {
            while (try? await Task.sleep(for: .seconds(1))) != nil { show(waiting: what, for: now() - begun) }
        }
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
        counting.cancel()
        await counting.value
        end()
        return try outcome.get()
    }

    func show(waiting what: String, for duration: Duration) {
        let what = what.printable
        state.withLock { state in
            if isTerminal {
                let text = "\(what): \(duration.components.seconds) s"
                write("\r\u{1b}[K" + style.clipped(text, to: style.width - 1))
                state.isDrawn = true
            } else if duration >= Self.pause, !state.hasShown {
                state.hasShown = true
                write("\(what)\n")
            }
        }
    }

    /// Clears the line for the next output.
    func end() {
        state.withLock { state in
            if state.isDrawn { write("\r\u{1b}[K") }
            state.isDrawn = false
        }
    }

    private func bar(_ step: ApplyLine.Step) -> String {
        let width = 24
        let filled = step.total == 0 ? width : width * step.number / step.total
        let (full, empty) = style.isUnicode ? ("█", "░") : ("#", "-")
        let bar = String(repeating: full, count: filled) + String(repeating: empty, count: width - filled)
        // Some terminals start a new line in the last column.
        return style.clipped("\(bar) \(step.number)/\(step.total) \(step.action.printable)", to: style.width - 1)
    }
}
