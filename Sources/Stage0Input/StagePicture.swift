import Kernels
import Pictures
import Tracing

/// A picture of a stage: a figure with its name in the trace and what to look for in it.
///
/// Figures are made late, when they are drawn, so that a stage's pictures can be drawn side by side.
public struct StagePicture: Sendable {
  /// The name of its file, without `.png`.
  public let name: String
  /// What a reader should notice; empty where a picture only says that there is nothing.
  public let lookFor: String
  /// The file of the code that draws it.
  public let source: String
  private let make: @Sendable () -> Figure

  /// Makes a picture of what a closure draws.
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

  /// The figure, with what to look for below its caption: a picture is often seen alone.
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
  /// Draws pictures on all threads and adds them in their order.
  public func add(_ pictures: [StagePicture]) throws {
    guard drawsPictures else { return }
    report("drawing \(pictures.count) pictures")
    let drawn = Threads.map(pictures.count) { pictures[$0].drawn }
    for (picture, drawing) in zip(pictures, drawn) {
      try addPicture(
        picture.name, png: drawing.png, caption: drawing.caption, lookFor: picture.lookFor,
        source: picture.source)
    }
  }
}
