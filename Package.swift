// swift-tools-version: 6.3
// SPDX-License-Identifier: Apache-2.0
//
// Orizuru: a tile server for microscope slides and maps.
// The core needs the toolchain, libpng-dev and libturbojpeg0-dev. Nothing is fetched.

import PackageDescription

/// Settings of every Swift target: one list, so that no module is laxer than another.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),  // SE-0458
    .treatAllWarnings(as: .error),  // SE-0480
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
]

let cSettings: [CSetting] = [
    .unsafeFlags(["-Wall", "-Wextra", "-Werror"])
]

/// A module of `Sources/<name>` and its tests in `Tests/<name>Tests`.
func module(
    _ name: String,
    _ dependencies: [String] = [],
    testDependencies: [String] = [],
    resources: [Resource]? = nil
) -> [Target] {
    [
        .target(
            name: name,
            dependencies: dependencies.map { .byName(name: $0) },
            resources: resources,
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "\(name)Tests",
            dependencies: (["\(name)", "TestSupport"] + dependencies + testDependencies).map { .byName(name: $0) },
            swiftSettings: swiftSettings
        ),
    ]
}

let modules: [[Target]] = [
    module("TileModel"),
    module("LockFree", ["CPlatform"]),
    module("Telemetry", ["LockFree", "CPlatform"]),
    module("ImageCodecs", ["CTurboJPEG", "CPNGCalls", "CPlatform"]),
    module("FamilyRendering", ["TileModel", "ImageCodecs"]),
    module("TileSources", ["TileModel", "FamilyRendering", "ImageCodecs", "LockFree", "Telemetry"]),
    module("TileCache", ["TileModel", "LockFree", "Telemetry", "CPlatform"]),
    module(
        "TilePipeline",
        ["TileModel", "ImageCodecs", "FamilyRendering", "TileSources", "TileCache", "LockFree", "Telemetry", "CPlatform"]
    ),
    module("HTTPMessages", ["CPlatform"]),
    module("HTTPServer", ["HTTPMessages", "LockFree", "Telemetry", "CPlatform"]),
    module("TileDescriptions", ["TileModel"]),
    module(
        "TileService",
        [
            "TileModel", "TileDescriptions", "TileSources", "FamilyRendering", "ImageCodecs", "TileCache", "TilePipeline",
            "HTTPMessages", "HTTPServer", "LockFree", "Telemetry", "CPlatform",
        ],
        resources: [
            .embedInCode("Pages/viewer.html"), .embedInCode("Pages/viewer.js"), .embedInCode("Pages/viewer.css"),
            .embedInCode("Pages/catalog.html"),
        ]
    ),
    module("PyramidBuilding", ["TileModel", "ImageCodecs", "FamilyRendering"], testDependencies: ["TileSources"]),
    module("Prewarm", ["TileModel", "HTTPMessages", "CPlatform"]),
]

let package = Package(
    name: "orizuru",
    products: [
        .executable(name: "orizuru", targets: ["orizuru"])
    ],
    targets: modules.flatMap { $0 } + [
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .target(name: "CPNGCalls", dependencies: ["CPNG"], cSettings: cSettings),
        .target(name: "CPlatform", cSettings: cSettings),
        .target(name: "TestSupport", dependencies: ["CPlatform"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        .executableTarget(
            name: "orizuru",
            dependencies: [
                "TileModel", "TileSources", "TileCache", "TilePipeline", "TileService", "HTTPServer", "FamilyRendering",
                "ImageCodecs", "PyramidBuilding", "Prewarm", "Telemetry", "LockFree", "CPlatform",
            ],
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
            dependencies: ["orizuru", "TestSupport", "TileModel", "ImageCodecs", "CPlatform"],
            swiftSettings: swiftSettings
        ),
    ]
)
