import Figures
import Foundation
import Stage8Losses
import Tensors

/// The losses over the steps, as `curves.png` shows them.
public struct LossCurves {
  private let rows: [LossTable.Row]
  /// A curve has at most so many points; each is the mean of the steps up to the next.
  private static let mostPoints = 240

  /// Takes the lines of a run's table.
  public init(_ rows: [LossTable.Row]) { self.rows = rows }

  /// Their sum, the five, the learning rate and the gradient's norm.
  public var figure: Figure {
    let colours: [Colour] = [.blue, .green, .red, .orange, Colour(124, 58, 190)]
    let names = LossName.allCases.map { String($0.rawValue.dropFirst("loss_".count)) }
    let steps = max(1, (rows.count + Self.mostPoints - 1) / Self.mostPoints)
    let note = steps > 1 ? "Each point is the mean of \(steps) steps." : ""
    let sum = LossName.allCases.count
    return Figure("\(rows.count) steps of training", columns: 2) {
      Chart.lines(
        [line("", sum, .ink)], "Sum of the five losses", x: "step", y: "loss", note: note)
      Chart.lines(
        names.indices.map { line(names[$0], $0, colours[$0]) }, "The five losses", x: "step",
        y: "loss", note: note)
      Chart.lines([line("", sum + 1, .ink)], "Learning rate", x: "step", y: "rate")
      Chart.lines(
        [line("", sum + 2, .ink)], "Length of the gradient, before clipping", x: "step",
        y: "length", note: note)
    }
  }

  private func line(_ name: String, _ column: Int, _ colour: Colour) -> Chart.Line {
    let size = max(1, (rows.count + Self.mostPoints - 1) / Self.mostPoints)
    let points = stride(from: 0, to: rows.count, by: size).map { first in
      let part = rows[first..<min(first + size, rows.count)]
      let mean = part.reduce(0) { $0 + $1.values[column] } / Double(part.count)
      return Point(Float(part[part.startIndex].step), Float(mean))
    }
    return Chart.Line(name, points, Stroke(colour))
  }
}
