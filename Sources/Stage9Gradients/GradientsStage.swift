import Figures
import Kernels
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage4RoI
import Stage5Heads
import Stage7Targets
import Stage8Losses
import Tensors
import Tracing

/// Stage 9 in a trace: the gradient of the losses at every parameter, every level and the image,
/// and one step of gradient descent.
public struct GradientsStage: Stage {
  /// The folder in a trace.
  public static let name = "9-gradients"
  /// What the stage computes.
  public static let title =
    "The gradient of the losses at every tensor, and one step of gradient descent."

  /// The parameters, and where they come from.
  public var model: MaskRCNNModel
  /// Which losses, and the learning rate.
  public var options: GradientOptions

  /// Makes the stage with a model.
  public init(_ model: MaskRCNNModel, _ options: GradientOptions = .torchvision) {
    (self.model, self.options) = (model, options)
  }

  /// The image, the targets, and by which operator RoIs are read.
  public static let inputs = [
    StageInput(InputStage.name, "padded"), StageInput(RoIStage.name, "features"),
    StageInput(TargetsStage.name, "anchors.sampled"),
    StageInput(TargetsStage.name, "rois.sampled"),
  ]

  /// What `stage.json` records beside. Norms keep their statistics: one image has too few.
  public var recordedFacts: [String: OptionValue] {
    model.weightSource.recordedFacts.merging([
      "norms": .text("fixedStatistics"),
      "losses": .texts(LossName.allCases.map(\.rawValue)),
    ]) { $1 }
  }

  /// Reads 0-input, 4-roi and 7-targets; writes dP2 … dP6, dC2 … dC5, `dinput`, the gradients of
  /// the RoIs' features, the norms of the parameters' gradients, and the losses before and after a
  /// step.
  public func run(_ folder: StageWriter) throws {
    let source = try folder.read(InputStage.name)
    let sizes = try InputSizes(source)
    let roiOperator = try RoIOptions(folder.read(RoIStage.name)).roiOperator
    let targetFolder = try folder.read(TargetsStage.name)
    let targets = try TargetsStage.targets(of: targetFolder)
    let input = try source.tensor("padded")  // [1, 3, H, W]
    let expected: Shape = [
      1, model.backbone.stem.weight.shape[1], sizes.padded.height, sizes.padded.width,
    ]
    guard input.shape == expected else {
      throw Fault(
        source.folder.path, "the input has shape \(input.shape), the trunk reads \(expected)",
        remedy: "Run the stage input again")
    }
    /// The network on the image and on the sampled RoIs.
    func forward(_ parameters: MaskRCNNParameters) -> (images: ImagePass, rois: RoIPass) {
      let images = ImagePass(input, parameters, norms: .fixedStatistics)
      return (
        images,
        RoIPass(
          images.pyramid, input: sizes.padded, targets: [targets.rois], parameters,
          model.settings, operator: roiOperator, norms: .fixedStatistics)
      )
    }
    func losses(_ pass: (images: ImagePass, rois: RoIPass)) -> TrainingLosses {
      Stage9Gradients.losses(
        pass.images, pass.rois, anchors: [targets.anchors], rois: [targets.rois])
    }

    folder.report("forward")
    let pass = forward(model.parameters)
    try check(pass, targets.anchors, targets.rois, folder: targetFolder)
    let before = losses(pass)
    let gradients = LossGradients(
      of: options.of.losses, pass.images, pass.rois, anchors: [targets.anchors],
      rois: [targets.rois], model.parameters
    ) { folder.report("backward from \($0.rawValue), \($1)") }
    folder.report("forward after a step")
    let step = DescentStep(
      before: before,
      after: losses(
        forward(
          model.parameters.descended(
            gradients.sum.parameters, learningRate: options.learningRate))))
    guard gradients.sum.input.map(\.isFinite) ?? true, before.total.isFinite else {
      throw Fault(
        model.weightSource.name,
        "with these weights the gradients of this image are not finite numbers",
        remedy: "Check the weights, and the epsilon of their norms, with maskrcnn inspect")
    }
    try add(gradients, to: folder)
    try add(step, to: folder)
    guard folder.drawsFigures else { return }
    try folder.add(
      drawing(
        gradients, step, pass.rois, positives: targets.rois.positives, sizes,
        backdrop: source.backdrop(), roiOperator: roiOperator
      ).figures)
  }

  /// Refuses targets that were made with another model's anchors or masks.
  private func check(
    _ pass: (images: ImagePass, rois: RoIPass), _ anchors: AnchorTargets, _ rois: RoITargets,
    folder: StageFolder
  ) throws {
    let count = pass.images.predictions.reduce(0) { $0 + $1.objectness.count }
    let classes = model.settings.classNames.count
    let side = pass.rois.maskLogits.shape.rank == 4 ? pass.rois.maskLogits.shape[2] : 0
    guard anchors.matches.count == count, rois.labels.allSatisfy({ $0 < classes }),
      rois.positives.isEmpty || rois.masks.shape[1] == side
    else {
      throw Fault(
        folder.folder.path,
        "\(anchors.matches.count) anchors, classes up to \(rois.labels.max() ?? 0) and masks "
          + "\(rois.masks.shape) do not fit the model: \(count) anchors, \(classes) classes",
        remedy: "Run the stages again with the same weights, from input to targets")
    }
  }

