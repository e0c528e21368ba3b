// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension PlatformReader {
    /// The configuration of one kind of rival, and which of its lines concern functions.
    private struct Source {
        let kind: PlatformFacts.Rival.Kind
        let folders: [HostPath]
        /// The endings of the files to read; empty for all files.
        let suffixes: [String]
        /// Whether a line, without the white space around it, configures functions.
        let concerns: (Substring) -> Bool
    }

    private var sources: [Source] {
        [
            Source(kind: .networkManager, folders: paths.networkManagerConnections, suffixes: []) {
                $0 == "[sriov]" || $0.hasPrefix("SRIOV_TOTAL_VFS=")
            },
            Source(kind: .netplan, folders: paths.netplan, suffixes: [".yaml"]) { line in
                ["virtual-function-count:", "embedded-switch-mode:", "delay-virtual-functions-rebind:"]
                    .contains { line.hasPrefix($0) }
            },
            Source(kind: .systemdNetwork, folders: paths.systemdNetwork, suffixes: [".link", ".network", ".conf"]) {
                $0 == "[SR-IOV]" || $0.hasPrefix("SR-IOVVirtualFunctions=")
            },
            Source(kind: .driverctl, folders: [paths.driverctl], suffixes: []) { !$0.isEmpty },
            Source(kind: .libvirtNetwork, folders: [paths.libvirtNetworks], suffixes: [".xml"]) { line in
                // A network of macvtaps in passthrough mode takes the VFs of its PF too.
                ["hostdev", "passthrough"].contains { mode in
                    line.contains("mode='\(mode)'") || line.contains("mode=\"\(mode)\"")
                } && line.hasPrefix("<forward")
            },
            Source(kind: .udevRule, folders: paths.udevRules, suffixes: [".rules"], concerns: Self.writesVFCount),
            Source(kind: .modprobe, folders: paths.modprobe, suffixes: [".conf"], concerns: Self.setsFunctions),
            Source(kind: .script, folders: paths.scripts, suffixes: [], concerns: Self.writesVFCount),
        ]
    }

    /// Whether a line sets the VF count. A comparison, as `==` in a udev rule, does not.
    private static func writesVFCount(_ line: Substring) -> Bool {
        guard !line.hasPrefix("#") else { return false }
        // Each mention that no comparison follows.
        return line.split(separator: "sriov_numvfs", omittingEmptySubsequences: false).dropFirst().contains { rest in
            !["}==", "}!="].contains { rest.hasPrefix($0) }
        } || line.contains("sriov-manage -e")
    }

    /// `options vfio-pci ids=…` binds every function with that ID; `options igb max_vfs=…` creates VFs on every PF.
    private static func setsFunctions(_ line: Substring) -> Bool {
        let words = line.words
        guard words.count > 2, words[0] == "options" else { return false }
        if words.contains(where: { PlatformFacts.Rival.makesVFs(option: $0, ofModule: words[1]) }) { return true }
        return ["vfio-pci", "vfio_pci"].contains(words[1]) && words.contains { $0.hasPrefix("ids=") }
    }

    /// One rival for each file that configures functions, with the first such line.
    func rivals(_ files: inout TextFiles) -> [PlatformFacts.Rival] {
        var rivals: [PlatformFacts.Rival] = []
        for source in sources {
            for place in source.folders {
                for file in self.files(at: place, of: source, &files) {
                    let lines = files.lines(file)
                    guard let line = lines.first(where: { source.concerns($0.text) }) else {
                        if source.kind == .script || source.kind == .udevRule {
                            rivals += programs(of: lines.map(\.text), namedBy: file, &files)
                        }
                        continue
                    }
                    let isOneLine = source.kind == .driverctl
                    rivals.append(
                        .init(
                            kind: source.kind, file: paths.onHost(file), line: isOneLine ? nil : line.number,
                            text: isOneLine ? "driver override \(line.text)" : String(line.text)))
                }
            }
        }
        return rivals
    }

    /// The scripts that lines name by their paths, and that set a VF count.
    private func programs(
        of lines: [Substring], namedBy file: HostPath, _ files: inout TextFiles
    ) -> [PlatformFacts.Rival] {
        let words = lines.filter { !$0.hasPrefix("#") }
            .flatMap { $0.split { $0.isWhitespace || "\"'=;&|,@+!:".contains($0) } }
        let paths = words.map { word in word.drop { $0 == "-" } }.filter { path in
            path.hasPrefix("/") && Self.programFolders.contains { path.contains($0) }
        }
        return paths.compactMap { path in
            let script = self.paths.below(String(path))
            // A short text; programs are longer, and begin with a NUL not far away.
            guard let text = files.text(script, limit: 65536), text.utf8.count < 65536, !text.utf8.contains(0),
                let line = TextFiles.lines(of: text).first(where: { Self.writesVFCount($0.text) })
            else { return nil }
            return .init(
                kind: .script, file: self.paths.onHost(script), line: line.number,
                text: "\(line.text) (run by \(self.paths.onHost(file)))")
        }
    }

    /// Part of the path of every program that an administrator wrote.
    private static let programFolders = ["/bin/", "/sbin/", "/opt/", "/etc/", "/root/", "/srv/", "/lib", "/home/"]

    /// The files of a folder and of its drop-in folders; the path itself if it is a file.
    private func files(at place: HostPath, of source: Source, _ files: inout TextFiles) -> [HostPath] {
        guard let names = files.names(in: place) else { return files.exists(place) ? [place] : [] }
        var found: [HostPath] = []
        for name in names {
            if name.hasSuffix(".d") {
                found += (files.names(in: place + "/\(name)") ?? []).map { place + "/\(name)/\($0)" }
            } else {
                found.append(place + "/\(name)")
            }
        }
        return found.filter { file in
            source.suffixes.isEmpty || source.suffixes.contains { file.description.hasSuffix($0) }
        }
    }

    /// Whether NetworkManager is installed, and not configured to ignore any device.
    func networkManagerTakesEverything(_ files: inout TextFiles) -> Bool {
        guard files.exists(paths.networkManager) else { return false }
        var configuration = [paths.networkManagerMainFile]
        for folder in paths.networkManagerSnippets {
            configuration += (files.names(in: folder) ?? []).filter { $0.hasSuffix(".conf") }.map { folder + "/\($0)" }
        }
        return !configuration.contains { file in
            files.lines(file).contains { $0.text.hasPrefix("unmanaged-devices") || $0.text == "managed=0" }
        }
    }
}
