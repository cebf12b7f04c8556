import Figures
import Foundation
import Inference
import Model
import Stage2Anchors
import Stage4RoI
import Stage6Masks
import Tensors
import TestFixtures
import Testing
import Tracing

/// What `Fixtures/record/model_files.py` recorded.
private struct Recorded: Decodable {
  struct Crop: Decodable { var left, top, width, height: Int }
  /// A file, and what torchvision's model finds with it.
  struct Entry: Decodable {
    var settings: [String: Setting]
    /// `x1 y1 x2 y2` of one detection after another.
    var boxes: [Float]
    var scores: [Float]
    var labels: [Int]
    /// Packed bits of one detection's mask after another.
    var masks: Data
  }
  /// A setting as JSON, written as `--set` takes it.
  struct Setting: Decodable {
    var text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      text =
        if let number = try? container.decode(Double.self) {
          number == number.rounded() ? "\(Int(number))" : "\(number)"
        } else {
          try container.decode(NumberLists.self).description
        }
    }
  }
  var crop: Crop
  var sides: [Int]
  var detectionsPerImage: Int
  var files: [String: Entry]
}

@Suite("Weight files that people have, and torchvision's detections with them")
struct ModelFilesTests {
  private static let folder = fixturesFolder.appending(path: "model-files")
  private static let recorded = Result {
    try JSONDecoder().decode(
      Recorded.self, from: Data(contentsOf: folder.appending(path: "detections.json")))
  }

  static let names = [
    "training_script.pth", "compiled.pth", "lightning.pth", "frozen.pth", "anchor_sizes.pth",
    "anchor_ratios.pth", "roi_sizes.pth", "returned_layers.pth", "p6p7.pth", "c4.pth", "c5.pth",
  ]

  /// The crop of the bundled image, `[3, H0, W0]`.
  private func image(_ crop: Recorded.Crop) throws -> Tensor {
    let whole = try readImage(fixturesFolder.appending(path: "images/nuclei.png")).pixels
    let (rows, columns) = (whole.shape[1], whole.shape[2])
    return Tensor(
      [3, crop.height, crop.width],
      (0..<3).flatMap { channel in
        (crop.top..<crop.top + crop.height).flatMap { row -> ArraySlice<Float> in
          let first = (channel * rows + row) * columns + crop.left
          return whole.values[first..<first + crop.width]
        }
      })
  }

  private func model(_ name: String, _ recorded: Recorded) throws -> MaskRCNNModel {
    var settings = try #require(recorded.files[name]).settings.mapValues(\.text)
    settings["input.min_size"] = "\(recorded.sides[0])"
    settings["input.max_size"] = "\(recorded.sides[1])"
    settings["detections_per_image"] = "\(recorded.detectionsPerImage)"
    return try MaskRCNNModel(
      contentsOf: Self.folder.appending(path: name), overrides: settings)
  }

  @Test("the detections are torchvision's", arguments: names)
  func detections(name: String) throws {
    let recorded = try Self.recorded.get()
    #expect(Set(recorded.files.keys) == Set(Self.names))
    let entry = try #require(recorded.files[name])
    let found = try model(name, recorded).detections(in: image(recorded.crop))
    try #require(found.count == entry.scores.count && found.count >= 4)
    #expect(found.map(\.label) == entry.labels)
    let area = recorded.crop.width * recorded.crop.height
    for (number, detection) in found.enumerated() {
      #expect(abs(detection.score - entry.scores[number]) < 1e-5)
      let box = [detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2]
      for (own, theirs) in zip(box, entry.boxes[(4 * number)...]) {
        #expect(abs(own - theirs) < 1e-3)
      }
      // A pixel at the threshold may fall on the other side.
      let mask = pixels(of: detection, recorded.crop)
      let differing = mask.indices.count { place in
        let bit = number * area + place
        return mask[place] != (entry.masks[bit / 8] >> (7 - UInt8(bit % 8)) & 1 == 1)
      }
      #expect(differing <= 1 && mask.contains(true))
    }
  }

  /// Every pixel of the crop, row by row: whether it belongs to the detection's mask.
  private func pixels(of detection: Detection, _ crop: Recorded.Crop) -> [Bool] {
    let (mask, window) = (detection.mask.binary(threshold: 0.5), detection.mask.window)
    var pixels = [Bool](repeating: false, count: crop.width * crop.height)
    for row in 0..<window.height {
      for column in 0..<window.width where mask[row * window.width + column] {
        pixels[(window.y1 + row) * crop.width + window.x1 + column] = true
      }
    }
    return pixels
  }

  @Test("the other epsilon gives other detections with frozen norms")
  func epsilon() throws {
    let recorded = try Self.recorded.get()
    let file = Self.folder.appending(path: "frozen.pth")
    let scores = try ["0", "1e-05"].map { epsilon in
      try MaskRCNNModel(
        contentsOf: file,
        overrides: ["norm_eps": epsilon, "input.min_size": "160", "input.max_size": "256"]
      ).detections(in: image(recorded.crop)).map(\.score)
    }
    #expect(zip(scores[0], scores[1]).contains { abs($0 - $1) > 1e-3 })
  }

  @Test(
    "in a trace, stages and figures of networks with other levels, and their numbers",
    arguments: [
      ("returned_layers.pth", 3...5), ("p6p7.pth", 2...7), ("c4.pth", 4...4),
      ("roi_sizes.pth", 2...6),
    ])
  func trace(name: String, levels: ClosedRange<Int>) throws {
    let recorded = try Self.recorded.get()
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "crop.png")
      try Data(PNG.encode(Raster(image(recorded.crop)))).write(to: file)
      let model = try model(name, recorded)
      let trace = try Trace.openOrBegin(folder.appending(path: "trace"))
      for stage in InferenceStages(model, image: file).all { try stage.run(in: trace) }
      let found = try model.detections(in: readImage(file))
      #expect(try trace.stage("5-heads").tensor("scores").values == found.map(\.score))
      #expect(try trace.stage("1-backbone").levels("P") == Array(levels))
      #expect(try trace.stage("2-anchors").levels("objectness.P") == Array(levels))
      let read = try Set(trace.stage("4-roi").integers("levels"))
      #expect(read.isSubset(of: Set(model.settings.roi.levels)) && !read.isEmpty)
      // What a stage recorded, it runs with again.
      let again = try InferenceStages(model, image: file).withOptions { try trace.stage($0) }
      #expect(
        again.roi.options == RoIOptions(model)
          && again.anchors.options.sizes.levels.count == levels.count)
      try again.roi.run(in: trace, figures: false)
    }
  }
}
