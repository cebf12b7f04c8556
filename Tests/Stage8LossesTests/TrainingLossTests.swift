import Foundation
import Stage7Targets
import Tensors
import TestFixtures
import Testing

@testable import Stage8Losses

/// Objects, anchors and proposals of two images of 16 x 16 pixels, the second without objects; two
/// levels of 2 x 3 and 1 x 2 cells with two anchors each; four classes; masks of 3 x 3.
private struct Scene {
  static let classes = 4
  static let side = 3
  static let sizes = [(rows: 2, columns: 3), (rows: 1, columns: 2)]
  let anchors: [AnchorTargets]
  let rois: [RoITargets]
  let objectness, deltas: [Tensor]
  let classLogits, boxDeltas, maskLogits: Tensor

  init() throws {
    let objects = [Box(1, 2, 9, 10), Box(8, 8, 15, 14)]
    var masks = Tensor([2, 16, 16], repeating: 0)
    for row in 4..<9 {
      for column in 3..<8 {
        masks.values[row * 16 + column] = 1
        masks.values[256 + (row + 5) * 16 + column + 6] = 1
      }
    }
    let truths = [
      try ImageTruth(boxes: objects, labels: [3, 1], masks: masks), ImageTruth.empty,
    ]
    var noise = SeededGenerator(seed: 31)
    func boxes(_ count: Int) -> [Box] {
      (0..<count).map { index in
        // Every fourth lies near an object.
        if index % 4 == 0 {
          let object = objects[index / 4 % 2]
          return Box(
            object.x1 + noise.uniform(), object.y1 - noise.uniform(), object.x2 + noise.uniform(),
            object.y2 - noise.uniform())
        }
        let (x, y) = (10 * noise.uniform(), 10 * noise.uniform())
        return Box(x, y, x + 2 + 5 * noise.uniform(), y + 2 + 5 * noise.uniform())
      }
    }
    // 2 * 3 * 2 + 1 * 2 * 2 anchors.
    let anchorBoxes = boxes(16)
    anchors = truths.map {
      anchorTargets(
        anchorBoxes, truth: $0, matcher: .anchors,
        sampling: .balanced(count: 12, positiveFraction: 0.5), using: &noise)
    }
    let proposals = boxes(14)
    rois = truths.map {
      roiTargets(
        proposals, truth: $0, maskSide: Scene.side, matcher: .proposals,
        sampling: .balanced(count: 10, positiveFraction: 0.5), using: &noise)
    }
    func tensor(_ shape: Shape) -> Tensor {
      Tensor(shape, (0..<shape.count).map { _ in noise.normal() })
    }
    objectness = Scene.sizes.map { tensor([2, 2, $0.rows, $0.columns]) }
    deltas = Scene.sizes.map { tensor([2, 8, $0.rows, $0.columns]).map { 0.3 * $0 } }
    let sampled = rois.reduce(0) { $0 + $1.sampled.count }
    let positive = rois.reduce(0) { $0 + $1.positives.count }
    classLogits = tensor([sampled, Scene.classes])
    boxDeltas = tensor([sampled, 4 * Scene.classes])
    maskLogits = tensor([positive, Scene.classes, Scene.side, Scene.side])
  }
}

/// The definitions in 64 bits, written another way than the package's: over whole tensors with
/// explicit indices.
private enum Definition {
  static func smooth(_ x: Double, _ t: Float) -> Double {
    let (d, beta) = (abs(x - Double(t)), 1.0 / 9)
    return d < beta ? d * d / (2 * beta) : d - beta / 2
  }

  static func binary(_ x: Double, _ t: Float) -> Double {
    let p = 1 / (1 + exp(-x))
    return -Double(t) * log(p) - (1 - Double(t)) * log(1 - p)
  }

  /// The anchor at a level's cell: levels, rows, columns, shapes, in this order.
  static func anchor(_ level: Int, _ row: Int, _ column: Int, _ shape: Int) -> Int {
    (level == 0 ? 0 : 12) + (row * Scene.sizes[level].columns + column) * 2 + shape
  }

  static func rpn(_ x: [[Double]], _ targets: [AnchorTargets], deltas: Bool) -> Double {
    var (sum, count) = (0.0, 0)
    for (image, target) in targets.enumerated() {
      count += target.sampled.count
      for (level, size) in Scene.sizes.enumerated() {
        let cells = size.rows * size.columns
        for row in 0..<size.rows {
          for column in 0..<size.columns {
            for shape in 0..<2 {
              let index = anchor(level, row, column, shape)
              guard target.sampled.contains(index) else { continue }
              let cell = row * size.columns + column
              guard deltas else {
                let isPositive = target.matches[index].label == .positive
                sum += binary(x[level][(image * 2 + shape) * cells + cell], isPositive ? 1 : 0)
                continue
              }
              guard let place = target.positives.firstIndex(of: index) else { continue }
              for c in 0..<4 {
                let channel = 4 * shape + c
                sum += smooth(
                  x[level][(image * 8 + channel) * cells + cell], target.deltas[place, c])
              }
            }
          }
        }
      }
    }
    return sum / Double(count)
  }

