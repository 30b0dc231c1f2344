// SPDX-License-Identifier: Apache-2.0

extension RasterImage {
    /// The picture's luma (JFIF) as a gray one; alpha is laid over white.
    package func gray() -> RasterImage {
        let opaque = flattenedOverWhite()
        guard opaque.channels == 3 else { return opaque }
        var result: [UInt8] = []
        result.reserveCapacity(width * height)
        for place in Swift.stride(from: 0, to: opaque.pixels.count, by: 3) {
            result.append(
                JFIFColour.luma(opaque.pixels[place], opaque.pixels[place + 1], opaque.pixels[place + 2])
            )
        }
        return RasterImage(width: width, height: height, channels: 1, pixels: result)
    }

    /// Black where the luma is below 128, white elsewhere; one channel.
    package func bitonal() -> RasterImage {
        var result = gray()
        for place in result.pixels.indices { result.pixels[place] = result.pixels[place] < 128 ? 0 : 255 }
        return result
    }

    /// The picture with three channels: gray repeated, alpha laid over white.
    package func asRGB() -> RasterImage {
        let opaque = flattenedOverWhite()
        guard opaque.channels == 1 else { return opaque }
        var result: [UInt8] = []
        result.reserveCapacity(width * height * 3)
        for value in opaque.pixels { result += [value, value, value] }
        return RasterImage(width: width, height: height, channels: 3, pixels: result)
    }
}
