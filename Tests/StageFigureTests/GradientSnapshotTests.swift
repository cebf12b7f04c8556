import Figures
import Stage0Input
import Stage1Backbone
import Stage4RoI
import Tensors
import TestFixtures
import Testing

@testable import Stage8Losses
@testable import Stage9Gradients

/// Figures of stage 9 against recorded ones.
@Suite struct GradientSnapshotTests {
  @Test func operators() {
    // The disc on P2, and a gradient that is negative above and positive below.
    let side = Small.side / 4
    let plane = (0..<side * side).map { index in
      let (x, y) = (Float(index % side) - 8, Float(index / side) - 9)
      return 2 - 0.02 * (x * x + y * y) + (index % 3 == 0 ? 0.3 : 0)
    }
    let levels =
      [Tensor([1, 1, side, side], plane)] + (0..<3).map { _ in Tensor([1, 1, 2, 2], repeating: 0) }
    let pyramid = RoIPyramid(levels: levels, strides: [4, 8, 16, 32])
    let gradient = Tensor(
      [1, 1, 7, 7], (0..<49).map { Float($0 / 7 - 3) / 4 + Float($0 % 7) / 20 })
    let example = RoIGradientExample(
      0, of: [RoI(image: 0, box: Box(14, 18, 52, 55))], gradient: gradient, pyramid,
      operator: .torchvision)
    #expect(snapshotFault(example.figure.figure.draw(), named: "stage9-roi") == nil)
  }

  @Test func others() {
    let drawing = drawing
    #expect(snapshotFault(drawing.pyramidFigure.draw(), named: "stage9-pyramid") == nil)
    #expect(snapshotFault(drawing.inputFigure.draw(), named: "stage9-input") == nil)
    #expect(snapshotFault(drawing.parametersFigure.draw(), named: "stage9-parameters") == nil)
    #expect(snapshotFault(drawing.stepFigure.draw(), named: "stage9-step") == nil)
  }

  /// Gradients that are strong around one place, the same on every map.
  private var drawing: GradientDrawing {
    let size = ImageSize(height: Small.side, width: Small.side)
    func spot(_ side: Int, channels: Int) -> Tensor {
      Tensor(
        [1, channels, side, side],
        (0..<channels * side * side).map { index in
          let (x, y) = (Float(index % side) / Float(side), Float(index / side % side) / Float(side))
          let square = (x - 0.35) * (x - 0.35) + (y - 0.4) * (y - 0.4)
          return (x - 0.35) / (1 + 90 * square * square)
        })
    }
    let names = [
      "backbone.body.conv1.weight", "rpn.head.conv.0.0.weight", "roi_heads.box_head.fc6",
    ]
    return GradientDrawing(
      name: "the sum of the five losses", learningRate: 0.00125,
      pyramid: [24, 12].enumerated().map {
        FeatureMap("dP\($0 + 2)", spot($1, channels: 2), padded: size, image: size)
      },
      trunk: [], input: spot(Small.side, channels: 3).slice(0), backdrop: Backdrop(Small.image),
      example: nil,
      norms: names.enumerated().map { number, name in
        ParameterNorm(
          name: name, count: 8, norm: 1, gradients: [.classes: Float(number), .masks: 0.25])
      },
      losses: [.classes, .masks],
      step: DescentStep(
        before: Small.constantLosses(0.5), after: Small.constantLosses(0.4)))
  }
}

extension Small {
  /// Losses of the same value.
  fileprivate static func constantLosses(_ value: Float) -> TrainingLosses {
    let loss = Loss(elements: Tensor([1], [value]), divisor: 1)
    return TrainingLosses(
      rpn: RPNLosses(objectness: loss, boxes: loss),
      boxHead: BoxHeadLosses(classes: loss, boxes: loss), masks: loss)
  }
}
