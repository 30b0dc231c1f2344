// SPDX-License-Identifier: Apache-2.0

import TileModel

/// The capabilities of the map tile service: every map that is served, in the tile grid of web maps.
///
/// Source: OGC 07-057r7 (WMTS 1.0.0), its Annex E for the grid GoogleMapsCompatible, and OGC 17-083r4 for the name
/// WebMercatorQuad. Slides have no place on the earth, so they are no layers.
package enum WMTSDocument {
    /// Half of the equator's length in EPSG:3857, in metres.
    private static let halfSpan = "20037508.342789244"

    /// The name of the grid of square tiles of a size; `WebMercatorQuad` alone is a registered one.
    package static func gridName(tileSize: Int) -> String {
        tileSize == 256 ? "WebMercatorQuad" : "WebMercatorQuad-\(tileSize)"
    }

    /// The text of `WMTSCapabilities.xml`, and the answer to GetCapabilities.
    ///
    /// - Parameters:
    ///   - tilesets: all of the catalog; slides and vector tiles are left out.
    ///   - base: what absolute URLs begin with.
    package static func capabilities(of tilesets: [TilesetSummary], base: String) -> String {
        let maps = tilesets.filter(\.isMapLayer)
        let home = markupEscaped(base)
        var sizes: [Int: Int] = [:]
        for map in maps { sizes[map.pyramid.tileSize] = max(sizes[map.pyramid.tileSize] ?? 0, map.pyramid.maxLevel) }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1" \
            xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
            xsi:schemaLocation="http://www.opengis.net/wmts/1.0 \
            http://schemas.opengis.net/wmts/1.0/wmtsGetCapabilities_response.xsd" version="1.0.0">
              <ows:ServiceIdentification>
                <ows:Title>Orizuru</ows:Title>
                <ows:ServiceType>OGC WMTS</ows:ServiceType>
                <ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion>
              </ows:ServiceIdentification>
              <ows:OperationsMetadata>
            \(operation("GetCapabilities", home))
            \(operation("GetTile", home))
              </ows:OperationsMetadata>
              <Contents>
            \(maps.map { layer($0, home) }.joined(separator: "\n"))
            \(sizes.sorted { $0.key < $1.key }.map { grid(tileSize: $0.key, finest: $0.value) }.joined(separator: "\n"))
              </Contents>
              <ServiceMetadataURL xlink:href="\(home)/wmts/1.0.0/WMTSCapabilities.xml"/>
            </Capabilities>

            """
    }

    private static func operation(_ name: String, _ home: String) -> String {
        """
            <ows:Operation name="\(name)">
              <ows:DCP>
                <ows:HTTP>
                  <ows:Get xlink:href="\(home)/wmts?">
                    <ows:Constraint name="GetEncoding">
                      <ows:AllowedValues><ows:Value>KVP</ows:Value></ows:AllowedValues>
                    </ows:Constraint>
                  </ows:Get>
                </ows:HTTP>
              </ows:DCP>
            </ows:Operation>
        """
    }

    private static func layer(_ map: TilesetSummary, _ home: String) -> String {
        let bounds = map.bounds ?? .webMercator
        let id = markupEscaped(map.id)
        let media = map.format.mediaType
        let template = "\(home)/wmts/\(id)/{TileMatrix}/{TileRow}/{TileCol}"
        let levels = map.pyramid.levels
        let limits = levels.map { level in
            let last = (1 << level) - 1
            return """
                          <TileMatrixLimits>
                            <TileMatrix>\(level)</TileMatrix>
                            <MinTileRow>0</MinTileRow><MaxTileRow>\(last)</MaxTileRow>
                            <MinTileCol>0</MinTileCol><MaxTileCol>\(last)</MaxTileCol>
                          </TileMatrixLimits>
                """
        }
        return """
                <Layer>
                  <ows:Title>\(markupEscaped(map.title))</ows:Title>
                  <ows:WGS84BoundingBox>
                    <ows:LowerCorner>\(bounds.west) \(bounds.south)</ows:LowerCorner>
                    <ows:UpperCorner>\(bounds.east) \(bounds.north)</ows:UpperCorner>
                  </ows:WGS84BoundingBox>
                  <ows:Identifier>\(id)</ows:Identifier>
                  <Style isDefault="true"><ows:Identifier>default</ows:Identifier></Style>
                  <Format>\(media)</Format>
                  <TileMatrixSetLink>
                    <TileMatrixSet>\(gridName(tileSize: map.pyramid.tileSize))</TileMatrixSet>
                    <TileMatrixSetLimits>
            \(limits.joined(separator: "\n"))
                    </TileMatrixSetLimits>
                  </TileMatrixSetLink>
                  <ResourceURL format="\(media)" resourceType="tile" \
            template="\(template).\(map.format.fileExtensions[0])"/>
                </Layer>
            """
    }

    private static func grid(tileSize: Int, finest: Int) -> String {
        let matrices = (0...finest).map { level in
            // The scale of one 256-pixel tile of the whole world at pixels of 0.28 mm; exact halvings of it.
            let scale = 559_082_264.028_717_8 * 256 / Double(tileSize) / Double(1 << level)
            return """
                      <TileMatrix>
                        <ows:Identifier>\(level)</ows:Identifier>
                        <ScaleDenominator>\(scale)</ScaleDenominator>
                        <TopLeftCorner>-\(halfSpan) \(halfSpan)</TopLeftCorner>
                        <TileWidth>\(tileSize)</TileWidth>
                        <TileHeight>\(tileSize)</TileHeight>
                        <MatrixWidth>\(1 << level)</MatrixWidth>
                        <MatrixHeight>\(1 << level)</MatrixHeight>
                      </TileMatrix>
                """
        }
        let registered =
            tileSize == 256
            ? "\n      <WellKnownScaleSet>urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible</WellKnownScaleSet>" : ""
        return """
                <TileMatrixSet>
                  <ows:Identifier>\(gridName(tileSize: tileSize))</ows:Identifier>
                  <ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>\(registered)
            \(matrices.joined(separator: "\n"))
                </TileMatrixSet>
            """
    }
}
