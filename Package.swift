// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
//
// Orizuru: a tile server for microscope slides and maps.
// The core needs the toolchain, libpng-dev (with zlib) and libturbojpeg0-dev. Nothing is fetched.

import PackageDescription

/// The fuzz targets (`Tests/Fuzz/run`) exist only where the environment asks for them: all that they use is then built
/// with the fuzzer's and the address sanitizer's instrumentation, and nothing else can be linked.
let isFuzzing = Context.environment["ORIZURU_FUZZ"] != nil

/// Settings of every Swift target: one list, so that no module is laxer than another.
let swiftSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),  // SE-0458
        .treatAllWarnings(as: .error),  // SE-0480
        .enableUpcomingFeature("ExistentialAny"),  // SE-0335
        .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
        .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    ] + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : [])
    // A fault on purpose, named by the environment: see Tests/Stress/run.
    + (Context.environment["ORIZURU_MUTATION"].map { [.define("MUTATION_\($0)")] } ?? [])

/// For the modules that a hit goes through: a release leaves out the run-time checks of exclusive access, a sixth of
/// the instructions of a hit. Debug builds, and so all tests, have them.
let hitPathSettings: [SwiftSetting] =
    swiftSettings + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// For the modules that go over every pixel: debug builds, and so all tests, optimise them. Without it the tests of pictures
/// and of servers that render take minutes. Every check stays, `assert` too.
let pixelSettings: [SwiftSetting] =
    swiftSettings + [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))]

let cSettings: [CSetting] = [
    .unsafeFlags(["-Wall", "-Wextra", "-Werror"] + (isFuzzing ? ["-fsanitize=address,fuzzer-no-link"] : []))
]

/// A module of `Sources/<name>` and its tests in `Tests/<name>Tests`.
func module(
    _ name: String,
    _ dependencies: [String] = [],
    testDependencies: [String] = [],
    resources: [Resource]? = nil,
    settings: [SwiftSetting] = swiftSettings
) -> [Target] {
    [
        .target(
            name: name,
            dependencies: dependencies.map { .byName(name: $0) },
            resources: resources,
            swiftSettings: settings
        ),
        .testTarget(
            name: "\(name)Tests",
            dependencies: (["\(name)", "TestSupport"] + dependencies + testDependencies).map { .byName(name: $0) },
            swiftSettings: swiftSettings
        ),
    ]
}

/// A module for one optional integration: `library` is linked, and its files (each inside `#if TRAIT`) hold something,
/// only where the package trait of that name is on. What uses the module depends on it under the same condition.
func optionalModule(_ name: String, trait: String, library: String, _ dependencies: [String]) -> [Target] {
    let own: [Target.Dependency] =
        dependencies.map { .byName(name: $0) } + [.target(name: library, condition: .when(traits: [trait]))]
    return [
        .target(name: name, dependencies: own, swiftSettings: swiftSettings),
        .testTarget(
            name: "\(name)Tests",
            dependencies: [.byName(name: name), "TestSupport"] + own,
            swiftSettings: swiftSettings
        ),
    ]
}

/// C calls around an optional library that Swift cannot make: jumps, variable argument lists. Empty without the trait.
func shim(_ name: String, trait: String, library: String, links: String) -> Target {
    .target(
        name: name,
        dependencies: [.target(name: library, condition: .when(traits: [trait]))],
        cSettings: cSettings + [.define(trait, .when(traits: [trait]))],
        linkerSettings: [.linkedLibrary(links, .when(traits: [trait]))]
    )
}

