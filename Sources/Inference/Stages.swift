import Foundation
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tracing

/// A stage that is made of an image and a model.
public protocol PipelineStage: Stage {
  /// The stage with a model's parameters and settings, and torchvision's options for the rest.
  ///
  /// - Parameters:
  ///   - image: the file that stage 0 reads
  ///   - model: gives the model; called by those stages alone that need one
  static func make(image: URL, model: () throws -> MaskRCNNModel) throws -> Self
}

/// The stages of the pipeline, in their order.
public var allStages: [any PipelineStage.Type] {
  [
    InputStage.self, BackboneStage.self, AnchorsStage.self, ProposalsStage.self, RoIStage.self,
    HeadsStage.self, MasksStage.self,
  ]
}

extension InputStage: PipelineStage {
  /// Reads the image as the model's settings say.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) throws -> InputStage {
    InputStage(file: image, settings: try model().settings)
  }
}

extension BackboneStage: PipelineStage {
  /// The model's backbone.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) throws -> BackboneStage {
    BackboneStage(try model())
  }
}

extension AnchorsStage: PipelineStage {
  /// The model's anchors and region proposal head.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) throws -> AnchorsStage {
    AnchorsStage(try model())
  }
}

extension ProposalsStage: PipelineStage {
  /// Needs no model.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) -> ProposalsStage {
    ProposalsStage()
  }
}

extension RoIStage: PipelineStage {
  /// Needs no model.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) -> RoIStage { RoIStage() }
}

extension HeadsStage: PipelineStage {
  /// The model's heads.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) throws -> HeadsStage {
    HeadsStage(try model())
  }
}

extension MasksStage: PipelineStage {
  /// Needs no model.
  public static func make(image: URL, model: () throws -> MaskRCNNModel) -> MasksStage {
    MasksStage()
  }
}
