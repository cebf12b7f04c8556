// Where samples come from, and which of them a step is about.

import Annotations
import Foundation
import Kernels
import Model
import Scenes
import Stage0Input
import Tensors

/// Samples by number.
public protocol SampleSource: Sendable {
  /// Names of the classes, background first.
  var classNames: [String] { get }
  /// What each class is called by number in the annotations, background first; empty where it is
  /// the class itself.
  var categoryIDs: [Int] { get }
  /// How many different samples there are; nil where there is always another one.
  var count: Int? { get }
  /// A sample.
  ///
  /// - Parameter index: from 0, below `count`
  /// - Throws: `Fault` if an image cannot be read or is not of its annotations' size
  func sample(_ index: Int) throws -> TrainingSample
}

/// Scenes of shapes, each drawn once, from a seed: there is always another one.
public struct SceneSource: SampleSource {
  /// Where the scenes' seeds come from.
  public let seed: UInt64
  /// Rows and columns.
  public let side: Int

  /// Makes a source.
  public init(seed: UInt64, side: Int = 256) { (self.seed, self.side) = (seed, side) }

  /// The shapes.
  public var classNames: [String] { SceneClass.names }
  /// None: a class is its own number.
  public var categoryIDs: [Int] { [] }
  /// nil: there is always another scene.
  public var count: Int? { nil }

  /// The seed of a scene: a number among all that 64 bits hold, so that scenes of validation, which
  /// have small seeds, do not occur.
  public func sceneSeed(_ index: Int) -> UInt64 {
    var generator = SeededGenerator(seed: seed)
    var mixed = SeededGenerator(seed: generator.next() &+ UInt64(index))
    return mixed.next()
  }

  /// A scene.
  public func sample(_ index: Int) throws -> TrainingSample {
    try TrainingSample(sceneSeed: sceneSeed(index), side: side)
  }

  /// Scenes that no training sees: those of the seeds from 0 on, as a data set.
  public static func validation(count: Int, side: Int = 256) -> (AnnotatedDataset, [Tensor]) {
    let scenes = Threads.map(count) { Scene(seed: UInt64($0), side: side) }
    var nextID = 1
    let images = scenes.enumerated().map { index, scene in
      var image = scene.annotated(id: index + 1, file: "scene \(index)")
      for object in image.objects.indices {
        image.objects[object].id = nextID
        nextID += 1
      }
      return image
    }
    let dataset = AnnotatedDataset(name: "shapes", classes: Scene.classes, images: images)
    return (dataset, scenes.map(\.image))
  }
}

extension TrainingSample {
  /// A scene of shapes.
  init(sceneSeed seed: UInt64, side: Int) throws(Fault) {
    let scene = Scene(seed: seed, side: side)
    let classes = Dictionary(uniqueKeysWithValues: Scene.classes.map { ($0.id, $0.id) })
    try self.init(
      scene.annotated(id: 1), pixels: scene.image, name: "scene \(seed)", classes: classes)
  }
}

extension TrainingConfiguration {
  /// The samples of a step: every source is gone through in random order, again and again, in an
  /// order that depends on the seed alone.
  ///
  /// - Parameter step: from 0
  public func indices(ofStep step: Int, count: Int?) -> [Int] {
    let places = step * imagesPerBatch..<(step + 1) * imagesPerBatch
    guard let count else { return Array(places) }
    var orders: [Int: [Int]] = [:]
    return places.map { place in
      let (round, index) = place.quotientAndRemainder(dividingBy: count)
      if orders[round] == nil {
        var generator = SeededGenerator(seed: seed(1, round))
        orders[round] = generator.choose(count, of: count)
      }
      return orders[round]?[index] ?? index
    }
  }

  /// The batch of a step: it depends on the seed and the step alone.
  ///
  /// - Parameters:
  ///   - step: from 0
  ///   - settings: of the network
  /// - Throws: `Fault` if a sample cannot be read
  public func batch(
    ofStep step: Int, from source: some SampleSource, _ settings: ModelSettings
  ) throws -> TrainingBatch {
    let indices = indices(ofStep: step, count: source.count)
    let samples = Threads.map(indices.count) { place in
      Result {
        var generator = SeededGenerator(seed: seed(2, step * imagesPerBatch + place))
        return augmentation(try source.sample(indices[place]), using: &generator)
      }
    }
    return try TrainingBatch(
      try samples.map { try $0.get() }, augmentation.settings(settings),
      seeds: indices.indices.map { seed(3, step * imagesPerBatch + $0) })
  }
}

extension Augmentation {
  /// How crops become input: all of one size, which the crop of the given side has at the network's
  /// own scale.
  func settings(_ settings: ModelSettings) -> ModelSettings {
    guard let crop else { return settings }
    var result = settings
    let size = settings.resize.size(for: ImageSize(height: crop, width: crop))
    result.resize = .sides(shorter: size.height, longer: size.height)
    return result
  }
}
