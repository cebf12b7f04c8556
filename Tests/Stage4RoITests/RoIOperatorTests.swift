import Stage0Input
import Stage4RoI
import Tensors
import Testing

/// A 5 x 5 map whose cell (row, column) holds 5 row + column: 0 … 24.
private let ramp = Tensor([1, 5, 5], (0..<25).map { Float($0) })

@Suite struct RoIAlignTests {
  @Test("a linear ramp comes out at the samples' centres, with and without the half cell")
  func ramps() {
    // Box 1 … 3, 4 x 4 bins of half a cell, one sample in each centre: x = 1.25, 1.75, 2.25, 2.75
    // and y likewise. Bilinear interpolation is exact on a linear map: 5 y + x.
    let expected: [Float] = [1.25, 1.75, 2.25, 2.75].flatMap { y in
      [1.25, 1.75, 2.25, 2.75].map { x in 5 * y + x }
    }
    #expect(expected[..<4] == [7.5, 8, 8.5, 9])
    let plain = roiAlign(
      ramp, boxes: [Box(1, 1, 3, 3)], spatialScale: 1, bins: 4, samplingRatio: 1, aligned: false)
    #expect(plain.values == expected)
    // Aligned, every sample moves half a cell up and left: 5 * 0.5 + 0.5 = 3 less.
    let aligned = roiAlign(
      ramp, boxes: [Box(1, 1, 3, 3)], spatialScale: 1, bins: 4, samplingRatio: 1, aligned: true)
    #expect(aligned.values == expected.map { $0 - 3 })
  }

