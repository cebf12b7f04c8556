// Stage 4, the levels of the pyramid that RoIs are read from, as one thing.
//
// In: P2 … P5, [N, C, H / s, W / s], and boxes in input pixels.  Out: [R, C, Y, X].
// N images, C channels, s a level's stride, R RoIs, Y X the grid of bins.

import Stage0Input
import Stage1Backbone
import Tensors

/// A region of interest: a box in one of the images of a batch.
public struct RoI: Sendable, Equatable {
  /// Which image, from 0.
  public var image: Int
  /// In input pixels.
  public var box: Box

  /// Makes a RoI.
  public init(image: Int, box: Box) {
    self.image = image
    self.box = box
  }

  /// The boxes of every image as RoIs, image after image.
  public static func all(_ boxes: [[Box]]) -> [RoI] {
    boxes.enumerated().flatMap { image, boxes in boxes.map { RoI(image: image, box: $0) } }
  }
}

/// The levels that RoIs are read from, with their strides: the padded input's size over the grid's.
///
/// torchvision guesses the strides instead, once, from the first image's size *without* padding,
/// rounded to powers of two. Where padding adds much to a small height, at 1 to 22, 33 to 45 and 65
/// to 67 pixels, its guess is wrong, and results differ.
public struct RoIPyramid: Sendable {
  /// P2 … P5, `[N, C, H / s, W / s]`.
  public var levels: [Tensor]
  /// Input pixels per cell of each.
  public var strides: [Int]
  /// Which of the levels a RoI is read from.
  public var assignment: LevelAssignment

  /// The numbers of the levels, 2 … 5 for P2 … P5.
  public var numbers: ClosedRange<Int> { assignment.levels }

  /// Makes a pyramid of its levels and their strides.
  ///
  /// - Parameter assignment: which level a RoI is read from, with the numbers of the levels
  public init(
    levels: [Tensor], strides: [Int], assignment: LevelAssignment = .torchvision
  ) {
    precondition(levels.count == strides.count, "\(levels.count) levels, \(strides.count) strides")
    self.levels = levels
    self.strides = strides
    self.assignment = assignment
  }

  /// Takes from a pyramid the levels that RoIs are read from. In torchvision's models these are P2
  /// … P5: P6 serves the region proposal network alone.
  ///
  /// - Parameters:
  ///   - pyramid: levels that follow each other, `[N, C, H / s, W / s]`
  ///   - firstLevel: the number of the first, 2 for P2
  ///   - input: the padded input's size
  public init(
    _ pyramid: [Tensor], firstLevel: Int, _ assignment: LevelAssignment, input: ImageSize
  ) {
    let range = assignment.levels
    precondition(
      range.lowerBound >= firstLevel && range.upperBound < firstLevel + pyramid.count,
      "\(pyramid.count) levels from \(firstLevel) do not have the levels \(range)")
    let levels = Array(pyramid[range.lowerBound - firstLevel...range.upperBound - firstLevel])
    self.init(
      levels: levels,
      // The trunk halves a padded input evenly; above it, grids are rounded up.
      strides: zip(range, levels).map { $0 > 5 ? 1 << $0 : input.height / $1.shape[2] },
      assignment: assignment)
  }

  /// The number of the level that fits a box.
  public func level(of box: Box) -> Int { assignment.level(of: box) }

  /// The features of a level, `[N, C, H / s, W / s]`, by its number.
  public func features(ofLevel number: Int) -> Tensor { levels[number - numbers.lowerBound] }

  /// Input pixels per cell of a level, by its number.
  public func stride(ofLevel number: Int) -> Int { strides[number - numbers.lowerBound] }

  /// The features of RoIs, each read from the level that fits it: `[R, C, Y, X]`.
  public func features(
    _ rois: [RoI], bins: BinGrid, operator roiOperator: RoIOperator
  ) -> Tensor {
    roiFeatures(
      levels, boxes: rois.map { $0.box }, images: rois.map { $0.image },
      levels: rois.map { level(of: $0.box) - numbers.lowerBound },
      scales: strides.map { 1 / Float($0) }, bins: bins, operator: roiOperator)
  }

  /// The features of boxes in the only image, each read from the level that fits it: `[R, C, Y,
  /// X]`.
  public func features(
    _ boxes: [Box], bins: BinGrid, operator roiOperator: RoIOperator
  ) -> Tensor {
    features(RoI.all([boxes]), bins: bins, operator: roiOperator)
  }
}
