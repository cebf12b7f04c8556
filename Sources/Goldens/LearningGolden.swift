import Annotations
import Figures
import Foundation
import Inference
import Kernels
import Model
import Stage0Input
import Stage3Proposals
import Stage7Targets
import Stage8Losses
import Stage9Gradients
import Tensors
import Tracing
import WeightFiles

/// The losses and gradients of a whole network that the reference computed in training mode, and
/// what this package computes for the same image and truth: `Fixtures/golden/learning/CASE`.
public struct LearningGolden {
  private let recorded: RecordedCase<How>

  private struct How: Decodable {
    var weights: String?
    var weightsSeed: Int?
    var shorter: Int?
    var longer: Int?
    var preNMSTopN: Int
    var postNMSTopN: Int
  }

  /// Opens a case.
  public init(_ folder: URL) throws { recorded = try RecordedCase(folder) }

  /// The case's folder name.
  public var name: String { recorded.name }

  /// The cases in a folder, by name.
  public static func all(in folder: URL) throws -> [LearningGolden] {
    try recordedCases(in: folder).map { try LearningGolden($0) }
  }

  /// The model that the case was recorded with.
  ///
  /// - Parameter fixtures: the package's `Fixtures`
  private func model(_ fixtures: URL) throws -> MaskRCNNModel {
    guard let seed = recorded.how.weightsSeed else {
      let file = fixtures.appending(path: "weights/\(recorded.how.weights ?? "").safetensors")
      return try MaskRCNNModel(contentsOf: file)
    }
    let list = try ParameterShape.readList(
      fixtures.appending(path: "architectures/\(name).json"))
    var model = try MaskRCNNModel(weights: SeededWeights.generate(list, seed: UInt64(seed)))
    model.settings.resize = .sides(
      shorter: recorded.how.shorter ?? 800, longer: recorded.how.longer ?? 1333)
    return model
  }

  /// Runs the network forward and backward and compares losses, targets and gradients.
  public func check(fixtures: URL) throws -> [GoldenResult] {
    let model = try model(fixtures)
    let image = try readImage(recorded.folder.appending(path: "image.png")).pixels
    var network = Network(model)
    network.proposalOptions.preNMSTopN = recorded.how.preNMSTopN
    network.proposalOptions.postNMSTopN = recorded.how.postNMSTopN
    let input = network.input([image])
    let annotations = try AnnotatedDataset(coco: recorded.folder.appending(path: "truth.json"))
    let truth = try ImageTruth(annotations.images[0], sizes: input.sizes[0])
    let norms: NormTraining = .fixedStatistics
    let images = ImagePass(input.tensor, model.parameters, norms: norms)
    let candidates = network.candidates(images.pyramid, input: input.padded)
    let proposals = network.proposedBoxes(candidates, input.sizes)
    var generator = SeededGenerator(seed: 0)
    let anchors = anchorTargets(
      candidates.flatMap(\.anchors), truth: truth, matcher: .anchors, sampling: .all,
      using: &generator)
    let rois = roiTargets(
      proposals[0], truth: truth, maskSide: 28, matcher: .proposals, sampling: .all,
      using: &generator)
    let pass = RoIPass(
      images.pyramid, input: input.padded, targets: [rois], model.parameters,
      model.settings, operator: .torchvision, norms: norms)
    let losses = losses(images, pass, anchors: [anchors], rois: [rois])
    let gradient = networkGradient(
      images, pass, anchors: [anchors], rois: [rois], model.parameters,
      BackwardOptions(losses: Set(LossName.allCases), frozenParts: 0, needsInput: true))
    return try compare(anchors, rois, losses, gradient)
  }

  private func compare(
    _ anchors: AnchorTargets, _ rois: RoITargets, _ losses: TrainingLosses,
    _ gradient: NetworkGradient
  ) throws -> [GoldenResult] {
    let special = anchors.matches.indices.filter { anchors.matches[$0].label != .negative }
    var results = try [
      integers("anchors.index", special),
      integers(
        "anchors.matches",
        special.map { anchors.matches[$0].label == .ignored ? -2 : anchors.matches[$0].truth ?? -1 }
      ),
      integers("rois.labels", rois.labels),
      compare("rois.boxes", Tensor(boxes: rois.boxes), 1e-5, "boxes decoded from predictions"),
      compare(
        "losses", Tensor([5], LossName.allCases.map { losses[$0].value }), 1e-5,
        "sums of many terms in another order"),
    ]
    let maps =
      gradient.pyramid.enumerated().map { ("dP\($0 + 2)", $1) }
      + gradient.trunk.enumerated().compactMap { index, tensor in
        tensor.map { ("dC\(index + 2)", $0) }
      } + [("dinput", gradient.input)].compactMap { name, tensor in tensor.map { (name, $0) } }
    for (name, tensor) in maps { results.append(try compareGradient(name, tensor)) }
    var flips = 0
    for (slot, value) in gradient.parameters.parameters
    where recorded.tensors[slot.name + "#limits"] != nil {
      var result = try compareGradient(slot.name, value)
      if !result.passes, flips < Self.allowedFlips {
        let withoutOne = try compareGradient(slot.name, value, isFlipped: true)
        if withoutOne.passes { (result, flips) = (withoutOne, flips + 1) }
      }
      results.append(result)
    }
    return results
  }

