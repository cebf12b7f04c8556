import Figures
import Tensors
import Testing

@testable import Annotations

@Suite("Label maps")
struct LabelMapTests {
  @Test("the masks are those of the regions, with labels missing and objects in pieces")
  func masks() throws {
    let labels: [UInt16] = [
      0, 9, 9, 3, 0,
      900, 9, 0, 3, 3,
      900, 0, 0, 0, 9,
    ]
    let bytes = PNG.encode(labels: labels, width: 5, height: 3)
    let found = try LabelMap(bytes, name: "labels.png").masks
    let regions = MaskRegion.objects(labels: labels.map(Int.init), width: 5)
    #expect(found == regions.map { RunLengthEncoding($0, width: 5, height: 3) })
  }

  @Test("a photograph of 16 bits is recognised; many small objects are a label map")
  func photograph() throws {
    let side = 64
    // Neighbours of a photograph differ by noise.
    let noise = (0..<side * side).map { UInt16(truncatingIfNeeded: 20_000 + ($0 * 7919) % 4001) }
    let photograph = PNG.encode(labels: noise, width: side, height: side)
    let fault = #expect(throws: Fault.self) { try LabelMap(photograph, name: "photo.png") }
    #expect(fault?.description.contains("seems to be no label map") == true)
    // 256 squares of 4 x 4.
    let squares = (0..<side * side).map { UInt16(1 + $0 / side / 4 * 16 + $0 % side / 4) }
    let map = PNG.encode(labels: squares, width: side, height: side)
    #expect(try LabelMap(map, name: "squares.png").masks.count == 256)
  }
}
