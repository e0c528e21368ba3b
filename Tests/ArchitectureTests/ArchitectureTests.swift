// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Testing

/// The project's own files, found from where this one lies.
private enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    struct SwiftFile: CustomStringConvertible, Sendable {
        /// `Sources/HostIO/Sysfs/HostPaths.swift`.
        let path: String
        let lines: [String]

        var description: String { path }
        /// The folder below Sources or Tests.
        var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

        /// What the file imports, without access levels, attributes and submodules.
        var imports: [String] {
            lines.compactMap { line in
                // Most lines are indented: the expression is slow in debug builds.
                guard let first = line.utf8.first, "@fip".utf8.contains(first) else { return nil }
                return line.wholeMatch(
                    of:
                        /(?:@\w+ )*(?:(?:public|package|internal|fileprivate|private) )?import (?:(?:struct|class|enum|func|protocol) )?(\w+).*/
                ).map { String($0.1) }
            }
        }

        /// Without what follows `//`: rules about code are not rules about comments.
        var code: [String] {
            lines.map { line in
                guard let comment = line.range(of: #"(^|\s)//"#, options: .regularExpression) else { return line }
                return String(line[..<comment.lowerBound])
            }
        }
    }

    static func files(below folder: String) throws -> [SwiftFile] {
        let base = root.appending(path: folder).path
        let paths = try FileManager.default.subpathsOfDirectory(atPath: base).filter { $0.hasSuffix(".swift") }
        return try paths.sorted().map { path in
            let text = try String(contentsOfFile: base + "/" + path, encoding: .utf8)
            return SwiftFile(path: folder + "/" + path, lines: text.components(separatedBy: "\n"))
        }
    }
}

@Suite("The architecture, as design.md has it")
struct ArchitectureTests {
    private static let system: Set<String> = ["Glibc", "Synchronization", "Dispatch"]
    private static let ours: Set<String> = [
        "HostModel", "HostIO", "HostActions", "ConfigurationFiles", "DomainXML", "DomainPlanning", "Libvirt", "Ledger",
        "ControlAPI", "SystemServices", "Wire", "buslaned", "buslane", "buslane_hook",
    ]

    /// What each target may import; the daemon, which joins them all, anything but the other executables.
    private static let allowed: [String: Set<String>] = [
        "HostModel": [],
        "Wire": [],
        "HostIO": system.union([
            "HostModel", "CDirectory", "CPCI", "CPCIGuard", "CUdev", "CNetlinkRoute", "CNetlinkGeneric",
            "SystemPackage", "Logging",
        ]),
        "HostActions": ["HostModel", "HostIO", "CNetlinkRoute", "Glibc"],
        "SystemServices": ["CSystemd", "Glibc", "Dispatch"],
        "ConfigurationFiles": ["HostModel", "CYAML", "FoundationEssentials", "Glibc"],
        "DomainXML": ["HostModel", "CExpat"],
        "DomainPlanning": ["HostModel", "DomainXML"],
        "Libvirt": system.union(["HostModel", "CLibvirt"]),
        "Ledger": ["HostModel", "GRDB", "Foundation", "Dispatch", "Synchronization", "Glibc"],
        "ControlAPI": [
            "HostModel", "Wire", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOHTTPTypes", "NIOHTTPTypesHTTP1", "HTTPTypes",
            "FoundationEssentials", "Synchronization",
        ],
        "buslane": system.union([
            "HostModel", "ControlAPI", "ConfigurationFiles", "DomainXML", "HostIO", "SystemServices", "ArgumentParser",
            "FoundationEssentials", "SystemPackage",
        ]),
        "buslane-hook": ["Wire", "Glibc"],
    ]

    private let sources: [Repository.SwiftFile]

    init() throws {
        sources = try Repository.files(below: "Sources")
        try #require(sources.count > 50, "the sources were not found")
    }

    @Test("every import is one that its target may make")
    func imports() {
        for file in sources {
            for module in file.imports {
                let isAllowed =
                    file.target == "buslaned"
                    ? !["buslane", "buslane_hook"].contains(module)
                    : Self.allowed[file.target]?.contains(module) ?? false
                #expect(isAllowed, "\(file) imports \(module)")
            }
        }
    }

    @Test("every import line is understood")
    func importsAreParsed() {
        for file in sources {
            let written = file.code.count {
                $0.contains(/^\s*(@\w+ )*((public|package|internal|fileprivate|private) )?import\s/)
            }
            #expect(written == file.imports.count, "\(file)")
        }
        #expect(sources.contains { $0.target == "HostIO" && $0.imports.contains("CPCIGuard") })
    }