  /// In how many parameters' gradients one element may be off because of a ReLU whose sum is nearly
  /// 0: one such cell moves one channel of its layer, by little. Among the millions of cells a
  /// network has a few, and which side one falls on depends on how the processor rounds. Compiled
  /// for x86-64-v2, one of 64 elements of one gradient of `bundled` is off by 1.3e-4, the others by
  /// 1.4e-6.
  private static let allowedFlips = 2
  /// By how much of the greatest magnitude such an element may be off.
  private static let flip: Float = 5e-4

  /// How many parameters the reference has gradients of.
  public var parameterCount: Int {
    recorded.tensors.keys.count { $0.hasSuffix("weight") || $0.hasSuffix("bias") }
  }

  /// Compares the recorded elements of a gradient, which were computed in 64 bits, as parts of the
  /// gradient's greatest magnitude.
  ///
  /// Where a ReLU or a maximum has two nearly equal sides, 32 bits may take the other one, and the
  /// gradient goes another way. So 1e-4 is allowed, or three times what torchvision's own 32-bit
  /// gradient is off by; and of a feature map, where one such cell is off by much, as many cells as
  /// twice torchvision's share of them.
  ///
  /// - Parameter isFlipped: whether the element that is off most is left out, if it is off by no
  ///   more than `flip`
  private func compareGradient(
    _ name: String, _ ours: Tensor, isFlipped: Bool = false
  ) throws -> GoldenResult {
    let theirs = try recorded.tensor(name)
    let limits = try recorded.tensor(name + "#limits").values
    // Feature maps and the input; a parameter's name has dots.
    let isMap = !name.contains(".")
    let (maximum, noise, share) = (limits[0], limits[1] / limits[0], limits[2])
    let count = max(1, theirs.count)
    let samples = theirs.values.indices.map { ours.values[$0 * ours.count / count] }
    var pairs = Array(zip(theirs.values, samples))
    if isMap || isFlipped {
      // The cells that went the other way come last and are left out, as many as are allowed; NaN
      // and infinity come first and never are.
      func off(_ pair: (Float, Float)) -> Float {
        let difference = abs(pair.0 - pair.1)
        return difference.isFinite ? difference : -1
      }
      pairs.sort { off($0) < off($1) }
      if isMap {
        pairs.removeLast(Int(2 * share * Float(count)))
      } else if let worst = pairs.last, abs(worst.0 - worst.1) <= Self.flip * maximum {
        pairs.removeLast()
      }
    }
    let reason = "sums over all positions in another order; torchvision's own are off by \(noise)"
    return GoldenResult(
      suite: "learning/\(self.name)",
      name: isMap ? "gradients of maps" : "gradients of parameters", tensor: name,
      finding: .compared(
        TensorDifference(pairs.map(\.0), pairs.map(\.1), range: Double(maximum))),
      tolerance: Tolerance(isMap ? 1e-4 : max(1e-4, 3 * noise), reason))
  }

  private func integers(_ name: String, _ ours: [Int]) throws -> GoldenResult {
    let values = try recorded.tensor(name).values
    let theirs = values.compactMap { Int(exactly: $0) }
    guard theirs.count == values.count else {
      throw Fault(
        recorded.folder.path, "\(name) holds no integers", remedy: "Record the goldens again")
    }
    return GoldenResult(
      suite: "learning/\(self.name)", name: "targets", tensor: name,
      finding: .init(
        NumericArray([theirs.count], integers: theirs),
        NumericArray([ours.count], integers: ours), kind: .category), tolerance: .exact)
  }

  private func compare(
    _ name: String, _ ours: Tensor, _ tolerance: Float, _ reason: String
  ) throws -> GoldenResult {
    GoldenResult(
      suite: "learning/\(self.name)", name: name == "losses" ? "losses" : "targets", tensor: name,
      finding: .init(NumericArray(try recorded.tensor(name)), NumericArray(ours)),
      tolerance: Tolerance(tolerance, reason))
  }
}
