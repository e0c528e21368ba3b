// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
package import Wire

// The fields of what an inventory has thousands of, in the order in which they are written.

extension Inventory.Group: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("id", id)
            json.field("type", type)
            json.field("functions", functions)
            json.field("viable", viable)
            json.field("blockers", blockers) { json, blocker in
                json.object { json in
                    json.field("address", blocker.address)
                    json.field("reason", blocker.reason)
                }
            }
            json.field("reason", reason)
            json.field("device", device)
        }
    }
}

extension FunctionDocument: JSONWritable {
    package func write(to json: inout JSONText) throws {
        try json.object { json in
            json.field("address", address)
            try json.field("vendor", vendor)
            try json.field("device", device)
            try json.field("subsystem", subsystem)
            try json.field("class", `class`)
            json.field("revision", revision)
            json.field("driver", driver)
            json.field("driverOverride", driverOverride)
            json.field("vfioDriver", vfioDriver)
            json.field("iommuGroup", iommuGroup)
            json.field("numaNode", numaNode)
            json.field("localCPUs", localCPUs)
            json.field("parent", parent)
            json.field("resetMethods", resetMethods)
            try json.field("link", link)
            json.field("role", role)
            try json.field("sriov", encoded: sriov)
            try json.field("virtualFunction", virtualFunction)
            json.field("interfaces", interfaces) { $1.write(to: &$0) }
            try json.field("capabilities", capabilities)
            try json.field("acsPath", acsPath)
            json.field("vfioDevice", vfioDevice)
            json.field("vfMSIXCount", vfMSIXCount)
            json.field("serialNumber", serialNumber)
            try json.field("vfSettings", encoded: vfSettings)
            json.field("claim", claim)
            try json.field("holders", holders) { try $0.write(encoded: $1) }
        }
    }
}

extension Inventory.Named: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("id", id)
            json.field("name", name)
        }
    }
}

extension Inventory.Subsystem: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("vendor", vendor)
            json.field("device", device)
        }
    }
}

extension Inventory.Place: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("physicalFunction", physicalFunction)
            json.field("index", index)
        }
    }
}

extension Inventory.Link: JSONWritable {
    package func write(to json: inout JSONText) throws {
        try json.object { json in
            try json.field("speedGTs", speedGTs)
            json.field("width", width)
            try json.field("maxSpeedGTs", maxSpeedGTs)
            json.field("maxWidth", maxWidth)
        }
    }
}

extension Inventory.Interface: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("name", name)
            json.field("mac", mac)
            json.field("state", state)
            json.field("speedMbps", speedMbps)
            json.field("mtu", mtu)
            json.field("master", master)
            json.field("addresses", addresses)
            json.field("isPort", isPort)
            json.field("portName", portName)
            json.field("portNumber", portNumber)
        }
    }
}

extension Inventory.Capabilities: JSONWritable {
    package func write(to json: inout JSONText) throws {
        try json.object { json in
            json.field("multiFunction", multiFunction)
            json.field("pciePortType", pciePortType)
            json.field("flr", flr)
            json.field("msixTableSize", msixTableSize)
            json.field("sriov", sriov)
            json.field("ari", ari)
            json.field("ats", ats)
            json.field("pasid", pasid)
            try json.field("acs", acs)
        }
    }
}

extension Inventory.ACS: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("present", present)
            json.field("supported", supported)
            json.field("enabled", enabled)
        }
    }
}

extension Inventory.ACSPath: JSONWritable {
    package func write(to json: inout JSONText) {
        json.object { json in
            json.field("complete", complete)
            json.field("gaps", gaps)
        }
    }
}

// Generic, and so in the module that uses them: each is compiled for its type.
extension JSONText {
    fileprivate mutating func field(_ name: StaticString, _ value: (some JSONWritable)?) throws {
        key(name)
        if let value { try value.write(to: &self) } else { writeNull() }
    }

    fileprivate mutating func field(_ name: StaticString, _ value: (some TextCodable)?) {
        field(name, value?.description)
    }

    fileprivate mutating func field(_ name: StaticString, _ values: [some TextCodable]) {
        field(name, values.map(\.description))
    }

    fileprivate mutating func field<Entry>(
        _ name: StaticString, _ entries: [Entry], _ write: (inout JSONText, Entry) throws -> Void
    ) rethrows {
        key(name)
        try list { json, depth in
            for each in entries {
                json.entry(at: depth)
                try write(&json, each)
            }
        }
    }

    fileprivate mutating func field(_ name: StaticString, encoded value: (some Encodable)?) throws {
        key(name)
        if let value { try write(encoded: value) } else { writeNull() }
    }
}
