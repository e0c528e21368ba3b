// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Synchronization
import Testing

@testable import buslane

@Suite("The display of long work")
struct ProgressDisplayTests {
    private final class Paper: Sendable {
        let text = Mutex("")
        let moment = Mutex(ContinuousClock.now)
    }

    private let paper = Paper()
    private let card: PCIAddress

    init() throws { card = try PCIAddress("0000:3b:00.0" as String) }

    private func display(terminal: Bool, unicode: Bool = true) -> ProgressDisplay {
        ProgressDisplay(
            isTerminal: terminal, style: Style(width: 60, isUnicode: unicode),
            write: { [paper] text in paper.text.withLock { $0 += text } },
            now: { [paper] in paper.moment.withLock(\.self) })
    }

    private func step(_ number: Int, of total: Int) -> ApplyLine.Step {
        .init(
            number: number, total: total, physicalFunction: card, action: "set VF count of 0000:3b:00.0 to 64"
        )
    }

    @Test("a terminal has one line, drawn over, never wider than it is, and wiped at the end")
    func bar() {
        let display = display(terminal: true)
        display.show(step(6, of: 12))
        #expect(paper.text.withLock(\.self) == "\r\u{1b}[K████████████░░░░░░░░░░░░ 6/12 set VF count of 0000:3b:00.0…")
        display.end()
        #expect(paper.text.withLock(\.self).hasSuffix("\r\u{1b}[K"))
    }

    @Test("without Unicode the bar is of signs that every terminal has")
    func plainBar() {
        display(terminal: true, unicode: false).show(step(24, of: 24))
        #expect(paper.text.withLock(\.self).contains("######################## 24/24"))
    }

    @Test("elsewhere what is quick has no lines")
    func quick() {
        let display = display(terminal: false)
        for number in 1...30 { display.show(step(number, of: 30)) }
        display.end()
        let text = paper.text.withLock(\.self)
        #expect(text.isEmpty)
    }

    @Test("elsewhere what takes long has a line every other second, and one at the end")
    func lines() {
        let display = display(terminal: false)
        for number in 1...30 {
            display.show(step(number, of: 30))
            if number % 10 == 0 { paper.moment.withLock { $0 += .seconds(2) } }
        }
        display.end()
        let lines = paper.text.withLock(\.self).split(separator: "\n").map { $0.prefix(while: { $0 != " " }) }
        #expect(lines == ["11/30", "21/30", "30/30"])
        #expect(!paper.text.withLock(\.self).contains("\u{1b}"))
    }
}