  private func add(_ gradients: LossGradients, to folder: StageWriter) throws {
    let name = options.of.words
    func add(_ name: String, _ tensor: Tensor, axes: [String], _ note: String) throws {
      try folder.add(name, tensor, axes: axes, units: "loss per unit of the tensor", note: note)
    }
    let axes = ["N", "C", "H", "W"]
    for (level, tensor) in zip(model.backbone.levels, gradients.sum.pyramid) {
      try add("dP\(level)", tensor, axes: axes, "gradient of \(name) at P\(level)")
    }
    for (index, tensor) in gradients.sum.trunk.enumerated() {
      guard let tensor else { continue }
      try add("dC\(index + 2)", tensor, axes: axes, "gradient of \(name) at C\(index + 2)")
    }
    if let tensor = gradients.sum.input {
      try add("dinput", tensor, axes: axes, "gradient of \(name) at the padded, normalised input")
    }
    let bins = ["C", "Y", "X"]
    if let tensor = gradients.sum.boxFeatures {
      try add(
        "dbox_features", tensor, axes: ["R"] + bins,
        "gradient of \(name) at what the box head reads")
    }
    if let tensor = gradients.sum.maskFeatures {
      try add(
        "dmask_features", tensor, axes: ["P"] + bins,
        "gradient of \(name) at what the mask head reads")
    }
    let norms = gradients.norms
    try folder.add(
      "parameter_norms",
      Tensor(
        [norms.count, LossName.allCases.count],
        norms.flatMap { norm in LossName.allCases.map { norm.gradients[$0] ?? 0 } }),
      axes: ["parameters in parameters.csv", "losses"], units: "L2 norm of the gradient",
      note: "losses in the order of the option losses; 0 where a loss was not differentiated")
    try folder.addFile(
      "parameters.csv", parameterCSV(norms),
      caption: "Every learned parameter: elements, norm, and the norm of each loss's gradient")
  }

  private func add(_ step: DescentStep, to folder: StageWriter) throws {
    try folder.add(
      "step", step.tensor, exactly: true, axes: ["losses", "before after"], units: "loss",
      note: "before and after one step of gradient descent, over the same anchors and RoIs")
  }

  private func parameterCSV(_ norms: [ParameterNorm]) -> [UInt8] {
    var text = "parameter,elements,norm"
    for loss in LossName.allCases { text += ",\(loss.rawValue)" }
    text += "\n"
    for norm in norms {
      text += "\(norm.name),\(norm.count),\(norm.norm)"
      for loss in LossName.allCases { text += "," + (norm.gradients[loss].map { "\($0)" } ?? "") }
      text += "\n"
    }
    return Array(text.utf8)
  }

  private func drawing(
    _ gradients: LossGradients, _ step: DescentStep, _ pass: RoIPass, positives: [Int],
    _ sizes: InputSizes, backdrop: Backdrop, roiOperator: RoIOperator
  ) -> GradientDrawing {
    func map(_ name: String, _ tensor: Tensor) -> FeatureMap {
      FeatureMap(name, tensor, padded: sizes.padded, image: sizes.resized)
    }
    let input = gradients.sum.input ?? Tensor([1, 3, 1, 1], repeating: 0)
    return GradientDrawing(
      name: options.of.words, learningRate: options.learningRate,
      pyramid: zip(model.backbone.levels, gradients.sum.pyramid).map { map("dP\($0)", $1) },
      trunk: gradients.sum.trunk.enumerated().compactMap { index, tensor in
        tensor.map { map("dC\(index + 2)", $0) }
      },
      input: map("dinput", input).features.slice(0), backdrop: backdrop,
      example: example(gradients.sum, pass, positives: positives, sizes, operator: roiOperator),
      norms: gradients.norms, losses: options.of.losses, step: step)
  }

  private func example(
    _ gradient: NetworkGradient, _ pass: RoIPass, positives: [Int], _ sizes: InputSizes,
    operator roiOperator: RoIOperator
  ) -> RoIGradientExample? {
    let (rois, features, places) =
      gradient.boxFeatures != nil
      ? (pass.sampled, gradient.boxFeatures, positives)
      : (pass.positive, gradient.maskFeatures, Array(pass.positive.indices))
    guard let features,
      let chosen = RoIGradientExample.choice(
        of: rois, gradient: features, positive: places, width: Float(sizes.resized.width),
        height: Float(sizes.resized.height))
    else { return nil }
    return RoIGradientExample(
      chosen, of: rois, gradient: features, pass.rois, operator: roiOperator)
  }
}

extension GradientsStage {
  /// The losses' sum before and after the step.
  public static func outcome(_ folder: StageFolder) -> String {
    guard let totals = try? DescentStep(folder).totals else {
      return "\(folder.record.tensors.count) tensors"
    }
    return "loss \(Numerals.decimals(Double(totals.before), 4)), after a step "
      + Numerals.decimals(Double(totals.after), 4)
  }
}

extension GradientOptions.Choice {
  /// What the gradients are of, as text.
  var words: String {
    self == .total ? "the sum of the five losses" : "the \(rawValue) loss"
  }
}
