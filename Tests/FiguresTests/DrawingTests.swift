import Figures
import Tensors
import Testing

/// How much ink a raster carries, 255 per channel and pixel.
private func ink(_ raster: Raster) -> Int { raster.bytes.reduce(0) { $0 + 255 - Int($1) } }

@Suite struct DrawingTests {
  @Test func fractionsOfPixelsAreFractionsOfInk() {
    var raster = Raster(width: 4, height: 3)
    raster.fill(Box(0.75, 1, 2.5, 2), .black)
    #expect((0..<4).map { raster[$0, 1].red } == [191, 0, 128, 255])
    #expect((0..<4).allSatisfy { raster[$0, 0] == .white && raster[$0, 2] == .white })
  }

  @Test func outlineHasItsThicknessAroundTheEdge() {
    var raster = Raster(width: 12, height: 12)
    raster.outline(Box(3, 3, 9, 9), Stroke(.black, thickness: 2))
    #expect(
      (0..<12).map { raster[$0, 6] == .black ? 1 : 0 } == [0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0])
    #expect(raster[2, 2] == .black)
    #expect(raster[1, 1] == .white)
  }

  @Test func dashesLeaveGaps() {
    var solid = Raster(width: 60, height: 60)
    var dashed = solid
    solid.outline(Box(5, 5, 55, 55), Stroke(.black))
    dashed.outline(Box(5, 5, 55, 55), Stroke(.black, dashed: true))
    let share = Float(ink(dashed)) / Float(ink(solid))
    #expect(share > 0.5 && share < 0.75)
  }

  @Test func lineCarriesLengthTimesThickness() {
    var raster = Raster(width: 60, height: 60)
    raster.line(from: Point(10, 12), to: Point(50, 42), Stroke(.black, thickness: 2))
    // 50 long and 2 wide, with two half discs at its ends.
    #expect(abs(Float(ink(raster)) / (3 * 255) - (100 + 3.14)) < 4)
  }

  @Test func nothingOutsideTheRasterMatters() {
    var raster = Raster(width: 8, height: 8)
    raster.fill(Box(-1e9, -5, 1e9, 2), .red)
    raster.fill(x: -4, y: 6, width: 100, height: 100, .blue)
    raster.outline(Box(-1e8, -1e8, 1e8, 1e8), Stroke(.black, dashed: true))
    raster.outline(Box(.nan, 0, .infinity, 4), Stroke(.black))
    raster.line(from: Point(-1e6, -1e6), to: Point(1e6, 1e6), Stroke(.black))
    raster.line(from: Point(.nan, 0), to: Point(4, 4), Stroke(.black))
    raster.disc(Point(-500, 4), radius: 3, .black)
    raster.arrow(from: Point(20, 20), to: Point(90, 20), Stroke(.black))
    raster.write("far away", x: -30, y: -5)
    raster.write("far away", x: 5, y: 700)
    raster.paste(Raster(width: 3, height: 3, colour: .green), x: 7, y: -2)
    #expect(raster[7, 0] == .green)
    #expect(raster[0, 7] == .blue)
  }

  @Test func resizingKeepsCellsAndMeans() {
    var raster = Raster(width: 2, height: 1)
    raster[0, 0] = .black
    let large = raster.resized(width: 6, height: 2)
    #expect((0..<6).map { large[$0, 1].red } == [0, 0, 0, 255, 255, 255])
    #expect(raster.resized(width: 1, height: 1)[0, 0] == Colour(128, 128, 128))
    #expect(
      large.cropped(x: 2, y: 0, width: 2, height: 2).bytes
        == raster.resized(width: 2, height: 2).bytes)
  }

  @Test func letteringIsAsWideAsMeasured() {
    for style in [Lettering.text, .strong, .title] {
      for text in ["P4", "−1.25", "σ ≥ ½…", "|", "wwwww"] {
        var raster = Raster(width: 200, height: 40)
        raster.write(text, x: 20, y: 4, .black, style)
        let inked = (0..<200).filter { x in (0..<40).contains { raster[x, $0] != .white } }
        #expect((inked.first ?? 0) >= 20)
        #expect((inked.last ?? 999) < 20 + style.width(of: text))
        #expect((inked.last ?? 0) >= 20 + style.width(of: text) - 2 * style.scale)
      }
    }
  }

  @Test func everyPrintableCharacterHasAGlyph() {
    func drawn(_ text: String) -> Raster {
      var raster = Raster(width: 20, height: 16)
      raster.write(text, x: 2, y: 1)
      return raster
    }
    let unknown = drawn("\u{4e00}")
    let printable = (33...126).map { Character(UnicodeScalar($0)) } + Array("×±−→≤≥·°σΣµΔ½…²")
    var seen: [Raster] = []
    for character in printable {
      let raster = drawn(String(character))
      let isDrawn = raster != unknown
      let isItsOwn = !seen.contains(raster)
      #expect(isDrawn, "\(character) has no glyph")
      #expect(isItsOwn, "\(character) looks like another character")
      seen.append(raster)
    }
  }

  @Test func textWrapsAtSpacesAndWithinLongWords() {
    let style = Lettering.text
    for width in 30...200 {
      let lines = style.wrap("Every word of a sentence stays within the line", width: width)
      #expect(lines.allSatisfy { style.width(of: $0) <= width })
    }
    let lines = style.wrap("one two three\nfour incomprehensibilities", width: 60)
    #expect(lines.joined().replacing(" ", with: "") == "onetwothreefourincomprehensibilities")
    #expect(lines.allSatisfy { style.width(of: $0) <= 60 })
    #expect(lines.first == "one two")
    #expect(style.shortened("a long title", width: 40).hasSuffix("…"))
    #expect(style.width(of: style.shortened("a long title", width: 40)) <= 40)
  }
}

