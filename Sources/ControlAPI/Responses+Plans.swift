// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// `POST /v1/plan`, and what `POST /v1/apply` did.
public struct PlanDocument: Codable, Sendable {
    public var schemaVersion = 1
    public var empty: Bool
    public var physicalFunctions: [PhysicalFunction]
    public var blastRadius: Blast
    /// Addresses that mean another card than before, a line each; absent without any.
    public var notes: [String]?

    public struct PhysicalFunction: Codable, Sendable {
        public var address: PCIAddress
        public var purpose: PFPlan.Purpose
        public var changes: [Change]
    }

    /// One aspect of one function: as it is, and as it will be.
    public struct Change: Codable, Sendable {
        public var subject: PCIAddress
        public var from: String
        public var to: String
        public var steps: [Step]
    }

    public struct Step: Codable, Sendable {
        public var action: String
        public var preconditions: [String]
        public var postconditions: [String]
    }

    public struct Blast: Codable, Sendable {
        public var functions: [PCIAddress]
        public var interfaces: [String]
        /// Those of ``functions`` whose interface is in another network namespace; nil without any.
        public var interfacesElsewhere: [PCIAddress]?
    }

    public init(_ plan: Plan) {
        empty = plan.isEmpty
        physicalFunctions = plan.perPF.map { entry in
            PhysicalFunction(
                address: entry.physicalFunction, purpose: entry.purpose, changes: entry.changes.map(Change.init))
        }
        let blast = plan.blastRadius
        blastRadius = Blast(
            functions: blast.functions, interfaces: blast.interfaces,
            interfacesElsewhere: blast.elsewhere.isEmpty ? nil : blast.elsewhere)
        notes = plan.notes.isEmpty ? nil : plan.notes
    }
}

/// `POST /v1/apply/steps`, a line: a step that was done, or how it ended. A refusal that comes before the first step is
/// an ordinary answer.
public struct ApplyLine: Codable, Sendable {
    public var step: Step?
    /// Everything was done and verified.
    public var done: PlanDocument?
    public var error: ErrorBody.Detail?

    public struct Step: Codable, Sendable, Equatable {
        /// How many steps are done, this one with them.
        public var number: Int
        /// How many there are, as far as that was foreseen.
        public var total: Int
        /// The PF that the step belongs to.
        public var physicalFunction: PCIAddress
        public var action: String

        public init(number: Int, total: Int, physicalFunction: PCIAddress, action: String) {
            self.number = number
            self.total = total
            self.physicalFunction = physicalFunction
            self.action = action
        }
    }

    public init(step: Step? = nil, done: PlanDocument? = nil, error: ErrorBody.Detail? = nil) {
        self.step = step
        self.done = done
        self.error = error
    }
}

extension PlanDocument.Change {
    init(_ change: Change) {
        self.init(
            subject: change.to.subject, from: change.from.description, to: change.to.description,
            steps: change.steps.map { step in
                PlanDocument.Step(
                    action: step.action.description, preconditions: step.preconditions.map(\.description),
                    postconditions: step.postconditions.map(\.description))
            })
    }
}
