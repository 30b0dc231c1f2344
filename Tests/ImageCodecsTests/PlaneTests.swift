// SPDX-License-Identifier: Apache-2.0

import ImageCodecs
import TestSupport
import Testing

@Suite("Planes")
struct PlaneTests {
    @Test("a plane outlives its buffer and the buffer's growth")
    func outlivesItsBuffer() {
        var buffer: PlaneBuffer? = PlaneBuffer()
        guard let plane = buffer?.plane(width: 10, height: 4) else { return }
        plane.fill(7)
        _ = buffer?.plane(width: 1000, height: 1000)
        buffer = nil
        #expect(plane.samples.allSatisfy { $0 == 7 })
    }

    @Test("a buffer keeps its memory for smaller planes")
    func keepsMemory() {
        let buffer = PlaneBuffer()
        _ = buffer.plane(width: 100, height: 100)
        let capacity = buffer.capacity
        #expect(capacity >= 100 * 100)
        _ = buffer.plane(width: 20, height: 20)
        #expect(buffer.capacity == capacity)
    }

    @Test("edges repeat the last column and row")
    func edges() {
        let plane = Plane(width: 4, height: 3)
        plane.fill(9)
        (plane[0, 0], plane[1, 0], plane[0, 1], plane[1, 1]) = (1, 2, 3, 4)
        plane.replicateEdges(beyondWidth: 2, height: 2)
        #expect(plane.samples == [1, 2, 2, 2, 3, 4, 4, 4, 3, 4, 4, 4])
        plane.fill(255, beyondWidth: 1, height: 2)
        #expect(plane.samples == [1, 255, 255, 255, 3, 255, 255, 255, 255, 255, 255, 255])
    }

    @Test("the RGB conversion is JFIF's, to within rounding, for a grid of all colours")
    func jfif() {
        for red in stride(from: 0, through: 255, by: 15) {
            for green in stride(from: 0, through: 255, by: 15) {
                for blue in stride(from: 0, through: 255, by: 15) {
                    let (r, g, b) = (Double(red), Double(green), Double(blue))
                    let luma = JFIFColour.luma(UInt8(red), UInt8(green), UInt8(blue))
                    let chroma = JFIFColour.chroma(UInt8(red), UInt8(green), UInt8(blue))
                    #expect(abs(Double(luma) - (0.299 * r + 0.587 * g + 0.114 * b)) <= 0.51)
                    let expectedBlue = min(255, -0.168736 * r - 0.331264 * g + 0.5 * b + 128)
                    let expectedRed = min(255, 0.5 * r - 0.418688 * g - 0.081312 * b + 128)
                    #expect(abs(Double(chroma.blue) - expectedBlue) <= 0.51)
                    #expect(abs(Double(chroma.red) - expectedRed) <= 0.51)
                }
            }
        }
    }
}
