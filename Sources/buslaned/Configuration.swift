// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import Yams

/// The declared state as files: `buslane.yaml`, then `conf.d/*.yaml` in name order; lists of later files are appended.
struct Configuration: Sendable {
    /// `/etc/buslane`.
    let directory: String

    /// Reads the files as they are now. No file at all declares nothing.
    func load() throws(ConfigurationError) -> DesiredState {
        var desired = DesiredState()
        for file in files() {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw ConfigurationError(file: file, line: nil, column: nil, problem: "cannot be read")
            }
            guard let text = String(data: data, encoding: .utf8) else {
                throw ConfigurationError(file: file, line: nil, column: nil, problem: "is not UTF-8 text")
            }
            try Self.parse(text, file: file, into: &desired)
        }
        return desired
    }

    private func files() -> [String] {
        let fragments = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/conf.d")) ?? []
        let main = directory + "/buslane.yaml"
        return (FileManager.default.fileExists(atPath: main) ? [main] : [])
            + fragments.filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }.sorted()
            .map { "\(directory)/conf.d/\($0)" }
    }

    /// - Parameter file: the name that errors bear.
    static func parse(_ text: String, file: String) throws(ConfigurationError) -> DesiredState {
        var desired = DesiredState()
        try parse(text, file: file, into: &desired)
        return desired
    }

    private static func parse(_ text: String, file: String, into desired: inout DesiredState) throws(ConfigurationError)
    {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationError(yaml: error, file: file)
        } catch {
            throw ConfigurationError(file: file, line: nil, column: nil, problem: "\(error)")
        }
        guard let root, root.null == nil else { return }
        let top = try YAMLCursor(file: file, node: root).mapping(of: ["physicalFunctions", "pools"])
        for entry in try top["physicalFunctions"]?.list() ?? [] {
            desired.physicalFunctions.append(try declaration(entry))
        }
        for entry in try top["pools"]?.list() ?? [] {
            let pool = try pool(entry)
            guard desired.pool(pool.name) == nil else { throw entry.fail("pool '\(pool.name)' is declared twice") }
            desired.pools.append(pool)
        }
    }

    private static func declaration(_ cursor: YAMLCursor) throws(ConfigurationError) -> PFDeclaration {
        let keys = try cursor.mapping(of: ["select", "vfCount", "driversAutoprobe", "vfDriver"])
        guard let select = keys["select"] else { throw cursor.fail("has no 'select'") }
        guard let count = keys["vfCount"] else { throw cursor.fail("has no 'vfCount'") }
        return PFDeclaration(
            selector: try selector(select), vfCount: try count.integer(in: 0...65535),
            driversAutoprobe: try keys["driversAutoprobe"]?.bool() ?? false, vfDriver: try keys["vfDriver"]?.string())
    }

    private static func pool(_ cursor: YAMLCursor) throws(ConfigurationError) -> Pool {
        let keys = try cursor.mapping(of: ["name", "select", "numa"])
        guard let name = keys["name"] else { throw cursor.fail("has no 'name'") }
        guard let select = keys["select"] else { throw cursor.fail("has no 'select'") }
        return Pool(
            name: try name.string(), selector: try selector(select),
            numa: try keys["numa"]?.value(NUMAPolicy.self) ?? .none)
    }

    private static func selector(_ cursor: YAMLCursor) throws(ConfigurationError) -> Selector {
        let keys = try cursor.mapping(of: [
            "addresses", "vendors", "devices", "drivers", "pfNames", "physicalFunctions", "numaNodes", "kinds",
        ])
        guard !keys.isEmpty else {
            throw cursor.fail("an empty selector would mean every function", remedy: "say which: addresses, vendors, …")
        }
        return Selector(
            addresses: try keys["addresses"]?.each { (item) throws(ConfigurationError) in
                try item.value(PCIAddress.self)
            },
            vendors: try keys["vendors"]?.each { (item) throws(ConfigurationError) in try item.pciID() },
            devices: try keys["devices"]?.each { (item) throws(ConfigurationError) in try item.pciID() },
            drivers: try keys["drivers"]?.each { (item) throws(ConfigurationError) in try item.string() },
            pfNames: try keys["pfNames"]?.each { (item) throws(ConfigurationError) in try item.string() },
            physicalFunctions: try keys["physicalFunctions"]?.each { (item) throws(ConfigurationError) in
                try item.value(PCIAddress.self)
            },
            numaNodes: try keys["numaNodes"]?.each { (item) throws(ConfigurationError) in
                try item.integer(in: 0...65535)
            },
            kinds: try keys["kinds"]?.each { (item) throws(ConfigurationError) in try kind(item) })
    }

    private static func kind(_ cursor: YAMLCursor) throws(ConfigurationError) -> Selector.Kind {
        let text = try cursor.string()
        guard let kind = Selector.Kind(rawValue: text) else {
            let known = Selector.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw cursor.fail("'\(text)' is not a kind of function", remedy: "one of \(known)")
        }
        return kind
    }
}

extension YAMLCursor {
    func each<Value>(
        _ read: (YAMLCursor) throws(ConfigurationError) -> Value
    ) throws(ConfigurationError) -> [Value] {
        var values: [Value] = []
        for item in try list() { values.append(try read(item)) }
        return values
    }
}

extension ConfigurationError {
    init(yaml error: YamlError, file: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(file: file, line: mark.line, column: mark.column, problem: problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { "'\($0)'" }.joined(separator: ", ")
            self.init(
                file: file, line: context.mark.line, column: context.mark.column, problem: "\(keys) is given twice")
        default:
            self.init(file: file, line: nil, column: nil, problem: "is not YAML: \(error)")
        }
    }
}
