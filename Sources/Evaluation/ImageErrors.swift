// What a detector does wrong in each image: for people who look at images, not for averages.

import Annotations

/// Which detections of one image belong to which objects, whatever their classes.
public struct ImageErrors: Sendable, Equatable {
  /// A detection and the object that it was matched with.
  public struct Pair: Sendable, Equatable {
    /// The object's place among the image's objects.
    public let object: Int
    /// The detection's place among the image's results.
    public let detection: Int
    /// Intersection over union of what was compared, boxes or masks.
    public let overlap: Double
    /// Intersection over union of the masks; nil where one of the two has none.
    public let maskOverlap: Double?
    /// Whether both are of one class.
    public let isSameClass: Bool
  }

  /// The image's number.
  public let image: Int
  /// Detections with an object, in descending order of score.
  public let pairs: [Pair]
  /// Places of the objects without a detection.
  public let missed: [Int]
  /// Places of the detections without an object, in descending order of score.
  public let unfounded: [Int]

  /// Pairs of two classes.
  public var confused: [Pair] { pairs.filter { !$0.isSameClass } }

  /// Pairs of one class whose masks overlap less than this.
  public func badlyMasked(below overlap: Double = 0.75) -> [Pair] {
    pairs.filter { $0.isSameClass && $0.maskOverlap ?? 1 < overlap }
  }

  /// How many errors there are: what sorts the worst images first.
  public var count: Int {
    missed.count + unfounded.count + confused.count + badlyMasked().count
  }

  /// Matches the detections of an image with its objects.
  ///
  /// In descending order of score, each detection takes the free object, of any class, with the
  /// highest overlap of at least the threshold. One that takes none but lies in a crowd is left
  /// out. Crowds are not missed.
  ///
  /// - Parameters:
  ///   - results: the detections in the image
  ///   - kind: whether boxes or masks are compared; an object without a mask overlaps nothing
  ///   - minimumScore: detections below it are left out
  ///   - threshold: the least overlap of a pair
  public init(
    _ image: AnnotatedImage, _ results: [ResultObject], kind: OverlapKind,
    minimumScore: Double = 0.5, threshold: Double = 0.5
  ) {
    let truth = image.objects.map {
      ComparedShape(bounds: $0.bounds, mask: $0.mask, kind: kind)
    }
    var isTaken = [Bool](repeating: false, count: truth.count)
    var pairs: [Pair] = []
    var unfounded: [Int] = []
    for place in descendingOrder(results.map(\.score)) where results[place].score >= minimumScore {
      let result = results[place]
      let shape = ComparedShape(bounds: result.bounds, mask: result.mask, kind: kind)
      var best: (object: Int, overlap: Double)?
      var isInCrowd = false
      for (index, object) in image.objects.enumerated() where !isTaken[index] {
        guard let shape, let other = truth[index] else { continue }
        let overlap = shape.overlap(other, isCrowd: object.isCrowd)
        if object.isCrowd {
          isInCrowd = isInCrowd || overlap >= threshold
        } else if overlap >= threshold, overlap > best?.overlap ?? 0 {
          best = (index, overlap)
        }
      }
      guard let best else {
        if !isInCrowd { unfounded.append(place) }
        continue
      }
      isTaken[best.object] = true
      let object = image.objects[best.object]
      let masks = result.mask.flatMap { found in object.mask.map { (found, $0) } }
      pairs.append(
        Pair(
          object: best.object, detection: place, overlap: best.overlap,
          maskOverlap: masks.map { $0.intersectionOverUnion($1) },
          isSameClass: object.label == result.label))
    }
    self.image = image.id
    self.pairs = pairs
    self.unfounded = unfounded
    missed = image.objects.indices.filter { !isTaken[$0] && !image.objects[$0].isCrowd }
  }
}