let modules: [[Target]] = [
    module("TileModel"),
    module("JSONText"),
    module("GZip", ["CZlib"]),
    module("LockFree", ["CPlatform"]),
    module("Telemetry", ["LockFree"]),
    module("ImageCodecs", ["CTurboJPEG", "CPNGCalls"], settings: pixelSettings),
    module("FamilyRendering", ["TileModel", "ImageCodecs", "CPlatform"], settings: pixelSettings),
    module(
        "TileSources",
        ["TileModel", "FamilyRendering", "ImageCodecs", "JSONText", "GZip", "LockFree", "Telemetry", "CPlatform"]
    ),
    module("TileCache", ["TileModel", "LockFree", "Telemetry", "CPlatform"]),
    module(
        "DiskTier",
        ["TileModel", "LockFree", "Telemetry", "CPlatform"],
        testDependencies: ["DiskFaults", "stress-disk"]
    ),
    module(
        "TilePipeline",
        [
            "TileModel", "GZip", "ImageCodecs", "FamilyRendering", "TileSources", "TileCache", "LockFree", "Telemetry",
            "CPlatform",
        ]
    ),
    optionalModule(
        "SharedTier",
        trait: "Redis",
        library: "CHiredis",
        ["TileModel", "LockFree", "Telemetry", "CPlatform"]
    ),
    module("HTTPMessages", ["CPlatform"]),
    module(
        "HTTPServer",
        ["HTTPMessages", "LockFree", "CPlatform"],
        testDependencies: ["hello-server"],
        settings: hitPathSettings
    ),
    module("HTTPFrontend", ["HTTPServer", "HTTPMessages", "LockFree", "Telemetry", "CPlatform"]),
    module("TileDescriptions", ["TileModel", "JSONText"]),
    module(
        "TileService",
        [
            "TileModel", "JSONText", "TileDescriptions", "TileSources", "TileCache", "TilePipeline", "HTTPMessages",
            "HTTPServer", "HTTPFrontend", "LockFree", "Prewarm", "Telemetry", "DiskTier", "CPlatform",
        ],
        resources: [
            "address.js", "attribution.js", "catalog.css", "catalog.html", "catalog.js", "compare.css", "compare.html",
            "compare.js", "format.js", "icon.svg", "input.js", "mercator.js", "motion.js", "offer.js", "overlay.js",
            "page.css",
            "page.js", "parts.html", "picture.js", "pyramid.js", "readout.js", "render.js", "scene.js", "snippets.js",
            "tiles.js", "vector.html", "vector.js", "viewer.css", "viewer.html", "viewer.js", "viewport.js",
        ].map { .embedInCode("Pages/\($0)") },
        settings: hitPathSettings
    ),
    module(
        "PyramidBuilding",
        [
            "TileModel", "JSONText", "LockFree", "Telemetry", "ImageCodecs", "FamilyRendering", "TileSources",
            "TileDescriptions",
        ],
        settings: pixelSettings
    ),
    module("Prewarm", ["TileModel", "JSONText", "LockFree"]),
    module(
        "TilesetExport",
        [
            "TileModel", "GZip", "JSONText", "TileDescriptions", "TileSources", "TileCache", "TilePipeline", "LockFree",
            "Telemetry",
        ]
    ),
    optionalModule(
        "MBTilesSource",
        trait: "MBTiles",
        library: "CSQLite",
        [
            "TileModel", "GZip", "JSONText", "LockFree", "Telemetry", "FamilyRendering", "TileSources", "TilesetExport",
        ]
    ),
    optionalModule("JPEGRows", trait: "JPEGRows", library: "CJPEGCalls", ["ImageCodecs"]),
    optionalModule("TIFFSource", trait: "TIFF", library: "CTIFFCalls", ["ImageCodecs"]),
    optionalModule("OpenSlideSource", trait: "OpenSlide", library: "COpenSlide", ["ImageCodecs"]),
]

/// What the command uses where its trait is on.
let integrations: [Target.Dependency] = [
    .target(name: "MBTilesSource", condition: .when(traits: ["MBTiles"])),
    .target(name: "JPEGRows", condition: .when(traits: ["JPEGRows"])),
    .target(name: "TIFFSource", condition: .when(traits: ["TIFF"])),
    .target(name: "OpenSlideSource", condition: .when(traits: ["OpenSlide"])),
    .target(name: "SharedTier", condition: .when(traits: ["Redis"])),
]

