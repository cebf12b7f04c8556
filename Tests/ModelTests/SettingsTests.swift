import Foundation
import Model
import Tensors
import Testing
import WeightFiles

@Suite("Settings")
struct SettingsTests {
  func model(_ metadata: [String: String], _ overrides: [String: String] = [:]) throws
    -> MaskRCNNModel
  {
    try MaskRCNNModel(weights: weights(smallNetwork(), metadata: metadata), overrides: overrides)
  }

  @Test("metadata are read")
  func metadata() throws {
    let model = try model(detectorMetadata)
    var expected = ModelSettings()
    expected.resize = .factor(2)
    expected.mean = [0.5, 0.25, 0.125]
    expected.standardDeviation = [1, 2, 3]
    expected.anchorSizes = [16, 32, 64, 128, 256]
    expected.anchorAspectRatios = [0.5, 1, 3]
    expected.detectionsPerImage = 500
    expected.scoreThreshold = 0.25
    expected.classNames = ["__background__", "one", "two", "three"]
    #expect(model.settings == expected)
    #expect(model.normEpsilon == 0.001)
    #expect(model.settingOrigins["anchors.sizes"] == .metadata)
  }

  @Test("the RoI operator is read, saved and described")
  func roiOperator() throws {
    let model = try model([
      "roi.operator": "warp", "roi.sampling_ratio": "0", "roi.aligned": "true",
      "roi.reduction": "maximum",
    ])
    let roi = model.settings.roi
    #expect(roi.kind == .warp && roi.samplingRatio == 0 && roi.aligned && roi.reduction == .maximum)
    #expect(model.summary.contains("warp (roi.operator: "))
    #expect(model.summary.contains("maximum (roi.reduction: "))
    let saved = try model.settings.metadata(normEpsilon: 0)
    #expect(saved["roi.operator"] == "warp" && saved["roi.sampling_ratio"] == "0")
    #expect(saved["roi.aligned"] == "true" && saved["roi.reduction"] == "maximum")
    let standard = try self.model([:]).settings.roi
    #expect(standard.kind == .align && standard.samplingRatio == 2)
    #expect(!standard.aligned && standard.reduction == .average)
  }

  @Test("the classes' numbers in a data set are read")
  func categoryIDs() throws {
    let model = try model(["category_ids": "[0, 17, 90, 3]"])
    #expect(model.settings.categoryIDs == [0, 17, 90, 3])
    #expect(model.summary.contains("[0, 17, 90, 3] (category_ids: "))
  }

  @Test("without metadata torchvision's defaults hold")
  func defaults() throws {
    let model = try model([:])
    var expected = ModelSettings()
    expected.classNames = ["__background__", "class 1", "class 2", "class 3"]
    #expect(model.settings == expected)
    #expect(model.normEpsilon == 1e-5 && model.normEpsilonReason.contains("PyTorch's default"))
    #expect(model.settingOrigins["anchors.sizes"] == .standard)
  }

  @Test("the user's word holds instead of the file's")
  func overrides() throws {
    let model = try model(
      detectorMetadata, ["input.min_size": "400", "input.max_size": "600", "norm_eps": "0"])
    #expect(model.settings.resize == .sides(shorter: 400, longer: 600))
    #expect(model.normEpsilon == 0)
    #expect(model.settingOrigins["input.min_size"] == .override)
    #expect(throws: Fault.self) { try self.model([:], ["colour": "blue"]) }
  }

  @Test(
    "a setting that makes no sense is named",
    arguments: [
      ("class_names", #"["a"]"#), ("class_names", "a, b"), ("category_ids", "[1, 2]"),
      ("category_ids", "[0, 1, 1, 2]"),
      ("category_ids", "[0.5, 1, 2, 3]"), ("input.scale", "-1"),
      ("input.scale", "nan"), ("input.scale", "two"), ("input.min_size", "300"),
      ("input.mean", "[1, 2]"), ("input.mean", "[1, 2, 1e300]"), ("input.std", "[1, 0, 1]"),
      ("anchors.sizes", "[1, 2, 3]"), ("anchors.sizes", "[1, 2, 3, 4, -5]"),
      ("anchors.aspect_ratios", "[1]"), ("anchors.aspect_ratios", "{}"),
      ("detections_per_image", "0"), ("detections_per_image", "1e30"),
      ("detections_per_image", "1.5"), ("score_threshold", "2"), ("norm_eps", "-1"),
    ])
  func senseless(key: String, value: String) {
    let fault = #expect(throws: Fault.self) { try model([key: value]) }
    #expect(fault?.subject == "w.pth: metadata \(key)")
    let override = #expect(throws: Fault.self) { try model([:], [key: value]) }
    #expect(override?.subject == key)
  }

  @Test("two ways of resizing contradict each other")
  func contradiction() {
    let both = ["input.scale": "2", "input.min_size": "3", "input.max_size": "4"]
    #expect(throws: Fault.self) { try model(both) }
    let swapped = ["input.min_size": "5", "input.max_size": "4"]
    #expect(throws: Fault.self) { try model(swapped) }
  }

  @Test("frozen batch norm, 91 classes and the v1 layout of ResNet-50 mean an epsilon of 0")
  func epsilon() throws {
    let list = try architecture("resnet50_fpn_v1")
    let model = try MaskRCNNModel(weights: weights(list))
    #expect(model.normEpsilon == 0 && model.backbone.stem.norm?.epsilon == 0)
    #expect(model.normEpsilonReason.contains("torchvision's COCO weights"))
    #expect(model.summary.contains("norm epsilon"))
    let counter = ParameterShape("backbone.body.bn1.num_batches_tracked", [])
    #expect(try MaskRCNNModel(weights: weights(list + [counter])).normEpsilon == 1e-5)
    let overridden = try MaskRCNNModel(weights: weights(list), overrides: ["norm_eps": "1e-5"])
    #expect(overridden.normEpsilon == 1e-5)
  }

  @Test("a weight file tells of itself")
  func summary() throws {
    let file = try WeightFile.read(fixture("weight-files/plain.safetensors"))
    #expect(file.summary.contains("11 of float32, int64"))
    #expect(file.summary.contains(#"class_names = ["a", "b"]"#))
    #expect(file.summary.contains("crc32 \(try #require(file.checksum))"))
  }

  @Test("weights are the same by content where they are stored in files, by name where they do not")
  func sources() throws {
    let file = WeightSource(name: "a.pth", checksum: "01234567")
    #expect(file.isSame(as: WeightSource(name: "b.pth", checksum: "01234567")))
    #expect(!file.isSame(as: WeightSource(name: "a.pth", checksum: "01234568")))
    #expect(file.isSame(as: WeightSource(name: "a.pth", checksum: nil)))
    #expect(!file.isSame(as: WeightSource(name: "a.pth, mask head random", checksum: nil)))
    let seeded = try MaskRCNNModel(weights: SeededWeights.generate(smallNetwork(), seed: 7))
    #expect(seeded.weightSource == WeightSource(name: "seed 7", checksum: nil))
  }
}