  @Test(
    "a map without cells gives zeros, no boxes or channels give nothing", arguments: everyOperator)
  func zeroExtents(_ roiOperator: RoIOperator) {
    let (boxes, bins) = ([Box(1, 1, 9, 9), Box(0, 0, 0, 0)], BinGrid(rows: 2, columns: 3))
    let cases: [(Shape, [Box])] = [
      ([4, 0, 0], boxes), ([4, 0, 5], boxes), ([0, 5, 5], boxes), ([4, 5, 5], []),
    ]
    for (shape, boxes) in cases {
      let map = Tensor(shape, repeating: 1)
      let expected = Tensor([boxes.count, shape[0], 2, 3], repeating: 0)
      // Memory that the next tensor of this size is likely to get.
      for _ in 0..<4 { _ = Tensor([48], repeating: .nan).values.last }
      #expect(roiOperator(map, boxes: boxes, spatialScale: 0.5, bins: bins) == expected)
      #expect(roiOperator.plain(map, boxes: boxes, spatialScale: 0.5, bins: bins) == expected)
      let gradient = roiOperator.gradient(
        expected, features: map, boxes: boxes, spatialScale: 0.5)
      #expect(gradient == Tensor(shape, repeating: 0))
      #expect(
        roiOperator.plainGradient(expected, features: map, boxes: boxes, spatialScale: 0.5)
          == gradient)
    }
  }

  @Test("a constant map gives its constant wherever samples lie inside")
  func constants() {
    let map = Tensor([2, 6, 6], repeating: 3.5)
    for ratio in 0...4 {
      let result = roiAlign(
        map, boxes: [Box(0.3, 1.1, 4.9, 5.2)], spatialScale: 1, bins: 3, samplingRatio: ratio,
        aligned: true)
      #expect(result.values.allSatisfy { abs($0 - 3.5) < 1e-5 })
    }
  }

  @Test("a single bright cell spreads by its bilinear weights")
  func singleCell() {
    var map = Tensor([1, 4, 4], repeating: 0)
    map[0, 1, 2] = 16
    // One bin over (1, 0) … (3, 2), one sample at its centre (2, 1): exactly the bright cell.
    let centred = roiAlign(
      map, boxes: [Box(1, 0, 3, 2)], spatialScale: 1, bins: 1, samplingRatio: 1, aligned: false)
    #expect(centred.values == [16])
    // A quarter to the right and half down: weights 3/4 and 1/2.
    let shifted = roiAlign(
      map, boxes: [Box(1.25, 0.5, 3.25, 2.5)], spatialScale: 1, bins: 1, samplingRatio: 1,
      aligned: false)
    #expect(shifted.values == [6])
  }

  @Test("unaligned, a RoI is at least one cell wide; aligned, it keeps its size")
  func tinyBoxes() {
    let box = Box(2, 2, 2, 2)
    func grid(_ aligned: Bool) -> SampleGrid {
      SampleGrid(box: box, spatialScale: 1, bins: 2, samplingRatio: 2, aligned: aligned)
    }
    #expect(grid(false).binWidth == 0.5)
    #expect(grid(true).binWidth == 0)
  }

  @Test("samples more than a cell outside count as 0; at most a cell outside, as the edge")
  func borders() {
    #expect(BilinearWeights(-1.01, extent: 5) == nil)
    #expect(BilinearWeights(5.01, extent: 5) == nil)
    #expect(BilinearWeights(-0.5, extent: 5)?.lowWeight == 1)
    #expect(BilinearWeights(4.7, extent: 5)?.low == 4)
    #expect(BilinearWeights(.nan, extent: 5) == nil)
  }

  @Test("the maximum of a bin's samples is not their average")
  func maximum() {
    let average = roiAlign(
      ramp, boxes: [Box(0, 0, 4, 4)], spatialScale: 1, bins: 1, samplingRatio: 2, aligned: false)
    let greatest = roiAlign(
      ramp, boxes: [Box(0, 0, 4, 4)], spatialScale: 1, bins: 1, samplingRatio: 2, aligned: false,
      maximum: true)
    // Samples at 1 and 3: average 5 * 2 + 2, greatest 5 * 3 + 3.
    #expect(average.values == [12] && greatest.values == [18])
  }

  @Test("sliding by a hundredth of a cell moves RoIAlign by a hundredth, RoIPool by nothing or all")
  func sliding() {
    let boxes = (0..<100).map { step in
      let x = 1 + Float(step) / 100
      return Box(x, 1, x + 2, 3)
    }
    let aligned = roiAlign(
      ramp, boxes: boxes, spatialScale: 1, bins: 2, samplingRatio: 2, aligned: true)
    let pooled = roiPool(ramp, boxes: boxes, spatialScale: 1, bins: 2)
    func steps(_ result: Tensor) -> [Float] {
      let first = boxes.indices.map { result[$0, 0, 0, 0] }
      return zip(first, first.dropFirst()).map { abs($1 - $0) }
    }
    #expect(steps(aligned).allSatisfy { abs($0 - 0.01) < 1e-4 })
    #expect(Set(steps(pooled)) == [0, 1])
    #expect(steps(pooled).count { $0 == 1 } == 1)
  }
}

@Suite struct RoIPoolTests {
  @Test("bins of whole cells, rounded outwards, may share a cell")
  func bins() {
    // Edges 0.5 … 4.4 round to 1 … 4: four cells in three bins of 4/3.
    let quantised = QuantisedBins(from: 0.5, to: 4.4, spatialScale: 1, count: 3, limit: 5)
    #expect(quantised.start == 1 && quantised.extent == 4)
    #expect(quantised.bins == [1..<3, 2..<4, 3..<5])
  }

  @Test("halves round away from zero, as C's round does")
  func rounding() {
    let bins = QuantisedBins(from: 2.5, to: 2.5, spatialScale: 1, count: 1, limit: 9)
    #expect(bins.start == 3 && bins.extent == 1)
    #expect(QuantisedBins(from: -0.5, to: 4, spatialScale: 1, count: 1, limit: 9).start == -1)
  }

  @Test("each bin gives its greatest cell, an empty one 0")
  func maxima() {
    #expect(
      roiPool(ramp, boxes: [Box(0, 0, 3, 3)], spatialScale: 1, bins: 2).values == [6, 8, 16, 18])
    #expect(
      roiPool(ramp, boxes: [Box(20, 20, 30, 30)], spatialScale: 1, bins: 1).values == [0])
  }

  @Test("RoIWarp rounds the corners and averages samples of the rest")
  func warp() {
    // Corners 0.4 and 2.6 round to 0 and 3: four cells; one bin, one sample at (2, 2).
    let result = roiWarp(
      ramp, boxes: [Box(0.4, 0.4, 2.6, 2.6)], spatialScale: 1, bins: 1, samplingRatio: 1)
    #expect(result.values == [12])
  }
}

