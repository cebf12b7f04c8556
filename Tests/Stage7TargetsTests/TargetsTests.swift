import Foundation
import Stage3Proposals
import Stage7Targets
import Tensors
import Testing

/// Masks of an image of 8 x 8 pixels in which a box of whole pixels is filled.
private func masks(_ boxes: [Box]) -> Tensor {
  Tensor(
    [boxes.count, 8, 8],
    boxes.flatMap { box in
      (0..<64).map { pixel -> Float in
        let (y, x) = (Float(pixel / 8), Float(pixel % 8))
        return x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2 ? 1 : 0
      }
    })
}

@Suite struct MaskTargetsTests {
  @Test("a crop of a mask, by hand")
  func crops() {
    let masks = masks([Box(2, 2, 6, 6)])
    func target(_ box: Box, side: Int = 2) -> [Float] {
      maskTargets(masks, boxes: [box], truths: [0], side: side).values
    }
    // A bin has as many samples as pixels, half a pixel from their edges. Not aligned, a sample at
    // 5.5 is the mean of the pixels 5 and 6, the last inside and the first outside.
    #expect(target(Box(2, 2, 6, 6), side: 1) == [(1 + 1 + 1 + 0.5) * (1 + 1 + 1 + 0.5) / 16])
    #expect(target(Box(2, 2, 4, 4)) == [1, 1, 1, 1])
    // Above and left of the object: nothing but the last sample, between pixels 1 and 2.
    #expect(target(Box(0, 0, 2, 2)) == [0, 0, 0, 0.25])
    #expect(target(Box(6, 0, 8, 8)) == [0, 0, 0, 0])
  }

  @Test("each RoI has its own object's mask; no RoIs, no targets")
  func objects() {
    let two = masks([Box(0, 0, 4, 8), Box(4, 0, 8, 8)])
    let box = Box(0, 0, 3, 3)
    let targets = maskTargets(two, boxes: [box, box, box], truths: [1, 0, 1], side: 3)
    #expect(targets.slice(0).values.allSatisfy { $0 == 0 })
    #expect(targets.slice(1).values.allSatisfy { $0 == 1 })
    #expect(targets.slice(2) == targets.slice(0))
    #expect(maskTargets(two, boxes: [], truths: [], side: 28).shape == [0, 28, 28])
  }
}

@Suite struct ImageTruthTests {
  private func problem(_ boxes: [Box], _ labels: [Int], _ masks: Tensor) -> String? {
    do throws(Fault) {
      _ = try ImageTruth(boxes: boxes, labels: labels, masks: masks)
      return nil
    } catch {
      #expect(!error.description.contains("\n"))
      return error.problem
    }
  }

  @Test("a truth whose parts do not fit is refused in a line")
  func faults() {
    let box = Box(1, 1, 4, 5)
    #expect(problem([box], [1], masks([box])) == nil)
    #expect(problem([], [], Tensor([0, 8, 8], [])) == nil)
    #expect(
      problem([box], [1, 2], masks([box]))
        == "there are 1 boxes, 2 classes and 1 masks")
    #expect(problem([box], [1], masks([])) == "there are 1 boxes, 1 classes and 0 masks")
    #expect(problem([box], [0], masks([box])) == "object 0 has class 0")
    #expect(
      problem([box, Box(3, 1, 3, 5)], [1, 1], masks([box, box]))
        == "object 1 has a box of 0.0 x 4.0 input pixels")
    #expect(problem([Box(.nan, 1, 3, 5)], [1], masks([box])) != nil)
    #expect(problem([Box(5, 1, 3, 5)], [1], masks([box])) != nil)
  }
}

@Suite struct TargetsTests {
  @Test("anchors by hand: labels, sample and deltas")
  func anchors() throws {
    let boxes = [Box(0, 0, 4, 4), Box(4, 4, 8, 8)]
    let truth = try ImageTruth(boxes: boxes, labels: [1, 2], masks: masks(boxes))
    // The first is an object itself, the second the best of the other (4 x 3 of 16 + 16 - 12
    // pixels, 0.6), the third lies between the thresholds (8 of 24 pixels), the fourth touches
    // neither.
    let anchors = [Box(0, 0, 4, 4), Box(4, 5, 8, 9), Box(2, 0, 6, 4), Box(20, 20, 24, 24)]
    var generator = SeededGenerator(seed: 1)
    let targets = anchorTargets(
      anchors, truth: truth, matcher: .anchors, sampling: .all, using: &generator)
    #expect(targets.matches.map(\.label) == [.positive, .positive, .ignored, .negative])
    #expect(targets.matches.map(\.truth) == [0, 1, 0, 0])
    #expect(targets.matches.map(\.overlap) == [1, 0.6, 8.0 / 24, 0])
    #expect(targets.sampled == [0, 1, 3] && targets.positives == [0, 1])
    #expect(targets.isSampled == [true, true, false, true])
    // The second's object lies a quarter of its height above it.
    #expect(targets.deltas == Tensor([2, 4], [0, 0, 0, 0, 0, -0.25, 0, 0]))
  }

