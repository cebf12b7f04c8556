import Foundation
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Stage7Targets
import Stage8Losses
import Stage9Gradients
import Tracing

/// A stage that is made of an image, a model and, to learn, the truth about the image.
public protocol PipelineStage: Stage {
  /// The stage with a model's parameters and settings, and torchvision's options for the rest.
  ///
  /// - Parameters:
  ///   - image: the file that stage 0 reads
  ///   - model: gives the model; called by those stages alone that need one
  ///   - truth: gives the objects that there are; called by those stages alone that need them
  static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> Self
}

/// The stages of learning in their order, which run where the truth about the image is known: the
/// one list of them.
public enum LearningStages {
  /// Their types.
  public static var types: [any PipelineStage.Type] {
    [TargetsStage.self, LossesStage.self, GradientsStage.self]
  }

  /// Their folders' names in the same order.
  public static let names = types.map { $0.name }
}

/// The stages of inference and of learning, by their numbers.
public enum AllStages {
  /// Their types: stage n is at place n.
  public static var types: [any PipelineStage.Type] {
    InferenceStages.types + LearningStages.types
  }
}

/// All stages of inference in their order, each with its options: the one list of them.
public struct InferenceStages {
  /// An image file to the network's input.
  public var input: InputStage
  /// The input to the feature pyramid.
  public var backbone: BackboneStage
  /// The pyramid to anchors, with objectness and deltas.
  public var anchors: AnchorsStage
  /// Those to proposals.
  public var proposals: ProposalsStage
  /// Proposals to features of a fixed size.
  public var roi: RoIStage
  /// Features to detections, each with a mask per class.
  public var heads: HeadsStage
  /// Masks back to the image.
  public var masks: MasksStage

  /// Makes the stages with a model's parameters and settings; the other options are torchvision's.
  ///
  /// - Parameter image: the file that stage 0 reads
  public init(_ model: MaskRCNNModel, image: URL) {
    input = InputStage(file: image, settings: model.settings)
    backbone = BackboneStage(model)
    anchors = AnchorsStage(model)
    proposals = ProposalsStage()
    roi = RoIStage(RoIOptions(model))
    heads = HeadsStage(model)
    masks = MasksStage()
  }

  /// The stages in their order.
  public var all: [any Stage] { [input, backbone, anchors, proposals, roi, heads, masks] }

  /// Their types in the same order.
  public static var types: [any PipelineStage.Type] {
    [
      InputStage.self, BackboneStage.self, AnchorsStage.self, ProposalsStage.self, RoIStage.self,
      HeadsStage.self, MasksStage.self,
    ]
  }

  /// Their folders' names in the same order.
  public static let names = types.map { $0.name }

  /// The stages with the options that earlier runs recorded.
  ///
  /// - Parameter folder: gives a stage's folder by its name; nil for a stage that keeps the options
  ///   that it has
  /// - Throws: `Fault` if a record lacks an option, or what `folder` throws
  public func withOptions(of folder: (String) throws -> StageFolder?) throws -> InferenceStages {
    func asRecorded<S: Stage>(_ stage: S) throws -> S {
      try folder(S.name).map { try stage.withOptions(of: $0) } ?? stage
    }
    var stages = self
    stages.input = try asRecorded(input)
    stages.backbone = try asRecorded(backbone)
    stages.anchors = try asRecorded(anchors)
    stages.proposals = try asRecorded(proposals)
    stages.roi = try asRecorded(roi)
    stages.heads = try asRecorded(heads)
    stages.masks = try asRecorded(masks)
    return stages
  }
}

extension InputStage: PipelineStage {
  /// Reads the image as the model's settings say.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> InputStage {
    InputStage(file: image, settings: try model().settings)
  }
}

extension BackboneStage: PipelineStage {
  /// The model's backbone.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> BackboneStage {
    BackboneStage(try model())
  }
}

extension AnchorsStage: PipelineStage {
  /// The model's anchors and region proposal head.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> AnchorsStage {
    AnchorsStage(try model())
  }
}

extension ProposalsStage: PipelineStage {
  /// Needs no model.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) -> ProposalsStage {
    ProposalsStage()
  }
}

extension RoIStage: PipelineStage {
  /// The levels and bins that the model's heads read.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> RoIStage {
    RoIStage(RoIOptions(try model()))
  }
}

extension HeadsStage: PipelineStage {
  /// The model's heads.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> HeadsStage {
    HeadsStage(try model())
  }
}

extension MasksStage: PipelineStage {
  /// Needs no model; the image's number is that of its file, if it has one.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) -> MasksStage {
    var stage = MasksStage()
    stage.options.imageID = MaskOptions.imageID(of: image) ?? stage.options.imageID
    return stage
  }
}

extension TargetsStage: PipelineStage {
  /// The truth, with the model's names for its classes.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> TargetsStage {
    let settings = try model().settings
    return TargetsStage(
      try truth(), classNames: settings.classNames, maskSide: settings.roi.maskSide)
  }
}

extension LossesStage: PipelineStage {
  /// The model's heads; the truth is in what stage 7 left.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> LossesStage {
    LossesStage(try model())
  }
}

extension GradientsStage: PipelineStage {
  /// The model's parameters; the truth is in what stage 7 left.
  public static func make(
    image: URL, model: () throws -> MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> GradientsStage {
    GradientsStage(try model())
  }
}