@Suite struct FastOperatorTests {
  @Test(
    "the fast form of every operator gives the plain form's bits",
    arguments: [
      RoIOperator.pool, .warp(samplingRatio: 2, maximum: false),
      .warp(samplingRatio: 0, maximum: true),
      .align(samplingRatio: 2, aligned: false, maximum: false),
      .align(samplingRatio: 0, aligned: true, maximum: false),
      .align(samplingRatio: 3, aligned: true, maximum: true),
    ])
  func bits(_ roiOperator: RoIOperator) {
    var state: UInt64 = 7
    func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) * 0x1p-24
    }
    let features = Tensor([19, 13, 17], (0..<19 * 13 * 17).map { _ in next() - 0.5 })
    var spoilt = features
    for index in 0..<60 {
      spoilt.values[Int(next() * Float(spoilt.count - 1))] =
        [.nan, .infinity, -.infinity][index % 3]
    }
    // Inside, across every border, outside, empty and larger than the map of 68 x 52 pixels.
    let boxes =
      (0..<40).map { _ in
        let (x, y) = (90 * next() - 20, 80 * next() - 20)
        return Box(x, y, x + 40 * next(), y + 40 * next())
      } + [Box(5, 5, 5, 5), Box(-200, -200, -100, -100), Box(-50, -50, 150, 150)]
    for bins in [BinGrid(rows: 7, columns: 7), BinGrid(rows: 2, columns: 5)] {
      let plain = roiOperator.plain(features, boxes: boxes, spatialScale: 0.25, bins: bins)
      #expect(roiOperator(features, boxes: boxes, spatialScale: 0.25, bins: bins) == plain)

      let plainSpoilt = roiOperator.plain(spoilt, boxes: boxes, spatialScale: 0.25, bins: bins)
      let fastSpoilt = roiOperator(spoilt, boxes: boxes, spatialScale: 0.25, bins: bins)
      #expect(plainSpoilt != plain && plainSpoilt.shape == fastSpoilt.shape)
      #expect(
        zip(plainSpoilt.values, fastSpoilt.values).allSatisfy {
          $0 == $1 || ($0.isNaN && $1.isNaN)
        }, "NaN and infinity")
    }
  }

  @Test("a pyramid's features are those of the plain form, level by level")
  func pyramid() {
    func level(_ rows: Int, _ columns: Int, _ first: Int) -> Tensor {
      let values = (0..<3 * rows * columns).map { Float((first + 37 * $0) % 101) }
      return Tensor([1, 3, rows, columns], values)
    }
    let pyramid = [level(13, 17, 0), level(7, 9, 11), level(4, 5, 22)]
    let scales: [Float] = [0.25, 0.125, 0.0625]
    let boxes = (0..<20).map { (index: Int) -> Box in
      let x = Float(index)
      return Box(x, 3, 2 * x + 5, 40 - x)
    }
    // None is on the middle level.
    let levels = boxes.indices.map { [2, 0, 0, 2][$0 % 4] }
    for roiOperator in [RoIOperator.pool, .torchvision] {
      let plain = plainRoIFeatures(
        pyramid, boxes: boxes, levels: levels, scales: scales, bins: 3, operator: roiOperator)
      let fast = roiFeatures(
        pyramid, boxes: boxes, levels: levels, scales: scales, bins: 3, operator: roiOperator)
      #expect(plain == fast)
      let second = roiOperator.plain(
        pyramid[0].slice(0), boxes: [boxes[1]], spatialScale: scales[0], bins: 3)
      #expect(plain.slice(1) == second.slice(0))
    }
  }
}

@Suite struct LevelAssignmentTests {
  @Test(
    "224 pixels go to P4, each halving one level finer",
    arguments: [(224, 4), (223, 3), (112, 3), (111, 2), (448, 5), (4000, 5), (1, 2), (0, 2)])
  func levels(_ side: Int, _ level: Int) {
    let box = Box(0, 0, Float(side), Float(side))
    #expect(pyramidLevel(of: box, among: 2...5) == level)
  }

