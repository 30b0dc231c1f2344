// SPDX-License-Identifier: Apache-2.0

import JSONText
import TileModel

/// Pictures and maps.
extension ServeConfiguration.Keys {
    static let reconstruction = ConfigurationKey<ReconstructionParameters.Mode>(
        "reconstruction",
        .choice("MODE"),
        standard: .string("rounded"),
        group: picture,
        help: """
            How tiles are rebuilt from residuals. rounded: nearer to the original picture. exact: the bytes of the \
            reference implementation.
            """
    )
    static let quality = ConfigurationKey(
        "quality",
        SettingKind.count(1...100).orNone("auto"),
        standard: .string("auto"),
        group: picture,
        help: """
            The JPEG quality of tiles that are encoded. auto: \(ReconstructionParameters.defaultQuality) in rounded \
            mode, \(ReconstructionParameters.exactQuality) in exact mode, which knows no other.
            """
    )
    static let tilesetQuality = ConfigurationKey(
        "tilesetQuality",
        SettingKind.qualityRules.orNone("off"),
        standard: .string("off"),
        group: picture,
        help: "The JPEG quality of single tilesets, by id, in place of quality. Stored tiles are sent as they are."
    )
    static let overzoom = ConfigurationKey(
        "maps.overzoom",
        SettingKind.overzoomRules.orNone("off"),
        standard: .string("off"),
        group: maps,
        help: """
            How many levels below their last one maps of JPEG or PNG tiles are served, cut out of their finest tiles \
            and enlarged. off: none.
            """
    )
    static let watch = ConfigurationKey<SettingSwitch>(
        "maps.watch",
        .choice("SWITCH"),
        standard: .string("on"),
        group: maps,
        help: """
            Whether files are watched (inotify), so that a tileset that changes is opened again by itself. off: on \
            SIGHUP alone.
            """
    )
}
