import Benchmarks
import Foundation
import Kernels
import Model
import Figures
import Tensors

/// What `bench --scaling` measured: as a table, as JSON, and as an image.
struct ScalingReport: Codable {
  /// What ran on what, for the image's caption.
  var setting: String
  var whole: ScalingCurve
  var backbone: ScalingCurve
  var proposals: ScalingCurve
  var suppression: ScalingCurve

  /// From 0.08 to 1.4 megapixels, each side a multiple of 32, about 4 to 3.
  static let sizes = [
    (rows: 256, columns: 320), (320, 416), (416, 544), (512, 672), (640, 832), (800, 1056),
    (1024, 1344),
  ]
  static let proposalLimits = [50, 100, 200, 500, 1000, 2000]
  static let boxCounts = [250, 500, 1000, 2000, 4000, 8000]

  init(_ model: MaskRCNNModel, image: Tensor, runs: Int, report: (String) -> Void) {
    setting =
      "\(model.architecture.trunkName), \(Threads.count) threads, "
      + (runs == 1 ? "one run" : "the quickest of \(runs) runs")
    let curves = imageScaling(
      model, image: image, sizes: Self.sizes, runs: runs, report: report)
    (whole, backbone) = (curves[0], curves[1])
    proposals = proposalScaling(
      model, image: image, limits: Self.proposalLimits, runs: runs, report: report)
    suppression = suppressionScaling(counts: Self.boxCounts, runs: runs, report: report)
  }

  private var curves: [ScalingCurve] { [whole, backbone, proposals, suppression] }

  // MARK: Words

  var text: String {
    let tables = curves.map { curve in
      var table = Table(
        [amountTitle(curve), curve.unit, "least ms", "median", "greatest", "ms per \(curve.unit)"],
        right: [1, 2, 3, 4, 5])
      for point in curve.points {
        table.add([
          point.name, Numerals.decimals(point.amount, 3), Numerals.decimals(point.least * 1000, 1),
          Numerals.decimals(point.median * 1000, 1),
          Numerals.decimals((point.seconds.max() ?? 0) * 1000, 1),
          Numerals.decimals(point.least * 1000 / point.amount, 1),
        ])
      }
      return "\(curve.name)\n\n\(table.text)\n\n\(Self.growth(curve))"
    }
    return ([setting] + tables + [verdict]).joined(separator: "\n\n")
  }

  /// Whether the time of an image grows no faster than its pixels and its proposals.
  private var verdict: String {
    [(whole, "pixels"), (backbone, "pixels"), (proposals, "proposals")].map { curve, amount in
      let words = curve.isAtMostLinear ? "no worse than linear" : "worse than linear"
      return "\(curve.name) over \(amount): \(words)"
    }.joined(separator: "\n")
  }

  private static func growth(_ curve: ScalingCurve) -> String {
    guard let exponent = curve.exponent, let upper = curve.upperExponent else {
      return "Too few amounts to tell of growth."
    }
    return
      "The time grows as the amount to the power of \(Numerals.decimals(exponent, 2)), in the upper half "
      + "\(Numerals.decimals(upper, 2)): fitted to the logarithms by least squares."
  }

  private func amountTitle(_ curve: ScalingCurve) -> String {
    curve.unit == "megapixel" ? "image" : String(curve.unit.drop { !$0.isLetter })
  }

  // MARK: Image

  /// Three charts: time over pixels, over proposals, over boxes in suppression.
  func figure() -> Figure {
    Figure(
      "How the time grows",
      caption: """
        \(setting). Dots are measured; a dashed line is linear growth through the last dot: twice as \
        much takes twice as long. Dots above the dashes: part of the work does not grow, as in the \
        whole model, where a small image has about as many proposals and detections as a large \
        one, which cost the same. Dots below: the work grows faster than linearly, as in \
        suppression, which compares boxes in pairs. An exponent p says that the time grows as the \
        amount to the power of p; 1 is linear, 2 quadratic.
        """,
      columns: 3
    ) {
      chart(
        "Time over the size of the image", [(whole, .blue), (backbone, .orange)],
        x: "image (megapixels)",
        note: "exponents: " + Self.exponents([whole, backbone]))
      chart(
        "Time over the number of proposals", [(proposals, .blue)], x: "proposals (thousands)",
        note: "exponent: " + Self.exponents([proposals]))
      chart(
        "Suppression alone over the number of boxes", [(suppression, .blue)],
        x: "candidate boxes (thousands)",
        note: "exponent: " + Self.exponents([suppression]))
    }
  }

  private static func exponents(_ curves: [ScalingCurve]) -> String {
    curves.map { "\($0.name) \($0.exponent.map { Numerals.decimals($0, 2) } ?? "unknown")" }
      .joined(separator: ", ")
  }

  private func chart(
    _ title: String, _ curves: [(curve: ScalingCurve, colour: Colour)], x: String, note: String
  ) -> Chart {
    let greatest = curves.flatMap(\.curve.points).map(\.least).max() ?? 1
    // Short times in milliseconds: axes of 0.02 s say less than axes of 20 ms.
    let (factor, unit) = greatest < 0.5 ? (1000.0, "ms") : (1, "s")
    let measured = curves.map { curve, colour in
      Chart.Line(
        curve.name,
        curve.points.map { Point(Float($0.amount), Float($0.least * factor)) }, Stroke(colour))
    }
    let linear = measured.enumerated().map { index, line in
      // One entry in the legend for all of them.
      Chart.Line(
        index == 0 ? "linear growth" : "", [Point(0, 0)] + line.points.suffix(1),
        Stroke(.grey, thickness: 1, dashed: true))
    }
    var chart = Chart.lines(
      linear + measured, title, x: x, y: "time (\(unit))",
      range: 0...Float(greatest * factor * 1.08),
      note: note)
    chart.height = 260
    return chart
  }

  /// Writes the image.
  ///
  /// - Throws: `Fault` if the file cannot be written.
  func draw(to file: URL) throws {
    do {
      try writeWhole(figure().png(), to: file)
    } catch {
      throw Fault(
        file.path, "the file cannot be written", remedy: "Name another with --plot, or free space")
    }
  }
}
