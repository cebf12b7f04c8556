import Annotations
import Figures
import Foundation
import Model
import Scenes
import Stage0Input
import Stage7Targets
import Tensors
import TestFixtures
import Testing

@testable import Training

@Suite struct TrainingDataTests {
  // MARK: Augmentation

  @Test("boxes and masks follow a crop, a mirror and a transposition")
  func augmented() throws {
    let sample = cornerSample()
    let whole = sample.cropped(to: Window(1, 0, 6, 4), leastPixels: 1)
    #expect(whole.image.shape == [3, 4, 5])
    #expect(whole.image.values[0] == sample.image.values[1])
    #expect(whole.objects[0].box == Box(1, 1, 4, 3))
    #expect(whole.objects[0].region.window == Window(1, 1, 4, 3))
    #expect(whole.objects[0].region.isInside == sample.objects[0].region.isInside)

    let cut = sample.cropped(to: Window(0, 0, 3, 5), leastPixels: 1)
    #expect(cut.objects.map(\.box) == [Box(2, 2, 3, 3)] && cut.objects[0].region.area == 1)
    #expect(sample.cropped(to: Window(0, 0, 3, 5), leastPixels: 2).objects.isEmpty)

    let mirrored = sample.mirrored()
    #expect(mirrored.image.values[0] == sample.image.values[5])
    #expect(mirrored.objects[0].box == Box(1, 1, 4, 3))
    #expect(mirrored.objects[0].region.isInside == [true, true, false, true, true, true])
    #expect(mirrored.mirrored() == sample)

    let transposed = sample.transposed()
    #expect(transposed.image.shape == [3, 6, 5])
    #expect(transposed.image.values[5] == sample.image.values[1])
    #expect(transposed.objects[0].box == Box(1, 2, 3, 5))
    #expect(transposed.objects[0].region.isInside == [false, true, true, true, true, true])
    #expect(transposed.transposed() == sample)
  }

  @Test("whatever is drawn, the box around a mask is the object's box")
  func drawn() throws {
    let augmentation = Augmentation(crop: 40, scale: 1.5, turns: true, brightness: 0.5)
    let sample = try tinyScenes.sample(3)
    var generator = SeededGenerator(seed: 4)
    var sides: Set<Int> = []
    for _ in 0..<40 {
      let varied = augmentation(sample, using: &generator)
      #expect(varied.height == varied.width && varied.image.values.allSatisfy { $0 <= 1 })
      sides.insert(varied.height)
      for object in varied.objects {
        #expect(object.box == object.region.box)
        #expect(object.region.window.x2 <= varied.width && object.region.window.y2 <= varied.height)
      }
    }
    #expect(sides.count > 5 && sides.allSatisfy { (26...60).contains($0) })
  }

  @Test("the truth in input pixels is the sample's, resized")
  func truth() throws {
    let sample = cornerSample()
    let sizes = InputSizes(
      original: ImageSize(height: 5, width: 6), resized: ImageSize(height: 10, width: 12),
      padded: ImageSize(height: 32, width: 32))
    let truth = try ImageTruth(sample, sizes)
    #expect(truth.boxes == [Box(4, 2, 10, 6)] && truth.labels == [1])
    #expect(truth.masks.count == 1 && truth.masks[0].area == 20)
    #expect(truth.size == sizes.resized)
    func isInside(_ row: Int, _ column: Int) -> Bool {
      let window = truth.masks[0].window
      guard (window.y1..<window.y2).contains(row), (window.x1..<window.x2).contains(column) else {
        return false
      }
      return truth.masks[0].isInside[(row - window.y1) * window.width + column - window.x1]
    }
    #expect(!isInside(1, 6) && isInside(5, 4) && !isInside(6, 4))
    #expect(!isInside(4, 3) && isInside(4, 9) && !isInside(4, 10))
    #expect(!isInside(2, 4) && isInside(2, 6) && isInside(4, 4))
  }

  // MARK: Which sample when