  static func classes(_ x: [Double], _ targets: [RoITargets]) -> Double {
    let labels = targets.flatMap(\.labels)
    let costs = labels.enumerated().map { row, label in
      let powers = x[row * 4..<row * 4 + 4].map { exp($0) }
      return -log(powers[label] / powers.reduce(0, +))
    }
    return costs.reduce(0, +) / Double(labels.count)
  }

  static func boxes(_ x: [Double], _ targets: [RoITargets]) -> Double {
    var (sum, row) = (0.0, 0)
    for target in targets {
      for (place, label) in target.labels.enumerated() {
        if let number = target.positives.firstIndex(of: place) {
          for c in 0..<4 { sum += smooth(x[row * 16 + 4 * label + c], target.deltas[number, c]) }
        }
        row += 1
      }
    }
    return sum / Double(row)
  }

  static func masks(_ x: [Double], _ targets: [RoITargets]) -> Double {
    var (sum, number) = (0.0, 0)
    for target in targets {
      for (place, label) in target.maskLabels.enumerated() {
        for pixel in 0..<9 {
          let wanted = target.masks.values[place * 9 + pixel]
          sum += binary(x[(number * 4 + label) * 9 + pixel], wanted)
        }
        number += 1
      }
    }
    return sum / Double(9 * number)
  }
}

@Suite struct TrainingLossTests {
  private func doubles(_ tensor: Tensor) -> [Double] { tensor.values.map { Double($0) } }

  /// Holds a loss and its gradient against a definition in 64 bits.
  private func check(
    _ name: String, _ value: Float, _ gradient: Tensor, at x: Tensor,
    _ definition: ([Double]) -> Double
  ) {
    let values = doubles(x)
    let exact = definition(values)
    #expect(abs(Double(value) - exact) < 1e-6 * exact && exact > 0.01)
    #expect(gradient.shape == x.shape)
    #expect(centralError(of: name, gradient, at: x, step: 1e-5, loss: definition) < 1e-6)
    #expect(gradient.values.contains { $0 != 0 })
  }

  @Test("the five losses and their gradients by central differences in 64 bits")
  func centralDifferences() throws {
    let scene = try Scene()
    let rpn = rpnLosses(
      objectness: scene.objectness, deltas: scene.deltas, targets: scene.anchors)
    let rpnGradients = rpnLossGradients(
      objectness: scene.objectness, deltas: scene.deltas, targets: scene.anchors)
    for level in 0..<2 {
      check(
        "objectness loss", rpn.objectness.value, rpnGradients.objectness[level],
        at: scene.objectness[level]
      ) { x in
        var all = scene.objectness.map(doubles)
        all[level] = x
        return Definition.rpn(all, scene.anchors, deltas: false)
      }
      check(
        "RPN box loss", rpn.boxes.value, rpnGradients.deltas[level], at: scene.deltas[level]
      ) { x in
        var all = scene.deltas.map(doubles)
        all[level] = x
        return Definition.rpn(all, scene.anchors, deltas: true)
      }
    }
    let head = boxHeadLosses(
      classLogits: scene.classLogits, deltas: scene.boxDeltas, targets: scene.rois)
    let headGradients = boxHeadLossGradients(
      classLogits: scene.classLogits, deltas: scene.boxDeltas, targets: scene.rois)
    check("class loss", head.classes.value, headGradients.classLogits, at: scene.classLogits) {
      Definition.classes($0, scene.rois)
    }
    check("box loss", head.boxes.value, headGradients.deltas, at: scene.boxDeltas) {
      Definition.boxes($0, scene.rois)
    }
    let masks = maskLoss(scene.maskLogits, targets: scene.rois, .sigmoid)
    check(
      "mask loss", masks.value, maskLossGradient(scene.maskLogits, targets: scene.rois, .sigmoid),
      at: scene.maskLogits
    ) { Definition.masks($0, scene.rois) }

    let losses = TrainingLosses(rpn: rpn, boxHead: head, masks: masks)
    #expect(losses[.masks] == masks && losses[.classes] == head.classes)
    let sum = LossName.allCases.reduce(0) { $0 + losses[$1].value }
    #expect(losses.total == sum)
  }

