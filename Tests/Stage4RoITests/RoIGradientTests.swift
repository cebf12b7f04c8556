import Kernels
import Stage4RoI
import Tensors
import TestFixtures
import Testing

/// A 5 x 5 map whose cell (row, column) holds 5 row + column: 0 … 24.
private let ramp = Tensor([1, 5, 5], (0..<25).map { Float($0) })

let everyOperator: [RoIOperator] = [
  .pool, .warp(samplingRatio: 2, maximum: false), .warp(samplingRatio: 0, maximum: true),
  .align(samplingRatio: 2, aligned: false, maximum: false),
  .align(samplingRatio: 0, aligned: true, maximum: false),
  .align(samplingRatio: 0, aligned: false, maximum: false),
  .align(samplingRatio: 3, aligned: true, maximum: true),
  .align(samplingRatio: 0, aligned: false, maximum: true),
]

/// A box of a pyramid of one level, one image and one channel.
private func gradient(
  _ roiOperator: RoIOperator, _ slopes: [Float], _ box: Box, _ bins: BinGrid,
  features: Tensor = ramp
) -> Tensor {
  let slopes = Tensor([1, 1, bins.rows, bins.columns], slopes)
  let plain = roiOperator.plainGradient(
    slopes, features: features, boxes: [box], spatialScale: 1)
  let fast = roiOperator.gradient(slopes, features: features, boxes: [box], spatialScale: 1)
  #expect(plain == fast)
  return fast
}

/// The map with some cells other than 0: (row, column, value).
private func map(_ cells: [(Int, Int, Float)]) -> Tensor {
  var map = Tensor([1, 5, 5], repeating: 0)
  for (row, column, value) in cells { map[0, row, column] = value }
  return map
}

@Suite struct RoIGradientByHandTests {
  @Test("a sample at a cell gives it all; between four cells, a quarter to each")
  func oneSample() {
    func align(_ aligned: Bool) -> RoIOperator {
      .align(samplingRatio: 1, aligned: aligned, maximum: false)
    }
    // The centre of 1 … 3 is at index 2 unaligned, 1.5 aligned.
    #expect(gradient(align(false), [8], Box(1, 1, 3, 3), 1) == map([(2, 2, 8)]))
    #expect(
      gradient(align(true), [8], Box(1, 1, 3, 3), 1)
        == map([(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 2, 2)]))
  }

  @Test("four samples reach nine cells, each by how near it is")
  func fourSamples() {
    // Samples at 1.5 and 2.5 along both axes, each a quarter of the bin and between four cells.
    let average = gradient(
      .align(samplingRatio: 2, aligned: false, maximum: false), [16], Box(1, 1, 3, 3), 1)
    #expect(
      average
        == map([
          (1, 1, 1), (1, 2, 2), (1, 3, 1), (2, 1, 2), (2, 2, 4), (2, 3, 2), (3, 1, 1), (3, 2, 2),
          (3, 3, 1),
        ]))
    // On the ramp the greatest sample is the last, at (2.5, 2.5).
    let maximum = gradient(
      .align(samplingRatio: 2, aligned: false, maximum: true), [16], Box(1, 1, 3, 3), 1)
    #expect(maximum == map([(2, 2, 4), (2, 3, 4), (3, 2, 4), (3, 3, 4)]))
  }

  @Test("RoIPool's gradient reaches single cells: the greatest of each bin")
  func pool() {
    // Cells 0 … 3 in bins of 2 x 2: the greatest are (1, 1), (1, 3), (3, 1), (3, 3).
    #expect(
      gradient(.pool, [1, 2, 3, 4], Box(0, 0, 3, 3), 2)
        == map([(1, 1, 1), (1, 3, 2), (3, 1, 3), (3, 3, 4)]))
    // Four cells in three bins: 0-1, 1-2, 2-3. Cell 1 is the greatest of two bins, whose slopes
    // add.
    #expect(
      gradient(
        .pool, [1, 2, 4], Box(0, 0, 3, 0), BinGrid(rows: 1, columns: 3),
        features: map([(0, 1, 9), (0, 3, 8)])) == map([(0, 1, 3), (0, 3, 4)]))
  }

  @Test("of equal cells the first has the gradient; a bin outside the map gives none")
  func poolTies() {
    let flat = Tensor([1, 5, 5], repeating: 2)
    #expect(gradient(.pool, [7], Box(1, 2, 3, 4), 1, features: flat) == map([(2, 1, 7)]))
    #expect(gradient(.pool, [7], Box(20, 20, 30, 30), 1) == map([]))
    let infinite = Tensor([1, 5, 5], repeating: -.infinity)
    #expect(gradient(.pool, [7], Box(1, 2, 3, 4), 1, features: infinite) == map([]))
  }

  @Test("RoIWarp's gradient is RoIAlign's on the rounded box")
  func warp() {
    // 0.4 and 2.6 round to 0 and 3: four cells, centre at 2.
    #expect(
      gradient(.warp(samplingRatio: 1, maximum: false), [5], Box(0.4, 0.4, 2.6, 2.6), 1)
        == map([(2, 2, 5)]))
  }

  @Test("beyond the edge the last cell has the whole weight; more than a cell outside, nothing")
  func borders() {
    let align = RoIOperator.align(samplingRatio: 1, aligned: false, maximum: false)
    #expect(gradient(align, [3], Box(-1, -1, 0, 0), 1) == map([(0, 0, 3)]))
    #expect(gradient(align, [3], Box(4, 4, 5.5, 5.5), 1) == map([(4, 4, 3)]))
    #expect(gradient(align, [3], Box(-4, -4, -3, -3), 1) == map([]))
    // Outside samples are 0: where the features are negative they are a bin's greatest.
    let negative = Tensor([1, 5, 5], repeating: -1)
    let maximum = RoIOperator.align(samplingRatio: 2, aligned: false, maximum: true)
    #expect(gradient(maximum, [3], Box(-4, -4, 4, 4), 1, features: negative) == map([]))
  }
}

