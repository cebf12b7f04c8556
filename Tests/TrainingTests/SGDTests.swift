import Model
import Tensors
import Testing

@testable import Training

@Suite struct SGDTests {
  /// The parameters of a tiny network, all of one value.
  private func tree(_ value: Float) throws -> MaskRCNNParameters {
    var parameters = try tinyModel().parameters
    parameters.update { slot, _ in Tensor(slot.shape, repeating: value) }
    return parameters
  }

  /// One element of each kind of parameter, after steps with the gradients 1, -2 and 0.5.
  private func trained(
    decaysNormsAndBiases: Bool, norms: NormTraining = .batchStatistics, frozenParts: Int = 0
  ) throws -> MaskRCNNParameters {
    var parameters = try tree(2)
    var optimizer = SGD(
      parameters, momentum: 0.9, weightDecay: 0.5, decaysNormsAndBiases: decaysNormsAndBiases,
      greatestNorm: nil,
      trained: TrainedParameters(parameters, norms: norms, frozenParts: frozenParts))
    for (gradient, rate) in zip([1, -2, 0.5] as [Float], [0.1, 0.1, 0.01] as [Float]) {
      optimizer.step(&parameters, try tree(gradient), rate: rate)
    }
    return parameters
  }

  /// torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=0.5), the rate then 0.01: v = 2, p = 1.8;
  /// v = 1.8 - 2 + 0.9 = 0.7, p = 1.73;  v = 0.63 + 0.5 + 0.865 = 1.995, p = 1.71005. Without
  /// decay: v = 1, p = 1.9;  v = -1.1, p = 2.01;  v = -0.49, p = 2.0149.
  private let decayed: Float = 1.71005
  private let plain: Float = 2.0149

  @Test("momentum and decay are torch's, for weights, biases and norms")
  func formula() throws {
    for decaysAll in [true, false] {
      for (slot, value) in try trained(decaysNormsAndBiases: decaysAll).parameters {
        let expected: Float =
          switch slot.kind {
          case .weight: decayed
          case .bias, .normScale, .normShift: decaysAll ? decayed : plain
          case .runningMean, .runningVariance: 2
          }
        #expect(value.values.allSatisfy { abs($0 - expected) < 1e-6 }, "\(slot.name)")
      }
    }
  }

  @Test("frozen parts and frozen norms stay, decay or not")
  func frozen() throws {
    let result = try trained(decaysNormsAndBiases: true, norms: .frozen, frozenParts: 2)
    let (stem, layers) = (result.backbone.stem, result.backbone.layers)
    #expect(stem.elements.allSatisfy { $0 == 2 } && layers[0].elements.allSatisfy { $0 == 2 })
    #expect(layers[1][0].branch[0].weight.values.allSatisfy { abs($0 - decayed) < 1e-6 })
    #expect(layers[1][0].branch[0].norm?.elements.allSatisfy { $0 == 2 } == true)
    #expect(result.boxHead.classLogits.elements.allSatisfy { abs($0 - decayed) < 1e-6 })
  }

  @Test("a long gradient is clipped to its greatest length, as a whole")
  func clipping() throws {
    let count = Float(try tree(0).learnedCount)
    for (gradient, greatest) in [(1, 0.5), (1e-3, 100)] as [(Float, Float)] {
      var parameters = try tree(0)
      var optimizer = SGD(
        parameters, momentum: 0, weightDecay: 0, decaysNormsAndBiases: true,
        greatestNorm: greatest,
        trained: TrainedParameters(parameters, norms: .batchStatistics, frozenParts: 0))
      let norm = optimizer.step(&parameters, try tree(gradient), rate: 1)
      #expect(abs(Float(norm) / (gradient * count.squareRoot()) - 1) < 1e-5)
      let expected = min(gradient, greatest / count.squareRoot())
      for (slot, value) in parameters.parameters where slot.kind.isLearned {
        #expect(value.values.allSatisfy { abs($0 / -expected - 1) < 1e-4 }, "\(slot.name)")
      }
    }
  }

  @Test("running statistics follow the batch, except of a part that had no input")
  func statistics() throws {
    var parameters = try tree(1)
    var batch = try tree(3)
    batch.maskHead = batch.maskHead.zeros
    let trained = TrainedParameters(parameters, norms: .batchStatistics, frozenParts: 0)
    followStatistics(&parameters, batch, momentum: 0.1, trained: trained)
    for (slot, value) in parameters.parameters where !slot.kind.isLearned {
      let expected: Float = slot.name.contains("mask_head") ? 1 : 1.2
      #expect(value.values.allSatisfy { abs($0 - expected) < 1e-6 }, "\(slot.name)")
    }
    #expect(parameters.parameters.allSatisfy { !$0.slot.kind.isLearned || $0.value.values[0] == 1 })
  }

  @Test("averaged weights forget what the network was before it learned")
  func average() throws {
    var average = WeightAverage(try tree(5), decay: 0.5)
    average.add(try tree(1), step: 0)
    // d is 1 / 10 at first, and 0.5 from step 8 on.
    #expect(average.parameters.elements.allSatisfy { abs($0 - 1.4) < 1e-6 })
    average.add(try tree(3), step: 100)
    #expect(average.parameters.elements.allSatisfy { abs($0 - 2.2) < 1e-6 })
  }

  @Test("the rate warms up, and decays by a cosine or in steps")
  func schedule() {
    let cosine = LearningRateSchedule(
      rate: 2, warmUpSteps: 4, warmUpFactor: 0.5, decay: .cosine(floor: 0.2))
    #expect(cosine.rate(at: 0, of: 100) == 1)
    #expect(abs(cosine.rate(at: 50, of: 100) - 1.2) < 1e-6)
    #expect(abs(cosine.rate(at: 100, of: 100) - 0.4) < 1e-6)
    let steps = LearningRateSchedule(
      rate: 1, warmUpSteps: 0, decay: .steps(at: [3, 5], factor: 0.1))
    let rates = (0..<7).map { steps.rate(at: $0, of: 7) }
    for (rate, expected) in zip(rates, [1, 1, 1, 0.1, 0.1, 0.01, 0.01] as [Float]) {
      #expect(abs(rate - expected) < 1e-7)
    }
  }
}