  @Test("every round takes each sample once, in an order that depends on the seed alone")
  func rounds() {
    var configuration = tinyConfiguration(steps: 10)
    configuration.imagesPerBatch = 3
    let all = (0..<7).flatMap { configuration.indices(ofStep: $0, count: 7) }
    #expect(all.count == 21)
    let rounds = stride(from: 0, to: 21, by: 7).map { Array(all[$0..<$0 + 7]) }
    for round in rounds { #expect(round.sorted() == Array(0..<7)) }
    #expect(rounds[0] != rounds[1])
    #expect(configuration.indices(ofStep: 5, count: 7) == Array(all[15..<18]))
    configuration.seed = 6
    #expect((0..<7).flatMap { configuration.indices(ofStep: $0, count: 7) } != all)
    #expect(configuration.indices(ofStep: 2, count: nil) == [6, 7, 8])
  }

  @Test("no scene of validation is trained on")
  func scenes() throws {
    let (dataset, images) = SceneSource.validation(count: 3, side: 64)
    #expect(images[2] == Scene(seed: 2, side: 64).image && dataset.images.map(\.id) == [1, 2, 3])
    let ids = dataset.images.flatMap { $0.objects.map(\.id) }
    #expect(ids == Array(1...ids.count))
    let seeds = (0..<1000).map { SceneSource(seed: 1).sceneSeed($0) }
    #expect(Set(seeds).count == 1000 && seeds.allSatisfy { $0 > 1_000_000 })
  }

  // MARK: Folders

  private func write(_ text: String, _ folder: URL, _ name: String) throws {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  private func writeImage(_ folder: URL, _ name: String) throws {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(PNG.encode(Raster(width: 8, height: 6))).write(to: file)
  }

  /// COCO annotations of images `a.png`, `b.png`, …, each with one square.
  private func annotations(_ images: [String], more: String = "") -> String {
    let list = images.enumerated().map {
      "{\"id\": \($0 + 1), \"file_name\": \"\($1)\", \"width\": 8, \"height\": 6}"
    }
    let squares = images.indices.map {
      "{\"id\": \($0 + 1), \"image_id\": \($0 + 1), \"category_id\": 7, "
        + "\"segmentation\": [[1, 1, 5, 1, 5, 4, 1, 4]], \"bbox\": [1, 1, 4, 3]}"
    }
    return "{\"images\": [\(list.joined(separator: ", "))], "
      + "\"categories\": [{\"id\": 7, \"name\": \"square\"}], "
      + "\"annotations\": [\((squares + (more.isEmpty ? [] : [more])).joined(separator: ", "))]}"
  }

  @Test("train.json and val.json, one file with split.json, one file alone, a file by itself")
  func coco() throws {
    try withTemporaryFolder { folder in
      try write(annotations(["a.png"]), folder, "two/train.json")
      try write(annotations(["b.png"]), folder, "two/val.json")
      try writeImage(folder, "two/images/a.png")
      try writeImage(folder, "two/val/b.png")
      let two = folder.appending(path: "two")
      #expect(try ImageFolder(two, .train).dataset.images.map(\.file) == ["a.png"])
      let validation = try ImageFolder(two, .val)
      #expect(validation.missing.isEmpty)
      #expect(try validation.pixels(validation.dataset.images[0]).shape == [3, 6, 8])

      let names = ["a.png", "b.png", "c.png", "d.png", "e.png"]
      try write(annotations(names), folder, "one/all.json")
      let one = folder.appending(path: "one")
      #expect(try ImageFolder(one, .val).dataset.images.map(\.file) == ["e.png"])
      try write(
        "{\"train\": [\"b\", {\"id\": \"c\"}], \"val\": [\"a.png\"]}", folder, "one/split.json")
      #expect(try ImageFolder(one, .train).dataset.images.map(\.file) == ["b.png", "c.png"])
      #expect(try ImageFolder(one, .val).dataset.images.map(\.file) == ["a.png"])
      #expect(try ImageFolder(one, .val).missing.count == 1)
      let file = one.appending(path: "all.json")
      #expect(try ImageFolder(file, .val).dataset.images.count == 5)

      #expect(throws: Fault.self) { try ImageFolder(folder.appending(path: "none"), .train) }
      #expect(throws: Fault.self) { try ImageFolder(folder, .train) }
      try write("{\"train\": [\"a\"]}", folder, "one/split.json")
      #expect(throws: Fault.self) { try ImageFolder(one, .val) }
    }
  }

  @Test("a sample has the class of its category and the pixels of its polygon")
  func sample() throws {
    try withTemporaryFolder { folder in
      try write(annotations(["a.png"]), folder, "train.json")
      try writeImage(folder, "a.png")
      let source = DatasetSource(try ImageFolder(folder, .train))
      #expect(source.classNames == ["__background__", "square"] && source.categoryIDs == [0, 7])
      #expect(source.count == 1 && source.problems.faults.isEmpty && !source.problems.stop)
      let sample = try source.sample(0)
      #expect(sample.objects.map(\.label) == [1] && sample.objects[0].region.area == 12)
    }
  }

  @Test("every fault of the data is listed, and some stop before the first step")
  func faults() throws {
    try withTemporaryFolder { folder in
      let maskless = "{\"id\": 9, \"image_id\": 1, \"category_id\": 7, \"bbox\": [0, 0, 2, 2]}"
      try write(annotations(["a.png", "gone.png"], more: maskless), folder, "train.json")
      try writeImage(folder, "a.png")
      let (faults, stop) = DatasetSource(try ImageFolder(folder, .train)).problems
      #expect(stop && faults.count == 2)
      #expect(faults.contains { $0.subject == "gone.png" })
      #expect(faults.contains { $0.description.contains("annotation 9: it has a box and no mask") })

      let odd =
        "{\"id\": 1, \"image_id\": 1, \"category_id\": 7, \"bbox\": [50, 50, 2, 2], "
        + "\"segmentation\": {\"size\": [6, 8], \"counts\": [48]}}"
      try write(annotations(["a.png"], more: odd), folder, "train.json")
      let warned = DatasetSource(try ImageFolder(folder, .train)).problems
      let text = warned.faults.map(\.description).joined(separator: "\n")
      #expect(!warned.stop)
      for words in ["its id is used twice", "its mask is empty", "its box lies outside its image"] {
        #expect(text.contains(words), "\(text)")
      }

      let unknown = annotations(["a.png"]).replacingOccurrences(
        of: "\"category_id\": 7", with: "\"category_id\": 8")
      try write(unknown, folder, "train.json")
      #expect(DatasetSource(try ImageFolder(folder, .train)).problems.stop)
    }
  }
}