@Suite struct RoIGradientTests {
  private var noise = SeededGenerator(seed: 20)

  private mutating func tensor(_ shape: Shape) -> Tensor {
    Tensor(shape, (0..<shape.count).map { _ in noise.normal() })
  }

  /// Boxes inside, across every border, outside, empty and larger than a map of 68 x 52 pixels.
  private mutating func boxes(_ count: Int) -> [Box] {
    (0..<count).map { _ in
      let (x, y) = (90 * noise.uniform() - 20, 80 * noise.uniform() - 20)
      return Box(x, y, x + 40 * noise.uniform(), y + 40 * noise.uniform())
    } + [Box(5, 5, 5, 5), Box(-200, -200, -100, -100), Box(-50, -50, 150, 150)]
  }

  @Test("central differences of the operator in 64 bits", arguments: everyOperator)
  mutating func centralDifferences(_ roiOperator: RoIOperator) {
    let features = tensor([1, 7, 9])
    let boxes = [
      Box(1.3, 2.1, 14.7, 11.4), Box(-3.2, -4.4, 6.1, 21.7), Box(9.2, 5.3, 9.9, 5.6),
      Box(-7.7, 2.2, 27.3, 9.1),
    ]
    let bins = BinGrid(rows: 3, columns: 2)
    let slopes = tensor([boxes.count, 1, bins.rows, bins.columns])
    let output = roiOperator.plain(features, boxes: boxes, spatialScale: 0.5, bins: bins)
    func outputs(_ cells: [Double]) -> [Double] {
      let map = DoubleMap(rows: 7, columns: 9, cells: cells)
      return boxes.flatMap { map.pooled(by: roiOperator, $0, scale: 0.5, bins: bins) }
    }
    let cells = features.values.map { Double($0) }
    #expect(output.count == outputs(cells).count)
    for (ours, theirs) in zip(output.values, outputs(cells)) {
      #expect(abs(Double(ours) - theirs) < 1e-5)
    }
    let gradient = roiOperator.plainGradient(
      slopes, features: features, boxes: boxes, spatialScale: 0.5)
    #expect(gradient.values.contains { abs($0) > 0.1 })
    let error = centralError(of: roiOperator.name, gradient, at: features, step: 1e-6) { cells in
      zip(outputs(cells), slopes.values).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    #expect(error < 1e-6)
  }

  @Test("the fast form has the plain form's bits", arguments: everyOperator)
  mutating func fastAgainstPlain(_ roiOperator: RoIOperator) {
    for (channels, rows, columns) in [(1, 13, 17), (16, 13, 17), (19, 5, 3), (37, 1, 40)] {
      let features = tensor([channels, rows, columns])
      var spoilt = features
      for index in 0..<20 {
        spoilt.values[noise.below(spoilt.count)] = [.nan, .infinity, -.infinity][index % 3]
      }
      let boxes = self.boxes(30)
      for bins in [BinGrid(rows: 7, columns: 7), BinGrid(rows: 2, columns: 5)] {
        let slopes = tensor([boxes.count, channels, bins.rows, bins.columns])
        for map in [features, spoilt] {
          let plain = roiOperator.plainGradient(
            slopes, features: map, boxes: boxes, spatialScale: 0.25)
          let fast = roiOperator.gradient(
            slopes, features: map, boxes: boxes, spatialScale: 0.25)
          #expect(plain.values.contains { $0 != 0 } && plain.isFinite)
          #expect(fast == plain)
        }
      }
    }
  }

  @Test("over levels and images, each box's gradient reaches its own level and image alone")
  mutating func pyramid() {
    let pyramid = [
      tensor([2, 18, 13, 17]), tensor([2, 18, 7, 9]), tensor([2, 18, 4, 5]),
    ]
    let scales: [Float] = [0.25, 0.125, 0.0625]
    let boxes = self.boxes(20)
    // No box is on the middle level of the second image.
    let images = boxes.indices.map { [0, 1, 0, 0, 1][$0 % 5] }
    let levels = boxes.indices.map { [0, 2, 1, 2, 0][$0 % 5] }
    let slopes = tensor([boxes.count, 18, 3, 3])
    for roiOperator in everyOperator {
      let plain = plainRoIFeaturesGradient(
        slopes, pyramid: pyramid, boxes: boxes, images: images, levels: levels, scales: scales,
        operator: roiOperator)
      let fast = roiFeaturesGradient(
        slopes, pyramid: pyramid, boxes: boxes, images: images, levels: levels, scales: scales,
        operator: roiOperator)
      #expect(plain == fast)
      #expect(fast.map(\.shape) == pyramid.map(\.shape))
      for level in pyramid.indices {
        for image in 0..<2 {
          let members = boxes.indices.filter { levels[$0] == level && images[$0] == image }
          let alone = roiOperator.plainGradient(
            Tensor(
              [members.count, 18, 3, 3], members.flatMap { slopes.slice($0).values }),
            features: pyramid[level].slice(image), boxes: members.map { boxes[$0] },
            spatialScale: scales[level])
          #expect(fast[level].slice(image) == alone)
        }
      }
      #expect(fast[1].slice(1).values.allSatisfy { $0 == 0 })
    }
  }

  @Test("a batch's features are those of its images one by one")
  mutating func batches() {
    let pyramid = [tensor([3, 5, 13, 17]), tensor([3, 5, 7, 9])]
    let boxes = self.boxes(20)
    let images = boxes.indices.map { $0 % 3 }
    let levels = boxes.indices.map { $0 / 2 % 2 }
    for roiOperator in everyOperator {
      let together = roiFeatures(
        pyramid, boxes: boxes, images: images, levels: levels, scales: [0.25, 0.125], bins: 3,
        operator: roiOperator)
      #expect(
        together
          == plainRoIFeatures(
            pyramid, boxes: boxes, images: images, levels: levels, scales: [0.25, 0.125], bins: 3,
            operator: roiOperator))
      for (index, box) in boxes.enumerated() {
        let alone = roiOperator.plain(
          pyramid[levels[index]].slice(images[index]), boxes: [box],
          spatialScale: [0.25, 0.125][levels[index]], bins: 3)
        #expect(together.slice(index) == alone.slice(0))
      }
    }
  }

  @Test("without boxes, all gradients are 0")
  func noBoxes() {
    let gradient = roiFeaturesGradient(
      Tensor([0, 3, 7, 7], []), pyramid: [Tensor([2, 3, 4, 5], repeating: 1)], boxes: [],
      images: [], levels: [], scales: [1], operator: .torchvision)
    #expect(gradient == [Tensor([2, 3, 4, 5], repeating: 0)])
  }

  @Test("the number of threads does not change a bit")
  mutating func threads() {
    let pyramid = [tensor([2, 50, 13, 17]), tensor([2, 50, 7, 9])]
    let boxes = self.boxes(40)
    let images = boxes.indices.map { $0 % 2 }
    let levels = boxes.indices.map { $0 / 3 % 2 }
    let slopes = tensor([boxes.count, 50, 7, 7])
    func all() -> [[Tensor]] {
      everyOperator.map {
        roiFeaturesGradient(
          slopes, pyramid: pyramid, boxes: boxes, images: images, levels: levels,
          scales: [0.25, 0.125], operator: $0)
      }
    }
    let before = Threads.count
    defer { Threads.count = before }
    Threads.count = 1
    let one = all()
    for count in 2...8 {
      Threads.count = count
      #expect(all() == one)
    }
  }
}
