// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPFrontend
import HTTPMessages
import HTTPServer
import JSONText
import LockFree
import Telemetry
import TestSupport
import Testing
import TileCache
import TileModel
import TileService

@testable import orizuru

private let machine = MachineFacts(cores: 6, memory: .gibibytes(2))

private func load(
    _ arguments: [String] = ["slides"],
    environment: [String: String] = [:],
    file: String? = nil
) throws -> ServeConfiguration.Loaded {
    let config = file == nil ? [] : ["--config", "etc/site.json5"]
    let invocation = try CommandLineParser(program: .orizuru).parse(["serve"] + config + arguments)
    guard case .run(let command) = invocation else { throw ConfigurationError("not run") }
    return try ServeConfiguration.load(command, environment: environment, machine: machine) {
        (path) throws(ConfigurationError) in
        guard path == "etc/site.json5", let file else { throw ConfigurationError("no file \(path)") }
        return Array(file.utf8)
    }
}

private func refusal(
    _ arguments: [String] = ["slides"],
    environment: [String: String] = [:],
    file: String? = nil
) -> String? {
    do {
        _ = try load(arguments, environment: environment, file: file)
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite("the configuration")
struct ConfigurationTests {
    @Test("without any setting the defaults hold, and what is automatic follows the machine")
    func defaults() throws {
        let configuration = try load().configuration
        #expect(configuration.paths == ["slides"])
        #expect(configuration.listen == [.address(ListenAddress("127.0.0.1", port: 8080))])
        #expect(configuration.memory == .mebibytes(512))
        #expect(configuration.workers == 6 && configuration.reactors == 6 && configuration.queueLimit == 1024)
        #expect(configuration.parameters == .standard)
        #expect(configuration.eviction == .init(policy: .hitDensity, warmTimeToLive: nil))
        #expect(configuration.log == .init(level: .info, format: nil, access: nil))
        #expect(configuration.http.corsOrigin == ["*"] && configuration.http.idleTimeout == .seconds(75))
    }

    @Test("looking ahead is on unless it is switched off, and single tilesets may have a quality of their own")
    func lookAheadAndQuality() throws {
        let standard = try load().configuration
        #expect(standard.looksAhead && standard.parametersByTileset.isEmpty)
        #expect(try !load(["s", "--look-ahead", "off"]).configuration.looksAhead)
        #expect(try !load(environment: ["ORIZURU_LOOK_AHEAD": "off"]).configuration.looksAhead)
        #expect(try !load(file: "{lookAhead: false}").configuration.looksAhead)
        #expect(try load(file: "{lookAhead: 'on'}").configuration.looksAhead)
        #expect(refusal(["s", "--look-ahead", "maybe"]) != nil)
        let rules = try load(["s", "--tileset-quality", "world: 75; a:b: 60;"]).configuration.parametersByTileset
        #expect(rules.mapValues(\.quality) == ["world": 75, "a:b": 60])
        for wrong in ["world", "world: 0", "world: 101", ": 80", "a: 80; a: 70", ""] {
            #expect(refusal(["s", "--tileset-quality", wrong]) != nil, "\(wrong)")
        }
        let exact = refusal(["s", "--reconstruction", "exact", "--tileset-quality", "world: 75"])
        #expect(
            exact?.contains("tilesetQuality") == true || exact?.contains("tileset-quality") == true,
            "\(exact ?? "")"
        )
    }

    @Test("the automatic memory is a quarter of what there is, at most 1 GiB and never too little to work")
    func automaticMemory() throws {
        for (memory, expected) in [
            (ByteCount.gibibytes(64), ByteCount.gibibytes(1)), (.gibibytes(1), .mebibytes(256)),
            (.kibibytes(1), .mebibytes(16)),
        ] {
            let facts = MachineFacts(cores: 1, memory: memory)
            #expect(ServeConfiguration.Keys.memory.kind.read(.string("auto"), facts) == expected)
        }
    }

    @Test("flags win over the environment, the environment over the file, the file over the defaults")
    func precedence() throws {
        let file = "{workers: 2, memory: '1GiB', log: {level: 'debug', format: 'json'}, queueLimit: 7}"
        let environment = ["ORIZURU_WORKERS": "3", "ORIZURU_LOG_LEVEL": "error", "ORIZURU_MEMORY": "", "HOME": "/"]
        let loaded = try load(["slides", "--workers", "4"], environment: environment, file: file)
        #expect(loaded.configuration.workers == 4)
        #expect(loaded.configuration.log == .init(level: .error, format: .json, access: nil))
        #expect(loaded.configuration.queueLimit == 7)
        // An empty variable is an unset one.
        #expect(loaded.configuration.memory == .gibibytes(1))
        #expect(loaded.warnings.isEmpty)
    }

    @Test("paths come from the command line, the environment or the file, and the file's are meant from its folder")
    func paths() throws {
        let file = "{paths: ['slides', '/data', '../more']}"
        #expect(try load([], file: file).configuration.paths == ["etc/slides", "/data", "etc/../more"])
        let environment = ["ORIZURU_PATHS": "a:/b/c"]
        #expect(try load([], environment: environment, file: file).configuration.paths == ["a", "/b/c"])
        #expect(try load(["x"], environment: environment, file: file).configuration.paths == ["x"])
        #expect(refusal([])?.hasPrefix("there is nothing to serve") == true)
    }

    @Test("the variable ORIZURU_CONFIG names the file as the flag does, and an unreadable file is an error")
    func fileOfEnvironment() {
        #expect(refusal(environment: ["ORIZURU_CONFIG": "nowhere.json5"]) == "no file nowhere.json5")
        #expect(refusal(["--config=other.json5", "x"], environment: ["ORIZURU_CONFIG": "a"]) == "no file other.json5")
    }

    @Test(
        "a key that nobody knows is an error that names the nearest one and the place",
        arguments: [
            ("{\n  memroy: 1}", "etc/site.json5, line 2: there is no key 'memroy'; did you mean memory?"),
            (
                "{http: {idleTimeoud: '1s'}}",
                "etc/site.json5, line 1: there is no key 'http.idleTimeoud'; did you mean http.idleTimeout?"
            ),
            (
                "{idleTimeout: '1s'}",
                "etc/site.json5, line 1: there is no key 'idleTimeout'; did you mean http.idleTimeout?"
            ),
            ("{htpp: {}}", "etc/site.json5, line 1: there is no key 'htpp'; did you mean http?"),
            ("{log: {workers: 1}}", "etc/site.json5, line 1: there is no key 'log.workers'; did you mean workers?"),
            (
                "{log: {zzzzzzzzzzzz: 1}}",
                "etc/site.json5, line 1: there is no key 'log.zzzzzzzzzzzz'; the keys there are log.level, log.format, log.access"
            ),
            ("{http: 5}", "etc/site.json5, line 1: expected \"http\" to be an object { ... }, found a whole number"),
            ("[]", "etc/site.json5, line 1: expected the whole to be an object { ... }, found a list"),
            (
                "{workers: 1,\n\n workers: 2}",
                "etc/site.json5, line 3, column 2: the name \"workers\" is given twice in this object"
            ),
            ("{workers: }", "etc/site.json5, line 1, column 11: expected a value"),
        ]
    )
    func unknownKeys(file: String, message: String) {
        #expect(refusal(file: file) == message)
    }

    @Test("a value that is not accepted is refused with key, value, source and what is accepted")
    func values() {
        #expect(
            refusal(file: "{\n\n  workers: 0}")
                == "workers in etc/site.json5, line 3: 0 is not accepted; expected a whole number of threads from 1 to 512, or auto"
        )
        #expect(
            refusal(environment: ["ORIZURU_HTTP_IDLE_TIMEOUT": "75"])
                == """
                the environment variable ORIZURU_HTTP_IDLE_TIMEOUT: '75' is not accepted; expected a time with its unit such \
                as 500ms, 75s, 5min, 12h or 7d, from 100ms to 1d
                """
        )
        #expect(
            refusal(["s", "--eviction-policy=lru"])
                == "--eviction-policy: 'lru' is not accepted; expected hit-density or age-frequency"
        )
        #expect(
            refusal(["s", "--memory=1G"])?.hasPrefix("--memory: '1G' is not accepted; expected a size such as") == true
        )
        #expect(
            refusal(["s", "--listen=8080"])?.hasPrefix("--listen: '8080' is not accepted; expected one or more") == true
        )
        #expect(refusal(file: "{listen: 8080}")?.hasPrefix("listen in etc/site.json5, line 1: 8080 is not") == true)
        #expect(refusal(file: "{memory: null}")?.hasPrefix("memory in etc/site.json5, line 1: null is not") == true)
        #expect(refusal([], file: "{paths: 'a'}")?.contains("expected a list of paths") == true)
        #expect(refusal(["", "--workers", "1"])?.contains("expected a list of paths, none of them empty") == true)
        #expect(refusal(["s", "--http-cors-origin", "https://a.example/x"]) != nil)
        #expect(refusal(["s", "--http-cors-origin", "https://a.example\r\nX: y"]) != nil)
    }

    @Test("a quality other than 95 contradicts exact mode, and both places are named")
    func quality() throws {
        #expect(try load(["s", "--quality", "80"]).configuration.parameters.quality == 80)
        let exact = try load(["s", "--reconstruction", "exact"]).configuration.parameters
        #expect(exact.mode == .exact && exact.quality == 95)
        #expect(refusal(["s", "--reconstruction=exact", "--quality=95"]) == nil)
        #expect(
            refusal(["s", "--reconstruction=exact"], file: "{quality: 80}")
                == """
                quality in etc/site.json5, line 1: exact reconstruction (--reconstruction) always has quality 95; leave \
                quality out or set it to auto, or choose rounded
                """
        )
    }

    @Test("limits that contradict each other are refused")
    func limits() {
        for size in ["4KiB", "8KiB"] {
            let message = refusal(["s", "--http-header-bytes=\(size)"])
            #expect(message?.contains("not less than http.headerBytes (\(size))") == true)
        }
    }

    @Test("what the server cannot take is refused, not a trap: both ends of every number")
    func bounds() throws {
        for (flag, low, high) in [
            ("workers", "1", "512"), ("reactors", "1", "255"), ("memory", "4MiB", "16TiB"),
            ("http-header-bytes", "9KiB", "63KiB"),
        ] {
            for value in [low, high] {
                let configuration = try load(["s", "--\(flag)=\(value)"]).configuration
                // What the parts of the server demand of these numbers, as their own initialisers state it.
                _ = RequestLimits(
                    headByteCount: configuration.http.headerBytes.bytes,
                    targetByteCount: configuration.http.targetBytes.bytes
                )
                #expect((1...255).contains(configuration.reactors))
                #expect(configuration.workers + configuration.reactors < Collector.maxParticipants)
            }
        }
        for (flag, value) in [
            ("workers", "513"), ("reactors", "256"), ("memory", "3MiB"), ("http-header-bytes", "64KiB"),
        ] {
            #expect(refusal(["s", "--\(flag)=\(value)"]) != nil, "\(flag) \(value)")
        }
    }

    @Test("a variable with a slip in its name is mentioned, and those of other programs are not")
    func warnings() throws {
        let environment = ["ORIZURU_WORKRES": "3", "ORIZURU_SERVICE_HOST": "10.0.0.1", "ORIZURU_PORT": "tcp://1"]
        let warnings = try load(environment: environment).warnings
        #expect(warnings == ["the environment variable ORIZURU_WORKRES sets nothing; did you mean ORIZURU_WORKERS?"])
    }

    @Test("every key has its own flag and variable, is read once, and accepts its own default")
    func table() throws {
        let keys = ServeConfiguration.Keys.all
        #expect(Set(keys.map(\.path)).count == keys.count)
        #expect(Set(keys.compactMap(\.flag)).count == keys.count - 1)
        #expect(Set(keys.map(\.environment)).count == keys.count)
        let idle = try #require(keys.first { $0.path == "http.idleTimeout" })
        #expect(idle.flag == "http-idle-timeout" && idle.environment == "ORIZURU_HTTP_IDLE_TIMEOUT")
        let path = JSONNode(value: .string("x"), line: 1, column: 1)
        var reader = SettingReader(settings: ["paths": Setting(value: .array([path]), origin: .flag)], machine: machine)
        _ = try ServeConfiguration(&reader)
        #expect(reader.pathsRead == Set(keys.map(\.path)))
    }

    @Test("the example file is written from the table, names every key and holds the defaults")
    func example() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let place = root.appending(path: "config/orizuru.example.json5")
        if ProcessInfo.processInfo.environment["ORIZURU_WRITE_EXAMPLE"] != nil {
            try Data(ServeConfiguration.exampleText().utf8).write(to: place)
        }
        let text = try String(contentsOf: place, encoding: .utf8)
        #expect(
            text == ServeConfiguration.exampleText(),
            "write it anew: ORIZURU_WRITE_EXAMPLE=1 swift test --filter example"
        )
        let settings = try ConfigurationFile.settings(
            in: Array(text.utf8),
            path: "x",
            keys: ServeConfiguration.Keys.all
        )
        #expect(Set(settings.keys) == Set(ServeConfiguration.Keys.all.map(\.path)))
        for key in ServeConfiguration.Keys.all {
            #expect(settings[key.path]?.value == key.standard, "\(key.path)")
        }
        #expect(try load(file: text) == load())
    }
}

