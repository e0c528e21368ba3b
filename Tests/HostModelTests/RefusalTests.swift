// SPDX-License-Identifier: GPL-3.0-or-later
import ErrorExamples
import HostModel
import HostSimulator
import Testing

@Suite("The words of refusals")
struct RefusalTests {
    @Test("every case has an example")
    func complete() {
        #expect(Refusal.missing.isEmpty)
        #expect(FunctionObstacle.missing.isEmpty)
        #expect(PoolObstacle.missing.isEmpty)
        #expect(ClaimObstacle.missing.isEmpty)
        #expect(DomainObstacle.missing.isEmpty)
        #expect(DeclarationObstacle.missing.isEmpty)
        #expect(RequestMistake.missing.isEmpty)
    }

    @Test("each says what is wrong and how to fix it, in words for people", arguments: Refusal.examples)
    func texts(refusal: Refusal) {
        #expect(refusal.report.faults.isEmpty, "\(refusal.report.faults)")
        #expect("\(refusal)" == refusal.message)
    }

    @Test("each code stands for one refusal, where two have not one meaning")
    func codes() {
        var casesOf: [String: Set<String>] = [:]
        for refusal in Refusal.examples { casesOf[refusal.code, default: []].insert(refusal.caseName) }
        let shared = casesOf.filter { $0.value.count > 1 }.mapValues { $0.sorted() }
        #expect(
            shared == [
                "pf-down": ["physicalFunctionDown", "vfsNeedLink"],
                "used-by-host": ["diskInUse", "hostConsole", "interfaceElsewhere", "usedByHost"],
                "vfio-denylist": ["deniedByVFIO", "vfsDeniedByVFIO"], "no-iommu": ["noIOMMU", "vfioNeedsIOMMU"],
                "held-by-process": ["deviceOpen", "heldByProcess"],
                "guest-refused": ["evictionUndone", "keeps"], "guest-silent": ["evictionUndone", "keeps"],
            ])
    }

    @Test("what may pass by itself")
    func temporary() {
        let temporary = Set(Refusal.examples.filter(\.isTemporary).map(\.code))
        #expect(
            temporary == [
                "no-capacity", "no-capacity-on-node", "no-capacity-on-cards", "no-capacity-together", "awaited",
                "guest-starting", "may-be-starting", "claim-changing", "domain-paused", "guest-refused", "guest-silent",
                "memory-in-use", "hugepages-in-use", "claim-has-moved",
            ])
    }

    @Test("the remedy names the command that helps")
    func remedies() {
        #expect(
            Refusal.function("0000:3b:00.0", .heldByClaim(claim: "c1", owner: "fw1")).remedy == "buslane release c1")
        #expect(
            Refusal.declaration(.tooManyVFs("0000:3b:00.0", wanted: 9, total: 7)).remedy
                == "declare vfCount: 7 or less")
    }

    @Test("a text from outside cannot break the line")
    func oneLine() {
        let report = Refusal.domain("fw1", .halfAttached(["data0"], reason: "first\nsecond\t\u{7f}")).report
        #expect(report.message.hasSuffix("written: first second \u{fffd}"))
    }
}

extension Refusal {
    fileprivate var caseName: String {
        switch self {
        case .function(_, let obstacle): "\(obstacle.exampleCase)"
        case .pool(_, let obstacle): "pool \(obstacle.exampleCase)"
        case .claim(_, let obstacle): "claim \(obstacle.exampleCase)"
        case .domain(_, let obstacle): "\(obstacle.exampleCase)"
        case .declaration(let obstacle): "\(obstacle.exampleCase)"
        case .request(let mistake): "\(mistake.exampleCase)"
        case .noIOMMU, .notPermitted: "\(exampleCase)"
        }
    }
}
