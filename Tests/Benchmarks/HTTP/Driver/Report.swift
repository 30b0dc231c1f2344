// SPDX-License-Identifier: Apache-2.0

import Glibc

func firstLine(_ text: String) -> String { text.split(separator: "\n").first.map(String.init) ?? "" }

func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}

func report(_ figures: [(String, Double)], _ options: Options) throws {
    unsafe mkdir(".build", 0o755)
    unsafe mkdir(".build/bench", 0o755)
    let model =
        String(decoding: contents(of: "/proc/cpuinfo"), as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix("model name") }?.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "?"
    let machine = "\(model), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors"
    let commit = firstLine((try? run("/usr/bin/git", ["rev-parse", "--short", "HEAD"])) ?? "?")
    let lines = figures.filter { $0.1.isFinite }.map { "    \(quoted($0.0)): \(fixed($0.1, 4))" }
    let command =
        "bench-http --rounds \(options.rounds) --seconds \(options.seconds) --path \(options.path) -- "
        + options.command.joined(separator: " ")
    let text = """
        {
          "command": \(quoted(command)),
          "machine": \(quoted(machine)),
          "commit": \(quoted(commit)),
          "figures": {
        \(lines.joined(separator: ",\n"))
          }
        }

        """
    write(text.utf8, to: ".build/bench/http.json")
    say("\nfigures in .build/bench/http.json")
}