@Suite("sizes, times and addresses")
struct ConfigurationValueTests {
    @Test(
        "sizes are read exactly",
        arguments: [
            ("0", 0), ("4096", 4096), ("1B", 1), ("1KiB", 1024), ("1kB", 1000), ("1 MiB", 1 << 20), ("1.5GiB", 3 << 29),
            ("20GB", 20_000_000_000), ("20gb", 20_000_000_000), ("0.001kB", 1), ("2TiB", 2 << 40),
            ("9223372036854775807", Int.max),
            ("8388607TiB", 8_388_607 << 40),
        ]
    )
    func sizes(text: String, bytes: Int) throws {
        let count = try #require(ByteCount(text))
        #expect(count.bytes == bytes)
        #expect(ByteCount(count.description) == count)
    }

    @Test(
        "what is no size is refused",
        arguments: [
            "", " ", "GiB", "-1", "+1", "1G", "1M", "1.", ".5GiB", "1.5", "1.0001kB", "1e3", "1GiB ", " 1", "1  GiB",
            "0x10", "１",
            "9223372036854775808", "8388608TiB", "1.5.5GiB", "1GiBs", "99999999999999999999999GiB", "nan",
        ]
    )
    func noSizes(text: String) {
        #expect(ByteCount(text) == nil)
    }