let fuzzTargets: [Target] = [
    .executableTarget(
        name: "fuzz-parsers",
        dependencies: [
            "TileModel", "TileSources", "FamilyRendering", "ImageCodecs", "HTTPMessages", "JSONText", "GZip",
            "TestSupport",
        ],
        path: "Tests/Fuzz",
        exclude: ["run"],
        swiftSettings: swiftSettings + [.unsafeFlags(["-parse-as-library"])],
        // The default linker trips over the debug information of instrumented code.
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]
    )
]

let package = Package(
    name: "orizuru",
    products: [
        .executable(name: "orizuru", targets: ["orizuru"]),
        // Preloaded into servers by benchmarks that count allocations.
        .library(name: "allocation-counter", type: .dynamic, targets: ["AllocationCounter"]),
        // Preloaded into servers by benchmarks and tests that let the disk stand still.
        .library(name: "delayed-disk", type: .dynamic, targets: ["DelayedDisk"]),
    ],
    traits: [
        .trait(name: "MBTiles", description: "MBTiles archives of maps (libsqlite3-dev)"),
        .trait(name: "TIFF", description: "tiled TIFF and SVS slides (libtiff-dev)"),
        .trait(name: "OpenSlide", description: "the slides of other vendors (libopenslide-dev)"),
        .trait(name: "Redis", description: "the shared tier (libhiredis-dev)"),
        .trait(
            name: "JPEGRows",
            description: "huge JPEGs read by rows, optimal Huffman tables (libjpeg62-turbo-dev)"
        ),
    ],
    targets: modules.flatMap { $0 } + [
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CTIFF", providers: [.apt(["libtiff-dev"])]),
        .systemLibrary(name: "COpenSlide", pkgConfig: "openslide", providers: [.apt(["libopenslide-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CJPEG", providers: [.apt(["libjpeg62-turbo-dev"])]),
        shim("CJPEGCalls", trait: "JPEGRows", library: "CJPEG", links: "jpeg"),
        shim("CTIFFCalls", trait: "TIFF", library: "CTIFF", links: "tiff"),
        .target(name: "CPNGCalls", dependencies: ["CPNG"], cSettings: cSettings),
        .target(name: "CPlatform", cSettings: cSettings),
        .target(
            name: "TestSupport",
            dependencies: ["ImageCodecs", "CPlatform"],
            path: "Tests/TestSupport",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "CAllocationCount",
            path: "Tests/Benchmarks/RenderAllocations",
            cSettings: cSettings
        ),
        .executableTarget(
            name: "bench-render",
            dependencies: [
                "TileModel", "ImageCodecs", "FamilyRendering", "CTurboJPEG", "CAllocationCount", "LockFree",
                "BenchmarkSupport", "TestSupport",
            ],
            path: "Tests/Benchmarks/Render",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-family",
            dependencies: ["TileModel", "LockFree", "Telemetry", "BenchmarkSupport", "TestSupport"],
            path: "Tests/Benchmarks/Family",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-build",
            dependencies: ["ImageCodecs", "BenchmarkSupport", "TestSupport"],
            path: "Tests/Benchmarks/Build",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "BenchmarkSupport",
            dependencies: ["TileModel", "Telemetry", "TestSupport", "CBenchmarkCalls"],
            path: "Tests/Benchmarks/Support",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "orizuru",
            dependencies: [
                "TileModel", "ImageCodecs", "FamilyRendering", "TileSources", "TileCache", "TilePipeline",
                "TileService",
                "HTTPMessages", "HTTPServer", "HTTPFrontend", "PyramidBuilding", "Prewarm", "TilesetExport", "JSONText",
                "Telemetry", "LockFree", "CPlatform", "DiskTier",
            ] + integrations,
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "hello-server",
            dependencies: ["HTTPServer", "HTTPMessages"],
            path: "docs/examples/hello-server",
            swiftSettings: swiftSettings
        ),
        .target(name: "CBenchmarkCalls", path: "Tests/Benchmarks/HTTP/Calls", cSettings: cSettings),
        .target(name: "AllocationCounter", path: "Tests/Benchmarks/HTTP/AllocationCounter", cSettings: cSettings),
        .executableTarget(name: "bare-loop", path: "Tests/Benchmarks/HTTP/BareLoop", cSettings: cSettings),
        .executableTarget(
            name: "bench-http",
            dependencies: ["TestSupport"],
            path: "Tests/Benchmarks/HTTP/Driver",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-latency",
            dependencies: ["TileModel", "LockFree", "Telemetry", "BenchmarkSupport", "TestSupport", "CBenchmarkCalls"],
            path: "Tests/Benchmarks/HTTP/Latency",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-prewarm",
            dependencies: ["BenchmarkSupport", "TestSupport"],
            path: "Tests/Benchmarks/Prewarm",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-eviction",
            dependencies: ["TileCache", "TileModel", "JSONText", "BenchmarkSupport", "TestSupport"],
            path: "Tests/Benchmarks/Eviction",
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "EvictionBenchmarkTests",
            dependencies: ["bench-eviction", "TileCache", "TestSupport"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-parser",
            dependencies: ["HTTPMessages"],
            path: "Tests/Benchmarks/Parser",
            exclude: ["run", "peer.c", "chrome.request", "curl.request"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-cache",
            dependencies: [
                "TileCache", "TileModel", "LockFree", "Telemetry", "CPlatform", "BenchmarkSupport", "TestSupport",
            ],
            path: "Tests/Benchmarks/Cache",
            exclude: ["dashmap"],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-bloom",
            dependencies: ["LockFree", "BenchmarkSupport", "TestSupport"],
            path: "Tests/Benchmarks/Bloom",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-shared",
            dependencies: ["LockFree", "BenchmarkSupport", "TestSupport"],
            path: "Tests/Benchmarks/Shared",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "stress-bloom",
            dependencies: ["LockFree", "TestSupport"],
            path: "Tests/Stress/Bloom",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "stress-server",
            dependencies: [
                "TileModel", "TileCache", "TilePipeline", "TileService", "HTTPServer", "Telemetry", "LockFree",
                "TestSupport", "DiskTier",
            ],
            path: "Tests/Stress/Server",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "DiskFaults",
            dependencies: ["DiskTier", "TileModel", "LockFree", "CPlatform"],
            path: "Tests/DiskFaults",
            // Makes and compares the bytes of every tile: without optimisation a kill takes seconds.
            swiftSettings: swiftSettings + [.unsafeFlags(["-O"], .when(configuration: .debug))]
        ),
        .target(name: "DelayedDisk", path: "Tests/Benchmarks/DelayedDisk", cSettings: cSettings),
        .executableTarget(
            name: "bench-disk",
            dependencies: [
                "DiskFaults", "DiskTier", "TileModel", "LockFree", "BenchmarkSupport", "TestSupport",
                .byName(name: "CSQLite", condition: .when(traits: ["MBTiles"])),
            ],
            path: "Tests/Benchmarks/Disk",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "bench-promises",
            dependencies: [
                "DiskFaults", "DiskTier", "TileCache", "TileModel", "LockFree", "Telemetry", "BenchmarkSupport",
                "TestSupport",
            ],
            path: "Tests/Benchmarks/Promises",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "stress-disk",
            dependencies: ["DiskFaults", "DiskTier", "TileModel", "LockFree", "TestSupport"],
            path: "Tests/Stress/Disk",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "stress-cache",
            dependencies: ["TileCache", "TileModel", "LockFree", "Telemetry", "CPlatform", "TestSupport"],
            path: "Tests/Stress/Cache",
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "orizuruTests",
            dependencies: [
                "orizuru", "TestSupport", "TileModel", "TileSources", "TileCache", "ImageCodecs", "HTTPMessages",
                "HTTPServer",
                "HTTPFrontend", "TileService",
                "Prewarm", "JSONText", "FamilyRendering",
                "Telemetry", "LockFree", "CPlatform",
            ],
            exclude: ["clients"],
            swiftSettings: swiftSettings
        ),
    ] + (isFuzzing ? fuzzTargets : [])
)