    @Test("every route is in the API's description, and none that is not there")
    func routesAreDescribed() throws {
        let places = ["Sources/ControlAPI/Requests.swift", "Sources/Wire/HookRequest.swift"]
        let routes = sources.filter { places.contains($0.path) }.flatMap(\.code).compactMap {
            $0.firstMatch(of: #/ *public static let \w+ = "(/v1/[^"]+)".*/#).map { String($0.1) }
        }
        let description = try String(contentsOf: Repository.root.appending(path: "docs/openapi.yaml"), encoding: .utf8)
        let described = description.split(separator: "\n").compactMap {
            $0.wholeMatch(of: #/ {2}(/v1/[^:]+):/#).map { String($0.1) }
        }
        #expect(routes.count > 15)
        #expect(routes.sorted() == described.sorted())
    }

    /// The project's targets that a target imports, directly or through others, and the target itself.
    private func reach(of target: String) -> Set<String> {
        var reached: Set<String> = [target]
        var open = [target]
        while let target = open.popLast() {
            for module in sources.filter({ $0.target == target }).flatMap(\.imports)
            where Self.ours.contains(module) && reached.insert(module).inserted { open.append(module) }
        }
        return reached
    }

    @Test("the hook never reaches libvirt, directly or through its imports")
    func hookIsFreeOfLibvirt() { #expect(reach(of: "buslane-hook") == ["buslane-hook", "Wire"]) }

    @Test("the CLI reaches the reader of the host, and never the writer, the ledger or libvirt")
    func commandLineNeverWrites() throws {
        let reached = reach(of: "buslane")
        #expect(reached.contains("HostIO"))
        #expect(reached.isDisjoint(with: ["HostActions", "Ledger", "Libvirt"]))
        // Nor does its build: the compiler finds the modules of every dependency.
        let manifest = try String(contentsOf: Repository.root.appending(path: "Package.swift"), encoding: .utf8)
        let target = try #require(
            manifest.components(separatedBy: "executableTarget(").dropFirst().first {
                $0.contains("name: \"buslane\",")
            })
        #expect(target.contains("\"HostIO\""))
        #expect(!target.contains("\"HostActions\"") && !target.contains("\"Ledger\""))
    }

    /// Functions and flags that change files or the kernel's state.
    private static func writes(_ line: String) -> Bool {
        let flags = /\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND)\b|forWriting/
        let files =
            /\b(p?write|writev|creat|fopen|f?truncate|mkdir|rmdir|unlink|rename|symlink|mknod|chmod|chown|ioctl|Process)\(/
        let kernel = /\b(rtnl_\w*_(change|set|unset|add|delete)(_\w*)?|nl_addr_build|pci_write\w*)\(/
        return line.contains(flags) || line.contains(files) || line.contains(kernel)
    }

    @Test("nothing in HostIO opens a file for writing or calls a function that changes the host")
    func hostIOOnlyReads() {
        for file in sources where file.target == "HostIO" {
            for line in file.code { #expect(!Self.writes(line), "\(file): \(line)") }
        }
        // The patterns find every file of the target that writes.
        for file in sources where file.target == "HostActions" {
            #expect(file.code.contains(where: Self.writes), "\(file)")
        }
    }

    @Test("siblings do not know each other: only the daemon joins them")
    func siblings() {
        let rims: Set<String> = [
            "HostIO", "HostActions", "SystemServices", "ConfigurationFiles", "DomainXML", "Libvirt", "Ledger",
            "ControlAPI",
        ]
        for file in sources where rims.contains(file.target) {
            let foreign = file.target == "HostActions" ? rims.subtracting(["HostIO"]) : rims
            #expect(foreign.isDisjoint(with: file.imports), "\(file)")
        }
        for file in sources where file.target != "buslaned" {
            #expect(!file.imports.contains("Ledger") && !file.imports.contains("Libvirt"), "\(file)")
        }
    }

    @Test("only HostPaths knows where sysfs is")
    func sysfsPaths() {
        for file in sources where file.path != "Sources/HostIO/Sysfs/HostPaths.swift" {
            let code = file.code.map { $0.replacing("/proc/sys/", with: "/proc/") }
            #expect(!code.contains { $0.contains("\"/sys") || $0.contains("/sys/") }, "\(file)")
        }
    }

    @Test("in the daemon, only HTTP/ and the start know the API's documents and the HTTP library")
    func transport() {
        let inside = sources.filter { $0.target == "buslaned" && $0.path.split(separator: "/").count > 3 }
        let files = inside.filter { !$0.path.hasPrefix("Sources/buslaned/HTTP/") }
        #expect(files.count > 20 && files.count < inside.count)
        for file in files {
            for module in file.imports {
                #expect(!["ControlAPI", "Hummingbird", "HTTPTypes"].contains(module), "\(file) imports \(module)")
                #expect(!module.hasPrefix("NIO"), "\(file) imports \(module)")
            }
        }
    }

    @Test("what decides is pure: no async, no clock and no I/O")
    func pureCore() {
        let pure: Set<String> = ["HostModel", "DomainXML", "DomainPlanning"]
        for file in sources where pure.contains(file.target) && file.path != "Sources/HostModel/Planning/Host.swift" {
            for line in file.code {
                #expect(!line.contains(/\b(async|await|Clock|print)\b/), "\(file): \(line)")
            }
        }
    }

    @Test("files stay readable: 400 lines at most")
    func length() {
        for file in sources { #expect(file.lines.count <= 401, "\(file) has \(file.lines.count) lines") }
    }

    @Test("nothing ends the process by surprise")
    func noTraps() {
        for file in sources {
            for line in file.code {
                for trap in ["try!", "fatalError(", " as! "] { #expect(!line.contains(trap), "\(file): \(line)") }
            }
        }
    }

    @Test("every file bears its licence first", arguments: ["Sources", "Tests"])
    func licence(folder: String) throws {
        for file in try Repository.files(below: folder) {
            #expect(file.lines.first == "// SPDX-License-Identifier: GPL-3.0-or-later", "\(file)")
        }
    }
}