    @Test(
        "times are read exactly",
        arguments: [
            ("500ms", 500), ("75s", 75_000), ("1.5s", 1500), ("5min", 300_000), ("5m", 300_000), ("12h", 43_200_000),
            ("7d", 604_800_000), ("0s", 0), ("1 s", 1000),
        ]
    )
    func times(text: String, milliseconds: Int) throws {
        let duration = try #require(DurationText.parse(text))
        #expect(duration == .milliseconds(milliseconds))
        #expect(DurationText.parse(DurationText.write(duration)) == duration)
    }

    @Test(
        "what is no time is refused",
        arguments: ["", "75", "s", "-1s", "1.0001ms", "1S", "1us", "9223372036854775807d", "1s ", "1h30m"]
    )
    func noTimes(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test("the longest times are cut instead of overflowing")
    func longTimes() {
        #expect(DurationText.wholeMilliseconds(.seconds(Int64.max)) == .max)
        #expect(DurationText.wholeMilliseconds(.seconds(Int64.min)) == .min)
        #expect(DurationText.parse(DurationText.write(.milliseconds(Int64.max))) == .milliseconds(Int64.max))
    }

    @Test(
        "listen addresses are split into host and port",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:80", "::1", 80), ("127.0.0.1:0", "127.0.0.1", 0),
            ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535), ("tile-server_1.example:1", "tile-server_1.example", 1),
        ]
    )
    func addresses(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(parsing: text))
        #expect(address.address == host && Int(address.port) == port && address.description == text)
    }

    @Test("localhost is this machine's address")
    func localhost() { #expect(ListenAddress(parsing: "localhost:8080")?.description == "127.0.0.1:8080") }

    @Test(
        "what is no listen address is refused",
        arguments: [
            "", ":", "8080", ":8080", "::1", "::1:80", "[::1]", "[::1]:", "[]:80", "[localhost]:80", "a:65536", "a:-1",
            "a:+1",
            "a:٣", "a b:1", "a\r\n:1", "http://a:1", "a:1/", "[::1:80",
        ]
    )
    func noAddresses(text: String) {
        #expect(ListenAddress(parsing: text) == nil)
    }

    @Test("several places to listen are read, Unix sockets and handed-over ones among them")
    func listenPlaces() {
        let read = ServeConfiguration.Keys.listen.kind.read
        let machine = MachineFacts(cores: 1, memory: .gibibytes(1))
        let places = read(.string("127.0.0.1:80, [::1]:81,unix:/run/a.sock, systemd"), machine)
        #expect(
            places == [
                .address(ListenAddress("127.0.0.1", port: 80)), .address(ListenAddress("::1", port: 81)),
                .unix(path: "/run/a.sock"), .inherited,
            ]
        )
        for text in ["", "unix:", "unix:relative", "127.0.0.1:80,", "unix:/" + String(repeating: "a", count: 200)] {
            #expect(read(.string(text), machine) == nil, "\(text)")
        }
    }

    @Test("the Cache-Control of single tilesets is read, and a rule that says nothing clear is refused")
    func cacheRules() throws {
        let read = ServeConfiguration.Keys.cacheControl.kind.read
        let machine = MachineFacts(cores: 1, memory: .gibibytes(1))
        let found = try #require(read(.string("a: private, max-age=1h; b-2: no-store;"), machine))
        let rules = try #require(found)
        #expect(rules["a"]?.maxAge == 3600 && rules["a"]?.isPublic == false && rules["a"]?.staleWhileRevalidate == nil)
        #expect(rules["b-2"]?.isStored == false && rules.count == 2)
        for text in [
            "", "a", "a:", "a: public", "a: max-age", "a: max-age=-1", "a: max-age=1h; a: no-store", "a: fresh=1h",
        ] {
            #expect(read(.string(text), machine) == nil, "\(text)")
        }
        let off = try #require(read(.string("off"), machine))
        #expect(off == nil)
    }

    @Test("several origins are read, a star stands alone")
    func origins() throws {
        let read = ServeConfiguration.Keys.corsOrigin.kind.read
        let machine = MachineFacts(cores: 1, memory: .gibibytes(1))
        #expect(
            read(.string("https://a.example, http://b.example:81"), machine) == [
                "https://a.example", "http://b.example:81",
            ]
        )
        if read(.string("*, https://a.example"), machine) != nil { Issue.record("a star among origins was taken") }
    }

    @Test("limits of control groups are found in both versions, and the least counts")
    func controlGroups() {
        let version2 = [
            "/proc/meminfo": "MemTotal:       16777216 kB\nMemFree: 1 kB\n", "/proc/self/cgroup": "0::/a/b\n",
            "/sys/fs/cgroup/a/memory.max": "1073741824\n", "/sys/fs/cgroup/a/b/memory.max": "max\n",
            "/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n", "/sys/fs/cgroup/a/cpu.max": "max 100000\n",
        ]
        let second = ProcFiles { version2[$0] }
        #expect(second.memory() == .gibibytes(1))
        #expect(second.coresOfControlGroups() == 2)
        let version1 = [
            "/proc/meminfo": "MemTotal:       16777216 kB\n",
            "/proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\nnonsense\n0::/\n",
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "536870912\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
        ]
        let first = ProcFiles { version1[$0] }
        #expect(first.memory() == .mebibytes(512))
        #expect(first.coresOfControlGroups() == nil)
        let nothing = ProcFiles { _ in nil }
        #expect(nothing.memory() == nil && nothing.coresOfControlGroups() == nil)
        #expect(ProcFiles.totalOfMemory("MemTotal: 99999999999999999999 kB") == nil)
    }

    @Test("this machine has at least one core and some memory")
    func thisMachine() {
        let facts = MachineFacts.current()
        #expect(facts.cores >= 1 && facts.memory > .mebibytes(1))
    }
}

