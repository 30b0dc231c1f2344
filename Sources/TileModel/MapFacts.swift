// SPDX-License-Identifier: Apache-2.0

/// Where a viewer of a map begins, as in TileJSON: degrees and a level.
package struct MapCenter: Hashable, Sendable {
    package let longitude: Double
    package let latitude: Double
    package let level: Int

    /// Nil where a number is not finite or out of range.
    package init?(longitude: Double, latitude: Double, level: Int) {
        guard (-180...180).contains(longitude), (-90...90).contains(latitude),
            (0...Pyramid.maxMapLevel).contains(level)
        else { return nil }
        self.longitude = longitude
        self.latitude = latitude
        self.level = level
    }
}

/// One layer of vector tiles, as the `vector_layers` of TileJSON 3.0.0 describe it.
package struct VectorLayer: Hashable, Sendable {
    /// One attribute of the layer's features.
    package struct Field: Hashable, Sendable {
        package let name: String
        /// Its type, or a description of it, in the words of the tileset's maker.
        package let type: String

        package init(name: String, type: String) {
            self.name = name
            self.type = type
        }
    }

    package let id: String
    /// In the order of the metadata.
    package let fields: [Field]
    package let description: String?
    package let minLevel: Int?
    package let maxLevel: Int?

    package init(
        id: String,
        fields: [Field],
        description: String? = nil,
        minLevel: Int? = nil,
        maxLevel: Int? = nil
    ) {
        self.id = id
        self.fields = fields
        self.description = description
        self.minLevel = minLevel
        self.maxLevel = maxLevel
    }
}
