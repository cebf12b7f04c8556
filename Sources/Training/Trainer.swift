// One step of training: a batch through the stages 1 to 5 and 7 to 9, then gradient descent.
//
// N images, Hp Wp rows and columns of the padded input, R proposals of an image.

import Inference
import Kernels
import Model
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage7Targets
import Stage8Losses
import Stage9Gradients
import Tensors

/// What a step did.
public struct StepReport: Sendable, Equatable, Codable {
  /// The step's number, from 1.
  public var step: Int
  /// The five losses, in the order of `LossName.allCases`.
  public var losses: [Float]
  /// Their sum.
  public var total: Float
  /// The learning rate.
  public var rate: Float
  /// The length of the gradient, before it is clipped.
  public var gradientNorm: Double
}

/// The parts of a step, in their order.
public enum StepPart: String, Sendable, CaseIterable {
  /// Trunk, pyramid and region proposal network on whole images.
  case images = "images, forward"
  /// Proposals, matching, sampling, mask targets.
  case targets = "proposals and targets"
  /// RoI operator and both heads on the sampled RoIs.
  case heads = "RoIs and heads, forward"
  /// The five losses.
  case losses
  /// All gradients.
  case backward = "backward"
  /// Momentum, decay, running statistics, averaged weights.
  case descent = "gradient descent"
}

/// Trains a network step by step. The network is `model`, what is remembered besides are the
/// velocity, the averaged weights, and how many steps have been taken.
///
///     var trainer = Trainer(model, configuration)
///     while trainer.step < configuration.steps {
///       let report = try trainer.step(on: try data.batch(for: trainer))
///     }
public struct Trainer: Sendable {
  /// What decides how training goes.
  public let configuration: TrainingConfiguration
  /// The network as it is now.
  public internal(set) var model: MaskRCNNModel
  /// Momentum and weight decay.
  public internal(set) var optimizer: SGD
  /// The averaged weights; nil where there are none.
  public internal(set) var average: WeightAverage?
  /// How many steps have been taken.
  public internal(set) var step = 0
  /// How anchors are sampled, for each image.
  public var anchorSampling: Sampling
  /// How RoIs are sampled, for each image.
  public var roiSampling: Sampling

  /// Makes a trainer that has taken no step.
  public init(_ model: MaskRCNNModel, _ configuration: TrainingConfiguration) {
    (self.model, self.configuration) = (model, configuration)
    optimizer = SGD(
      model.parameters, momentum: configuration.momentum, weightDecay: configuration.weightDecay,
      decaysNormsAndBiases: configuration.decaysNormsAndBiases,
      greatestNorm: configuration.greatestNorm,
      trained: TrainedParameters(
        model.parameters, norms: configuration.norms, frozenParts: configuration.frozenParts))
    average = configuration.averageDecay.map { WeightAverage(model.parameters, decay: $0) }
    anchorSampling = .balanced(count: configuration.anchorsPerImage, positiveFraction: 0.5)
    roiSampling = .balanced(count: configuration.roisPerImage, positiveFraction: 0.25)
  }

  /// The network to use once training is over: with the averaged weights where there are some.
  public var result: MaskRCNNModel {
    var result = model
    if let average { result.parameters = average.parameters }
    return result
  }

  /// Takes a step.
  ///
  /// - Parameter clock: called after each part of it
  /// - Throws: `Fault` that names the loss and the images if a loss or the gradient is not finite,
  ///   or the loss has grown beyond what is sensible; then the network is as before the step
  @discardableResult
  public mutating func step(
    on batch: TrainingBatch, clock: (StepPart) -> Void = { _ in }
  ) throws(Fault) -> StepReport {
    let norms = configuration.norms
    let images = ImagePass(batch.input.tensor, model.parameters, norms: norms)
    clock(.images)
    let (anchors, rois) = targets(images, batch)
    clock(.targets)
    let heads = RoIPass(
      images.pyramid, input: batch.input.padded, targets: rois, model.parameters,
      model.settings, operator: RoIOperator(model.settings.roi), norms: norms)
    clock(.heads)
    let losses = losses(images, heads, anchors: anchors, rois: rois)
    try check(losses, batch)
    clock(.losses)
    let gradient = networkGradient(
      images, heads, anchors: anchors, rois: rois, model.parameters,
      BackwardOptions(
        losses: Set(LossName.allCases), frozenParts: configuration.frozenParts, needsInput: false)
    ).parameters
    clock(.backward)
    let rate = configuration.schedule.rate(at: step, of: configuration.steps)
    var (next, optimizer) = (model.parameters, optimizer)
    let norm = optimizer.step(&next, gradient, rate: rate)
    guard norm.isFinite else { throw fault("the gradient is not finite", losses, batch) }
    followStatistics(
      &next, gradient, momentum: configuration.statisticsMomentum, trained: optimizer.trained)
    self.optimizer = optimizer
    model.parameters = next
    average?.add(next, step: step)
    step += 1
    clock(.descent)
    return StepReport(
      step: step, losses: LossName.allCases.map { losses[$0].value }, total: losses.total,
      rate: rate, gradientNorm: norm)
  }

  /// Stage 3 and stage 7: proposals of the network as it is, matched with the truth and sampled. No
  /// gradient flows through them.
  private func targets(
    _ images: ImagePass, _ batch: TrainingBatch
  ) -> (anchors: [AnchorTargets], rois: [RoITargets]) {
    var network = Network(model)
    network.proposalOptions.preNMSTopN = configuration.preNMSTopN
    network.proposalOptions.postNMSTopN = configuration.postNMSTopN
    let candidates = network.candidates(images.predictions, input: batch.input.padded)
    let grid = candidates.flatMap(\.anchors)
    let proposals = network.proposedBoxes(candidates, batch.input.sizes)  // N lists of R
    var anchors: [AnchorTargets] = []
    var rois: [RoITargets] = []
    for (index, truth) in batch.truths.enumerated() {
      var generator = SeededGenerator(seed: batch.seeds[index])
      anchors.append(
        anchorTargets(
          grid, truth: truth, matcher: .anchors, sampling: anchorSampling, using: &generator))
      rois.append(
        roiTargets(
          proposals[index], truth: truth, maskSide: model.settings.roi.maskSide,
          matcher: .proposals,
          sampling: roiSampling, using: &generator))
    }
    return (anchors, rois)
  }

  private func check(_ losses: TrainingLosses, _ batch: TrainingBatch) throws(Fault) {
    for name in LossName.allCases where !losses[name].value.isFinite {
      throw fault("\(name.rawValue) is \(losses[name].value)", losses, batch)
    }
    guard losses.total <= configuration.greatestLoss else {
      throw fault("the loss has grown to \(losses.total)", losses, batch)
    }
  }

  private func fault(
    _ problem: String, _ losses: TrainingLosses, _ batch: TrainingBatch
  ) -> Fault {
    let all = LossName.allCases.map { "\($0.rawValue) \(losses[$0].value)" }
    let rate = configuration.schedule.rate(at: step, of: configuration.steps)
    return Fault(
      "step \(step + 1)",
      "\(problem) (\(all.joined(separator: ", ")); images \(batch.names.joined(separator: ", ")))",
      remedy: "Lower the learning rate, which is \(rate), lengthen the warm-up, or clip gradients")
  }
}
