import Kernels
import Figures
import Tracing

/// A figure of a stage: a figure with its name in the trace and what to look for in it.
///
/// Figures are made late, when they are drawn, so that a stage's figures can be drawn side by side.
public struct StageFigure: Sendable {
  /// The name of its file, without `.png`.
  public let name: String
  /// What a reader should notice; empty where a figure only says that there is nothing.
  public let lookFor: String
  /// The file of the code that draws it.
  public let source: String
  private let make: @Sendable () -> Figure

  /// Makes a figure of what a closure draws.
  ///
  /// - Parameter isEmpty: whether it says no more than that there is nothing to see, so that
  ///   there is nothing to look for
  public init(
    _ name: String, lookFor: String, isEmpty: Bool = false, source: String = #fileID,
    figure: @escaping @Sendable () -> Figure
  ) {
    self.name = name
    self.lookFor = isEmpty ? "" : lookFor
    self.source = source
    make = figure
  }

  /// The figure, with what to look for below its caption: a figure is often seen alone.
  public var figure: Figure {
    var figure = make()
    if !lookFor.isEmpty { figure.caption += "\nLook for: \(lookFor)" }
    return figure
  }

  /// The file, and the words that `stage.json` records.
  fileprivate var drawn: (png: [UInt8], caption: String) {
    let plain = make()
    var figure = plain
    if !lookFor.isEmpty { figure.caption += "\nLook for: \(lookFor)" }
    return (figure.png(), "\(plain.title). \(plain.caption)")
  }
}

extension StageWriter {
  /// Draws figures on all threads and adds them in their order.
  public func add(_ figures: [StageFigure]) throws {
    guard drawsFigures else { return }
    report("drawing \(figures.count) figures")
    let drawn = Threads.map(figures.count) { figures[$0].drawn }
    for (figure, drawing) in zip(figures, drawn) {
      try addFigure(
        figure.name, png: drawing.png, caption: drawing.caption, lookFor: figure.lookFor,
        source: figure.source)
    }
  }
}
