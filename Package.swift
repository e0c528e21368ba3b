// swift-tools-version: 6.2
// SPDX-License-Identifier: GPL-3.0-or-later
import PackageDescription

/// Every target: Swift 6 language mode, imports internal unless said otherwise, no warning left standing. But a library that
/// deprecates something in its next release breaks nobody's build.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
]

/// For every target that calls C: each unsafe expression must be marked where it is.
let cFacing = house + [.strictMemorySafety()]

/// A system library, found by pkg-config and named for the package manager that would install it.
func systemLibrary(_ name: String, pkgConfig: String, debian: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "buslane",
    products: [
        .executable(name: "buslaned", targets: ["buslaned"]),
        .executable(name: "buslane", targets: ["buslane"]),
        .executable(name: "buslane-hook", targets: ["buslane-hook"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-algorithms", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.30.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.4.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: [
        // C libraries of the system.
        systemLibrary("CPCI", pkgConfig: "libpci", debian: "libpci-dev"),
        systemLibrary("CUdev", pkgConfig: "libudev", debian: "libudev-dev"),
        systemLibrary("CLibvirt", pkgConfig: "libvirt", debian: "libvirt-dev"),
        systemLibrary("CNetlinkRoute", pkgConfig: "libnl-route-3.0", debian: "libnl-route-3-dev"),
        systemLibrary("CNetlinkGeneric", pkgConfig: "libnl-genl-3.0", debian: "libnl-genl-3-dev"),
        systemLibrary("CExpat", pkgConfig: "expat", debian: "libexpat1-dev"),
        systemLibrary("CYAML", pkgConfig: "yaml-0.1", debian: "libyaml-dev"),
        systemLibrary("CSystemd", pkgConfig: "libsystemd", debian: "libsystemd-dev"),
        .target(name: "CPCIGuard", dependencies: ["CPCI"]),
        .target(name: "CDirectory"),
        .target(name: "CWidth"),
        .target(name: "CArguments"),

        // What may be printed: one rule for the core, the wire and the programs.
        .target(name: "PrintableText", swiftSettings: house),

        // The pure core.
        .target(name: "HostModel", dependencies: ["PrintableText"], swiftSettings: house),

        // What the hook and the API both know. No Foundation: the hook is to start at once.
        .target(name: "Wire", dependencies: ["PrintableText"], swiftSettings: house),

        // What a domain is to have, against what it has.
        .target(name: "DomainPlanning", dependencies: ["HostModel", "DomainXML"], swiftSettings: house),

        // The rims: each knows the core, none knows another.
        .target(
            name: "HostIO",
            dependencies: [
                "HostModel", "BlockingCalls", "CDirectory", "CPCI", "CPCIGuard", "CUdev", "CNetlinkRoute",
                "CNetlinkGeneric", logging,
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: cFacing),
        // What writes to the host, apart from HostIO: a program that does not depend on it cannot.
        .target(name: "HostActions", dependencies: ["HostModel", "HostIO", "CNetlinkRoute"], swiftSettings: cFacing),
        // systemd, the user database and the boot clock, for both the daemon and the CLI.
        .target(name: "SystemServices", dependencies: ["CSystemd"], swiftSettings: cFacing),
        .target(name: "ConfigurationFiles", dependencies: ["HostModel", "CYAML"], swiftSettings: cFacing),
        .target(name: "DomainXML", dependencies: ["HostModel", "CExpat"], swiftSettings: cFacing),
        // Calls that may block for long, with a time limit.
        .target(name: "BlockingCalls", swiftSettings: house),
        .target(name: "Libvirt", dependencies: ["HostModel", "BlockingCalls", "CLibvirt"], swiftSettings: cFacing),
        .target(
            name: "Ledger",
            dependencies: ["HostModel", "PrintableText", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: cFacing),
        .target(
            name: "ControlAPI",
            dependencies: [
                "HostModel", "PrintableText", "Wire",
                .product(name: "Algorithms", package: "swift-algorithms"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: house),

        // The programs.
        .executableTarget(
            name: "buslaned",
            dependencies: [
                "HostModel", "HostIO", "HostActions", "BlockingCalls", "ConfigurationFiles", "DomainXML",
                "DomainPlanning",
                "Libvirt", "Ledger", "ControlAPI", "PrintableText", "SystemServices", "Wire",
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: cFacing),
        .executableTarget(
            name: "buslane",
            dependencies: [
                "HostModel", "HostIO", "ConfigurationFiles", "DomainXML", "ControlAPI", "PrintableText",
                "SystemServices",
                "CWidth",
                .product(name: "Algorithms", package: "swift-algorithms"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: cFacing),
        .executableTarget(
            name: "buslane-hook", dependencies: ["CArguments", "PrintableText", "Wire"], swiftSettings: cFacing,
            // Nothing to look up and load at each start of each domain: half the time.
            linkerSettings: [.unsafeFlags(["-static-executable"], .when(configuration: .release))]),

        // What deciding costs, measured.
        .executableTarget(
            name: "planning-benchmark", dependencies: ["HostModel", "HostIO", "ConfigurationFiles", "Ledger"],
            path: "Benchmarks/Planning", swiftSettings: house),

        // Tests.
        .target(
            name: "HostSimulator", dependencies: ["HostModel"], path: "Tests/HostSimulator", swiftSettings: house),
        .target(
            name: "ErrorExamples", dependencies: ["HostModel", "HostSimulator"], path: "Tests/ErrorExamples",
            swiftSettings: house),
        .target(name: "TestPrograms", path: "Tests/TestPrograms", swiftSettings: cFacing),
        .target(
            name: "SchemaCheck", dependencies: ["TestPrograms"], path: "Tests/SchemaCheck", swiftSettings: house),
        .target(name: "TemporaryFiles", path: "Tests/TemporaryFiles", swiftSettings: house),
        .target(
            name: "FixtureHosts", dependencies: ["HostModel", "HostIO", "TestPrograms"], path: "Tests/FixtureHosts",
            swiftSettings: house),
        .testTarget(
            name: "HostModelTests",
            dependencies: ["HostModel", "HostSimulator", "ErrorExamples", "PrintableText"], swiftSettings: house),
        .testTarget(
            name: "HostIOTests",
            dependencies: [
                "BlockingCalls", "HostIO", "HostModel", "HostSimulator", "ControlAPI", "FixtureHosts", "SchemaCheck",
                "TestPrograms",
            ],
            swiftSettings: house),
        .testTarget(
            name: "HostActionsTests", dependencies: ["HostActions", "HostIO", "HostModel", "FixtureHosts"],
            swiftSettings: house),
        .testTarget(
            name: "SystemServicesTests", dependencies: ["SystemServices", "TemporaryFiles"], swiftSettings: house),
        .testTarget(
            name: "ConfigurationFilesTests",
            dependencies: ["ConfigurationFiles", "HostModel", "HostSimulator", "SchemaCheck", "TemporaryFiles"],
            swiftSettings: house),
        .target(
            name: "DomainSamples", dependencies: ["DomainXML", "HostModel", "TestPrograms"],
            path: "Tests/DomainSamples",
            swiftSettings: house),
        .testTarget(
            name: "DomainXMLTests", dependencies: ["DomainXML", "DomainSamples", "HostModel", "HostSimulator"],
            swiftSettings: house),
        .testTarget(
            name: "DomainPlanningTests",
            dependencies: ["DomainPlanning", "DomainXML", "DomainSamples", "HostModel", "HostSimulator"],
            swiftSettings: house),
        .testTarget(name: "BlockingCallsTests", dependencies: ["BlockingCalls"], swiftSettings: house),
        .testTarget(
            name: "LibvirtTests", dependencies: ["Libvirt", "HostModel", "TemporaryFiles"], swiftSettings: house),
        .testTarget(
            name: "LedgerTests",
            dependencies: [
                "Ledger", "HostModel", "HostSimulator", "PrintableText", "TemporaryFiles",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: house),
        .testTarget(
            name: "ControlAPITests",
            dependencies: [
                "ControlAPI", "ErrorExamples", "HostModel", "HostSimulator", "PrintableText", "SchemaCheck", "Wire",
            ],
            swiftSettings: house),
        .testTarget(
            name: "buslanedTests",
            dependencies: [
                "buslaned", "HostSimulator", "ErrorExamples", "Ledger", "HostIO", "HostModel", "ConfigurationFiles",
                "ControlAPI", "DomainPlanning", "DomainXML", "Libvirt", "PrintableText", "SystemServices",
                "TemporaryFiles",
                "Wire",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOEmbedded", package: "swift-nio"), logging,
            ],
            swiftSettings: house),
        .testTarget(
            name: "HookProgramTests",
            dependencies: ["buslane-hook", "TemporaryFiles", "TestPrograms"],
            swiftSettings: cFacing),
        .testTarget(
            name: "buslaneTests",
            dependencies: [
                "buslane", "ConfigurationFiles", "ControlAPI", "ErrorExamples", "HostModel", "PrintableText",
            ],
            swiftSettings: house),
        .testTarget(name: "ArchitectureTests", dependencies: ["TestPrograms"], swiftSettings: house),
    ]
)
