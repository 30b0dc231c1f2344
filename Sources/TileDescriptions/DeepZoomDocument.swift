// SPDX-License-Identifier: Apache-2.0

package import TileModel

/// The `.dzi` document of a Deep Zoom pyramid. Source: Microsoft Deep Zoom schema 2008.
package enum DeepZoomDocument {
    /// The XML text. `format` becomes the extension that viewers put into tile URLs.
    package static func text(pyramid: Pyramid, format: TileFormat) -> String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <Image xmlns="http://schemas.microsoft.com/deepzoom/2008" TileSize="\(pyramid.tileSize)" \
        Overlap="\(pyramid.overlap)" Format="\(format.fileExtensions[0])">
          <Size Width="\(pyramid.size.width)" Height="\(pyramid.size.height)"/>
        </Image>

        """
    }
}
