/// Everything that a program needs to find objects in images and to look into how they are found:
/// the rooms of this package, from tensors to the last stage, under one name. Each is a product of
/// its own as well.
///
///     let model = try MaskRCNNModel(contentsOf: weights)
///     for detection in model.detections(in: try readImage(photo)) { print(detection.box) }
@_exported import Annotations
@_exported import Evaluation
@_exported import Figures
@_exported import Inference
@_exported import Kernels
@_exported import Model
@_exported import Scenes
@_exported import Stage0Input
@_exported import Stage1Backbone
@_exported import Stage2Anchors
@_exported import Stage3Proposals
@_exported import Stage4RoI
@_exported import Stage5Heads
@_exported import Stage6Masks
@_exported import Stage7Targets
@_exported import Stage8Losses
@_exported import Stage9Gradients
@_exported import Tensors
@_exported import Tracing
@_exported import Training
@_exported import WeightFiles