@Suite struct PanelTests {
  /// The plot of a heatmap and nothing around it, but one row of frame above.
  private func bare(_ values: Tensor, _ change: (inout Heatmap) -> Void = { _ in }) -> Raster {
    var map = Heatmap(values, "", scale: .diverging(limit: 2))
    map.showsAxes = false
    map.showsBar = false
    map.showsSummary = false
    change(&map)
    return map.draw()
  }

  @Test func cellsHaveTheirColoursAtTheirPlaces() {
    let values = Tensor([2, 3], [-2, -1, 0, 1, 2, .nan])
    let raster = bare(values)
    let side = 420 / 3 > 85 ? (raster.width - 1) / 3 : 0
    for row in 0..<2 {
      for column in 0..<3 {
        let value = values[row, column]
        let expected = ColourScale.diverging(limit: 2).colour(value)
        for (dx, dy) in [(0, 0), (side - 1, side - 1), (side / 2, side / 3)] {
          #expect(raster[column * side + dx, 1 + row * side + dy] == expected)
        }
      }
    }
  }

  @Test(arguments: [1, 2, 7, 14, 28, 64, 200, 272, 400, 640, 641, 1333])
  func longerSideIsBetween256And640(cells: Int) {
    let raster = bare(Tensor([max(cells / 3, 1), cells], repeating: 1))
    #expect(raster.width - 1 >= 255 && raster.width - 1 <= 641)
  }

  @Test func largeMapsAreMeans() {
    let values = Tensor([1280, 1280], (0..<1280 * 1280).map { Float($0 % 2) * 2 })
    let raster = bare(values)
    #expect(raster.width == 641)
    #expect(raster[300, 300] == ColourScale.diverging(limit: 2).colour(1))
    #expect(Heatmap(values, "").summary.contains("a pixel is the mean of about 2 × 2 cells"))
  }

  @Test func layersLieInTheAxesUnits() {
    // Cells of stride 8, drawn 64 pixels wide: an image pixel is 8 drawn pixels.
    let raster = bare(Tensor([4, 4], repeating: 0)) {
      $0.cellSize = 8
      $0.origin = Point(100, 50)
      $0.layers = [.shade(Box(104, 54, 108, 58), .black, opacity: 1)]
    }
    #expect(raster.width == 257)
    #expect(raster[32, 33] == .black)
    #expect(raster[63, 64] == .black)
    #expect(raster[31, 33] != .black)
    #expect(raster[64, 33] != .black)
  }

  @Test func masksFillTheirBox() {
    let view = ImageView(
      Tensor([3, 64, 64], repeating: 1), "",
      layers: [.mask(Tensor([2, 2], [1, 0, 0, 1]), at: Box(16, 16, 48, 48), .red, opacity: 0.5)])
    var plain = view
    plain.showsAxes = false
    let raster = plain.draw()
    // Ten times enlarged, below one row of frame.
    let tint = Colour.white.mixed(with: .red, 0.5)
    #expect(raster[240, 241] == tint)
    #expect(raster[400, 401] == tint)
    #expect(raster[400, 241] == .white)
    #expect(raster[160, 161] == .red, "the contour is opaque")
    #expect(raster[100, 101] == .white)
  }

  @Test func sharingGivesEveryMapOneScale() {
    let small = Tensor([8, 8], repeating: 1)
    let large = Tensor([8, 8], (0..<64).map { Float($0) / 63 * 4 })
    let figure = Figure("", sharing: .sequential, units: "") {
      Heatmap(small, "", cellSize: 4)
      Heatmap(large, "", cellSize: 4)
    }
    let expected = ColourScale.sequential(0...4).colour(1)
    let raster = figure.draw()
    let count = (0..<raster.width * raster.height).count {
      raster[$0 % raster.width, $0 / raster.width] == expected
    }
    #expect(count > 50_000, "the constant map has the colour that the other's range gives it")
  }

  @Test func nothingToShowIsNoCrash() {
    #expect(Figure("", panels: {}).draw().width > 0)
    #expect(Figure("t", caption: "c") { TextPanel(lines: []) }.draw().width > 0)
    #expect(Chart.bars([], "none").draw().width > 0)
    #expect(Chart.lines([], "none", x: "", y: "").draw().width > 0)
    #expect(Chart.histogram(Tensor([0], []), "none", axis: "").draw().width > 0)
    #expect(Chart.histogram(Tensor([2], [.nan, 3]), "one", axis: "").draw().width > 0)
    #expect(ContactSheet(maps: [], "none", names: []).draw().width > 0)
    #expect(Heatmap(Tensor([1, 1], [.nan]), "NaN", showsValues: true).draw().width > 0)
    #expect(ImageView(Tensor([3, 1, 1], repeating: .nan), "NaN").draw().width > 0)
    #expect(TablePanel("empty", header: [], rows: []).draw().width > 0)
    let far = ImageView(
      Tensor([3, 4, 4], repeating: 0), "far", layers: [.box(Box(50, 50, 60, 60), label: "off")],
      region: Box(90, 90, 95, 99))
    #expect(far.draw().width > 0)
  }

  @Test func sameFigureSameBytes() {
    func figure() -> [UInt8] {
      Figure("Same", caption: "bytes") {
        Heatmap(Tensor([9, 9], (0..<81).map { Float($0) }), "ramp", showsValues: true)
      }.png()
    }
    #expect(figure() == figure())
  }
}
