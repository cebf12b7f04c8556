import Tensors
import Testing

@testable import Figures

private let largest = Float.greatestFiniteMagnitude

/// Pairs of ends: equal, neighbours, as far apart as floats are, no numbers.
private let extremeEnds: [(Float, Float)] = [
  (0, 0), (1e20, 1e20), (-1e20, -1e20), (1e20, Float(1e20).nextUp), (-largest, largest),
  (largest, largest), (-largest, -largest), (0, .leastNonzeroMagnitude), (-3e38, 3e38), (5, 4),
  (.nan, 1),
  (1, .nan), (-.infinity, .infinity), (1e30, 1.0001e30),
]

@Suite("Values that any weights and any trace may bring")
struct ExtremeValueTests {
  @Test("a range has a length, and every value a place in it", arguments: extremeEnds)
  func range(ends: (Float, Float)) {
    let range = ValueRange(ends.0, ends.1)
    #expect(range.low < range.high && range.low.isFinite && range.high.isFinite)
    #expect(range.share(of: range.low) == 0 && range.share(of: range.high) == 1)
    for value in [0, 1, -1, 1e20, -1e20, largest, -largest] as [Float] {
      #expect(range.share(of: value).isFinite)
    }
    for share in [0, 0.25, 0.5, 1] as [Float] { #expect(range.value(at: share).isFinite) }
    #expect(ValueRange(2, 6).share(of: 3) == 0.25 && ValueRange(2, 6).value(at: 0.25) == 3)
  }

  @Test("charts, heatmaps and tables are drawn", arguments: extremeEnds)
  func panels(ends: (Float, Float)) {
    let values = [ends.0, ends.1, ends.0, ends.1]
    let tensor = Tensor([2, 2], values)
    let line = Chart.Line("a", values.enumerated().map { Point(Float($0.offset), $0.element) })
    let turned = Chart.Line("b", values.enumerated().map { Point($0.element, Float($0.offset)) })
    let panels: [any Panel] = [
      Chart.histogram(tensor, "h", axis: "x"),
      Chart.bars(values.map { Chart.Bar("a", $0, marks: values) }, "b"),
      Chart.lines([line, turned], "l", x: "x", y: "y"), Chart.points([line], "p", x: "x", y: "y"),
      Heatmap(tensor, "m", units: "1", showsValues: true),
      Heatmap(tensor, "m", scale: .diverging, units: "1"),
      HeatTable(tensor, "t", rows: ["a", "b"], columns: ["c", "d"]),
    ]
    for panel in panels { #expect(panel.draw().width > 0) }
  }

  @Test("layers at any place are drawn", arguments: extremeEnds)
  func layers(ends: (Float, Float)) {
    var raster = Raster(width: 40, height: 30)
    let box = Box(ends.0, ends.0, ends.1, ends.1)
    let area = PlotArea(bounds: Box(0, 0, 40, 30), width: 40, height: 30)
    raster.draw(
      [
        .box(box, label: "a", Stroke(.red, dashed: true)), .boxes([box], Stroke(.red)),
        .shade(box, .blue, opacity: 0.5), .points([Point(ends.0, ends.1)], .red, radius: 2),
        .mask(Tensor([1, 1], [1]), at: box, .green, opacity: 0.5),
        .mask(
          Tensor([1, 1], [1]), at: Box(0, 0, .leastNonzeroMagnitude, .leastNonzeroMagnitude),
          .green, opacity: 0.5),
        .lines([(Point(ends.0, 0), Point(ends.1, 5))], Stroke(.red, dashed: true)),
      ], in: area)
    #expect(raster.width == 40)
  }

  @Test("any number is written")
  func numerals() {
    for count in 0...50 {
      for value in [0, .leastNonzeroMagnitude, 1, 1e20, 3e38, 1e300] {
        #expect(!Numerals.decimals(value, count).isEmpty)
      }
    }
    #expect(Int(bounded: .nan) == 0 && Int(bounded: 1e30) == 1_000_000_000)
    #expect(Int(bounded: -.infinity) == -1_000_000_000 && Int(bounded: 7.9) == 7)
  }
}