@Suite("configuration files on disk")
struct BoundedFileTests {
    @Test("a file is read whole, an absent one and a folder are named, an endless one is given up")
    func reading() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "orizuru-\(UUID().uuidString).json5")
        defer { try? FileManager.default.removeItem(at: place) }
        try Data(repeating: 0x20, count: 200_000).write(to: place)
        #expect(try BoundedFile.read(place.path, maxBytes: 1 << 20).count == 200_000)
        for path in ["/nowhere/at/all", "/", "/dev/zero"] {
            let error = #expect(throws: ConfigurationError.self) { try BoundedFile.read(path, maxBytes: 1 << 20) }
            #expect(error?.description.contains("reading \(path) ") == true)
        }
    }
}

@Suite("What was promised of the configuration")
struct PromisedConfigurationTests {
    @Test("docs/configuration.md names every promised key, and every key and default it names of ours is right")
    func promisedKeys() throws {
        let place = SharedData.packageRoot.appending(path: "docs/configuration.md")
        let text = try String(contentsOf: place, encoding: .utf8)
        let promised = [
            "l1_capacity", "ttl_seconds", "l2_capacity", "bloom_bits", "bloom_expected", "bloom_shards",
            "redis_pool_size", "redis_command_timeout_secs", "use_sled", "sled_flush_ms", "sled_cache_bytes",
        ]
        let keys = Dictionary(uniqueKeysWithValues: ServeConfiguration.Keys.all.map { ($0.path, $0) })
        var found = 0
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let name = cells.first?.split(separator: "`").first, promised.contains(String(name)) else { continue }
            found += 1
            guard cells[2] != "none", let path = cells[2].split(separator: "`").first else { continue }
            let key = try #require(keys[String(path)], "\(path) is no key")
            // `the same budget` says it of the row above.
            let standard = key.standardText ?? ""
            #expect(
                cells[3].hasPrefix(standard) || cells[3] == "the same budget",
                "\(path): \(cells[3]) for \(standard)"
            )
        }
        #expect(found == promised.count)
    }

    @Test("docs/operations.md names keys of ours alone, and their defaults")
    func operatedKeys() throws {
        let place = SharedData.packageRoot.appending(path: "docs/operations.md")
        let text = try String(contentsOf: place, encoding: .utf8)
        let keys = Dictionary(uniqueKeysWithValues: ServeConfiguration.Keys.all.map { ($0.path, $0) })
        var found = 0
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            // The table of keys; others are of what may happen.
            guard cells.count == 3, let name = cells[0].split(separator: "`").first,
                name == "redis" || name.hasPrefix("shared.")
            else { continue }
            let key = try #require(keys[String(name)], "\(name) is no key")
            #expect(cells[1] == key.standardText, "\(name)")
            found += 1
        }
        #expect(
            found == keys.keys.count { $0.hasPrefix("shared.") } + 1,
            "every key of the shared tier, and where it is"
        )
        for group in ["disk", "shared", "eviction", "http", "maps"] {
            for name in text.matches(of: try Regex("`(\(group)\\.[A-Za-z]+)")).compactMap({ $0.output[1].substring }) {
                #expect(keys[String(name)] != nil, "\(name) is no key")
            }
        }
    }

    @Test("the folder for tiles is the user's cache folder, by the rules of XDG, another one, or none")
    func cacheFolder() {
        func path(_ folder: CacheFolder, _ environment: [String: String]) -> String? {
            folder.path { environment[$0] }
        }
        #expect(path(.automatic, ["XDG_CACHE_HOME": "/c", "HOME": "/h"]) == "/c/orizuru")
        #expect(path(.automatic, ["XDG_CACHE_HOME": "relative", "HOME": "/h"]) == "/h/.cache/orizuru")
        #expect(path(.automatic, ["HOME": "/h"]) == "/h/.cache/orizuru")
        #expect(path(.automatic, [:]) == nil)
        #expect(path(.folder("tiles"), ["HOME": "/h"]) == "tiles")
        #expect(path(.none, ["HOME": "/h"]) == nil)
    }
}