  @Test("RoIs by hand: the truth joins the proposals; classes, deltas times 10 10 5 5, masks")
  func rois() throws {
    let boxes = [Box(0, 0, 4, 4), Box(4, 4, 8, 8)]
    let truth = try ImageTruth(boxes: boxes, labels: [3, 2], masks: masks(boxes))
    let proposals = [Box(0, 0, 4, 8), Box(0, 0, 8, 8), Box(4, 5, 8, 9)]
    var generator = SeededGenerator(seed: 1)
    let targets = roiTargets(
      proposals, truth: truth, maskSide: 4, matcher: .proposals, sampling: .all, using: &generator)
    #expect(targets.candidates == proposals + boxes)
    #expect(targets.matches.map(\.overlap) == [0.5, 0.25, 0.6, 1, 1])
    #expect(targets.labels == [3, 0, 2, 3, 2])
    #expect(targets.positives == [0, 2, 3, 4] && targets.truths == [0, 1, 0, 1])
    #expect(targets.maskLabels == [3, 2, 3, 2])
    #expect(targets.maskBoxes == [proposals[0], proposals[2], boxes[0], boxes[1]])
    // The first proposal's object has its centre a quarter of the height above and half the height.
    let expected: [Float] = [0, -2.5, 0, 5 * Float(log(0.5)), 0, -2.5, 0, 0]
    #expect(Array(targets.deltas.values[..<8]) == expected)
    #expect(targets.deltas.values[8...].allSatisfy { $0 == 0 })
    #expect(targets.masks.shape == [4, 4, 4])
    #expect(
      targets.masks.slice(3)
        == maskTargets(masks(boxes), boxes: [boxes[1]], truths: [1], side: 4).slice(0))
  }

  @Test("an image without objects: all negative, samples of background, no deltas, no masks")
  func withoutObjects() {
    let boxes = (0..<300).map { Box(Float($0), 0, Float($0) + 10, 10) }
    var generator = SeededGenerator(seed: 1)
    let anchors = anchorTargets(
      boxes, truth: .empty, matcher: .anchors, sampling: .anchors, using: &generator)
    #expect(anchors.matches.allSatisfy { $0.label == .negative && $0.truth == nil })
    #expect(anchors.sampled.count == 256 && anchors.positives.isEmpty)
    #expect(anchors.deltas.shape == [0, 4])
    let rois = roiTargets(
      boxes, truth: .empty, maskSide: 28, matcher: .proposals, sampling: .proposals,
      using: &generator)
    #expect(rois.labels == Array(repeating: 0, count: 300) && rois.positives.isEmpty)
    #expect(rois.deltas.shape == [0, 4] && rois.masks.shape == [0, 28, 28])
  }

  @Test("no anchors, no proposals: the truth's own boxes are left")
  func withoutBoxes() throws {
    let boxes = [Box(0, 0, 4, 4)]
    let truth = try ImageTruth(boxes: boxes, labels: [1], masks: masks(boxes))
    var generator = SeededGenerator(seed: 1)
    let anchors = anchorTargets(
      [], truth: truth, matcher: .anchors, sampling: .anchors, using: &generator)
    #expect(anchors.sampled.isEmpty && anchors.matches.isEmpty)
    let rois = roiTargets(
      [], truth: truth, maskSide: 2, matcher: .proposals, sampling: .proposals, using: &generator)
    #expect(rois.boxes == boxes && rois.labels == [1])
  }

  @Test("encoding is what decoding undoes, pair by pair")
  func encoding() {
    let boxes = [Box(3, 4, 11, 25), Box(0, 0, 2, 2)]
    let references = [Box(0, 0, 16, 16), Box(1, 1, 5, 9)]
    let deltas = BoxCoder.detections.encode(boxes, references: references)
    for index in boxes.indices {
      let box = BoxCoder.detections.decode(
        deltas[index, 0], deltas[index, 1], deltas[index, 2], deltas[index, 3],
        reference: references[index])
      #expect(abs(box.x1 - boxes[index].x1) < 1e-4 && abs(box.y2 - boxes[index].y2) < 1e-4)
    }
  }
}
