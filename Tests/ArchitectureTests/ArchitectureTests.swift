// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Testing

@Suite("The architecture, as ARCHITECTURE.md has it")
struct ArchitectureTests {
    private let sources: [Repository.SwiftFile]
    /// The rows of ARCHITECTURE.md's table of targets.
    private let targets: [TargetRow]

    init() throws {
        sources = try Repository.files(below: "Sources")
        try #require(sources.count > 50, "the sources were not found")
        let text = try String(contentsOf: Repository.root.appending(path: "ARCHITECTURE.md"), encoding: .utf8)
        targets = try TargetRow.rows(in: text)
    }

    @Test("the table has a row for each target, and no other")
    func rows() {
        #expect(targets.map(\.name).sorted() == Set(sources.map(\.target)).sorted())
    }

    @Test("the table has exactly the imports of each target")
    func imports() {
        for row in targets {
            let imports = Set(sources.filter { $0.target == row.name }.flatMap(\.imports))
            #expect(imports == row.imports, "the row should be: \(TargetRow.line(row.name, row.role, imports))")
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
            where targets.contains(where: { $0.name == module }) && reached.insert(module).inserted {
                open.append(module)
            }
        }
        return reached
    }

    @Test("the hook never reaches libvirt, directly or through its imports")
    func hookIsFreeOfLibvirt() { #expect(reach(of: "buslane-hook") == ["buslane-hook", "PrintableText", "Wire"]) }

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
        for file in sources where file.path != "Sources/HostIO/Files/HostPaths.swift" {
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
        let pure: Set<String> = ["PrintableText", "HostModel", "DomainXML", "DomainPlanning"]
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

    @Test("the commands print through Terminal, which knows what is printable")
    func printing() {
        for file in sources where file.target == "buslane" {
            #expect(!file.code.contains { $0.contains(/(^|[^\w.])(print|debugPrint|puts|fputs)\(/) }, "\(file)")
            let writes = file.code.contains { $0.contains(/standard(Output|Error)\b/) }
            let places = ["Terminal.swift", "ProgressDisplay.swift"].map { "Sources/buslane/Rendering/" + $0 }
            #expect(!writes || places.contains(file.path), "\(file)")
        }
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
