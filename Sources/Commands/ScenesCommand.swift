import Annotations
import ArgumentParser
import Figures
import Foundation
import Scenes
import Tensors
import Tracing
import Training

/// `maskrcnn scenes`: images of shapes with annotations, for those who have no data yet.
struct ScenesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scenes",
    abstract: "Write images of shapes with COCO annotations, as maskrcnn train reads them.",
    discussion: """
      Every sixth image is of val.json, the others are of train.json. One seed gives the same \
      images on every machine. Source: Sources/Scenes/Scene.swift.
      """)

  @Argument(help: "The folder that is made: train.json, val.json and images/.")
  var folder: String
  @Option(parsing: .unconditional, help: "How many images.")
  var count = 24
  @Option(parsing: .unconditional, help: "Where all chance begins.")
  var seed: UInt64 = 1
  @Option(parsing: .unconditional, help: "Rows and columns of an image.")
  var side = 256

  func validate() throws {
    guard (1...100_000).contains(count) else {
      throw ValidationError("--count is \(count); give 1 to 100000.")
    }
    guard (64...1024).contains(side) else {
      throw ValidationError("--side is \(side); give 64 to 1024.")
    }
  }

  func run() throws {
    let root = URL(fileURLWithPath: folder)
    guard !FileManager.default.fileExists(atPath: root.path) else {
      throw Fault(
        folder, "there is something of this name", remedy: "Name a folder that is not there")
    }
    let draft = root.deletingLastPathComponent().appending(path: "\(root.lastPathComponent).draft")
    do {
      try FileManager.default.createDirectory(
        at: draft.appending(path: "images"), withIntermediateDirectories: true)
    } catch {
      throw Fault(folder, "the folder cannot be made", remedy: "Name a folder elsewhere")
    }
    let objects: Int
    do {
      objects = try write(to: draft)
      try FileManager.default.moveItem(at: draft, to: root)
    } catch {
      try? FileManager.default.removeItem(at: draft)
      throw error
    }
    print(
      "\(folder): \(count) images, \(objects) objects; maskrcnn train --data \(folder) learns from "
        + "them")
  }

  /// Writes images and annotations; how many objects there are.
  private func write(to folder: URL) throws -> Int {
    let progress = ProgressLine()
    defer { progress.clear() }
    let source = SceneSource(seed: seed, side: side)
    var parts: [DataSplit: [AnnotatedImage]] = [.train: [], .val: []]
    var nextObject = 1
    for number in 1...count {
      progress.show("\(number) of \(count) images")
      let scene = Scene(seed: source.sceneSeed(number - 1), side: side)
      let zeros = String(repeating: "0", count: max(0, 4 - String(number).count))
      let name = "scene-\(zeros)\(number).png"
      var annotated = scene.annotated(id: number, file: name)
      for place in annotated.objects.indices {
        annotated.objects[place].id = nextObject
        nextObject += 1
      }
      try writeWhole(PNG.encode(Raster(scene.image)), to: folder.appending(path: "images/\(name)"))
      parts[number % 6 == 0 ? .val : .train]?.append(annotated)
    }
    for (split, part) in parts where !part.isEmpty {
      let dataset = AnnotatedDataset(name: split.rawValue, classes: Scene.classes, images: part)
      try writeWhole(Array(dataset.json()), to: folder.appending(path: "\(split.rawValue).json"))
    }
    return nextObject - 1
  }
}
