// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import PyramidBuilding

#if JPEGRows
import JPEGRows
#endif
#if TIFF
import TIFFSource
#endif
#if OpenSlide
import OpenSlideSource
#endif

/// The optional integrations that this executable was built with: the one file of the command that knows the package's
/// traits. What was left out is named where somebody asks for it.
enum Integrations {
    /// Adds the forms of pictures that optional modules read.
    static func addForms(to forms: inout BuildInputForms) {
        #if JPEGRows
        forms.jpegRows = { (descriptor, maxHeldBytes) throws(CodecError) in
            try JPEGFileRows(descriptor: descriptor, maxHeldBytes: maxHeldBytes)
        }
        #else
        forms.absent.append("JPEGRows")
        #endif
        #if TIFF
        forms.pictures.append(
            PictureForm(name: "TIFF", recognizes: { _, head in TIFFRows.recognizes(head) }) {
                (path) throws(CodecError) in try TIFFRows(path: path)
            }
        )
        #else
        forms.absent.append("TIFF")
        #endif
        // After TIFF: what libtiff decodes by itself costs less there.
        #if OpenSlide
        forms.pictures.append(
            PictureForm(name: "slide", recognizes: { path, _ in OpenSlideRows.recognizes(path) }) {
                (path) throws(CodecError) in try OpenSlideRows(path: path)
            }
        )
        #else
        forms.absent.append("OpenSlide")
        #endif
    }
}
