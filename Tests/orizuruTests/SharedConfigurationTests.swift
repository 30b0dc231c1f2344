// SPDX-License-Identifier: Apache-2.0

import JSONText
import Testing

@testable import orizuru

@Suite("The shared tier in the configuration")
struct SharedConfigurationTests {
    private func configuration(_ settings: [String: JSONValue]) throws(ConfigurationError) -> ServeConfiguration {
        let path = JSONNode(value: .string("x"), line: 1, column: 1)
        var all = ["paths": Setting(value: .array([path]), origin: .flag)]
        for (key, value) in settings { all[key] = Setting(value: value, origin: .flag) }
        var reader = SettingReader(settings: all, machine: MachineFacts(cores: 2, memory: .gibibytes(4)))
        return try ServeConfiguration(&reader)
    }

    private func refusal(_ settings: [String: JSONValue]) -> String? {
        do throws(ConfigurationError) {
            _ = try configuration(settings)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("nothing is shared unless a URL says where")
    func off() throws {
        let shared = try configuration([:]).shared
        #expect(shared.url == nil && shared.prefix.isEmpty && shared.connections == 4)
        #expect(shared.timeout == .milliseconds(50) && shared.timeToLive == .seconds(7 * 86_400))
    }

    #if Redis
    @Test("a URL that is none is refused with its key, and without its password")
    func badURL() throws {
        #expect(try configuration(["redis": .string("redis://:x@h/1")]).shared.url == "redis://:x@h/1")
        for url in ["rediss://u:hunter2@h", "redis://u:hunter2@h:x", "hunter2", "redis://u:hunter2@"] {
            let message = try #require(refusal(["redis": .string(url)]), "\(url)")
            #expect(message.hasPrefix("--redis: "))
            #expect(!message.contains("hunter2"), "\(message)")
        }
    }
    #else
    @Test("without the trait a URL is refused, and the trait is named")
    func noTrait() throws {
        let message = try #require(refusal(["redis": .string("redis://:hunter2@h")]))
        #expect(message.hasPrefix("--redis: "))
        #expect(message.contains("the package trait Redis") && message.contains("--traits Redis"))
        #expect(!message.contains("hunter2"))
    }
    #endif

    @Test("a prefix that would change what a cluster hashes is refused")
    func prefix() throws {
        #expect(try configuration(["shared.prefix": .string("lab:")]).shared.prefix == "lab:")
        for prefix in ["a{b", "a b", "", "é"] { #expect(refusal(["shared.prefix": .string(prefix)]) != nil) }
    }
}
