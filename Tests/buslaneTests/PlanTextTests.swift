// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Testing

@testable import buslane

@Suite("A plan, as a person reads it")
struct PlanTextTests {
    @Test("notes come first, also where there is nothing to do")
    func notes() throws {
        var plan = Plan()
        #expect(PlanDocument(plan).text == "nothing to do: the host is as declared\n")
        #expect(PlanDocument(plan).notes == nil)
        plan.notes = ["pool 'fast' names 0000:3b:00.0, and another card is there now"]
        #expect(
            PlanDocument(plan).text
                == "note: pool 'fast' names 0000:3b:00.0, and another card is there now\n"
                + "nothing to do: the host is as declared\n")
    }
}
