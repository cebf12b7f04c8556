import Foundation
import Stage8Losses
import Tensors
import TestFixtures
import Testing

@Suite struct ElementLossTests {
  @Test("binary cross-entropy by hand: log 2 where nothing is known, almost nothing where right")
  func binaryByHand() {
    let logits = Tensor([4], [0, 0, 200, -200])
    let targets = Tensor([4], [1, 0.25, 1, 1])
    let half = Float(log(2.0))
    #expect(binaryCrossEntropy(logits, targets: targets).values == [half, half, 0, 200])
    #expect(
      binaryCrossEntropyGradient(logits, targets: targets).values == [-0.5, 0.25, 0, -1])
  }

  @Test("softmax cross-entropy by hand: log K where nothing is known")
  func softmaxByHand() {
    let logits = Tensor([2, 4], [7, 7, 7, 7, 0, 1000, 0, 0])
    let elements = softmaxCrossEntropy(logits, labels: [2, 1])
    #expect(elements.values == [Float(log(4.0)), 0])
    #expect(
      softmaxCrossEntropyGradient(logits, labels: [2, 1]).values == [
        0.25, 0.25, -0.75, 0.25, 0, 0, 0, 0,
      ])
  }

  @Test("smooth L1 by hand: a square within beta, a straight line beyond")
  func smoothByHand() {
    let values = Tensor([5], [0.5, -0.5, 3, -3, 1])
    let targets = Tensor([5], repeating: 0)
    #expect(
      smoothL1(values, targets: targets, beta: 1).values == [0.125, 0.125, 2.5, 2.5, 0.5])
    #expect(
      smoothL1Gradient(values, targets: targets, beta: 1).values == [0.5, -0.5, 1, -1, 1])
  }

  @Test("whatever the logits are, losses and gradients are numbers")
  func extremes() {
    let extremes: [Float] = [0, 1e-30, 88, 89, 104, 1e4, 1e30, .greatestFiniteMagnitude]
    for magnitude in extremes {
      for logit in [magnitude, -magnitude] {
        for target: Float in [0, 0.5, 1] {
          let (x, t) = (Tensor([1], [logit]), Tensor([1], [target]))
          #expect(binaryCrossEntropy(x, targets: t).isFinite)
          #expect(abs(binaryCrossEntropyGradient(x, targets: t).values[0]) <= 1)
        }
        let row = Tensor([1, 3], [logit, 0, 1])
        for label in 0..<3 {
          #expect(softmaxCrossEntropy(row, labels: [label]).isFinite)
          #expect(softmaxCrossEntropyGradient(row, labels: [label]).isFinite)
        }
      }
    }
  }

  /// Holds a loss and its gradient against the loss's definition in 64 bits: the values directly,
  /// the gradient against (L(x + h) - L(x - h)) / 2h.
  private func check(
    _ name: String, _ elements: Tensor, _ gradient: Tensor, at x: Tensor,
    definition: (_ index: Int, _ values: [Double]) -> Double
  ) {
    let values = x.values.map { Double($0) }
    for index in elements.values.indices {
      let exact = definition(index, values)
      #expect(abs(Double(elements.values[index]) - exact) < 1e-6 * max(1, abs(exact)))
    }
    let error = centralError(of: name, gradient, at: x, step: 1e-5) { values in
      elements.values.indices.reduce(0) { $0 + definition($1, values) }
    }
    #expect(error < 1e-6)
  }

  @Test("central differences in 64 bits")
  func centralDifferences() {
    var noise = SeededGenerator(seed: 8)
    let x = Tensor([8, 5], (0..<40).map { _ in 3 * noise.normal() })
    let t = Tensor([8, 5], (0..<40).map { _ in noise.uniform() })
    check(
      "binary cross-entropy", binaryCrossEntropy(x, targets: t),
      binaryCrossEntropyGradient(x, targets: t), at: x
    ) { index, x in
      let (p, t) = (1 / (1 + exp(-x[index])), Double(t.values[index]))
      return -t * log(p) - (1 - t) * log(1 - p)
    }
    let labels = (0..<8).map { _ in noise.below(5) }
    check(
      "softmax cross-entropy", softmaxCrossEntropy(x, labels: labels),
      softmaxCrossEntropyGradient(x, labels: labels), at: x
    ) { row, x in
      let powers = x[5 * row..<5 * row + 5].map { exp($0) }
      return -log(powers[labels[row]] / powers.reduce(0, +))
    }
    for beta: Float in [1, torchvisionSmoothL1Beta] {
      let near = x.map { 0.1 * $0 }
      for x in [x, near] {
        check(
          "smooth L1", smoothL1(x, targets: t, beta: beta),
          smoothL1Gradient(x, targets: t, beta: beta), at: x
        ) { index, x in
          let (d, beta) = (abs(x[index] - Double(t.values[index])), Double(beta))
          return d < beta ? d * d / (2 * beta) : d - beta / 2
        }
      }
    }
  }
}
