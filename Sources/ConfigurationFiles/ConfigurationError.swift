// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// A place in a configuration file.
package struct Place: Hashable, Sendable, CustomStringConvertible {
    /// The name that the file was given by.
    package let file: String
    /// 1-based; nil when the file as a whole is meant.
    package var line: Int?
    package var column: Int?

    package init(file: String, line: Int? = nil, column: Int? = nil) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `buslane.yaml:12:5`, the form that compilers and editors use.
    package var description: String {
        [file, line.map(String.init), column.map(String.init)].compactMap(\.self).joined(separator: ":")
    }
}

/// What is wrong at one place of a configuration.
package struct ConfigurationError: Reportable, Hashable {
    package let place: Place
    package let problem: String
    package var remedy: String?

    package init(at place: Place, _ problem: String, remedy: String? = nil) {
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    package var report: ErrorReport {
        ErrorReport(.unprocessable, "bad-configuration", place, "\(place): \(problem)", remedy: remedy)
    }
}

extension ConfigurationError {
    /// - Parameter text: the file's text, which shows whether a tab is the reason.
    init(yaml error: YAMLError, file: String, text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let line = error.mark.flatMap { lines.dropFirst($0.line - 1).first }
        let indentation = line?.prefix { $0 == " " || $0 == "\t" } ?? ""
        self.init(
            at: Place(file: file, line: error.mark?.line, column: error.mark?.column), error.problem,
            remedy: indentation.contains("\t") ? "indent with spaces: YAML does not allow tabs" : nil)
    }
}

/// The errors of one file. Reading goes on after an error: only the value with the error is skipped.
final class Complaints {
    /// The largest number of errors that are kept. The others are counted.
    static let most = 100

    private var errors: [ConfigurationError] = []
    /// The number of errors so far.
    private(set) var count = 0

    /// Ignores an error that it has already: some values are read twice.
    func add(_ error: ConfigurationError) {
        if errors.contains(error) { return }
        count += 1
        if errors.count < Self.most { errors.append(error) }
    }

    /// Sorted by line and column; errors of the whole file come first. The last one counts those that are not listed.
    ///
    /// - Parameter file: the name that errors bear.
    func inOrder(in file: String) -> [ConfigurationError] {
        // Errors at one place keep the order in which they were found.
        func rank(_ entry: (offset: Int, element: ConfigurationError)) -> (Int, Int, Int) {
            (entry.element.place.line ?? 0, entry.element.place.column ?? 0, entry.offset)
        }
        let listed = errors.enumerated().sorted { rank($0) < rank($1) }.map(\.element)
        if count == listed.count { return listed }
        return listed + [
            ConfigurationError(
                at: Place(file: file), "has \(count - listed.count) more errors", remedy: "correct these first")
        ]
    }
}
