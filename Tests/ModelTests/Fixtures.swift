import Foundation
import Model
import Tensors
import Testing
import WeightFiles

/// A file in the package's `Fixtures` folder.
func fixture(_ path: String) -> URL {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures").appending(path: path)
}

/// The names and shapes of an architecture, from `Fixtures/architectures`.
func architecture(_ name: String) throws -> [ParameterShape] {
  try ParameterShape.readList(fixture("architectures/\(name).json"))
}

/// Weights of the given shapes that take no time to make: variances 1, everything else 0.
func weights(
  _ parameters: [ParameterShape], metadata: [String: String] = [:]
) -> WeightFile {
  var tensors: [String: Tensor] = [:]
  for parameter in parameters {
    let value: Float = parameter.name.hasSuffix("running_var") ? 1 : 0
    tensors[parameter.name] = Tensor(Shape(parameter.shape), repeating: value)
  }
  return WeightFile(name: "w.pth", tensors: tensors, metadata: metadata)
}

/// The bundled detector's kind of network, an eighth as wide: a file of a few dozen kilobytes.
func smallNetwork() throws -> [ParameterShape] {
  try architecture("nuclei").map { parameter in
    var shape = parameter.shape
    // Classes, anchors and RGB stay what they are.
    let keepsOutputs = ["cls_logits", "rpn.head.bbox_pred", "box_predictor", "mask_fcn_logits"]
      .contains { parameter.name.contains($0) }
    for axis in shape.indices where shape[axis] >= 32 && !(axis == 0 && keepsOutputs) {
      shape[axis] /= 8
    }
    return ParameterShape(parameter.name, shape)
  }
}

/// The settings in the bundled detector's metadata.
let detectorMetadata = [
  "class_names": #"["__background__", "one", "two", "three"]"#, "input.scale": "2",
  "input.mean": "[0.5, 0.25, 0.125]", "input.std": "[1, 2, 3]",
  "anchors.sizes": "[16, 32, 64, 128, 256]", "anchors.aspect_ratios": "[0.5, 1.0, 3]",
  "detections_per_image": "500", "score_threshold": "0.25", "norm_eps": "0.001", "format": "pt",
]
