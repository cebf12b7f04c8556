import Tensors
import Testing

@testable import Annotations

@Suite struct PolygonTests {
  @Test("polygons have pycocotools' pixels, box and area, also outside the image and of no area")
  func golden() throws {
    let cases = try MaskGoldens.load().polygons
    #expect(cases.count >= 300)
    for (index, golden) in cases.enumerated() {
      var mask = RunLengthEncoding(filled: false, width: golden.width, height: golden.height)
      for coordinates in golden.polygons {
        let polygon = try #require(Polygon(coordinates))
        mask = mask.union(
          RunLengthEncoding(polygon, width: golden.width, height: golden.height))
      }
      #expect(mask.counts == golden.counts, "polygon \(index)")
      #expect(mask.area == golden.area, "polygon \(index)")
      #expect(COCOBox(mask.window).numbers == golden.box, "polygon \(index)")
    }
  }

  @Test("a rectangle on pixel borders has the pixels inside, worked by hand")
  func rectangle() throws {
    // Columns 1 and 2, rows 1 to 3 of an image of 4 x 5 (columns x rows).
    let polygon = try #require(Polygon([1, 1, 3, 1, 3, 4, 1, 4]))
    let mask = RunLengthEncoding(polygon, width: 4, height: 5)
    #expect(mask.runs == [6, 3, 2, 3, 6])
    #expect(mask.window == Window(1, 1, 3, 4) && mask.area == 6)
  }

  @Test("no polygon of two points, an odd count, or with numbers out of reach")
  func refused() {
    #expect(Polygon([0, 0, 1, 1]) == nil && Polygon([0, 0, 1, 1, 2]) == nil && Polygon([]) == nil)
    #expect(Polygon([0, 0, 1, 1, .nan, 2]) == nil && Polygon([0, 0, 1, 1, 3, 1e300]) == nil)
    // The farthest that is allowed is rasterised without filling memory.
    let far = Polygon([-1e6, -1e6, 1e6, -1e6, 1e6, 1e6, -1e6, 1e6])
    #expect(far.map { RunLengthEncoding($0, width: 3, height: 2).area } == 6)
  }
}

@Suite struct RunLengthEncodingTests {
  @Test("runs go down the columns and begin with 0")
  func runs() {
    // 0 1
    // 1 1   by columns: 0 1 1 1
    let runs = RunLengthEncoding(
      [false, true, true, true], in: Window(0, 0, 2, 2), width: 2, height: 2)
    #expect(runs.runs == [1, 3])
    #expect(runs.pixels == [false, true, true, true])
  }

  @Test("a window's surroundings are 0")
  func window() {
    let runs = RunLengthEncoding([true], in: Window(1, 1, 2, 2), width: 3, height: 3)
    #expect(runs.runs == [4, 1, 4])
    #expect(runs.region == MaskRegion(window: Window(1, 1, 2, 2), isInside: [true]))
  }

  @Test("text: five bits a character, differences from the fourth run on, by hand")
  func text() throws {
    // 0 … 15 fit one character, 48 + run; 16 needs a second: low five bits 10000 with "more" (48 +
    // 48 = 96, "`"), then 0 ("0").
    func check(_ runs: [Int], _ text: String) throws {
      let pixels = runs.reduce(0, +)
      let mask = try RunLengthEncoding(runs: runs, width: 1, height: pixels, name: "mask")
      #expect(mask.counts == text)
      #expect(try RunLengthEncoding(counts: text, width: 1, height: pixels, name: "mask") == mask)
    }
    try check([4, 1, 4], "414")
    try check([16, 1], "`01")
    // The fourth run, 2, less the second, 3, is -1: all ones, one character, 48 + 31.
    try check([1, 3, 1, 2], "131O")
  }

  @Test("overlap, union, area and box are pycocotools', and decoding gives back the runs")
  func golden() throws {
    for (index, golden) in try MaskGoldens.load().overlaps.enumerated() {
      func mask(_ counts: String) throws -> RunLengthEncoding {
        try RunLengthEncoding(
          counts: counts, width: golden.width, height: golden.height, name: "mask")
      }
      let (first, second) = (try mask(golden.first), try mask(golden.second))
      #expect(first.counts == golden.first, "pair \(index)")
      #expect([first.area, second.area] == golden.areas, "pair \(index)")
      #expect(first.union(second).counts == golden.union, "pair \(index)")
      #expect(first.intersection(second) == golden.shared, "pair \(index)")
      #expect(first.intersectionOverUnion(second) == golden.overlap, "pair \(index)")
      #expect(COCOBox(first.window).numbers == golden.box, "pair \(index)")
      // The two dense forms, and the region's own overlap.
      let whole = Window(0, 0, golden.width, golden.height)
      let size = (golden.width, golden.height)
      #expect(
        RunLengthEncoding(first.pixels, in: whole, width: size.0, height: size.1) == first)
      #expect(RunLengthEncoding(first.region, width: size.0, height: size.1) == first)
      #expect(first.region.intersection(second.region) == golden.shared, "pair \(index)")
    }
  }

  @Test("damaged runs are refused with what is wrong")
  func damaged() {
    func fault(_ counts: String, pixels: Int = 9) -> String {
      do {
        _ = try RunLengthEncoding(counts: counts, width: 3, height: pixels / 3, name: "mask 7")
        return ""
      } catch { return "\(error)" }
    }
    #expect(fault("414") == "")
    #expect(fault("4 4").contains("compressed form") && fault("4é4").contains("compressed form"))
    #expect(fault("41`").contains("cut short") && fault("").contains("add up to 0"))
    #expect(fault("413").contains("add up to 8 pixels") && fault("41O").contains("run of -1"))
    // Numbers without an end, and ones whose sum does not fit 64 bits.
    #expect(fault(String(repeating: "o", count: 40)).contains("compressed form"))
    let great = String(repeating: "o", count: 11) + "7"
    #expect(!fault(String(repeating: great, count: 40)).isEmpty)
    #expect(throws: Fault.self) {
      try RunLengthEncoding(runs: [.max, .max], width: 3, height: 3, name: "mask")
    }
    #expect(throws: Fault.self) {
      try RunLengthEncoding(runs: [-1, 10], width: 3, height: 3, name: "mask")
    }
    #expect(throws: Fault.self) {
      try RunLengthEncoding(runs: [9], width: .max, height: 3, name: "mask")
    }
  }
}
