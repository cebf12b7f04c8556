// One image as the network sees it in the course of training.

import Figures
import Foundation
import Inference
import Model
import Stage4RoI
import Stage6Masks
import Tensors
import Tracing

/// Draws what a network makes of one image that it does not train on, after 0, 10, 30, 100, 300, …
/// steps.
public struct Film: Sendable {
  /// The image, RGB in 0...1, `[3, H, W]`.
  public let image: Tensor
  /// Up to so many proposals are drawn, the best.
  private static let mostProposals = 40
  /// Detections with a lower score are not drawn.
  private static let leastScore: Float = 0.5

  /// Makes a film of an image.
  public init(_ image: Tensor) { self.image = image }

  /// Whether a frame is due after so many steps: 1 or 3 times a power of ten, from 10 on; the
  /// start; and the end.
  public static func isDue(_ step: Int, of count: Int) -> Bool {
    if step == 0 || step == count { return true }
    var unit = 10
    while 10 * unit <= step { unit *= 10 }
    return step == unit || step == 3 * unit
  }

  /// A frame's file in a run's folder.
  public static func file(_ step: Int, in folder: URL) -> URL {
    let number = String(step)
    let zeros = String(repeating: "0", count: max(0, 7 - number.count))
    return folder.appending(path: "film/step-\(zeros)\(number).png")
  }

  /// Draws a frame and writes its file, whole or not at all.
  ///
  /// - Throws: `Fault` if it cannot be written
  public func write(_ model: MaskRCNNModel, step: Int, in folder: URL) throws {
    let file = Film.file(step, in: folder)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try writeWhole(frame(model, step: step).png(), to: file)
  }

  /// The proposals, the boxes and the masks.
  public func frame(_ model: MaskRCNNModel, step: Int) -> Figure {
    let network = Network(model)
    let input = network.input([image])
    let levels = network.pyramid(input.tensor)
    let proposals = network.proposedBoxes(
      network.candidates(levels, input: input.padded), input.sizes)
    let pyramid = network.roiPyramid(levels, input: input.padded)
    let features = network.features(pyramid, proposals, bins: network.boxBins)
    let all = network.detections(features, proposals: proposals, pyramid, input.sizes)[0]
    let found = all.filter { $0.score >= Film.leastScore }
    let shown = proposals[0].prefix(Film.mostProposals).map { input.sizes[0].inOriginal($0) }
    let names = model.settings.classNames
    return Figure(
      step == 1 ? "After 1 step" : "After \(step) steps",
      caption: "Left the \(shown.count) best proposals; in the middle the detections with a score "
        + "of at least \(Numerals.short(Film.leastScore)), \(found.count) of \(all.count); right "
        + "their masks.",
      columns: 3
    ) {
      view("proposals", [.boxes(Array(shown), Stroke(.yellow, thickness: 1))])
      view(
        "boxes",
        found.enumerated().map { index, one in
          .box(
            one.box, label: "\(names[one.label]) \(Numerals.probability(one.score, digits: 2))",
            Stroke(Palette.instance(index)))
        })
      view(
        "masks",
        found.enumerated().reversed().map { index, one in
          let window = one.mask.window
          return .mask(
            Tensor([window.height, window.width], one.mask.probabilities),
            at: Box(Float(window.x1), Float(window.y1), Float(window.x2), Float(window.y2)),
            Palette.instance(index))
        })
    }
  }

  private func view(_ title: String, _ layers: [Layer]) -> ImageView {
    var view = ImageView(image, title, layers: layers)
    view.showsAxes = false
    view.longestSide = 360
    return view
  }
}