  @Test(
    "with another canonical scale and level: 60 pixels go to P3, limited to P3 … P5",
    arguments: [(60, 3), (59, 3), (119, 3), (120, 4), (240, 5), (4000, 5), (0, 3)])
  func canonical(_ side: Int, _ level: Int) {
    let rule = LevelAssignment(levels: 3...5, canonicalScale: 60, canonicalLevel: 3)
    #expect(rule.level(of: Box(0, 0, Float(side), Float(side))) == level)
  }

  @Test("features come back in the order of the boxes, each from its level")
  func order() {
    let pyramid = [1, 2].map { Tensor([1, 1, 8, 8], repeating: $0) }
    let features = roiFeatures(
      pyramid, boxes: [Box(0, 0, 4, 4), Box(0, 0, 8, 8), Box(1, 1, 3, 3)], levels: [1, 0, 0],
      scales: [1, 0.5], bins: 1, operator: .torchvision)
    #expect(features.values == [2, 1, 1])
  }
}

@Suite struct RoIPyramidTests {
  /// Two images whose cells differ: [2, 3, H, W] at strides 4 … 32 of an input of 64 x 64.
  private let levels = [16, 8, 4, 2].enumerated().map { level, side in
    Tensor(
      [2, 3, side, side],
      (0..<2 * 3 * side * side).map { Float($0 * (37 + level) % 101) / 7 - 5 })
  }

  @Test(
    "a RoI is read from its own image, by every operator and form",
    arguments: [
      RoIOperator.pool, .warp(samplingRatio: 2, maximum: false), .torchvision,
    ])
  func images(roiOperator: RoIOperator) {
    let strides = [4, 8, 16, 32]
    let rois = [
      RoI(image: 1, box: Box(3, 5, 40, 33)), RoI(image: 0, box: Box(3, 5, 40, 33)),
      RoI(image: 1, box: Box(0, 0, 64, 64)), RoI(image: 0, box: Box(20, 9, 29, 30)),
    ]
    let both = RoIPyramid(levels: levels, strides: strides)
    let found = both.features(rois, bins: 3, operator: roiOperator)
    #expect(found.shape == [4, 3, 3, 3])
    let alone = (0..<2).map { image in
      RoIPyramid(
        levels: levels.map { $0.slice(image).reshaped(Shape([1] + $0.shape.extents.dropFirst())) },
        strides: strides)
    }
    for (index, roi) in rois.enumerated() {
      let expected = alone[roi.image].features([roi.box], bins: 3, operator: roiOperator)
      #expect(found.slice(index) == expected.slice(0))
    }
    #expect(found.slice(0) != found.slice(1))
    let plain = plainRoIFeatures(
      levels, boxes: rois.map(\.box), images: rois.map(\.image),
      levels: rois.map { both.level(of: $0.box) - 2 }, scales: strides.map { 1 / Float($0) },
      bins: 3,
      operator: roiOperator)
    #expect(plain == found)
  }

  @Test("levels are called by their numbers, and strides follow from the grids")
  func numbers() {
    let pyramid = RoIPyramid(
      levels + [Tensor([2, 3, 1, 1], repeating: 0)], firstLevel: 2, .torchvision,
      input: ImageSize(height: 64, width: 64))
    #expect(pyramid.levels.count == 4)
    #expect((2...5).map(pyramid.stride(ofLevel:)) == [4, 8, 16, 32])
    #expect(pyramid.features(ofLevel: 3) == levels[1])
    // 224 pixels belong to P4.
    #expect(pyramid.level(of: Box(0, 0, 224, 224)) == 4)
    let rule = LevelAssignment(levels: 4...5, canonicalScale: 224, canonicalLevel: 4)
    let upper = RoIPyramid(levels, firstLevel: 2, rule, input: ImageSize(height: 64, width: 64))
    #expect(upper.levels == Array(levels[2...]) && upper.strides == [16, 32])
    #expect(upper.features(ofLevel: 5) == levels[3] && upper.level(of: Box(0, 0, 9, 9)) == 4)
  }
}
