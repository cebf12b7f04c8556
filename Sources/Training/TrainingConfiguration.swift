import Foundation
import Model
import Tensors

extension NormTraining: Codable {}

/// Everything that decides what becomes of given data and a given network in training. Two runs of
/// one configuration, with the same data and the same first parameters, have the same bits.
public struct TrainingConfiguration: Sendable, Equatable, Codable {
  /// Where all chance begins.
  public var seed: UInt64
  /// How many steps are taken.
  public var steps: Int
  /// Images in a batch.
  public var imagesPerBatch: Int
  /// The learning rate of every step.
  public var schedule: LearningRateSchedule
  /// Momentum.
  public var momentum: Float = 0.9
  /// Weight decay: the paper's.
  public var weightDecay: Float = 0.0001
  /// Whether norms and biases decay too.
  public var decaysNormsAndBiases = true
  /// The greatest length of the gradient; nil to clip nothing.
  public var greatestNorm: Float?
  /// The decay of the averaged weights; nil for none.
  public var averageDecay: Float?
  /// How norms are trained.
  public var norms: NormTraining
  /// The part of the way that running statistics go with every batch.
  public var statisticsMomentum: Float = 0.1
  /// How many parts of the trunk, from the stem on, stay as they are.
  public var frozenParts = 0
  /// Sampled anchors per image, half of them positive at most.
  public var anchorsPerImage = 256
  /// Sampled RoIs per image, a quarter of them positive at most.
  public var roisPerImage = 512
  /// Candidates per level that are looked at.
  public var preNMSTopN = 2000
  /// Proposals per image.
  public var postNMSTopN = 2000
  /// How samples are varied.
  public var augmentation: Augmentation
  /// A loss above this counts as diverged. A network that knows nothing has a loss of some units.
  public var greatestLoss: Float = 1000
  /// Steps between two checkpoints.
  public var checkpointInterval = 100

  /// Makes a configuration; what is not named is as in torchvision's reference training.
  public init(
    seed: UInt64, steps: Int, imagesPerBatch: Int, schedule: LearningRateSchedule,
    norms: NormTraining, augmentation: Augmentation
  ) {
    (self.seed, self.steps, self.imagesPerBatch) = (seed, steps, imagesPerBatch)
    (self.schedule, self.norms, self.augmentation) = (schedule, norms, augmentation)
  }

  /// Where the chance of one place in training begins: a number that depends on the seed and the
  /// place alone, so that a step needs no history.
  func seed(_ purpose: UInt64, _ place: Int) -> UInt64 {
    var generator = SeededGenerator(seed: seed &+ purpose &* 0x9E6C_63D0_876A_3F6B)
    var mixed = SeededGenerator(seed: generator.next() ^ UInt64(bitPattern: Int64(place)))
    return mixed.next()
  }
}