  @Test("each loss has the parts that it is the sum of, and the number that divides it")
  func parts() throws {
    let scene = try Scene()
    let rpn = rpnLosses(
      objectness: scene.objectness, deltas: scene.deltas, targets: scene.anchors)
    let sampled = scene.anchors.reduce(0) { $0 + $1.sampled.count }
    let positive = scene.anchors.reduce(0) { $0 + $1.positives.count }
    #expect(positive > 0 && sampled > positive)
    #expect(rpn.objectness.elements.shape == [sampled] && rpn.objectness.divisor == sampled)
    #expect(rpn.boxes.elements.shape == [positive, 4] && rpn.boxes.divisor == sampled)
    let head = boxHeadLosses(
      classLogits: scene.classLogits, deltas: scene.boxDeltas, targets: scene.rois)
    let rois = scene.rois.reduce(0) { $0 + $1.sampled.count }
    let positives = scene.rois.reduce(0) { $0 + $1.positives.count }
    #expect(positives > 0 && rois > positives)
    #expect(head.classes.elements.shape == [rois] && head.classes.divisor == rois)
    #expect(head.boxes.elements.shape == [positives, 4] && head.boxes.divisor == rois)
    let masks = maskLoss(scene.maskLogits, targets: scene.rois, .sigmoid)
    #expect(masks.elements.shape == [positives, 3, 3] && masks.divisor == 9 * positives)
  }

  @Test("over all classes, the masks of the others should be empty, by the definition")
  func allClasses() throws {
    let scene = try Scene()
    let loss = maskLossOverAllClasses(scene.maskLogits, targets: scene.rois)
    let labels = scene.rois.flatMap(\.maskLabels)
    let masks = scene.rois.flatMap { $0.masks.values }
    #expect(Set(labels).count > 1 && loss.elements.shape == scene.maskLogits.shape)
    #expect(loss.divisor == scene.maskLogits.count)
    let pixels = Scene.side * Scene.side
    for (place, z) in scene.maskLogits.values.enumerated() {
      let (roi, rest) = place.quotientAndRemainder(dividingBy: Scene.classes * pixels)
      let (label, pixel) = rest.quotientAndRemainder(dividingBy: pixels)
      let target = label == labels[roi] ? Double(masks[roi * pixels + pixel]) : 0
      let expected = max(Double(z), 0) - Double(z) * target + log1p(exp(-abs(Double(z))))
      #expect(abs(Double(loss.elements.values[place]) - expected) < 1e-6)
    }
  }

  @Test("an image without objects: background costs, boxes and masks cost 0, gradients are numbers")
  func withoutObjects() throws {
    let scene = try Scene()
    let (anchors, rois) = ([scene.anchors[1]], [scene.rois[1]])
    #expect(anchors[0].positives.isEmpty && rois[0].positives.isEmpty)
    func ones(_ channels: Int) -> [Tensor] {
      Scene.sizes.map { Tensor([1, channels, $0.rows, $0.columns], repeating: 1) }
    }
    let (objectness, deltas) = (ones(2), ones(8))
    let rpn = rpnLosses(objectness: objectness, deltas: deltas, targets: anchors)
    #expect(rpn.objectness.value > 0 && rpn.boxes.value == 0)
    let rpnGradients = rpnLossGradients(objectness: objectness, deltas: deltas, targets: anchors)
    #expect(rpnGradients.deltas.allSatisfy { $0.values.allSatisfy { $0 == 0 } })
    let logits = Tensor([rois[0].sampled.count, 4], repeating: 1)
    let boxDeltas = Tensor([rois[0].sampled.count, 16], repeating: 1)
    let head = boxHeadLosses(classLogits: logits, deltas: boxDeltas, targets: rois)
    #expect(head.classes.value > 0 && head.boxes.value == 0)
    let masks = Tensor([0, 4, 3, 3], [])
    #expect(maskLoss(masks, targets: rois, .sigmoid).value == 0)
    #expect(maskLossGradient(masks, targets: rois, .sigmoid) == masks)
  }

  @Test("losses over nothing are 0, not NaN")
  func overNothing() throws {
    var noise = SeededGenerator(seed: 1)
    let anchors = anchorTargets(
      [Box(0, 0, 4, 4)], truth: .empty, matcher: .anchors, sampling: .recorded([]), using: &noise)
    let (logit, delta) = (Tensor([1, 1, 1, 1], [3]), Tensor([1, 4, 1, 1], [1, 2, 3, 4]))
    let rpn = rpnLosses(objectness: [logit], deltas: [delta], targets: [anchors])
    #expect(rpn.objectness.value == 0 && rpn.boxes.value == 0)
    let gradients = rpnLossGradients(objectness: [logit], deltas: [delta], targets: [anchors])
    #expect(gradients.objectness[0].values == [0] && gradients.deltas[0].values == [0, 0, 0, 0])
    let (logits, deltas) = (Tensor([0, 4], []), Tensor([0, 16], []))
    let head = boxHeadLosses(classLogits: logits, deltas: deltas, targets: [])
    #expect(head.classes.value == 0 && head.boxes.value == 0)
    #expect(
      boxHeadLossGradients(classLogits: logits, deltas: deltas, targets: []).classLogits == logits)
  }
}
